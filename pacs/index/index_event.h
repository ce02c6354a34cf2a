#pragma once

#include <stdint.h>

#include "pacs/dicom/identity.h"
#include "pacs/util/buffer.h"
#include "pacs/util/hash.h"
#include "pacs/util/status.h"

/**
 * The facts of a study as JSON, for the outbox: written here once, whichever back end read them.
 *
 * Contract: PLATFORM 2.3, common block and the fields of each type, as far as the index knows them; the relay
 *           adds envelope and links. No names, birth dates, sex or free text.
 */
typedef enum PacsStudyEventType {
    PACS_STUDY_RECEIVED,
    PACS_STUDY_ARRIVED,
    PACS_STUDY_UPDATED,
    PACS_STUDY_DELETED,
} PacsStudyEventType;

/** "study.received" ... */
const char *pacs_index_event_type_name(PacsStudyEventType type);

typedef struct PacsEventSeries {
    const char *uid;
    const char *modality; /* NULL where absent, as all texts here */
    const char *number;
    const char *body_part;
    const char *sop_classes; /* joined by backslash */
    uint64_t instances;
} PacsEventSeries;

typedef struct PacsEventIds {
    char patient[PACS_ORTHANC_ID_SIZE];
    char study[PACS_ORTHANC_ID_SIZE];
} PacsEventIds;

typedef struct PacsStudyFacts {
    const char *study_instance_uid;
    const char *accession_number;
    const char *study_date, *study_time, *timezone; /* as DICOM writes them */
    char patient_ref[2 * PACS_SHA256_SIZE + 1];     /* pacs_index_event_patient_ref() */
    const PacsEventSeries *series;                  /* arrival order */
    size_t series_count;
    const PacsEventIds *ids; /* one for each patient the study stands under */
    size_t id_count;
    uint64_t instances;
    uint64_t size_bytes;
    int64_t received_ms, last_received_ms;
    uint64_t revision;
    int64_t change_seq; /* the store's last change when the event was written */

    /* study.received */
    const char *calling_aet, *called_aet;
    /* study.arrived: SHA-256 over "<SOP Instance UID> <sha256 of the object in hex>\n" of every instance, in
     * byte order of the UIDs */
    char manifest_sha256[2 * PACS_SHA256_SIZE + 1];
    /* study.updated */
    const char *reason;
    const char *const *changed_series;
    size_t changed_series_count;
} PacsStudyFacts;

/**
 * Add the event's data to `out` (born with at least PACS_MAX_EVENT_DATA). What would pass that limit loses
 * the tails of its lists and says `"truncated": true`; counts stay those of the whole study.
 */
PACS_CHECKED PacsStatus pacs_index_event_format(PacsStudyEventType type, const PacsStudyFacts *facts,
                                                PacsBuffer *out, PacsError *err);

/**
 * A name for the patient that says nothing to whoever has no key: hex HMAC-SHA256 over Issuer of Patient ID,
 * a NUL and Patient ID (NULL counts as "").
 */
PACS_CHECKED PacsStatus pacs_index_event_patient_ref(const uint8_t key[PACS_SHA256_SIZE], const char *issuer,
                                                     const char *patient_id,
                                                     char ret_ref[2 * PACS_SHA256_SIZE + 1], PacsError *err);
