/* GET /events and the events that could not be sent, over a server without sockets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "pacs/http/http_memory.h"
#include "pacs/index/index_outbox.h"
#include "pacs/rest/rest.h"
#include "tests/support/archive.h"

typedef struct Fixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    PacsRest *rest;
    PacsHttpMemory *http;
    PacsHttpAnswer answer;
} Fixture;

static int open_with(void **state, bool read_only)
{
    static Fixture fixture;
    const PacsRestOptions options = {.name = "Test",
                                     .events = {.source = "/lightbox/Test", .public_root = "/dicom-web"},
                                     .describe_errors = true};
    const PacsHttpSiteOptions site = {.remote_access_allowed = true, .read_only = read_only};

    fixture = (Fixture){0};
    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    TestArchive *archive = &fixture.archive;
    assert_int_equal(pacs_retrieve_new(archive->store, archive->index, &fixture.retrieve, NULL), PACS_OK);
    assert_int_equal(pacs_rest_new(&options, archive->ingest, fixture.retrieve, archive->index,
                                   archive->store, NULL, &fixture.rest, NULL),
                     PACS_OK);
    assert_int_equal(pacs_http_memory_new(&site, pacs_rest_mount(fixture.rest), 1, &fixture.http, NULL),
                     PACS_OK);
    *state = &fixture;
    return 0;
}

static int open_fixture(void **state)
{
    return open_with(state, false);
}

static int open_read_only(void **state)
{
    return open_with(state, true);
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_http_answer_clear(&fixture->answer);
    pacs_http_memory_free(fixture->http);
    pacs_rest_free(fixture->rest);
    pacs_retrieve_free(fixture->retrieve);
    test_archive_close(&fixture->archive);
    return 0;
}

/** The answer's body. */
static const char *ask(Fixture *fixture, const PacsHttpAsk *request, uint32_t expected_code)
{
    pacs_http_answer_clear(&fixture->answer);
    assert_int_equal(pacs_http_perform(fixture->http, request, &fixture->answer), expected_code);
    return pacs_buffer_text(&fixture->answer.body);
}

static const char *listen_in(Fixture *fixture, const char *target, const char *until)
{
    return ask(fixture, &(PacsHttpAsk){.target = target, .feed_until = until}, 200);
}

static void tell(Fixture *fixture, const char *key, const char *data)
{
    const PacsTold told = {.type = "ingest.rejected", .key = key, .data = data};

    assert_int_equal(pacs_index_tell(fixture->archive.index, &told, NULL), PACS_OK);
}

static void what_is_stored_is_told(void **state)
{
    Fixture *fixture = *state;
    char type[64];

    test_archive_push_object(&fixture->archive, 1);
    const char *text = listen_in(fixture, "/events?since=0", "study.received");
    assert_non_null(strstr(text, "\"retrieveUrl\":\"/dicom-web/studies/"));
    assert_true(fixture->answer.is_open);
    assert_string_equal(pacs_http_answer_header(&fixture->answer, "Content-Type", type, sizeof type),
                        "text/event-stream");
    assert_string_equal(pacs_http_answer_header(&fixture->answer, "Cache-Control", type, sizeof type),
                        "no-store");
}

static void the_clients_own_place_comes_before_the_address(void **state)
{
    Fixture *fixture = *state;
    const PacsHttpPair last = {"Last-Event-ID", "1"};
    tell(fixture, "1", "{\"n\":1}");
    tell(fixture, "1", "{\"n\":2}");

    const char *text = ask(
        fixture,
        &(PacsHttpAsk){
            .target = "/events?since=0", .headers = &last, .header_count = 1, .feed_until = "\"n\":2"},
        200);
    assert_null(strstr(text, "\"n\":1"));
}

static void a_type_has_two_names(void **state)
{
    static const char *const targets[] = {"/events?since=0&type=study.received",
                                          "/events?since=0&type=org.sapoche.imaging.study.received.v1"};
    Fixture *fixture = *state;
    tell(fixture, "1", "{\"n\":1}");
    test_archive_push_object(&fixture->archive, 1);

    for (size_t i = 0; i < 2; i++)
        assert_null(strstr(listen_in(fixture, targets[i], "event: org.sapoche.imaging.study.received.v1"),
                           "\"n\":1"));
}

static void one_study_can_be_followed(void **state)
{
    Fixture *fixture = *state;
    tell(fixture, "1.1", "{\"n\":1}");
    tell(fixture, "1.2", "{\"n\":2}");

    assert_null(strstr(listen_in(fixture, "/events?since=0&study=1.2", "\"n\":2"), "\"n\":1"));
}

static void what_makes_no_sense_is_refused_with_words(void **state)
{
    static const struct {
        const char *target, *last, *says;
    } bad[] = {
        {"/events?since=x", "", "'since'"},
        {"/events?since=-1", "", "'since'"},
        {"/events?type=study.vanished", "", "'type'"},
        {"/events?type=", "", "'type'"},
        {"/events?study=Nguyen", "", "'study'"},
        {"/events", "seven", "Last-Event-ID"},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const PacsHttpPair last = {"Last-Event-ID", bad[i].last};
        const char *text = ask(
            fixture, &(PacsHttpAsk){.target = bad[i].target, .headers = &last, .header_count = 1}, 400);
        assert_non_null(strstr(text, bad[i].says));
    }
}

/* ---- Events that could not be sent ---- */

/** Has the only event dead; its ce_id. */
static const char *let_die(Fixture *fixture, PacsArena *arena)
{
    PacsOutboxEvent *events;
    size_t count;
    PacsIndex *index = fixture->archive.index;

    tell(fixture, "1.2.3", "{\"n\":1}");
    assert_int_equal(pacs_index_read_outbox(index, 0, 10, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(pacs_index_mark_dead(index, NULL, events[0].id, "too large for the broker", NULL),
                     PACS_OK);
    return events[0].ce_id;
}

static uint64_t unsent(Fixture *fixture)
{
    PacsOutboxDepth depth;

    assert_int_equal(pacs_index_outbox_depth(fixture->archive.index, &depth, NULL), PACS_OK);
    return depth.unsent;
}

static void dead_events_are_listed_with_their_reason(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const char *ce_id = let_die(fixture, arena);

    json_t *list = json_loads(ask(fixture, &(PacsHttpAsk){.target = "/events/dead"}, 200), 0, NULL);
    assert_int_equal(json_array_size(list), 1);
    const json_t *row = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(row, "id")), ce_id);
    assert_string_equal(json_string_value(json_object_get(row, "reason")), "too large for the broker");
    assert_string_equal(json_string_value(json_object_get(row, "type")), "ingest.rejected");
    json_decref(list);
}

static void a_dead_event_is_sent_again_when_asked(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    char target[80];
    (void)snprintf(target, sizeof target, "/events/%s/retry", let_die(fixture, arena));

    assert_int_equal(unsent(fixture), 0);
    (void)ask(fixture, &(PacsHttpAsk){.method = "POST", .target = target}, 200);
    assert_int_equal(unsent(fixture), 1);
    assert_string_equal(ask(fixture, &(PacsHttpAsk){.target = "/events/dead"}, 200), "[]");
    (void)ask(fixture, &(PacsHttpAsk){.method = "POST", .target = target}, 404);
}

static void a_dead_event_can_be_discarded(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    char target[80];
    (void)snprintf(target, sizeof target, "/events/%s", let_die(fixture, arena));

    (void)ask(fixture, &(PacsHttpAsk){.method = "DELETE", .target = target}, 200);
    assert_int_equal(unsent(fixture), 0);
    assert_string_equal(ask(fixture, &(PacsHttpAsk){.target = "/events/dead"}, 200), "[]");
    (void)ask(fixture, &(PacsHttpAsk){.method = "DELETE", .target = target}, 404);
}

/* ---- Arriving by word ---- */

static void a_study_arrives_when_somebody_says_so(void **state)
{
    Fixture *fixture = *state;
    char target[80];
    const PacsIngested stored = test_archive_push_object(&fixture->archive, 1);
    (void)snprintf(target, sizeof target, "/studies/%s/arrive", stored.added.ids[PACS_LEVEL_STUDY]);

    (void)ask(fixture, &(PacsHttpAsk){.method = "POST", .target = target}, 200);
    const char *text = listen_in(fixture, "/events?since=0", "study.arrived");
    assert_non_null(strstr(text, "\"stableReason\":\"explicit\""));
}

static void a_study_that_is_not_there_cannot_arrive(void **state)
{
    Fixture *fixture = *state;

    (void)ask(fixture, &(PacsHttpAsk){.method = "POST", .target = "/studies/x/arrive"}, 404);
    assert_int_equal(unsent(fixture), 0);
}

static void a_read_only_server_settles_nothing(void **state)
{
    Fixture *fixture = *state;

    (void)ask(fixture, &(PacsHttpAsk){.method = "DELETE", .target = "/events/x"}, 403);
    (void)ask(fixture, &(PacsHttpAsk){.method = "POST", .target = "/events/x/retry"}, 403);
    (void)ask(fixture, &(PacsHttpAsk){.method = "POST", .target = "/studies/x/arrive"}, 403);
    (void)listen_in(fixture, "/events", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_stored_is_told),
        TEST(the_clients_own_place_comes_before_the_address),
        TEST(a_type_has_two_names),
        TEST(one_study_can_be_followed),
        TEST(what_makes_no_sense_is_refused_with_words),
        TEST(dead_events_are_listed_with_their_reason),
        TEST(a_dead_event_is_sent_again_when_asked),
        TEST(a_dead_event_can_be_discarded),
        TEST(a_study_arrives_when_somebody_says_so),
        TEST(a_study_that_is_not_there_cannot_arrive),
        cmocka_unit_test_setup_teardown(a_read_only_server_settles_nothing, open_read_only, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
