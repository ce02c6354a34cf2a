#include "workers/consumer-dicom/study.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "workers/consumer-dicom/dicom_json.h"

#define PAGE 1000              /* series of one answer */
#define SERIES_MAX 1000000     /* of one study: more is a broken archive that gives the same page for ever */
#define ANSWER_MAX (32u << 20) /* a page of series with their requests */
#define PATH_MAX_SIZE 1024

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a study");
}

/* ---- The event ---- */

static const char *fact(const json_t *data, const char *name, PacsArena *arena)
{
    const char *text = json_string_value(json_object_get(data, name));
    return text && text[0] ? pacs_arena_strdup(arena, text) : NULL;
}

static bool is_uid(const char *text)
{
    const size_t size = text ? strlen(text) : 0;
    return size > 0 && size <= 64 && strspn(text, "0123456789.") == size;
}

PacsStatus dicom_study_of_event(const EventsCloudEvent *event, PacsArena *arena, DicomStudy *ret_study,
                                PacsError *err)
{
    json_t *data = event->data.text ? json_loadb(event->data.text, event->data.size, 0, NULL) : NULL;
    if (!json_is_object(data)) {
        json_decref(data);
        return pacs_fail(err, PACS_INVALID, "the event's data is no JSON object");
    }
    const json_t *size = json_object_get(data, "sizeBytes");
    DicomStudy study = {.uid = fact(data, "studyInstanceUid", arena),
                        .event_time = event->time,
                        .lane = fact(data, "lane", arena),
                        .patient_ref = fact(data, "patientRef", arena),
                        .retrieve_url = fact(data, "retrieveUrl", arena),
                        .viewer_url = fact(data, "viewerUrl", arena),
                        .manifest_sha256 = fact(data, "manifestSha256", arena),
                        .size_bytes = json_is_integer(size) ? json_integer_value(size) : -1};
    json_decref(data);
    if (!is_uid(study.uid))
        return pacs_fail(err, PACS_INVALID, "the event names no Study Instance UID");
    *ret_study = study;
    return PACS_OK;
}

/* ---- The archive ---- */

typedef struct Asking {
    WorkerHttpClient *archive;
    const char *root, *traceparent;
    PacsArena *arena;
} Asking;

/** A search; *ret_rows is the caller's to json_decref(). No match may come as 204, or as an empty list. */
static PacsStatus search(const Asking *asking, const char *path, json_t **ret_rows, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(ANSWER_MAX);
    const WorkerHttpCall call = {
        .path = path, .accept = "application/dicom+json", .traceparent = asking->traceparent};
    WorkerHttpResult result;
    const PacsStatus status = worker_http_call(asking->archive, &call, &body, &result, err);
    if (status != PACS_OK)
        return status;
    json_t *rows = result.code == 204 || body.size == 0
                       ? json_array()
                       : json_loadb((const char *)body.bytes, body.size, 0, NULL);
    if (!json_is_array(rows)) {
        json_decref(rows);
        return pacs_fail(err, PACS_CORRUPT, "the archive's answer to a search is no list of DICOM JSON");
    }
    *ret_rows = rows;
    return PACS_OK;
}

/** Accession Number and, of its issuer, the namespace or else the universal id. */
static DicomAccession accession_of(const json_t *row, PacsArena *arena)
{
    const json_t *issuer = dicom_json_item(row, "00080051", 0);
    DicomAccession accession = {.number = dicom_json_text(row, "00080050", arena),
                                .issuer = dicom_json_text(issuer, "00400031", arena)};
    if (!accession.issuer)
        accession.issuer = dicom_json_text(issuer, "00400032", arena);
    return accession;
}

static PacsStatus read_study(const Asking *asking, DicomStudy *study, PacsError *err)
{
    char path[PATH_MAX_SIZE];
    json_t *rows = NULL;
    int64_t instances = 0;
    (void)snprintf(path, sizeof path,
                   "%s/studies?StudyInstanceUID=%s&includefield=00081030&includefield=00080051"
                   "&includefield=00100021",
                   asking->root, study->uid);
    const PacsStatus status = search(asking, path, &rows, err);
    if (status != PACS_OK)
        return status;
    const json_t *row = json_array_get(rows, 0);
    study->exists = row != NULL;
    study->accession = accession_of(row, asking->arena);
    study->patient_id = dicom_json_text(row, "00100020", asking->arena);
    study->patient_id_issuer = dicom_json_text(row, "00100021", asking->arena);
    study->study_id = dicom_json_text(row, "00200010", asking->arena);
    study->date = dicom_json_text(row, "00080020", asking->arena);
    study->time = dicom_json_text(row, "00080030", asking->arena);
    study->description = dicom_json_text(row, "00081030", asking->arena);
    study->modalities = dicom_json_texts(row, "00080061", asking->arena);
    if (dicom_json_number(row, "00201208", &instances) && instances > 0)
        study->instances = (uint64_t)instances;
    json_decref(rows);
    return PACS_OK;
}

static PacsStatus add_accession(DicomStudy *study, DicomAccession accession, PacsArena *arena, PacsError *err)
{
    if (!accession.number)
        return PACS_OK;
    for (size_t i = 0; i < study->accession_count; i++)
        if (strcmp(study->accessions[i].number, accession.number) == 0)
            return PACS_OK;
    DicomAccession *longer = pacs_arena_array(arena, study->accession_count + 1, sizeof *longer);
    if (!longer)
        return no_memory(err);
    if (study->accession_count > 0)
        memcpy(longer, study->accessions, study->accession_count * sizeof *longer);
    longer[study->accession_count++] = accession;
    study->accessions = longer;
    return PACS_OK;
}

static DicomSeries series_of(const json_t *row, PacsArena *arena)
{
    int64_t instances = 0;
    DicomSeries series = {.uid = dicom_json_text(row, "0020000E", arena),
                          .modality = dicom_json_text(row, "00080060", arena),
                          .body_part = dicom_json_text(row, "00180015", arena),
                          .description = dicom_json_text(row, "0008103E", arena)};
    series.has_number = dicom_json_number(row, "00200011", &series.number);
    if (dicom_json_number(row, "00201209", &instances) && instances > 0)
        series.instances = (uint64_t)instances;
    return series;
}

/** Request Attributes Sequence: a series may be made for another order than its study. */
static PacsStatus add_requests(DicomStudy *study, const json_t *row, PacsArena *arena, PacsError *err)
{
    const json_t *request = NULL;
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && (request = dicom_json_item(row, "00400275", i)); i++)
        status = add_accession(study, accession_of(request, arena), arena, err);
    return status;
}

static PacsStatus add_page(DicomStudy *study, const json_t *rows, PacsArena *arena, PacsError *err)
{
    const size_t before = study->series_count;
    const size_t count = json_array_size(rows);
    DicomSeries *longer = pacs_arena_array(arena, before + count + 1, sizeof *longer);
    PacsStatus status = PACS_OK;
    if (!longer)
        return no_memory(err);
    if (before > 0)
        memcpy(longer, study->series, before * sizeof *longer);
    study->series = longer;
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        const DicomSeries series = series_of(row, arena);
        if (!series.uid)
            return pacs_fail(err, PACS_CORRUPT, "the archive told of a series without a UID");
        longer[study->series_count++] = series;
        status = add_requests(study, row, arena, err);
    }
    return status;
}

static PacsStatus read_series(const Asking *asking, DicomStudy *study, PacsError *err)
{
    char path[PATH_MAX_SIZE];
    size_t rows_read = PAGE;
    PacsStatus status = PACS_OK;
    while (status == PACS_OK && rows_read == PAGE && study->series_count < SERIES_MAX) {
        json_t *rows = NULL;
        (void)snprintf(
            path, sizeof path,
            "%s/studies/%s/series?includefield=0008103E&includefield=00180015&includefield=00400275"
            "&limit=%d&offset=%zu",
            asking->root, study->uid, PAGE, study->series_count);
        status = search(asking, path, &rows, err);
        rows_read = json_array_size(rows);
        if (status == PACS_OK)
            status = add_page(study, rows, asking->arena, err);
        json_decref(rows);
    }
    return status;
}

PacsStatus dicom_study_read(WorkerHttpClient *archive, const char *dicomweb_root, const char *traceparent,
                            PacsArena *arena, DicomStudy *study, PacsError *err)
{
    const Asking asking = {
        .archive = archive, .root = dicomweb_root, .traceparent = traceparent, .arena = arena};
    PacsStatus status = read_study(&asking, study, err);
    if (status != PACS_OK || !study->exists)
        return status;
    status = add_accession(study, study->accession, arena, err);
    if (status == PACS_OK)
        status = read_series(&asking, study, err);
    /* Deleted between the two searches: the event that tells so is on its way. */
    if (status == PACS_NOT_FOUND || (status == PACS_OK && study->series_count == 0)) {
        study->exists = false;
        return PACS_OK;
    }
    return status;
}
