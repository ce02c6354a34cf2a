#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h> /* jpeglib.h wants it */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "transcode/jpeg_grey.h"
#include "transcode/picture_format.h"

/** JPEG: grey by our own writer, colour as YCbCr by libjpeg-turbo, which reports by longjmp out of its callbacks. */

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
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, (int)quality, TRUE);
    if (quality >= QUALITY_OF_FULL_COLOUR)
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

static PacsStatus write_colour(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out,
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
        jpeg_start_compress(&writer.jpeg, TRUE);
        if (transcode_picture_has_profile(picture))
            jpeg_write_icc_profile(&writer.jpeg, picture->icc_profile, (unsigned)picture->icc_profile_size);
        write_rows(&writer, picture);
        jpeg_finish_compress(&writer.jpeg);
    }
    jpeg_destroy_compress(&writer.jpeg);
    return writer.status;
}

/* ---- Grey ---- */

#define WRITERS_MAX 64 /* cores beyond that find other work */

/** What one thread has written: strips one behind the other. */
typedef struct Sheaf {
    PacsBuffer bytes;
    PacsStatus status;
    PacsError error;
} Sheaf;

typedef struct Strip {
    const Sheaf *sheaf;
    size_t offset, size;
} Strip;

typedef struct GreyWork {
    const TranscodePicture *picture;
    JpegGrey grey;
    atomic_uint next_strip, next_sheaf;
    Strip *strips;
    Sheaf sheaves[WRITERS_MAX];
} GreyWork;

static const uint8_t *find_row(void *context, uint32_t y, uint8_t *scratch)
{
    const TranscodePicture *picture = context;

    (void)scratch;
    return picture->pixels + (size_t)y * picture->width;
}

/** Of a picture in rows. */
typedef struct RowReader {
    const TranscodeRowsOps *ops;
    void *reader;
} RowReader;

static const uint8_t *make_row(void *context, uint32_t y, uint8_t *scratch)
{
    const RowReader *reader = context;

    reader->ops->read(reader->reader, y, scratch);
    return scratch;
}

static PacsStatus open_rows(const TranscodePicture *picture, RowReader *reader, JpegRows *ret_rows,
                            PacsError *err)
{
    if (picture->pixels) {
        *ret_rows = (JpegRows){find_row, (void *)picture};
        return PACS_OK;
    }
    reader->ops = picture->rows->ops;
    *ret_rows = (JpegRows){make_row, reader};
    return reader->ops->open(picture->rows, &reader->reader, err);
}

static void close_rows(const RowReader *reader)
{
    if (reader->reader)
        reader->ops->close(reader->reader);
}

static PacsStatus write_strips(GreyWork *work, const JpegRows *rows, Sheaf *sheaf)
{
    PacsBuffer *bytes = &sheaf->bytes;
    PacsStatus status = PACS_OK;
    uint32_t index;

    while (status == PACS_OK && (index = atomic_fetch_add(&work->next_strip, 1)) < work->grey.strip_count) {
        const size_t offset = bytes->size;
        status = jpeg_grey_write_strip(&work->grey, index, rows, bytes, &sheaf->error);
        work->strips[index] = (Strip){sheaf, offset, bytes->size - offset};
    }
    return status;
}

static void write_some(void *context)
{
    GreyWork *work = context;
    const uint32_t index = atomic_fetch_add(&work->next_sheaf, 1);
    RowReader reader = {0};
    JpegRows rows;

    if (index >= WRITERS_MAX)
        return;
    Sheaf *sheaf = &work->sheaves[index];
    sheaf->status = open_rows(work->picture, &reader, &rows, &sheaf->error);
    if (sheaf->status == PACS_OK)
        sheaf->status = write_strips(work, &rows, sheaf);
    close_rows(&reader);
}

/* Strips in their order, once all are there. */
static PacsStatus join(const GreyWork *work, PacsBuffer *out, PacsError *err)
{
    for (size_t i = 0; i < WRITERS_MAX; i++)
        if (work->sheaves[i].status != PACS_OK)
            return pacs_fail(err, work->sheaves[i].status, "%s", work->sheaves[i].error.text);
    for (uint32_t i = 0; i < work->grey.strip_count; i++)
        (void)pacs_buffer_add(out, work->strips[i].sheaf->bytes.bytes + work->strips[i].offset,
                              work->strips[i].size);
    return pacs_buffer_check(out, err);
}

static PacsStatus write_together(GreyWork *work, TranscodeHands hands, PacsBuffer *out, PacsError *err)
{
    work->strips = calloc(work->grey.strip_count, sizeof *work->strips);
    if (!work->strips)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to write a JPEG");
    for (size_t i = 0; i < WRITERS_MAX; i++)
        pacs_buffer_init(&work->sheaves[i].bytes, out->max);
    transcode_crew_work(hands, write_some, work);
    const PacsStatus status = join(work, out, err);
    for (size_t i = 0; i < WRITERS_MAX; i++)
        pacs_buffer_clear(&work->sheaves[i].bytes);
    free(work->strips);
    return status;
}

static PacsStatus write_alone(const GreyWork *work, PacsBuffer *out, PacsError *err)
{
    RowReader reader = {0};
    JpegRows rows;

    PacsStatus status = open_rows(work->picture, &reader, &rows, err);
    for (uint32_t strip = 0; status == PACS_OK && strip < work->grey.strip_count; strip++)
        status = jpeg_grey_write_strip(&work->grey, strip, &rows, out, err);
    close_rows(&reader);
    return status;
}

static PacsStatus write_grey(const TranscodePicture *picture, uint32_t quality, TranscodeHands hands,
                             PacsBuffer *out, PacsError *err)
{
    const bool has_profile = transcode_picture_has_profile(picture);
    GreyWork work = {.picture = picture};

    jpeg_grey_init(&work.grey, picture->width, picture->height, quality);
    PacsStatus status = jpeg_grey_write_head(&work.grey, has_profile ? picture->icc_profile : NULL,
                                             picture->icc_profile_size, out, err);
    if (status == PACS_OK)
        status = hands.count > 0 && work.grey.strip_count > 1 ? write_together(&work, hands, out, err)
                                                              : write_alone(&work, out, err);
    return status == PACS_OK ? jpeg_grey_write_end(out, err) : status;
}

static PacsStatus write_picture(const TranscodePicture *picture, uint32_t quality, TranscodeHands hands,
                                PacsBuffer *out, PacsError *err)
{
    return picture->channels == 1 ? write_grey(picture, quality, hands, out, err)
                                  : write_colour(picture, quality, out, err);
}

const TranscodePictureFormat transcode_picture_jpeg = {
    .media_type = "image/jpeg",
    .has_profile = true,
    .max_side = JPEG_MAX_DIMENSION,
    .write_shared = write_picture,
};
