/* The digest that stands in the index is that of the object's bytes, whichever way they came and however long the store
 * left them in its blocks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/ingest/ingest.h"
#include "pacs/util/arena.h"
#include "pacs/util/blocks.h"
#include "pacs/util/hash.h"
#include "tests/support/object.h"
#include "tests/support/temporary.h"

#define BULK_BYTES (1000u << 10) /* objects of some four blocks */

typedef struct Fixture {
    char *root;
    PacsBlocks *blocks; /* neighbours in memory, as in a running server */
    PacsStore *store;
    PacsIndex *index;
    PacsIngest *ingest;
    PacsBuffer file;
} Fixture;

/* With bulk that differs from block to block. */
static void make_file(PacsBuffer *file)
{
    static uint8_t bulk[BULK_BYTES];
    TestObject object = test_object(1, 1, 1);

    object.rows = 0;
    for (size_t i = 0; i < sizeof bulk; i++)
        bulk[i] = (uint8_t)((i * 2654435761u) >> 13);
    pacs_buffer_init(file, 8u << 20);
    test_object_file(&object, file);
    test_add_bytes(file, PACS_TAG(0x7FE1, 0x1010), "OB", bulk, sizeof bulk);
}

static void open_fixture(Fixture *fixture, bool write_cached)
{
    char path[256], store_path[256];

    *fixture = (Fixture){.root = temporary_folder_new()};
    assert_non_null(fixture->root);
    (void)snprintf(path, sizeof path, "%s/index.sqlite", fixture->root);
    (void)snprintf(store_path, sizeof store_path, "%s/store", fixture->root);
    assert_int_equal(pacs_blocks_new(&fixture->blocks, NULL), PACS_OK);
    const PacsStoreFsOptions options = {
        .root = store_path, .write_cached = write_cached, .blocks = fixture->blocks};
    assert_int_equal(pacs_store_fs_open(&options, NULL, &fixture->store, NULL), PACS_OK);
    assert_int_equal(
        pacs_index_sqlite_open(&(PacsIndexSqliteOptions){.path = path}, NULL, &fixture->index, NULL),
        PACS_OK);
    const PacsIngestOptions rules = {.overwrite = PACS_OVERWRITE_ALWAYS};
    assert_int_equal(pacs_ingest_new(&rules, fixture->store, fixture->index, NULL, &fixture->ingest, NULL),
                     PACS_OK);
    make_file(&fixture->file);
}

static void close_fixture(Fixture *fixture)
{
    pacs_buffer_clear(&fixture->file);
    pacs_ingest_free(fixture->ingest);
    pacs_index_free(fixture->index);
    pacs_store_free(fixture->store);
    pacs_blocks_free(fixture->blocks);
    temporary_folder_free(fixture->root);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void by_feed(Fixture *fixture, PacsUpload *upload, size_t piece)
{
    for (size_t at = 0; at < fixture->file.size; at += piece)
        assert_int_equal(
            pacs_upload_feed(upload, fixture->file.bytes + at, least(piece, fixture->file.size - at), NULL),
            PACS_OK);
}

static void by_room(Fixture *fixture, PacsUpload *upload, size_t piece)
{
    for (size_t at = 0; at < fixture->file.size;) {
        uint8_t *room = NULL;
        size_t size = 0;
        assert_int_equal(pacs_upload_room(upload, &room, &size, NULL), PACS_OK);
        size_t taken = least(piece, fixture->file.size - at);
        if (size > 0) {
            taken = least(taken, size);
            memcpy(room, fixture->file.bytes + at, taken);
            assert_int_equal(pacs_upload_filled(upload, taken, NULL), PACS_OK);
        } else {
            assert_int_equal(pacs_upload_feed(upload, fixture->file.bytes + at, taken, NULL), PACS_OK);
        }
        at += taken;
    }
}

static void by_blocks(Fixture *fixture, PacsUpload *upload, size_t piece)
{
    for (size_t at = 0; at < fixture->file.size;) {
        const size_t taken = least(piece, fixture->file.size - at);
        uint8_t *block = pacs_blocks_take(fixture->blocks);
        assert_non_null(block);
        memcpy(block, fixture->file.bytes + at, taken);
        assert_int_equal(pacs_upload_feed_block(upload, &block, taken, NULL), PACS_OK);
        pacs_blocks_put(fixture->blocks, block);
        at += taken;
    }
}

static void assert_digest(Fixture *fixture, void (*push)(Fixture *, PacsUpload *, size_t), size_t piece)
{
    const PacsUploadRequest request = {.size_hint = 0};
    PACS_AUTO(PacsUpload) upload = NULL;
    PACS_AUTO(PacsSha256) hash = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    PacsIngested ingested;
    PacsStoredObject *stored = NULL;
    uint8_t expected[PACS_SHA256_SIZE];

    fixture->file.bytes[fixture->file.size - 1]++; /* not the same object again */
    assert_int_equal(pacs_ingest_begin(fixture->ingest, &request, &upload, NULL), PACS_OK);
    push(fixture, upload, piece);
    assert_int_equal(pacs_upload_finish(upload, &ingested, NULL), PACS_OK);

    assert_int_equal(pacs_sha256_new(&hash, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_add(hash, fixture->file.bytes, fixture->file.size, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_finish(hash, expected, NULL), PACS_OK);
    assert_int_equal(
        pacs_index_find_object(fixture->index, ingested.added.ids[PACS_LEVEL_INSTANCE], arena, &stored, NULL),
        PACS_OK);
    assert_memory_equal(stored->sha256, expected, sizeof expected);
}

static void digests_hold(bool write_cached)
{
    static const size_t pieces[] = {999, 65536, 131060, PACS_BLOCK_BYTES};
    Fixture fixture;

    open_fixture(&fixture, write_cached);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_digest(&fixture, by_feed, pieces[i]);
        assert_digest(&fixture, by_room, pieces[i]);
        assert_digest(&fixture, by_blocks, pieces[i]);
    }
    assert_digest(&fixture, by_feed, fixture.file.size);
    close_fixture(&fixture);
}

static void digests_hold_around_the_page_cache(void **state)
{
    (void)state;
    digests_hold(false);
}

static void digests_hold_through_the_page_cache(void **state)
{
    (void)state;
    digests_hold(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_hold_around_the_page_cache),
        cmocka_unit_test(digests_hold_through_the_page_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
