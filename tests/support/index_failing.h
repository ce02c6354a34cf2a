#pragma once

#include "pacs/index/index_write.h"

/**
 * An index that forwards to another one and fails where a test tells it to: every error path of a caller can
 * be walked by failing the first call of a slot, then the second, and so on until nothing fails any more.
 *
 * Owner:   `inner` is borrowed and outlives the wrapper; the wrapper is freed with pacs_index_free().
 * Threads: any.
 */
typedef enum IndexFailingSlot {
    INDEX_FAILING_CHECK,
    INDEX_FAILING_ADD,
    INDEX_FAILING_DELETE,
    INDEX_FAILING_STABILISE,
    INDEX_FAILING_ARRIVE,
    INDEX_FAILING_FIND, /* pacs_index_find_level() and pacs_index_find_ancestor() ask this slot too */
    INDEX_FAILING_LIST,
    INDEX_FAILING_FIND_OBJECT,
    INDEX_FAILING_FIND_OBJECT_AT,
    INDEX_FAILING_FIND_UIDS,
    INDEX_FAILING_SEARCH,
    INDEX_FAILING_LIST_OBJECTS,
    INDEX_FAILING_FIND_BLOBS,
    INDEX_FAILING_READ_METADATA,
    INDEX_FAILING_STATISTICS,
    INDEX_FAILING_READ_CHANGES,
    INDEX_FAILING_CLEAR_CHANGES,
    INDEX_FAILING_READ_GARBAGE,
    INDEX_FAILING_FORGET_GARBAGE,
    INDEX_FAILING_HAS_KEY,
    INDEX_FAILING_READ_SETTING,
    INDEX_FAILING_WRITE_SETTING,
    INDEX_FAILING_READ_OUTBOX,
    INDEX_FAILING_READ_EVENTS,
    INDEX_FAILING_EVENT_BOUNDS,
    INDEX_FAILING_MARK_SENT,
    INDEX_FAILING_MARK_DEAD,
    INDEX_FAILING_LIST_DEAD,
    INDEX_FAILING_SETTLE_DEAD,
    INDEX_FAILING_OUTBOX_DEPTH,
    INDEX_FAILING_PURGE_OUTBOX,
    INDEX_FAILING_TELL,
    INDEX_FAILING_LISTEN,
    INDEX_FAILING_FIND_SERIES_METADATA,
    INDEX_FAILING_READ_METADATA_STREAM,
    INDEX_FAILING_READ_SERIES_JSON,
    INDEX_FAILING_SET_METADATA_ROOT,
    INDEX_FAILING_FIND_UNAPPENDED,
    INDEX_FAILING_APPEND_METADATA,
    INDEX_FAILING_PURGE_METADATA,
    INDEX_FAILING_TAKE_LEASE,
    INDEX_FAILING_DROP_LEASE,
    INDEX_FAILING_SLOT_COUNT,
} IndexFailingSlot;

/** NULL: no memory. */
PacsIndex *index_failing_new(PacsIndex *inner);

/** From now on the n-th call of `slot` (1: the next) fails once with `status`, without reaching the inner
 * index. 0 as n: every call. PACS_OK as status: none. */
void index_failing_arm(PacsIndex *index, IndexFailingSlot slot, unsigned n, PacsStatus status);

/** Calls of the slot so far, failed ones included. */
unsigned index_failing_calls(PacsIndex *index, IndexFailingSlot slot);
