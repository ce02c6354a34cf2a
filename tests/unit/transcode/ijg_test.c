#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

static void every_lossless_frame_comes_back_bit_for_bit(void **state)
{
    (void)state;
    test_lossless(PACS_UID_JPEG_LOSSLESS_SV1);
    test_lossless(PACS_UID_JPEG_LOSSLESS);
}

static void samples_elsewhere_in_their_words_come_back_too(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(33, 17, 1, 16, 10, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LOSSLESS_SV1};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_RUBBISH, &size);

    for (uint16_t high_bit = 9; high_bit < 16; high_bit++)
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            layout.high_bit = high_bit;
            layout.is_signed = is_signed;
            assert_int_equal(test_round_trip(&target, &layout, native, NULL), 0);
        }
}

static void a_codestream_says_what_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *uid;
        uint16_t stored;
    } cases[] = {{PACS_UID_JPEG_LOSSLESS_SV1, 8},
                 {PACS_UID_JPEG_LOSSLESS_SV1, 16},
                 {PACS_UID_JPEG_LOSSLESS, 12},
                 {PACS_UID_JPEG_EXTENDED, 12}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const TranscodeLayout layout = test_layout(16, 16, 1, 16, cases[i].stored, false);
        const TranscodeTarget target = {.transfer_syntax_uid = cases[i].uid};
        PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
        size_t size = 0;
        PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

        (void)test_round_trip(&target, &layout, native, &codestream);
        assert_string_equal(pacs_codestream_transfer_syntax(codestream.bytes, codestream.size), cases[i].uid);
    }
}

static void twelve_lossy_bits_stay_near(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 19}, {23, 1}, {65, 33}, {120, 131}};
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_EXTENDED, .quality = 100};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint16_t stored = 9; stored <= 12; stored++) {
            const TranscodeLayout layout = test_layout(sizes[i][0], sizes[i][1], 1, 16, stored, false);
            size_t size = 0;
            PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

            assert_in_range(test_round_trip(&target, &layout, native, NULL), 0, 8);
        }
}

static void lossy_colour_of_twelve_bits_becomes_rgb_again(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(40, 64, 3, 16, 12, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_EXTENDED, .quality = 100};
    static uint16_t native[40 * 64 * 3];

    for (size_t i = 0; i < 40 * 64; i++) {
        native[3 * i] = (uint16_t)(i % 64 * 60);
        native[3 * i + 1] = 1000;
        native[3 * i + 2] = (uint16_t)(i / 64 * 60);
    }
    assert_in_range(test_round_trip(&target, &layout, (const uint8_t *)native, NULL), 0, 60);
}

static void ybr_stays_ybr_where_nothing_is_lost(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(4, 4, 3, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LOSSLESS_SV1};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_NOISE, &size);

    layout.photometric = TRANSCODE_YBR_FULL;
    assert_int_equal(test_round_trip(&target, &layout, native, NULL), 0);
}

/* 32 by 32 of 12 bits, lossless. */
static void make_codestream(PacsBuffer *codestream, TranscodeLayout *layout)
{
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LOSSLESS_SV1};
    size_t size = 0;

    *layout = test_layout(32, 32, 1, 16, 12, false);
    PACS_AUTO_FREE uint8_t *native = test_frame(layout, TEST_NOISE, &size);
    (void)test_round_trip(&target, layout, native, codestream);
}

static PacsStatus decode(const TranscodeLayout *layout, const uint8_t *bytes, size_t size, PacsError *err)
{
    const TranscodeFrame frame = {PACS_UID_JPEG_LOSSLESS_SV1, *layout, bytes, size};
    static uint8_t out[32 * 32 * 2];

    return transcode_decode(&frame, layout, out, sizeof out, err);
}

static void a_missing_end_marker_is_no_harm_missing_pixels_are(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    TranscodeLayout layout;
    PacsError err = {0};

    make_codestream(&codestream, &layout);
    size_t end = codestream.size;
    while (codestream.bytes[end - 1] != 0xD9)
        end--;
    assert_int_equal(decode(&layout, codestream.bytes, end, &err), PACS_OK);
    assert_int_equal(decode(&layout, codestream.bytes, end - 2, &err), PACS_OK);
    for (size_t cut = 3; cut < end; cut++) {
        const PacsStatus status = decode(&layout, codestream.bytes, end - cut, &err);
        assert_true(status == PACS_INVALID || cut < 8); /* the last bits may be padding */
    }
}

static void codestreams_that_contradict_the_attributes_are_refused(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    TranscodeLayout layout;
    PacsError err = {0};

    make_codestream(&codestream, &layout);
    layout.columns = 16;
    layout.rows = 64;
    assert_int_equal(decode(&layout, codestream.bytes, codestream.size, &err), PACS_INVALID);
    assert_string_equal(err.text, "the codestream has 32 rows and 32 columns, the attributes say 64 and 16");
    layout = test_layout(32, 64, 1, 8, 8, false);
    assert_int_equal(decode(&layout, codestream.bytes, codestream.size, &err), PACS_INVALID);
    layout = test_layout(32, 32, 1, 1, 1, false);
    const TranscodeFrame bits = {PACS_UID_JPEG_LOSSLESS_SV1, layout, codestream.bytes, codestream.size};
    uint8_t out[32 * 32 / 8];
    assert_int_equal(transcode_decode(&bits, &layout, out, sizeof out, &err), PACS_INVALID);
    layout = test_layout(32, 32, 1, 16, 16, true); /* 12 bits were enough for it: nothing is negative */
    assert_int_equal(decode(&layout, codestream.bytes, codestream.size, &err), PACS_OK);
}

static void scans_that_misname_their_coefficients_are_read(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(32, 32, 1, 16, 12, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_EXTENDED};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0, scan = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

    (void)test_round_trip(&target, &layout, native, &codestream);
    while (codestream.bytes[scan] != 0xFF || codestream.bytes[scan + 1] != 0xDA)
        scan++;
    assert_int_equal(codestream.bytes[scan + 8], 63);
    codestream.bytes[scan + 8] = 0; /* as the WG-04 samples have it */
    assert_int_equal(decode(&layout, codestream.bytes, codestream.size, NULL), PACS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lossless_frame_comes_back_bit_for_bit),
        cmocka_unit_test(samples_elsewhere_in_their_words_come_back_too),
        cmocka_unit_test(a_codestream_says_what_it_is),
        cmocka_unit_test(twelve_lossy_bits_stay_near),
        cmocka_unit_test(lossy_colour_of_twelve_bits_becomes_rgb_again),
        cmocka_unit_test(ybr_stays_ybr_where_nothing_is_lost),
        cmocka_unit_test(a_missing_end_marker_is_no_harm_missing_pixels_are),
        cmocka_unit_test(codestreams_that_contradict_the_attributes_are_refused),
        cmocka_unit_test(scans_that_misname_their_coefficients_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
