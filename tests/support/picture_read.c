#include "tests/support/picture_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

#include <cmocka.h>

static void begin(TranscodePicture *picture, uint32_t width, uint32_t height, int channels, int bits)
{
    assert_int_equal(transcode_picture_init(picture, width, height, (uint8_t)channels, (uint8_t)bits, NULL),
                     PACS_OK);
}

void picture_read_jpeg(const PacsBuffer *file, TranscodePicture *ret_picture)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors; /* its error_exit ends the program: the test fails */

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file->bytes, file->size);
    assert_int_equal(jpeg_read_header(&jpeg, TRUE), JPEG_HEADER_OK);
    (void)jpeg_start_decompress(&jpeg);
    begin(ret_picture, jpeg.output_width, jpeg.output_height, jpeg.output_components, 8);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = ret_picture->pixels +
                       (size_t)jpeg.output_scanline * jpeg.output_width * (size_t)jpeg.output_components;
        (void)jpeg_read_scanlines(&jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

uint32_t picture_profile_size_jpeg(const PacsBuffer *file)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    JOCTET *profile = NULL;
    unsigned size = 0;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file->bytes, file->size);
    jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xFFFF);
    (void)jpeg_read_header(&jpeg, TRUE);
    (void)jpeg_read_icc_profile(&jpeg, &profile, &size);
    free(profile);
    jpeg_destroy_decompress(&jpeg);
    return size;
}

typedef struct Reading {
    const PacsBuffer *file;
    size_t at;
} Reading;

static void give_png(png_structp png, png_bytep to, size_t size)
{
    Reading *reading = png_get_io_ptr(png);

    assert_true(size <= reading->file->size - reading->at);
    memcpy(to, reading->file->bytes + reading->at, size);
    reading->at += size;
}

static png_structp open_png(Reading *reading, png_infop *ret_info)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);

    *ret_info = png_create_info_struct(png);
    png_set_read_fn(png, reading, give_png);
    png_read_info(png, *ret_info); /* its errors end the program */
    return png;
}

void picture_read_png(const PacsBuffer *file, TranscodePicture *ret_picture)
{
    Reading reading = {.file = file};
    png_infop info = NULL;
    png_structp png = open_png(&reading, &info);

    png_set_swap(png);
    begin(ret_picture, png_get_image_width(png, info), png_get_image_height(png, info),
          png_get_channels(png, info), png_get_bit_depth(png, info));
    const size_t row_size = png_get_rowbytes(png, info);
    for (uint32_t row = 0; row < ret_picture->height; row++)
        png_read_row(png, ret_picture->pixels + row * row_size, NULL);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    assert_int_equal(reading.at, file->size);
}

void picture_read_webp(const PacsBuffer *file, TranscodePicture *ret_picture)
{
    int width = 0;
    int height = 0;
    uint8_t *pixels = WebPDecodeRGB(file->bytes, file->size, &width, &height);

    assert_non_null(pixels);
    begin(ret_picture, (uint32_t)width, (uint32_t)height, 3, 8);
    memcpy(ret_picture->pixels, pixels, (size_t)width * (size_t)height * 3);
    WebPFree(pixels);
}

static int give_gif(GifFileType *gif, GifByteType *to, int size)
{
    Reading *reading = gif->UserData;
    const size_t left = reading->file->size - reading->at;
    const size_t given = left < (size_t)size ? left : (size_t)size;

    memcpy(to, reading->file->bytes + reading->at, given);
    reading->at += given;
    return (int)given;
}

void picture_read_gif(const PacsBuffer *file, int index, TranscodePicture *ret_picture, int *ret_count,
                      int *ret_delay)
{
    Reading reading = {.file = file};
    GraphicsControlBlock control = {0};
    int code = 0;
    GifFileType *gif = DGifOpen(&reading, give_gif, &code);

    assert_non_null(gif);
    assert_int_equal(DGifSlurp(gif), GIF_OK);
    assert_int_equal(reading.at, file->size);
    const SavedImage *image = &gif->SavedImages[index];
    begin(ret_picture, (uint32_t)image->ImageDesc.Width, (uint32_t)image->ImageDesc.Height, 3, 8);
    for (size_t i = 0; i < (size_t)ret_picture->width * ret_picture->height; i++) {
        const GifColorType color = image->ImageDesc.ColorMap->Colors[image->RasterBits[i]];
        ret_picture->pixels[3 * i] = color.Red;
        ret_picture->pixels[3 * i + 1] = color.Green;
        ret_picture->pixels[3 * i + 2] = color.Blue;
    }
    *ret_count = gif->ImageCount;
    *ret_delay = DGifSavedExtensionToGCB(gif, index, &control) == GIF_OK ? control.DelayTime : 0;
    (void)DGifCloseFile(gif, NULL);
}
