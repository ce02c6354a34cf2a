#pragma once

#include "pacs/ingest/ingest.h"

/**
 * A small archive in a temporary folder, for tests of the rooms above store and index: objects in memory, the
 * index in SQLite. test_archive_open() asserts; close removes the folder.
 */
typedef struct TestArchive {
    char folder[64];
    PacsStore *store;
    PacsIndex *index;
    PacsIngest *ingest;
} TestArchive;

void test_archive_open(TestArchive *archive, PacsOverwrite overwrite);
void test_archive_close(TestArchive *archive);

/** Objects in the store at this moment. */
unsigned test_archive_object_count(const TestArchive *archive);

/** Push a whole object through an upload in pieces of `piece` bytes (0: at once). */
PacsStatus test_archive_push(PacsIngest *ingest, const void *bytes, size_t size, size_t piece,
                             PacsIngested *ret_ingested, PacsError *err);
