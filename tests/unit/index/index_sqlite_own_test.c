#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/index/migrations.h"
#include "tests/contract/index_contract.h"
#include "tests/support/indexed_object.h"
#include "tests/support/temporary.h"

/* What is SQLite's own: files of other kinds, full disks, writes that share a transaction. */

static char *folder;
static char path[4096];

static int make_folder(void **state)
{
    (void)state;
    folder = temporary_folder_new();
    (void)snprintf(path, sizeof path, "%s/index.db", folder ? folder : "");
    return folder ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    temporary_folder_free(folder);
    return 0;
}

static PacsStatus try_open(PacsIndex **ret_index)
{
    const PacsIndexSqliteOptions options = {.path = path, .reader_count = 2};
    PacsError err = {0};
    return pacs_index_sqlite_open(&options, NULL, ret_index, &err);
}

static PacsIndex *open_index(void)
{
    PacsIndex *index = NULL;
    assert_int_equal(try_open(&index), PACS_OK);
    return index;
}

static void run_sql(const char *sql)
{
    PACS_AUTO(PacsSqlite) connection = NULL;
    PacsError err = {0};
    assert_int_equal(pacs_sqlite_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &connection, &err),
                     PACS_OK);
    if (pacs_sqlite_script(connection, sql, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static int64_t ask_sql(const char *sql)
{
    PACS_AUTO(PacsSqlite) connection = NULL;
    int64_t number = 0;
    assert_int_equal(pacs_sqlite_open(path, SQLITE_OPEN_READWRITE, &connection, NULL), PACS_OK);
    assert_int_equal(pacs_sqlite_number(connection, sql, NULL, 0, &number, NULL), PACS_OK);
    return number;
}

/* ---- Files ---- */

static void a_log_made_long_at_the_start_is_read_like_any_other(void **state)
{
    (void)state;
    const PacsIndexSqliteOptions options = {.path = path, .reader_count = 2, .log_bytes = 1u << 20};
    char log_path[sizeof path + 8];
    struct stat file;

    for (unsigned start = 1; start <= 3;
         start++) { /* made, opened again, and opened after a crash's leftovers */
        PacsIndex *index = NULL;
        PacsStatistics statistics;
        assert_int_equal(pacs_index_sqlite_open(&options, NULL, &index, NULL), PACS_OK);
        (void)snprintf(log_path, sizeof log_path, "%s-wal", path);
        assert_int_equal(stat(log_path, &file), 0);
        assert_true(file.st_size >= 1 << 20);
        IndexedObject object;
        PacsIndexAdded added;
        indexed_object_init(&object, start, start, 1, 1);
        assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
        assert_int_equal(pacs_index_statistics(index, &statistics, NULL), PACS_OK);
        assert_int_equal(statistics.instances, start);
        pacs_index_free(index);
    }
}

static void opening_again_keeps_the_schema(void **state)
{
    (void)state;
    PacsIndex *index = open_index();
    const uint32_t version = pacs_index_schema_version(index);
    pacs_index_free(index);
    index = open_index();
    assert_int_equal(pacs_index_schema_version(index), version);
    pacs_index_free(index);
}

static void an_index_is_opened_once_at_a_time(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    assert_non_null(index);
    PacsIndex *second = NULL;
    assert_int_equal(try_open(&second), PACS_EXISTS);
    assert_null(second);
}

static void an_index_of_a_newer_version_is_left_alone(void **state)
{
    (void)state;
    pacs_index_free(open_index());
    run_sql("PRAGMA user_version = 9999");
    PacsIndex *index = NULL;
    assert_int_equal(try_open(&index), PACS_UNSUPPORTED);
    assert_int_equal(ask_sql("PRAGMA user_version"), 9999);
}

static void somebody_elses_database_is_left_alone(void **state)
{
    (void)state;
    run_sql("CREATE TABLE theirs (id)");
    PacsIndex *index = NULL;
    assert_int_equal(try_open(&index), PACS_UNSUPPORTED);
    assert_int_equal(ask_sql("SELECT count(*) FROM sqlite_schema"), 1);
}

static void events_of_the_first_version_wait_after_its_migration(void **state)
{
    (void)state;
    run_sql(pacs_index_migrations[0]);
    run_sql(
        "PRAGMA application_id = 0x4C425831; PRAGMA user_version = 1;"
        "INSERT INTO outbox (id, ce_id, type, key, revision, data, created_ms, sent_ms) VALUES"
        " (1, 'purged', 'study.received', '1.2', 1, '{}', 10, 20), (3, 'sent', 'study.arrived', '1.2', 2, '{}', 30, 40),"
        " (4, 'unsent', 'study.updated', '1.2', 3, '{\"x\":1}', 50, NULL), (5, 'last', 'study.updated', '1.2', 4, '{}', 60, NULL);"
        "DELETE FROM outbox WHERE id = 1");
    PACS_AUTO(PacsIndex) index = open_index();
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PacsOutboxEvent *events = NULL;
    PacsEventBounds bounds;
    PacsEventPage page;
    size_t count = 0;
    assert_int_equal(pacs_index_read_outbox(index, 0, 10, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(events[0].ce_id, "unsent");
    assert_string_equal(events[0].lane, "normal");
    assert_string_equal(events[0].data, "{\"x\":1}");
    assert_int_equal(events[0].revision, 3);
    assert_int_equal(pacs_index_read_events(index, &(PacsEventQuery){.max = 10}, arena, &page, NULL),
                     PACS_OK);
    assert_int_equal(page.count, 3);
    assert_int_equal(pacs_index_event_bounds(index, &bounds, NULL), PACS_OK);
    assert_int_equal(bounds.purged_id, 2);
    assert_int_equal(bounds.last_id, 5);
    PacsOutboxDepth depth;
    assert_int_equal(pacs_index_outbox_depth(index, &depth, NULL), PACS_OK);
    assert_int_equal(depth.unsent, 2);
    assert_int_equal(depth.oldest_ms, 50);
}

static void a_migration_that_fails_leaves_nothing_half_done(void **state)
{
    (void)state;
    run_sql("PRAGMA application_id = 0x4C425831; CREATE TABLE worklist (other)"); /* in the way of the first
                                                                                     one */
    PacsIndex *index = NULL;
    assert_int_not_equal(try_open(&index), PACS_OK);
    assert_int_equal(ask_sql("SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(ask_sql("PRAGMA user_version"), 0);
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("no database ", file);
    (void)fclose(file);
    PacsIndex *index = NULL;
    assert_int_equal(try_open(&index), PACS_CORRUPT);
}

static void nobody_else_may_read_the_file(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    index_contract_add(index, 1, 1, 1, 1);
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[4100];
        struct stat file;
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        assert_int_equal(stat(name, &file), 0);
        assert_int_equal(file.st_mode & 0777, 0600);
    }
}

static void a_folder_that_is_missing_is_unavailable(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s/none/index.db", folder);
    PacsIndex *index = NULL;
    assert_int_equal(try_open(&index), PACS_UNAVAILABLE);
}

/** Overwrite all but the first page; the log has been copied into the file when the index was closed. */
static void damage_pages(void)
{
    const int fd = open(path, O_RDWR);
    struct stat file;
    assert_int_equal(fstat(fd, &file), 0);
    char noise[4096];
    memset(noise, 0xA5, sizeof noise);
    for (off_t at = 4096; at < file.st_size; at += 4096)
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
    close(fd);
}

static void a_damaged_database_is_corrupt(void **state)
{
    (void)state;
    PacsIndex *index = open_index();
    index_contract_add(index, 1, 1, 1, 1);
    pacs_index_free(index);
    damage_pages();
    index = NULL;
    assert_int_equal(try_open(&index), PACS_CORRUPT);
}

static void a_damaged_row_is_corrupt(void **state)
{
    (void)state;
    PacsIndex *index = open_index();
    index_contract_add(index, 1, 1, 1, 1);
    pacs_index_free(index);
    run_sql("UPDATE instance SET tags = x'00'");
    index = open_index();
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 1);
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    assert_int_equal(added.result, PACS_ADD_DUPLICATE);
    PacsResource *resource = NULL;
    assert_int_equal(pacs_index_find(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE],
                                     PACS_WITH_TAGS, arena, &resource, NULL),
                     PACS_CORRUPT);
    pacs_index_free(index);
}

/* ---- A full disk ---- */

/** No page more than there are; on the writer's connection, which rests while no write is under way. */
static void fill_disk(PacsIndex *index, bool full)
{
    PacsError err = {0};
    if (pacs_sqlite_script(pacs_index_sqlite(index)->writer,
                           full ? "PRAGMA max_page_count = 1" : "PRAGMA max_page_count = 1000000",
                           &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static void a_full_disk_refuses_an_instance_and_changes_nothing(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    index_contract_add(index, 1, 1, 1, 1);
    IndexedObject object;
    PacsIndexAdded added;
    PacsError err = {0};
    PACS_AUTO_FREE char *large = calloc(1, 1u << 20);
    indexed_object_init(&object, 2, 2, 2, 2);
    object.add.blobs.json_deflate = large;
    object.add.blobs.json_deflate_size = 1u << 20;
    fill_disk(index, true);
    assert_int_equal(pacs_index_add(index, &object.add, &added, &err), PACS_NO_SPACE);
    fill_disk(index, false);

    PacsStatistics statistics;
    assert_int_equal(pacs_index_statistics(index, &statistics, NULL), PACS_OK);
    assert_int_equal(statistics.patients, 1);
    assert_int_equal(statistics.instances, 1);
    index_contract_expect_counters(index);
    PacsOutboxDepth depth;
    assert_int_equal(pacs_index_outbox_depth(index, &depth, NULL), PACS_OK);
    assert_int_equal(depth.unsent, 1);
    assert_int_equal(pacs_index_add(index, &object.add, &added, &err), PACS_OK);
    index_contract_expect_counters(index);
}

static void reading_goes_on_while_the_disk_is_full(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    fill_disk(index, true);
    assert_true(index_contract_has(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]));
    assert_int_equal(pacs_index_check(index, NULL), PACS_OK);
}

/* ---- Writes that share a transaction ---- */

static sem_t writer_holds, writer_may_go;

/** Keeps the writer busy, so that whatever comes meanwhile is taken together. */
static PacsStatus hold_writer(IndexSqlite *index, void *arguments, PacsError *err)
{
    (void)index;
    (void)arguments;
    (void)err;
    sem_post(&writer_holds);
    sem_wait(&writer_may_go);
    return PACS_OK;
}

typedef struct Caller {
    PacsIndex *index;
    IndexWrite *write;
    const char *name;
    pthread_t thread;
    PacsStatus status;
} Caller;

static void *call(void *argument)
{
    Caller *caller = argument;
    caller->status = pacs_index_sqlite_write(pacs_index_sqlite(caller->index), caller->write,
                                             (void *)caller->name, NULL);
    return NULL;
}

/** Start all callers while the writer is held, let it go when all wait, and join them. */
static void call_together(PacsIndex *index, Caller *callers, size_t count)
{
    assert_int_equal(sem_init(&writer_holds, 0, 0), 0);
    assert_int_equal(sem_init(&writer_may_go, 0, 0), 0);
    Caller holder = {.index = index, .write = hold_writer};
    assert_int_equal(pthread_create(&holder.thread, NULL, call, &holder), 0);
    sem_wait(&writer_holds);
    for (size_t i = 0; i < count; i++) {
        callers[i].index = index;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
        while (pacs_index_sqlite_waiting(pacs_index_sqlite(index)) <= i)
            sched_yield(); /* in the order of the array */
    }
    sem_post(&writer_may_go);
    assert_int_equal(pthread_join(holder.thread, NULL), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
    sem_destroy(&writer_holds);
    sem_destroy(&writer_may_go);
}

static PacsStatus set_name(IndexSqlite *index, void *name, PacsError *err)
{
    index->totals.last_change++;
    return PACS_SQL_RUN(index->writer, err, "INSERT INTO setting (name, value) VALUES (?, ?)",
                        pacs_sql_text(name), pacs_sql_text("set"));
}

static PacsStatus set_name_and_fail(IndexSqlite *index, void *name, PacsError *err)
{
    const PacsStatus status = set_name(index, name, err);
    return status == PACS_OK ? pacs_fail(err, PACS_INVALID, "failing as the test asked") : status;
}

static PacsStatus set_name_and_lose_transaction(IndexSqlite *index, void *name, PacsError *err)
{
    const PacsStatus status = set_name(index, name, err);
    if (status == PACS_OK)
        pacs_sqlite_try(index->writer, "ROLLBACK"); /* as SQLite does by itself on some errors */
    return status == PACS_OK ? pacs_fail(err, PACS_NO_SPACE, "failing as the test asked") : status;
}

static bool is_set(PacsIndex *index, const char *name)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const char *value = NULL;
    return pacs_index_read_setting(index, name, arena, &value, NULL) == PACS_OK;
}

static int64_t last_change(PacsIndex *index)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    PacsChangePage page;
    const PacsChangeQuery query = {.since = -1, .to = -1, .limit = 1};
    assert_int_equal(pacs_index_read_changes(index, &query, arena, &page, NULL), PACS_OK);
    return page.last_seq;
}

static void a_failing_write_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    Caller callers[] = {{.write = set_name, .name = "a"},
                        {.write = set_name_and_fail, .name = "b"},
                        {.write = set_name, .name = "c"}};
    call_together(index, callers, 3);
    assert_int_equal(callers[0].status, PACS_OK);
    assert_int_equal(callers[1].status, PACS_INVALID);
    assert_int_equal(callers[2].status, PACS_OK);
    assert_true(is_set(index, "a"));
    assert_false(is_set(index, "b"));
    assert_true(is_set(index, "c"));
    assert_int_equal(last_change(index), 2);
}

static void a_lost_transaction_is_done_again_without_its_culprit(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    Caller callers[] = {{.write = set_name, .name = "a"},
                        {.write = set_name_and_lose_transaction, .name = "b"},
                        {.write = set_name, .name = "c"}};
    call_together(index, callers, 3);
    assert_int_equal(callers[0].status, PACS_OK);
    assert_int_equal(callers[1].status, PACS_NO_SPACE);
    assert_int_equal(callers[2].status, PACS_OK);
    assert_true(is_set(index, "a"));
    assert_false(is_set(index, "b"));
    assert_true(is_set(index, "c"));
    assert_int_equal(last_change(index), 2);
}

static int refuse_commit(void *context)
{
    (void)context;
    return 1;
}

static void a_failed_commit_fails_all_and_keeps_nothing(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    sqlite3 *writer = pacs_sqlite_handle(pacs_index_sqlite(index)->writer);
    Caller callers[] = {{.write = set_name, .name = "a"}, {.write = set_name, .name = "b"}};
    sqlite3_commit_hook(writer, refuse_commit, NULL);
    call_together(index, callers, 2);
    sqlite3_commit_hook(writer, NULL, NULL);
    assert_int_not_equal(callers[0].status, PACS_OK);
    assert_int_not_equal(callers[1].status, PACS_OK);
    assert_false(is_set(index, "a"));
    assert_false(is_set(index, "b"));
    assert_int_equal(last_change(index), 0);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_expect_counters(index);
}

/* ---- The log ---- */

static void the_log_stays_bounded_while_instances_come_without_a_pause(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) index = open_index();
    static char json[100000];
    for (unsigned i = 0; i < 1500; i++) { /* 150 MB pass through the log */
        IndexedObject object;
        PacsIndexAdded added;
        indexed_object_init(&object, 1, 1, 1, i);
        object.add.blobs.json_deflate = json;
        object.add.blobs.json_deflate_size = sizeof json;
        assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    }
    char log_path[4100];
    struct stat file;
    (void)snprintf(log_path, sizeof log_path, "%s-wal", path);
    assert_int_equal(stat(log_path, &file), 0);
    assert_in_range(file.st_size, 1, 100u << 20);
}

#define OWN_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OWN_TEST(opening_again_keeps_the_schema),
        OWN_TEST(a_log_made_long_at_the_start_is_read_like_any_other),
        OWN_TEST(an_index_is_opened_once_at_a_time),
        OWN_TEST(an_index_of_a_newer_version_is_left_alone),
        OWN_TEST(somebody_elses_database_is_left_alone),
        OWN_TEST(events_of_the_first_version_wait_after_its_migration),
        OWN_TEST(a_migration_that_fails_leaves_nothing_half_done),
        OWN_TEST(a_file_that_is_no_database_is_corrupt),
        OWN_TEST(nobody_else_may_read_the_file),
        OWN_TEST(a_folder_that_is_missing_is_unavailable),
        OWN_TEST(a_damaged_database_is_corrupt),
        OWN_TEST(a_damaged_row_is_corrupt),
        OWN_TEST(a_full_disk_refuses_an_instance_and_changes_nothing),
        OWN_TEST(reading_goes_on_while_the_disk_is_full),
        OWN_TEST(a_failing_write_leaves_its_neighbours_alone),
        OWN_TEST(a_lost_transaction_is_done_again_without_its_culprit),
        OWN_TEST(a_failed_commit_fails_all_and_keeps_nothing),
        OWN_TEST(the_log_stays_bounded_while_instances_come_without_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
