#pragma once

#include "pacs/index/index_write.h"

/**
 * What every index must do, whatever it keeps its rows in. A back end's own test program describes how to get
 * one and runs the suite:
 *
 *     static const IndexContract sqlite = {.name = "sqlite", .open = ..., .clear = ...};
 *     return index_contract_run(&sqlite);
 *
 * Each test gets an empty index. The suite is split by subject into index_contract_*.c.
 */
typedef struct IndexContract {
    const char *name;
    /** An index over the test's place, which is made empty for the first call of a test; what it may tell of patients. */
    PacsIndex *(*open)(PacsPhiFields phi_fields);
    /** Forget the place; the index is closed. */
    void (*clear)(void);
} IndexContract;

/** Number of failed tests. */
int index_contract_run(const IndexContract *contract);

/* Also of use to a back end's own tests; failing an expectation fails the test. */

/** Sum up everything through the public walks and compare it with counters of resources and statistics. */
void index_contract_expect_counters(PacsIndex *index);
/** Add one made-up object (tests/support/indexed_object.h), which must be new. */
PacsIndexAdded index_contract_add(PacsIndex *index, unsigned patient, unsigned study, unsigned series,
                                  unsigned instance);
/** True if there is such a resource. */
bool index_contract_has(PacsIndex *index, PacsLevel level, const char *id);
