#include "tests/support/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

TranscodeLayout test_layout(uint32_t rows, uint32_t columns, uint16_t samples, uint16_t allocated,
                            uint16_t stored, bool is_signed)
{
    return (TranscodeLayout){
        .rows = rows,
        .columns = columns,
        .samples_per_pixel = samples,
        .bits_allocated = allocated,
        .bits_stored = stored,
        .high_bit = (uint16_t)(stored - 1),
        .is_signed = is_signed,
        .photometric = samples == 1 ? TRANSCODE_MONOCHROME2 : TRANSCODE_RGB,
    };
}

/* xorshift: the same noise everywhere */
static uint32_t next_noise(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t smooth(const TranscodeLayout *layout, size_t index, uint32_t noise)
{
    const size_t pixel = index / layout->samples_per_pixel;
    const uint32_t top = (1u << layout->bits_stored) - 1;
    const size_t slope = pixel % layout->columns + pixel / layout->columns;
    const uint32_t value = (uint32_t)((uint64_t)top * slope / (layout->rows + layout->columns));

    const uint32_t noisy = value + noise % (top / 32 + 2);

    return noisy < top ? noisy : top;
}

static uint32_t word_of(const TranscodeLayout *layout, TestPattern pattern, size_t index, uint32_t noise)
{
    const uint32_t unused = 32u - layout->bits_stored;
    const uint32_t smallest = layout->is_signed ? 1u << (layout->bits_stored - 1) : 0;
    uint32_t word = noise;

    if (pattern == TEST_RUBBISH)
        return word;
    if (pattern == TEST_EXTREMES)
        word = index % 2 ? smallest : ~smallest;
    if (pattern == TEST_SMOOTH)
        word = smooth(layout, index, noise);
    return layout->is_signed ? (uint32_t)((int32_t)(word << unused) >> unused) : word << unused >> unused;
}

uint8_t *test_frame(const TranscodeLayout *layout, TestPattern pattern, size_t *ret_size)
{
    uint32_t state = 2463534242u;

    assert_int_equal(transcode_layout_size(layout, ret_size, NULL), PACS_OK);
    uint8_t *bytes = malloc(*ret_size);
    assert_non_null(bytes);
    const size_t width = transcode_sample_size(layout);
    for (size_t i = 0; i < *ret_size / width; i++) {
        const uint32_t word = word_of(layout, pattern, i, next_noise(&state));
        for (size_t j = 0; j < width; j++)
            bytes[i * width + j] = (uint8_t)(word >> (8 * j));
    }
    return bytes;
}

int32_t test_sample(const TranscodeLayout *layout, const uint8_t *native, size_t index)
{
    const size_t width = transcode_sample_size(layout);
    const uint32_t unused = 32u - layout->bits_stored;
    uint32_t word = 0;

    for (size_t i = 0; i < width; i++)
        word |= (uint32_t)native[index * width + i] << (8 * i);
    word <<= unused;
    return layout->is_signed ? (int32_t)word >> unused : (int32_t)(word >> unused);
}

static uint32_t largest_difference(const TranscodeLayout *layout, const uint8_t *a, const uint8_t *b,
                                   size_t size)
{
    uint32_t largest = memcmp(a, b, size) != 0; /* also where only unused bits differ */

    for (size_t i = 0; i < size / transcode_sample_size(layout); i++) {
        const int32_t difference = test_sample(layout, a, i) - test_sample(layout, b, i);
        if ((uint32_t)abs(difference) > largest)
            largest = (uint32_t)abs(difference);
    }
    return largest;
}

uint32_t test_round_trip(const TranscodeTarget *target, const TranscodeLayout *layout, const uint8_t *native,
                         PacsBuffer *out)
{
    PACS_AUTO_BUFFER PacsBuffer own = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PacsBuffer *codestream = out ? out : &own;
    TranscodeFrame frame = {PACS_UID_EXPLICIT_LITTLE, *layout, native, 0};
    const TranscodeTarget back = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    TranscodeLayout after;
    PacsError err = {0};
    size_t size = 0;

    assert_int_equal(transcode_layout_size(layout, &frame.size, NULL), PACS_OK);
    if (transcode_encode(&frame, target, codestream, &err) != PACS_OK)
        fail_msg("%s: %s", target->transfer_syntax_uid, err.text);

    TranscodeFrame encoded = {target->transfer_syntax_uid, *layout, codestream->bytes, codestream->size};
    assert_int_equal(transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, layout, target, &encoded.layout, &err),
                     PACS_OK);
    assert_int_equal(
        transcode_layout_after(encoded.transfer_syntax_uid, &encoded.layout, &back, &after, &err), PACS_OK);
    assert_int_equal(after.photometric, layout->photometric);
    assert_int_equal(transcode_layout_size(&after, &size, NULL), PACS_OK);
    assert_int_equal(size, frame.size);
    PACS_AUTO_FREE uint8_t *decoded = malloc(size);
    assert_non_null(decoded);
    memset(decoded, 0xA5, size);
    if (transcode_decode(&encoded, &after, decoded, size, &err) != PACS_OK)
        fail_msg("%s: %s", target->transfer_syntax_uid, err.text);
    return largest_difference(layout, native, decoded, size);
}

static void check_lossless(const char *uid, const TranscodeLayout *layout, TestPattern pattern)
{
    const TranscodeTarget target = {.transfer_syntax_uid = uid};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(layout, pattern, &size);

    assert_true(transcode_can_encode(uid, layout));
    const uint32_t difference = test_round_trip(&target, layout, native, NULL);
    if (difference != 0)
        fail_msg("%s: %u rows, %u columns, %u samples, %u of %u bits, %s, pattern %d: off by %u", uid,
                 layout->rows, layout->columns, layout->samples_per_pixel, layout->bits_stored,
                 layout->bits_allocated, layout->is_signed ? "signed" : "unsigned", pattern, difference);
}

void test_lossless(const char *transfer_syntax_uid)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 19}, {23, 1}, {2, 2}, {65, 33}, {12, 131}, {1, 300}};

    for (uint16_t allocated = 8; allocated <= 16; allocated += 8)
        for (uint16_t stored = 1; stored <= allocated; stored++)
            for (uint16_t samples = 1; samples <= 3; samples += 2)
                for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                    for (int is_signed = 0; is_signed < 2; is_signed++)
                        for (int pattern = TEST_NOISE; pattern <= TEST_RUBBISH; pattern++) {
                            const TranscodeLayout layout = test_layout(sizes[i][0], sizes[i][1], samples,
                                                                       allocated, stored, is_signed);
                            check_lossless(transfer_syntax_uid, &layout, (TestPattern)pattern);
                        }
}

void test_names_itself(const char *transfer_syntax_uid)
{
    const TranscodeLayout layout = test_layout(160, 100, 3, 8, 8, false);
    const TranscodeTarget target = {.transfer_syntax_uid = transfer_syntax_uid};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);

    (void)test_round_trip(&target, &layout, native, &codestream);
    assert_string_equal(pacs_codestream_transfer_syntax(codestream.bytes, codestream.size),
                        transfer_syntax_uid);
}

void test_refuses_another_size(const char *transfer_syntax_uid)
{
    TranscodeLayout layout = test_layout(16, 24, 1, 16, 12, false);
    const TranscodeTarget target = {.transfer_syntax_uid = transfer_syntax_uid};
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(1u << 20);
    PacsError err = {0};
    size_t size = 0;
    PACS_AUTO_FREE uint8_t *native = test_frame(&layout, TEST_SMOOTH, &size);
    uint8_t out[24 * 16 * 2];

    (void)test_round_trip(&target, &layout, native, &codestream);
    layout.rows = 24;
    layout.columns = 16;
    const TranscodeFrame frame = {transfer_syntax_uid, layout, codestream.bytes, codestream.size};
    assert_int_equal(transcode_decode(&frame, &layout, out, sizeof out, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "16 rows, 24 columns"));
    assert_non_null(strstr(err.text, "24, 16"));
}
