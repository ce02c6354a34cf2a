#include "pacs/retrieve/frames.h"

#include <string.h>
#include <unistd.h>

#include "dicomweb/accept.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/multipart.h"
#include "dicomweb/url.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

/**
 * WADO-RS of frames (PS3.18 10.4.1.1.6): ".../instances/{instance}/frames/1,2,5".
 *
 * Native frames leave as explicit little endian, whatever they are stored in; encapsulated ones as they are stored.
 * One frame may leave alone, if the client says so; else they are parts, in the order of the list.
 */

/** Frames of more fragments are one stream: a piece for each would let an object of tiny fragments cost much. */
#define MAX_RANGES 16
#define MAX_OFFERS 4

/** Objects never change while they are stored. The hour is for one that was deleted, or replaced where the operator
 *  allows that; after it, If-None-Match saves the bytes. */
#define CACHE_CONTROL "private, max-age=3600"

typedef struct FramesRequest {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsArena *arena;
    PacsUidPath path;
    const PacsRetrievedImage *image;
    PacsRetrievedFrame *frames;
    size_t count;
    DicomwebOffer offer;
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
    int fd; /* -1: the store has no descriptors */
} FramesRequest;

/* ---- What is asked for ---- */

static PacsStatus parse_number(PacsSlice text, uint32_t *ret_number, PacsError *err)
{
    uint64_t number = 0;

    text = pacs_slice_trim(text);
    if (pacs_parse_u64(text, UINT32_MAX, &number, NULL) != PACS_OK || number == 0)
        return pacs_fail(err, PACS_INVALID, "'%.*s' is no frame number: they count from 1",
                         text.size < 32 ? (int)text.size : 32, text.text);
    *ret_number = (uint32_t)number;
    return PACS_OK;
}

static size_t count_commas(const char *list)
{
    size_t count = 0;

    for (; *list; list++)
        count += *list == ',';
    return count;
}

static PacsStatus parse_list(const char *list, PacsArena *arena, uint32_t **ret_numbers, size_t *ret_count,
                             PacsError *err)
{
    const size_t count = count_commas(list) + 1;
    PacsSlice rest = pacs_slice(list), part;
    PacsStatus status = PACS_OK;

    if (count > PACS_MAX_FRAME_LIST)
        return pacs_fail(err, PACS_INVALID, "%zu frames asked, at most %u are given at once", count,
                         PACS_MAX_FRAME_LIST);
    uint32_t *numbers = pacs_arena_array(arena, count, sizeof *numbers);
    if (!numbers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of frames");
    for (size_t i = 0; status == PACS_OK && pacs_slice_split(&rest, ',', &part); i++)
        status = parse_number(part, &numbers[i], err);
    if (status != PACS_OK)
        return status;
    *ret_numbers = numbers;
    *ret_count = count;
    return PACS_OK;
}

static PacsStatus find_frames(FramesRequest *asked, PacsError *err)
{
    uint32_t *numbers = NULL;
    PacsRetrievedImage *image = NULL;

    PacsStatus status = parse_list(pacs_http_capture(asked->request, "frames"), asked->arena, &numbers,
                                   &asked->count, err);
    if (status == PACS_OK)
        status = pacs_retrieve_image(asked->dicomweb->retrieve, &asked->path, asked->arena, &image, err);
    if (status != PACS_OK)
        return status;
    asked->image = image;
    asked->frames = pacs_arena_array(asked->arena, asked->count, sizeof *asked->frames);
    if (!asked->frames)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of frames");
    for (size_t i = 0; status == PACS_OK && i < asked->count; i++)
        status = pacs_retrieve_frame(image, numbers[i], &asked->frames[i], err);
    return status;
}

/* ---- What the client takes ---- */

static size_t list_offers(const FramesRequest *asked, DicomwebOffer offers[MAX_OFFERS])
{
    const char *stored = asked->image->object->transfer_syntax_uid;
    const char *syntax = asked->image->is_native ? PACS_UID_EXPLICIT_LITTLE : stored;
    const char *types[] = {dicomweb_pixel_media_type(syntax), DICOMWEB_TYPE_BYTES};
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(syntax));
    const bool is_lossy = entry && entry->flags & PACS_UID_LOSSY;
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) {
        if (i > 0 && strcmp(types[i], types[0]) == 0)
            break;
        /* Of its own type a frame is taken in the syntax it has, for want of another; bytes mean native pixels
         * unless a syntax is named (PS3.18 8.7.3). */
        const bool is_default = i == 0 && (!asked->dicomweb->options.strict || is_lossy);
        offers[count++] = (DicomwebOffer){types[i], syntax, true, is_default};
        if (asked->count == 1)
            offers[count++] = (DicomwebOffer){types[i], syntax, false, is_default};
    }
    return count;
}

/* ---- The answer ---- */

static void close_fd(void *thing)
{
    (void)close((int)(intptr_t)thing); /* only read from */
}

static PacsStatus open_frame(void *context, const void *item, uint64_t offset, uint64_t size,
                             PacsHttpOpened *ret_opened, PacsError *err)
{
    (void)size; /* a frame is always read to its end or given up */
    ret_opened->fd = -1;
    return pacs_retrieve_frame_open(context, item, offset, &ret_opened->source, err);
}

static PacsStatus add_ranges(const PacsRetrievedFrame *frame, int fd, PacsHttpReply *reply, PacsError *err)
{
    PacsStatus status = PACS_OK;
    PacsRange range;

    for (uint32_t i = 0; status == PACS_OK && i < frame->stored.run_count; i++) {
        status = pacs_retrieve_frame_run(frame, i, &range, err);
        if (status == PACS_OK)
            pacs_http_reply_piece_fd(reply, fd, range.offset, range.size);
    }
    return status;
}

static PacsStatus add_frame(const FramesRequest *asked, const PacsRetrievedFrame *frame, PacsHttpReply *reply,
                            PacsError *err)
{
    if (asked->fd >= 0 && frame->is_ranges && frame->stored.run_count <= MAX_RANGES)
        return add_ranges(frame, asked->fd, reply, err);
    PacsHttpOpener *opener = pacs_arena_alloc(asked->arena, sizeof *opener);
    if (!opener)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    *opener = (PacsHttpOpener){.open = open_frame, .context = asked->dicomweb->retrieve};
    pacs_http_reply_piece_opened(reply, opener, frame, frame->size_bytes);
    return PACS_OK;
}

static PacsStatus add_parts(const FramesRequest *asked, const char *root, PacsHttpReply *reply,
                            PacsError *err)
{
    const DicomwebOffer part = {.media_type = asked->offer.media_type,
                                .transfer_syntax_uid = asked->offer.transfer_syntax_uid};
    const char *type = dicomweb_content_type(&part, NULL, asked->arena);
    PacsStatus status = PACS_OK;
    DicomwebMultipart parts;

    dicomweb_multipart_begin(&parts, asked->request, reply, &asked->offer, asked->fingerprint);
    for (size_t i = 0; status == PACS_OK && i < asked->count; i++) {
        dicomweb_multipart_part(
            &parts, type,
            pacs_arena_printf(asked->arena, "%s/studies/%s/series/%s/instances/%s/frames/%u", root,
                              asked->path.study_uid, asked->path.series_uid, asked->path.sop_instance_uid,
                              asked->frames[i].frame_number));
        status = add_frame(asked, &asked->frames[i], reply, err);
    }
    dicomweb_multipart_end(&parts);
    return status;
}

static PacsStatus add_single(const FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    pacs_http_reply_pieces(reply, dicomweb_content_type(&asked->offer, NULL, asked->arena));
    return add_frame(asked, &asked->frames[0], reply, err);
}

/* False: it has to be put together. */
static bool recall_body(const FramesRequest *asked, PacsHttpReply *reply)
{
    const char *boundary = asked->offer.is_multipart ? asked->fingerprint : NULL;
    const char *type = dicomweb_content_type(&asked->offer, boundary, asked->arena);

    return type && pacs_http_reply_recall(reply, type, asked->fingerprint);
}

static PacsStatus add_body(FramesRequest *asked, const char *root, PacsHttpReply *reply, PacsError *err)
{
    PacsStatus status = pacs_retrieve_image_fd(asked->dicomweb->retrieve, asked->image, &asked->fd, err);

    if (status != PACS_OK && status != PACS_UNSUPPORTED)
        return status;
    status = asked->offer.is_multipart ? add_parts(asked, root, reply, err) : add_single(asked, reply, err);
    pacs_http_reply_remember(reply, asked->fingerprint);
    if (asked->fd >= 0) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): a descriptor on its way through a context */
        pacs_http_reply_keep(reply, (void *)(intptr_t)asked->fd, close_fd);
    }
    return status;
}

/* Of the object, the list as it was asked for, and what else shapes the bytes. */
static PacsStatus take_fingerprint(FramesRequest *asked, const char *root, PacsError *err)
{
    const DicomwebOffer *offer = &asked->offer;
    const char *form = pacs_arena_printf(
        asked->arena, "frames %s %s %s %s %s", pacs_http_capture(asked->request, "frames"), offer->media_type,
        offer->transfer_syntax_uid, offer->is_multipart ? "parts" : "single", root);
    PacsListedObject object = {0};

    if (!form)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    memcpy(object.sha256, asked->image->object->sha256, sizeof object.sha256);
    return dicomweb_fingerprint(form, &object, 1, asked->fingerprint, err);
}

static PacsStatus reply_frames(FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    DicomwebOffer offers[MAX_OFFERS];
    const char *root = dicomweb_public_path(&asked->dicomweb->options, asked->request);

    PacsStatus status = find_frames(asked, err);
    if (status == PACS_OK && !root)
        status = pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    if (status != PACS_OK)
        return status;
    const DicomwebOffer *chosen = dicomweb_negotiate(asked->request, reply, offers,
                                                     list_offers(asked, offers));
    if (!chosen)
        return PACS_OK; /* the reply says so */
    asked->offer = *chosen;
    status = take_fingerprint(asked, root, err);
    if (status != PACS_OK)
        return status;
    if (dicomweb_reply_unchanged(asked->request, reply, asked->fingerprint)) {
        pacs_http_reply_header(reply, "Cache-Control", CACHE_CONTROL);
        return PACS_OK;
    }
    if (!recall_body(asked, reply))
        status = add_body(asked, root, reply, err);
    if (status == PACS_OK)
        pacs_http_reply_header(reply, "Cache-Control", CACHE_CONTROL);
    return status;
}

void dicomweb_retrieve_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    FramesRequest asked = {.dicomweb = context,
                           .request = request,
                           .arena = pacs_http_arena(request),
                           .path = dicomweb_path(request, PACS_LEVEL_INSTANCE),
                           .fd = -1};
    PacsError err = {0};

    if (reply_frames(&asked, reply, &err) != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
}
