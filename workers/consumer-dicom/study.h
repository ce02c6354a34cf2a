#pragma once

#include <stddef.h>
#include <stdint.h>

#include "events/contract/cloudevent.h"
#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "workers/http_client/http_client.h"

/** A study as the archive and its event tell of it. Texts are UTF-8 and in an arena; NULL where nothing is known. */
typedef struct DicomSeries {
    const char *uid, *modality, *body_part, *description;
    bool has_number;
    int64_t number;
    uint64_t instances;
} DicomSeries;

typedef struct DicomAccession {
    const char *number, *issuer;
} DicomAccession;

typedef struct DicomStudy {
    const char *uid;
    bool exists; /* false: the archive does not have it (any more) */

    /* the archive's */
    DicomAccession accession;
    const char *patient_id, *patient_id_issuer;
    const char *study_id, *date, *time, *description;
    const char *modalities; /* joined by backslash */
    uint64_t instances;
    const DicomSeries *series;
    size_t series_count;
    const DicomAccession *accessions; /* of the study and of the requests of its series, each once */
    size_t accession_count;

    /* the event's */
    const char *event_time;
    const char *lane, *patient_ref, *retrieve_url, *viewer_url, *manifest_sha256;
    int64_t size_bytes; /* -1: not said */
} DicomStudy;

/** What the event itself says of the study. PACS_INVALID: no Study Instance UID, or data that is no JSON object. */
PACS_CHECKED PacsStatus dicom_study_of_event(const EventsCloudEvent *event, PacsArena *arena,
                                             DicomStudy *ret_study, PacsError *err);

/**
 * Read the rest of the archive, by QIDO-RS: the study, then its series, page by page.
 *
 * Errors: as of worker_http_call(); PACS_CORRUPT for an answer that is no DICOM JSON. That the study is not there is none.
 */
PACS_CHECKED PacsStatus dicom_study_read(WorkerHttpClient *archive, const char *dicomweb_root,
                                         const char *traceparent, PacsArena *arena, DicomStudy *study,
                                         PacsError *err);
