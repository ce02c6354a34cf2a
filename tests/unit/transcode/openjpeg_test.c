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
    test_names_itself(PACS_UID_JPEG_2000_LOSSLESS);
    test_names_itself(PACS_UID_JPEG_2000);
}

static void another_size_than_the_attributes_say_is_refused_with_both(void **state)
{
    (void)state;
    test_refuses_another_size(PACS_UID_JPEG_2000);
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
