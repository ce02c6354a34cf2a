#pragma once

#include "pacs/index/index_search.h"
#include "tests/contract/index_contract_internal.h"

/* Shared by the files of the suite that search. */

/** A study with one instance, or one more series or instance of it; what is left out is as indexed_object_init() has it,
 *  "" takes the tag away. */
typedef struct SearchStudy {
    unsigned study;
    unsigned patient;          /* 0: the study's number */
    unsigned series, instance; /* 0: 1 */
    const char *patient_id;
    const char *name, *birth_date, *date, *time, *zone, *accession, *description, *physician;
    const char *modality, *series_description;
    const char *sop_class_uid;
    const char *json; /* its DICOM JSON; else {} */
} SearchStudy;

void search_add(PacsIndex *index, const SearchStudy *study);
/** Give the object this DICOM JSON, packed as ingest packs it. The caller frees it after the addition. */
void *search_pack(IndexedObject *object, const char *json);

#define VALUES(t, ...)                                                                                       \
    ((PacsSearchTerm){.tag = (t),                                                                            \
                      .match = PACS_MATCH_VALUES,                                                            \
                      .values = (const char *const[]){__VA_ARGS__},                                          \
                      .value_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)})
#define WILDCARD(t, pattern)                                                                                 \
    ((PacsSearchTerm){.tag = (t),                                                                            \
                      .match = PACS_MATCH_WILDCARD,                                                          \
                      .values = (const char *const[]){pattern},                                              \
                      .value_count = 1})
#define RANGE(t, first, last)                                                                                \
    ((PacsSearchTerm){.tag = (t), .match = PACS_MATCH_RANGE, .from = (first), .to = (last)})

/** A limit of 0 means 100 here. */
PacsStatus search_try(PacsIndex *index, const PacsSearch *search, PacsArena *arena, PacsSearchPage *ret_page);
/** What UIDs (of patients: ids) of a page have behind "1.2.840.", in the arena. */
const char *search_list(const PacsSearchPage *page, PacsLevel level, PacsArena *arena);
/** The list, or the name of the status. */
void search_expect_of(PacsIndex *index, const PacsSearch *search, const char *expected, const char *file,
                      int line);
#define search_expect(index, searched, term, expected)                                                       \
    search_expect_of((index), &(PacsSearch){.level = (searched), .terms = &(term), .term_count = 1},         \
                     (expected), __FILE__, __LINE__)
