#pragma once

#include <stddef.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A bounded pool of threads and a bounded queue of work for it.
 *
 * Threads: pacs_pool_submit() from any thread. Threads are started as work comes, up to the maximum, and
 *          block in what they run; results are handed back by the work itself.
 *          Threads have all signals blocked, so that these reach the main thread.
 * Errors:  PACS_UNAVAILABLE when `max_threads` works run and `max_queued` wait (the caller answers "busy")
 *          or no thread can be started, PACS_CANCELLED after stop.
 */
typedef struct PacsPool PacsPool;

PACS_CHECKED PacsStatus pacs_pool_new(const char *name, size_t max_threads, size_t max_queued,
                                      PacsPool **ret_pool, PacsError *err);
PACS_CHECKED PacsStatus pacs_pool_submit(PacsPool *pool, void (*run)(void *argument), void *argument,
                                         PacsError *err);
/** Refuse new work, finish what is queued, join the threads. Safe to call twice, and from several threads
 *  (each returns when all is finished), but not from the pool's own work. */
void pacs_pool_stop(PacsPool *pool);
void pacs_pool_free(PacsPool *pool); /* stops first */
PACS_DEFINE_AUTO(PacsPool, pacs_pool_free);
