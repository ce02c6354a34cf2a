#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicomweb/frames_private.h"
#include "dicomweb/multipart.h"

/**
 * Frames that leave in another form than they are stored in. What is kept already leaves as quickly as a stored frame;
 * the rest is made on a worker thread. A few frames are made before the answer begins, so that it has a length, and a
 * status; of a long list the first one.
 */

#define HELD_FRAMES 8          /* of one answer: descriptors or memory until it has been sent */
#define HELD_BYTES (32u << 20) /* the same, of memory */

/* ---- Finding and making ---- */

static bool has_gone(void *context)
{
    return pacs_http_cancelled(context);
}

/* Browsers say so (Fetch, "Sec-Purpose"; some, and viewers by hand, "Purpose"). */
static TranscodePriority priority_of(const PacsHttpRequest *request)
{
    const char *purpose = pacs_http_header(request, "Sec-Purpose");

    if (!purpose)
        purpose = pacs_http_header(request, "Purpose");
    return purpose && strstr(purpose, "prefetch") ? TRANSCODE_PREFETCH : TRANSCODE_INTERACTIVE;
}

static PacsFrameConversion conversion_of(const FramesRequest *asked, size_t index)
{
    return (PacsFrameConversion){.image = asked->image,
                                 .frame_number = asked->frames[index].frame_number,
                                 .target = {.transfer_syntax_uid = asked->offer.transfer_syntax_uid},
                                 .priority = priority_of(asked->request),
                                 .is_cancelled = has_gone,
                                 .cancel_context = asked->request};
}

static bool find_all(FramesRequest *asked)
{
    bool is_all = true;

    dicomweb_drop_converted_frames(asked); /* of another transfer syntax */
    if (asked->count > HELD_FRAMES)
        return false;
    if (!asked->results)
        asked->results = pacs_arena_array(asked->arena, asked->count, sizeof(TranscodeResult *));
    for (size_t i = 0; asked->results && is_all && i < asked->count; i++) {
        const PacsFrameConversion conversion = conversion_of(asked, i);
        asked->results[i] = pacs_retrieve_find_converted(asked->dicomweb->retrieve, &conversion);
        is_all = asked->results[i] != NULL;
    }
    return asked->results && is_all;
}

void dicomweb_drop_converted_frames(FramesRequest *asked)
{
    for (size_t i = 0; asked->results && i < asked->count; i++)
        transcode_result_unref(PACS_STEAL(asked->results[i]));
}

/* Broken pixels, or too many: this form cannot be had, others may (406). */
static PacsStatus make(const FramesRequest *asked, size_t index, TranscodeResult **ret_result, PacsError *err)
{
    const PacsFrameConversion conversion = conversion_of(asked, index);

    PacsStatus status = pacs_retrieve_convert(asked->dicomweb->retrieve, &conversion, ret_result, err);
    if (status != PACS_INVALID && status != PACS_TOO_LARGE && status != PACS_UNSUPPORTED)
        return status;
    if (err)
        err->status = PACS_UNSUPPORTED;
    return pacs_fail_context(err, PACS_UNSUPPORTED,
                             "frame %u cannot be converted: ", conversion.frame_number);
}

/* *ret_all false: more than should be held. */
static PacsStatus make_held(FramesRequest *asked, bool *ret_all, PacsError *err)
{
    PacsStatus status = PACS_OK;
    uint64_t held = 0;
    size_t i = 0;

    for (; status == PACS_OK && i < asked->count && held <= HELD_BYTES; i++) {
        if (!asked->results[i])
            status = make(asked, i, &asked->results[i], err);
        if (status == PACS_OK && transcode_result_bytes(asked->results[i]))
            held += transcode_result_size(asked->results[i]);
    }
    *ret_all = i == asked->count;
    return status;
}

/* ---- An answer with a length ---- */

static void release(void *thing)
{
    transcode_result_unref(thing);
}

static void add_result(FramesRequest *asked, size_t index, PacsHttpReply *reply)
{
    TranscodeResult *result = PACS_STEAL(asked->results[index]);
    const uint8_t *bytes = transcode_result_bytes(result);
    const uint64_t size = transcode_result_size(result);

    if (bytes)
        pacs_http_reply_piece_bytes(reply, bytes, size);
    else
        pacs_http_reply_piece_fd(reply, transcode_result_fd(result), 0, size);
    pacs_http_reply_keep(reply, result, release);
}

static void reply_held(FramesRequest *asked, PacsHttpReply *reply)
{
    DicomwebMultipart parts;

    if (!asked->offer.is_multipart) {
        pacs_http_reply_pieces(reply, dicomweb_frame_type(asked));
        add_result(asked, 0, reply);
        return;
    }
    const char *type = dicomweb_frame_type(asked);
    dicomweb_multipart_begin(&parts, asked->request, reply, &asked->offer, asked->fingerprint);
    for (size_t i = 0; i < asked->count; i++) {
        dicomweb_multipart_part(&parts, type, dicomweb_frame_location(asked, i));
        add_result(asked, i, reply);
    }
    dicomweb_multipart_end(&parts);
}

/* ---- An answer that is made while it is sent ---- */

typedef struct PartsSource {
    PacsSource base;
    FramesRequest asked; /* its arena outlives the source */
    const char *type;
    size_t next;      /* part to begin */
    const char *text; /* a head, or the end, that is going out */
    size_t text_left;
    TranscodeResult *result; /* behind it */
    uint64_t offset;
    bool is_ended;
} PartsSource;

static PacsStatus begin_text(PartsSource *source, const char *text, PacsError *err)
{
    if (!text)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    source->text = text;
    source->text_left = strlen(text);
    return PACS_OK;
}

static PacsStatus begin_part(PartsSource *source, PacsError *err)
{
    const FramesRequest *asked = &source->asked;
    const size_t i = source->next++;

    transcode_result_unref(PACS_STEAL(source->result));
    source->offset = 0;
    if (i == asked->count) {
        source->is_ended = true;
        return begin_text(source, dicomweb_multipart_tail(asked->arena, asked->fingerprint), err);
    }
    PacsStatus status = make(asked, i, &source->result, err);
    if (status != PACS_OK)
        return status;
    return begin_text(source,
                      dicomweb_multipart_head(asked->arena, asked->fingerprint, i == 0, source->type,
                                              dicomweb_frame_location(asked, i)),
                      err);
}

static PacsStatus read_result(PartsSource *source, uint8_t *bytes, size_t size, size_t *ret_size,
                              PacsError *err)
{
    const uint8_t *held = transcode_result_bytes(source->result);
    const uint64_t left = transcode_result_size(source->result) - source->offset;

    if (size > left)
        size = (size_t)left;
    if (held) {
        memcpy(bytes, held + source->offset, size);
    } else {
        const ssize_t got = pread(transcode_result_fd(source->result), bytes, size, (off_t)source->offset);
        if (got <= 0)
            return pacs_fail(err, PACS_CORRUPT, "a converted frame ends early");
        size = (size_t)got;
    }
    source->offset += size;
    *ret_size = size;
    return PACS_OK;
}

static PacsStatus parts_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    PartsSource *source = (PartsSource *)self;
    PacsStatus status = PACS_OK;

    if (source->text_left == 0 && !source->is_ended &&
        (!source->result || source->offset == transcode_result_size(source->result)))
        status = begin_part(source, err);
    if (status != PACS_OK)
        return status;
    if (source->text_left == 0 && source->result)
        return read_result(source, bytes, size, ret_size, err);
    if (size > source->text_left)
        size = source->text_left;
    memcpy(bytes, source->text, size);
    source->text += size;
    source->text_left -= size;
    *ret_size = size;
    return PACS_OK;
}

static void parts_free(PacsSource *self)
{
    PartsSource *source = (PartsSource *)self;

    transcode_result_unref(source->result);
    free(source);
}

static PacsStatus reply_stream(FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    static const PacsSourceOps ops = {.read = parts_read, .free = parts_free};
    const char *content_type = dicomweb_content_type(&asked->offer, asked->fingerprint, asked->arena);
    PACS_AUTO(PacsSource) base = NULL;

    PartsSource *source = calloc(1, sizeof *source);
    if (!source)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    *source = (PartsSource){.base.ops = &ops, .asked = *asked, .type = dicomweb_frame_type(asked)};
    source->asked.results = NULL;
    base = &source->base;
    if (!content_type || !source->type)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    PacsStatus status = begin_part(source, err); /* the first one tells whether there is an answer */
    if (status == PACS_OK)
        pacs_http_reply_slow_source(reply, content_type, PACS_STEAL(base), PACS_HTTP_UNKNOWN_SIZE);
    return status;
}

static PacsStatus reply_made(FramesRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    bool is_all = false;

    PacsStatus status = asked->results ? make_held(asked, &is_all, err) : PACS_OK;
    if (status != PACS_OK)
        return status;
    if (!is_all)
        return reply_stream(asked, reply, err);
    reply_held(asked, reply);
    pacs_http_reply_remember(reply, asked->fingerprint);
    return PACS_OK;
}

/* What is impossible is struck off, so that the next best is chosen. */
static PacsStatus check_possible(FramesRequest *asked, bool *ret_impossible, PacsError *err)
{
    const TranscodeTarget target = {.transfer_syntax_uid = asked->offer.transfer_syntax_uid};
    TranscodeLayout layout;

    PacsStatus status = pacs_retrieve_conversion_layout(asked->dicomweb->retrieve, asked->image, &target,
                                                        &layout, err);
    if (status != PACS_UNSUPPORTED && status != PACS_INVALID && status != PACS_TOO_LARGE)
        return status;
    asked->impossible[asked->impossible_count++] = asked->offer.transfer_syntax_uid;
    *ret_impossible = true;
    return PACS_OK;
}

PacsStatus dicomweb_reply_converted_frames(FramesRequest *asked, PacsHttpReply *reply, bool *ret_impossible,
                                           PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (!find_all(asked)) {
        if (pacs_http_defer(asked->request, reply))
            return PACS_OK;
        status = check_possible(asked, ret_impossible, err);
        if (status != PACS_OK || *ret_impossible)
            return status;
    }
    status = reply_made(asked, reply, err);
    if (status != PACS_UNSUPPORTED)
        return status;
    pacs_http_reply_error(asked->request, reply, 406, err);
    return PACS_OK;
}
