#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"

/** Native frames are what they are: every layout, every byte. */

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

static const char *const syntaxes[] = {PACS_UID_EXPLICIT_LITTLE, NULL};

const TranscodeCodec transcode_codec_native = {
    .name = "native",
    .decodes = syntaxes,
    .encodes = syntaxes,
    .is_trusted = true,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
