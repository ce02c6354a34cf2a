/* The file layer that gathers what SQLite gives to its log. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/database/sqlite.h"
#include "tests/support/temporary.h"

static char *folder;
static char path[256];

static int setup(void **state)
{
    (void)state;
    folder = temporary_folder_new();
    return snprintf(path, sizeof path, "%s/log.sqlite", folder) > 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    temporary_folder_free(folder);
    return 0;
}

static PacsSqlite *open_log(void)
{
    PacsSqlite *connection = NULL;

    assert_int_equal(pacs_sqlite_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &connection, NULL),
                     PACS_OK);
    assert_int_equal(pacs_sqlite_script(connection,
                                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                        "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 10;"
                                        "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, b BLOB)",
                                        NULL),
                     PACS_OK);
    return connection;
}

static int64_t ask(PacsSqlite *connection, const char *sql)
{
    int64_t number = -1;

    assert_int_equal(pacs_sqlite_number(connection, sql, NULL, 0, &number, NULL), PACS_OK);
    return number;
}

static void run(PacsSqlite *connection, const char *sql)
{
    assert_int_equal(pacs_sqlite_script(connection, sql, NULL), PACS_OK);
}

/* 300 rows of 8 kB: with a cache of ten pages most go to the log before the commit. */
static const char many_rows[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
    " INSERT INTO t (b) SELECT zeroblob(8000) FROM n";

static void what_was_committed_is_seen_by_others_at_once(void **state)
{
    (void)state;
    PACS_AUTO(PacsSqlite) writer = open_log();
    PACS_AUTO(PacsSqlite) reader = open_log();

    for (int64_t i = 1; i <= 50; i++) {
        run(writer, "INSERT INTO t (b) VALUES (zeroblob(100))");
        assert_int_equal(ask(reader, "SELECT count(*) FROM t"), i);
    }
    run(writer, many_rows);
    assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 350);
    assert_int_equal(ask(reader, "SELECT sum(length(b)) FROM t"), 50 * 100 + 300 * 8000);
}

static void a_transaction_reads_what_it_has_spilled(void **state)
{
    (void)state;
    PACS_AUTO(PacsSqlite) writer = open_log();
    PACS_AUTO(PacsSqlite) reader = open_log();

    run(writer, "BEGIN IMMEDIATE");
    run(writer, many_rows);
    assert_int_equal(ask(writer, "SELECT sum(length(b)) FROM t"), 300 * 8000);
    assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 0);
    run(writer, "COMMIT");
    assert_int_equal(ask(reader, "SELECT sum(length(b)) FROM t"), 300 * 8000);
}

static void a_transaction_that_was_rolled_back_leaves_a_sound_log(void **state)
{
    (void)state;
    PACS_AUTO(PacsSqlite) writer = open_log();
    PACS_AUTO(PacsSqlite) reader = open_log();

    run(writer, "INSERT INTO t (b) VALUES (zeroblob(100))");
    run(writer, "BEGIN IMMEDIATE");
    run(writer, many_rows);
    run(writer, "ROLLBACK");
    assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 1);
    run(writer, many_rows);
    assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 301);
    assert_int_equal(ask(reader, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
}

static void checkpoints_carry_everything_over(void **state)
{
    (void)state;
    {
        PACS_AUTO(PacsSqlite) writer = open_log();
        for (int i = 0; i < 5; i++) {
            run(writer, many_rows);
            run(writer, "PRAGMA wal_checkpoint(RESTART)");
        }
    }
    PACS_AUTO(PacsSqlite) again = open_log();
    assert_int_equal(ask(again, "SELECT sum(length(b)) FROM t"), 5 * 300 * 8000);
    assert_int_equal(ask(again, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
}

/* ---- Few writes: SQLite lets a test stand in for its system calls ---- */

static unsigned writes;
static ssize_t (*real_pwrite)(int fd, const void *bytes, size_t size, off_t offset);

static ssize_t counting_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    writes++;
    return real_pwrite(fd, bytes, size, offset);
}

static void a_transaction_of_a_dozen_pages_is_one_write(void **state)
{
    (void)state;
    PACS_AUTO(PacsSqlite) writer = open_log();
    sqlite3_vfs *system = sqlite3_vfs_find("unix");

    run(writer, "INSERT INTO t (b) VALUES (zeroblob(100))");
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))system->xGetSystemCall(system, "pwrite64");
    assert_int_equal(
        system->xSetSystemCall(system, "pwrite64", (sqlite3_syscall_ptr)(void (*)(void))counting_pwrite),
        SQLITE_OK);
    writes = 0;
    run(writer, "INSERT INTO t (b) VALUES (zeroblob(40000))");
    (void)system->xSetSystemCall(system, "pwrite64", NULL); /* SQLite's own again */
    assert_int_equal(writes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_committed_is_seen_by_others_at_once),
        TEST(a_transaction_reads_what_it_has_spilled),
        TEST(a_transaction_that_was_rolled_back_leaves_a_sound_log),
        TEST(checkpoints_carry_everything_over),
        TEST(a_transaction_of_a_dozen_pages_is_one_write),
    };
    return cmocka_run_group_tests_name("the log's file layer", tests, NULL, NULL);
}
