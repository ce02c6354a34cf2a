#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libdeflate.h>

#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

static const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_DEFLATED_FRAMES};

static void every_frame_comes_back_bit_for_bit(void **state)
{
    (void)state;
    test_lossless(PACS_UID_DEFLATED_FRAMES);
}

static void check_bytes(const TranscodeLayout *layout, const uint8_t *bytes)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1024);
    TranscodeFrame frame = {PACS_UID_EXPLICIT_LITTLE, *layout, bytes, 0};
    uint8_t back[8];

    assert_int_equal(transcode_layout_size(layout, &frame.size, NULL), PACS_OK);
    assert_int_equal(transcode_encode(&frame, &target, &out, NULL), PACS_OK);
    const TranscodeFrame encoded = {PACS_UID_DEFLATED_FRAMES, *layout, out.bytes, out.size};
    assert_int_equal(transcode_decode(&encoded, layout, back, frame.size, NULL), PACS_OK);
    assert_memory_equal(back, bytes, frame.size);
}

static void single_bits_floats_planes_and_shared_colours_stay_as_they_are(void **state)
{
    (void)state;
    const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    TranscodeLayout layouts[4], after;

    for (int i = 0; i < 4; i++)
        layouts[i] = test_layout(1, 2, 1, 8, 8, false);
    layouts[0].bits_allocated = layouts[0].bits_stored = 1;
    layouts[0].high_bit = 0;
    layouts[1].is_float = true;
    layouts[1].bits_allocated = layouts[1].bits_stored = 32;
    layouts[1].high_bit = 31;
    layouts[2].samples_per_pixel = layouts[3].samples_per_pixel = 3;
    layouts[2].is_planar = true;
    layouts[3].photometric = TRANSCODE_YBR_FULL_422;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, &layouts[i], &target, &after, NULL),
                         PACS_OK);
        assert_true(transcode_layout_same_shape(&after, &layouts[i]));
        assert_int_equal(after.photometric, layouts[i].photometric);
        check_bytes(&layouts[i], bytes);
    }
}

static size_t deflated(const uint8_t *bytes, size_t size, uint8_t out[64])
{
    struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(6);
    const size_t result = libdeflate_deflate_compress(deflate, bytes, size, out, 64);

    libdeflate_free_compressor(deflate);
    return result;
}

static PacsStatus decode_3_bytes(const uint8_t *bytes, size_t size, PacsError *err)
{
    const TranscodeLayout layout = test_layout(1, 3, 1, 8, 8, false);
    const TranscodeFrame frame = {PACS_UID_DEFLATED_FRAMES, layout, bytes, size};
    uint8_t out[3];

    return transcode_decode(&frame, &layout, out, sizeof out, err);
}

static void odd_frames_may_be_padded_before_and_after(void **state)
{
    (void)state;
    uint8_t out[65] = {0};

    size_t size = deflated((const uint8_t *)"abc", 3, out);
    assert_int_equal(decode_3_bytes(out, size + 1, NULL), PACS_OK);
    size = deflated((const uint8_t *)"abc", 4, out);
    assert_int_equal(decode_3_bytes(out, size, NULL), PACS_OK);
}

static void other_sizes_than_the_attributes_say_are_refused(void **state)
{
    (void)state;
    uint8_t out[64];
    PacsError err = {0};

    size_t size = deflated((const uint8_t *)"ab", 2, out);
    assert_int_equal(decode_3_bytes(out, size, &err), PACS_INVALID);
    assert_string_equal(err.text, "the deflated frame has fewer bytes than the 3 of its attributes");
    size = deflated((const uint8_t *)"abcde", 5, out);
    assert_int_equal(decode_3_bytes(out, size, &err), PACS_INVALID);
    assert_int_equal(decode_3_bytes(out, size - 2, &err), PACS_INVALID);
    assert_int_equal(decode_3_bytes((const uint8_t *)"\xFF\xFF", 2, &err), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_comes_back_bit_for_bit),
        cmocka_unit_test(single_bits_floats_planes_and_shared_colours_stay_as_they_are),
        cmocka_unit_test(odd_frames_may_be_padded_before_and_after),
        cmocka_unit_test(other_sizes_than_the_attributes_say_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
