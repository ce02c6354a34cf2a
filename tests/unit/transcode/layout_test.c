#include "transcode/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/tag.h"

static const PacsPixelDescription ct = {
    .rows = 512,
    .columns = 512,
    .number_of_frames = 1,
    .samples_per_pixel = 1,
    .bits_allocated = 16,
    .bits_stored = 12,
    .high_bit = 11,
    .pixel_representation = 1,
    .photometric_interpretation = "MONOCHROME2",
};

static PacsStatus size_of(PacsPixelDescription pixels, size_t *ret_size)
{
    TranscodeLayout layout;
    PacsStatus status = transcode_layout_of(&pixels, PACS_TAG_PIXEL_DATA, &layout, NULL);

    return status == PACS_OK ? transcode_layout_size(&layout, ret_size, NULL) : status;
}

static void a_frame_has_the_bytes_of_its_samples(void **state)
{
    (void)state;
    PacsPixelDescription pixels = ct;
    size_t size = 0;

    assert_int_equal(size_of(pixels, &size), PACS_OK);
    assert_int_equal(size, 512 * 512 * 2);
    pixels.bits_allocated = pixels.bits_stored = 1;
    pixels.high_bit = 0;
    pixels.columns = 3;
    pixels.rows = 3;
    assert_int_equal(size_of(pixels, &size), PACS_OK);
    assert_int_equal(size, 2); /* 9 bits */
}

static void columns_that_share_their_colour_count_for_less(void **state)
{
    (void)state;
    PacsPixelDescription pixels = {.rows = 2,
                                   .columns = 5,
                                   .samples_per_pixel = 3,
                                   .bits_allocated = 8,
                                   .bits_stored = 8,
                                   .high_bit = 7,
                                   .photometric_interpretation = "YBR_FULL_422"};
    size_t size = 0;

    assert_int_equal(size_of(pixels, &size), PACS_OK);
    assert_int_equal(size, 2 * 3 * 4);
}

static void a_frame_over_the_limit_is_refused_before_anything_is_allocated(void **state)
{
    (void)state;
    PacsPixelDescription pixels = ct;
    size_t size = 0;

    pixels.rows = pixels.columns = UINT32_MAX;
    assert_int_equal(size_of(pixels, &size), PACS_TOO_LARGE);
    pixels.columns = 1;
    assert_int_equal(size_of(pixels, &size), PACS_TOO_LARGE);
    assert_int_equal(size, 0);
}

static void layouts_that_nobody_defined_are_refused(void **state)
{
    (void)state;
    PacsPixelDescription pixels = ct;
    TranscodeLayout layout;

    pixels.bits_allocated = 12;
    assert_int_equal(transcode_layout_of(&pixels, PACS_TAG_PIXEL_DATA, &layout, NULL), PACS_UNSUPPORTED);
    pixels = ct;
    pixels.samples_per_pixel = 2;
    assert_int_equal(transcode_layout_of(&pixels, PACS_TAG_PIXEL_DATA, &layout, NULL), PACS_UNSUPPORTED);
    pixels = ct;
    pixels.high_bit = 3;
    assert_int_equal(transcode_layout_of(&pixels, PACS_TAG_PIXEL_DATA, &layout, NULL), PACS_INVALID);
    pixels = ct;
    pixels.rows = 0;
    assert_int_equal(transcode_layout_of(&pixels, PACS_TAG_PIXEL_DATA, &layout, NULL), PACS_INVALID);
}

static void float_pixel_data_need_no_bits(void **state)
{
    (void)state;
    const PacsPixelDescription pixels = {.rows = 4,
                                         .columns = 4,
                                         .samples_per_pixel = 1,
                                         .bits_allocated = 32,
                                         .photometric_interpretation = "MONOCHROME2"};
    TranscodeLayout layout;

    assert_int_equal(transcode_layout_of(&pixels, PACS_TAG(0x7FE0, 0x0008), &layout, NULL), PACS_OK);
    assert_true(layout.is_float);
    assert_int_equal(layout.bits_stored, 32);
}

static void photometric_interpretations_have_their_names(void **state)
{
    (void)state;
    for (int i = 0; i < TRANSCODE_OTHER; i++)
        assert_int_equal(transcode_photometric_parse(transcode_photometric_name((TranscodePhotometric)i)), i);
    assert_int_equal(transcode_photometric_parse("SEPIA"), TRANSCODE_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_has_the_bytes_of_its_samples),
        cmocka_unit_test(columns_that_share_their_colour_count_for_less),
        cmocka_unit_test(a_frame_over_the_limit_is_refused_before_anything_is_allocated),
        cmocka_unit_test(layouts_that_nobody_defined_are_refused),
        cmocka_unit_test(float_pixel_data_need_no_bits),
        cmocka_unit_test(photometric_interpretations_have_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
