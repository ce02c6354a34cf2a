#include <stdio.h>
#include <string.h>

#include "pacs/rest/npz.h"
#include "pacs/rest/rest_private.h"
#include "pacs/rest/slices.h"
#include "pacs/retrieve/array.h"
#include "pacs/retrieve/pictures.h"
#include "pacs/util/limits.h"

/**
 * Orthanc's arrays of numbers: `numpy` of a frame, an instance or a series (frames, rows, columns, channels), and `matlab` of
 * a frame. `rescale=false` gives samples as stored, `compress=true` an .npz. Frames are made while the answer is sent, one at
 * a time: a series of any size costs the memory of one.
 */

#define NUMPY_HEADER 128 /* bytes: a multiple of 64 */

typedef struct ArrayFrame {
    PacsPicture *picture;
    uint64_t size_bytes;
} ArrayFrame;

typedef struct ArrayRequest {
    PacsRest *rest;
    PacsHttpRequest *request;
    PacsArena *arena;
    PacsPictureLook look;
    PacsArrayShape shape; /* of all frames */
    ArrayFrame *frames;
    size_t count, capacity;
} ArrayRequest;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for an array");
}

/* ---- Which frames, of which shape ---- */

static PacsStatus reserve(ArrayRequest *asked, PacsError *err)
{
    if (asked->count < asked->capacity)
        return PACS_OK;
    const size_t capacity = asked->capacity ? 2 * asked->capacity : 16;
    ArrayFrame *longer = pacs_arena_array(asked->arena, capacity, sizeof *longer);
    if (!longer || capacity > PACS_MAX_BULK_PARTS)
        return no_memory(err);
    if (asked->count > 0)
        memcpy(longer, asked->frames, asked->count * sizeof *longer);
    asked->frames = longer;
    asked->capacity = capacity;
    return PACS_OK;
}

static bool has_pixels(const PacsJsonItem *item)
{
    return pacs_json_item_find(item, PACS_TAG_PIXEL_DATA) ||
           pacs_json_item_find(item, PACS_TAG_FLOAT_PIXEL_DATA) ||
           pacs_json_item_find(item, PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA);
}

static PacsStatus read_shape(const ArrayRequest *asked, const char *id, PacsArrayShape *ret_shape,
                             PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(2 * (size_t)PACS_MAX_PICTURE_ATTRIBUTES);
    const PacsInstanceName name = {.id = id};
    PacsImageAttributes attributes = {0};
    PacsInstanceValues values = {0};

    if (!arena)
        return no_memory(err);
    PacsStatus status = pacs_instance_values_find(asked->rest->retrieve, &name, arena, &json, &values, err);
    if (status == PACS_OK && !has_pixels(&values.item))
        return pacs_fail(err, PACS_UNSUPPORTED, "the instance has no image");
    if (status == PACS_OK)
        status = pacs_image_attributes_read(&values, 1, &attributes, err);
    return status == PACS_OK ? pacs_array_shape(&attributes, asked->look == PACS_LOOK_FLOATS, ret_shape, err)
                             : status;
}

static bool is_same(const PacsArrayShape *a, const PacsArrayShape *b)
{
    return a->rows == b->rows && a->columns == b->columns && a->channels == b->channels &&
           a->item_size == b->item_size && a->is_float == b->is_float && a->is_signed == b->is_signed;
}

static PacsStatus add_frame(ArrayRequest *asked, const char *id, uint32_t frame_number,
                            PacsPicture **ret_picture, PacsError *err)
{
    const PacsInstanceName name = {.id = id};
    const PacsPictureWish wish = {.look = asked->look, .frame_number = frame_number};

    PacsStatus status = reserve(asked, err);
    if (status == PACS_OK)
        status = pacs_picture_find(asked->rest->retrieve, &name, &wish, asked->arena, ret_picture, err);
    if (status != PACS_OK)
        return status;
    asked->frames[asked->count++] = (ArrayFrame){*ret_picture, pacs_array_frame_size(&asked->shape)};
    return PACS_OK;
}

/** frame_number 0: all of them. */
static PacsStatus add_instance(ArrayRequest *asked, const char *id, uint32_t frame_number, PacsError *err)
{
    PacsPicture *picture = NULL;
    PacsArrayShape shape;

    PacsStatus status = read_shape(asked, id, &shape, err);
    if (status != PACS_OK)
        return status;
    if (asked->count > 0 && !is_same(&shape, &asked->shape))
        return pacs_fail(err, PACS_MISMATCH, "The pixel format of the frames varies across the instance(s)");
    asked->shape = shape;
    status = add_frame(asked, id, frame_number ? frame_number : 1, &picture, err);
    for (uint32_t number = 2; status == PACS_OK && frame_number == 0 && number <= picture->frame_count;
         number++)
        status = add_frame(asked, id, number, &picture, err);
    return status;
}

/* ---- numpy ---- */

/** "\x93NUMPY", version 1.0, and a dictionary padded with spaces, as Orthanc writes it. */
static PacsStatus format_header(const ArrayRequest *asked, char header[NUMPY_HEADER + 1], PacsError *err)
{
    const PacsArrayShape *shape = &asked->shape;
    char text[NUMPY_HEADER - 10];
    const char *kind = shape->is_float ? "f" : shape->is_signed ? "i" : "u";

    const int size = snprintf(text, sizeof text,
                              "{'descr': '<%s%u', 'fortran_order': False, 'shape': (%zu, %u,%u,%u), }", kind,
                              shape->item_size, asked->count, shape->rows, shape->columns, shape->channels);
    if (size < 0 || size >= (int)sizeof text)
        return pacs_fail(err, PACS_INTERNAL, "the header of an array is too long");
    (void)snprintf(header, NUMPY_HEADER + 1, "\x93NUMPY%c%c%c%c%-117s\n", 1, 0, NUMPY_HEADER - 10, 0, text);
    return PACS_OK;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

/** PacsHttpOpener.open: one frame when its turn has come. */
static PacsStatus open_frame(void *context, const void *item, uint64_t offset, uint64_t size,
                             PacsHttpOpened *ret_opened, PacsError *err)
{
    const PacsPictureWaiting waiting = {.priority = TRANSCODE_INTERACTIVE, .is_cancelled = never};
    const ArrayFrame *frame = item;
    TranscodeResult *result = NULL;

    (void)size;
    PacsStatus status = pacs_picture_make(context, frame->picture, &waiting, &result, err);
    if (status != PACS_OK)
        return status;
    if (transcode_result_size(result) != frame->size_bytes) {
        transcode_result_unref(result);
        return pacs_fail(err, PACS_INTERNAL, "a frame of another size than its array has");
    }
    ret_opened->fd = -1;
    return rest_result_source(result, offset, &ret_opened->source, err);
}

static PacsStatus reply_numpy(ArrayRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    PacsHttpOpener *opener = pacs_arena_alloc(asked->arena, sizeof *opener);
    char *header = pacs_arena_alloc(asked->arena, NUMPY_HEADER + 1);

    if (!opener || !header)
        return no_memory(err);
    const PacsStatus status = format_header(asked, header, err);
    if (status != PACS_OK)
        return status;
    *opener = (PacsHttpOpener){.open = open_frame, .context = asked->rest->retrieve};
    if (rest_query_flag(asked->request, "compress")) {
        RestNpz *npz = pacs_arena_alloc(asked->arena, sizeof *npz);
        const void **items = pacs_arena_array(asked->arena, asked->count, sizeof *items);
        if (!npz || !items)
            return no_memory(err);
        for (size_t i = 0; i < asked->count; i++)
            items[i] = &asked->frames[i];
        *npz = (RestNpz){.header = header,
                         .header_size = NUMPY_HEADER,
                         .opener = opener,
                         .items = items,
                         .count = asked->count,
                         .item_size = asked->frames[0].size_bytes};
        return rest_npz_reply(npz, reply, err);
    }
    pacs_http_reply_pieces(reply, "application/octet-stream");
    pacs_http_reply_piece_bytes(reply, header, NUMPY_HEADER);
    for (size_t i = 0; i < asked->count; i++)
        pacs_http_reply_piece_opened(reply, opener, &asked->frames[i], asked->frames[i].size_bytes);
    return PACS_OK;
}

/* ---- matlab ---- */

/** A number as people write it: no digits behind the point that say nothing. */
static void add_number(const PacsArrayShape *shape, const uint8_t *bytes, PacsBuffer *out)
{
    float single;
    uint64_t word = 0;

    if (shape->is_float) {
        memcpy(&single, bytes, sizeof single);
        (void)pacs_buffer_add_format(out, "%.9g ", (double)single);
        return;
    }
    for (size_t i = shape->item_size; i-- > 0;)
        word = word << 8 | bytes[i];
    const uint64_t range = 1ull << (8 * shape->item_size);
    const int64_t value = shape->is_signed && word >= range / 2 ? (int64_t)word - (int64_t)range
                                                                : (int64_t)word;
    (void)pacs_buffer_add_format(out, "%lld ", (long long)value);
}

static void format_matlab(const PacsArrayShape *shape, const uint8_t *bytes, PacsBuffer *out)
{
    const size_t row = (size_t)shape->columns * shape->channels;

    (void)pacs_buffer_add_text(out, shape->channels == 1 ? "double([ " : "double(permute(reshape([ ");
    for (size_t i = 0; i < row * shape->rows && !out->failed; i++) {
        if (shape->channels == 1 && i > 0 && i % row == 0)
            (void)pacs_buffer_add_text(out, "; ");
        add_number(shape, bytes + i * shape->item_size, out);
    }
    if (shape->channels == 1)
        (void)pacs_buffer_add_text(out, "])");
    else
        (void)pacs_buffer_add_format(out, "], [ %u %u %u ]), [ 3 2 1 ]))", shape->channels, shape->rows,
                                     shape->columns);
}

static PacsStatus read_whole(TranscodeResult *result, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO(PacsSource) source = NULL;
    const size_t size = (size_t)transcode_result_size(result);

    PacsStatus status = rest_result_source(result, 0, &source, err);
    if (status == PACS_OK)
        status = pacs_buffer_reserve(out, size, err);
    if (status == PACS_OK)
        status = pacs_source_read_all(source, out->bytes, size, err);
    if (status == PACS_OK)
        out->size = size;
    return status;
}

static PacsStatus reply_matlab(ArrayRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer numbers = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    const PacsPictureWaiting waiting = {.priority = TRANSCODE_INTERACTIVE, .is_cancelled = never};
    TranscodeResult *result = NULL;

    PacsStatus status = pacs_picture_make(asked->rest->retrieve, asked->frames[0].picture, &waiting, &result,
                                          err);
    if (status == PACS_OK)
        status = read_whole(result, &numbers, err);
    if (status != PACS_OK)
        return status;
    format_matlab(&asked->shape, numbers.bytes, &text);
    status = pacs_buffer_check(&text, err);
    if (status == PACS_OK)
        pacs_http_reply_buffer(reply, "text/plain", &text);
    return status;
}

/* ---- Handlers ---- */

static ArrayRequest begin(PacsRest *rest, PacsHttpRequest *request, bool rescales)
{
    return (ArrayRequest){.rest = rest,
                          .request = request,
                          .arena = pacs_http_arena(request),
                          .look = rescales ? PACS_LOOK_FLOATS : PACS_LOOK_SAMPLES};
}

static bool wants_rescaled(const PacsHttpRequest *request)
{
    return !pacs_http_query(request, "rescale") || rest_query_flag(request, "rescale");
}

static void finish(ArrayRequest *asked, PacsStatus status,
                   PacsStatus (*reply_with)(ArrayRequest *, PacsHttpReply *, PacsError *),
                   PacsHttpReply *reply, PacsError *err)
{
    if (status == PACS_OK)
        status = reply_with(asked, reply, err);
    if (status == PACS_MISMATCH)
        rest_reply_error(asked->rest, asked->request, reply, REST_INCOMPATIBLE_IMAGE_FORMAT, 0, err->text);
    else if (status != PACS_OK)
        rest_reply_picture_failure(asked->rest, asked->request, reply, err);
}

void rest_instance_numpy(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    ArrayRequest asked = begin(context, request, wants_rescaled(request));
    PacsError err = {0};

    finish(&asked, add_instance(&asked, pacs_http_capture(request, "id"), 0, &err), reply_numpy, reply, &err);
}

void rest_instance_matlab(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    ArrayRequest asked = begin(context, request, false);
    PacsError err = {0};

    finish(&asked, add_instance(&asked, pacs_http_capture(request, "id"), 1, &err), reply_matlab, reply,
           &err);
}

static void reply_frame(ArrayRequest *asked,
                        PacsStatus (*reply_with)(ArrayRequest *, PacsHttpReply *, PacsError *),
                        PacsHttpReply *reply)
{
    PacsError err = {0};
    uint32_t number = 0;

    if (!rest_frame_number(asked->request, &number)) {
        rest_reply_error(asked->rest, asked->request, reply, REST_UNKNOWN_RESOURCE, 0,
                         "frames are counted from 0");
        return;
    }
    finish(asked, add_instance(asked, pacs_http_capture(asked->request, "id"), number, &err), reply_with,
           reply, &err);
}

void rest_frame_numpy(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    ArrayRequest asked = begin(context, request, wants_rescaled(request));

    reply_frame(&asked, reply_numpy, reply);
}

void rest_frame_matlab(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    ArrayRequest asked = begin(context, request, false);

    reply_frame(&asked, reply_matlab, reply);
}

void rest_series_numpy(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    ArrayRequest asked = begin(context, request, wants_rescaled(request));
    RestSlices slices = {0};
    PacsError err = {0};

    PacsStatus status = rest_slices_find(asked.rest, pacs_http_capture(request, "id"), asked.arena, &slices,
                                         &err);
    for (size_t i = 0; status == PACS_OK && i < slices.count; i++)
        status = add_instance(&asked, slices.slices[i].id, 0, &err);
    if (status == PACS_OK && asked.count == 0)
        status = pacs_fail(&err, PACS_UNSUPPORTED, "the series has no image");
    finish(&asked, status, reply_numpy, reply, &err);
}
