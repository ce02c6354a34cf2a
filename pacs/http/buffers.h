#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"

/**
 * Buffers for answers that are read whole before they leave: frames, mostly. They are used again, last one first,
 * so that a frame lands in memory that is mapped and still in the processor's cache.
 *
 * Threads: any.
 * Owner:   a buffer taken is the caller's until it is given back; the pool outlives them.
 */
typedef struct PacsHttpBuffers PacsHttpBuffers;

/** max_held: bytes of buffers out at the same time. NULL: no memory. */
PacsHttpBuffers *pacs_http_buffers_new(uint64_t max_held);
void pacs_http_buffers_free(PacsHttpBuffers *buffers);
PACS_DEFINE_AUTO(PacsHttpBuffers, pacs_http_buffers_free);

/** NULL: no memory, or too much of it is out (readers that do not read): then the answer has to be streamed. */
uint8_t *pacs_http_buffers_take(PacsHttpBuffers *buffers, size_t size);
/** NULL is fine. */
void pacs_http_buffer_give_back(void *bytes);
