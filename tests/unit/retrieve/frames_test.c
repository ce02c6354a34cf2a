/* Frames as they leave: ranges of what is stored, or made little endian and moved to whole bytes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/retrieve/frames.h"
#include "pacs/retrieve/image_cache.h"
#include "pacs/util/limits.h"
#include "tests/support/archive.h"
#include "tests/support/image.h"

typedef struct Fixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    PacsArena *arena;
} Fixture;

static const PacsUidPath path = {TEST_IMAGE_STUDY, TEST_IMAGE_SERIES, TEST_IMAGE_INSTANCE};

static int open_fixture(void **state)
{
    static Fixture fixture;

    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    assert_int_equal(pacs_retrieve_new(fixture.archive.store, fixture.archive.index, &fixture.retrieve, NULL),
                     PACS_OK);
    fixture.arena = pacs_arena_new(1 << 20);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_arena_free(fixture->arena);
    pacs_retrieve_free(fixture->retrieve);
    test_archive_close(&fixture->archive);
    return 0;
}

static PacsRetrievedImage *store(Fixture *fixture, const TestImage *image)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 20);
    PacsIngested ingested;
    PacsRetrievedImage *found = NULL;

    test_image_file(image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
    assert_int_equal(pacs_retrieve_image(fixture->retrieve, &path, fixture->arena, &found, NULL), PACS_OK);
    assert_int_equal(found->frame_count, image->frames);
    return found;
}

/* By the stream, from every byte on. */
static void expect_frame(Fixture *fixture, const PacsRetrievedImage *image, uint32_t number,
                         const void *expected, size_t size)
{
    PacsRetrievedFrame frame;
    uint8_t bytes[256];
    size_t got = 0;

    assert_int_equal(pacs_retrieve_frame(image, number, &frame, NULL), PACS_OK);
    assert_int_equal(frame.size_bytes, size);
    for (size_t offset = 0; offset < size; offset++) {
        PACS_AUTO(PacsSource) source = NULL;
        assert_int_equal(pacs_retrieve_frame_open(fixture->retrieve, &frame, offset, &source, NULL), PACS_OK);
        assert_int_equal(pacs_source_read_all(source, bytes, size - offset, NULL), PACS_OK);
        assert_memory_equal(bytes, (const uint8_t *)expected + offset, size - offset);
        assert_int_equal(pacs_source_read(source, bytes, 1, &got, NULL), PACS_OK);
        assert_int_equal(got, 0);
    }
}

static const uint8_t twelve[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void native_frames_are_ranges_of_the_object(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 16,
                             .frames = 3,
                             .pixels = twelve,
                             .size = 12};
    PacsRetrievedFrame frame;

    const PacsRetrievedImage *found = store(fixture, &image);
    assert_true(found->is_native);
    assert_int_equal(pacs_retrieve_frame(found, 2, &frame, NULL), PACS_OK);
    assert_true(frame.is_ranges);
    assert_int_equal(frame.stored.run_count, 1);
    expect_frame(fixture, found, 1, twelve, 4);
    expect_frame(fixture, found, 3, twelve + 8, 4);
}

static void implicit_pixels_are_the_same_bytes(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_IMPLICIT_LITTLE,
                             .rows = 3,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 2,
                             .pixels = twelve,
                             .size = 12};

    expect_frame(fixture, store(fixture, &image), 2, twelve + 6, 6);
}

static void big_endian_words_leave_as_little_endian(void **state)
{
    static const uint8_t swapped[] = {6, 5, 8, 7};
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_BIG,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 16,
                             .frames = 3,
                             .pixels = twelve,
                             .size = 12};

    expect_frame(fixture, store(fixture, &image), 2, swapped, 4);
}

static void big_endian_bytes_in_words_are_put_in_order(void **state)
{
    static const uint8_t second[] = {3, 6, 5}; /* of 2 1 4 3 6 5 8 7 10 9 12 11 */
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_BIG,
                             .rows = 3,
                             .columns = 1,
                             .bits_allocated = 8,
                             .frames = 4,
                             .pixels = twelve,
                             .size = 12};

    expect_frame(fixture, store(fixture, &image), 2, second, 3);
}

static void big_endian_bytes_stay(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_BIG,
                             .rows = 3,
                             .columns = 1,
                             .bits_allocated = 8,
                             .frames = 4,
                             .vr = "OB",
                             .pixels = twelve,
                             .size = 12};

    expect_frame(fixture, store(fixture, &image), 2, twelve + 3, 3);
}

static void big_endian_long_words_leave_as_little_endian(void **state)
{
    static const uint8_t swapped[] = {8, 7, 6, 5};
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_BIG,
                             .rows = 1,
                             .columns = 1,
                             .bits_allocated = 32,
                             .frames = 3,
                             .vr = "OL",
                             .pixels = twelve,
                             .size = 12};

    expect_frame(fixture, store(fixture, &image), 2, swapped, 4);
}

static void frames_of_single_bits_begin_with_their_own(void **state)
{
    /* 3x3 pixels: bits 0-8, 9-17, 18-26 from the least significant bit of the first byte on. */
    static const uint8_t packed[] = {0xFF, 0x01, 0xAA, 0x06};
    static const uint8_t first[] = {0xFF, 0x01}, second[] = {0x00, 0x01}, third[] = {0xAA, 0x01};
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                             .rows = 3,
                             .columns = 3,
                             .bits_allocated = 1,
                             .frames = 3,
                             .vr = "OB",
                             .pixels = packed,
                             .size = 4};

    const PacsRetrievedImage *found = store(fixture, &image);
    expect_frame(fixture, found, 1, first, 2);
    expect_frame(fixture, found, 2, second, 2);
    expect_frame(fixture, found, 3, third, 2);
}

static void a_long_frame_of_single_bits_is_moved_through_a_small_buffer(void **state)
{
    enum {
        COLUMNS = 1023,
        ROWS = 1021,
        SIZE = (COLUMNS * ROWS * 2 + 7) / 8,
        FRAME = (COLUMNS * ROWS + 7) / 8
    };
    Fixture *fixture = *state;
    static uint8_t packed[SIZE + SIZE % 2], frame_bytes[FRAME];
    PACS_AUTO(PacsSource) source = NULL;
    PacsRetrievedFrame frame;

    for (size_t i = 0; i < SIZE; i++)
        packed[i] = (uint8_t)(i * 2654435761u >> 11);
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                             .rows = ROWS,
                             .columns = COLUMNS,
                             .bits_allocated = 1,
                             .frames = 2,
                             .vr = "OB",
                             .pixels = packed,
                             .size = sizeof packed};
    assert_int_equal(pacs_retrieve_frame(store(fixture, &image), 2, &frame, NULL), PACS_OK);
    assert_int_equal(frame.size_bytes, FRAME);
    assert_int_equal(pacs_retrieve_frame_open(fixture->retrieve, &frame, 0, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, frame_bytes, FRAME, NULL), PACS_OK);
    for (size_t bit = 0; bit < (size_t)COLUMNS * ROWS; bit++) {
        size_t at = (size_t)COLUMNS * ROWS + bit;
        if ((packed[at / 8] >> at % 8 & 1) != (frame_bytes[bit / 8] >> bit % 8 & 1))
            fail_msg("bit %zu differs", bit);
    }
    assert_int_equal(frame_bytes[FRAME - 1] >> ((size_t)COLUMNS * ROWS) % 8, 0);
}

static void frames_of_a_deflated_object_are_read_inflated(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_DEFLATED_EXPLICIT_LITTLE,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 16,
                             .frames = 3,
                             .pixels = twelve,
                             .size = 12};

    const PacsRetrievedImage *found = store(fixture, &image);
    assert_ptr_equal(found->key, &found->object->inflated_key);
    expect_frame(fixture, found, 2, twelve + 4, 4);
}

static void fragments_of_a_frame_are_joined(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 2,
                             .fragments = "#a|bb|cccc|#d|ee"};
    PacsRetrievedFrame frame;

    const PacsRetrievedImage *found = store(fixture, &image);
    assert_false(found->is_native);
    assert_int_equal(pacs_retrieve_frame(found, 1, &frame, NULL), PACS_OK);
    assert_true(frame.is_ranges);
    assert_int_equal(frame.stored.run_count, 3);
    expect_frame(fixture, found, 1,
                 "\xFF\xD8\xFF"
                 "abbcccc",
                 10);
    expect_frame(fixture, found, 2,
                 "\xFF\xD8\xFF"
                 "dee",
                 6);
}

static void a_frame_that_is_not_there_is_not_found(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 16,
                             .frames = 3,
                             .pixels = twelve,
                             .size = 12};
    PacsRetrievedFrame frame;
    PacsError err = {0};

    const PacsRetrievedImage *found = store(fixture, &image);
    assert_int_equal(pacs_retrieve_frame(found, 4, &frame, &err), PACS_NOT_FOUND);
    assert_string_equal(err.text, "frame 4 asked, instance has 3");
    assert_int_equal(pacs_retrieve_frame(found, 0, &frame, NULL), PACS_INVALID);
}

static void a_lost_object_is_our_damage(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 16,
                             .frames = 3,
                             .pixels = twelve,
                             .size = 12};
    PacsRetrievedFrame frame;
    PACS_AUTO(PacsSource) source = NULL;
    uint8_t byte;
    size_t got = 0;

    const PacsRetrievedImage *found = store(fixture, &image);
    assert_int_equal(pacs_store_remove(fixture->archive.store, found->key, NULL), PACS_OK);
    assert_int_equal(pacs_retrieve_frame(found, 1, &frame, NULL), PACS_OK);
    assert_int_equal(pacs_retrieve_frame_open(fixture->retrieve, &frame, 0, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read(source, &byte, 1, &got, NULL), PACS_CORRUPT);
}

/* ---- Kept answers of the index ---- */

static const TestImage two_frames = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                                     .rows = 1,
                                     .columns = 2,
                                     .bits_allocated = 16,
                                     .frames = 2,
                                     .pixels = twelve,
                                     .size = 8};

static void an_image_asked_for_again_is_the_same(void **state)
{
    Fixture *fixture = *state;
    PacsRetrievedImage *again = NULL;

    const PacsRetrievedImage *first = store(fixture, &two_frames);
    assert_int_equal(pacs_retrieve_image(fixture->retrieve, &path, fixture->arena, &again, NULL), PACS_OK);
    assert_ptr_not_equal(again, first);
    assert_int_equal(again->frame_count, 2);
    assert_true(again->is_native);
    assert_string_equal(again->object->sop_instance_uid, path.sop_instance_uid);
    assert_memory_equal(again->object->sha256, first->object->sha256, sizeof first->object->sha256);
    assert_ptr_equal(again->key, &again->object->key);
    expect_frame(fixture, again, 2, twelve + 4, 4);
}

static void a_deleted_image_is_found_no_more(void **state)
{
    Fixture *fixture = *state;
    PacsRetrievedImage *found = NULL;
    PacsUidMatch *matches = NULL;
    PacsRemaining remaining;
    size_t count = 0;

    (void)store(fixture, &two_frames);
    assert_int_equal(pacs_retrieve_image(fixture->retrieve, &path, fixture->arena, &found, NULL), PACS_OK);
    assert_int_equal(
        pacs_index_find_uids(fixture->archive.index, &path, fixture->arena, &matches, &count, NULL), PACS_OK);
    assert_int_equal(
        pacs_ingest_delete(fixture->archive.ingest, PACS_LEVEL_INSTANCE, matches[0].id, &remaining, NULL),
        PACS_OK);
    assert_int_equal(pacs_retrieve_image(fixture->retrieve, &path, fixture->arena, &found, NULL),
                     PACS_NOT_FOUND);
    const PacsRetrievedImage *stored_again = store(fixture, &two_frames);
    expect_frame(fixture, stored_again, 1, twelve, 4);
}

static void an_image_is_kept_for_its_number_of_removals_and_its_path(void **state)
{
    Fixture *fixture = *state;
    const PacsUidPath other = {path.study_uid, path.series_uid, "1.2.3.4"};
    const PacsUidPath odd = {path.study_uid, path.series_uid,
                             "1.234567890123456789012345678901234567890123456789012345678901234567890"};
    PACS_AUTO(ImageCache) cache = image_cache_new();

    const PacsRetrievedImage *image = store(fixture, &two_frames);
    image_cache_add(cache, &path, 7, image);
    image_cache_add(cache, &odd, 7, image); /* no UID is that long: nothing is kept */
    assert_non_null(image_cache_find(cache, &path, 7, fixture->arena));
    assert_null(image_cache_find(cache, &path, 8, fixture->arena));
    assert_null(image_cache_find(cache, &other, 7, fixture->arena));
    assert_null(image_cache_find(cache, &odd, 7, fixture->arena));
    image_cache_add(cache, &path, 8, image);
    assert_non_null(image_cache_find(cache, &path, 8, fixture->arena));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(native_frames_are_ranges_of_the_object),
        TEST(implicit_pixels_are_the_same_bytes),
        TEST(big_endian_words_leave_as_little_endian),
        TEST(big_endian_bytes_in_words_are_put_in_order),
        TEST(big_endian_bytes_stay),
        TEST(big_endian_long_words_leave_as_little_endian),
        TEST(frames_of_single_bits_begin_with_their_own),
        TEST(a_long_frame_of_single_bits_is_moved_through_a_small_buffer),
        TEST(frames_of_a_deflated_object_are_read_inflated),
        TEST(fragments_of_a_frame_are_joined),
        TEST(a_frame_that_is_not_there_is_not_found),
        TEST(a_lost_object_is_our_damage),
        TEST(an_image_asked_for_again_is_the_same),
        TEST(a_deleted_image_is_found_no_more),
        TEST(an_image_is_kept_for_its_number_of_removals_and_its_path),
    };
    return cmocka_run_group_tests_name("retrieve frames", tests, NULL, NULL);
}
