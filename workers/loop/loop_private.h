#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "events/contract/cloudevent.h"
#include "workers/loop/inbox.h"
#include "workers/loop/loop.h"

/* What loop.c (which record, how often), attempt.c (one try) and parking.c (what waits, what is given up) share. */

typedef struct LoopCounters {
    PacsMetricFamily *processed; /* by type */
    PacsMetricFamily *dead;      /* by class */
    PacsMetric *duplicate, *stale, *ignored, *retries;
    PacsMetric *effect_seconds, *age_seconds;
    PacsMetric *parked_keys, *parked_events, *parked_oldest;
    PacsMetric *last_success;
} LoopCounters;

struct WorkerLoop {
    WorkerLoopOptions options;
    LoopCounters counters;
    PacsArena *arena;         /* the event at hand */
    PacsArena *attempt_arena; /* one attempt */

    uint32_t parked_in_a_row; /* keys, since anything succeeded */
    int64_t parked_check_ms, prune_check_ms;

    _Atomic uint64_t attempt_since_ns; /* 0: none is running */
    atomic_bool stopping;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    PacsError trouble; /* with the database, or where dead letters go; status PACS_OK: none */
};

/** An event with all that is known of it. */
typedef struct LoopWork {
    const WorkerRecord *record;
    const WorkerParked *parked; /* NULL: straight from the source */
    EventsCloudEvent event;
    const WorkerHandler *handler;
    const char *key;
    uint64_t revision;
    uint32_t attempt;
} LoopWork;

typedef enum LoopOutcome {
    LOOP_APPLIED,
    LOOP_DUPLICATE,
    LOOP_STALE,
    LOOP_QUEUED, /* behind parked events of its key */
} LoopOutcome;

/* ---- attempt.c ---- */

/** *ret_is_database: it is the worker's own database that failed, and says nothing about the event. */
PACS_CHECKED PacsStatus worker_attempt(WorkerLoop *loop, const LoopWork *work, LoopOutcome *ret_outcome,
                                       bool *ret_is_database, PacsError *err);

/* ---- parking.c ---- */

/** The event and its key wait in the table. */
PACS_CHECKED PacsStatus worker_park(WorkerLoop *loop, const LoopWork *work, const PacsError *why,
                                    PacsError *err);
/** Try one parked event that is due; *ret_found false: none is. */
PACS_CHECKED PacsStatus worker_retry_parked(WorkerLoop *loop, bool *ret_found, PacsError *err);
/** Dead letter: to the source's place for such, or the table. */
PACS_CHECKED PacsStatus worker_bury(WorkerLoop *loop, const WorkerRecord *record, const WorkerParked *parked,
                                    const WorkerDeath *death, PacsError *err);
PACS_CHECKED PacsStatus worker_count_parked(WorkerLoop *loop, PacsError *err);

/* ---- loop.c ---- */

int64_t worker_loop_now_ms(const WorkerLoop *loop);
/** Decode and find the handler. PACS_UNSUPPORTED: not for this worker; other failures: poison. In the arena. */
PACS_CHECKED PacsStatus worker_understand(const WorkerLoop *loop, const WorkerRecord *record,
                                          PacsArena *arena, LoopWork *ret_work, PacsError *err);
void worker_loop_count(WorkerLoop *loop, const LoopWork *work, LoopOutcome outcome);
