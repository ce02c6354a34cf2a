#include <string.h>
#include <unistd.h>

#include "dicomweb/frame_list.h"
#include "dicomweb/frames_private.h"
#include "dicomweb/multipart.h"
#include "dicomweb/url.h"
#include "pacs/util/limits.h"

/**
 * WADO-RS of frames (PS3.18 10.4.1.1.6): ".../instances/{instance}/frames/1,2,5".
 *
 * One frame may leave alone, if the client says so; else they are parts, in the order of the list. What can leave as it
 * is stored does so here; frames_choice.c decides, frames_converted.c has the others.
 */

/** Frames of more fragments are one stream: a piece for each would let an object of tiny fragments cost much. */
#define MAX_RANGES 16

/** Objects never change while they are stored. The hour is for one that was deleted, or replaced where the operator
 *  allows that; after it, If-None-Match saves the bytes. */
#define CACHE_CONTROL "private, max-age=3600"

/* ---- What is asked for ---- */

static PacsStatus find_frames(FramesRequest *asked, PacsError *err)
{
    uint32_t *numbers = NULL;
    PacsRetrievedImage *image = NULL;

    PacsStatus status = dicomweb_frame_list_parse(pacs_http_capture(asked->request, "frames"), asked->arena,
                                                  &numbers, &asked->count, err);
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

const char *dicomweb_frame_type(const FramesRequest *asked)
{
    const DicomwebOffer part = {.media_type = asked->offer.media_type,
                                .transfer_syntax_uid = asked->offer.transfer_syntax_uid};

    return dicomweb_content_type(&part, NULL, asked->arena);
}

const char *dicomweb_frame_location(const FramesRequest *asked, size_t index)
{
    return pacs_arena_printf(asked->arena, "%s/studies/%s/series/%s/instances/%s/frames/%u", asked->root,
                             asked->path.study_uid, asked->path.series_uid, asked->path.sop_instance_uid,
                             asked->frames[index].frame_number);
}

static PacsStatus add_parts(const FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    const char *type = dicomweb_frame_type(asked);
    PacsStatus status = PACS_OK;
    DicomwebMultipart parts;

    dicomweb_multipart_begin(&parts, asked->request, reply, &asked->offer, asked->fingerprint);
    for (size_t i = 0; status == PACS_OK && i < asked->count; i++) {
        dicomweb_multipart_part(&parts, type, dicomweb_frame_location(asked, i));
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

static PacsStatus add_body(FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    PacsStatus status = pacs_retrieve_image_fd(asked->dicomweb->retrieve, asked->image, &asked->fd, err);

    if (status != PACS_OK && status != PACS_UNSUPPORTED)
        return status;
    status = asked->offer.is_multipart ? add_parts(asked, reply, err) : add_single(asked, reply, err);
    pacs_http_reply_remember(reply, asked->fingerprint);
    if (asked->fd >= 0) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): a descriptor on its way through a context */
        pacs_http_reply_keep(reply, (void *)(intptr_t)asked->fd, close_fd);
    }
    return status;
}

/* Of the object, the list as it was asked for, and what else shapes the bytes. */
static PacsStatus take_fingerprint(FramesRequest *asked, PacsError *err)
{
    const DicomwebOffer *offer = &asked->offer;
    const char *form = pacs_arena_printf(
        asked->arena, "frames %s %s %s %s %s%s", pacs_http_capture(asked->request, "frames"),
        offer->media_type, offer->transfer_syntax_uid, offer->is_multipart ? "parts" : "single", asked->root,
        offer->is_stored ? "" : " made by " PACS_CONVERSION_VERSION);
    PacsListedObject object = {0};

    if (!form)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    memcpy(object.sha256, asked->image->object->sha256, sizeof object.sha256);
    return dicomweb_fingerprint(form, &object, 1, asked->fingerprint, err);
}

/* In the form that was chosen. *ret_again: it turned out to be impossible, and another one is to be chosen. */
static PacsStatus reply_chosen(FramesRequest *asked, PacsHttpReply *reply, bool *ret_again, PacsError *err)
{
    PacsStatus status = take_fingerprint(asked, err);

    *ret_again = false;
    if (status != PACS_OK)
        return status;
    if (dicomweb_reply_unchanged(asked->request, reply, asked->fingerprint) || recall_body(asked, reply))
        return PACS_OK;
    return asked->offer.is_stored ? add_body(asked, reply, err)
                                  : dicomweb_reply_converted_frames(asked, reply, ret_again, err);
}

static PacsStatus reply_frames(FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    bool is_again = true;

    PacsStatus status = find_frames(asked, err);
    if (status == PACS_OK && !asked->root)
        status = pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    while (status == PACS_OK && is_again) {
        bool is_chosen = false;
        status = dicomweb_choose_frames(asked, reply, &is_chosen, err);
        if (status != PACS_OK || !is_chosen)
            return status;
        status = reply_chosen(asked, reply, &is_again, err);
    }
    if (status == PACS_OK && pacs_http_reply_get_code(reply) < 400)
        pacs_http_reply_header(reply, "Cache-Control", CACHE_CONTROL);
    return status;
}

void dicomweb_retrieve_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    Dicomweb *dicomweb = context;
    FramesRequest asked = {.dicomweb = dicomweb,
                           .request = request,
                           .arena = pacs_http_arena(request),
                           .path = dicomweb_path(request, PACS_LEVEL_INSTANCE),
                           .root = dicomweb_public_path(&dicomweb->options, request),
                           .fd = -1};
    PacsError err = {0};

    if (reply_frames(&asked, reply, &err) != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
    dicomweb_drop_converted_frames(&asked);
}
