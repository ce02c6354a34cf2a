#pragma once

#include "workers/loop/database.h"

/** What a kind of database fills in; database.c is the front. One connection, opened when it is first needed and again after
 *  it was lost. */
typedef struct WorkerDatabaseOps {
    const char *name;
    PacsStatus (*begin)(WorkerDatabase *self, PacsError *err);
    PacsStatus (*commit)(WorkerDatabase *self, PacsError *err);
    void (*rollback)(WorkerDatabase *self);
    /** Keep other processes from migrating until the transaction ends. */
    PacsStatus (*lock)(WorkerDatabase *self, PacsError *err);
    PacsStatus (*script)(WorkerDatabase *self, const char *sql, PacsError *err);
    /** arena and ret_rows NULL: rows are thrown away. ret_changed may be NULL. */
    PacsStatus (*execute)(WorkerDatabase *self, const char *sql, const PacsSqlValue *values, size_t count,
                          PacsArena *arena, WorkerRows *ret_rows, uint64_t *ret_changed, PacsError *err);
    void (*free)(WorkerDatabase *self); /* frees self too */
} WorkerDatabaseOps;

struct WorkerTransaction {
    WorkerDatabase *database; /* NULL: none is open */
};

struct WorkerDatabase {
    const WorkerDatabaseOps *ops;
    WorkerTransaction transaction;
};

PACS_CHECKED PacsStatus worker_database_sqlite_new(const WorkerDatabaseOptions *options,
                                                   WorkerDatabase **ret_database, PacsError *err);
PACS_CHECKED PacsStatus worker_database_postgres_new(const WorkerDatabaseOptions *options,
                                                     WorkerDatabase **ret_database, PacsError *err);
