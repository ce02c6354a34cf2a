#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/index_contract.h"
#include "tests/support/indexed_object.h"

/* Shared by the files of the suite. The state of each test is its index. */

#define INDEX_CONTRACT_ARENA (16u << 20)

PacsIndex *index_contract_index(void **state);
/** Close the test's index and open it again. */
PacsIndex *index_contract_reopen(void **state);
PacsIndex *index_contract_reopen_with(void **state, PacsPhiFields phi_fields);

PacsResource *index_contract_find(PacsIndex *index, PacsArena *arena, PacsLevel level, const char *id);
/** Names of all changes, oldest first, joined by spaces. The caller's to free. */
char *index_contract_changes(PacsIndex *index);
/** Unsent events, all of them. */
size_t index_contract_events(PacsIndex *index, PacsArena *arena, PacsOutboxEvent **ret_events);
/** Keys in the garbage. */
size_t index_contract_garbage(PacsIndex *index);
PacsStatistics index_contract_statistics(PacsIndex *index);
void index_contract_delete(PacsIndex *index, PacsLevel level, const char *id);
/** Mark everything stable. */
void index_contract_stabilise(PacsIndex *index);

extern const struct CMUnitTest index_contract_add_tests[];
extern const size_t index_contract_add_count;
extern const struct CMUnitTest index_contract_read_tests[];
extern const size_t index_contract_read_count;
extern const struct CMUnitTest index_contract_delete_tests[];
extern const size_t index_contract_delete_count;
extern const struct CMUnitTest index_contract_event_tests[];
extern const size_t index_contract_event_count;
extern const struct CMUnitTest index_contract_outbox_tests[];
extern const size_t index_contract_outbox_count;
extern const struct CMUnitTest index_contract_report_tests[];
extern const size_t index_contract_report_count;
extern const struct CMUnitTest index_contract_search_tests[];
extern const size_t index_contract_search_count;
extern const struct CMUnitTest index_contract_search_page_tests[];
extern const size_t index_contract_search_page_count;
extern const struct CMUnitTest index_contract_metadata_tests[];
extern const size_t index_contract_metadata_count;

/* Used by every file's table. */
int index_contract_setup(void **state);
int index_contract_teardown(void **state);
#define INDEX_TEST(name) cmocka_unit_test_setup_teardown(name, index_contract_setup, index_contract_teardown)
