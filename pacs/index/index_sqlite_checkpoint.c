#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacs/index/index_sqlite.h"

/**
 * A commit appends to the log and is done; copying the log into the database is this thread's work. It cannot
 * catch up with writers that go on appending, so once it has copied most of a long log, the upkeep copies
 * the rest between two transactions, and with nothing left to copy SQLite begins the log anew.
 */
#define CHECKPOINT_FRAMES 4000 /* pages of 4 kB: a log of 16 MB, copied in some 20 ms */

struct IndexCheckpointer {
    PacsSqlite *connection;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* under the mutex */
    bool stop;
    int frames;      /* length of the log after the last commit */
    int copied_at;   /* its length when it was copied last */
    bool finish_due; /* the writer is to copy the rest */
};

static bool is_due(const IndexCheckpointer *checkpointer)
{
    return checkpointer->frames >= checkpointer->copied_at + CHECKPOINT_FRAMES;
}

static int copy_log(PacsSqlite *connection)
{
    int frames = 0;
    int copied = 0;
    /* PASSIVE waits for nobody. A failure is not the writer's: the log grows, and the next commit
     * asks again. */
    (void)sqlite3_wal_checkpoint_v2(pacs_sqlite_handle(connection), NULL, SQLITE_CHECKPOINT_PASSIVE, &frames,
                                    &copied);
    return frames;
}

static void *checkpoint_main(void *argument)
{
    IndexCheckpointer *checkpointer = argument;
    pthread_mutex_lock(&checkpointer->mutex);
    while (!checkpointer->stop) {
        if (!is_due(checkpointer)) {
            pthread_cond_wait(&checkpointer->wake, &checkpointer->mutex);
            continue;
        }
        pthread_mutex_unlock(&checkpointer->mutex);
        const int frames = copy_log(checkpointer->connection);
        pthread_mutex_lock(&checkpointer->mutex);
        checkpointer->copied_at = frames > 0 ? frames : checkpointer->frames;
        checkpointer->finish_due = true;
    }
    pthread_mutex_unlock(&checkpointer->mutex);
    return NULL;
}

PacsStatus pacs_index_sqlite_lengthen_log(const char *path, uint64_t bytes, PacsError *err)
{
    static const uint8_t zeros[64u << 10]; /* no frame: where reading the log after a crash ends */
    char log_path[4096];
    struct stat file;
    const int length = snprintf(log_path, sizeof log_path, "%s-wal", path);

    if (length < 0 || (size_t)length >= sizeof log_path)
        return pacs_fail(err, PACS_INVALID, "the path of the index is too long");
    PACS_AUTO_CLOSE int fd = open(log_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &file) < 0)
        return PACS_OK; /* an index without a log grows one with its first write */
    for (uint64_t at = (uint64_t)file.st_size; at < bytes; at += sizeof zeros) {
        if (pwrite(fd, zeros, sizeof zeros, (off_t)at) < 0)
            return PACS_OK; /* a full disk: the writes to come will say so */
    }
    (void)fdatasync(fd); /* nothing is promised by zeros */
    return PACS_OK;
}

/** SQLite calls it after each commit, on the thread that writes. */
static int on_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    IndexCheckpointer *checkpointer = context;
    pthread_mutex_lock(&checkpointer->mutex);
    if (frames < checkpointer->frames)
        checkpointer->copied_at = 0; /* the log has begun anew */
    checkpointer->frames = frames;
    if (is_due(checkpointer))
        pthread_cond_signal(&checkpointer->wake);
    pthread_mutex_unlock(&checkpointer->mutex);
    return SQLITE_OK;
}

bool pacs_index_sqlite_checkpoint_is_due(IndexCheckpointer *checkpointer)
{
    pthread_mutex_lock(&checkpointer->mutex);
    const bool due = checkpointer->finish_due;
    pthread_mutex_unlock(&checkpointer->mutex);
    return due;
}

void pacs_index_sqlite_checkpoint_finish(IndexCheckpointer *checkpointer, PacsSqlite *writer)
{
    pthread_mutex_lock(&checkpointer->mutex);
    const bool due = checkpointer->finish_due;
    checkpointer->finish_due = false;
    pthread_mutex_unlock(&checkpointer->mutex);
    if (due)
        (void)copy_log(writer);
}

PacsStatus pacs_index_sqlite_checkpoint_start(const char *path, PacsSqlite *writer,
                                              IndexCheckpointer **ret_checkpointer, PacsError *err)
{
    IndexCheckpointer *checkpointer = calloc(1, sizeof *checkpointer);
    if (!checkpointer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the index's checkpoints");
    pthread_mutex_init(&checkpointer->mutex, NULL);
    pthread_cond_init(&checkpointer->wake, NULL);
    PacsStatus status = pacs_sqlite_open(path, SQLITE_OPEN_READWRITE, &checkpointer->connection, err);
    if (status == PACS_OK)
        status = pacs_sqlite_script(checkpointer->connection, "PRAGMA synchronous = FULL", err);
    if (status == PACS_OK && pthread_create(&checkpointer->thread, NULL, checkpoint_main, checkpointer) != 0)
        status = pacs_fail(err, PACS_UNAVAILABLE, "cannot start the index's checkpoint thread");
    if (status != PACS_OK) {
        pacs_index_sqlite_checkpoint_stop(checkpointer);
        return status;
    }
    checkpointer->started = true;
    sqlite3_wal_hook(pacs_sqlite_handle(writer), on_commit, checkpointer);
    *ret_checkpointer = checkpointer;
    return PACS_OK;
}

void pacs_index_sqlite_checkpoint_stop(IndexCheckpointer *checkpointer)
{
    if (!checkpointer)
        return;
    if (checkpointer->started) {
        pthread_mutex_lock(&checkpointer->mutex);
        checkpointer->stop = true;
        pthread_cond_signal(&checkpointer->wake);
        pthread_mutex_unlock(&checkpointer->mutex);
        pthread_join(checkpointer->thread, NULL);
    }
    pacs_sqlite_close(checkpointer->connection);
    pthread_cond_destroy(&checkpointer->wake);
    pthread_mutex_destroy(&checkpointer->mutex);
    free(checkpointer);
}
