#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jpeglib.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

/* ---- What writers make of a picture, by the library itself ---- */

#define ROWS 37u
#define COLUMNS 45u

typedef struct Writer {
    J_COLOR_SPACE inside; /* JCS_YCbCr, JCS_RGB, JCS_GRAYSCALE */
    bool has_adobe, has_jfif;
    int ids;  /* of the first component; the others follow. 0: the library's */
    int h, v; /* how much finer the first component is sampled */
    int restart_rows;
    bool is_progressive;
    bool is_arithmetic;
} Writer;

typedef struct Codestream {
    unsigned char *bytes;
    unsigned long size;
} Codestream;

static void free_codestream(Codestream *codestream)
{
    free(codestream->bytes);
}

#define AUTO_CODESTREAM __attribute__((cleanup(free_codestream))) Codestream

static void colour_at(uint32_t row, uint32_t column, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(40 + 4 * column);
    rgb[1] = (uint8_t)(30 + 5 * row);
    rgb[2] = (uint8_t)(220 - 3 * column);
}

static void set_up(struct jpeg_compress_struct *jpeg, const Writer *writer)
{
    jpeg->image_width = COLUMNS;
    jpeg->image_height = ROWS;
    jpeg->input_components = writer->inside == JCS_GRAYSCALE ? 1 : 3;
    jpeg->in_color_space = writer->inside == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_colorspace(jpeg, writer->inside);
    jpeg_set_quality(jpeg, 100, TRUE);
    if (writer->is_progressive)
        jpeg_simple_progression(jpeg);
    jpeg->arith_code = writer->is_arithmetic;
    jpeg->write_Adobe_marker = writer->has_adobe;
    jpeg->write_JFIF_header = writer->has_jfif;
    jpeg->restart_in_rows = writer->restart_rows;
    jpeg->comp_info[0].h_samp_factor = writer->h ? writer->h : 1;
    jpeg->comp_info[0].v_samp_factor = writer->v ? writer->v : 1;
    for (int i = 0; writer->ids && i < 3; i++)
        jpeg->comp_info[i].component_id = writer->ids + i;
}

static Codestream write_jpeg(const Writer *writer)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    Codestream codestream = {0};

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &codestream.bytes, &codestream.size);
    set_up(&jpeg, writer);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < ROWS) {
        uint8_t row[COLUMNS * 3];
        JSAMPROW rows = row;

        for (uint32_t i = 0; i < COLUMNS; i++) {
            uint8_t rgb[3];

            colour_at(jpeg.next_scanline, i, rgb);
            memcpy(row + i * (unsigned)jpeg.input_components, rgb, (unsigned)jpeg.input_components);
        }
        (void)jpeg_write_scanlines(&jpeg, &rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return codestream;
}

static TranscodeFrame frame_of(const Codestream *codestream, const TranscodeLayout *layout)
{
    return (TranscodeFrame){PACS_UID_JPEG_BASELINE, *layout, codestream->bytes, codestream->size};
}

static TranscodeLayout colour_layout(TranscodePhotometric photometric)
{
    TranscodeLayout layout = test_layout(ROWS, COLUMNS, 3, 8, 8, false);

    layout.photometric = photometric;
    return layout;
}

/* The largest difference to the picture that was written. */
static int decode_colours(const Writer *writer, TranscodePhotometric photometric)
{
    const TranscodeLayout stored = colour_layout(photometric), native = colour_layout(TRANSCODE_RGB);
    AUTO_CODESTREAM codestream = write_jpeg(writer);
    const TranscodeFrame frame = frame_of(&codestream, &stored);
    static uint8_t out[ROWS * COLUMNS * 3];
    PacsError err = {0};
    int largest = 0;

    if (transcode_decode(&frame, &native, out, sizeof out, &err) != PACS_OK)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++) {
        uint8_t rgb[3];

        colour_at(i / COLUMNS, i % COLUMNS, rgb);
        for (uint32_t k = 0; k < 3; k++) {
            const int difference = abs(out[3 * i + k] - rgb[k]);
            largest = difference > largest ? difference : largest;
        }
    }
    return largest;
}

#define assert_right(writer, photometric) assert_in_range(decode_colours(&(writer), photometric), 0, 14)
#define assert_wrong(writer, photometric) assert_in_range(decode_colours(&(writer), photometric), 60, 255)

/* ---- Colours ---- */

static void every_sampling_of_colours_is_undone(void **state)
{
    (void)state;
    static const int samplings[][2] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}};

    for (size_t i = 0; i < sizeof samplings / sizeof *samplings; i++) {
        const Writer writer = {.inside = JCS_YCbCr, .h = samplings[i][0], .v = samplings[i][1]};

        assert_right(writer, TRANSCODE_YBR_FULL_422);
    }
}

static void without_a_word_from_the_codestream_the_attributes_decide(void **state)
{
    (void)state;
    const Writer ybr = {.inside = JCS_YCbCr, .ids = 1}, rgb = {.inside = JCS_RGB, .ids = 1};

    assert_right(ybr, TRANSCODE_YBR_FULL);
    assert_wrong(ybr, TRANSCODE_RGB);
    assert_right(rgb, TRANSCODE_RGB);
    assert_wrong(rgb, TRANSCODE_YBR_FULL);
}

static void adobes_marker_names_and_sampling_outdo_the_attributes(void **state)
{
    (void)state;
    const Writer ybr = {.inside = JCS_YCbCr, .has_adobe = true},
                 rgb = {.inside = JCS_RGB, .has_adobe = true, .ids = 1};
    const Writer named = {.inside = JCS_RGB, .ids = 0}, coarse = {.inside = JCS_YCbCr, .h = 2};

    assert_right(ybr, TRANSCODE_RGB);
    assert_right(rgb, TRANSCODE_YBR_FULL_422);
    assert_right(named, TRANSCODE_YBR_FULL); /* the library calls them R, G, B */
    assert_right(coarse, TRANSCODE_RGB);
}

static void restarts_progression_and_arithmetic_are_read(void **state)
{
    (void)state;
    const Writer restarts = {.inside = JCS_YCbCr, .restart_rows = 1},
                 progressive = {.inside = JCS_YCbCr, .is_progressive = true};
    const Writer arithmetic = {.inside = JCS_YCbCr, .is_arithmetic = true};

    assert_right(restarts, TRANSCODE_YBR_FULL);
    assert_right(progressive, TRANSCODE_YBR_FULL);
    assert_right(arithmetic, TRANSCODE_YBR_FULL);
}

/* ---- What is wrong with them ---- */

static PacsStatus decode_grey(const uint8_t *bytes, size_t size, const TranscodeLayout *layout,
                              PacsError *err)
{
    const TranscodeFrame frame = {PACS_UID_JPEG_BASELINE, *layout, bytes, size};
    static uint8_t out[ROWS * COLUMNS * 2];

    return transcode_decode(&frame, layout, out,
                            (size_t)layout->rows * layout->columns * transcode_sample_size(layout), err);
}

static void a_missing_end_marker_is_no_harm_missing_pixels_are(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(ROWS, COLUMNS, 1, 8, 8, false);

    for (int kind = 0; kind < 3; kind++) {
        const Writer writer = {
            .inside = JCS_GRAYSCALE, .restart_rows = kind == 1, .is_progressive = kind == 2};
        AUTO_CODESTREAM codestream = write_jpeg(&writer);

        assert_int_equal(decode_grey(codestream.bytes, codestream.size, &layout, NULL), PACS_OK);
        if (kind < 2)
            assert_int_equal(decode_grey(codestream.bytes, codestream.size - 2, &layout, NULL), PACS_OK);
        for (size_t size = 0; size + 8 < codestream.size; size++)
            assert_int_equal(decode_grey(codestream.bytes, size, &layout, NULL), PACS_INVALID);
    }
}

static void padding_behind_the_end_is_no_harm(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(ROWS, COLUMNS, 1, 8, 8, false);
    const Writer writer = {.inside = JCS_GRAYSCALE};
    AUTO_CODESTREAM codestream = write_jpeg(&writer);
    PACS_AUTO_BUFFER PacsBuffer padded = PACS_BUFFER(1u << 20);

    pacs_buffer_add(&padded, codestream.bytes, codestream.size);
    pacs_buffer_add(&padded, "", 1);
    assert_int_equal(decode_grey(padded.bytes, padded.size, &layout, NULL), PACS_OK);
}

static void broken_codes_are_refused(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(ROWS, COLUMNS, 1, 8, 8, false);
    const Writer writer = {.inside = JCS_GRAYSCALE, .restart_rows = 1};
    AUTO_CODESTREAM codestream = write_jpeg(&writer);

    for (size_t at = codestream.size / 2; at + 1 < codestream.size; at++)
        if (codestream.bytes[at] == 0xFF && codestream.bytes[at + 1] >= 0xD0 &&
            codestream.bytes[at + 1] <= 0xD7) {
            codestream.bytes[at + 1] ^= 4; /* another restart than is due */
            break;
        }
    assert_int_equal(decode_grey(codestream.bytes, codestream.size, &layout, NULL), PACS_INVALID);
}

static void codestreams_that_contradict_the_attributes_are_refused_with_both(void **state)
{
    (void)state;
    const Writer writer = {.inside = JCS_GRAYSCALE}, colour = {.inside = JCS_YCbCr};
    AUTO_CODESTREAM grey = write_jpeg(&writer), colours = write_jpeg(&colour);
    TranscodeLayout layout = test_layout(COLUMNS, ROWS, 1, 8, 8, false);
    PacsError err = {0};

    assert_int_equal(decode_grey(grey.bytes, grey.size, &layout, &err), PACS_INVALID);
    assert_string_equal(err.text, "the codestream has 37 rows and 45 columns, the attributes say 45 and 37");
    layout = test_layout(ROWS, COLUMNS, 1, 8, 8, false);
    assert_int_equal(decode_grey(colours.bytes, colours.size, &layout, &err), PACS_INVALID);
    assert_string_equal(err.text, "the codestream has 3 samples a pixel, the attributes say 1");
    layout = test_layout(ROWS, COLUMNS, 1, 16, 12, false);
    assert_int_equal(decode_grey(grey.bytes, grey.size, &layout, &err), PACS_OK); /* 8 bits in words of 16 */
    assert_int_equal(decode_grey((const uint8_t *)"\xFF\xD8\xFF\xFF", 4, &layout, &err), PACS_INVALID);
}

/* ---- There and back ---- */

static void smooth_pictures_stay_near(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 19}, {23, 1}, {65, 33}, {120, 131}};
    static const char *const uids[] = {PACS_UID_JPEG_BASELINE, PACS_UID_JPEG_EXTENDED};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint16_t allocated = 8; allocated <= 16; allocated += 8)
            for (size_t k = 0; k < 2; k++) {
                const TranscodeTarget target = {.transfer_syntax_uid = uids[k], .quality = 100};
                const TranscodeLayout layout = test_layout(sizes[i][0], sizes[i][1], 1, allocated, 8, false);
                size_t size = 0;
                PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

                assert_in_range(test_round_trip(&target, &layout, native, NULL), 0, 3);
            }
}

static void samples_of_fewer_bits_stay_within_them(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(40, 40, 1, 8, 6, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_EXTREMES, &size);

    assert_in_range(test_round_trip(&target, &layout, native, NULL), 0, 30); /* cut off it would be 63 */
}

static void quality_shrinks(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(64, 64, 1, 8, 8, false);
    size_t size = 0, before = SIZE_MAX;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

    for (uint32_t quality = 100; quality >= 20; quality -= 20) {
        const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE, .quality = quality};
        PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);

        (void)test_round_trip(&target, &layout, native, &codestream);
        assert_true(codestream.size < before);
        before = codestream.size;
    }
}

static void a_codestream_says_what_it_is(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(16, 16, 3, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

    assert_in_range(test_round_trip(&target, &layout, native, &codestream), 0, 24);
    assert_string_equal(pacs_codestream_transfer_syntax(codestream.bytes, codestream.size),
                        PACS_UID_JPEG_BASELINE);
}

static void what_lossy_jpeg_cannot_hold_is_not_promised(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(2, 2, 1, 16, 9, false);

    assert_false(transcode_can_encode(PACS_UID_JPEG_BASELINE, &layout));
    layout = test_layout(2, 2, 1, 8, 8, true); /* -1 and 0 would be white and black */
    assert_false(transcode_can_encode(PACS_UID_JPEG_BASELINE, &layout));
    layout = test_layout(2, 2, 1, 8, 8, false);
    layout.photometric = TRANSCODE_PALETTE_COLOR;
    assert_false(transcode_can_encode(PACS_UID_JPEG_BASELINE, &layout));
    layout = test_layout(65501, 2, 1, 8, 8, false);
    assert_false(transcode_can_encode(PACS_UID_JPEG_BASELINE, &layout));
}

static void an_output_that_is_too_small_ends_cleanly(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(512, 512, 1, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE};
    PACS_AUTO_BUFFER PacsBuffer small = PACS_BUFFER(70000);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_NOISE, &size);
    const TranscodeFrame frame = {PACS_UID_EXPLICIT_LITTLE, layout, native, size};

    assert_int_equal(transcode_encode(&frame, &target, &small, NULL), PACS_TOO_LARGE);
    assert_int_equal(small.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sampling_of_colours_is_undone),
        cmocka_unit_test(without_a_word_from_the_codestream_the_attributes_decide),
        cmocka_unit_test(adobes_marker_names_and_sampling_outdo_the_attributes),
        cmocka_unit_test(restarts_progression_and_arithmetic_are_read),
        cmocka_unit_test(a_missing_end_marker_is_no_harm_missing_pixels_are),
        cmocka_unit_test(padding_behind_the_end_is_no_harm),
        cmocka_unit_test(broken_codes_are_refused),
        cmocka_unit_test(codestreams_that_contradict_the_attributes_are_refused_with_both),
        cmocka_unit_test(smooth_pictures_stay_near),
        cmocka_unit_test(samples_of_fewer_bits_stay_within_them),
        cmocka_unit_test(quality_shrinks),
        cmocka_unit_test(a_codestream_says_what_it_is),
        cmocka_unit_test(what_lossy_jpeg_cannot_hold_is_not_promised),
        cmocka_unit_test(an_output_that_is_too_small_ends_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
