#include "dicomweb/stow.h"

#include <inttypes.h>
#include <stdlib.h>

#include "dicomweb/media_types.h"
#include "pacs/dicom/dataset_xml.h"
#include "pacs/http/media_type.h"
#include "pacs/util/json_items.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

/* STOW-RS (PS3.18 10.5). Each part of the body goes into ingest while it comes; what is done with one does not
 * touch the others. An instance is stored for good when its part has ended, whether the client hears of it or
 * not. */

PacsStatus stow_account(Stow *stow, PacsError *err)
{
    const StowJoin *join = stow->join;
    uint64_t held = sizeof *stow + stow->outcomes.items.capacity;

    if (join)
        held += sizeof *join + STOW_COPY_SIZE + join->arena_bytes + pacs_dataset_writer_held(join->writer);
    if (join && join->json)
        held += pacs_json_items_held(join->json);
    if (join && join->xml)
        held += pacs_dataset_xml_held(join->xml);
    uint64_t more = held - stow->held; /* less: it wraps, and so does the sum, to what is meant */
    uint64_t all = atomic_fetch_add_explicit(&stow->dicomweb->stow_held, more, memory_order_relaxed) + more;
    stow->held = held;
    if (all > PACS_MAX_STOW_HELD)
        return pacs_fail(err, PACS_UNAVAILABLE, "store requests keep more than %u bytes in memory",
                         PACS_MAX_STOW_HELD);
    return PACS_OK;
}

static void stow_free(Stow *stow)
{
    if (!stow)
        return;
    atomic_fetch_sub_explicit(&stow->dicomweb->stow_held, stow->held, memory_order_relaxed);
    pacs_upload_free(stow->upload);
    stow_join_free(stow->join);
    pacs_multipart_free(stow->multipart);
    stow_outcomes_clear(&stow->outcomes);
    free(stow);
}
PACS_DEFINE_AUTO(Stow, stow_free);

/* ---- Parts ---- */

static const struct {
    const char *media_type;
    const StowPartKind *kind;
} kinds[] = {
    {DICOMWEB_TYPE_DICOM, &stow_object_part},
    {DICOMWEB_TYPE_JSON, &stow_json_metadata_part},
    {DICOMWEB_TYPE_XML, &stow_xml_metadata_part},
};

/** NULL: a media type that is no object and no metadata. */
static const StowPartKind *kind_of(PacsSlice type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (dicomweb_media_type_means(type, kinds[i].media_type))
            return kinds[i].kind;
    }
    return NULL;
}

static bool brings_metadata(const Stow *stow)
{
    return stow->join || kind_of(pacs_slice(stow->part_type)) != &stow_object_part;
}

/** Of a part that does not say: the first is what the request says, bulk data follow metadata. */
static const char *type_of(const Stow *stow, const char *content_type)
{
    if (content_type)
        return content_type;
    return stow->join ? DICOMWEB_TYPE_BYTES : stow->part_type;
}

static void begin_part(Stow *stow, const StowPartKind *kind, const PacsMultipartPart *part,
                       const char *content_type)
{
    stow->part = kind;
    stow->failure = (PacsError){0};
    PacsStatus status = kind->begin(stow, part, content_type, &stow->failure);
    stow->failure.status = status; /* a failure may come without words */
}

static PacsStatus refuse_type(Stow *stow, const PacsMultipartPart *part, const char *content_type,
                              PacsError *err)
{
    PacsSlice type = pacs_media_type_name(content_type);

    (void)stow;
    return pacs_fail(err, PACS_UNSUPPORTED, "part %" PRIu64 " is %.*s, not application/dicom", part->number,
                     (int)(type.size < 80 ? type.size : 80), type.text);
}

static PacsStatus pass_over(Stow *stow, const uint8_t *bytes, size_t size, PacsError *err)
{
    (void)stow;
    (void)bytes;
    (void)size;
    (void)err;
    return PACS_OK;
}

static void note_failure(Stow *stow, const PacsError *failure)
{
    if (failure)
        stow_add_failed(&stow->outcomes, NULL, failure);
}

static const StowPartKind unknown_part = {.begin = refuse_type, .data = pass_over, .end = note_failure};

/* What is wrong with a part is its own outcome; only too little memory ends the request. */

static PacsStatus on_part_begin(void *context, const PacsMultipartPart *part, PacsError *err)
{
    Stow *stow = context;
    const char *content_type = type_of(stow, pacs_multipart_header(part, "Content-Type"));
    const StowPartKind *kind = kind_of(pacs_media_type_name(content_type));

    (void)err;
    if (!kind)
        kind = brings_metadata(stow) ? &stow_bulk_part : &unknown_part;
    if (kind != &stow_bulk_part)
        stow_bulk_settle(stow);
    begin_part(stow, kind, part, content_type);
    return PACS_OK;
}

static PacsStatus on_part_data(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    Stow *stow = context;

    (void)err;
    if (stow->failure.status == PACS_OK) {
        PacsStatus status = stow->part->data(stow, bytes, size, &stow->failure);
        stow->failure.status = status;
    }
    return PACS_OK;
}

static PacsStatus on_part_end(void *context, PacsError *err)
{
    Stow *stow = context;
    const PacsError failure = stow->failure;
    const StowPartKind *kind = PACS_STEAL(stow->part);

    stow->failure = (PacsError){0};
    kind->end(stow, failure.status == PACS_OK ? NULL : &failure);
    return stow_account(stow, err);
}

static const PacsMultipartHandler parts = {
    .part_begin = on_part_begin, .part_data = on_part_data, .part_end = on_part_end};

/* ---- The body ---- */

static PacsStatus check_study(const Stow *stow, PacsError *err)
{
    if (stow->study_uid && !pacs_uid_acceptable(pacs_slice(stow->study_uid)))
        return pacs_fail(err, PACS_INVALID, "the study of the path is no UID");
    return PACS_OK;
}

static PacsStatus open_parts(Stow *stow, const char *content_type, PacsError *err)
{
    char boundary[PACS_MULTIPART_BOUNDARY_MAX + 1];

    PacsStatus status = pacs_media_type_parameter(content_type, "type", stow->part_type,
                                                  sizeof stow->part_type, err);
    if (status == PACS_NOT_FOUND) /* old clients: then the parts have to say what they are, or are objects */
        status = pacs_text_copy(stow->part_type, sizeof stow->part_type, DICOMWEB_TYPE_DICOM) ? PACS_OK
                                                                                              : PACS_INTERNAL;
    if (status == PACS_OK && !kind_of(pacs_slice(stow->part_type)))
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "the parts of a store request are application/dicom, or begin with metadata: "
                         "application/dicom+json or application/dicom+xml");
    if (status == PACS_OK)
        status = pacs_media_type_parameter(content_type, "boundary", boundary, sizeof boundary, err);
    if (status == PACS_OK)
        status = pacs_multipart_new(boundary, &parts, stow, &stow->multipart, err);
    /* All of these are faults of the header, whatever they are below. */
    return status == PACS_OK || status == PACS_NO_MEMORY ? status : PACS_INVALID;
}

static PacsStatus open_body(Stow *stow, PacsError *err)
{
    const char *content_type = pacs_http_header(stow->request, "Content-Type");
    PacsSlice type = pacs_media_type_name(content_type);
    const StowPartKind *kind = kind_of(type);

    PacsStatus status = check_study(stow, err);
    if (status != PACS_OK)
        return status;
    if (pacs_slice_equal_case(type, "multipart/related"))
        return open_parts(stow, content_type, err);
    if (!kind)
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "the Content-Type of a store request is multipart/related or application/dicom");
    begin_part(stow, kind, NULL, content_type);
    return PACS_OK;
}

static PacsStatus stow_new(Dicomweb *dicomweb, PacsHttpRequest *request, const char *study_uid,
                           const char *answer_type, Stow **ret_stow, PacsError *err)
{
    PACS_AUTO(Stow) stow = calloc(1, sizeof *stow);
    if (!stow)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a store request");

    stow->dicomweb = dicomweb;
    stow->request = request;
    stow->study_uid = study_uid;
    stow->answer_type = answer_type;
    stow_outcomes_init(&stow->outcomes);
    PacsStatus status = pacs_trace_continue(pacs_http_header(request, "traceparent"), stow->traceparent, err);
    if (status == PACS_OK)
        status = open_body(stow, err);
    if (status == PACS_OK)
        *ret_stow = PACS_STEAL(stow);
    return status;
}

static bool begin(Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply, const char *study_uid,
                  void **ret_state)
{
    PacsError err = {0};
    Stow *stow = NULL;
    const char *answer_type = stow_choose_answer(dicomweb, request, reply);
    if (!answer_type)
        return false;

    PacsStatus status = pacs_ingest_admit(dicomweb->ingest, &err);
    if (status == PACS_OK)
        status = stow_new(dicomweb, request, study_uid, answer_type, &stow, &err);
    err.status = status;
    if (status != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
    *ret_state = stow;
    return status == PACS_OK;
}

static bool begin_any(void *context, PacsHttpRequest *request, PacsHttpReply *reply, void **ret_state)
{
    return begin(context, request, reply, NULL, ret_state);
}

static bool begin_in_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply, void **ret_state)
{
    return begin(context, request, reply, pacs_http_capture(request, "study"), ret_state);
}

static PacsStatus feed(void *state, const uint8_t *bytes, size_t size, PacsError *err)
{
    Stow *stow = state;

    if (stow->multipart)
        return pacs_multipart_feed(stow->multipart, bytes, size, err);
    return on_part_data(stow, bytes, size, err);
}

/** The body has ended, or was broken off by `error`: what it leaves unfinished has failed. */
static void end_body(Stow *stow, const PacsError *error)
{
    if (error)
        stow->broken = *error;
    else if (stow->multipart)
        pacs_ignore(pacs_multipart_finish(stow->multipart, &stow->broken));

    if (stow->part) { /* the only one, or one that is cut off */
        if (stow->failure.status == PACS_OK)
            stow->failure = stow->broken;
        pacs_ignore(on_part_end(stow, NULL));
    } else if (stow->broken.status != PACS_OK) {
        stow_add_failed(&stow->outcomes, NULL, &stow->broken);
    }
    stow_join_finish(stow);
    if (stow->outcomes.items.size == 0)
        pacs_ignore(pacs_fail(&stow->broken, PACS_INVALID, "the body has no objects"));
}

static void log_failures(const Stow *stow)
{
    const StowOutcomes *outcomes = &stow->outcomes;

    if (outcomes->failed > 0)
        PACS_LOG(PACS_LOG_WARNING, "dicomweb", "store-refused",
                 PACS_F_TEXT("request_id", pacs_http_request_id(stow->request)),
                 PACS_F_U64("stored", outcomes->stored), PACS_F_U64("failed", outcomes->failed),
                 PACS_F_TEXT("status", pacs_status_name(outcomes->first_failure.status)),
                 PACS_F_TEXT("reason", outcomes->first_failure.text));
}

static void finish(void *context, PacsHttpRequest *request, void *state, const PacsError *error,
                   PacsHttpReply *reply)
{
    PACS_AUTO(Stow) stow = state;

    end_body(stow, error);
    log_failures(stow);
    if (stow->broken.status != PACS_OK && stow->outcomes.stored == 0)
        dicomweb_reply_failure(request, reply, &stow->broken);
    else
        stow_reply(context, request, reply, &stow->outcomes, stow->answer_type);
}

static void abort_body(void *state)
{
    stow_free(state);
}

const PacsHttpBodyReader dicomweb_stow_reader = {
    .begin = begin_any, .feed = feed, .finish = finish, .abort = abort_body};
const PacsHttpBodyReader dicomweb_stow_study_reader = {
    .begin = begin_in_study, .feed = feed, .finish = finish, .abort = abort_body};
