#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/database/sqlite.h"
#include "pacs/index/index_outbox.h"
#include "pacs/util/clock.h"

/**
 * How fast a backlog of events is read and marked sent, with nobody in between: `outbox_bench FOLDER EVENTS [BATCH]`.
 *
 * The folder must be empty. Prints what a question for the depth takes while all of them wait, and events a second from
 * reading them in batches (of 1,000 unless said) until the last is marked.
 */
#define ARENA_BYTES (256u << 20)

/** Rows as an index writes them, of about the length that study.arrived has, in one go: this is not what is measured. */
static const char fill_sql[] =
    "BEGIN;"
    "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < %" PRIu64 ")"
    " INSERT INTO outbox (id, ce_id, type, key, lane, revision, created_ms, traceparent, data)"
    " SELECT n, printf('019a4b1d-6c2e-7d31-9f04-%%012d', n), 'study.arrived', '2.25.' || (n / 2), 'normal', n %% 2 + 1,"
    " 1770000000000 + n, NULL, '{\"x\":\"' || printf('%%.*c', 1000, 'x') || '\"}' FROM number;"
    "INSERT INTO outbox_unsent SELECT id FROM outbox;"
    "UPDATE total SET last_event = %" PRIu64 ", unsent_events = %" PRIu64 "; COMMIT";

static PacsStatus fill(const char *path, uint64_t events, PacsError *err)
{
    PACS_AUTO(PacsSqlite) database = NULL;
    char sql[1024];
    (void)snprintf(sql, sizeof sql, fill_sql, events, events, events);
    const PacsStatus status = pacs_sqlite_open(path, SQLITE_OPEN_READWRITE, &database, err);
    return status == PACS_OK ? pacs_sqlite_script(database, sql, err) : status;
}

static PacsStatus print_depth(PacsIndex *index, PacsError *err)
{
    PacsOutboxDepth depth;
    const uint64_t started = pacs_monotonic_ns();
    const PacsStatus status = pacs_index_outbox_depth(index, &depth, err);
    if (status == PACS_OK)
        printf("depth %" PRIu64 " in %.1f us\n", depth.unsent,
               (double)(pacs_monotonic_ns() - started) / 1000);
    return status;
}

static PacsStatus drain(PacsIndex *index, size_t batch, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_BYTES);
    PACS_AUTO_FREE int64_t *ids = calloc(batch, sizeof *ids);
    const PacsFence fence = {.name = "relay", .epoch = 1};
    const uint64_t started = pacs_monotonic_ns();
    uint64_t total = 0;
    size_t count = 1;
    PacsStatus status = arena && ids ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory");
    while (status == PACS_OK && count > 0) {
        PacsOutboxEvent *events = NULL;
        pacs_arena_reset(arena);
        status = pacs_index_read_outbox(index, (int64_t)total, batch, arena, &events, &count, err);
        for (size_t i = 0; status == PACS_OK && i < count; i++)
            ids[i] = events[i].id;
        if (status == PACS_OK)
            status = pacs_index_mark_sent(index, &fence, ids, count, err);
        total += status == PACS_OK ? count : 0;
    }
    const double seconds = (double)(pacs_monotonic_ns() - started) / 1e9;
    printf("%" PRIu64 " events in %.2f s: %.0f a second\n", total, seconds, (double)total / seconds);
    return status;
}

static PacsStatus run(const char *path, uint64_t events, size_t batch, PacsError *err)
{
    PACS_AUTO(PacsIndex) index = NULL;
    bool held = false;
    const PacsIndexSqliteOptions options = {.path = path};
    PacsStatus status = pacs_index_sqlite_open(&options, NULL, &index, err);
    pacs_index_free(PACS_STEAL(index));
    if (status == PACS_OK)
        status = fill(path, events, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_open(&options, NULL, &index, err);
    if (status == PACS_OK)
        status = pacs_index_take_lease(index, "relay", "bench", 3600000, &held, NULL, err);
    if (status == PACS_OK)
        status = print_depth(index, err);
    return status == PACS_OK ? drain(index, batch, err) : status;
}

int main(int argc, char **argv)
{
    const uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    const size_t batch = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
    char path[4096];
    PacsError err = {0};
    if (events == 0 || batch == 0) {
        (void)fprintf(stderr, "outbox_bench FOLDER EVENTS [BATCH]\n");
        return 2;
    }
    (void)snprintf(path, sizeof path, "%s/index.db", argv[1]);
    if (run(path, events, batch, &err) != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}
