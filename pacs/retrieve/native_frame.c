#include "pacs/retrieve/native_frame.h"

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

static const TranscodeTarget native_target = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};

const char *pacs_retrieve_frame_syntax(const PacsRetrievedImage *image)
{
    return image->is_native ? PACS_UID_EXPLICIT_LITTLE : image->object->transfer_syntax_uid;
}

/* ---- As it is stored ---- */

static PacsStatus read_bytes(PacsRetrieve *retrieve, const PacsRetrievedFrame *frame, PacsBuffer *bytes,
                             PacsError *err)
{
    PACS_AUTO(PacsSource) source = NULL;

    if (frame->size_bytes > PACS_MAX_FRAME_BYTES)
        return pacs_fail(err, PACS_TOO_LARGE, "frame %u has %llu bytes, at most %u are decoded",
                         frame->frame_number, (unsigned long long)frame->size_bytes, PACS_MAX_FRAME_BYTES);
    PacsStatus status = pacs_buffer_reserve(bytes, (size_t)frame->size_bytes, err);
    if (status == PACS_OK)
        status = pacs_retrieve_frame_open(retrieve, frame, 0, &source, err);
    if (status == PACS_OK)
        status = pacs_source_read_all(source, bytes->bytes + bytes->size, (size_t)frame->size_bytes, err);
    if (status == PACS_OK)
        bytes->size += (size_t)frame->size_bytes;
    return status;
}

PacsStatus pacs_retrieve_stored_frame(PacsRetrieve *retrieve, const PacsRetrievedImage *image,
                                      uint32_t frame_number, const TranscodeLayout *stored, PacsBuffer *bytes,
                                      TranscodeFrame *ret_frame, PacsError *err)
{
    const size_t begin = bytes->size;
    PacsRetrievedFrame frame;

    PacsStatus status = pacs_retrieve_frame(image, frame_number, &frame, err);
    if (status == PACS_OK)
        status = read_bytes(retrieve, &frame, bytes, err);
    if (status != PACS_OK)
        return status;
    *ret_frame = (TranscodeFrame){.transfer_syntax_uid = pacs_retrieve_frame_syntax(image),
                                  .layout = *stored,
                                  .bytes = bytes->bytes + begin,
                                  .size = bytes->size - begin};
    if (image->is_native)
        transcode_layout_settle(&ret_frame->layout, ret_frame->size);
    return PACS_OK;
}

/* ---- As pixels ---- */

/* The store holds exactly the frame's bits; a frame of other length than its attributes say is not shown askew. */
static PacsStatus check_native(const TranscodeFrame *frame, PacsError *err)
{
    size_t size = 0;

    PacsStatus status = transcode_layout_size(&frame->layout, &size, err);
    if (status == PACS_OK && frame->size != size)
        return pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", frame->size,
                         size);
    return status;
}

static PacsStatus decode(TranscodeWork *work, const TranscodeFrame *stored, PacsBuffer *pixels,
                         TranscodeFrame *ret_native, PacsError *err)
{
    TranscodeLayout layout;
    size_t size = 0;

    PacsStatus status = transcode_layout_after(stored->transfer_syntax_uid, &stored->layout, &native_target,
                                               &layout, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&layout, &size, err);
    if (status == PACS_OK)
        status = pacs_buffer_reserve(pixels, size, err);
    if (status == PACS_OK)
        status = transcode_work_decode(work, stored, &layout, pixels->bytes + pixels->size, size, err);
    if (status != PACS_OK)
        return status;
    *ret_native = (TranscodeFrame){.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                                   .layout = layout,
                                   .bytes = pixels->bytes + pixels->size,
                                   .size = size};
    pixels->size += size;
    return PACS_OK;
}

PacsStatus pacs_retrieve_native_frame_of(PacsRetrieve *retrieve, TranscodeWork *work,
                                         const PacsRetrievedImage *image, const TranscodeLayout *stored,
                                         uint32_t frame_number, PacsBuffer *pixels,
                                         TranscodeFrame *ret_native, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer codestream = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    TranscodeFrame frame;

    if (!image->is_native && !transcode_can_decode(image->object->transfer_syntax_uid))
        return pacs_fail(err, PACS_UNSUPPORTED, "nothing here decodes transfer syntax %s",
                         image->object->transfer_syntax_uid);
    PacsStatus status = pacs_retrieve_stored_frame(retrieve, image, frame_number, stored,
                                                   image->is_native ? pixels : &codestream, &frame, err);
    if (status != PACS_OK)
        return status;
    if (!image->is_native)
        return decode(work, &frame, pixels, ret_native, err);
    status = check_native(&frame, err);
    if (status == PACS_OK)
        *ret_native = frame;
    return status;
}

PacsStatus pacs_retrieve_native_frame(PacsRetrieve *retrieve, TranscodeWork *work,
                                      const PacsRetrievedImage *image, uint32_t frame_number,
                                      PacsBuffer *pixels, TranscodeFrame *ret_native, PacsError *err)
{
    TranscodeLayout layout;

    const PacsStatus status = pacs_retrieve_layout(retrieve, image, &layout, err);
    return status == PACS_OK ? pacs_retrieve_native_frame_of(retrieve, work, image, &layout, frame_number,
                                                             pixels, ret_native, err)
                             : status;
}
