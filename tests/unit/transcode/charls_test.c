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
    test_lossless(PACS_UID_JPEG_LS_LOSSLESS);
}

static void near_lossless_stays_within_its_error(void **state)
{
    (void)state;
    for (uint32_t near = 0; near <= 5; near++)
        for (uint16_t stored = 8; stored <= 16; stored += 4)
            for (int is_signed = 0; is_signed < 2; is_signed++)
                for (int pattern = TEST_NOISE; pattern <= TEST_SMOOTH; pattern++) {
                    const TranscodeLayout layout = test_layout(33, 47, 1, stored > 8 ? 16 : 8, stored,
                                                               is_signed);
                    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LS_NEAR_LOSSLESS,
                                                    .near = near};
                    size_t size = 0;
                    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, (TestPattern)pattern, &size);
                    const uint32_t difference = test_round_trip(&target, &layout, native, NULL);
                    assert_in_range(difference, 0, near ? near : 2);
                }
}

static void near_lossless_does_not_turn_the_largest_value_into_the_smallest(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(1, 4, 1, 8, 8, true);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LS_NEAR_LOSSLESS, .near = 3};
    const uint8_t at_the_top[] = {0x7F, 0x7C, 0x7D, 0x7E};
    const uint8_t at_the_bottom[] = {0x80, 0x83, 0x81, 0x82};

    assert_in_range(test_round_trip(&target, &layout, at_the_top, NULL), 0, 3);
    assert_in_range(test_round_trip(&target, &layout, at_the_bottom, NULL), 0, 3);
}

static void a_codestream_says_what_it_is(void **state)
{
    (void)state;
    test_names_itself(PACS_UID_JPEG_LS_LOSSLESS);
    test_names_itself(PACS_UID_JPEG_LS_NEAR_LOSSLESS);
}

static void another_size_than_the_attributes_say_is_refused_with_both(void **state)
{
    (void)state;
    test_refuses_another_size(PACS_UID_JPEG_LS_LOSSLESS);
}

static void a_codestream_of_16_bits_may_be_stored_in_32(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(8, 8, 1, 16, 12, true);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LS_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_NOISE, &size);
    int32_t out[64];

    (void)test_round_trip(&target, &layout, native, &codestream);
    layout.bits_allocated = 32;
    const TranscodeFrame frame = {PACS_UID_JPEG_LS_LOSSLESS, layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, &layout, (uint8_t *)out, sizeof out, NULL), PACS_OK);
    layout.bits_allocated = 16;
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(out[i], test_sample(&layout, native, i));
}

static void zeros_in_front_of_the_end_do_not_matter(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(8, 8, 1, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_LS_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_NOISE, &size);
    uint8_t out[64];

    (void)test_round_trip(&target, &layout, native, &codestream);
    codestream.size -= 2;
    assert_true(pacs_buffer_add(&codestream, "\x00\xFF\xD9\x00", 4));
    const TranscodeFrame frame = {PACS_UID_JPEG_LS_LOSSLESS, layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, NULL), PACS_OK);
    assert_memory_equal(out, native, 64);
}

static void what_is_no_codestream_is_invalid(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(2, 2, 1, 8, 8, false);
    const TranscodeFrame frame = {PACS_UID_JPEG_LS_LOSSLESS, layout, (const uint8_t *)"\xFF\xD8\xFF\xFF", 4};
    uint8_t out[4];
    PacsError err = {0};

    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, &err), PACS_INVALID);
    assert_memory_equal(err.text, "JPEG-LS: ", 9);
}

static void what_jpeg_ls_cannot_hold_is_not_promised(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(2, 2, 1, 32, 16, false);

    assert_false(transcode_can_encode(PACS_UID_JPEG_LS_LOSSLESS, &layout));
    layout = test_layout(2, 2, 1, 1, 1, false);
    assert_false(transcode_can_encode(PACS_UID_JPEG_LS_LOSSLESS, &layout));
    layout = test_layout(2, 2, 3, 8, 8, false);
    layout.photometric = TRANSCODE_YBR_PARTIAL_422;
    assert_false(transcode_can_encode(PACS_UID_JPEG_LS_LOSSLESS, &layout));
    layout = test_layout(2, 2, 1, 8, 8, false);
    layout.photometric = TRANSCODE_PALETTE_COLOR;
    assert_true(transcode_can_encode(PACS_UID_JPEG_LS_LOSSLESS, &layout));
    assert_false(transcode_can_encode(PACS_UID_JPEG_LS_NEAR_LOSSLESS, &layout));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lossless_frame_comes_back_bit_for_bit),
        cmocka_unit_test(near_lossless_stays_within_its_error),
        cmocka_unit_test(near_lossless_does_not_turn_the_largest_value_into_the_smallest),
        cmocka_unit_test(a_codestream_says_what_it_is),
        cmocka_unit_test(another_size_than_the_attributes_say_is_refused_with_both),
        cmocka_unit_test(a_codestream_of_16_bits_may_be_stored_in_32),
        cmocka_unit_test(zeros_in_front_of_the_end_do_not_matter),
        cmocka_unit_test(what_is_no_codestream_is_invalid),
        cmocka_unit_test(what_jpeg_ls_cannot_hold_is_not_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
