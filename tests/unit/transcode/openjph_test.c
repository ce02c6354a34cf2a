#include "transcode/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"
#include "tests/support/frames.h"

static void every_lossless_frame_comes_back_bit_for_bit(void **state)
{
    (void)state;
    test_lossless(PACS_UID_HTJ2K_LOSSLESS);
    test_lossless(PACS_UID_HTJ2K_LOSSLESS_RPCL);
}

static void a_codestream_says_what_it_is(void **state)
{
    (void)state;
    test_names_itself(PACS_UID_HTJ2K_LOSSLESS);
    test_names_itself(PACS_UID_HTJ2K_LOSSLESS_RPCL);
    test_names_itself(PACS_UID_HTJ2K);
}

/* Payload of the main header's first segment with this marker. */
static const uint8_t *find_segment(const PacsBuffer *codestream, uint8_t marker)
{
    for (size_t at = 2; at + 4 < codestream->size && codestream->bytes[at + 1] != 0x90;
         at += 2 + ((size_t)codestream->bytes[at + 2] << 8 | codestream->bytes[at + 3]))
        if (codestream->bytes[at + 1] == marker)
            return codestream->bytes + at + 4;
    return NULL;
}

static void rpcl_has_a_length_for_its_tile_part_and_a_thumbnail(void **state)
{
    (void)state;
    const uint32_t sizes[][3] = {{1, 1, 0}, {64, 64, 0}, {65, 1, 1}, {512, 512, 3}, {100, 1025, 5}};
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_HTJ2K_LOSSLESS_RPCL};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
        const TranscodeLayout layout = test_layout(sizes[i][0], sizes[i][1], 1, 8, 8, false);
        size_t size = 0;
        PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);
        (void)test_round_trip(&target, &layout, native, &codestream);
        const uint8_t *tlm = find_segment(&codestream, 0x55);
        assert_non_null(tlm);
        assert_int_equal(tlm[1], 0x60);
        assert_memory_equal(tlm + 8, "\xFF\x90", 2); /* the tile-part begins behind it */
        assert_memory_equal(tlm + 2, tlm + 12, 6);   /* with the same tile and length */
        assert_int_equal(find_segment(&codestream, 0x52)[5], sizes[i][2]);
    }
}

static void another_size_than_the_attributes_say_is_refused_with_both(void **state)
{
    (void)state;
    test_refuses_another_size(PACS_UID_HTJ2K);
}

static void what_is_cut_off_anywhere_is_invalid(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(40, 40, 1, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_HTJ2K_LOSSLESS_RPCL};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);
    uint8_t out[1600];

    (void)test_round_trip(&target, &layout, native, &codestream);
    for (size_t end = 0; end < codestream.size - 2; end++) { /* without the end marker nothing is lost */
        PACS_AUTO_FREE uint8_t *cut = malloc(end + 1);
        memcpy(cut, codestream.bytes, end);
        const TranscodeFrame frame = {PACS_UID_HTJ2K_LOSSLESS_RPCL, layout, cut, end};
        assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, NULL), PACS_INVALID);
    }
}

static void what_openjph_says_becomes_the_error_and_nothing_is_printed(void **state)
{
    (void)state;
    const TranscodeLayout layout = test_layout(16, 24, 1, 16, 12, false);
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_HTJ2K_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    PacsError err = {0};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);
    uint8_t out[24 * 16 * 2];
    FILE *printed = tmpfile();
    const int usual = dup(STDERR_FILENO);

    (void)test_round_trip(&target, &layout, native, &codestream);
    const TranscodeFrame frame = {PACS_UID_HTJ2K_LOSSLESS, layout, codestream.bytes, codestream.size};
    memset(codestream.bytes + codestream.size - 40, 0xFF, 38); /* what ends the only code-block */
    assert_int_equal(dup2(fileno(printed), STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, &err), PACS_INVALID);
    assert_int_equal(dup2(usual, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(lseek(fileno(printed), 0, SEEK_END), 0);
    assert_memory_equal(err.text, "HTJ2K: ", 7);
    assert_null(strstr(err.text, "ojph error"));
    assert_non_null(strchr(err.text + 7, ' ')); /* a sentence */
    (void)fclose(printed);
    (void)close(usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lossless_frame_comes_back_bit_for_bit),
        cmocka_unit_test(a_codestream_says_what_it_is),
        cmocka_unit_test(rpcl_has_a_length_for_its_tile_part_and_a_thumbnail),
        cmocka_unit_test(what_is_cut_off_anywhere_is_invalid),
        cmocka_unit_test(what_openjph_says_becomes_the_error_and_nothing_is_printed),
        cmocka_unit_test(another_size_than_the_attributes_say_is_refused_with_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
