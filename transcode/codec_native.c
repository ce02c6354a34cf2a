#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"

/** Native frames are what they are, in the data set or bare in fragments: every layout, every byte. */

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    (void)native;
    if (frame->size < out_size)
        return pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", frame->size,
                         out_size);
    memcpy(out, frame->bytes, out_size);
    return PACS_OK;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    (void)layout;
    return true;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    (void)target;
    (void)as;
    pacs_buffer_add(out, native->bytes, native->size);
    return pacs_buffer_check(out, err);
}

/* Who reads the frames of a big endian object swaps them; nobody writes such objects any more. */
static const char *const decodes[] = {
    PACS_UID_EXPLICIT_LITTLE,          PACS_UID_IMPLICIT_LITTLE, PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
    PACS_UID_DEFLATED_EXPLICIT_LITTLE, PACS_UID_EXPLICIT_BIG,    NULL,
};
static const char *const encodes[] = {
    PACS_UID_EXPLICIT_LITTLE,
    PACS_UID_IMPLICIT_LITTLE,
    PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
    PACS_UID_DEFLATED_EXPLICIT_LITTLE,
    NULL,
};

const TranscodeCodec transcode_codec_native = {
    .name = "native",
    .decodes = decodes,
    .encodes = encodes,
    .is_trusted = true,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
