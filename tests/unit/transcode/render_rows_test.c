/* Quicker ways to the same picture: rows that are made as they are written, by one thread or several, and tones that are
 * worked out instead of looked up. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "tests/support/rendered.h"

#define COLUMNS 500
#define ROWS 300
#define PIXELS (COLUMNS * ROWS)
#define FILE_MAX (8u << 20)
#define TONE_ROWS 40
#define TONES (COLUMNS * TONE_ROWS)

static uint16_t words[PIXELS]; /* of chance, the same each time */
static int32_t long_words[TONES];

static int make_words(void **state)
{
    uint32_t random = 1;

    (void)state;
    for (size_t i = 0; i < PIXELS; i++) {
        random = random * 1664525 + 1013904223;
        words[i] = (uint16_t)(random >> 16);
    }
    return 0;
}

static TranscodeRendering windowed(double center, double width)
{
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.has_window = true;
    rendering.window = (TranscodeWindow){center, width, TRANSCODE_LINEAR};
    return rendering;
}

static TranscodeFrame frame_of(const TranscodeLayout *layout, const void *bytes)
{
    return (TranscodeFrame){PACS_UID_EXPLICIT_LITTLE, *layout, bytes,
                            (size_t)PIXELS * layout->bits_allocated / 8};
}

/* ---- Rows ---- */

static void write_whole(const TranscodeFrame *frame, const TranscodeRendering *rendering,
                        const TranscodeView *view, PacsBuffer *file)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    assert_int_equal(transcode_render(frame, rendering, view, &picture, NULL), PACS_OK);
    assert_int_equal(transcode_picture_write(&picture, TRANSCODE_JPEG, 0, file, NULL), PACS_OK);
}

/* *ret_lazy: it had no pixels. */
static void write_in_rows(const TranscodeFrame *frame, const TranscodeRendering *rendering,
                          const TranscodeView *view, TranscodeHands hands, PacsBuffer *file, bool *ret_lazy)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    assert_int_equal(transcode_render_rows(frame, rendering, view, &picture, NULL), PACS_OK);
    *ret_lazy = picture.pixels == NULL;
    assert_int_equal(transcode_picture_write_shared(&picture, TRANSCODE_JPEG, 0, hands, file, NULL), PACS_OK);
}

static void assert_rows_write_the_same(const TranscodeFrame *frame, const TranscodeRendering *rendering,
                                       const TranscodeView *view, bool is_lazy)
{
    PACS_AUTO_BUFFER PacsBuffer whole = PACS_BUFFER(FILE_MAX);
    PACS_AUTO(TranscodeCrew) crew = NULL;

    assert_int_equal(transcode_crew_new(3, &crew, NULL), PACS_OK);
    write_whole(frame, rendering, view, &whole);
    for (uint32_t hands = 0; hands <= 3; hands++) {
        PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);
        bool was_lazy = false;
        write_in_rows(frame, rendering, view, (TranscodeHands){crew, hands}, &file, &was_lazy);
        assert_int_equal(was_lazy, is_lazy);
        assert_int_equal(file.size, whole.size);
        assert_memory_equal(file.bytes, whole.bytes, file.size);
    }
}

static void rows_are_written_as_the_whole_picture_is(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(COLUMNS, ROWS, 16, 12, false);
    const TranscodeFrame frame = frame_of(&layout, words);
    const TranscodeRendering rendering = windowed(2000, 3000);
    const TranscodeView whole = {0};
    const TranscodeView part = {.region_x = 100, .region_y = 51, .region_width = 203, .region_height = 211};

    assert_rows_write_the_same(&frame, &rendering, &whole, true);
    assert_rows_write_the_same(&frame, &rendering, &part, true);
}

static void each_writer_has_a_shutter_and_values_of_its_own(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(COLUMNS, ROWS / 2, 32, 32, true);
    TranscodeFrame frame = frame_of(&layout, words);
    TranscodeRendering rendering = windowed(0, 3e9);
    static const int32_t vertices[] = {1, 1, 120, 30, 100, 499, 7, 400};
    const TranscodeShutter shutter = {.has_circle = true,
                                      .center_row = 70,
                                      .center_column = 250,
                                      .radius = 200, /**/
                                      .has_polygon = true,
                                      .vertices = vertices,
                                      .vertex_count = 4};

    frame.size = sizeof words;
    rendering.shutter = &shutter;
    assert_rows_write_the_same(&frame, &rendering, &(TranscodeView){0}, true);
}

static void what_is_scaled_turned_or_coloured_has_pixels(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(COLUMNS, ROWS, 16, 16, false);
    const TranscodeFrame frame = frame_of(&layout, words);
    TranscodeRendering turned = windowed(32768, 65536), flipped = turned, coloured = turned;
    const TranscodeShutter shutter = {
        .has_rectangle = true, .left = 9, .right = 90, .top = 9, .bottom = 90, .color = {0xFFFF, 0, 0}};

    turned.rotation = 90;
    flipped.is_flipped = true;
    coloured.shutter = &shutter;
    assert_rows_write_the_same(&frame, &turned, &(TranscodeView){0}, false);
    assert_rows_write_the_same(&frame, &flipped, &(TranscodeView){0}, false);
    assert_rows_write_the_same(&frame, &coloured, &(TranscodeView){0}, false);
    const TranscodeRendering plain = windowed(32768, 65536);
    assert_rows_write_the_same(&frame, &plain, &(TranscodeView){.viewport_width = 100}, false);
}

static void a_file_over_the_buffers_maximum_fails_in_all_hands(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(COLUMNS, ROWS, 16, 16, false);
    const TranscodeFrame frame = frame_of(&layout, words);
    const TranscodeRendering rendering = windowed(32768, 65536);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(2000);
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PACS_AUTO(TranscodeCrew) crew = NULL;
    PacsError err = {0};

    assert_int_equal(transcode_crew_new(1, &crew, NULL), PACS_OK);
    assert_int_equal(transcode_render_rows(&frame, &rendering, &(TranscodeView){0}, &picture, NULL), PACS_OK);
    assert_int_equal(
        transcode_picture_write_shared(&picture, TRANSCODE_JPEG, 0, (TranscodeHands){crew, 1}, &file, &err),
        PACS_TOO_LARGE);
    assert_int_equal(file.size, 0);
}

/* ---- Tones ---- */

/* Values of 32 bits are worked out one by one, as the standard has it. */
static void assert_as_one_by_one(const TranscodeLayout *layout, const TranscodeRendering *rendering)
{
    TranscodeLayout one_by_one = grey_layout(COLUMNS, TONE_ROWS, 32, 32, true);
    const uint16_t sign = (uint16_t)(1u << (layout->bits_stored - 1));
    const uint16_t mask = (uint16_t)(2u * sign - 1);

    one_by_one.photometric = layout->photometric;
    for (size_t i = 0; i < TONES; i++)
        long_words[i] = layout->is_signed ? (int16_t)((uint16_t)((words[i] & mask) ^ sign) - sign)
                                          : words[i] & mask;
    TranscodePicture ours = rendered(layout, words, TONES * sizeof *words, rendering, &(TranscodeView){0});
    TranscodePicture theirs = rendered(&one_by_one, long_words, sizeof long_words, rendering,
                                       &(TranscodeView){0});
    assert_pixels(&ours, COLUMNS, TONE_ROWS, theirs.pixels, TONES);
    transcode_picture_clear(&ours);
    transcode_picture_clear(&theirs);
}

static void assert_all_layouts_as_one_by_one(const TranscodeRendering *rendering)
{
    for (uint16_t bits = 10; bits <= 16; bits = (uint16_t)(bits + 2))
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            TranscodeLayout layout = grey_layout(COLUMNS, TONE_ROWS, 16, bits, is_signed);
            assert_as_one_by_one(&layout, rendering); /* above its bits a word has rubbish */
            layout.photometric = TRANSCODE_MONOCHROME1;
            assert_as_one_by_one(&layout, rendering);
        }
}

static void tones_are_those_of_values_one_by_one(void **state)
{
    (void)state;
    static const double widths[] = {1, 2, 3, 100, 256, 400, 511, 4096, 65536};
    TranscodeRendering padded = windowed(40, 400);

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        TranscodeRendering rendering = windowed(100, widths[i]);
        assert_all_layouts_as_one_by_one(&rendering);
        rendering.rescale_slope = -0.37;
        rendering.rescale_intercept = 12.25;
        rendering.window.function = TRANSCODE_LINEAR_EXACT;
        assert_all_layouts_as_one_by_one(&rendering);
    }
    padded.has_padding = true;
    padded.padding_first = 100;
    padded.padding_last = 150;
    assert_all_layouts_as_one_by_one(&padded);
}

static void the_range_of_a_frame_is_that_of_its_values(void **state)
{
    (void)state;
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    assert_all_layouts_as_one_by_one(&rendering);
    rendering.rescale_slope = -2;
    assert_all_layouts_as_one_by_one(&rendering);
    rendering.has_padding = true; /* inside, then the smallest value of some */
    rendering.padding_first = rendering.padding_last = 77;
    assert_all_layouts_as_one_by_one(&rendering);
    rendering.padding_first = rendering.padding_last = 0;
    assert_all_layouts_as_one_by_one(&rendering);
    rendering.padding_first = rendering.padding_last = -32768;
    assert_all_layouts_as_one_by_one(&rendering);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_written_as_the_whole_picture_is),
        cmocka_unit_test(each_writer_has_a_shutter_and_values_of_its_own),
        cmocka_unit_test(what_is_scaled_turned_or_coloured_has_pixels),
        cmocka_unit_test(a_file_over_the_buffers_maximum_fails_in_all_hands),
        cmocka_unit_test(tones_are_those_of_values_one_by_one),
        cmocka_unit_test(the_range_of_a_frame_is_that_of_its_values),
    };

    return cmocka_run_group_tests(tests, make_words, NULL);
}
