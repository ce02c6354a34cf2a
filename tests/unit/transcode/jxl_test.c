#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

#define UID_LOSSLESS "1.2.840.10008.1.2.4.110"
#define UID_JPEG_XL "1.2.840.10008.1.2.4.112"

static void every_lossless_frame_comes_back_bit_for_bit(void **state)
{
    (void)state;
    test_lossless(UID_LOSSLESS);
}

static void lossy_frames_come_back_much_alike(void **state)
{
    (void)state;
    for (uint16_t samples = 1; samples <= 3; samples += 2)
        for (uint16_t stored = 8; stored <= 16; stored += 4) {
            const TranscodeLayout layout = test_layout(70, 90, samples, stored > 8 ? 16 : 8, stored, false);
            const TranscodeTarget target = {.transfer_syntax_uid = UID_JPEG_XL};
            PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
            size_t size = 0;
            PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);
            assert_in_range(test_round_trip(&target, &layout, native, &codestream), 1, (1u << stored) / 8);
            assert_in_range(codestream.size, 1, size / 2);
        }
}

static void codestreams_are_bare(void **state)
{
    (void)state;
    for (uint16_t stored = 8; stored <= 16; stored += 8) {
        const TranscodeLayout layout = test_layout(300, 300, 1, stored, stored, false);
        const TranscodeTarget target = {.transfer_syntax_uid = UID_LOSSLESS};
        PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
        size_t size = 0;
        PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_NOISE, &size);
        assert_int_equal(test_round_trip(&target, &layout, native, &codestream), 0);
        assert_memory_equal(codestream.bytes, "\xFF\x0A", 2);
    }
}

static void another_size_than_the_attributes_say_is_refused_with_both(void **state)
{
    (void)state;
    test_refuses_another_size(UID_LOSSLESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lossless_frame_comes_back_bit_for_bit),
        cmocka_unit_test(lossy_frames_come_back_much_alike),
        cmocka_unit_test(codestreams_are_bare),
        cmocka_unit_test(another_size_than_the_attributes_say_is_refused_with_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
