#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A bounded queue of pointers between threads. The queue does not own what the pointers point at.
 *
 * Errors: push PACS_CANCELLED after close, PACS_UNAVAILABLE where try_push finds it full.
 */
typedef struct PacsQueue PacsQueue;

PACS_CHECKED PacsStatus pacs_queue_new(size_t max_items, PacsQueue **ret_queue, PacsError *err);
PACS_CHECKED PacsStatus pacs_queue_push(PacsQueue *queue, void *item, PacsError *err); /* waits for room */
PACS_CHECKED PacsStatus pacs_queue_try_push(PacsQueue *queue, void *item, PacsError *err);

/** Wait for at least one item, take up to `max` (oldest first); 0 only when closed and empty. */
size_t pacs_queue_pop(PacsQueue *queue, void **ret_items, size_t max);
/** As pop, but gives up after timeout_ms (0: at once); 0 then too. */
size_t pacs_queue_pop_wait(PacsQueue *queue, void **ret_items, size_t max, uint32_t timeout_ms);
size_t pacs_queue_size(PacsQueue *queue);
void pacs_queue_close(PacsQueue *queue); /* pushes fail from now on; pops drain what is left */
void pacs_queue_free(PacsQueue *queue);
PACS_DEFINE_AUTO(PacsQueue, pacs_queue_free);
