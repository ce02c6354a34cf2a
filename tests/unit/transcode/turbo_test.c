#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

static void smooth_pictures_stay_near(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 19}, {23, 1}, {65, 33}, {120, 131}};
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE, .quality = 100};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint16_t allocated = 8; allocated <= 16; allocated += 8) {
            const TranscodeLayout layout = test_layout(sizes[i][0], sizes[i][1], 1, allocated, 8, false);
            size_t size = 0;
            PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

            assert_in_range(test_round_trip(&target, &layout, native, NULL), 0, 3);
        }
}

static void a_codestream_says_what_it_is(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(16, 16, 3, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_JPEG_BASELINE};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

    assert_in_range(test_round_trip(&target, &layout, native, &codestream), 0, 12);
    assert_string_equal(pacs_codestream_transfer_syntax(codestream.bytes, codestream.size), PACS_UID_JPEG_BASELINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smooth_pictures_stay_near),
        cmocka_unit_test(a_codestream_says_what_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
