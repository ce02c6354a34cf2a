#include <setjmp.h>
#include <stdio.h> /* jpeglib.h wants it */
#include <string.h>

#include <jpeglib.h>

#include "transcode/picture_format.h"

/**
 * JPEG by libjpeg-turbo: grey as it is, colour as YCbCr. It reports by longjmp out of its callbacks.
 *
 * Grey goes in as raw data, blocks of 8 by 8 whose margins are filled here as the library would: its way from rows of
 * grey to rows of grey is a loop over single samples, a quarter of the whole time.
 */

#define ROOM_AT_ONCE (64u << 10)
#define ROWS_AT_ONCE 16
#define QUALITY_OF_FULL_COLOUR                                                                               \
    90 /* from here on colour is not sampled down: thin coloured lines stay what they are */

typedef struct Writer {
    struct jpeg_compress_struct jpeg; /* first: what the callbacks get */
    struct jpeg_destination_mgr destination;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    PacsStatus status;
    PacsError *err;
    PacsBuffer *out;
    uint8_t *margin; /* grey: a row of blocks, where the picture does not fill them */
} Writer;

static _Noreturn void fail(j_common_ptr jpeg)
{
    Writer *writer = (Writer *)jpeg;
    char text[JMSG_LENGTH_MAX];

    if (writer->status == PACS_OK) {
        jpeg->err->format_message(jpeg, text);
        writer->status = pacs_fail(writer->err, PACS_INTERNAL, "libjpeg: %s", text);
    }
    longjmp(writer->failed, 1);
}

static void ignore_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void make_room(j_compress_ptr jpeg)
{
    Writer *writer = (Writer *)jpeg;
    PacsBuffer *out = writer->out;

    writer->status = pacs_buffer_reserve(out, ROOM_AT_ONCE, writer->err);
    if (writer->status != PACS_OK)
        fail((j_common_ptr)jpeg);
    writer->destination.next_output_byte = out->bytes + out->size;
    writer->destination.free_in_buffer = out->capacity - out->size;
}

static boolean take_all(j_compress_ptr jpeg)
{
    Writer *writer = (Writer *)jpeg;

    writer->out->size = writer->out->capacity;
    make_room(jpeg);
    return TRUE;
}

static void take_rest(j_compress_ptr jpeg)
{
    Writer *writer = (Writer *)jpeg;

    writer->out->size = writer->out->capacity - writer->destination.free_in_buffer;
}

static void describe(Writer *writer, const TranscodePicture *picture, uint32_t quality)
{
    struct jpeg_compress_struct *jpeg = &writer->jpeg;

    jpeg->image_width = picture->width;
    jpeg->image_height = picture->height;
    jpeg->input_components = picture->channels;
    jpeg->in_color_space = picture->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, (int)quality, TRUE);
    if (picture->channels == 3 && quality >= QUALITY_OF_FULL_COLOUR)
        jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = 1;
}

static void write_rows(Writer *writer, const TranscodePicture *picture)
{
    const size_t row_size = transcode_picture_row_size(picture);
    JSAMPROW rows[ROWS_AT_ONCE];

    while (writer->jpeg.next_scanline < picture->height) {
        const uint32_t first = writer->jpeg.next_scanline;
        const uint32_t left = picture->height - first;
        const uint32_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (uint32_t i = 0; i < count; i++)
            rows[i] = picture->pixels + (first + i) * row_size;
        (void)jpeg_write_scanlines(&writer->jpeg, rows, count); /* how many is in next_scanline */
    }
}

/* Of a row of blocks: the picture's own rows, or copies drawn out to the right and downwards. */
static void take_blocks(Writer *writer, const TranscodePicture *picture, JSAMPROW rows[DCTSIZE])
{
    const uint32_t first = writer->jpeg.next_scanline;
    const size_t width = picture->width, full = writer->jpeg.comp_info[0].width_in_blocks * (size_t)DCTSIZE;

    for (uint32_t i = 0; i < DCTSIZE; i++) {
        const uint32_t y = first + i < picture->height ? first + i : picture->height - 1;
        uint8_t *row = picture->pixels + y * width;
        rows[i] = row;
        if (full == width)
            continue;
        rows[i] = writer->margin + i * full;
        memcpy(rows[i], row, width);
        memset(rows[i] + width, row[width - 1], full - width);
    }
}

static void write_blocks(Writer *writer, const TranscodePicture *picture)
{
    JSAMPROW rows[DCTSIZE];
    JSAMPARRAY planes[1] = {rows};

    writer->margin = writer->jpeg.mem->alloc_large((j_common_ptr)&writer->jpeg, JPOOL_IMAGE,
                                                   writer->jpeg.comp_info[0].width_in_blocks *
                                                       (size_t)DCTSIZE * DCTSIZE);
    while (writer->jpeg.next_scanline < picture->height) {
        take_blocks(writer, picture, rows);
        (void)jpeg_write_raw_data(&writer->jpeg, planes, DCTSIZE); /* all, or it fails */
    }
}

static PacsStatus write_picture(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out,
                                PacsError *err)
{
    Writer writer = {.err = err, .out = out};

    writer.jpeg.err = jpeg_std_error(&writer.errors);
    writer.errors.error_exit = fail;
    writer.errors.output_message = ignore_message;
    writer.destination = (struct jpeg_destination_mgr){
        .init_destination = make_room, .empty_output_buffer = take_all, .term_destination = take_rest};
    if (setjmp(writer.failed) == 0) {
        jpeg_create_compress(&writer.jpeg);
        writer.jpeg.dest = &writer.destination;
        describe(&writer, picture, quality);
        writer.jpeg.raw_data_in = picture->channels == 1;
        jpeg_start_compress(&writer.jpeg, TRUE);
        if (transcode_picture_has_profile(picture))
            jpeg_write_icc_profile(&writer.jpeg, picture->icc_profile, (unsigned)picture->icc_profile_size);
        if (writer.jpeg.raw_data_in)
            write_blocks(&writer, picture);
        else
            write_rows(&writer, picture);
        jpeg_finish_compress(&writer.jpeg);
    }
    jpeg_destroy_compress(&writer.jpeg);
    return writer.status;
}

const TranscodePictureFormat transcode_picture_jpeg = {
    .media_type = "image/jpeg",
    .has_profile = true,
    .max_side = JPEG_MAX_DIMENSION,
    .write = write_picture,
};
