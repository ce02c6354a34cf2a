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
    test_lossless(PACS_UID_JPEG_2000_LOSSLESS);
}

static void a_codestream_says_what_it_is(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(160, 100, 3, 8, 8, false);
    const char *const uids[] = {PACS_UID_JPEG_2000_LOSSLESS, PACS_UID_JPEG_2000};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

    for (size_t i = 0; i < 2; i++) {
        PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
        const TranscodeTarget target = {.transfer_syntax_uid = uids[i]};
        (void)test_round_trip(&target, &layout, native, &codestream);
        assert_string_equal(pacs_codestream_transfer_syntax(codestream.bytes, codestream.size), uids[i]);
    }
}

static void another_size_than_the_attributes_say_is_refused_with_both(void **state)
{
    (void)state;
    TranscodeLayout layout = test_layout(16, 24, 1, 16, 12, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_2000};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    PacsError err = {0};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);
    uint8_t out[24 * 16 * 2];

    (void)test_round_trip(&target, &layout, native, &codestream);
    layout.rows = 24;
    layout.columns = 16;
    const TranscodeFrame frame = {PACS_UID_JPEG_2000, layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "16 rows, 24 columns"));
    assert_non_null(strstr(err.text, "24, 16"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lossless_frame_comes_back_bit_for_bit),
        cmocka_unit_test(a_codestream_says_what_it_is),
        cmocka_unit_test(another_size_than_the_attributes_say_is_refused_with_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
