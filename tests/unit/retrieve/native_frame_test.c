/* Frames as pixels, and in other transfer syntaxes than they are stored in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "pacs/retrieve/converted_frame.h"
#include "tests/support/archive.h"
#include "tests/support/image.h"

typedef struct Fixture {
    TestArchive archive;
    TranscodeService *transcode;
    PacsMetrics *metrics;
    PacsRetrieve *retrieve;
    PacsArena *arena;
} Fixture;

static const PacsUidPath path = {TEST_IMAGE_STUDY, TEST_IMAGE_SERIES, TEST_IMAGE_INSTANCE};

static const TestImage three_big = {.transfer_syntax_uid = PACS_UID_EXPLICIT_BIG,
                                    .rows = 1,
                                    .columns = 2,
                                    .bits_allocated = 16,
                                    .frames = 3,
                                    .pixels = "abcdefghijkl",
                                    .size = 12};

static int open_fixture(void **state)
{
    static Fixture fixture;
    const TranscodeServiceOptions options = {.workers = 1, .memory_bytes = 1 << 20};

    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    fixture.metrics = pacs_metrics_new();
    fixture.arena = pacs_arena_new(1 << 20);
    assert_int_equal(transcode_service_new(&options, fixture.metrics, &fixture.transcode, NULL), PACS_OK);
    assert_int_equal(pacs_retrieve_new(fixture.archive.store, fixture.archive.index, &fixture.retrieve, NULL),
                     PACS_OK);
    pacs_retrieve_set_transcode(fixture.retrieve, fixture.transcode);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_retrieve_free(fixture->retrieve);
    transcode_service_free(fixture->transcode);
    pacs_arena_free(fixture->arena);
    pacs_metrics_free(fixture->metrics);
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
    return found;
}

static PacsStatus convert(Fixture *fixture, const PacsRetrievedImage *image, uint32_t frame_number,
                          const char *transfer_syntax_uid, TranscodeResult **ret_result)
{
    const PacsFrameConversion conversion = {
        .image = image, .frame_number = frame_number, .target = {.transfer_syntax_uid = transfer_syntax_uid}};

    return pacs_retrieve_convert(fixture->retrieve, &conversion, ret_result, NULL);
}

static void expect_pixels(Fixture *fixture, const PacsRetrievedImage *image, uint32_t frame_number,
                          const char *expected)
{
    PACS_AUTO(TranscodeResult) result = NULL;

    assert_int_equal(convert(fixture, image, frame_number, PACS_UID_EXPLICIT_LITTLE, &result), PACS_OK);
    assert_int_equal(transcode_result_size(result), strlen(expected));
    assert_memory_equal(transcode_result_bytes(result), expected, strlen(expected));
}

static void a_layout_comes_from_the_instances_attributes(void **state)
{
    Fixture *fixture = *state;
    TranscodeLayout layout;

    const PacsRetrievedImage *image = store(fixture, &three_big);
    for (int i = 0; i < 2; i++) { /* from the index, from memory */
        memset(&layout, 0, sizeof layout);
        assert_int_equal(pacs_retrieve_layout(fixture->retrieve, image, &layout, NULL), PACS_OK);
        assert_int_equal(layout.rows, 1);
        assert_int_equal(layout.columns, 2);
        assert_int_equal(layout.bits_allocated, 16);
        assert_int_equal(layout.bits_stored, 16);
        assert_int_equal(layout.photometric, TRANSCODE_MONOCHROME2);
    }
}

static void native_frames_come_as_little_endian_pixels(void **state)
{
    Fixture *fixture = *state;

    const PacsRetrievedImage *image = store(fixture, &three_big);
    expect_pixels(fixture, image, 1, "badc");
    expect_pixels(fixture, image, 3, "jilk");
}

static void encapsulated_frames_are_decoded(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
                             .rows = 2,
                             .columns = 3,
                             .bits_allocated = 8,
                             .frames = 1,
                             .fragments = "abcdef"};

    expect_pixels(fixture, store(fixture, &image), 1, "abcdef");
}

static void a_frame_shorter_than_its_attributes_say_is_broken(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
                             .rows = 2,
                             .columns = 3,
                             .bits_allocated = 8,
                             .frames = 1,
                             .fragments = "abcd"};
    PACS_AUTO(TranscodeResult) result = NULL;

    assert_int_equal(convert(fixture, store(fixture, &image), 1, PACS_UID_EXPLICIT_LITTLE, &result),
                     PACS_INVALID);
}

static void what_nothing_decodes_is_unsupported(void **state)
{
    Fixture *fixture = *state;
    const TestImage image = {.transfer_syntax_uid = "1.2.840.10008.1.2.4.102",
                             .rows = 2,
                             .columns = 3,
                             .bits_allocated = 8,
                             .frames = 1,
                             .fragments = "abcd"};
    PACS_AUTO(TranscodeResult) result = NULL;

    assert_int_equal(convert(fixture, store(fixture, &image), 1, PACS_UID_EXPLICIT_LITTLE, &result),
                     PACS_UNSUPPORTED);
}

static PacsStatus decode_again(void *context, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    const TranscodeFrame *frame = context;
    uint8_t pixels[4];

    PacsStatus status = transcode_work_decode(work, frame, &frame->layout, pixels, sizeof pixels, err);
    pacs_buffer_add(out, pixels, sizeof pixels);
    return status;
}

static void frames_are_encoded_anew(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(TranscodeResult) result = NULL;
    PACS_AUTO(TranscodeResult) pixels = NULL;
    TranscodeFrame frame = {.transfer_syntax_uid = PACS_UID_JPEG_LS_LOSSLESS};

    const PacsRetrievedImage *image = store(fixture, &three_big);
    assert_int_equal(convert(fixture, image, 2, PACS_UID_JPEG_LS_LOSSLESS, &result), PACS_OK);
    assert_int_equal(pacs_retrieve_layout(fixture->retrieve, image, &frame.layout, NULL), PACS_OK);
    frame.bytes = transcode_result_bytes(result);
    frame.size = transcode_result_size(result);
    const TranscodeTask task = {.key = "x", .make = decode_again, .context = &frame};
    assert_int_equal(transcode_service_run(fixture->transcode, &task, &pixels, NULL), PACS_OK);
    assert_memory_equal(transcode_result_bytes(pixels), "fehg", 4);
}

static void one_frame_of_many_costs_one_frame_and_once(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);
    PACS_AUTO(TranscodeResult) first = NULL;
    PACS_AUTO(TranscodeResult) second = NULL;

    const PacsRetrievedImage *image = store(fixture, &three_big);
    const PacsFrameConversion conversion = {
        .image = image, .frame_number = 3, .target = {.transfer_syntax_uid = PACS_UID_JPEG_LS_LOSSLESS}};
    assert_null(pacs_retrieve_find_converted(fixture->retrieve, &conversion));
    assert_int_equal(pacs_retrieve_convert(fixture->retrieve, &conversion, &first, NULL), PACS_OK);
    second = pacs_retrieve_find_converted(fixture->retrieve, &conversion);
    assert_non_null(second);
    assert_int_equal(pacs_metrics_format(fixture->metrics, &text, NULL), PACS_OK);
    assert_non_null(strstr(pacs_buffer_text(&text),
                           "imaging_transcode_frames_total{codec=\"charls\",operation="
                           "\"encode\",result=\"ok\"} 1\n"));
}

static void there_may_be_no_way_to_a_syntax(void **state)
{
    Fixture *fixture = *state;
    const TranscodeTarget video = {.transfer_syntax_uid = "1.2.840.10008.1.2.4.102"};
    const TranscodeTarget jpeg_ls = {.transfer_syntax_uid = PACS_UID_JPEG_LS_LOSSLESS};
    TranscodeLayout layout;

    const PacsRetrievedImage *image = store(fixture, &three_big);
    assert_int_equal(pacs_retrieve_conversion_layout(fixture->retrieve, image, &video, &layout, NULL),
                     PACS_UNSUPPORTED);
    assert_int_equal(pacs_retrieve_conversion_layout(fixture->retrieve, image, &jpeg_ls, &layout, NULL),
                     PACS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_layout_comes_from_the_instances_attributes),
        TEST(native_frames_come_as_little_endian_pixels),
        TEST(encapsulated_frames_are_decoded),
        TEST(a_frame_shorter_than_its_attributes_say_is_broken),
        TEST(what_nothing_decodes_is_unsupported),
        TEST(frames_are_encoded_anew),
        TEST(one_frame_of_many_costs_one_frame_and_once),
        TEST(there_may_be_no_way_to_a_syntax),
    };
    return cmocka_run_group_tests_name("retrieve native frames", tests, NULL, NULL);
}
