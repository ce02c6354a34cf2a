#pragma once

#include <stddef.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A bounded pool of threads and a bounded queue of work for it.
 *
 * Threads: pacs_pool_submit() from any thread. Threads are started as work comes, up to the maximum, and
 *          block in what they run; results are handed back by the work itself.
 * Errors:  PACS_UNAVAILABLE when the queue is full (the caller answers "busy"), PACS_CANCELLED after stop.
 */
typedef struct PacsPool PacsPool;

PACS_CHECKED PacsStatus pacs_pool_new(const char *name, size_t max_threads, size_t max_queued, PacsPool **ret_pool,
                                      PacsError *err);
PACS_CHECKED PacsStatus pacs_pool_submit(PacsPool *pool, void (*run)(void *argument), void *argument, PacsError *err);
/** Refuse new work, finish what is queued, join the threads. Safe to call twice. */
void pacs_pool_stop(PacsPool *pool);
void pacs_pool_free(PacsPool *pool); /* stops first */
PACS_DEFINE_AUTO(PacsPool, pacs_pool_free);
