#include "transcode/codec.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "transcode/codec_backend.h"
#include "transcode/codec_rules.h"
#include "transcode/colour.h"
#include "transcode/pixels.h"

/** Every codec; where two can do a frame, the first one does it. NULL at the end. */
static const TranscodeCodec *const codecs[] = {
    &transcode_codec_native,  &transcode_codec_rle,
    &transcode_codec_deflate, &transcode_codec_turbo,
    &transcode_codec_ijg,     &transcode_codec_charls,
    &transcode_codec_openjph, &transcode_codec_openjpeg,
    &transcode_codec_jxl,     NULL,
};

static bool has(const char *const *uids, const char *uid)
{
    for (; uids && *uids; uids++)
        if (strcmp(*uids, uid) == 0)
            return true;
    return false;
}

static const TranscodeCodec *find_decoder(const char *uid)
{
    for (size_t i = 0; codecs[i]; i++)
        if (has(codecs[i]->decodes, uid))
            return codecs[i];
    return NULL;
}

/* Where none takes it, the first of the syntax: it says what is wrong. */
static const TranscodeCodec *find_decoder_of(const TranscodeFrame *frame)
{
    for (size_t i = 0; codecs[i]; i++)
        if (has(codecs[i]->decodes, frame->transfer_syntax_uid) &&
            (!codecs[i]->takes || codecs[i]->takes(frame)))
            return codecs[i];
    return find_decoder(frame->transfer_syntax_uid);
}

static const TranscodeCodec *find_encoder(const char *uid, const TranscodeLayout *input)
{
    for (size_t i = 0; codecs[i]; i++)
        if (has(codecs[i]->encodes, uid) && (!input || codecs[i]->can_encode(uid, input)))
            return codecs[i];
    return NULL;
}

bool transcode_can_decode(const char *transfer_syntax_uid)
{
    return find_decoder(transfer_syntax_uid) != NULL;
}

bool transcode_can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    TranscodeLayout input;

    return transcode_rules_input(transfer_syntax_uid, layout, &input) &&
           find_encoder(transfer_syntax_uid, &input);
}

const char *transcode_decoder_name(const char *transfer_syntax_uid)
{
    const TranscodeCodec *codec = find_decoder(transfer_syntax_uid);

    return codec ? codec->name : "";
}

const char *transcode_encoder_name(const char *transfer_syntax_uid)
{
    const TranscodeCodec *codec = find_encoder(transfer_syntax_uid, NULL);

    return codec ? codec->name : "";
}

bool transcode_decoder_is_trusted(const char *transfer_syntax_uid)
{
    const TranscodeCodec *codec = find_decoder(transfer_syntax_uid);

    return codec && codec->is_trusted;
}

PacsStatus transcode_layout_after(const char *from_uid, const TranscodeLayout *stored,
                                  const TranscodeTarget *target, TranscodeLayout *ret_layout, PacsError *err)
{
    TranscodeLayout native, input;

    if (strcmp(from_uid, target->transfer_syntax_uid) == 0) {
        *ret_layout = *stored;
        return PACS_OK;
    }
    if (!transcode_can_decode(from_uid))
        return pacs_fail(err, PACS_UNSUPPORTED, "nothing here decodes transfer syntax %s", from_uid);
    PacsStatus status = transcode_rules_decoded(from_uid, stored, &native, err);
    if (status != PACS_OK)
        return status;
    if (!transcode_rules_input(target->transfer_syntax_uid, &native, &input) ||
        !find_encoder(target->transfer_syntax_uid, &input))
        return pacs_fail(
            err, PACS_UNSUPPORTED, "frames of %u bits and %s cannot be made into transfer syntax %s",
            native.bits_stored, transcode_photometric_name(native.photometric), target->transfer_syntax_uid);
    *ret_layout = transcode_rules_encoded(target, &input);
    return PACS_OK;
}

PacsStatus transcode_decode(const TranscodeFrame *frame, const TranscodeLayout *layout, uint8_t *out,
                            size_t out_size, PacsError *err)
{
    const TranscodeCodec *codec = find_decoder_of(frame);
    size_t size = 0;

    if (!codec)
        return pacs_fail(err, PACS_UNSUPPORTED, "nothing here decodes transfer syntax %s",
                         frame->transfer_syntax_uid);
    PacsStatus status = transcode_layout_size(layout, &size, err);
    if (status != PACS_OK)
        return status;
    if (size != out_size)
        return pacs_fail(err, PACS_INTERNAL, "a frame of %zu bytes does not go into %zu", size, out_size);
    return codec->decode(frame, layout, out, out_size, err);
}

/* ---- Encode ---- */

/* The frame as `input` has it; a copy only where it lies otherwise. */
static PacsStatus arrange(TranscodeFrame *frame, const TranscodeLayout *input, uint8_t **ret_copy,
                          PacsError *err)
{
    const TranscodeLayout *layout = &frame->layout;
    size_t size = 0;

    if (layout->is_planar == input->is_planar &&
        (layout->photometric == input->photometric || layout->photometric == TRANSCODE_YBR_ICT ||
         layout->photometric == TRANSCODE_YBR_RCT || layout->photometric == TRANSCODE_XYB)) {
        frame->layout = *input;
        return PACS_OK;
    }
    PacsStatus status = transcode_layout_size(input, &size, err);
    if (status != PACS_OK)
        return status;
    uint8_t *copy = malloc(size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame of %zu bytes", size);
    *ret_copy = copy;
    if (layout->photometric == TRANSCODE_YBR_FULL_422)
        transcode_pixels_unshare(layout, frame->bytes, copy);
    else if (layout->photometric == input->photometric)
        transcode_pixels_interleave(layout, frame->bytes, copy);
    else
        status = transcode_colour_to_rgb(frame, copy, size, err);
    frame->layout = *input;
    frame->bytes = copy;
    frame->size = size;
    return status;
}

PacsStatus transcode_encode(const TranscodeFrame *native, const TranscodeTarget *target, PacsBuffer *out,
                            PacsError *err)
{
    TranscodeFrame frame = *native;
    TranscodeLayout input, as;
    PACS_AUTO_FREE uint8_t *copy = NULL;

    transcode_layout_settle(&frame.layout, native->size);
    PacsStatus status = transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, &frame.layout, target, &as, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&frame.layout, &frame.size, err);
    if (status == PACS_OK && native->size < frame.size)
        status = pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", native->size,
                           frame.size);
    if (status != PACS_OK)
        return status;
    if (!transcode_rules_input(target->transfer_syntax_uid, &frame.layout, &input))
        return pacs_fail(err, PACS_INTERNAL, "a layout that was encodable is not");
    status = arrange(&frame, &input, &copy, err);
    if (status != PACS_OK)
        return status;
    const char *uid = target->transfer_syntax_uid;
    return find_encoder(uid, &input)->encode(&frame, target, &as, out, err);
}
