#include "transcode/picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h> /* jpeglib.h wants it */
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "pacs/util/limits.h"
#include "tests/support/picture_read.h"

#define FILE_MAX (64u << 20)

/* Greys that rise to the right and down; channels apart by a few levels, so that every pixel counts as coloured. */
static TranscodePicture ramp(uint32_t width, uint32_t height, uint8_t channels, uint8_t bits)
{
    TranscodePicture picture;

    assert_int_equal(transcode_picture_init(&picture, width, height, channels, bits, NULL), PACS_OK);
    const size_t row_size = (size_t)width * channels * bits / 8;
    for (size_t i = 0; i < row_size * height; i++)
        picture.pixels[i] = (uint8_t)(i % row_size / channels * 2 + i / row_size + (i % channels) * 40);
    return picture;
}

static int largest_difference(const TranscodePicture *a, const TranscodePicture *b)
{
    int largest = 0;

    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (size_t i = 0; i < (size_t)a->width * a->height; i++)
        for (size_t c = 0; c < b->channels; c++) { /* a grey one against its colours, too */
            const int difference = abs(a->pixels[i * a->channels + c % a->channels] -
                                       b->pixels[i * b->channels + c]);
            largest = difference > largest ? difference : largest;
        }
    return largest;
}

typedef void (*Read)(const PacsBuffer *file, TranscodePicture *ret_picture);

static void read_gif(const PacsBuffer *file, TranscodePicture *ret_picture)
{
    int count = 0;
    int delay = 0;

    picture_read_gif(file, 0, ret_picture, &count, &delay);
    assert_int_equal(count, 1);
}

/* Written and read again, the picture differs by at most so much. */
static void assert_comes_back(TranscodeFormat format, const TranscodePicture *picture, uint32_t quality,
                              Read read, int tolerance)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);
    PacsError err = {0};
    TRANSCODE_AUTO_PICTURE TranscodePicture back = {0};

    assert_int_equal(transcode_picture_write(picture, format, quality, &file, &err), PACS_OK);
    read(&file, &back);
    const int difference = largest_difference(picture, &back);
    if (difference > tolerance)
        fail_msg("%ux%u of %u channels: off by %d", picture->width, picture->height, picture->channels,
                 difference);
}

static void assert_all_shapes_come_back(TranscodeFormat format, uint32_t quality, Read read, int tolerance)
{
    static const uint32_t shapes[][2] = {{1, 1}, {1, 7}, {7, 1}, {17, 33}, {64, 48}, {9000, 2}};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (uint8_t channels = 1; channels <= 3; channels = (uint8_t)(channels + 2)) {
            TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(shapes[i][0], shapes[i][1], channels, 8);
            assert_comes_back(format, &picture, quality, read, tolerance);
        }
}

static void png_keeps_every_pixel(void **state)
{
    (void)state;
    assert_all_shapes_come_back(TRANSCODE_PNG, 0, picture_read_png, 0);
    TRANSCODE_AUTO_PICTURE TranscodePicture with_opacity = ramp(31, 5, 4, 8);
    assert_comes_back(TRANSCODE_PNG, &with_opacity, 0, picture_read_png, 0);
}

static void png_has_16_bits_most_significant_first(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(33, 9, 1, 16);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);
    TRANSCODE_AUTO_PICTURE TranscodePicture back = {0};

    assert_int_equal(transcode_picture_write(&picture, TRANSCODE_PNG, 0, &file, NULL), PACS_OK);
    picture_read_png(&file, &back); /* swaps */
    assert_int_equal(back.bits, 16);
    assert_memory_equal(back.pixels, picture.pixels, 33 * 9 * 2);
}

static void a_png_too_large_to_compress_at_once_is_the_same_picture(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(8192, 4200, 1, 8); /* 34 MB */

    assert_comes_back(TRANSCODE_PNG, &picture, 0, picture_read_png, 0);
}

static void jpeg_is_close(void **state)
{
    (void)state;
    assert_all_shapes_come_back(TRANSCODE_JPEG, 100, picture_read_jpeg, 3);
    assert_all_shapes_come_back(TRANSCODE_JPEG, 0, picture_read_jpeg,
                                40); /* where the ramp falls back to 0 */
}

/** libjpeg's own way in, row by row; restart intervals as ours. */
static void write_by_libjpeg(const TranscodePicture *picture, int quality, int restart_in_rows,
                             PacsBuffer *file)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors; /* its error_exit ends the program: the test fails */
    unsigned char *bytes = NULL;
    unsigned long size = 0;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = picture->width;
    jpeg.image_height = picture->height;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg.restart_in_rows = restart_in_rows;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = picture->pixels + (size_t)jpeg.next_scanline * picture->width;
        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_true(pacs_buffer_add(file, bytes, size));
    free(bytes);
}

static void assert_written_as_by_libjpeg(const TranscodePicture *picture, int quality, int restart_in_rows)
{
    PACS_AUTO_BUFFER PacsBuffer ours = PACS_BUFFER(FILE_MAX);
    PACS_AUTO_BUFFER PacsBuffer theirs = PACS_BUFFER(FILE_MAX);

    assert_int_equal(transcode_picture_write(picture, TRANSCODE_JPEG, (uint32_t)quality, &ours, NULL),
                     PACS_OK);
    write_by_libjpeg(picture, quality, restart_in_rows, &theirs);
    assert_int_equal(ours.size, theirs.size);
    assert_memory_equal(ours.bytes, theirs.bytes, ours.size);
}

static void greys_are_written_as_libjpeg_itself_does(void **state)
{
    (void)state;
    static const uint32_t sides[] = {1, 7, 8, 9, 16, 33, 64};

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (size_t j = 0; j < sizeof sides / sizeof *sides; j++) {
            TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(sides[i], sides[j], 1, 8);
            assert_written_as_by_libjpeg(&picture, 85, 0);
        }
}

/** Black and white by chance make the largest coefficients there are, and bytes that have to be stuffed. */
static TranscodePicture noise(uint32_t width, uint32_t height, uint8_t mask)
{
    TranscodePicture picture = ramp(width, height, 1, 8);
    uint32_t random = width;

    for (size_t i = 0; i < (size_t)width * height; i++) {
        random = random * 1664525 + 1013904223;
        picture.pixels[i] = mask == 0x80 ? (uint8_t) - (random >> 31) : (uint8_t)(random >> 24) & mask;
    }
    return picture;
}

static void greys_of_any_quality_are_written_as_libjpeg_itself_does(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0, 0x03, 0x1F, 0xFF, 0x80};

    for (size_t i = 0; i < sizeof masks; i++)
        for (int quality = 1; quality <= 100; quality++) {
            TRANSCODE_AUTO_PICTURE TranscodePicture picture = noise(41, 30, masks[i]);
            assert_written_as_by_libjpeg(&picture, quality, 0);
        }
}

static void large_greys_have_restart_intervals(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture square = noise(512, 512, 0x1F);
    TRANSCODE_AUTO_PICTURE TranscodePicture odd = noise(1001, 333, 0xFF);
    TRANSCODE_AUTO_PICTURE TranscodePicture wide = noise(9001, 23, 0x3F);
    TRANSCODE_AUTO_PICTURE TranscodePicture high = noise(3, 65500, 0x3F);

    assert_written_as_by_libjpeg(&square, 90, 16);
    assert_written_as_by_libjpeg(&odd, 90, 9); /* 126 blocks a row: 1,134 */
    assert_written_as_by_libjpeg(&wide, 90, 1);
    assert_written_as_by_libjpeg(&high, 90, 1024);
}

static void a_quality_makes_files_smaller(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(256, 256, 3, 8);
    const TranscodeFormat formats[] = {TRANSCODE_JPEG, TRANSCODE_WEBP};

    for (size_t i = 0; i < 2; i++) {
        PACS_AUTO_BUFFER PacsBuffer good = PACS_BUFFER(FILE_MAX);
        PACS_AUTO_BUFFER PacsBuffer poor = PACS_BUFFER(FILE_MAX);
        assert_int_equal(transcode_picture_write(&picture, formats[i], 95, &good, NULL), PACS_OK);
        assert_int_equal(transcode_picture_write(&picture, formats[i], 10, &poor, NULL), PACS_OK);
        assert_true(poor.size < good.size);
    }
}

static void webp_is_close_and_at_100_exact(void **state)
{
    (void)state;
    assert_all_shapes_come_back(TRANSCODE_WEBP, 100, picture_read_webp, 0);
    TRANSCODE_AUTO_PICTURE TranscodePicture grey = ramp(64, 64, 1, 8);
    assert_comes_back(TRANSCODE_WEBP, &grey, 95, picture_read_webp, 40);
}

static void gif_keeps_greys_and_finds_256_colours_of_many(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture grey = ramp(300, 41, 1, 8);
    TRANSCODE_AUTO_PICTURE TranscodePicture one = ramp(1, 1, 3, 8);
    TRANSCODE_AUTO_PICTURE TranscodePicture colour = ramp(300, 41, 3, 8);

    assert_comes_back(TRANSCODE_GIF, &grey, 0, read_gif, 0);
    assert_comes_back(TRANSCODE_GIF, &one, 0, read_gif, 4);
    assert_comes_back(TRANSCODE_GIF, &colour, 0, read_gif, 16);
}

static void colour_drawn_into_a_grey_gif_leaves_its_greys(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    assert_int_equal(transcode_picture_init(&picture, 256, 8, 3, 8, NULL), PACS_OK);
    for (size_t i = 0; i < 256 * 8; i++)
        memset(picture.pixels + 3 * i, (int)(i % 256), 3);
    picture.pixels[0] = 255; /* a red dot */
    picture.pixels[1] = picture.pixels[2] = 0;
    assert_comes_back(TRANSCODE_GIF, &picture, 0, read_gif, 4);
}

static void an_animation_plays_its_pictures_one_after_the_other(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture first = ramp(20, 10, 1, 8);
    TRANSCODE_AUTO_PICTURE TranscodePicture second = ramp(20, 10, 3, 8);
    TRANSCODE_AUTO_PICTURE TranscodePicture back = {0};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);
    PACS_AUTO(TranscodeAnimation) animation = NULL;
    int count = 0;
    int delay = 0;

    assert_int_equal(transcode_animation_new(20, 10, &file, &animation, NULL), PACS_OK);
    assert_int_equal(transcode_animation_add(animation, &first, 40, NULL), PACS_OK);
    assert_int_equal(transcode_animation_add(animation, &second, 1000, NULL), PACS_OK);
    assert_int_equal(transcode_animation_finish(animation, NULL), PACS_OK);
    picture_read_gif(&file, 1, &back, &count, &delay);
    assert_int_equal(count, 2);
    assert_int_equal(delay, 100);
    assert_true(largest_difference(&second, &back) <= 16);
    assert_non_null(memmem(file.bytes, file.size, "NETSCAPE2.0\3\1\0\0", 15));
}

static void an_animation_of_pictures_of_many_sizes_is_refused(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(20, 11, 1, 8);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);
    PACS_AUTO(TranscodeAnimation) animation = NULL;

    assert_int_equal(transcode_animation_new(70000, 10, &file, &animation, NULL), PACS_TOO_LARGE);
    assert_int_equal(transcode_animation_new(20, 10, &file, &animation, NULL), PACS_OK);
    assert_int_equal(transcode_animation_add(animation, &picture, 40, NULL), PACS_INVALID);
}

static void pam_is_as_netpbm_has_it(void **state)
{
    (void)state;
    static const char expected[] =
        "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 65535\nTUPLTYPE GRAYSCALE\nENDHDR\n\1\2\xFF\xFE";
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);

    assert_int_equal(transcode_picture_init(&picture, 2, 1, 1, 16, NULL), PACS_OK);
    memcpy(picture.pixels, "\2\1\xFE\xFF", 4);
    picture.is_signed = true;
    assert_int_equal(transcode_picture_write(&picture, TRANSCODE_PAM, 0, &file, NULL), PACS_OK);
    assert_int_equal(file.size, sizeof expected - 1);
    assert_memory_equal(file.bytes, expected, file.size);
    assert_string_equal(transcode_format_media_type(TRANSCODE_PAM), "image/x-portable-arbitrarymap");
}

static void a_profile_goes_along_if_it_is_for_the_pictures_channels(void **state)
{
    (void)state;
    uint8_t profile[140] = {[3] = 140, [8] = 2, [16] = 'R', 'G',        'B', ' ', 'X',
                            'Y',       'Z',     ' ',        [36] = 'a', 'c', 's', 'p'};
    TRANSCODE_AUTO_PICTURE TranscodePicture colour = ramp(8, 8, 3, 8);
    TRANSCODE_AUTO_PICTURE TranscodePicture grey = ramp(8, 8, 1, 8);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);

    colour.icc_profile = grey.icc_profile = profile;
    colour.icc_profile_size = grey.icc_profile_size = sizeof profile;
    assert_int_equal(transcode_picture_write(&colour, TRANSCODE_JPEG, 0, &file, NULL), PACS_OK);
    assert_int_equal(picture_profile_size_jpeg(&file), 140);
    pacs_buffer_reset(&file);
    assert_int_equal(transcode_picture_write(&grey, TRANSCODE_JPEG, 0, &file, NULL), PACS_OK);
    assert_int_equal(picture_profile_size_jpeg(&file), 0);
    pacs_buffer_reset(&file);
    assert_int_equal(transcode_picture_write(&colour, TRANSCODE_PNG, 0, &file, NULL), PACS_OK);
    assert_non_null(memmem(file.bytes, file.size, "iCCPICC\0\0", 9));
    pacs_buffer_reset(&file);
    assert_int_equal(transcode_picture_write(&colour, TRANSCODE_WEBP, 0, &file, NULL), PACS_OK);
    assert_non_null(memmem(file.bytes, file.size, "ICCP\x8C\0\0\0", 8));
}

static void what_a_format_cannot_hold_is_refused_and_adds_nothing(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture deep = ramp(4, 4, 1, 16);
    TRANSCODE_AUTO_PICTURE TranscodePicture wide = ramp(65535, 1, 1, 8);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(FILE_MAX);

    pacs_buffer_add_text(&file, "before");
    assert_int_equal(transcode_picture_write(&deep, TRANSCODE_JPEG, 0, &file, NULL), PACS_UNSUPPORTED);
    assert_int_equal(transcode_picture_write(&wide, TRANSCODE_JPEG, 0, &file, NULL), PACS_TOO_LARGE);
    assert_int_equal(transcode_picture_write(&wide, TRANSCODE_WEBP, 0, &file, NULL), PACS_TOO_LARGE);
    assert_int_equal(transcode_picture_write(&wide, TRANSCODE_GIF, 0, &file, NULL), PACS_OK);
    file.size = 6;
    assert_int_equal(transcode_picture_write(&wide, TRANSCODE_PNG, 0, &file, NULL), PACS_OK);
    assert_memory_equal(file.bytes, "before\x89PNG", 10);
}

static void a_file_over_the_buffers_maximum_is_too_large(void **state)
{
    (void)state;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = ramp(400, 300, 3, 8);
    uint32_t noise = 1;

    for (size_t i = 0; i < 400 * 300 * 3; i++)
        picture.pixels[i] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
    for (int format = 0; format < TRANSCODE_FORMAT_COUNT; format++) {
        PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1000);
        PacsError err = {0};
        assert_int_equal(transcode_picture_write(&picture, (TranscodeFormat)format, 100, &file, &err),
                         PACS_TOO_LARGE);
        assert_int_equal(file.size, 0);
    }
}

static void a_picture_over_the_limit_is_refused_before_it_is_allocated(void **state)
{
    (void)state;
    TranscodePicture picture;

    assert_int_equal(transcode_picture_init(&picture, UINT32_MAX, UINT32_MAX, 4, 8, NULL), PACS_TOO_LARGE);
    assert_int_equal(transcode_picture_init(&picture, PACS_MAX_FRAME_BYTES, 2, 1, 8, NULL), PACS_TOO_LARGE);
    assert_int_equal(transcode_picture_init(&picture, 0, 2, 1, 8, NULL), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_keeps_every_pixel),
        cmocka_unit_test(png_has_16_bits_most_significant_first),
        cmocka_unit_test(a_png_too_large_to_compress_at_once_is_the_same_picture),
        cmocka_unit_test(jpeg_is_close),
        cmocka_unit_test(greys_are_written_as_libjpeg_itself_does),
        cmocka_unit_test(greys_of_any_quality_are_written_as_libjpeg_itself_does),
        cmocka_unit_test(large_greys_have_restart_intervals),
        cmocka_unit_test(a_quality_makes_files_smaller),
        cmocka_unit_test(webp_is_close_and_at_100_exact),
        cmocka_unit_test(gif_keeps_greys_and_finds_256_colours_of_many),
        cmocka_unit_test(colour_drawn_into_a_grey_gif_leaves_its_greys),
        cmocka_unit_test(an_animation_plays_its_pictures_one_after_the_other),
        cmocka_unit_test(an_animation_of_pictures_of_many_sizes_is_refused),
        cmocka_unit_test(pam_is_as_netpbm_has_it),
        cmocka_unit_test(a_profile_goes_along_if_it_is_for_the_pictures_channels),
        cmocka_unit_test(what_a_format_cannot_hold_is_refused_and_adds_nothing),
        cmocka_unit_test(a_file_over_the_buffers_maximum_is_too_large),
        cmocka_unit_test(a_picture_over_the_limit_is_refused_before_it_is_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
