#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/frame_list.h"
#include "dicomweb/multipart.h"
#include "dicomweb/picture_answer.h"
#include "dicomweb/rendered_query.h"
#include "dicomweb/report.h"
#include "dicomweb/url.h"
#include "pacs/dicom/uid.h"
#include "pacs/retrieve/presentation_state.h"

/**
 * Rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.5 and 8.3.5): pictures of a study, a series, an instance or
 * some of its frames.
 *
 * Studies and series are one picture, of the instance that stands for them (pacs/retrieve/pictures.h). An instance of many
 * frames is the frame that stands for it, or all of them as an animated GIF. Video and PDF leave as they are in the object,
 * where the client takes them; a structured report is a page; a presentation state shows the first image it speaks of.
 */

#define DOCUMENT_VALUE "00420011"
#define PIXEL_VALUE "7FE00010"

/** Objects never change while they are stored; see frames.c. What stands for a study may be another one tomorrow. */
#define KEPT "private, max-age=3600"

typedef struct RenderedRequest {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsArena *arena;
    PacsUidPath path; /* of the instance */
    bool is_thumbnail;
    bool is_fixed;      /* the instance itself is asked for */
    uint32_t *frames;   /* NULL: the one that stands for it */
    size_t frame_count; /* 1 there */
    PacsPictureWish wish;
    DicomwebOffer offer;
    PacsPicture **pictures; /* frame_count of them */
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
} RenderedRequest;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
}

/* ---- What the client takes ---- */

static const TranscodeFormat formats[] = {TRANSCODE_JPEG, TRANSCODE_PNG, TRANSCODE_GIF, TRANSCODE_WEBP};
#define FORMATS (sizeof formats / sizeof formats[0])
#define STANDARD_FORMATS 3 /* the first ones, which PS3.18 8.7.4 knows */

static size_t list_offers(bool is_multipart, DicomwebOffer offers[FORMATS])
{
    for (size_t i = 0; i < FORMATS; i++)
        offers[i] = (DicomwebOffer){.media_type = transcode_format_media_type(formats[i]),
                                    .is_multipart = is_multipart};
    return FORMATS;
}

/** WebP is for who takes nothing else: browsers name it in front of "image/" and a star, and a JPEG has truer greys. */
static const DicomwebOffer *choose_offer(PacsSlice accept, const DicomwebOffer offers[FORMATS])
{
    const DicomwebOffer *chosen = dicomweb_accept_choose(accept, offers, STANDARD_FORMATS);

    return chosen ? chosen : dicomweb_accept_choose(accept, offers, FORMATS);
}

/** False: the reply is a 406. A list of frames is parts; one frame may be one too, if the client says so. Thumbnails are
 *  for pages, which say what they like and show what comes: those are never refused. */
static bool choose_format(RenderedRequest *asked, PacsHttpReply *reply)
{
    DicomwebOffer offers[2 * FORMATS];
    const char *accept = dicomweb_accept_text(asked->request);
    const DicomwebOffer *chosen = NULL;

    pacs_http_reply_add_header(reply, "Vary", "Accept");
    (void)list_offers(false, offers);
    (void)list_offers(true, offers + FORMATS);
    if (accept && asked->frame_count == 1)
        chosen = choose_offer(pacs_slice(accept), offers);
    if (accept && !chosen)
        chosen = choose_offer(pacs_slice(accept), offers + FORMATS);
    if (!chosen && asked->is_thumbnail)
        chosen = offers;
    if (!chosen) {
        dicomweb_reply_not_acceptable(asked->request, reply,
                                      asked->frame_count > 1 ? offers + FORMATS : offers, FORMATS);
        return false;
    }
    asked->offer = *chosen;
    asked->wish.format = formats[(size_t)(chosen - offers) % FORMATS];
    asked->wish.is_animation = asked->wish.format == TRANSCODE_GIF && asked->is_fixed && !asked->frames &&
                               !asked->is_thumbnail;
    return true;
}

/* ---- What is asked for ---- */

static PacsStatus find_pictures(RenderedRequest *asked, PacsError *err)
{
    const PacsInstanceName name = {.path = &asked->path};
    PacsStatus status = PACS_OK;

    asked->pictures = pacs_arena_array(asked->arena, asked->frame_count, sizeof(PacsPicture *));
    if (!asked->pictures)
        return no_memory(err);
    for (size_t i = 0; status == PACS_OK && i < asked->frame_count; i++) {
        asked->wish.frame_number = asked->frames ? asked->frames[i] : 0;
        status = pacs_picture_find(asked->dicomweb->retrieve, &name, &asked->wish, asked->arena,
                                   &asked->pictures[i], err);
    }
    return status;
}

static PacsStatus take_fingerprint(RenderedRequest *asked, const char *root, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer form = PACS_BUFFER(4u << 20);

    if (asked->offer.is_multipart)
        (void)pacs_buffer_add_format(&form, "parts %s ", root);
    for (size_t i = 0; i < asked->frame_count; i++)
        (void)pacs_buffer_add_format(&form, "%s\n", asked->pictures[i]->key);
    const PacsStatus status = pacs_buffer_check(&form, err);
    return status == PACS_OK ? dicomweb_fingerprint(pacs_buffer_text(&form), NULL, 0, asked->fingerprint, err)
                             : status;
}

/* ---- Answers ---- */

/** *ret_later: the handler is to return, and is called again. */
static PacsStatus add_single(const RenderedRequest *asked, PacsHttpReply *reply, bool *ret_later,
                             PacsError *err)
{
    TranscodeResult *result = NULL;

    const PacsStatus status = dicomweb_find_picture(asked->dicomweb->retrieve, asked->pictures[0],
                                                    asked->request, reply, &result, err);
    *ret_later = status == PACS_OK && !result;
    if (!result)
        return status;
    pacs_http_reply_pieces(reply, asked->offer.media_type);
    dicomweb_add_result(reply, result);
    return PACS_OK;
}

static const char *locate(const RenderedRequest *asked, const char *root, size_t index)
{
    return pacs_arena_printf(asked->arena, "%s/studies/%s/series/%s/instances/%s/frames/%u/%s", root,
                             asked->path.study_uid, asked->path.series_uid, asked->path.sop_instance_uid,
                             asked->frames ? asked->frames[index] : 1,
                             asked->is_thumbnail ? "thumbnail" : "rendered");
}

static PacsStatus add_parts(const RenderedRequest *asked, const char *root, PacsHttpReply *reply,
                            bool *ret_later, PacsError *err)
{
    TranscodeResult **results = pacs_arena_array(asked->arena, asked->frame_count, sizeof(TranscodeResult *));
    PacsStatus status = PACS_OK;
    DicomwebMultipart parts;
    size_t count = 0;

    if (!results)
        return no_memory(err);
    for (; status == PACS_OK && count < asked->frame_count; count++) {
        status = dicomweb_find_picture(asked->dicomweb->retrieve, asked->pictures[count], asked->request,
                                       reply, &results[count], err);
        *ret_later = status == PACS_OK && !results[count];
        if (*ret_later || status != PACS_OK)
            break;
    }
    if (count < asked->frame_count) {
        while (count-- > 0)
            transcode_result_unref(results[count]);
        return status;
    }
    dicomweb_multipart_begin(&parts, asked->request, reply, &asked->offer, asked->fingerprint);
    for (size_t i = 0; i < count; i++) {
        dicomweb_multipart_part(&parts, asked->offer.media_type, locate(asked, root, i));
        dicomweb_add_result(reply, results[i]);
    }
    dicomweb_multipart_end(&parts);
    return PACS_OK;
}

static PacsStatus reply_pictures(RenderedRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    const char *root = dicomweb_public_path(&asked->dicomweb->options, asked->request);
    bool later = false;

    PacsStatus status = root ? find_pictures(asked, err) : no_memory(err);
    if (status == PACS_OK)
        status = take_fingerprint(asked, root, err);
    if (status != PACS_OK)
        return status;
    const bool is_unchanged = dicomweb_reply_unchanged(asked->request, reply, asked->fingerprint);
    if (asked->is_fixed)
        pacs_http_reply_header(reply, "Cache-Control", KEPT);
    if (is_unchanged)
        return PACS_OK;
    return asked->offer.is_multipart ? add_parts(asked, root, reply, &later, err)
                                     : add_single(asked, reply, &later, err);
}

/** What leaves as it is in the object, which only /rendered gives: its value's path; NULL for anything else. */
static const char *value_passed_through(const PacsStoredObject *object)
{
    static const char documents[] = "1.2.840.10008.5.1.4.1.1.104.";
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(object->transfer_syntax_uid));

    if (strncmp(object->sop_class_uid, documents, sizeof documents - 1) == 0)
        return DOCUMENT_VALUE;
    return syntax && syntax->flags & PACS_UID_VIDEO ? PIXEL_VALUE : NULL;
}

/** True where the reply is one, or will be. */
static bool pass_through(RenderedRequest *asked, PacsHttpReply *reply, PacsStatus *status, PacsError *err)
{
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};

    *status = pacs_index_find_object_at(asked->dicomweb->index, &asked->path, PACS_BLOB_FRAMES, asked->arena,
                                        &object, &blobs, err);
    if (*status == PACS_OK && dicomweb_is_report(object)) {
        *status = dicomweb_reply_report(asked->dicomweb, &asked->path, object, asked->is_fixed ? KEPT : NULL,
                                        asked->request, reply, err);
        return true;
    }
    const char *value = *status == PACS_OK ? value_passed_through(object) : NULL;
    if (!value)
        return false;
    if (!pacs_http_defer(asked->request, reply))
        dicomweb_reply_bulk_value(asked->dicomweb, &asked->path, value, asked->request, reply);
    return true;
}

static PacsStatus reply_rendered(RenderedRequest *asked, PacsLevel level, PacsHttpReply *reply,
                                 PacsError *err)
{
    const PacsUidPath path = dicomweb_path(asked->request, level);

    PacsStatus status = dicomweb_rendered_query(asked->request, asked->is_thumbnail, &asked->wish, err);
    if (status == PACS_OK)
        status = pacs_picture_representative(asked->dicomweb->retrieve, &path, asked->arena, &asked->path,
                                             err);
    if (status != PACS_OK)
        return status;
    if (!asked->is_thumbnail && !asked->frames && pass_through(asked, reply, &status, err))
        return status;
    if (status != PACS_OK || !choose_format(asked, reply))
        return status;
    return reply_pictures(asked, reply, err);
}

static void answer(RenderedRequest *asked, PacsLevel level, PacsHttpReply *reply)
{
    PacsError err = {0};

    asked->is_fixed = level == PACS_LEVEL_INSTANCE;
    const PacsStatus status = reply_rendered(asked, level, reply, &err);
    if (status == PACS_UNSUPPORTED)
        pacs_http_reply_error(asked->request, reply, 406, &err);
    else if (status != PACS_OK)
        dicomweb_reply_failure(asked->request, reply, &err);
}

/* ---- Handlers ---- */

static void reply_level(void *context, PacsLevel level, bool is_thumbnail, PacsHttpRequest *request,
                        PacsHttpReply *reply)
{
    RenderedRequest asked = {.dicomweb = context,
                             .request = request,
                             .arena = pacs_http_arena(request),
                             .is_thumbnail = is_thumbnail,
                             .frame_count = 1};

    answer(&asked, level, reply);
}

static void reply_frames(void *context, bool is_thumbnail, PacsHttpRequest *request, PacsHttpReply *reply)
{
    RenderedRequest asked = {.dicomweb = context,
                             .request = request,
                             .arena = pacs_http_arena(request),
                             .is_thumbnail = is_thumbnail};
    PacsError err = {0};

    if (dicomweb_frame_list_parse(pacs_http_capture(request, "frames"), asked.arena, &asked.frames,
                                  &asked.frame_count, &err) != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
    else
        answer(&asked, PACS_LEVEL_INSTANCE, reply);
}

void dicomweb_rendered_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_level(context, PACS_LEVEL_STUDY, false, request, reply);
}

void dicomweb_rendered_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_level(context, PACS_LEVEL_SERIES, false, request, reply);
}

void dicomweb_rendered_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_level(context, PACS_LEVEL_INSTANCE, false, request, reply);
}

void dicomweb_rendered_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_frames(context, false, request, reply);
}

void dicomweb_thumbnail_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_level(context, PACS_LEVEL_STUDY, true, request, reply);
}

void dicomweb_thumbnail_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_level(context, PACS_LEVEL_SERIES, true, request, reply);
}

void dicomweb_thumbnail_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_level(context, PACS_LEVEL_INSTANCE, true, request, reply);
}

void dicomweb_thumbnail_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_frames(context, true, request, reply);
}
