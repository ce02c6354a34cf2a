/* Who listens to events, and what they hear: over feeds, without HTTP. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/index/index_outbox.h"
#include "pacs/rest/event_hub.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "tests/support/archive.h"

#define CROWD 200
#define NEVER_MS 3600000u /* no heartbeat in the middle of a test that did not ask for it */

typedef struct Fixture {
    TestArchive archive;
    PacsMetrics *metrics;
    RestEventHub *hub;
} Fixture;

static Fixture fixture;

static void open_hub(uint32_t heartbeat_ms, size_t max_listeners)
{
    const RestEventHubOptions options = {
        .compose.source = "/lightbox/test", .heartbeat_ms = heartbeat_ms, .max_listeners = max_listeners};

    assert_int_equal(rest_event_hub_new(&options, fixture.archive.index, fixture.metrics, &fixture.hub, NULL),
                     PACS_OK);
}

static int set_up(void **state)
{
    (void)state;
    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    fixture.metrics = pacs_metrics_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rest_event_hub_free(fixture.hub);
    fixture.hub = NULL;
    pacs_metrics_free(fixture.metrics);
    test_archive_close(&fixture.archive);
    return 0;
}

static void tell_of(const char *type, const char *key, const char *data)
{
    const PacsTold told = {.type = type, .key = key, .data = data};

    assert_int_equal(pacs_index_tell(fixture.archive.index, &told, NULL), PACS_OK);
}

static void tell(const char *word)
{
    char data[100];

    (void)snprintf(data, sizeof data, "{\"door\":\"rest\",\"reason\":\"%s\"}", word);
    tell_of("ingest.rejected", "1.2.3", data);
}

/* ---- A listener: what the server is to a feed ---- */

typedef struct Ear {
    PacsHttpFeed *feed;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_asleep;
    char heard[1u << 20];
    size_t size;
} Ear;

static void fall_asleep(void *context)
{
    Ear *ear = context;

    (void)pthread_mutex_lock(&ear->lock);
    ear->is_asleep = true;
    (void)pthread_mutex_unlock(&ear->lock);
}

static void wake_up(void *context)
{
    Ear *ear = context;

    (void)pthread_mutex_lock(&ear->lock);
    ear->is_asleep = false;
    (void)pthread_cond_signal(&ear->woken);
    (void)pthread_mutex_unlock(&ear->lock);
}

static Ear *open_ear(const RestEventInterest *interest)
{
    Ear *ear = calloc(1, sizeof *ear);

    assert_non_null(ear);
    (void)pthread_mutex_init(&ear->lock, NULL);
    (void)pthread_cond_init(&ear->woken, NULL);
    assert_int_equal(rest_event_hub_listen(fixture.hub, interest, &ear->feed, NULL), PACS_OK);
    return ear;
}

static void close_ear(Ear *ear)
{
    ear->feed->ops->free(ear->feed);
    free(ear);
}

static void wait_for_more(Ear *ear)
{
    if (!pacs_http_feed_sleep(ear->feed, fall_asleep, wake_up, ear))
        return;
    (void)pthread_mutex_lock(&ear->lock);
    while (ear->is_asleep)
        (void)pthread_cond_wait(&ear->woken, &ear->lock);
    (void)pthread_mutex_unlock(&ear->lock);
}

/** What came since the last call, up to where `wanted` is in it. */
static const char *hear(Ear *ear, const char *wanted)
{
    size_t count = 0;

    ear->size = 0;
    ear->heard[0] = '\0';
    while (!strstr(ear->heard, wanted)) {
        const PacsHttpFeedRead read = ear->feed->ops->read(ear->feed, ear->heard + ear->size,
                                                           sizeof ear->heard - 1 - ear->size, &count);
        assert_int_not_equal(read, PACS_HTTP_FEED_END);
        if (read == PACS_HTTP_FEED_LATER) {
            wait_for_more(ear);
            continue;
        }
        ear->size += count;
        ear->heard[ear->size] = '\0';
    }
    return ear->heard;
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* ---- What is heard ---- */

static void what_happens_is_heard_from_now_on(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell("before");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = -1});

    assert_string_equal(hear(ear, "\n\n"), "retry: 3000\nid: 1\n\n");
    tell("after");
    assert_non_null(strstr(hear(ear, "\n\n"), "\"reason\":\"after\""));
    assert_null(strstr(ear->heard, "before"));
    close_ear(ear);
}

static void an_event_is_written_as_browsers_read_it(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell("word");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 0});

    (void)hear(ear, "\n\n");
    const char *text = hear(ear, "\n\n");
    const char start[] =
        "id: 1\nevent: org.sapoche.imaging.ingest.rejected.v1\ndata: {\"specversion\":\"1.0\",\"id\":\"";
    assert_memory_equal(text, start, sizeof start - 1);
    assert_non_null(strstr(text, "\"source\":\"/lightbox/test\""));
    assert_int_equal(count_of(text, "\n"), 4);
    close_ear(ear);
}

static void line_breaks_in_data_do_not_break_the_event(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell_of("ingest.rejected", "1", "{\"door\":\n\"rest\",\n\n\"reason\":\"x\"}");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 0});

    (void)hear(ear, "\n\n");
    const char *text = hear(ear, "\n\n");
    assert_int_equal(count_of(text, "\ndata: "), 4);
    assert_non_null(strstr(text, "\ndata: \ndata: \"reason\":\"x\"}"));
    close_ear(ear);
}

static void a_listener_goes_on_where_it_left_off(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell("one");
    tell("two");
    tell("three");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 1});

    (void)hear(ear, "three");
    assert_null(strstr(ear->heard, "\"one\""));
    close_ear(ear);
}

static void what_was_there_before_the_hub_is_heard(void **state)
{
    (void)state;
    tell("old");
    open_hub(NEVER_MS, 0);
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 0});

    (void)hear(ear, "\"old\"");
    close_ear(ear);
}

static void only_what_was_asked_for_is_heard(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    Ear *one_study = open_ear(&(RestEventInterest){.after_id = 0, .study_uid = "1.2"});
    Ear *one_type = open_ear(&(RestEventInterest){.after_id = 0, .type = "access.recorded"});

    tell_of("ingest.rejected", "1.1", "{\"n\":1}");
    tell_of("ingest.rejected", "1.2", "{\"n\":2}");
    tell_of("access.recorded", "1.1", "{\"n\":3}");
    assert_null(strstr(hear(one_study, "\"n\":2"), "\"n\":1"));
    assert_null(strstr(hear(one_type, "\"n\":3"), "\"n\":2"));
    close_ear(one_study);
    close_ear(one_type);
}

static void a_long_backlog_comes_whole_and_in_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    open_hub(NEVER_MS, 0);
    for (int i = 1; i <= COUNT; i++)
        tell("many");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 0});

    char id[32];
    (void)hear(ear, "\n\n");
    (void)snprintf(id, sizeof id, "id: %d\n", COUNT);
    const char *text = hear(ear, id);
    for (int i = 1; i <= COUNT; i++) {
        (void)snprintf(id, sizeof id, "id: %d\n", i);
        text = strstr(text, id);
        assert_non_null(text);
    }
    close_ear(ear);
}

static void everybody_hears_everything_once(void **state)
{
    (void)state;
    static Ear *ears[CROWD];
    open_hub(NEVER_MS, 0);
    for (int i = 0; i < CROWD; i++)
        ears[i] = open_ear(&(RestEventInterest){.after_id = 0});

    tell("one");
    for (int i = 0; i < CROWD / 2; i++)
        (void)hear(ears[i], "\"one\"");
    tell("two");
    for (int i = 0; i < CROWD; i++) {
        (void)hear(ears[i], "\"two\"");
        assert_int_equal(count_of(ears[i]->heard, "\"one\""), i < CROWD / 2 ? 0 : 1);
        assert_int_equal(count_of(ears[i]->heard, "\"two\""), 1);
        close_ear(ears[i]);
    }
}

static void a_listener_that_does_not_take_holds_nobody_up(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    Ear *slow = open_ear(&(RestEventInterest){.after_id = 0});
    Ear *quick = open_ear(&(RestEventInterest){.after_id = 0});

    for (int i = 0; i < 100; i++)
        tell("more");
    tell("last");
    (void)hear(quick, "\"last\"");
    assert_int_equal(count_of(hear(slow, "\"last\""), "\"more\""), 100); /* and misses nothing */
    close_ear(slow);
    close_ear(quick);
}

static void silence_is_said_with_the_place(void **state)
{
    (void)state;
    open_hub(1, 0);
    tell_of("access.recorded", "1", "{}");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 0, .type = "ingest.rejected"});

    assert_non_null(strstr(hear(ear, ":\nid: 1\n\n"), "retry: 3000"));
    close_ear(ear);
}

static void purge(void)
{
    uint32_t count;

    assert_int_equal(
        pacs_index_purge_outbox(fixture.archive.index, pacs_now_ms() + 1000, true, 100, &count, NULL),
        PACS_OK);
    assert_true(count > 0);
}

static void who_missed_something_is_told_so(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell("one");
    tell("two");
    purge();
    tell("three");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 1});

    (void)hear(ear, "\"three\"");
    assert_non_null(strstr(ear->heard, "id: 2\nevent: reset\ndata: {\"asked\":1,\"position\":2}\n\n"));
    close_ear(ear);
}

static void who_missed_nothing_is_not_told_so(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell("one");
    purge();
    tell("two");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 1});

    (void)hear(ear, "\"two\"");
    assert_null(strstr(ear->heard, "reset"));
    close_ear(ear);
}

static void a_place_that_never_was_is_told_so(void **state)
{
    (void)state;
    open_hub(NEVER_MS, 0);
    tell("one");
    Ear *ear = open_ear(&(RestEventInterest){.after_id = 1000});

    (void)hear(ear, "event: reset\ndata: {\"asked\":1000,\"position\":1}\n\n");
    tell("two");
    (void)hear(ear, "\"two\"");
    close_ear(ear);
}

static void there_are_only_so_many_listeners(void **state)
{
    (void)state;
    PacsError err = {0};
    PacsHttpFeed *feed = NULL;
    open_hub(NEVER_MS, 2);
    Ear *first = open_ear(&(RestEventInterest){.after_id = 0});
    Ear *second = open_ear(&(RestEventInterest){.after_id = 0});

    assert_int_equal(rest_event_hub_listen(fixture.hub, &(RestEventInterest){.after_id = 0}, &feed, &err),
                     PACS_UNAVAILABLE);
    assert_non_null(strstr(err.text, "2 listen"));
    close_ear(first);
    close_ear(open_ear(&(RestEventInterest){.after_id = 0}));
    close_ear(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_happens_is_heard_from_now_on),
        TEST(an_event_is_written_as_browsers_read_it),
        TEST(line_breaks_in_data_do_not_break_the_event),
        TEST(a_listener_goes_on_where_it_left_off),
        TEST(what_was_there_before_the_hub_is_heard),
        TEST(only_what_was_asked_for_is_heard),
        TEST(a_long_backlog_comes_whole_and_in_order),
        TEST(everybody_hears_everything_once),
        TEST(a_listener_that_does_not_take_holds_nobody_up),
        TEST(silence_is_said_with_the_place),
        TEST(who_missed_something_is_told_so),
        TEST(who_missed_nothing_is_not_told_so),
        TEST(a_place_that_never_was_is_told_so),
        TEST(there_are_only_so_many_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
