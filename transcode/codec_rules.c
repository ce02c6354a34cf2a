#include "transcode/codec_rules.h"

#include <string.h>

#include "pacs/dicom/uid.h"

typedef enum Family {
    NATIVE,
    JPEG, /* lossy: colours are YBR inside, RGB outside */
    JPEG_2000,
    JPEG_XL,
    AS_IT_IS, /* the samples are the attributes' own */
} Family;

static Family family_of(const char *uid)
{
    static const struct {
        const char *uid;
        Family family;
    } families[] = {
        {PACS_UID_IMPLICIT_LITTLE, NATIVE},
        {PACS_UID_EXPLICIT_LITTLE, NATIVE},
        {PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE, NATIVE},
        {PACS_UID_DEFLATED_EXPLICIT_LITTLE, NATIVE},
        {PACS_UID_EXPLICIT_BIG, NATIVE},
        {PACS_UID_DEFLATED_FRAMES, NATIVE},
        {PACS_UID_JPEG_BASELINE, JPEG},
        {PACS_UID_JPEG_EXTENDED, JPEG},
        {"1.2.840.10008.1.2.4.52", JPEG},
        {"1.2.840.10008.1.2.4.53", JPEG},
        {"1.2.840.10008.1.2.4.54", JPEG},
        {"1.2.840.10008.1.2.4.55", JPEG},
        {"1.2.840.10008.1.2.4.56", JPEG},
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
    return AS_IT_IS;
}

bool transcode_is_native(const char *transfer_syntax_uid)
{
    return family_of(transfer_syntax_uid) == NATIVE;
}

static bool loses(const char *uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(uid));

    return entry && entry->flags & PACS_UID_LOSSY;
}

bool transcode_is_lossy(const char *from_uid, const TranscodeTarget *target)
{
    return strcmp(from_uid, target->transfer_syntax_uid) != 0 && loses(target->transfer_syntax_uid);
}

/* ---- Decoding ---- */

PacsStatus transcode_rules_decoded(const char *from_uid, const TranscodeLayout *stored,
                                   TranscodeLayout *ret_native, PacsError *err)
{
    const Family family = family_of(from_uid);
    const bool turns_rgb = family == JPEG || family == JPEG_XL;
    TranscodeLayout layout = *stored;

    layout.is_planar = stored->is_planar && family == NATIVE;
    if (family != NATIVE && stored->samples_per_pixel == 3)
        switch (stored->photometric) {
        case TRANSCODE_YBR_ICT:
        case TRANSCODE_YBR_RCT:
        case TRANSCODE_XYB:
            layout.photometric = TRANSCODE_RGB;
            break;
        case TRANSCODE_YBR_FULL:
        case TRANSCODE_YBR_FULL_422:
            layout.photometric = turns_rgb ? TRANSCODE_RGB : TRANSCODE_YBR_FULL;
            break;
        case TRANSCODE_YBR_PARTIAL_422:
        case TRANSCODE_YBR_PARTIAL_420:
            if (!turns_rgb)
                return pacs_fail(err, PACS_UNSUPPORTED, "%s in transfer syntax %s has no native form",
                                 transcode_photometric_name(stored->photometric), from_uid);
            layout.photometric = TRANSCODE_RGB;
            break;
        default:
            break;
        }
    *ret_native = layout;
    return PACS_OK;
}

/* ---- Encoding ---- */

bool transcode_rules_input(const char *to_uid, const TranscodeLayout *native, TranscodeLayout *ret_input)
{
    TranscodeLayout layout = *native;

    if (!transcode_is_native(to_uid)) {
        if (native->is_float || native->bits_allocated == 1)
            return false;
        if (native->photometric == TRANSCODE_PALETTE_COLOR && loses(to_uid))
            return false; /* numbers of colours: a neighbour may be any other */
        layout.is_planar = false;
        switch (native->photometric) {
        case TRANSCODE_YBR_FULL_422:
            layout.photometric = TRANSCODE_YBR_FULL;
            break;
        case TRANSCODE_YBR_ICT: /* native frames that say so are RGB, as decoders leave them */
        case TRANSCODE_YBR_RCT:
        case TRANSCODE_XYB:
            layout.photometric = TRANSCODE_RGB;
            break;
        case TRANSCODE_YBR_PARTIAL_422:
        case TRANSCODE_YBR_PARTIAL_420:
            if (!loses(to_uid)) /* rounded on the way to RGB, and no codestream carries it */
                return false;
            layout.photometric = TRANSCODE_RGB;
            layout.high_bit = (uint16_t)(native->bits_stored - 1);
            break;
        default:
            break;
        }
    }
    *ret_input = layout;
    return true;
}

TranscodeLayout transcode_rules_encoded(const TranscodeTarget *target, const TranscodeLayout *input)
{
    TranscodeLayout layout = *input;

    switch (family_of(target->transfer_syntax_uid)) {
    case JPEG:
        if (input->photometric == TRANSCODE_RGB || input->photometric == TRANSCODE_YBR_FULL)
            layout.photometric = TRANSCODE_YBR_FULL_422;
        break;
    case JPEG_2000:
        if (input->photometric == TRANSCODE_RGB)
            layout.photometric = loses(target->transfer_syntax_uid) ? TRANSCODE_YBR_ICT : TRANSCODE_YBR_RCT;
        break;
    case JPEG_XL:
        if (input->photometric == TRANSCODE_RGB && loses(target->transfer_syntax_uid))
            layout.photometric = TRANSCODE_XYB;
        break;
    default:
        break;
    }
    return layout;
}
