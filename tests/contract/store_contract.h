#pragma once

#include "pacs/store/store.h"

/**
 * What every object store must do, whatever it keeps its bytes in. A back end's own test program describes
 * how to get one and runs the suite:
 *
 *     static const StoreContract fs = {.name = "fs", .open = ..., .clear = ...};
 *     return store_contract_run(&fs);
 *
 * Each test gets an empty store.
 */
typedef struct StoreContract {
    const char *name;
    /** A store over the test's place, which is made empty for the first call of a test. */
    PacsStore *(*open)(void);
    /** Forget the place; the store is closed. */
    void (*clear)(void);
    bool lasts; /* what was committed is there after closing and opening again */
} StoreContract;

/** Number of failed tests. */
int store_contract_run(const StoreContract *contract);

/* Also of use to a back end's own tests; failing an expectation fails the test. */

/** Bytes that depend on their position and on `seed`, so that a swap or a shift shows. */
void store_contract_fill(uint8_t *bytes, size_t size, unsigned seed);
/** Put one object of `size` such bytes, pushed in pieces of `piece` bytes. */
PacsKey store_contract_put(PacsStore *store, size_t size, unsigned seed, size_t piece);
/** The object is `size` such bytes, no more and no less. */
void store_contract_expect(PacsStore *store, const PacsKey *key, size_t size, unsigned seed);
/** Number of objects that pacs_store_list() shows. */
size_t store_contract_count(PacsStore *store);
