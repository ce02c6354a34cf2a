#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

static TranscodeFrame rle_of(const TranscodeLayout *layout, const uint8_t *bytes, size_t size)
{
    return (TranscodeFrame){PACS_UID_RLE_LOSSLESS, *layout, bytes, size};
}

static void every_frame_comes_back_bit_for_bit(void **state)
{
    (void)state;
    test_lossless(PACS_UID_RLE_LOSSLESS);
}

static void words_of_32_bits_are_four_segments(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(7, 5, 3, 32, 32, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_NOISE, &size);

    assert_int_equal(test_round_trip(&target, &layout, native, &codestream), 0);
    assert_int_equal(codestream.bytes[0], 12);
    layout.samples_per_pixel = 4; /* 16 segments: one more than the header has room for */
    assert_false(transcode_can_encode(PACS_UID_RLE_LOSSLESS, &layout));
}

static void planes_are_encoded_by_pixel(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(1, 2, 3, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1024);
    const uint8_t planes[] = {1, 2, 3, 4, 5, 6}, pixels[] = {1, 3, 5, 2, 4, 6};
    uint8_t back[6];

    layout.is_planar = true;
    const TranscodeFrame frame = {PACS_UID_EXPLICIT_LITTLE, layout, planes, sizeof planes};
    assert_int_equal(transcode_encode(&frame, &target, &out, NULL), PACS_OK);
    layout.is_planar = false;
    const TranscodeFrame encoded = rle_of(&layout, out.bytes, out.size);
    assert_int_equal(transcode_decode(&encoded, &layout, back, sizeof back, NULL), PACS_OK);
    assert_memory_equal(back, pixels, sizeof pixels);
}

static void shared_colours_are_given_to_each_pixel(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(1, 3, 3, 8, 8, false), after;
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1024);
    const uint8_t shared[] = {1, 2, 100, 200, 3, 0, 101, 201};
    const uint8_t full[] = {1, 100, 200, 2, 100, 200, 3, 101, 201};
    uint8_t back[9];

    layout.photometric = TRANSCODE_YBR_FULL_422;
    const TranscodeFrame frame = {PACS_UID_EXPLICIT_LITTLE, layout, shared, sizeof shared};
    assert_int_equal(transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, &layout, &target, &after, NULL),
                     PACS_OK);
    assert_int_equal(after.photometric, TRANSCODE_YBR_FULL);
    assert_int_equal(transcode_encode(&frame, &target, &out, NULL), PACS_OK);
    const TranscodeFrame encoded = rle_of(&after, out.bytes, out.size);
    assert_int_equal(transcode_decode(&encoded, &after, back, sizeof back, NULL), PACS_OK);
    assert_memory_equal(back, full, sizeof full);
}

static PacsStatus decode_2x3(const uint8_t *packed, size_t size, uint8_t out[6], PacsError *err)
{
    const TranscodeLayout layout = test_layout(2, 3, 1, 8, 8, false);
    uint8_t bytes[128] = {1, 0, 0, 0, 64};

    memcpy(bytes + 64, packed, size);
    const TranscodeFrame frame = rle_of(&layout, bytes, 64 + size);
    return transcode_decode(&frame, &layout, out, 6, err);
}

static void runs_may_go_over_rows_and_padding_may_follow(void **state)
{
    (void)state;
    uint8_t out[6];

    assert_int_equal(decode_2x3((const uint8_t[]){252, 7, 128, 0, 9, 0}, 6, out, NULL), PACS_OK);
    assert_memory_equal(out, "\7\7\7\7\7\11", 6); /* 128 says nothing */
    assert_int_equal(decode_2x3((const uint8_t[]){129, 7}, 2, out, NULL),
                     PACS_OK); /* more than there is room for */
}

static void a_segment_with_too_few_pixels_is_refused(void **state)
{
    (void)state;
    uint8_t out[6];
    PacsError err = {0};

    assert_int_equal(decode_2x3((const uint8_t[]){5, 1, 2, 3}, 4, out, &err), PACS_INVALID);
    assert_string_equal(err.text, "RLE segment 1 has 3 bytes, 2 rows and 3 columns need 6");
    assert_int_equal(decode_2x3((const uint8_t[]){253, 1, 254}, 3, out, &err), PACS_INVALID);
    assert_int_equal(decode_2x3((const uint8_t[]){0}, 0, out, &err), PACS_INVALID);
}

static void headers_that_lie_are_refused(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(1, 1, 1, 16, 16, false);
    uint8_t bytes[70] = {2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0, [64] = 0, 1, 0, 2};
    uint8_t out[2];
    PacsError err = {0};
    TranscodeFrame frame = rle_of(&layout, bytes, 68);

    assert_int_equal(transcode_decode(&frame, &layout, out, 2, &err), PACS_OK);
    assert_memory_equal(out, ((const uint8_t[]){2, 1}), 2);
    bytes[0] = 3;
    assert_int_equal(transcode_decode(&frame, &layout, out, 2, &err), PACS_INVALID);
    assert_string_equal(err.text, "the RLE frame has 3 segments, 1 samples of 16 bits need 2");
    bytes[0] = 2;
    for (int wrong = 0; wrong < 3; wrong++) {
        bytes[8] = (const uint8_t[]){200, 63, 8}[wrong];
        assert_int_equal(transcode_decode(&frame, &layout, out, 2, &err), PACS_INVALID);
    }
    frame.size = 63;
    assert_int_equal(transcode_decode(&frame, &layout, out, 2, &err), PACS_INVALID);
}

static void single_bits_are_read_as_the_bytes_they_are_packed_in(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(3, 5, 1, 8, 1, false);
    uint8_t bytes[67] = {1, 0, 0, 0, 64, [64] = 1, 0xA5, 0x5A};
    uint8_t out[2];

    layout.bits_allocated = 1;
    const TranscodeFrame frame = rle_of(&layout, bytes, sizeof bytes);
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, NULL), PACS_OK);
    assert_memory_equal(out, "\xA5\x5A", 2);
    assert_false(transcode_can_encode(PACS_UID_RLE_LOSSLESS, &layout));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_comes_back_bit_for_bit),
        cmocka_unit_test(words_of_32_bits_are_four_segments),
        cmocka_unit_test(planes_are_encoded_by_pixel),
        cmocka_unit_test(shared_colours_are_given_to_each_pixel),
        cmocka_unit_test(runs_may_go_over_rows_and_padding_may_follow),
        cmocka_unit_test(a_segment_with_too_few_pixels_is_refused),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(single_bits_are_read_as_the_bytes_they_are_packed_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
