#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

/* The two tables of docs/ARCHITECTURE.md, "Transcoding". */

#define REFUSED TRANSCODE_OTHER

static TranscodePhotometric after(const char *from, TranscodePhotometric photometric, const char *to)
{
    TranscodeLayout layout = test_layout(8, 8, 3, 8, 8, false), result;
    const TranscodeTarget target = {.transfer_syntax_uid = to};

    layout.photometric = photometric;
    if (photometric <= TRANSCODE_PALETTE_COLOR)
        layout.samples_per_pixel = 1;
    if (transcode_layout_after(from, &layout, &target, &result, NULL) != PACS_OK)
        return REFUSED;
    layout.photometric = result.photometric;
    assert_true(transcode_layout_same_shape(&layout, &result));
    return result.photometric;
}

#define JPEG_XL "1.2.840.10008.1.2.4.110"
#define JPEG_XL_LOSSY "1.2.840.10008.1.2.4.112"

static void decoding_makes_of_colours_what_the_first_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *uid;
        TranscodePhotometric stored, native;
    } rows[] = {
        {PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE, TRANSCODE_YBR_FULL_422, TRANSCODE_YBR_FULL_422},
        {PACS_UID_DEFLATED_FRAMES, TRANSCODE_YBR_PARTIAL_422, TRANSCODE_YBR_PARTIAL_422},
        {PACS_UID_JPEG_BASELINE, TRANSCODE_YBR_FULL_422, TRANSCODE_RGB},
        {PACS_UID_JPEG_BASELINE, TRANSCODE_YBR_PARTIAL_422, TRANSCODE_RGB},
        {PACS_UID_JPEG_EXTENDED, TRANSCODE_YBR_FULL, TRANSCODE_RGB},
        {PACS_UID_JPEG_BASELINE, TRANSCODE_RGB, TRANSCODE_RGB},
        {PACS_UID_JPEG_BASELINE, TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1},
        {JPEG_XL_LOSSY, TRANSCODE_XYB, TRANSCODE_RGB},
        {PACS_UID_JPEG_2000, TRANSCODE_YBR_ICT, TRANSCODE_RGB},
        {PACS_UID_HTJ2K_LOSSLESS, TRANSCODE_YBR_RCT, TRANSCODE_RGB},
        {PACS_UID_JPEG_2000, TRANSCODE_YBR_FULL_422, TRANSCODE_YBR_FULL},
        {PACS_UID_RLE_LOSSLESS, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL},
        {PACS_UID_RLE_LOSSLESS, TRANSCODE_YBR_FULL_422, TRANSCODE_YBR_FULL},
        {PACS_UID_JPEG_LOSSLESS_SV1, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL},
        {PACS_UID_JPEG_LS_LOSSLESS, TRANSCODE_YBR_PARTIAL_422, REFUSED},
        {PACS_UID_RLE_LOSSLESS, TRANSCODE_PALETTE_COLOR, TRANSCODE_PALETTE_COLOR},
        {"1.2.840.10008.1.2.4.102", TRANSCODE_YBR_PARTIAL_420, REFUSED}, /* video */
        {"1.2.840.10008.1.2.4.94", TRANSCODE_MONOCHROME2, REFUSED},      /* JPIP */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (after(rows[i].uid, rows[i].stored, PACS_UID_EXPLICIT_LITTLE) != rows[i].native)
            fail_msg("%s, %s", rows[i].uid, transcode_photometric_name(rows[i].stored));
}

static void encoding_makes_of_colours_what_the_second_table_says(void **state)
{
    (void)state;
    static const char *const columns[] = {PACS_UID_DEFLATED_FRAMES,
                                          PACS_UID_RLE_LOSSLESS,
                                          PACS_UID_JPEG_LOSSLESS_SV1,
                                          PACS_UID_JPEG_LS_LOSSLESS,
                                          JPEG_XL,
                                          PACS_UID_HTJ2K_LOSSLESS_RPCL,
                                          PACS_UID_JPEG_2000,
                                          PACS_UID_JPEG_BASELINE,
                                          JPEG_XL_LOSSY};
    static const struct {
        TranscodePhotometric native;
        TranscodePhotometric made[9];
    } rows[] = {
        {TRANSCODE_MONOCHROME1,
         {TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1,
          TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1, TRANSCODE_MONOCHROME1,
          TRANSCODE_MONOCHROME1}},
        {TRANSCODE_PALETTE_COLOR,
         {TRANSCODE_PALETTE_COLOR, TRANSCODE_PALETTE_COLOR, TRANSCODE_PALETTE_COLOR, TRANSCODE_PALETTE_COLOR,
          TRANSCODE_PALETTE_COLOR, TRANSCODE_PALETTE_COLOR, REFUSED, REFUSED, REFUSED}},
        {TRANSCODE_RGB,
         {TRANSCODE_RGB, TRANSCODE_RGB, TRANSCODE_RGB, TRANSCODE_RGB, TRANSCODE_RGB, TRANSCODE_YBR_RCT,
          TRANSCODE_YBR_ICT, TRANSCODE_YBR_FULL_422, TRANSCODE_XYB}},
        {TRANSCODE_YBR_FULL,
         {TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, REFUSED,
          TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL_422, REFUSED}},
        {TRANSCODE_YBR_FULL_422,
         {TRANSCODE_YBR_FULL_422, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, REFUSED,
          TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL, TRANSCODE_YBR_FULL_422, REFUSED}},
        {TRANSCODE_YBR_PARTIAL_422,
         {TRANSCODE_YBR_PARTIAL_422, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, TRANSCODE_YBR_ICT,
          TRANSCODE_YBR_FULL_422, TRANSCODE_XYB}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
            const TranscodePhotometric made = after(PACS_UID_EXPLICIT_LITTLE, rows[i].native, columns[k]);

            if (made != rows[i].made[k])
                fail_msg("%s in %s: '%s'", transcode_photometric_name(rows[i].native), columns[k],
                         transcode_photometric_name(made));
        }
}

static void the_stored_syntax_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(after("1.2.840.10008.1.2.4.102", TRANSCODE_YBR_PARTIAL_420, "1.2.840.10008.1.2.4.102"),
                     TRANSCODE_YBR_PARTIAL_420);
    assert_int_equal(after(PACS_UID_JPEG_BASELINE, TRANSCODE_YBR_FULL, PACS_UID_JPEG_BASELINE),
                     TRANSCODE_YBR_FULL);
}

static void single_bits_and_floats_stay_native(void **state)
{
    (void)state;
    TranscodeLayout bits = test_layout(8, 8, 1, 8, 1, false), floats = test_layout(8, 8, 1, 32, 32, false);

    bits.bits_allocated = 1;
    floats.is_float = true;
    assert_true(transcode_can_encode(PACS_UID_DEFLATED_FRAMES, &bits));
    assert_true(transcode_can_encode(PACS_UID_EXPLICIT_LITTLE, &floats));
    assert_false(transcode_can_encode(PACS_UID_RLE_LOSSLESS, &bits));
    assert_false(transcode_can_encode(PACS_UID_RLE_LOSSLESS, &floats));
}

static void lossy_is_what_may_change_pixels(void **state)
{
    (void)state;
    const TranscodeTarget baseline = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE};
    const TranscodeTarget rle = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS};

    assert_true(transcode_is_lossy(PACS_UID_RLE_LOSSLESS, &baseline));
    assert_false(transcode_is_lossy(PACS_UID_JPEG_BASELINE, &baseline));
    assert_false(transcode_is_lossy(PACS_UID_JPEG_BASELINE, &rle));
}

static void colours_of_other_ranges_are_encoded_as_rgb(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(16, 16, 3, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE, .quality = 100};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1u << 20);
    uint8_t white[16 * 16 * 2], rgb[16 * 16 * 3];

    for (size_t i = 0; i < sizeof white; i += 4)
        memcpy(white + i, ((const uint8_t[]){235, 16, 128, 128}), 4);
    layout.photometric = TRANSCODE_YBR_PARTIAL_422;
    const TranscodeFrame frame = {PACS_UID_EXPLICIT_LITTLE, layout, white, sizeof white};
    assert_int_equal(transcode_encode(&frame, &target, &out, NULL), PACS_OK);
    layout.photometric = TRANSCODE_YBR_FULL_422;
    const TranscodeFrame encoded = {PACS_UID_JPEG_BASELINE, layout, out.bytes, out.size};
    layout.photometric = TRANSCODE_RGB;
    assert_int_equal(transcode_decode(&encoded, &layout, rgb, sizeof rgb, NULL), PACS_OK);
    assert_in_range(rgb[0], 252, 255);
    assert_in_range(rgb[3], 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_makes_of_colours_what_the_first_table_says),
        cmocka_unit_test(encoding_makes_of_colours_what_the_second_table_says),
        cmocka_unit_test(the_stored_syntax_changes_nothing),
        cmocka_unit_test(single_bits_and_floats_stay_native),
        cmocka_unit_test(lossy_is_what_may_change_pixels),
        cmocka_unit_test(colours_of_other_ranges_are_encoded_as_rgb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
