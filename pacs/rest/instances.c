#include <stdio.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/rest/rest_private.h"
#include "pacs/retrieve/converted_object.h"
#include "pacs/util/hash.h"
#include "pacs/util/log.h"
#include "pacs/util/trace.h"

#define FILENAME_LIMIT 255

/* ---- POST /instances: the body goes into ingest as it comes ---- */

/** A refusal of bytes is, in Orthanc's words, a bad file format; anything else speaks for itself. */
static void reply_to_refusal(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                             const PacsError *err)
{
    if (err->status == PACS_INVALID || err->status == PACS_UNSUPPORTED)
        rest_reply_error(rest, request, reply, REST_BAD_FILE_FORMAT, 400, err->text);
    else
        rest_reply_failure(rest, request, reply, err);
}

static void log_upload(PacsHttpRequest *request, const PacsIngested *ingested, const PacsError *err)
{
    if (err) {
        PACS_LOG(PACS_LOG_WARNING, "rest", "store-refused",
                 PACS_F_TEXT("request_id", pacs_http_request_id(request)),
                 PACS_F_TEXT("status", pacs_status_name(err->status)), PACS_F_TEXT("reason", err->text));
        return;
    }
    if (ingested->added.uid_collision)
        PACS_LOG(PACS_LOG_WARNING, "rest", "uid-collision",
                 PACS_F_TEXT("request_id", pacs_http_request_id(request)),
                 PACS_F_TEXT("sop_instance_uid", ingested->sop_instance_uid));
}

static bool begin_upload(void *context, PacsHttpRequest *request, PacsHttpReply *reply, void **ret_state)
{
    PacsRest *rest = context;
    PacsError err = {0};
    uint64_t size_hint = 0;
    const char *length = pacs_http_header(request, "Content-Length");
    PacsOrigin origin = {.door = PACS_ORIGIN_REST,
                         .remote_ip = pacs_http_remote_address(request),
                         .http_user = pacs_http_user(request)};
    PacsUpload *upload = NULL;
    char traceparent[PACS_TRACEPARENT_SIZE];

    if (length && pacs_parse_u64(pacs_slice(length), INT64_MAX, &size_hint, NULL) != PACS_OK)
        size_hint = 0; /* only a hint: the server has checked the header itself */
    PacsUploadRequest upload_request = {
        .origin = &origin, .size_hint = size_hint, .traceparent = traceparent};
    if (pacs_ingest_admit(rest->ingest, &err) != PACS_OK ||
        pacs_trace_continue(pacs_http_header(request, "traceparent"), traceparent, &err) != PACS_OK ||
        pacs_ingest_begin(rest->ingest, &upload_request, &upload, &err) != PACS_OK) {
        log_upload(request, NULL, &err);
        reply_to_refusal(rest, request, reply, &err);
        return false;
    }
    *ret_state = upload;
    return true;
}

static PacsStatus feed_upload(void *state, const uint8_t *bytes, size_t size, PacsError *err)
{
    return pacs_upload_feed(state, bytes, size, err);
}

static PacsStatus feed_block(void *state, uint8_t **block, size_t size, PacsError *err)
{
    return pacs_upload_feed_block(state, block, size, err);
}

static void write_stored(PacsJson *json, const PacsIngested *ingested)
{
    const char(*ids)[PACS_ORTHANC_ID_SIZE] = ingested->added.ids;
    char path[80];

    (void)snprintf(path, sizeof path, "/instances/%s", ids[PACS_LEVEL_INSTANCE]);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "ID", ids[PACS_LEVEL_INSTANCE]);
    pacs_json_member_string(json, "ParentPatient", ids[PACS_LEVEL_PATIENT]);
    pacs_json_member_string(json, "ParentSeries", ids[PACS_LEVEL_SERIES]);
    pacs_json_member_string(json, "ParentStudy", ids[PACS_LEVEL_STUDY]);
    pacs_json_member_string(json, "Path", path);
    pacs_json_member_string(json, "Status",
                            ingested->added.result == PACS_ADD_DUPLICATE ? "AlreadyStored" : "Success");
    pacs_json_object_end(json);
}

static void finish_upload(void *context, PacsHttpRequest *request, void *state, const PacsError *error,
                          PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    PacsIngested ingested = {0};
    PACS_AUTO(PacsUpload) upload = state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    PacsJson json;

    PacsStatus status = error ? error->status : pacs_upload_finish(upload, &ingested, &err);
    if (error)
        err = *error;
    log_upload(request, &ingested, status != PACS_OK ? &err : NULL);
    if (status != PACS_OK) {
        reply_to_refusal(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    write_stored(&json, &ingested);
    rest_reply_json(rest, request, reply, &body);
}

static void abort_upload(void *state)
{
    pacs_upload_free(state);
}

const PacsHttpBodyReader rest_instance_reader = {.begin = begin_upload,
                                                 .feed = feed_upload,
                                                 .feed_block = feed_block,
                                                 .finish = finish_upload,
                                                 .abort = abort_upload};

/* ---- GET /instances/{id}/file ---- */

/* ?filename= of Orthanc, as far as it may stand between quotes. */
static void name_file(PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *asked = pacs_http_query(request, "filename");
    const char *value = NULL;

    if (asked && asked[0] && !strpbrk(asked, "\"\\") && strlen(asked) <= FILENAME_LIMIT)
        value = pacs_arena_printf(pacs_http_arena(request), "filename=\"%s\"", asked);
    else
        value = pacs_arena_printf(pacs_http_arena(request), "filename=\"%s.dcm\"",
                                  pacs_http_capture(request, "id"));
    if (value)
        pacs_http_reply_header(reply, "Content-Disposition", value);
}

static bool has_gone(void *context)
{
    return pacs_http_cancelled(context);
}

static bool is_lossy(const char *transfer_syntax_uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(transfer_syntax_uid));

    return entry && entry->flags & PACS_UID_LOSSY;
}

/* What lost information is another instance (PS3.3 C.12.4.1.5), and the same one each time it is asked for. */
static PacsStatus name_lossy(PacsHttpRequest *request, const PacsUidPath *path, const TranscodeTarget *target,
                             char uid[PACS_UID_SIZE], PacsError *err)
{
    const char *text = pacs_arena_printf(pacs_http_arena(request), "%s in %s of quality %u",
                                         path->sop_instance_uid, target->transfer_syntax_uid,
                                         target->quality);

    return text ? pacs_derive_uid(text, uid, err) : pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
}

static PacsStatus reply_transcoded(const PacsRest *rest, const char *uid, PacsHttpRequest *request,
                                   PacsHttpReply *reply, PacsError *err)
{
    uint64_t quality = rest->options.lossy_quality;
    PacsObjectConversion conversion = {
        .priority = TRANSCODE_INTERACTIVE, .is_cancelled = has_gone, .cancel_context = request};
    char lossy_uid[PACS_UID_SIZE];
    PacsSource *source = NULL;

    PacsStatus status = rest_query_u64(request, "lossy-quality", 100, &quality, err);
    if (status == PACS_OK)
        status = pacs_retrieve_path(rest->retrieve, pacs_http_capture(request, "id"),
                                    pacs_http_arena(request), &conversion.path, err);
    conversion.target = (TranscodeTarget){.transfer_syntax_uid = uid, .quality = (uint32_t)quality};
    if (status == PACS_OK && is_lossy(uid)) {
        status = name_lossy(request, &conversion.path, &conversion.target, lossy_uid, err);
        conversion.new_sop_instance_uid = lossy_uid;
    }
    if (status == PACS_OK)
        status = pacs_retrieve_convert_object(rest->retrieve, &conversion, &source, err);
    if (status != PACS_OK)
        return status;
    name_file(request, reply);
    pacs_http_reply_slow_source(reply, "application/dicom", source, PACS_HTTP_UNKNOWN_SIZE);
    return PACS_OK;
}

static void reply_stored(const PacsRetrievedFile *file, PacsHttpRequest *request, PacsHttpReply *reply)
{
    name_file(request, reply);
    if (file->source)
        pacs_http_reply_source(reply, "application/dicom", file->source, file->size_bytes);
    else
        pacs_http_reply_fd(reply, "application/dicom", file->fd, 0, file->size_bytes);
}

/* Whether a conversion is asked for, and is not what the object is in already. */
static bool is_transcoding(const PacsRetrievedFile *file, const char *transcode)
{
    return transcode && transcode[0] && strcmp(transcode, file->object->transfer_syntax_uid) != 0;
}

void rest_file(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    const char *transcode = pacs_http_query(request, "transcode");
    PacsError err = {0};
    PacsRetrievedFile file;

    PacsStatus status = pacs_retrieve_file(rest->retrieve, pacs_http_capture(request, "id"),
                                           pacs_http_arena(request), &file, &err);
    if (status == PACS_OK && is_transcoding(&file, transcode)) {
        pacs_source_free(file.source);
        pacs_auto_close(&file.fd);
        if (pacs_http_defer(request, reply))
            return;
        status = reply_transcoded(rest, transcode, request, reply, &err);
    } else if (status == PACS_OK) {
        reply_stored(&file, request, reply);
    }
    if (status == PACS_UNSUPPORTED)
        rest_reply_error(rest, request, reply, REST_PARAMETER_OUT_OF_RANGE, 400, err.text);
    else if (status != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
}
