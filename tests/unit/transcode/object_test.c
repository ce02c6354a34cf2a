#include "transcode/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/frame_table.h"
#include "pacs/dicom/scan.h"
#include "pacs/dicom/uid.h"
#include "tests/support/image.h"
#include "tests/support/object.h"

#define FILE_MAX ((size_t)1 << 20)
#define RLE PACS_UID_RLE_LOSSLESS

/* ---- Frames that tell what became of them ---- */

typedef struct Frames {
    const char *const *texts;
    unsigned read, released, freed;
    uint32_t fails_at;
} Frames;

static PacsStatus read_frame(void *context, uint32_t frame_number, TranscodeObjectFrame *ret_frame,
                             PacsError *err)
{
    Frames *frames = context;

    if (frame_number == frames->fails_at)
        return pacs_fail(err, PACS_UNAVAILABLE, "no frame");
    assert_int_equal(frame_number, ++frames->read);
    const char *text = frames->texts[frame_number - 1];
    *ret_frame = (TranscodeObjectFrame){
        .bytes = (const uint8_t *)text, .size = strlen(text), .owner = frames};
    return PACS_OK;
}

static void release_frame(void *context, TranscodeObjectFrame *frame)
{
    Frames *frames = context;

    assert_ptr_equal(frame->owner, frames);
    frames->released++;
}

static void free_frames(void *context)
{
    ((Frames *)context)->freed++;
}

static TranscodeObjectFrames frames_of(Frames *frames, uint32_t count)
{
    return (TranscodeObjectFrames){
        .count = count, .read = read_frame, .release = release_frame, .free = free_frames, .context = frames};
}

static TranscodeObjectForm form_of(const char *uid, TranscodeLayout layout)
{
    return (TranscodeObjectForm){.transfer_syntax_uid = uid,
                                 .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                                 .sop_instance_uid = TEST_IMAGE_INSTANCE,
                                 .layout = layout};
}

static const TranscodeLayout two_by_two = {.rows = 2,
                                           .columns = 2,
                                           .samples_per_pixel = 1,
                                           .bits_allocated = 8,
                                           .bits_stored = 8,
                                           .high_bit = 7,
                                           .photometric = TRANSCODE_MONOCHROME2};

/* ---- The whole object, read in pieces of `piece` bytes ---- */

static PacsStatus read_all(PacsSource *source, size_t piece, PacsBuffer *out, PacsError *err)
{
    uint8_t bytes[4096];
    size_t size = 0;

    do {
        PacsStatus status = pacs_source_read(source, bytes, piece, &size, err);
        if (status != PACS_OK)
            return status;
        assert_true(pacs_buffer_add(out, bytes, size));
    } while (size > 0);
    return PACS_OK;
}

static PacsStatus rewrite(const PacsBuffer *file, const TranscodeObjectForm *form,
                          const TranscodeObjectFrames *frames, size_t piece, PacsBuffer *out, PacsError *err)
{
    PacsSource *stored = NULL;
    PACS_AUTO(PacsSource) source = NULL;

    assert_int_equal(pacs_source_memory(file->bytes, file->size, &stored, NULL), PACS_OK);
    PacsStatus status = transcode_object(form, frames, stored, &source, err);
    return status == PACS_OK ? read_all(source, piece, out, err) : status;
}

static PacsScan *scan_of(const PacsBuffer *file)
{
    PacsScan *scan = NULL;
    PacsError err = {0};

    assert_int_equal(pacs_scan_new(NULL, &scan, NULL), PACS_OK);
    if (pacs_scan_feed(scan, file->bytes, file->size, &err) != PACS_OK ||
        pacs_scan_finish(scan, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return scan;
}

static const char *json_of(PacsScan *scan)
{
    return pacs_buffer_text(pacs_scan_instance(scan)->json);
}

static void assert_frame(PacsScan *scan, const PacsBuffer *file, uint32_t number, const char *text)
{
    const PacsInstance *instance = pacs_scan_instance(scan);
    PacsFrame frame;

    assert_int_equal(pacs_frame_table_find(instance->frame_table->bytes, instance->frame_table->size, number,
                                           &frame, NULL),
                     PACS_OK);
    assert_int_equal(frame.run_count, 1);
    assert_in_range(frame.first.size, strlen(text), strlen(text) + 1); /* padded */
    assert_memory_equal(file->bytes + frame.first.offset, text, strlen(text));
}

/* ---- Tests ---- */

static void a_native_object_says_the_same_in_every_native_syntax(void **state)
{
    (void)state;
    const char *const syntaxes[] = {PACS_UID_IMPLICIT_LITTLE, PACS_UID_EXPLICIT_BIG,
                                    PACS_UID_DEFLATED_EXPLICIT_LITTLE, PACS_UID_EXPLICIT_LITTLE};
    const TestObject object = test_object(1, 2, 3);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);
    test_object_file(&object, &file);
    PACS_AUTO(PacsScan) before = scan_of(&file);

    for (size_t i = 0; i < 4; i++) {
        const TranscodeObjectForm form = form_of(syntaxes[i], two_by_two);
        for (size_t piece = 1; piece <= 4096; piece *= 64) {
            PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(FILE_MAX);
            assert_int_equal(rewrite(&file, &form, NULL, piece, &out, NULL), PACS_OK);
            PACS_AUTO(PacsScan) after = scan_of(&out);
            assert_string_equal(pacs_scan_instance(after)->transfer_syntax_uid, syntaxes[i]);
            assert_string_equal(json_of(after), json_of(before));
        }
    }
}

static void words_are_turned_round_and_back(void **state)
{
    (void)state;
    const TestObject object = test_object(1, 2, 3);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), big = PACS_BUFFER(FILE_MAX),
                                back = PACS_BUFFER(FILE_MAX);
    const TranscodeObjectForm to_big = form_of(PACS_UID_EXPLICIT_BIG, two_by_two);
    const TranscodeObjectForm to_little = form_of(PACS_UID_EXPLICIT_LITTLE, two_by_two);

    test_object_file(&object, &file);
    assert_int_equal(rewrite(&file, &to_big, NULL, 7, &big, NULL), PACS_OK);
    assert_int_equal(rewrite(&big, &to_little, NULL, 7, &back, NULL), PACS_OK);
    assert_memory_not_equal(big.bytes + big.size - 32, file.bytes + file.size - 32, 32);
    assert_memory_equal(back.bytes + back.size - 32, file.bytes + file.size - 32, 32);
}

static void frames_become_fragments_with_an_offset_table(void **state)
{
    (void)state;
    const TestImage image = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                             .rows = 2,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 3,
                             .pixels = "abcdefghijkl",
                             .size = 12};
    static const char *const texts[] = {"one", "second", "the third"};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), out = PACS_BUFFER(FILE_MAX);
    Frames told = {.texts = texts};
    const TranscodeObjectFrames frames = frames_of(&told, 3);
    const TranscodeObjectForm form = form_of(RLE, two_by_two);

    test_image_file(&image, &file);
    assert_int_equal(rewrite(&file, &form, &frames, 5, &out, NULL), PACS_OK);
    PACS_AUTO(PacsScan) scan = scan_of(&out);
    for (uint32_t i = 0; i < 3; i++)
        assert_frame(scan, &out, i + 1, texts[i]);
    const uint8_t *pixels = out.bytes + pacs_scan_instance(scan)->pixel_data_offset;
    assert_memory_equal(pixels + 12,
                        "\xFE\xFF\x00\xE0\x0C\0\0\0"
                        "\0\0\0\0"
                        "\x0C\0\0\0"
                        "\x1A\0\0\0",
                        20);
    assert_int_equal(told.released, 3);
    assert_int_equal(told.freed, 1);
}

static void compressed_frames_become_native_pixels(void **state)
{
    (void)state;
    const TestImage image = {.transfer_syntax_uid = RLE,
                             .rows = 2,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 2,
                             .fragments = "xx|yy"};
    static const char *const texts[] = {"abcd", "efgh"};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), out = PACS_BUFFER(FILE_MAX);
    Frames told = {.texts = texts};
    const TranscodeObjectFrames frames = frames_of(&told, 2);
    TranscodeObjectForm form = form_of(PACS_UID_EXPLICIT_LITTLE, two_by_two);

    test_image_file(&image, &file);
    assert_int_equal(rewrite(&file, &form, &frames, 4096, &out, NULL), PACS_OK);
    PACS_AUTO(PacsScan) scan = scan_of(&out);
    assert_frame(scan, &out, 1, "abcd");
    assert_frame(scan, &out, 2, "efgh");
    assert_memory_equal(out.bytes + out.size - 8, "abcdefgh", 8);
}

static void single_bits_of_frames_follow_each_other_without_gaps(void **state)
{
    (void)state;
    const TestImage image = {.transfer_syntax_uid = RLE,
                             .rows = 1,
                             .columns = 3,
                             .bits_allocated = 1,
                             .frames = 3,
                             .fragments = "xx|yy|zz"};
    static const char *const texts[] = {"\x05", "\x02",
                                        "\x07"}; /* 101, 010, 111 from the least significant on */
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), out = PACS_BUFFER(FILE_MAX);
    Frames told = {.texts = texts};
    const TranscodeObjectFrames frames = frames_of(&told, 3);
    TranscodeObjectForm form = form_of(PACS_UID_EXPLICIT_LITTLE, two_by_two);

    form.layout.rows = 1;
    form.layout.columns = 3;
    form.layout.bits_allocated = form.layout.bits_stored = 1;
    form.layout.high_bit = 0;
    test_image_file(&image, &file);
    assert_int_equal(rewrite(&file, &form, &frames, 4096, &out, NULL), PACS_OK);
    assert_memory_equal(out.bytes + out.size - 2, "\xD5\x01", 2); /* 111 010 101 */
}

static void what_lost_information_says_so(void **state)
{
    (void)state;
    const TestObject object = test_object(1, 2, 3);
    static const char *const texts[] = {"8 bytes."};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), out = PACS_BUFFER(FILE_MAX),
                                again = PACS_BUFFER(FILE_MAX);
    Frames told = {.texts = texts};
    TranscodeObjectFrames frames = frames_of(&told, 1);
    TranscodeObjectForm form = form_of(PACS_UID_JPEG_LS_NEAR_LOSSLESS, two_by_two);

    form.layout.rows = form.layout.columns = 4;
    form.is_lossy = true;
    form.lossy_method = transcode_lossy_method(form.transfer_syntax_uid);
    form.new_sop_instance_uid = "2.25.77";
    test_object_file(&object, &file);
    assert_int_equal(rewrite(&file, &form, &frames, 4096, &out, NULL), PACS_OK);
    PACS_AUTO(PacsScan) scan = scan_of(&out);
    assert_non_null(strstr(json_of(scan), "\"00282110\":{\"vr\":\"CS\",\"Value\":[\"01\"]}"));
    assert_non_null(strstr(json_of(scan), "\"00282112\":{\"vr\":\"DS\",\"Value\":[2]}"));
    assert_non_null(strstr(json_of(scan), "\"00282114\":{\"vr\":\"CS\",\"Value\":[\"ISO_14495_1\"]}"));
    assert_non_null(strstr(json_of(scan), "\"00080008\":{\"vr\":\"CS\",\"Value\":[\"DERIVED\"]}"));
    assert_string_equal(pacs_scan_instance(scan)->sop_instance_uid, "2.25.77");

    told = (Frames){.texts = texts}; /* lossy once more: what was said is kept */
    form.lossy_method = "ISO_10918_1";
    assert_int_equal(rewrite(&out, &form, &frames, 4096, &again, NULL), PACS_OK);
    PACS_AUTO(PacsScan) second = scan_of(&again);
    assert_non_null(strstr(json_of(second), "\"00282112\":{\"vr\":\"DS\",\"Value\":[2,2]}"));
    assert_non_null(strstr(json_of(second), "\"Value\":[\"ISO_14495_1\",\"ISO_10918_1\"]"));
}

/* A data set that ends in an icon whose pixels are compressed, in front of the image. */
static void add_icon(PacsBuffer *out, PacsTag tag)
{
    static const uint8_t sequence[] = {'S',  'Q',  0,    0,    0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF};
    static const uint8_t pixels[] = {
        0xE0, 0x7F, 0x10, 0x00, 'O',  'B',  0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0, 0,
        0,    0,    0xFE, 0xFF, 0x00, 0xE0, 2, 0, 0,    0,    'i',  'i',  0xFE, 0xFF, 0xDD, 0xE0, 0, 0,
        0,    0,    0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0,    0,    0xFE, 0xFF, 0xDD, 0xE0, 0,    0,    0, 0};
    const uint8_t head[] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag, (uint8_t)(tag >> 8)};

    assert_true(pacs_buffer_add(out, head, sizeof head));
    assert_true(pacs_buffer_add(out, sequence, sizeof sequence));
    test_add_us(out, PACS_TAG_ROWS, 1);
    assert_true(pacs_buffer_add(out, pixels, sizeof pixels));
}

static void a_compressed_icon_is_left_out_and_nothing_else(void **state)
{
    (void)state;
    const TestImage image = {.transfer_syntax_uid = RLE,
                             .rows = 2,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 1,
                             .fragments = "xx"};
    static const char *const texts[] = {"abcd"};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), with = PACS_BUFFER(FILE_MAX),
                                out = PACS_BUFFER(FILE_MAX);
    Frames told = {.texts = texts};
    TranscodeObjectFrames frames = frames_of(&told, 1);
    const TranscodeObjectForm form = form_of(PACS_UID_EXPLICIT_LITTLE, two_by_two);

    test_image_file(&image, &file);
    PACS_AUTO(PacsScan) before = scan_of(&file);
    const size_t at = (size_t)pacs_scan_instance(before)->pixel_data_offset;
    assert_true(pacs_buffer_add(&with, file.bytes, at));
    add_icon(&with, PACS_TAG(0x0088, 0x0200));
    test_add_text(&with, PACS_TAG(0x0088, 0x0904), "LO", "stays");
    assert_true(pacs_buffer_add(&with, file.bytes + at, file.size - at));

    assert_int_equal(rewrite(&with, &form, &frames, 4096, &out, NULL), PACS_OK);
    PACS_AUTO(PacsScan) scan = scan_of(&out);
    assert_null(strstr(json_of(scan), "00880200"));
    assert_non_null(strstr(json_of(scan), "stays"));
    assert_frame(scan, &out, 1, "abcd");
}

static void a_frame_that_cannot_be_had_ends_the_object(void **state)
{
    (void)state;
    const TestObject object = test_object(1, 2, 3);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), out = PACS_BUFFER(FILE_MAX);
    Frames told = {.fails_at = 1};
    const TranscodeObjectFrames frames = frames_of(&told, 1);
    const TranscodeObjectForm form = form_of(RLE, two_by_two);

    test_object_file(&object, &file);
    assert_int_equal(rewrite(&file, &form, &frames, 4096, &out, NULL), PACS_UNAVAILABLE);
    assert_int_equal(told.freed, 1);
}

static void a_stored_object_that_is_cut_off_is_an_error(void **state)
{
    (void)state;
    const TestObject object = test_object(1, 2, 3);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX), out = PACS_BUFFER(FILE_MAX);
    const TranscodeObjectForm form = form_of(PACS_UID_IMPLICIT_LITTLE, two_by_two);

    test_object_file(&object, &file);
    file.size -= 10;
    assert_int_equal(rewrite(&file, &form, NULL, 4096, &out, NULL), PACS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_native_object_says_the_same_in_every_native_syntax),
        cmocka_unit_test(words_are_turned_round_and_back),
        cmocka_unit_test(frames_become_fragments_with_an_offset_table),
        cmocka_unit_test(compressed_frames_become_native_pixels),
        cmocka_unit_test(single_bits_of_frames_follow_each_other_without_gaps),
        cmocka_unit_test(what_lost_information_says_so),
        cmocka_unit_test(a_compressed_icon_is_left_out_and_nothing_else),
        cmocka_unit_test(a_frame_that_cannot_be_had_ends_the_object),
        cmocka_unit_test(a_stored_object_that_is_cut_off_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
