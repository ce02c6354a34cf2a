#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "workers/loop/database.h"
#include "workers/loop/source.h"
#include "workers/loop/worker.h"

/**
 * Takes records from a source and sees each through: once, in the order of its key, whatever fails meanwhile.
 *
 *   record ─ decode ─ had it? ─ key parked? ─ prepare ─┬ inbox, revision, apply, place: one transaction ─ offset
 *                                                      └ fails: again · parked with its key · dead letter
 *
 * Threads: one runs it; worker_loop_stop() and worker_loop_health() from any.
 */
typedef struct WorkerLoop WorkerLoop;

/** Wait for ms, or less; true: the process is to end. */
typedef bool WorkerWait(void *context, uint32_t ms);

typedef struct WorkerLoopOptions {
    const WorkerDefinition *definition; /* all of these are borrowed and outlive the loop */
    void *context;                      /* the worker's, for its effects */
    const char *consumer;               /* name in the tables: the group */
    WorkerDatabase *database;
    WorkerSource *source;
    PacsMetrics *metrics;
    uint32_t max_effect_ms; /* 0: 300,000. An attempt that takes longer hangs: /livez fails */
    uint32_t inbox_days;    /* 0: 30. Ids of events are kept as long: more than any topic keeps events */
    uint32_t parked_days;   /* 0: 7. A parked event that is older is given up */
    WorkerWait *wait;       /* NULL: real time, ended by worker_loop_stop() */
    void *wait_context;
    int64_t (*now_ms)(void); /* NULL: the clock */
} WorkerLoopOptions;

PACS_CHECKED PacsStatus worker_loop_new(const WorkerLoopOptions *options, WorkerLoop **ret_loop,
                                        PacsError *err);
void worker_loop_free(WorkerLoop *loop);
PACS_DEFINE_AUTO(WorkerLoop, worker_loop_free);

/** Migrate the tables, then take records until worker_loop_stop(). A database or broker that is away is waited for.
 *  PACS_CANCELLED: the source has ended for good; others: tables that this worker cannot use. */
PACS_CHECKED PacsStatus worker_loop_run(WorkerLoop *loop, PacsError *err);
/** One turn: parked keys that are due, then a record, if one comes within timeout_ms. */
PACS_CHECKED PacsStatus worker_loop_step(WorkerLoop *loop, uint32_t timeout_ms, PacsError *err);

/** The record at hand is finished, if that takes no waiting; no other is taken. */
void worker_loop_stop(WorkerLoop *loop);

typedef struct WorkerHealth {
    bool is_alive; /* no attempt hangs */
    bool is_ready; /* records can be read and tables written */
    PacsError why; /* not ready */
} WorkerHealth;

void worker_loop_health(WorkerLoop *loop, WorkerHealth *ret_health);
