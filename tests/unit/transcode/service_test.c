#include "transcode/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "tests/unit/transcode/asker.h"

#define FIFTY 50

static const TranscodeServiceOptions one_worker = {.workers = 1, .memory_bytes = 1 << 20};
static const TranscodeServiceOptions two_workers = {.workers = 2, .memory_bytes = 1 << 20};

static bool result_is(const TranscodeResult *result, const char *text)
{
    return result && transcode_result_size(result) == strlen(text) && transcode_result_bytes(result) &&
           memcmp(transcode_result_bytes(result), text, strlen(text)) == 0;
}

static PacsStatus find_it_broken(Asker *asker, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    (void)asker;
    (void)work;
    (void)out;
    return pacs_fail(err, PACS_INVALID, "broken");
}

static PacsStatus work_until_nobody_waits(Asker *asker, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    (void)asker;
    (void)out;
    for (;;) {
        PacsStatus status = transcode_work_check(work, err);
        if (status != PACS_OK)
            return status;
    }
}

/* ---- One computation for all ---- */

static void fifty_who_ask_the_same_share_one_computation(void **state)
{
    (void)state;
    Asker askers[FIFTY] = {0};
    Stage stage;

    stage_open(&stage, &two_workers);
    for (int i = 0; i < FIFTY; i++)
        asker_start(&askers[i], &stage, "d same", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    /* All but the one who makes it are asked whether they still wait: 49 of them have to be. */
    pthread_mutex_lock(&stage.lock);
    for (int waiting = 0; waiting < FIFTY - 1;) {
        waiting = 0;
        for (int i = 0; i < FIFTY; i++)
            waiting += askers[i].is_waiting;
        if (waiting < FIFTY - 1)
            pthread_cond_wait(&stage.changed, &stage.lock);
    }
    pthread_mutex_unlock(&stage.lock);
    stage_let_makers_go(&stage);
    for (int i = 0; i < FIFTY; i++) {
        assert_int_equal(asker_join(&askers[i]), PACS_OK);
        assert_true(result_is(askers[i].result, "d same"));
        asker_clear(&askers[i]);
    }
    assert_int_equal(stage.made, 1);
    assert_int_equal(stage_count(&stage, "imaging_transcode_requests_total{result=\"made\"}"), 1);
    assert_int_equal(stage_count(&stage, "imaging_transcode_requests_total{result=\"joined\"}"), FIFTY - 1);
    stage_close(&stage);
}

static void a_failure_is_everybodys_and_is_not_kept(void **state)
{
    (void)state;
    Asker first = {.act = find_it_broken}, second = {.act = find_it_broken}, third = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&first, &stage, "d x", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_start(&second, &stage, "d x", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&second);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&first), PACS_INVALID);
    assert_int_equal(asker_join(&second), PACS_INVALID);
    assert_string_equal(second.error.text, "broken");
    assert_int_equal(stage.made, 1);

    assert_int_equal(ask(&third, &stage, "d x"), PACS_OK);
    assert_true(result_is(third.result, "d x"));
    asker_clear(&third);
    stage_close(&stage);
}

/* ---- Who is next ---- */

static void no_more_is_worked_on_than_there_are_workers(void **state)
{
    (void)state;
    static const char *const keys[] = {"d 0", "d 1", "d 2", "d 3", "d 4"};
    Asker askers[5] = {0};
    Stage stage;

    stage_open(&stage, &two_workers);
    for (int i = 0; i < 5; i++)
        asker_start(&askers[i], &stage, keys[i], TRANSCODE_PREFETCH);
    stage_await_makers(&stage, 2);
    stage_let_makers_go(&stage);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(asker_join(&askers[i]), PACS_OK);
        asker_clear(&askers[i]);
    }
    assert_int_equal(stage.most_making, 2);
    stage_close(&stage);
}

static void people_come_before_prefetch_before_background(void **state)
{
    (void)state;
    Asker running = {0}, background = {0}, prefetch = {0}, person = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&running, &stage, "d running", TRANSCODE_BACKGROUND);
    stage_await_makers(&stage, 1);
    asker_start(&background, &stage, "d background", TRANSCODE_BACKGROUND);
    asker_await_waiting(&background);
    asker_start(&prefetch, &stage, "d prefetch", TRANSCODE_PREFETCH);
    asker_await_waiting(&prefetch);
    asker_start(&person, &stage, "d person", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&person);
    assert_int_equal(stage_count(&stage, "imaging_transcode_waiting{priority=\"prefetch\"}"), 1);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&running) | asker_join(&background) | asker_join(&prefetch) |
                         asker_join(&person),
                     PACS_OK);
    assert_string_equal(stage.order[1], "d person");
    assert_string_equal(stage.order[2], "d prefetch");
    assert_string_equal(stage.order[3], "d background");
    assert_int_equal(stage_count(&stage, "imaging_transcode_waiting{priority=\"prefetch\"}"), 0);
    asker_clear(&running);
    asker_clear(&background);
    asker_clear(&prefetch);
    asker_clear(&person);
    stage_close(&stage);
}

static void a_person_who_joins_makes_work_urgent(void **state)
{
    (void)state;
    Asker running = {0}, background = {0}, prefetch = {0}, person = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&running, &stage, "d running", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_start(&background, &stage, "d wanted", TRANSCODE_BACKGROUND);
    asker_await_waiting(&background);
    asker_start(&prefetch, &stage, "d prefetch", TRANSCODE_PREFETCH);
    asker_await_waiting(&prefetch);
    asker_start(&person, &stage, "d wanted", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&person);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&running) | asker_join(&background) | asker_join(&prefetch) |
                         asker_join(&person),
                     PACS_OK);
    assert_string_equal(stage.order[1], "d wanted");
    asker_clear(&running);
    asker_clear(&background);
    asker_clear(&prefetch);
    asker_clear(&person);
    stage_close(&stage);
}

static void background_work_leaves_a_worker_for_people(void **state)
{
    (void)state;
    Asker first = {0}, second = {0}, person = {0};
    Stage stage;

    stage_open(&stage, &two_workers);
    asker_start(&first, &stage, "d 1", TRANSCODE_BACKGROUND);
    stage_await_makers(&stage, 1);
    asker_start(&second, &stage, "d 2", TRANSCODE_BACKGROUND);
    asker_await_waiting(&second);
    asker_start(&person, &stage, "d 3", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 2);
    assert_string_equal(stage.order[1], "d 3");
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&first) | asker_join(&second) | asker_join(&person), PACS_OK);
    asker_clear(&first);
    asker_clear(&second);
    asker_clear(&person);
    stage_close(&stage);
}

static void what_does_not_fit_into_the_queue_is_refused(void **state)
{
    (void)state;
    const TranscodeServiceOptions small = {.workers = 1, .max_waiting = 1};
    Asker running = {0}, waiting = {0}, refused = {0}, joining = {0}, person = {0};
    Stage stage;

    stage_open(&stage, &small);
    asker_start(&running, &stage, "d 1", TRANSCODE_PREFETCH);
    stage_await_makers(&stage, 1);
    asker_start(&waiting, &stage, "d 2", TRANSCODE_PREFETCH);
    asker_await_waiting(&waiting);

    asker_start(&refused, &stage, "d 3", TRANSCODE_PREFETCH);
    assert_int_equal(asker_join(&refused), PACS_UNAVAILABLE);
    asker_start(&joining, &stage, "d 1", TRANSCODE_PREFETCH); /* costs nothing */
    asker_await_waiting(&joining);
    asker_start(&person, &stage, "d 4", TRANSCODE_INTERACTIVE); /* prefetching does not keep people out */
    asker_await_waiting(&person);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&running) | asker_join(&waiting) | asker_join(&joining) | asker_join(&person),
                     PACS_OK);
    assert_int_equal(stage_count(&stage, "imaging_transcode_requests_total{result=\"refused\"}"), 1);
    asker_clear(&running);
    asker_clear(&waiting);
    asker_clear(&joining);
    asker_clear(&person);
    stage_close(&stage);
}

/* ---- Giving up ---- */

static void who_gives_up_while_waiting_takes_the_work_along(void **state)
{
    (void)state;
    Asker running = {0}, leaving = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&running, &stage, "d 1", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_start(&leaving, &stage, "d 2", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&leaving);
    asker_give_up(&leaving);
    assert_int_equal(asker_join(&leaving), PACS_CANCELLED);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&running), PACS_OK);
    assert_int_equal(stage.made, 1);
    assert_int_equal(stage_count(&stage, "imaging_transcode_requests_total{result=\"cancelled\"}"), 1);
    asker_clear(&running);
    stage_close(&stage);
}

static void work_ends_where_nobody_is_left(void **state)
{
    (void)state;
    Asker asker = {.act = work_until_nobody_waits};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&asker, &stage, "d 1", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    stage_let_makers_go(&stage);
    asker_give_up(&asker);
    assert_int_equal(asker_join(&asker), PACS_CANCELLED);
    stage_close(&stage);
}

static void work_goes_on_for_others_when_its_maker_gives_up(void **state)
{
    (void)state;
    Asker maker = {0}, other = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&maker, &stage, "d 1", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_start(&other, &stage, "d 1", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&other);
    asker_give_up(&maker);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&other), PACS_OK);
    assert_true(result_is(other.result, "d 1"));
    assert_int_equal(asker_join(&maker), PACS_OK);
    assert_int_equal(stage.made, 1);
    asker_clear(&maker);
    asker_clear(&other);
    stage_close(&stage);
}

static PacsStatus give_up_at_once(Asker *asker, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    (void)asker;
    (void)work;
    (void)out;
    return pacs_fail(err, PACS_CANCELLED, "given up");
}

static void who_joins_work_that_was_given_up_begins_anew(void **state)
{
    (void)state;
    Asker maker = {.act = give_up_at_once}, other = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&maker, &stage, "d 1", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_start(&other, &stage, "d 1", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&other);
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&maker), PACS_CANCELLED);
    assert_int_equal(asker_join(&other), PACS_OK);
    assert_true(result_is(other.result, "d 1"));
    asker_clear(&other);
    stage_close(&stage);
}

/* ---- What is kept in memory ---- */

static void a_result_is_found_again(void **state)
{
    (void)state;
    Asker asker = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    assert_null(transcode_service_find(stage.service, "d 1"));
    assert_int_equal(ask(&asker, &stage, "d 1"), PACS_OK);
    asker_clear(&asker);
    PACS_AUTO(TranscodeResult) found = transcode_service_find(stage.service, "d 1");
    assert_true(result_is(found, "d 1"));
    assert_int_equal(ask(&asker, &stage, "d 1"), PACS_OK);
    asker_clear(&asker);
    assert_int_equal(stage.made, 1);
    assert_int_equal(stage_count(&stage, "imaging_transcode_requests_total{result=\"cached\"}"), 2);
    stage_close(&stage);
}

static void the_least_recently_used_results_make_room(void **state)
{
    (void)state;
    const TranscodeServiceOptions tiny = {.workers = 1,
                                          .memory_bytes = 240}; /* two small results, no three */
    Asker asker = {0};
    Stage stage;

    stage_open(&stage, &tiny);
    assert_int_equal(ask(&asker, &stage, "d 1"), PACS_OK);
    asker_clear(&asker);
    assert_int_equal(ask(&asker, &stage, "d 2"), PACS_OK);
    asker_clear(&asker);
    transcode_result_unref(transcode_service_find(stage.service, "d 1"));
    assert_int_equal(ask(&asker, &stage, "d 3"), PACS_OK);
    asker_clear(&asker);
    assert_null(transcode_service_find(stage.service, "d 2"));
    PACS_AUTO(TranscodeResult) used = transcode_service_find(stage.service, "d 1");
    assert_non_null(used);
    stage_close(&stage);
}

static void everything_of_an_object_is_forgotten(void **state)
{
    (void)state;
    static const char *const keys[] = {"one a", "one b", "other a"};
    Asker asker = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&asker, &stage, keys[i]), PACS_OK);
        asker_clear(&asker);
    }
    transcode_service_forget(stage.service, "one");
    assert_null(transcode_service_find(stage.service, "one a"));
    assert_null(transcode_service_find(stage.service, "one b"));
    PACS_AUTO(TranscodeResult) other = transcode_service_find(stage.service, "other a");
    assert_non_null(other);
    stage_close(&stage);
}

static void what_is_being_made_of_a_forgotten_object_is_not_kept(void **state)
{
    (void)state;
    Asker asker = {0};
    Stage stage;

    stage_open(&stage, &one_worker);
    asker_start(&asker, &stage, "one a", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    transcode_service_forget(stage.service, "one");
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&asker), PACS_OK);
    assert_null(transcode_service_find(stage.service, "one a"));
    asker_clear(&asker);
    stage_close(&stage);
}

/* ---- Codecs ---- */

static PacsStatus there_and_back(Asker *asker, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    const TranscodeLayout layout = {.rows = 1,
                                    .columns = 4,
                                    .samples_per_pixel = 1,
                                    .bits_allocated = 8,
                                    .bits_stored = 8,
                                    .high_bit = 7,
                                    .photometric = TRANSCODE_MONOCHROME2};
    const TranscodeFrame frame = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                                  .layout = layout,
                                  .bytes = (const uint8_t *)"abcd",
                                  .size = 4};
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    uint8_t pixels[4];

    (void)asker;
    PacsStatus status = transcode_work_decode(work, &frame, &layout, pixels, sizeof pixels, err);
    return status == PACS_OK ? transcode_work_encode(work, &frame, &target, out, err) : status;
}

static void frames_are_counted_for_each_codec(void **state)
{
    (void)state;
    Asker asker = {.act = there_and_back};
    Stage stage;

    stage_open(&stage, NULL);
    assert_int_equal(ask(&asker, &stage, "d 1"), PACS_OK);
    assert_true(result_is(asker.result, "abcd"));
    asker_clear(&asker);
    assert_int_equal(stage_count(&stage,
                                 "imaging_transcode_frames_total{codec=\"native\",operation=\"decode\","
                                 "result=\"ok\"}"),
                     1);
    assert_int_equal(stage_count(&stage,
                                 "imaging_transcode_bytes_total{codec=\"native\",operation=\"encode\","
                                 "direction=\"out\"}"),
                     4);
    stage_close(&stage);
}

static const uint8_t *last_scratch;

static PacsStatus fill_scratch(Asker *asker, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    (void)asker;
    PacsBuffer *scratch = transcode_work_scratch(work);

    assert_int_equal(scratch->size, 0);
    assert_int_equal(pacs_buffer_reserve(scratch, 1 << 20, err), PACS_OK);
    scratch->size = 1 << 20;
    last_scratch = scratch->bytes;
    return pacs_buffer_add_text(out, "done") ? PACS_OK : PACS_NO_MEMORY;
}

static void a_worker_has_the_memory_of_the_work_before(void **state)
{
    (void)state;
    const TranscodeServiceOptions options = {.workers = 1};
    Asker askers[2] = {{.act = fill_scratch}, {.act = fill_scratch}};
    const uint8_t *seen[2];
    Stage stage;

    stage_open(&stage, &options);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(&askers[i], &stage, i == 0 ? "d 1" : "d 2"), PACS_OK);
        seen[i] = last_scratch;
        asker_clear(&askers[i]);
    }
    assert_ptr_equal(seen[0], seen[1]);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_who_ask_the_same_share_one_computation),
        cmocka_unit_test(a_failure_is_everybodys_and_is_not_kept),
        cmocka_unit_test(no_more_is_worked_on_than_there_are_workers),
        cmocka_unit_test(people_come_before_prefetch_before_background),
        cmocka_unit_test(a_person_who_joins_makes_work_urgent),
        cmocka_unit_test(background_work_leaves_a_worker_for_people),
        cmocka_unit_test(what_does_not_fit_into_the_queue_is_refused),
        cmocka_unit_test(who_gives_up_while_waiting_takes_the_work_along),
        cmocka_unit_test(work_ends_where_nobody_is_left),
        cmocka_unit_test(work_goes_on_for_others_when_its_maker_gives_up),
        cmocka_unit_test(who_joins_work_that_was_given_up_begins_anew),
        cmocka_unit_test(a_result_is_found_again),
        cmocka_unit_test(the_least_recently_used_results_make_room),
        cmocka_unit_test(everything_of_an_object_is_forgotten),
        cmocka_unit_test(what_is_being_made_of_a_forgotten_object_is_not_kept),
        cmocka_unit_test(frames_are_counted_for_each_codec),
        cmocka_unit_test(a_worker_has_the_memory_of_the_work_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
