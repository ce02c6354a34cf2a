#include "tests/support/archive.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/util/clock.h"
#include "tests/support/object.h"

#define BACKLOG_AGE_S 3600

void test_archive_open(TestArchive *archive, PacsOverwrite overwrite)
{
    char path[128];
    PacsIngestOptions options = {.overwrite = overwrite, .max_outbox_age_s = BACKLOG_AGE_S};

    *archive = (TestArchive){.folder = "/tmp/lightbox-test-XXXXXX"};
    char *made = mkdtemp(archive->folder);
    assert(made);
    (void)made;
    (void)snprintf(path, sizeof path, "%s/index.sqlite", archive->folder);

    PacsStatus status = pacs_store_memory_open(64u << 20, &archive->store, NULL);
    assert(status == PACS_OK);
    status = pacs_index_sqlite_open(&(PacsIndexSqliteOptions){.path = path}, NULL, &archive->index, NULL);
    assert(status == PACS_OK);
    status = pacs_ingest_new(&options, archive->store, archive->index, NULL, &archive->ingest, NULL);
    assert(status == PACS_OK);
    (void)status;
}

void test_archive_close(TestArchive *archive)
{
    static const char *const names[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm",
                                        "index.sqlite-lock"};
    char path[128];

    pacs_ingest_free(archive->ingest);
    pacs_index_free(archive->index);
    pacs_store_free(archive->store);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", archive->folder, names[i]);
        (void)unlink(path); /* not all of them need exist */
    }
    (void)rmdir(archive->folder);
}

void test_archive_set_backlog(const TestArchive *archive, bool has_backlog)
{
    const int64_t later_ms = has_backlog ? 2 * BACKLOG_AGE_S * 1000 : 0;
    const PacsTold told = {.type = "access.recorded", .key = "backlog", .data = "{}"};
    PacsOutboxDepth depth;

    assert_int_equal(pacs_index_tell(archive->index, &told, NULL), PACS_OK);
    assert_int_equal(pacs_ingest_watch_backlog(archive->ingest, pacs_now_ms() + later_ms, &depth, NULL),
                     PACS_OK);
    assert_int_equal(pacs_ingest_admit(archive->ingest, NULL), has_backlog ? PACS_UNAVAILABLE : PACS_OK);
}

int test_archive_set_up(void **state)
{
    static TestArchive archive;

    test_archive_open(&archive, PACS_OVERWRITE_NEVER);
    *state = &archive;
    return 0;
}

int test_archive_tear_down(void **state)
{
    test_archive_close(*state);
    return 0;
}

static PacsStatus count_one(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    unsigned *count = context;

    (void)key;
    (void)size_bytes;
    (void)err;
    (*count)++;
    return PACS_OK;
}

unsigned test_archive_object_count(const TestArchive *archive)
{
    unsigned count = 0;

    PacsStatus status = pacs_store_list(archive->store, NULL, count_one, &count, NULL);
    assert(status == PACS_OK);
    (void)status;
    return count;
}

PacsStatus test_archive_push(PacsIngest *ingest, const void *bytes, size_t size, size_t piece,
                             PacsIngested *ret_ingested, PacsError *err)
{
    PacsOrigin origin = {.door = PACS_ORIGIN_REST, .remote_ip = "127.0.0.1"};
    PacsUploadRequest request = {.origin = &origin};
    PACS_AUTO(PacsUpload) upload = NULL;

    PacsStatus status = pacs_ingest_begin(ingest, &request, &upload, err);
    for (size_t done = 0; status == PACS_OK && done < size;) {
        size_t count = piece == 0 || piece > size - done ? size - done : piece;
        status = pacs_upload_feed(upload, (const uint8_t *)bytes + done, count, err);
        done += count;
    }
    return status == PACS_OK ? pacs_upload_finish(upload, ret_ingested, err) : status;
}

PacsIngested test_archive_push_object(const TestArchive *archive, unsigned number)
{
    TestObject object = test_object(1, 1, number);
    PacsIngested ingested = {0};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(&object, &file);
    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &ingested, NULL), PACS_OK);
    return ingested;
}
