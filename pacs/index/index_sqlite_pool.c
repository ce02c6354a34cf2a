#include <stdlib.h>

#include "pacs/index/index_sqlite_search.h"

struct IndexReaderPool {
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    uint32_t count;
    uint32_t idle_count;
    PacsSqlite **idle; /* a stack: the last one used has the warmest cache */
};

static const char reader_settings[] = "PRAGMA query_only = ON;"
                                      "PRAGMA cache_size = -16384;" /* kB */
                                      "PRAGMA temp_store = MEMORY;"
                                      "PRAGMA cell_size_check = ON;"
                                      "PRAGMA trusted_schema = OFF;";

PacsStatus pacs_index_sqlite_pool_new(const char *path, uint32_t count, IndexReaderPool **ret_pool,
                                      PacsError *err)
{
    IndexReaderPool *pool = calloc(1, sizeof *pool);
    PacsSqlite **idle = calloc(count, sizeof(PacsSqlite *));
    if (!pool || !idle) {
        free(pool);
        free(idle);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the index's readers");
    }
    *pool = (IndexReaderPool){.count = count, .idle = idle};
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->returned, NULL);
    PacsStatus status = PACS_OK;
    while (status == PACS_OK && pool->idle_count < count) {
        status = pacs_sqlite_open(path, SQLITE_OPEN_READONLY, &pool->idle[pool->idle_count], err);
        if (status == PACS_OK)
            status = pacs_sqlite_script(pool->idle[pool->idle_count++], reader_settings, err);
        if (status == PACS_OK)
            status = pacs_index_sqlite_search_functions(pool->idle[pool->idle_count - 1], err);
    }
    if (status != PACS_OK) {
        pacs_index_sqlite_pool_free(pool);
        return status;
    }
    *ret_pool = pool;
    return PACS_OK;
}

void pacs_index_sqlite_pool_free(IndexReaderPool *pool)
{
    if (!pool)
        return;
    for (uint32_t i = 0; i < pool->idle_count; i++)
        pacs_sqlite_close(pool->idle[i]);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->idle);
    free(pool);
}

PacsStatus pacs_index_sqlite_read_begin(IndexSqlite *index, bool snapshot, IndexReader *ret_reader,
                                        PacsError *err)
{
    IndexReaderPool *pool = index->readers;
    pthread_mutex_lock(&pool->mutex);
    while (pool->idle_count == 0)
        pthread_cond_wait(&pool->returned, &pool->mutex);
    *ret_reader = (IndexReader){.pool = pool, .connection = pool->idle[--pool->idle_count]};
    pthread_mutex_unlock(&pool->mutex);
    if (!snapshot)
        return PACS_OK;
    const PacsStatus status = pacs_sqlite_run(ret_reader->connection, "BEGIN", NULL, 0, err);
    ret_reader->in_snapshot = status == PACS_OK;
    return status;
}

void pacs_index_sqlite_read_end(IndexReader *reader)
{
    if (!reader->connection)
        return;
    if (reader->in_snapshot && pacs_sqlite_in_transaction(reader->connection))
        pacs_sqlite_try(reader->connection, "COMMIT"); /* nothing was written */
    pthread_mutex_lock(&reader->pool->mutex);
    reader->pool->idle[reader->pool->idle_count++] = reader->connection;
    pthread_cond_signal(&reader->pool->returned);
    pthread_mutex_unlock(&reader->pool->mutex);
    *reader = (IndexReader){0};
}
