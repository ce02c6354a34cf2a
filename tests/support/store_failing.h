#pragma once

#include "pacs/store/store.h"

/**
 * A store that forwards to another one and fails where a test tells it to: every error path of a caller can
 * be walked by failing the first call of a slot, then the second, and so on until nothing fails any more.
 *
 * Owner:   `inner` is borrowed and outlives the wrapper; the wrapper is freed with pacs_store_free().
 * Threads: any.
 */
typedef enum StoreFailingSlot {
    STORE_FAILING_CREATE,
    STORE_FAILING_WRITE,
    STORE_FAILING_COMMIT,
    STORE_FAILING_OPEN,
    STORE_FAILING_OPEN_FD,
    STORE_FAILING_SIZE,
    STORE_FAILING_REMOVE,
    STORE_FAILING_LIST,
    STORE_FAILING_SLOT_COUNT,
} StoreFailingSlot;

/** NULL: no memory. */
PacsStore *store_failing_new(PacsStore *inner);

/** From now on the n-th call of `slot` (1: the next) fails once with `status`, without reaching the inner
 * store. 0 as n: every call. PACS_OK as status: none. */
void store_failing_arm(PacsStore *failing, StoreFailingSlot slot, unsigned n, PacsStatus status);

/** Calls of the slot so far, failed ones included. */
unsigned store_failing_calls(PacsStore *failing, StoreFailingSlot slot);
