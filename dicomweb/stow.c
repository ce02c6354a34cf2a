#include "dicomweb/stow.h"

#include <stdlib.h>
#include <string.h>

#include "dicomweb/media_types.h"
#include "pacs/http/media_type.h"
#include "pacs/util/log.h"

/* STOW-RS (PS3.18 10.5). Each part of the body goes into ingest while it comes; what is done with one does not
 * touch the others. An instance is stored for good when its part has ended, whether the client hears of it or
 * not. */

typedef struct Stow {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    const char *study_uid;    /* of the path, NULL for any */
    const char *answer_type;  /* static */
    PacsMultipart *multipart; /* NULL: the body is one object */
    char part_type[128];      /* what a part is that does not say */

    PacsUpload *upload; /* of the part at hand */
    PacsError failure;  /* why the part at hand is passed over; status PACS_OK while all is well */
    PacsError broken;   /* why the body could not be read to its end */
    StowOutcomes outcomes;
} Stow;

static void stow_free(Stow *stow)
{
    if (!stow)
        return;
    pacs_upload_free(stow->upload);
    pacs_multipart_free(stow->multipart);
    stow_outcomes_clear(&stow->outcomes);
    free(stow);
}
PACS_DEFINE_AUTO(Stow, stow_free);

/* ---- One object ---- */

static PacsStatus begin_object(Stow *stow, const char *content_length, PacsError *err)
{
    PacsHttpRequest *request = stow->request;
    const PacsOrigin origin = {.door = PACS_ORIGIN_DICOMWEB,
                               .remote_ip = pacs_http_remote_address(request),
                               .http_user = pacs_http_user(request)};
    PacsUploadRequest upload = {.origin = &origin, .expected_study_uid = stow->study_uid};

    if (content_length &&
        pacs_parse_u64(pacs_slice(content_length), INT64_MAX, &upload.size_hint, NULL) != PACS_OK)
        upload.size_hint = 0; /* it is only a hint */
    PacsStatus status = stow_outcomes_room(&stow->outcomes, err);
    return status == PACS_OK ? pacs_ingest_begin(stow->dicomweb->ingest, &upload, &stow->upload, err)
                             : status;
}

static void warn_of_collision(const Stow *stow, const PacsIngested *ingested)
{
    if (ingested->added.uid_collision)
        PACS_LOG(PACS_LOG_WARNING, "dicomweb", "uid-collision",
                 PACS_F_TEXT("request_id", pacs_http_request_id(stow->request)),
                 PACS_F_TEXT("sop_instance_uid", ingested->sop_instance_uid));
}

/** The end of the part at hand: its outcome is noted, whichever it is. */
static void end_object(Stow *stow)
{
    PACS_AUTO(PacsUpload) upload = PACS_STEAL(stow->upload);
    PacsError failure = stow->failure;
    PacsIngested ingested;

    stow->failure = (PacsError){0};
    if (failure.status == PACS_OK && pacs_upload_finish(upload, &ingested, &failure) == PACS_OK) {
        stow_add_stored(&stow->outcomes, &ingested);
        warn_of_collision(stow, &ingested);
        return;
    }
    const PacsScanNames names = upload ? pacs_upload_names(upload) : (PacsScanNames){"", ""};
    stow_add_failed(&stow->outcomes, &names, &failure);
}

/* ---- Parts ---- */

static PacsStatus on_part_begin(void *context, const PacsMultipartPart *part, PacsError *err)
{
    Stow *stow = context;
    const char *content_type = pacs_multipart_header(part, "Content-Type");
    PacsSlice type = pacs_media_type_name(content_type ? content_type : stow->part_type);

    (void)err; /* what is wrong with a part is its own outcome */
    if (dicomweb_media_type_means(type, DICOMWEB_TYPE_DICOM))
        pacs_ignore(begin_object(stow, pacs_multipart_header(part, "Content-Length"), &stow->failure));
    else
        pacs_ignore(pacs_fail(&stow->failure, PACS_UNSUPPORTED, "a part is %.*s, not application/dicom",
                              (int)(type.size < 80 ? type.size : 80), type.text));
    return PACS_OK;
}

static PacsStatus on_part_data(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    Stow *stow = context;

    (void)err;
    if (stow->failure.status == PACS_OK)
        pacs_ignore(pacs_upload_feed(stow->upload, bytes, size, &stow->failure));
    return PACS_OK;
}

static PacsStatus on_part_end(void *context, PacsError *err)
{
    (void)err;
    end_object(context);
    return PACS_OK;
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
    if (status == PACS_OK && !dicomweb_media_type_means(pacs_slice(stow->part_type), DICOMWEB_TYPE_DICOM))
        return pacs_fail(err, PACS_UNSUPPORTED, "the parts of a store request are application/dicom");
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

    PacsStatus status = check_study(stow, err);
    if (status != PACS_OK)
        return status;
    if (pacs_slice_equal_case(type, "multipart/related"))
        return open_parts(stow, content_type, err);
    if (!dicomweb_media_type_means(type, DICOMWEB_TYPE_DICOM))
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "the Content-Type of a store request is multipart/related or application/dicom");
    pacs_ignore(begin_object(stow, pacs_http_header(stow->request, "Content-Length"), &stow->failure));
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
    PacsStatus status = open_body(stow, err);
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

    PacsStatus status = stow_new(dicomweb, request, study_uid, answer_type, &stow, &err);
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

    if (stow->failure.status == PACS_OK)
        stow->failure = stow->broken;
    if (!stow->multipart || stow->broken.status != PACS_OK)
        end_object(stow);
    else if (stow->outcomes.items.size == 0)
        pacs_ignore(pacs_fail(&stow->broken, PACS_INVALID, "the body has no parts"));
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
