#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/index/index_sqlite.h"
#include "tests/contract/index_contract.h"
#include "tests/support/indexed_object.h"
#include "tests/support/temporary.h"

/* A process that dies: what it acknowledged is there, what it did not finish is not. */

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

static PacsIndex *open_index(void)
{
    const PacsIndexSqliteOptions options = {.path = path};
    PacsIndex *index = NULL;
    PacsError err = {0};
    if (pacs_index_sqlite_open(&options, NULL, &index, &err) != PACS_OK)
        (void)fprintf(stderr, "%s\n", err.text);
    return index;
}

/** Run `body` in a child process that may end in any way; its writes to the pipe are collected. */
typedef void Body(int pipe_fd);

static size_t run_and_kill(Body *body, size_t after_bytes, char *ret_bytes, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        body(ends[1]);
        _exit(0); /* no clean-up: a process that dies does none */
    }
    close(ends[1]);
    size_t got = 0;
    for (ssize_t part; got < after_bytes && (part = read(ends[0], ret_bytes + got, size - got)) > 0;)
        got += (size_t)part;
    kill(child, SIGKILL);
    for (ssize_t part; got < size && (part = read(ends[0], ret_bytes + got, size - got)) > 0;)
        got += (size_t)part; /* acknowledged before the signal came */
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return got;
}

#define ID_SIZE PACS_ORTHANC_ID_SIZE

static void add_for_ever(int pipe_fd)
{
    PacsIndex *index = open_index();
    for (unsigned i = 0; index && i < 100000; i++) {
        IndexedObject object;
        PacsIndexAdded added;
        indexed_object_init(&object, i / 9, i / 9, i / 3, i);
        if (pacs_index_add(index, &object.add, &added, NULL) != PACS_OK ||
            write(pipe_fd, added.ids[PACS_LEVEL_INSTANCE], ID_SIZE) != ID_SIZE)
            return;
    }
}

static void expect_acknowledged(PacsIndex *index, const char *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(index_contract_has(index, PACS_LEVEL_INSTANCE, ids + i * ID_SIZE));
    PacsStatistics statistics;
    assert_int_equal(pacs_index_statistics(index, &statistics, NULL), PACS_OK);
    assert_in_range(statistics.instances, count,
                    count + 1); /* one may have been committed and not yet answered */
    index_contract_expect_counters(index);
}

/** One `study.received` for each study, no more and no less, and a change for each instance. */
static void expect_rows_that_agree(PacsIndex *index)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(16u << 20);
    PacsStatistics statistics;
    PacsOutboxEvent *events = NULL;
    PacsChangePage page;
    size_t count = 0;
    const PacsChangeQuery query = {
        .since = -1, .to = -1, .limit = 100000, .type_mask = 1u << PACS_CHANGE_NEW_INSTANCE};
    assert_int_equal(pacs_index_statistics(index, &statistics, NULL), PACS_OK);
    assert_int_equal(pacs_index_read_outbox(index, 0, 10000, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, statistics.studies);
    assert_int_equal(pacs_index_read_changes(index, &query, arena, &page, NULL), PACS_OK);
    assert_int_equal(page.count, statistics.instances);
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    (void)state;
    static const size_t kill_after[] = {1, 7, 40, 120};
    static char ids[2000 * ID_SIZE];
    for (size_t i = 0; i < sizeof kill_after / sizeof kill_after[0]; i++) {
        const size_t size = run_and_kill(add_for_ever, kill_after[i] * ID_SIZE, ids, sizeof ids);
        PacsIndex *index = open_index();
        assert_non_null(index);
        expect_acknowledged(index, ids, size / ID_SIZE);
        expect_rows_that_agree(index);
        pacs_index_free(index);
        temporary_folder_free(folder);
        assert_int_equal(make_folder(NULL), 0);
    }
}

/** A write that dies when half of it is in the database's cache. */
static PacsStatus write_half_and_die(IndexSqlite *index, void *arguments, PacsError *err)
{
    (void)arguments;
    const PacsStatus status = PACS_SQL_RUN(index->writer, err,
                                           "INSERT INTO setting (name, value) VALUES (?, ?)",
                                           pacs_sql_text("half"), pacs_sql_text("done"));
    _exit(status == PACS_OK ? 0 : 1);
}

static void die_in_the_middle(int pipe_fd)
{
    PacsIndex *index = open_index();
    if (index && pacs_index_write_setting(index, "before", "committed", NULL) == PACS_OK &&
        write(pipe_fd, "1", 1) == 1 &&
        pacs_index_sqlite_write(pacs_index_sqlite(index), write_half_and_die, NULL, NULL) == PACS_OK)
        (void)fprintf(stderr, "the write did not die\n");
}

static void a_half_done_write_leaves_nothing(void **state)
{
    (void)state;
    char answers[8];
    assert_int_equal(run_and_kill(die_in_the_middle, sizeof answers, answers, sizeof answers), 1);
    PACS_AUTO(PacsIndex) index = open_index();
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const char *value = NULL;
    assert_non_null(index);
    assert_int_equal(pacs_index_read_setting(index, "before", arena, &value, NULL), PACS_OK);
    assert_int_equal(pacs_index_read_setting(index, "half", arena, &value, NULL), PACS_NOT_FOUND);
}

#define LARGE 1500

static void delete_a_large_study_and_die(int pipe_fd)
{
    PacsIndex *index = open_index();
    PacsIndexAdded added;
    PacsRemaining remaining;
    for (unsigned i = 0; index && i < LARGE; i++)
        added = index_contract_add(index, 1, 1, 1, i);
    if (index &&
        pacs_index_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY], &remaining, NULL) == PACS_OK)
        (void)write(pipe_fd, "1", 1) /* the parent sees that it did not come */;
}

static void a_large_deletion_goes_on_after_a_crash(void **state)
{
    (void)state;
    char answer;
    assert_int_equal(run_and_kill(delete_a_large_study_and_die, 1, &answer, 1), 1);
    PACS_AUTO(PacsIndex) index = open_index();
    assert_non_null(index);
    size_t seen = 0;
    while (seen < LARGE) { /* bounded by the test's time limit */
        PacsKey keys[500];
        size_t count = 0;
        assert_int_equal(pacs_index_read_garbage(index, keys, 500, &count, NULL), PACS_OK);
        assert_int_equal(pacs_index_forget_garbage(index, keys, count, NULL), PACS_OK);
        seen += count;
    }
    assert_int_equal(seen, LARGE);
    index_contract_expect_counters(index);
}

static void hold_the_index(int pipe_fd)
{
    PacsIndex *index = open_index();
    if (index && write(pipe_fd, "1", 1) == 1)
        (void)pause();
}

static void a_second_process_is_refused_until_the_first_is_gone(void **state)
{
    (void)state;
    int ends[2];
    char answer;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        hold_the_index(ends[1]);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &answer, 1), 1);
    const PacsIndexSqliteOptions options = {.path = path};
    PacsIndex *index = NULL;
    PacsError err = {0};
    assert_int_equal(pacs_index_sqlite_open(&options, NULL, &index, &err), PACS_EXISTS);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(pacs_index_sqlite_open(&options, NULL, &index, &err), PACS_OK);
    pacs_index_free(index);
    close(ends[0]);
    close(ends[1]);
}

#define CRASH_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CRASH_TEST(what_was_acknowledged_survives_a_kill),
        CRASH_TEST(a_half_done_write_leaves_nothing),
        CRASH_TEST(a_large_deletion_goes_on_after_a_crash),
        CRASH_TEST(a_second_process_is_refused_until_the_first_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
