/* From a record to its committed effect, with a source in memory and tables in SQLite and PostgreSQL. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "events/contract/cloudevent.h"
#include "pacs/util/log.h"
#include "tests/support/postgres.h"
#include "tests/support/require.h"
#include "tests/support/temporary.h"
#include "workers/loop/loop.h"
#include "workers/loop/record_headers.h"

#define ARRIVED "org.sapoche.imaging.study.arrived.v1"
#define DELETED "org.sapoche.imaging.study.deleted.v1"
#define RECORDS_MAX 64

/* ---- A source in memory ---- */

typedef struct MemorySource {
    WorkerSource base;
    WorkerRecord records[RECORDS_MAX];
    size_t count, next;
    bool is_out;
    PacsStatus bury_status;
    size_t buried;
    char buried_class[32], buried_reason[256];
    PacsSlice buried_value;
} MemorySource;

static MemorySource source;

static PacsStatus memory_poll(WorkerSource *self, uint32_t timeout_ms, const WorkerRecord **ret_record,
                              PacsError *err)
{
    (void)self;
    (void)timeout_ms;
    (void)err;
    source.is_out = source.next < source.count;
    *ret_record = source.is_out ? &source.records[source.next] : NULL;
    return PACS_OK;
}

static void memory_done(WorkerSource *self)
{
    (void)self;
    assert_true(source.is_out);
    source.next++;
}

static PacsStatus memory_bury(WorkerSource *self, const WorkerRecord *record, const WorkerDeath *death,
                              PacsError *err)
{
    (void)self;
    if (source.bury_status != PACS_OK)
        return pacs_fail(err, source.bury_status, "no topic for dead letters");
    source.buried++;
    source.buried_value = record->value;
    (void)snprintf(source.buried_class, sizeof source.buried_class, "%s", death->error_class);
    (void)snprintf(source.buried_reason, sizeof source.buried_reason, "%s", death->reason);
    return PACS_OK;
}

static bool memory_trouble(WorkerSource *self, PacsError *ret_trouble)
{
    (void)self;
    (void)ret_trouble;
    return false;
}

static PacsStatus memory_close(WorkerSource *self, uint32_t deadline_ms, PacsError *err)
{
    (void)self;
    (void)deadline_ms;
    (void)err;
    return PACS_OK;
}

static const WorkerSourceOps memory_ops = {.name = "memory",
                                           .poll = memory_poll,
                                           .done = memory_done,
                                           .bury = memory_bury,
                                           .trouble = memory_trouble,
                                           .close = memory_close};

static char texts[RECORDS_MAX][4][128];

/** An event in binary form: id, type, key, revision. */
static void send(const char *id, const char *type, const char *key, unsigned revision)
{
    static EventsHeader headers[RECORDS_MAX][6];
    const size_t at = source.count++;
    (void)snprintf(texts[at][0], sizeof texts[at][0], "%s", id);
    (void)snprintf(texts[at][1], sizeof texts[at][1], "%s", key);
    (void)snprintf(texts[at][2], sizeof texts[at][2], "%020u", revision);
    headers[at][0] = (EventsHeader){"ce_specversion", PACS_SLICE("1.0")};
    headers[at][1] = (EventsHeader){"ce_id", pacs_slice(texts[at][0])};
    headers[at][2] = (EventsHeader){"ce_source", PACS_SLICE("/lightbox/test")};
    headers[at][3] = (EventsHeader){"ce_type", pacs_slice(type)};
    headers[at][4] = (EventsHeader){"ce_partitionkey", pacs_slice(texts[at][1])};
    headers[at][5] = (EventsHeader){"ce_sequence", pacs_slice(texts[at][2])};
    source.records[at] = (WorkerRecord){.topic = "imaging.study.events.v1",
                                        .partition = 3,
                                        .offset = (int64_t)at,
                                        .timestamp_ms = 1000,
                                        .key = pacs_slice(texts[at][1]),
                                        .value = PACS_SLICE("{\"revision\":1}"),
                                        .headers = headers[at],
                                        .header_count = 6};
}

/* ---- A worker that writes down what it did, and fails when it is told to ---- */

typedef struct Failures {
    PacsStatus status;
    uint32_t count;  /* of attempts that fail so */
    const char *key; /* of this key alone; NULL: of all */
} Failures;

static Failures failing_prepare, failing_apply;
static uint32_t prepared, waits, longest_wait_ms;
static int64_t now;
static bool stops_in_wait;

static PacsStatus fail_if_told(Failures *failures, const WorkerDelivery *delivery, PacsError *err)
{
    if (failures->count == 0 || (failures->key && strcmp(failures->key, delivery->key) != 0))
        return PACS_OK;
    failures->count--;
    return pacs_fail(err, failures->status, "told to fail");
}

static PacsStatus prepare(void *context, const WorkerDelivery *delivery, void **ret_prepared, PacsError *err)
{
    (void)context;
    prepared++;
    *ret_prepared = pacs_arena_strdup(delivery->arena, delivery->event->type);
    return fail_if_told(&failing_prepare, delivery, err);
}

static PacsStatus apply(void *context, const WorkerDelivery *delivery, void *given,
                        WorkerTransaction *transaction, PacsError *err)
{
    (void)context;
    assert_string_equal(given, delivery->event->type);
    const PacsStatus status = WORKER_RUN(
        transaction, NULL, err,
        "INSERT INTO effect (place, key, id, revision)"
        " VALUES ((SELECT coalesce(max(place), 0) + 1 FROM effect), $1, $2, $3)",
        pacs_sql_text(delivery->key), pacs_sql_text(delivery->event->id), pacs_sql_u64(delivery->revision));
    return status == PACS_OK ? fail_if_told(&failing_apply, delivery, err) : status;
}

static const char *const migrations[] = {
    "CREATE TABLE effect (place BIGINT, key TEXT, id TEXT, revision BIGINT)"};
static const WorkerHandler handlers[] = {
    {.type = ARRIVED, .aggregate = "study", .prepare = prepare, .apply = apply},
    {.type = DELETED, .aggregate = "study", .prepare = prepare, .apply = apply},
};
static const WorkerDefinition definition = {.name = "test-worker",
                                            .migrations = migrations,
                                            .migration_count = 1,
                                            .handlers = handlers,
                                            .handler_count = 2};

/* ---- The loop ---- */

static TestPostgres *postgres;
static char *folder;
static char url[512];
static WorkerDatabase *database;
static WorkerLoop *loop;
static PacsMetrics *metrics;
static PacsArena *arena;

static int64_t fake_now(void)
{
    return now;
}

static bool fake_wait(void *context, uint32_t ms)
{
    (void)context;
    waits++;
    longest_wait_ms = ms > longest_wait_ms ? ms : longest_wait_ms;
    now += ms;
    if (stops_in_wait)
        worker_loop_stop(loop);
    return stops_in_wait;
}

static void open_loop(void)
{
    const WorkerLoopOptions options = {.definition = &definition,
                                       .consumer = "test-group",
                                       .database = database,
                                       .source = &source.base,
                                       .metrics = metrics,
                                       .wait = fake_wait,
                                       .now_ms = fake_now};
    assert_int_equal(worker_loop_new(&options, &loop, NULL), PACS_OK);
}

static int open_all(const char *text)
{
    static const char drop[] =
        "DROP TABLE IF EXISTS worker_migration, worker_inbox, worker_revision, worker_parked, worker_dead,"
        " worker_position, effect";
    WorkerTransaction *transaction = NULL;
    (void)snprintf(url, sizeof url, "%s", text);
    const WorkerDatabaseOptions options = {.url = url};
    source = (MemorySource){.base.ops = &memory_ops};
    failing_prepare = failing_apply = (Failures){0};
    prepared = waits = longest_wait_ms = 0;
    stops_in_wait = false;
    now = 1000000;
    arena = pacs_arena_new(1u << 20);
    metrics = pacs_metrics_new();
    if (worker_database_new(&options, &database, NULL) != PACS_OK)
        return -1;
    if (strncmp(url, "sqlite", 6) != 0 && (worker_begin(database, &transaction, NULL) != PACS_OK ||
                                           worker_run(transaction, drop, NULL, 0, NULL, NULL) != PACS_OK ||
                                           worker_commit(transaction, NULL) != PACS_OK))
        return -1;
    open_loop();
    return 0;
}

static int setup_sqlite(void **state)
{
    char text[512];
    (void)state;
    folder = temporary_folder_new();
    (void)snprintf(text, sizeof text, "sqlite:%s/worker.sqlite", folder);
    return open_all(text);
}

static int setup_postgres(void **state)
{
    (void)state;
    return postgres ? open_all(test_postgres_url(postgres)) : 0;
}

static int teardown(void **state)
{
    (void)state;
    worker_loop_free(loop);
    worker_database_free(database);
    pacs_metrics_free(metrics);
    pacs_arena_free(arena);
    temporary_folder_free(folder);
    loop = NULL;
    database = NULL;
    metrics = NULL;
    arena = NULL;
    folder = NULL;
    return 0;
}

/** As after a crash or a restart: nothing is remembered but the tables. */
static void restart(void)
{
    worker_loop_free(loop);
    open_loop();
}

/** Turns until the source has nothing left; tables are made first, as worker_loop_run() does. */
static void run(void)
{
    PacsError err = {0};
    test_require(loop, "PostgreSQL");
    /* a stop that was asked for before makes it a migration and nothing else */
    worker_loop_stop(loop);
    if (worker_loop_run(loop, &err) != PACS_OK)
        fail_msg("%s", err.text);
    restart();
    while (source.next < source.count)
        if (worker_loop_step(loop, 0, &err) != PACS_OK)
            fail_msg("%s", err.text);
}

/** What the effects wrote, "key:id key:id ...", in order. */
static const char *effects(void)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(4096);
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    WorkerRows rows = {0};
    assert_int_equal(worker_begin(database, &transaction, NULL), PACS_OK);
    assert_int_equal(
        worker_query(transaction, "SELECT key, id FROM effect ORDER BY place", NULL, 0, arena, &rows, NULL),
        PACS_OK);
    for (size_t i = 0; i < rows.count; i++)
        (void)pacs_buffer_add_format(&text, "%s%s:%s", i ? " " : "", worker_row_text(&rows, i, 0),
                                     worker_row_text(&rows, i, 1));
    return pacs_arena_strdup(arena, pacs_buffer_text(&text));
}

static int64_t number(const char *sql)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    WorkerRows rows = {0};
    assert_int_equal(worker_begin(database, &transaction, NULL), PACS_OK);
    assert_int_equal(worker_query(transaction, sql, NULL, 0, arena, &rows, NULL), PACS_OK);
    return worker_row_i64(&rows, 0, 0);
}

static bool has_metric(const char *line)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1u << 20);
    assert_int_equal(pacs_metrics_format(metrics, &text, NULL), PACS_OK);
    return strstr(pacs_buffer_text(&text), line) != NULL;
}

/* ---- What it promises ---- */

static void events_are_applied_in_their_order(void **state)
{
    (void)state;
    send("e1", ARRIVED, "A", 1);
    send("e2", ARRIVED, "B", 1);
    send("e3", DELETED, "A", 2);
    run();
    assert_string_equal(effects(), "A:e1 B:e2 A:e3");
    assert_true(has_metric("imaging_inbox_processed_total{type=\"" ARRIVED "\"} 2"));
}

static void an_event_that_comes_twice_counts_once(void **state)
{
    (void)state;
    send("e1", ARRIVED, "A", 1);
    send("e1", ARRIVED, "A", 1);
    run();
    assert_string_equal(effects(), "A:e1");
    assert_int_equal(prepared, 1);
    assert_true(has_metric("imaging_inbox_duplicate_total 1"));
}

static void replay_from_the_beginning_changes_nothing(void **state)
{
    (void)state;
    send("e1", ARRIVED, "A", 1);
    send("e2", ARRIVED, "A", 2);
    send("e3", DELETED, "B", 7);
    run();
    source.next = 0;
    restart();
    run();
    assert_string_equal(effects(), "A:e1 A:e2 B:e3");
}

static void what_is_older_than_what_is_known_is_left_out(void **state)
{
    (void)state;
    send("e3", DELETED, "A", 3);
    send("e2", ARRIVED, "A", 2);
    send("e1", ARRIVED, "B", 1);
    run();
    assert_string_equal(effects(), "A:e3 B:e1");
    assert_true(has_metric("imaging_inbox_stale_total 1"));
}

static void what_went_wrong_for_a_moment_is_tried_again_with_growing_pauses(void **state)
{
    (void)state;
    failing_prepare = (Failures){PACS_UNAVAILABLE, 3, NULL};
    send("e1", ARRIVED, "A", 1);
    run();
    assert_string_equal(effects(), "A:e1");
    assert_int_equal(prepared, 4);
    assert_int_equal(waits, 3);
    assert_int_equal(longest_wait_ms, 1600);
}

static void a_failed_effect_leaves_nothing_behind(void **state)
{
    (void)state;
    failing_apply = (Failures){PACS_INTERNAL, 2, NULL};
    send("e1", ARRIVED, "A", 1);
    run();
    assert_string_equal(effects(), "A:e1");
    assert_int_equal(number("SELECT count(*) FROM worker_inbox"), 1);
}

static void poison_is_given_away_and_the_rest_goes_on(void **state)
{
    (void)state;
    failing_apply = (Failures){PACS_INVALID, 1, "A"};
    send("e1", ARRIVED, "A", 1);
    send("e2", ARRIVED, "A", 2);
    run();
    assert_string_equal(effects(), "A:e2");
    assert_int_equal(source.buried, 1);
    assert_string_equal(source.buried_class, "invalid");
    assert_string_equal(source.buried_reason, "told to fail");
    assert_int_equal(waits, 0);
    assert_true(has_metric("imaging_inbox_dlq_total{class=\"invalid\"} 1"));
}

static void bytes_that_are_no_event_are_poison(void **state)
{
    (void)state;
    send("e1", ARRIVED, "A", 1);
    source.records[0].header_count = 2;
    source.records[0].value = PACS_SLICE("\xff\xfe not an event");
    run();
    assert_int_equal(source.buried, 1);
    assert_true(pacs_slice_equal(source.buried_value, "\xff\xfe not an event"));
}

static void a_dead_letter_that_no_topic_takes_stands_in_the_table(void **state)
{
    size_t size = 0;
    WorkerRows rows = {0};
    WorkerRecord record = {0};
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    (void)state;
    source.bury_status = PACS_NOT_FOUND;
    send("e1", ARRIVED, "A", 1);
    source.records[0].header_count = 2;
    run();
    assert_int_equal(worker_begin(database, &transaction, NULL), PACS_OK);
    assert_int_equal(worker_query(transaction,
                                  "SELECT topic, topic_partition, record_value, record_headers, class"
                                  " FROM worker_dead",
                                  NULL, 0, arena, &rows, NULL),
                     PACS_OK);
    assert_int_equal(rows.count, 1);
    assert_string_equal(worker_row_text(&rows, 0, 0), "imaging.study.events.v1");
    assert_int_equal(worker_row_i64(&rows, 0, 1), 3);
    const void *value = worker_row_bytes(&rows, 0, 2, &size);
    assert_int_equal(size, source.records[0].value.size);
    assert_memory_equal(value, source.records[0].value.text, size);
    const void *headers = worker_row_bytes(&rows, 0, 3, &size);
    assert_int_equal(worker_headers_parse(headers, size, arena, &record, NULL), PACS_OK);
    assert_int_equal(record.header_count, 2);
    assert_string_equal(record.headers[1].name, "ce_id");
    assert_true(pacs_slice_equal(record.headers[1].value, "e1"));
}

static void types_of_others_are_passed_over(void **state)
{
    (void)state;
    send("e1", "org.example.something", "A", 1);
    send("e2", ARRIVED, "A", 1);
    source.records[0].value = PACS_SLICE("{\"new\":true}");
    run();
    assert_string_equal(effects(), "A:e2");
    assert_int_equal(source.buried, 0);
    assert_true(has_metric("imaging_inbox_ignored_total 1"));
}

static void a_key_that_cannot_be_applied_waits_while_others_go_on(void **state)
{
    (void)state;
    failing_prepare = (Failures){PACS_UNAVAILABLE, 5, "A"};
    send("e1", ARRIVED, "A", 1);
    send("e2", ARRIVED, "B", 1);
    send("e3", DELETED, "A", 2);
    run();
    assert_string_equal(effects(), "B:e2");
    assert_int_equal(number("SELECT count(*) FROM worker_parked"), 2);
    now += 5000;
    assert_int_equal(worker_loop_step(loop, 0, NULL), PACS_OK);
    assert_string_equal(effects(), "B:e2 A:e1 A:e3");
    assert_int_equal(number("SELECT count(*) FROM worker_parked"), 0);
    assert_true(has_metric("imaging_inbox_parked_keys 0"));
}

static void what_is_not_there_yet_parks_its_key_at_once(void **state)
{
    (void)state;
    failing_prepare = (Failures){PACS_NOT_FOUND, 2, "A"};
    send("e1", ARRIVED, "A", 1);
    run();
    assert_int_equal(waits, 0);
    assert_int_equal(number("SELECT count(*) FROM worker_parked"), 1);
    now += 2000; /* still not there */
    assert_int_equal(worker_loop_step(loop, 0, NULL), PACS_OK);
    assert_string_equal(effects(), "");
    now += 24ll * 3600 * 1000;
    restart(); /* what waits outlives the process */
    assert_int_equal(worker_loop_step(loop, 0, NULL), PACS_OK);
    assert_string_equal(effects(), "A:e1");
}

static void what_waits_too_long_is_given_up(void **state)
{
    (void)state;
    failing_prepare = (Failures){PACS_NOT_FOUND, 100, "A"};
    send("e1", ARRIVED, "A", 1);
    run();
    now += 8ll * 24 * 3600 * 1000;
    assert_int_equal(worker_loop_step(loop, 0, NULL), PACS_OK);
    assert_int_equal(source.buried, 1);
    assert_string_equal(source.buried_class, "gave-up");
    assert_int_equal(number("SELECT count(*) FROM worker_parked"), 0);
}

static void where_nothing_succeeds_nobody_is_parked_for_long(void **state)
{
    char id[16];
    (void)state;
    failing_prepare = (Failures){PACS_UNAVAILABLE, 3 * 5 + 20, NULL};
    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof id, "e%d", i);
        send(id, ARRIVED, id, 1);
    }
    run();
    /* Three keys had their five tries; then the fourth was waited for, and the rest came through. */
    assert_int_equal(strncmp(effects(), "e3:e3 ", 6), 0);
    assert_non_null(strstr(effects(), "e9:e9"));
    assert_int_equal(longest_wait_ms, 30000);
}

static void a_database_that_is_away_is_waited_for_and_nothing_is_given_up(void **state)
{
    WorkerHealth health;
    PacsError err = {0};
    (void)state;
    run();
    send("e1", ARRIVED, "A", 1);
    test_postgres_kill(postgres);
    stops_in_wait = true;
    assert_int_equal(worker_loop_step(loop, 0, &err), PACS_CANCELLED);
    worker_loop_health(loop, &health);
    assert_false(health.is_ready);
    assert_int_equal(source.next, 0);
    assert_int_equal(source.buried, 0);
    stops_in_wait = false;
    assert_int_equal(test_postgres_restart(postgres), 0);
    restart();
    run();
    assert_string_equal(effects(), "A:e1");
    worker_loop_health(loop, &health);
    assert_true(health.is_ready);
}

static void stopping_leaves_the_record_to_the_next(void **state)
{
    PacsError err = {0};
    (void)state;
    run();
    failing_prepare = (Failures){PACS_UNAVAILABLE, 100, NULL};
    send("e1", ARRIVED, "A", 1);
    stops_in_wait = true;
    assert_int_equal(worker_loop_run(loop, &err), PACS_OK);
    assert_int_equal(source.next, 0);
    stops_in_wait = false;
    failing_prepare.count = 0;
    restart();
    run();
    assert_string_equal(effects(), "A:e1");
}

static void ids_are_forgotten_after_their_time(void **state)
{
    (void)state;
    send("e1", ARRIVED, "A", 1);
    run();
    assert_int_equal(number("SELECT count(*) FROM worker_inbox"), 1);
    now += 31ll * 24 * 3600 * 1000;
    assert_int_equal(worker_loop_step(loop, 0, NULL), PACS_OK);
    assert_int_equal(number("SELECT count(*) FROM worker_inbox"), 0);
}

static void headers_survive_being_kept(void **state)
{
    const EventsHeader headers[] = {{"a", PACS_SLICE("1")}, {"none", {0}}, {"empty", PACS_SLICE("")}};
    const WorkerRecord record = {.headers = headers, .header_count = 3};
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(1024);
    PACS_AUTO(PacsArena) own = pacs_arena_new(1u << 16);
    WorkerRecord back = {0};
    (void)state;
    assert_int_equal(worker_headers_format(&record, &bytes, NULL), PACS_OK);
    assert_int_equal(worker_headers_parse(bytes.bytes, bytes.size, own, &back, NULL), PACS_OK);
    assert_int_equal(back.header_count, 3);
    assert_true(pacs_slice_equal(back.headers[0].value, "1"));
    assert_null(back.headers[1].value.text);
    assert_non_null(back.headers[2].value.text);
    for (size_t size = 1; size < bytes.size; size++) /* cut short: never read behind the end */
        pacs_ignore(worker_headers_parse(bytes.bytes, size, own, &back, NULL));
}

static int start_server(void **state)
{
    (void)state;
    pacs_log_setup(PACS_LOG_ERROR + 1, PACS_LOG_AS_TEXT, 2);
    postgres = test_postgres_start();
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    test_postgres_stop(postgres);
    return 0;
}

#define BOTH(test)                                                                                           \
    {"sqlite: " #test, test, setup_sqlite, teardown, NULL},                                                  \
    {                                                                                                        \
        "postgresql: " #test, test, setup_postgres, teardown, NULL                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(events_are_applied_in_their_order),
        BOTH(an_event_that_comes_twice_counts_once),
        BOTH(replay_from_the_beginning_changes_nothing),
        BOTH(what_is_older_than_what_is_known_is_left_out),
        BOTH(what_went_wrong_for_a_moment_is_tried_again_with_growing_pauses),
        BOTH(a_failed_effect_leaves_nothing_behind),
        BOTH(poison_is_given_away_and_the_rest_goes_on),
        BOTH(bytes_that_are_no_event_are_poison),
        BOTH(a_dead_letter_that_no_topic_takes_stands_in_the_table),
        BOTH(types_of_others_are_passed_over),
        BOTH(a_key_that_cannot_be_applied_waits_while_others_go_on),
        BOTH(what_is_not_there_yet_parks_its_key_at_once),
        BOTH(what_waits_too_long_is_given_up),
        BOTH(where_nothing_succeeds_nobody_is_parked_for_long),
        BOTH(stopping_leaves_the_record_to_the_next),
        BOTH(ids_are_forgotten_after_their_time),
        cmocka_unit_test_setup_teardown(a_database_that_is_away_is_waited_for_and_nothing_is_given_up,
                                        setup_postgres, teardown),
        cmocka_unit_test(headers_survive_being_kept),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
