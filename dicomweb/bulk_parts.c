#include "dicomweb/bulk_parts.h"

#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/multipart.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

#define MAX_OFFERS 4

PacsStatus dicomweb_bulk_parts_add(DicomwebBulkParts *parts, DicomwebBulkPart **ret_part, PacsError *err)
{
    if (parts->count == PACS_MAX_BULK_PARTS)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %u values and frames: ask for less at once",
                         PACS_MAX_BULK_PARTS);
    if (parts->count == parts->capacity) {
        const size_t capacity = parts->capacity ? 2 * parts->capacity : 4;
        DicomwebBulkPart *longer = pacs_arena_array(parts->arena, capacity, sizeof *longer);
        if (!longer)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
        if (parts->count > 0)
            memcpy(longer, parts->parts, parts->count * sizeof *longer);
        parts->parts = longer;
        parts->capacity = capacity;
    }
    *ret_part = &parts->parts[parts->count++];
    return PACS_OK;
}

/* ---- What the client takes ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool are_alike(const DicomwebBulkParts *parts)
{
    for (size_t i = 1; i < parts->count; i++)
        if (!same_text(parts->parts[i].media_type, parts->parts[0].media_type) ||
            !same_text(parts->parts[i].transfer_syntax_uid, parts->parts[0].transfer_syntax_uid))
            return false;
    return true;
}

/** Pixels are taken in the syntax they have, for want of another, if their own media type is asked for. */
static bool is_default(const DicomwebBulkPart *part, bool strict)
{
    const PacsUidEntry *syntax = part->transfer_syntax_uid
                                     ? pacs_uid_find_transfer_syntax(pacs_slice(part->transfer_syntax_uid))
                                     : NULL;

    return !strict || (syntax && syntax->flags & PACS_UID_LOSSY);
}

static size_t list_offers(const DicomwebBulkParts *parts, bool strict, DicomwebOffer offers[MAX_OFFERS])
{
    const DicomwebBulkPart *first = &parts->parts[0];
    const bool is_octets = strcmp(first->media_type, DICOMWEB_TYPE_BYTES) == 0;
    size_t count = 0;

    for (int multipart = parts->count == 1 ? 0 : 1; multipart < 2; multipart++) {
        if (!is_octets)
            offers[count++] = (DicomwebOffer){.media_type = first->media_type,
                                              .transfer_syntax_uid = first->transfer_syntax_uid,
                                              .is_multipart = multipart,
                                              .is_default = is_default(first, strict)};
        offers[count++] = (DicomwebOffer){.media_type = DICOMWEB_TYPE_BYTES,
                                          .transfer_syntax_uid = first->transfer_syntax_uid,
                                          .is_multipart = multipart};
    }
    return count;
}

/** Parts that differ have octets in common, each in its own syntax; all of them have to be taken. */
static bool choose_octets(const DicomwebBulkParts *parts, PacsHttpRequest *request, PacsHttpReply *reply,
                          DicomwebOffer *ret_offer)
{
    const char *accept = dicomweb_accept_text(request);

    pacs_http_reply_vary(reply, "Accept");
    for (size_t i = 0; i < parts->count; i++) {
        const DicomwebOffer offer = {.media_type = DICOMWEB_TYPE_BYTES,
                                     .transfer_syntax_uid = parts->parts[i].transfer_syntax_uid,
                                     .is_multipart = true};
        if (!accept || !dicomweb_accept_choose(pacs_slice(accept), &offer, 1)) {
            dicomweb_reply_not_acceptable(request, reply, &offer, 1);
            return false;
        }
    }
    *ret_offer = (DicomwebOffer){.media_type = DICOMWEB_TYPE_BYTES, .is_multipart = true};
    return true;
}

/** False: the reply is a 406. */
static bool choose(const DicomwebBulkParts *parts, bool strict, PacsHttpRequest *request,
                   PacsHttpReply *reply, DicomwebOffer *ret_offer)
{
    DicomwebOffer offers[MAX_OFFERS];

    if (!are_alike(parts))
        return choose_octets(parts, request, reply, ret_offer);
    const DicomwebOffer *chosen = dicomweb_negotiate(request, reply, offers,
                                                     list_offers(parts, strict, offers));
    if (chosen)
        *ret_offer = *chosen;
    return chosen != NULL;
}

/* ---- The answer ---- */

static PacsStatus open_part(void *context, const void *item, uint64_t offset, uint64_t size,
                            PacsHttpOpened *ret_opened, PacsError *err)
{
    const DicomwebBulkPart *part = item;
    PacsRetrievedBytes bytes = {.fd = -1};
    PacsStatus status;

    if (part->is_frame)
        status = pacs_retrieve_frame_open(context, &part->frame, offset, &bytes.source, err);
    else
        status = pacs_retrieve_value_open(context, &part->value, offset, size, &bytes, err);
    if (status == PACS_OK)
        *ret_opened = (PacsHttpOpened){.fd = bytes.fd,
                                       .offset = part->is_frame ? 0 : part->value.range.offset + offset,
                                       .source = bytes.source};
    return status;
}

static void add_part(const DicomwebBulkPart *part, const PacsHttpOpener *opener, PacsHttpReply *reply)
{
    if (part->bytes)
        pacs_http_reply_piece_bytes(reply, part->bytes, (size_t)part->size_bytes);
    else
        pacs_http_reply_piece_opened(reply, opener, part, part->size_bytes);
}

/** What a browser would run as a page is handed over as a file: documents have the type their sender gave them. */
static void defuse(PacsHttpReply *reply, const char *media_type)
{
    static const char *const shown[] = {"image/", "video/", "application/pdf", DICOMWEB_TYPE_BYTES};

    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (strncmp(media_type, shown[i], strlen(shown[i])) == 0 && strcmp(media_type, "image/svg+xml") != 0)
            return;
    pacs_http_reply_header(reply, "Content-Disposition", "attachment");
    pacs_http_reply_header(reply, "Content-Security-Policy", "sandbox");
}

static void add_body(const DicomwebBulkParts *parts, const DicomwebOffer *offer, const char *boundary,
                     const PacsHttpOpener *opener, PacsHttpRequest *request, PacsHttpReply *reply)
{
    DicomwebMultipart body;

    if (!offer->is_multipart) {
        pacs_http_reply_pieces(reply, dicomweb_content_type(offer, NULL, parts->arena));
        add_part(&parts->parts[0], opener, reply);
        defuse(reply, offer->media_type);
        return;
    }
    dicomweb_multipart_begin(&body, request, reply, offer, boundary);
    for (size_t i = 0; i < parts->count; i++) {
        const DicomwebBulkPart *part = &parts->parts[i];
        const DicomwebOffer own = {.media_type = offer->media_type,
                                   .transfer_syntax_uid = part->transfer_syntax_uid};
        dicomweb_multipart_part(&body, dicomweb_content_type(&own, NULL, parts->arena), part->location);
        add_part(part, opener, reply);
    }
    dicomweb_multipart_end(&body);
}

PacsStatus dicomweb_bulk_parts_reply(Dicomweb *dicomweb, const DicomwebBulkParts *parts,
                                     const PacsListedObject *objects, size_t object_count, const char *form,
                                     PacsHttpRequest *request, PacsHttpReply *reply, PacsError *err)
{
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
    DicomwebOffer offer;

    if (!choose(parts, dicomweb->options.strict, request, reply, &offer))
        return PACS_OK;
    const char *whole_form = pacs_arena_printf(parts->arena, "bulk %s %s %s", form, offer.media_type,
                                               offer.is_multipart ? "parts" : "single");
    PacsHttpOpener *opener = pacs_arena_alloc(parts->arena, sizeof *opener);
    if (!whole_form || !opener)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    const PacsStatus status = dicomweb_fingerprint(whole_form, objects, object_count, fingerprint, err);
    if (status != PACS_OK)
        return status;
    if (dicomweb_reply_unchanged(request, reply, fingerprint))
        return PACS_OK;
    *opener = (PacsHttpOpener){.open = open_part, .context = dicomweb->retrieve};
    add_body(parts, &offer, fingerprint, opener, request, reply);
    return PACS_OK;
}
