/* IngestTranscoding: objects stored in another transfer syntax than they came in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/arena.h"
#include "tests/support/archive.h"
#include "tests/support/image.h"

static TestArchive archive;
static TranscodeService *transcode;
static PacsIngest *ingest;

static void open_with(const char *transcode_to, bool uncompressed, bool compressed)
{
    const PacsIngestOptions options = {.transcode_to = transcode_to,
                                       .transcodes_uncompressed = uncompressed,
                                       .transcodes_compressed = compressed};

    pacs_ingest_free(ingest);
    ingest = NULL;
    assert_int_equal(pacs_ingest_new(&options, archive.store, archive.index, NULL, &ingest, NULL), PACS_OK);
    pacs_ingest_set_transcode(ingest, transcode);
}

static int set_up(void **state)
{
    (void)state;
    test_archive_open(&archive, PACS_OVERWRITE_NEVER);
    assert_int_equal(transcode_service_new(NULL, NULL, &transcode, NULL), PACS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_ingest_free(ingest);
    ingest = NULL;
    transcode_service_free(transcode);
    test_archive_close(&archive);
    return 0;
}

static const uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8};

static void make_image(const char *syntax, const char *fragments, PacsBuffer *file)
{
    const TestImage image = {.transfer_syntax_uid = syntax,
                             .rows = 2,
                             .columns = 2,
                             .bits_allocated = 16,
                             .frames = 1,
                             .pixels = pixels,
                             .size = sizeof pixels,
                             .fragments = fragments};

    test_image_file(&image, file);
}

/* How the image is stored, when it came like this. */
static void expect_stored(const char *came, const char *fragments, const char *stored)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 16);
    PacsStoredObject *object = NULL;
    PacsIngested ingested;
    PacsError err = {0};

    make_image(came, fragments, &file);
    if (test_archive_push(ingest, file.bytes, file.size, 0, &ingested, &err) != PACS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(ingested.transfer_syntax_uid, stored);
    assert_string_equal(ingested.sop_instance_uid, TEST_IMAGE_INSTANCE);
    assert_int_equal(
        pacs_index_find_object(archive.index, ingested.added.ids[PACS_LEVEL_INSTANCE], arena, &object, NULL),
        PACS_OK);
    assert_string_equal(object->transfer_syntax_uid, stored);
    assert_int_equal(test_archive_object_count(&archive), object->has_inflated ? 2 : 1);
}

static void what_comes_is_stored_in_the_syntax_of_the_house(void **state)
{
    (void)state;
    open_with(PACS_UID_RLE_LOSSLESS, true, true);
    expect_stored(PACS_UID_EXPLICIT_LITTLE, NULL, PACS_UID_RLE_LOSSLESS);
}

static void big_endian_and_deflated_data_sets_are_taken_too(void **state)
{
    (void)state;
    PacsRemaining remaining;
    bool is_left = false;
    PacsIngested ingested;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    open_with(PACS_UID_EXPLICIT_LITTLE, true, true);
    expect_stored(PACS_UID_EXPLICIT_BIG, NULL, PACS_UID_EXPLICIT_LITTLE);
    make_image(PACS_UID_EXPLICIT_BIG, NULL, &file); /* a second one is known, and leaves nothing behind */
    assert_int_equal(test_archive_push(ingest, file.bytes, file.size, 0, &ingested, NULL), PACS_OK);
    assert_int_equal(ingested.added.result, PACS_ADD_DUPLICATE);
    assert_int_equal(test_archive_object_count(&archive), 1);
    assert_int_equal(pacs_ingest_delete(ingest, PACS_LEVEL_INSTANCE, ingested.added.ids[PACS_LEVEL_INSTANCE],
                                        &remaining, NULL),
                     PACS_OK);
    assert_int_equal(pacs_ingest_collect_garbage(ingest, 10, &is_left, NULL), PACS_OK);
    open_with(PACS_UID_RLE_LOSSLESS, true, true);
    expect_stored(PACS_UID_DEFLATED_EXPLICIT_LITTLE, NULL, PACS_UID_RLE_LOSSLESS);
}

static void the_operator_says_which_of_both_are_converted(void **state)
{
    (void)state;
    open_with(PACS_UID_RLE_LOSSLESS, false, true);
    expect_stored(PACS_UID_EXPLICIT_LITTLE, NULL, PACS_UID_EXPLICIT_LITTLE);
}

static void what_cannot_be_converted_stays_as_it_came(void **state)
{
    (void)state;
    open_with(PACS_UID_EXPLICIT_LITTLE, true, true);
    expect_stored(PACS_UID_RLE_LOSSLESS, "no codestream.", PACS_UID_RLE_LOSSLESS);
}

static void nothing_is_made_lossy_on_the_way_in(void **state)
{
    (void)state;
    open_with(PACS_UID_JPEG_LS_NEAR_LOSSLESS, true, true);
    expect_stored(PACS_UID_EXPLICIT_LITTLE, NULL, PACS_UID_EXPLICIT_LITTLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_is_stored_in_the_syntax_of_the_house, set_up, tear_down),
        cmocka_unit_test_setup_teardown(big_endian_and_deflated_data_sets_are_taken_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_operator_says_which_of_both_are_converted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_converted_stays_as_it_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_made_lossy_on_the_way_in, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("ingest conversion", tests, NULL, NULL);
}
