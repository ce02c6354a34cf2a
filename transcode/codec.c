#include "transcode/codec.h"

#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "transcode/codec_backend.h"

/** Every codec; where two can do a syntax, the first one does it. */
static const TranscodeCodec *const codecs[] = {
    &transcode_codec_native,
    &transcode_codec_charls,
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
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (has(codecs[i]->decodes, uid))
            return codecs[i];
    return NULL;
}

static const TranscodeCodec *find_encoder(const char *uid)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (has(codecs[i]->encodes, uid))
            return codecs[i];
    return NULL;
}

bool transcode_can_decode(const char *transfer_syntax_uid)
{
    return find_decoder(transfer_syntax_uid) != NULL;
}

bool transcode_can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    const TranscodeCodec *codec = find_encoder(transfer_syntax_uid);

    return codec && codec->can_encode(transfer_syntax_uid, layout);
}

const char *transcode_decoder_name(const char *transfer_syntax_uid)
{
    const TranscodeCodec *codec = find_decoder(transfer_syntax_uid);

    return codec ? codec->name : "";
}

const char *transcode_encoder_name(const char *transfer_syntax_uid)
{
    const TranscodeCodec *codec = find_encoder(transfer_syntax_uid);

    return codec ? codec->name : "";
}

bool transcode_decoder_is_trusted(const char *transfer_syntax_uid)
{
    const TranscodeCodec *codec = find_decoder(transfer_syntax_uid);

    return codec && codec->is_trusted;
}

/* ---- Layouts ---- */

typedef enum Family { NATIVE, JPEG, JPEG_2000, JPEG_XL, OTHER_FAMILY } Family;

static Family family_of(const char *uid)
{
    static const struct {
        const char *uid;
        Family family;
    } families[] = {
        {PACS_UID_EXPLICIT_LITTLE, NATIVE},
        {PACS_UID_JPEG_BASELINE, JPEG},
        {PACS_UID_JPEG_EXTENDED, JPEG},
        {PACS_UID_JPEG_2000_LOSSLESS, JPEG_2000},
        {PACS_UID_JPEG_2000, JPEG_2000},
        {"1.2.840.10008.1.2.4.92", JPEG_2000},
        {"1.2.840.10008.1.2.4.93", JPEG_2000},
        {PACS_UID_HTJ2K_LOSSLESS, JPEG_2000},
        {PACS_UID_HTJ2K_LOSSLESS_RPCL, JPEG_2000},
        {PACS_UID_HTJ2K, JPEG_2000},
        {"1.2.840.10008.1.2.4.110", JPEG_XL},
        {"1.2.840.10008.1.2.4.111", JPEG_XL},
        {"1.2.840.10008.1.2.4.112", JPEG_XL},
    };

    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].uid, uid) == 0)
            return families[i].family;
    return OTHER_FAMILY;
}

/* The colours a decoder of this family makes of what the attributes say. */
static TranscodePhotometric decoded(Family family, TranscodePhotometric stored)
{
    switch (stored) {
    case TRANSCODE_YBR_ICT:
    case TRANSCODE_YBR_RCT:
    case TRANSCODE_XYB:
    case TRANSCODE_YBR_PARTIAL_420:
        return TRANSCODE_RGB;
    case TRANSCODE_YBR_FULL:
    case TRANSCODE_YBR_FULL_422:
    case TRANSCODE_YBR_PARTIAL_422:
        return family == JPEG || family == JPEG_XL ? TRANSCODE_RGB : stored;
    default:
        return stored;
    }
}

static TranscodePhotometric encoded(const TranscodeTarget *target, TranscodePhotometric native)
{
    const bool is_rgb = native == TRANSCODE_RGB;
    const char *uid = target->transfer_syntax_uid;

    switch (family_of(uid)) {
    case JPEG:
        return is_rgb ? TRANSCODE_YBR_FULL_422 : native;
    case JPEG_2000:
        if (!is_rgb)
            return native;
        return transcode_is_lossy("", target) ? TRANSCODE_YBR_ICT : TRANSCODE_YBR_RCT;
    default:
        return native;
    }
}

bool transcode_is_lossy(const char *from_uid, const TranscodeTarget *target)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(target->transfer_syntax_uid));

    return strcmp(from_uid, target->transfer_syntax_uid) != 0 && entry && entry->flags & PACS_UID_LOSSY;
}

PacsStatus transcode_layout_after(const char *from_uid, const TranscodeLayout *stored,
                                  const TranscodeTarget *target, TranscodeLayout *ret_layout, PacsError *err)
{
    TranscodeLayout layout = *stored;

    if (strcmp(from_uid, target->transfer_syntax_uid) == 0) {
        *ret_layout = layout;
        return PACS_OK;
    }
    if (!transcode_can_decode(from_uid))
        return pacs_fail(err, PACS_UNSUPPORTED, "nothing here decodes transfer syntax %s", from_uid);
    if (family_of(from_uid) != NATIVE) {
        layout.photometric = decoded(family_of(from_uid), layout.photometric);
        layout.is_planar = false;
    }
    if (!transcode_can_encode(target->transfer_syntax_uid, &layout))
        return pacs_fail(
            err, PACS_UNSUPPORTED, "frames of %u bits and %s cannot be made into transfer syntax %s",
            layout.bits_stored, transcode_photometric_name(layout.photometric), target->transfer_syntax_uid);
    if (family_of(target->transfer_syntax_uid) != NATIVE) {
        layout.is_planar = false;
        layout.photometric = encoded(target, layout.photometric);
    }
    *ret_layout = layout;
    return PACS_OK;
}

/* ---- Frames ---- */

PacsStatus transcode_decode(const TranscodeFrame *frame, const TranscodeLayout *layout, uint8_t *out,
                            size_t out_size, PacsError *err)
{
    const TranscodeCodec *codec = find_decoder(frame->transfer_syntax_uid);
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

PacsStatus transcode_encode(const TranscodeFrame *native, const TranscodeTarget *target, PacsBuffer *out,
                            PacsError *err)
{
    const TranscodeCodec *codec = find_encoder(target->transfer_syntax_uid);
    TranscodeLayout as;
    size_t size = 0;

    PacsStatus status = transcode_layout_after(PACS_UID_EXPLICIT_LITTLE, &native->layout, target, &as, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&native->layout, &size, err);
    if (status != PACS_OK)
        return status;
    if (!codec || native->size != size)
        return pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", native->size,
                         size);
    return codec->encode(native, target, &as, out, err);
}
