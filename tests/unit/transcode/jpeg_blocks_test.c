/* The two ways of one loop: what each processor runs writes the same bytes. That they are the right ones is
 * picture_test.c's business, which holds them against libjpeg. */

#include "transcode/jpeg_blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "transcode/processor.h"

#define ACROSS 33
#define WIDTH (ACROSS * JPEG_BLOCK)
#define ROOM (ACROSS * JPEG_BLOCK_BYTES + JPEG_BITS_SLACK)

static size_t write_row(JpegBlocks *blocks, const JpegGrey *grey, const uint8_t *pixels, uint8_t bytes[ROOM])
{
    const uint8_t *rows[JPEG_BLOCK];
    JpegBits bits = {.at = bytes};

    for (size_t i = 0; i < JPEG_BLOCK; i++)
        rows[i] = pixels + i * WIDTH;
    memset(bytes, 0, ROOM);
    blocks(&grey->quantisers, jpeg_tables(), rows, ACROSS, &bits);
    return (size_t)(bits.at - bytes);
}

static void every_processor_writes_the_same(void **state)
{
    (void)state;
#ifdef __x86_64__
    if (!transcode_has_v3())
        skip();
    uint8_t pixels[WIDTH * JPEG_BLOCK], plain[ROOM], v3[ROOM];
    uint32_t random = 1;

    for (uint32_t quality = 1; quality <= 100; quality++) {
        JpegGrey grey;
        jpeg_grey_init(&grey, WIDTH, JPEG_BLOCK, quality);
        for (size_t i = 0; i < sizeof pixels; i++) {
            random = random * 1664525 + 1013904223;
            pixels[i] = (uint8_t)((random >> 24) >> quality % 8);
        }
        const size_t size = write_row(jpeg_blocks_plain, &grey, pixels, plain);
        assert_int_equal(write_row(jpeg_blocks_v3, &grey, pixels, v3), size);
        assert_memory_equal(plain, v3, size);
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_processor_writes_the_same)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
