/* Waveforms on paper: where ink is, and what hostile numbers do. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "transcode/waveform.h"

#define PIXELS_PER_MM 6
#define SAMPLES 5000 /* ten seconds */
#define RATE 500.0

static float values[SAMPLES];

static void fill(float value)
{
    for (size_t i = 0; i < SAMPLES; i++)
        values[i] = value;
}

static TranscodeTrace trace_of(const char *label)
{
    return (TranscodeTrace){.label = label,
                            .unit = "mV",
                            .mm_per_unit = 10,
                            .sampling_hz = RATE,
                            .count = SAMPLES,
                            .values = values};
}

static TranscodePicture draw(const TranscodeTrace *traces, size_t count, uint32_t viewport)
{
    const TranscodeWaveformPage page = {.traces = traces,
                                        .trace_count = count,
                                        .note = "",
                                        .viewport_width = viewport,
                                        .viewport_height = viewport};
    TranscodePicture picture = {0};
    PacsError err = {0};

    if (transcode_waveform_draw(&page, &picture, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return picture;
}

static bool is_ink(const TranscodePicture *picture, uint32_t x, uint32_t y)
{
    return picture->pixels[((size_t)y * picture->width + x) * 3] < 0x60;
}

/* The middle of the ink in a column, in pixels from above; 0: there is none. */
static double ink_at(const TranscodePicture *picture, uint32_t x)
{
    double sum = 0, count = 0;

    for (uint32_t y = 0; y < picture->height; y++)
        if (is_ink(picture, x, y)) {
            sum += y + 0.5;
            count++;
        }
    return count > 0 ? sum / count : 0;
}

static double ink_of_level(float level, double mm_per_unit)
{
    TranscodeTrace trace = trace_of("");

    fill(level);
    trace.mm_per_unit = mm_per_unit;
    TranscodePicture picture = draw(&trace, 1, 0);
    const double y = ink_at(&picture, picture.width / 2);
    transcode_picture_clear(&picture);
    return y;
}

static void a_millivolt_is_ten_millimetres(void **state)
{
    (void)state;
    const double zero = ink_of_level(0, 10);

    assert_true(fabs(zero - ink_of_level(1, 10) - 10.0 * PIXELS_PER_MM) < 1);
    assert_true(fabs(zero - ink_of_level(-0.5F, 10) + 5.0 * PIXELS_PER_MM) < 1);
}

static void a_trace_far_away_is_brought_into_its_lane(void **state)
{
    (void)state;
    assert_true(fabs(ink_of_level(300, 10) - ink_of_level(0, 10)) < 1);
}

static void a_second_is_twenty_five_millimetres(void **state)
{
    TranscodeTrace trace = trace_of("");
    uint32_t first = 0, second = 0;

    (void)state;
    fill(0);
    values[500] = values[1000] = 1; /* one and two seconds */
    TranscodePicture picture = draw(&trace, 1, 0);
    const uint32_t top = (uint32_t)ink_at(&picture, picture.width / 2) - 8 * PIXELS_PER_MM;
    for (uint32_t x = 20 * PIXELS_PER_MM; x < picture.width; x++) {
        if (!is_ink(&picture, x, top))
            continue;
        if (first == 0)
            first = x;
        second = x;
    }
    assert_true(first > 0);
    assert_true(abs((int)(second - first) - 25 * PIXELS_PER_MM) <= 2);
    transcode_picture_clear(&picture);
}

static void twelve_leads_stand_in_rows_of_four_and_others_in_lanes(void **state)
{
    static const char *const names[] = {"I",  "II", "III", "aVR", "aVL", "aVF",
                                        "V1", "V2", "V3",  "V4",  "V5",  "V6"};
    TranscodeTrace traces[12];

    (void)state;
    fill(0);
    for (size_t i = 0; i < 12; i++)
        traces[i] = trace_of(names[i]);
    TranscodePicture leads = draw(traces, 12, 0);
    TranscodePicture lanes = draw(traces, 11, 0);
    assert_int_equal(leads.width, lanes.width);
    assert_int_equal(leads.height, (3 + 4 * 30 + 7) * PIXELS_PER_MM);
    assert_true(lanes.height > leads.height);
    transcode_picture_clear(&leads);
    transcode_picture_clear(&lanes);
}

static void a_page_fits_into_its_viewport(void **state)
{
    static const uint32_t sides[] = {1, 7, 128, 256, 1000};
    const TranscodeTrace trace = trace_of("aVR");

    (void)state;
    fill(0.5F);
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        TranscodePicture picture = draw(&trace, 1, sides[i]);
        assert_true(picture.width > 0 && picture.width <= sides[i]);
        assert_true(picture.height > 0 && picture.height <= sides[i]);
        transcode_picture_clear(&picture);
    }
}

static void numbers_that_make_no_sense_are_gaps(void **state)
{
    static const double rates[] = {1e-300, 1e-3, 1e9, 1e300};
    TranscodeTrace trace = trace_of("\xFF\xFE");

    (void)state;
    fill(0);
    for (size_t i = 0; i < SAMPLES; i += 7)
        values[i] = i % 2 ? NAN : INFINITY;
    values[3] = 3e38F;
    values[4] = -3e38F;
    for (size_t i = 0; i < 2 * sizeof rates / sizeof rates[0]; i++) {
        trace.sampling_hz = rates[i / 2];
        trace.mm_per_unit = i % 2 ? 10 : 0;
        TranscodePicture picture = draw(&trace, 1, 256);
        transcode_picture_clear(&picture);
    }
    fill(NAN);
    TranscodePicture picture = draw(&trace, 1, 256);
    transcode_picture_clear(&picture);
}

static void nothing_to_draw_is_an_error(void **state)
{
    TranscodeTrace trace = trace_of("I");
    const TranscodeWaveformPage page = {.traces = &trace, .trace_count = 1, .note = ""};
    TranscodePicture picture = {0};
    PacsError err = {0};

    (void)state;
    trace.count = 0;
    assert_int_equal(transcode_waveform_draw(&page, &picture, &err), PACS_INVALID);
    trace.count = SAMPLES;
    trace.sampling_hz = NAN;
    assert_int_equal(transcode_waveform_draw(&page, &picture, &err), PACS_INVALID);
}

static void samples_are_what_their_kind_says(void **state)
{
    static const struct {
        const char *kind;
        uint8_t bytes[4];
        double value;
    } cases[] = {{"SB", {0x80}, -128},
                 {"UB", {0x80}, 128},
                 {"SS", {0x00, 0x80}, -32768},
                 {"US", {0x00, 0x80}, 32768},
                 {"SL", {0xFF, 0xFF, 0xFF, 0xFF}, -1},
                 {"UL", {0xFF, 0xFF, 0xFF, 0xFF}, 4294967295},
                 {"MB", {0xFF}, 0}, /* G.711: the smallest and the largest of each sign */
                 {"MB", {0x7F}, 0},
                 {"MB", {0x80}, 32124},
                 {"MB", {0x00}, -32124},
                 {"AB", {0xD5}, 8},
                 {"AB", {0x55}, -8},
                 {"AB", {0xAA}, 32256},
                 {"AB", {0x2A}, -32256}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(transcode_sample_value(transcode_sample_kind(cases[i].kind), cases[i].bytes) ==
                    cases[i].value);
    assert_int_equal(transcode_sample_kind("XX"), TRANSCODE_SAMPLE_KINDS);
    assert_int_equal(transcode_sample_bytes(TRANSCODE_SAMPLE_KINDS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_millivolt_is_ten_millimetres),
        cmocka_unit_test(a_trace_far_away_is_brought_into_its_lane),
        cmocka_unit_test(a_second_is_twenty_five_millimetres),
        cmocka_unit_test(twelve_leads_stand_in_rows_of_four_and_others_in_lanes),
        cmocka_unit_test(a_page_fits_into_its_viewport),
        cmocka_unit_test(numbers_that_make_no_sense_are_gaps),
        cmocka_unit_test(nothing_to_draw_is_an_error),
        cmocka_unit_test(samples_are_what_their_kind_says),
    };
    return cmocka_run_group_tests_name("transcode waveform", tests, NULL, NULL);
}
