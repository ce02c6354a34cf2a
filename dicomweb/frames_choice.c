#include <string.h>

#include "dicomweb/frames_private.h"
#include "pacs/dicom/uid.h"

/**
 * The form in which frames leave (PS3.18 8.7.3): as they are stored, as pixels, or in another transfer syntax.
 *
 * Pixels are what a client gets that names no transfer syntax; it gets what is stored where that is lossy, or where
 * nothing here decodes it. Any transfer syntax (*) means the stored one. Pixels are lost on the way only for who asks for
 * a lossy transfer syntax by its name.
 */

#define MAX_OFFERS (4 * (DICOMWEB_MAX_TARGETS + 2))

typedef struct Offers {
    DicomwebOffer items[MAX_OFFERS];
    size_t count;
} Offers;

static uint32_t flags_of(const char *transfer_syntax_uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(transfer_syntax_uid));

    return entry ? entry->flags : 0;
}

static bool is_lossy(const char *transfer_syntax_uid)
{
    return flags_of(transfer_syntax_uid) & PACS_UID_LOSSY;
}

static bool converts(const FramesRequest *asked)
{
    return pacs_retrieve_transcode(asked->dicomweb->retrieve) &&
           transcode_can_decode(pacs_retrieve_frame_syntax(asked->image));
}

static bool is_impossible(const FramesRequest *asked, const char *transfer_syntax_uid)
{
    for (size_t i = 0; i < asked->impossible_count; i++)
        if (strcmp(asked->impossible[i], transfer_syntax_uid) == 0)
            return true;
    return false;
}

/* ---- Offers ---- */

/* As parts, and one frame alone. */
static void add(Offers *offers, const FramesRequest *asked, DicomwebOffer offer)
{
    offer.is_multipart = true;
    offers->items[offers->count++] = offer;
    if (asked->count > 1)
        return;
    offer.is_multipart = false;
    offers->items[offers->count++] = offer;
}

/* Of its own type, and as bytes of a transfer syntax that is named. */
static void add_types(Offers *offers, const FramesRequest *asked, DicomwebOffer offer)
{
    offer.media_type = dicomweb_pixel_media_type(offer.transfer_syntax_uid);
    add(offers, asked, offer);
    if (strcmp(offer.media_type, DICOMWEB_TYPE_BYTES) == 0)
        return;
    offer.media_type = DICOMWEB_TYPE_BYTES;
    offer.is_default = false;
    add(offers, asked, offer);
}

static void add_stored(Offers *offers, const FramesRequest *asked)
{
    const char *syntax = pacs_retrieve_frame_syntax(asked->image);

    add_types(offers, asked,
              (DicomwebOffer){.transfer_syntax_uid = syntax,
                              .is_default = is_lossy(syntax) || !asked->dicomweb->options.strict,
                              .is_stored = true});
}

static void add_pixels(Offers *offers, const FramesRequest *asked)
{
    if (!asked->image->is_native && converts(asked) && !is_impossible(asked, PACS_UID_EXPLICIT_LITTLE))
        add_types(offers, asked, (DicomwebOffer){.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE});
}

/* Native pixels leave as explicit little endian alone. */
static bool is_target(const FramesRequest *asked, const char *transfer_syntax_uid)
{
    return flags_of(transfer_syntax_uid) & PACS_UID_ENCAPSULATED &&
           strcmp(transfer_syntax_uid, pacs_retrieve_frame_syntax(asked->image)) != 0 &&
           transcode_encoder_name(transfer_syntax_uid)[0] != '\0' &&
           !is_impossible(asked, transfer_syntax_uid);
}

static void add_conversions(Offers *offers, const FramesRequest *asked)
{
    if (!converts(asked))
        return;
    for (const char *const *syntax = dicomweb_target_syntaxes; *syntax; syntax++)
        if (is_target(asked, *syntax))
            add_types(offers, asked,
                      (DicomwebOffer){.transfer_syntax_uid = *syntax, .must_be_named = is_lossy(*syntax)});
}

/* ---- Choosing ---- */

/* Where there is one media range, what is stored and its pixels come before everything that could be made. */
static const DicomwebOffer *choose(const FramesRequest *asked, const char *accept, Offers *offers)
{
    offers->count = 0;
    if (is_lossy(pacs_retrieve_frame_syntax(asked->image))) {
        add_stored(offers, asked);
        add_pixels(offers, asked);
    } else {
        add_pixels(offers, asked);
        add_stored(offers, asked);
    }
    const DicomwebOffer *chosen = dicomweb_accept_choose(pacs_slice(accept), offers->items, offers->count);
    if (chosen && !strchr(accept, ','))
        return chosen;
    add_conversions(offers, asked);
    return dicomweb_accept_choose(pacs_slice(accept), offers->items, offers->count);
}

PacsStatus dicomweb_choose_frames(FramesRequest *asked, PacsHttpReply *reply, bool *ret_chosen,
                                  PacsError *err)
{
    const char *accept = dicomweb_accept_text(asked->request);
    Offers offers;

    if (!accept)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    pacs_http_reply_header(reply, "Vary", "Accept");
    const DicomwebOffer *chosen = choose(asked, accept, &offers);
    *ret_chosen = chosen != NULL;
    if (chosen)
        asked->offer = *chosen;
    else
        dicomweb_reply_not_acceptable(asked->request, reply, offers.items, offers.count);
    return PACS_OK;
}
