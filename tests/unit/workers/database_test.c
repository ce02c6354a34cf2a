/* A worker's tables: the same behaviour in SQLite and in PostgreSQL. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/postgres.h"
#include "tests/support/require.h"
#include "tests/support/temporary.h"
#include "workers/loop/database.h"

static const char *const scripts[] = {
    "CREATE TABLE sample (id BIGINT PRIMARY KEY, name TEXT, bytes BYTEA); CREATE TABLE other (id BIGINT)",
    "ALTER TABLE sample ADD COLUMN later TEXT",
};

static char *folder;
static char url[512];
static TestPostgres *postgres;
static WorkerDatabase *database;
static PacsArena *arena;

static int open_database(void)
{
    const WorkerDatabaseOptions options = {.url = url};
    arena = pacs_arena_new(1u << 20);
    return arena && worker_database_new(&options, &database, NULL) == PACS_OK ? 0 : -1;
}

static int setup_sqlite(void **state)
{
    (void)state;
    folder = temporary_folder_new();
    (void)snprintf(url, sizeof url, "sqlite:%s/worker.sqlite", folder);
    return open_database();
}

static int setup_postgres(void **state)
{
    (void)state;
    if (!postgres)
        return 0;
    (void)snprintf(url, sizeof url, "%s", test_postgres_url(postgres));
    const int failed = open_database();
    WorkerTransaction *transaction = NULL;
    if (failed || worker_begin(database, &transaction, NULL) != PACS_OK ||
        worker_run(transaction, "DROP TABLE IF EXISTS worker_migration, sample, other", NULL, 0, NULL,
                   NULL) != PACS_OK ||
        worker_commit(transaction, NULL) != PACS_OK)
        return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    worker_database_free(database);
    pacs_arena_free(arena);
    temporary_folder_free(folder);
    database = NULL;
    arena = NULL;
    folder = NULL;
    return 0;
}

static void require_database(void)
{
    test_require(database, "PostgreSQL");
}

static void migrate(size_t count)
{
    PacsError err = {0};
    if (worker_database_migrate(database, "sample", scripts, count, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static WorkerTransaction *begin(void)
{
    WorkerTransaction *transaction = NULL;
    PacsError err = {0};
    if (worker_begin(database, &transaction, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return transaction;
}

static int64_t count_rows(void)
{
    WorkerTransaction *transaction = begin();
    WorkerRows rows = {0};
    assert_int_equal(worker_query(transaction, "SELECT count(*) FROM sample", NULL, 0, arena, &rows, NULL),
                     PACS_OK);
    worker_rollback(transaction);
    return worker_row_i64(&rows, 0, 0);
}

static PacsStatus insert(WorkerTransaction *transaction, int64_t id, const char *name, PacsError *err)
{
    return WORKER_RUN(transaction, NULL, err, "INSERT INTO sample (id, name) VALUES ($1, $2)",
                      pacs_sql_i64(id), pacs_sql_text(name));
}

static void values_come_back_as_they_went(void **state)
{
    static const uint8_t bytes[] = {0, 1, 255, 0, '\\', '\''};
    size_t size = 0;
    (void)state;
    require_database();
    migrate(2);
    WorkerTransaction *transaction = begin();
    assert_int_equal(WORKER_RUN(transaction, NULL, NULL,
                                "INSERT INTO sample (id, name, bytes) VALUES ($1, $2, $3)",
                                pacs_sql_i64(INT64_MIN), pacs_sql_text("Nguy\xe1\xbb\x85n 'x' $1"),
                                pacs_sql_bytes(bytes, sizeof bytes)),
                     PACS_OK);
    assert_int_equal(insert(transaction, INT64_MAX, NULL, NULL), PACS_OK);
    assert_int_equal(worker_commit(transaction, NULL), PACS_OK);

    WorkerRows rows = {0};
    transaction = begin();
    assert_int_equal(worker_query(transaction, "SELECT id, name, bytes FROM sample ORDER BY id", NULL, 0,
                                  arena, &rows, NULL),
                     PACS_OK);
    worker_rollback(transaction);
    assert_int_equal(rows.count, 2);
    assert_int_equal(worker_row_i64(&rows, 0, 0), INT64_MIN);
    assert_string_equal(worker_row_text(&rows, 0, 1), "Nguy\xe1\xbb\x85n 'x' $1");
    assert_memory_equal(worker_row_bytes(&rows, 0, 2, &size), bytes, sizeof bytes);
    assert_int_equal(size, sizeof bytes);
    assert_int_equal(worker_row_i64(&rows, 1, 0), INT64_MAX);
    assert_null(worker_row_text(&rows, 1, 1));
    assert_null(worker_row_bytes(&rows, 1, 2, &size));
}

static void rollback_leaves_nothing(void **state)
{
    (void)state;
    require_database();
    migrate(2);
    WorkerTransaction *transaction = begin();
    assert_int_equal(insert(transaction, 1, "a", NULL), PACS_OK);
    worker_rollback(transaction);
    assert_int_equal(count_rows(), 0);
}

static void a_failed_statement_keeps_the_rest_from_being_committed(void **state)
{
    PacsError err = {0};
    (void)state;
    require_database();
    migrate(2);
    WorkerTransaction *transaction = begin();
    assert_int_equal(insert(transaction, 1, "a", NULL), PACS_OK);
    assert_int_equal(insert(transaction, 1, "secret", &err), PACS_EXISTS);
    assert_null(strstr(err.text, "secret"));
    worker_rollback(transaction);
    assert_int_equal(count_rows(), 0);
}

static void what_was_changed_is_counted(void **state)
{
    static const char sql[] = "INSERT INTO sample (id) VALUES ($1) ON CONFLICT DO NOTHING";
    uint64_t changed = 9;
    (void)state;
    require_database();
    migrate(2);
    WorkerTransaction *transaction = begin();
    assert_int_equal(WORKER_RUN(transaction, &changed, NULL, sql, pacs_sql_i64(1)), PACS_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(WORKER_RUN(transaction, &changed, NULL, sql, pacs_sql_i64(1)), PACS_OK);
    assert_int_equal(changed, 0);
    worker_rollback(transaction);
}

static void migrations_run_once_and_go_on_from_where_they_were(void **state)
{
    (void)state;
    require_database();
    migrate(1);
    WorkerTransaction *transaction = begin();
    assert_int_equal(insert(transaction, 1, "kept", NULL), PACS_OK);
    assert_int_equal(worker_commit(transaction, NULL), PACS_OK);
    migrate(2);
    migrate(2);
    assert_int_equal(count_rows(), 1);
}

static void a_failed_migration_changes_nothing(void **state)
{
    static const char *const broken[] = {"CREATE TABLE other (id BIGINT)", "CREATE TABLE broken (id"};
    PacsError err = {0};
    (void)state;
    require_database();
    assert_int_not_equal(worker_database_migrate(database, "sample", broken, 2, &err), PACS_OK);
    assert_non_null(strstr(err.text, "to version 2"));
    migrate(2); /* makes the table `other`: it must not be there */
}

static void tables_of_a_newer_worker_are_left_alone(void **state)
{
    PacsError err = {0};
    (void)state;
    require_database();
    migrate(2);
    assert_int_equal(worker_database_migrate(database, "sample", scripts, 1, &err), PACS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "made by a newer worker"));
}

static void a_url_of_no_kind_is_refused(void **state)
{
    static const char *const urls[] = {"", "mysql://x", "sqlite:", "postgresql://h:port:5/%zz"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const WorkerDatabaseOptions options = {.url = urls[i]};
        PacsError err = {0};
        WorkerDatabase *none = NULL;
        assert_int_equal(worker_database_new(&options, &none, &err), PACS_INVALID);
        assert_null(none);
    }
}

static void a_server_that_is_away_is_unavailable_and_found_again(void **state)
{
    PacsError err = {0};
    WorkerTransaction *transaction = NULL;
    (void)state;
    require_database();
    migrate(2);
    transaction = begin();
    assert_int_equal(insert(transaction, 1, "lost", NULL), PACS_OK);
    test_postgres_kill(postgres);
    assert_int_equal(insert(transaction, 2, "lost", &err), PACS_UNAVAILABLE);
    worker_rollback(transaction);
    assert_int_equal(worker_begin(database, &transaction, &err), PACS_UNAVAILABLE);
    assert_int_equal(test_postgres_restart(postgres), 0);
    assert_int_equal(count_rows(), 0);
}

static void bytes_that_are_no_text_are_refused_without_being_quoted(void **state)
{
    PacsError err = {0};
    (void)state;
    require_database();
    migrate(2);
    WorkerTransaction *transaction = begin();
    assert_int_equal(insert(transaction, 1, "secret\xff", &err), PACS_INVALID);
    assert_null(strstr(err.text, "secret"));
    worker_rollback(transaction);
}

static int start_server(void **state)
{
    (void)state;
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
        BOTH(values_come_back_as_they_went),
        BOTH(rollback_leaves_nothing),
        BOTH(a_failed_statement_keeps_the_rest_from_being_committed),
        BOTH(what_was_changed_is_counted),
        BOTH(migrations_run_once_and_go_on_from_where_they_were),
        BOTH(a_failed_migration_changes_nothing),
        BOTH(tables_of_a_newer_worker_are_left_alone),
        cmocka_unit_test(a_url_of_no_kind_is_refused),
        cmocka_unit_test_setup_teardown(a_server_that_is_away_is_unavailable_and_found_again, setup_postgres,
                                        teardown),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_text_are_refused_without_being_quoted,
                                        setup_postgres, teardown),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
