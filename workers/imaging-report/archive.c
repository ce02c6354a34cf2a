#include "workers/imaging-report/archive.h"

#include <jansson.h>
#include <string.h>

#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "workers/imaging-report/attributes.h"

#define PATH_MAX_BYTES (64u << 10) /* with a list of UIDs behind it */
#define DICOM_JSON "application/dicom+json"

/* ---- Reading ---- */

/* The answer in the arena; an empty slice for 204. */
static PacsStatus ask(const ReportArchive *archive, const PacsBuffer *path, PacsArena *arena,
                      PacsSlice *ret_json, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(PACS_MAX_REPORT_ANSWER);
    const WorkerHttpCall call = {
        .path = pacs_buffer_text(path), .accept = DICOM_JSON, .traceparent = archive->traceparent};

    PacsStatus status = pacs_buffer_check(path, err);
    if (status == PACS_OK)
        status = worker_http_call(archive->client, &call, &body, NULL, err);
    if (status != PACS_OK)
        return status;
    const char *text = pacs_arena_strndup(arena, pacs_buffer_text(&body), body.size);
    if (!text)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer of %zu bytes", body.size);
    *ret_json = (PacsSlice){text, body.size};
    return PACS_OK;
}

PacsStatus report_archive_series(const ReportArchive *archive, const char *study_uid, PacsArena *arena,
                                 ReportSeries **ret_series, size_t *ret_count, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX_BYTES);
    PacsSlice json;

    (void)pacs_buffer_add_format(
        &path,
        "%s/studies/%s/series?includefield=SeriesDescription,SeriesNumber,NumberOfSeriesRelatedInstances",
        archive->root, study_uid);
    PacsStatus status = ask(archive, &path, arena, &json, err);
    if (status == PACS_OK)
        status = report_series_parse(json, arena, ret_series, ret_count, err);
    if (status == PACS_OK && *ret_count == 0)
        status = pacs_fail(err, PACS_NOT_FOUND, "study %s is not in the archive", study_uid);
    return status;
}

PacsStatus report_archive_instances(const ReportArchive *archive, const char *study_uid,
                                    const char *series_uid, const char *sop_uids, PacsArena *arena,
                                    ReportInstance **ret_instances, size_t *ret_count, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX_BYTES);
    PacsSlice json;

    (void)pacs_buffer_add_format(&path, "%s/studies/%s", archive->root, study_uid);
    if (series_uid)
        (void)pacs_buffer_add_format(&path, "/series/%s", series_uid);
    (void)pacs_buffer_add_text(&path, "/instances?includefield=SOPClassUID,InstanceNumber,NumberOfFrames");
    if (sop_uids)
        (void)pacs_buffer_add_format(&path, "&SOPInstanceUID=%s", sop_uids);
    const PacsStatus status = ask(archive, &path, arena, &json, err);
    return status == PACS_OK ? report_instances_parse(json, arena, ret_instances, ret_count, err) : status;
}

static void add_instance_path(PacsBuffer *path, const ReportArchive *archive, const char *study_uid,
                              const ReportInstance *instance)
{
    (void)pacs_buffer_add_format(path, "%s/studies/%s/series/%s/instances/%s", archive->root, study_uid,
                                 instance->series_instance_uid, instance->sop_instance_uid);
}

PacsStatus report_archive_metadata(const ReportArchive *archive, const char *study_uid,
                                   const ReportInstance *instance, PacsArena *arena, PacsSlice *ret_json,
                                   PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX_BYTES);

    add_instance_path(&path, archive, study_uid, instance);
    (void)pacs_buffer_add_text(&path, "/metadata");
    return ask(archive, &path, arena, ret_json, err);
}

PacsStatus report_archive_rendered(const ReportArchive *archive, const char *study_uid,
                                   const ReportInstance *instance, uint32_t frame_number, uint32_t side,
                                   PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX_BYTES);

    add_instance_path(&path, archive, study_uid, instance);
    if (instance->frame_count > 1)
        (void)pacs_buffer_add_format(&path, "/frames/%u", frame_number);
    (void)pacs_buffer_add_format(&path, "/rendered?viewport=%u,%u", side, side);
    const PacsStatus status = pacs_buffer_check(&path, err);
    if (status != PACS_OK)
        return status;
    const WorkerHttpCall call = {
        .path = pacs_buffer_text(&path), .accept = "image/jpeg", .traceparent = archive->traceparent};
    return worker_http_call(archive->client, &call, out, NULL, err);
}

/* ---- Storing ---- */

static void add_part(PacsBuffer *body, const char *boundary, PacsSlice object)
{
    (void)pacs_buffer_add_format(body, "--%s\r\nContent-Type: application/dicom\r\n\r\n", boundary);
    (void)pacs_buffer_add(body, object.text, object.size);
    (void)pacs_buffer_add_text(body, "\r\n");
}

/* PS3.18 I.2: what was not stored stands in Failed SOP Sequence or Other Failures Sequence. */
static PacsStatus check_stored(const PacsBuffer *answer, PacsError *err)
{
    json_t *root = json_loadb(pacs_buffer_text(answer), answer->size, 0, NULL);
    const json_t *outcome = json_is_array(root) ? json_array_get(root, 0) : root;
    const json_t *failed = attribute_first(outcome, "00081198") ? attribute_first(outcome, "00081198")
                                                                : attribute_first(outcome, "0008119A");
    const bool is_answer = json_is_object(outcome);
    const int64_t reason = attribute_number(failed, "00081197", 0xFFFF, 0);
    const bool has_failed = failed != NULL;

    json_decref(root);
    if (!is_answer)
        return pacs_fail(err, PACS_UNSUPPORTED, "the archive's answer to STOW-RS is no DICOM JSON");
    if (has_failed)
        return pacs_fail(err, PACS_UNAVAILABLE, "the archive stored a report in part: failure reason %04X",
                         (unsigned)reason);
    return PACS_OK;
}

PacsStatus report_archive_store(const ReportArchive *archive, const char *study_uid, const PacsSlice *objects,
                                size_t count, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX_BYTES);
    PACS_AUTO_BUFFER PacsBuffer type = PACS_BUFFER(256);
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(2 * (size_t)PACS_MAX_REPORT_PDF);
    PACS_AUTO_BUFFER PacsBuffer answer = PACS_BUFFER(1u << 20);
    char boundary[37];

    PacsStatus status = pacs_uuid7(boundary, err); /* does not stand in any object but by chance */
    if (status != PACS_OK)
        return status;
    (void)pacs_buffer_add_format(&path, "%s/studies/%s", archive->root, study_uid);
    (void)pacs_buffer_add_format(&type, "multipart/related; type=\"application/dicom\"; boundary=%s",
                                 boundary);
    for (size_t i = 0; i < count; i++)
        add_part(&body, boundary, objects[i]);
    (void)pacs_buffer_add_format(&body, "--%s--\r\n", boundary);
    status = pacs_buffer_check(&body, err);
    if (status == PACS_OK)
        status = pacs_buffer_check(&path, err);
    if (status != PACS_OK)
        return status;
    const WorkerHttpCall call = {.method = "POST",
                                 .path = pacs_buffer_text(&path),
                                 .accept = DICOM_JSON,
                                 .content_type = pacs_buffer_text(&type),
                                 .body = body.bytes,
                                 .body_size = body.size,
                                 .traceparent = archive->traceparent};
    status = worker_http_call(archive->client, &call, &answer, NULL, err);
    return status == PACS_OK ? check_stored(&answer, err) : status;
}

PacsStatus report_archive_delete(const ReportArchive *archive, const char *study_uid, const char *series_uid,
                                 const char *sop_uid, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PATH_MAX_BYTES);
    PACS_AUTO_BUFFER PacsBuffer answer = PACS_BUFFER(1u << 20);
    const ReportInstance instance = {.series_instance_uid = series_uid, .sop_instance_uid = sop_uid};

    add_instance_path(&path, archive, study_uid, &instance);
    PacsStatus status = pacs_buffer_check(&path, err);
    if (status != PACS_OK)
        return status;
    const WorkerHttpCall call = {
        .method = "DELETE", .path = pacs_buffer_text(&path), .traceparent = archive->traceparent};
    status = worker_http_call(archive->client, &call, &answer, NULL, err);
    return status == PACS_NOT_FOUND ? PACS_OK : status;
}
