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

/** What cmocka calls before and after a test: *state is an archive that overwrites nothing. */
int test_archive_set_up(void **state);
int test_archive_tear_down(void **state);

/** Make ingest find that events wait for longer than they may, or that they do not; asserts. */
void test_archive_set_backlog(const TestArchive *archive, bool has_backlog);

/** Objects in the store at this moment. */
unsigned test_archive_object_count(const TestArchive *archive);

/** Push a whole object through an upload in pieces of `piece` bytes (0: at once). */
PacsStatus test_archive_push(PacsIngest *ingest, const void *bytes, size_t size, size_t piece,
                             PacsIngested *ret_ingested, PacsError *err);
/** The same with the file of test_object(1, 1, number), which has to be taken. */
PacsIngested test_archive_push_object(const TestArchive *archive, unsigned number);
