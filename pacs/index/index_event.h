#pragma once

#include <stdint.h>

#include "pacs/dicom/identity.h"
#include "pacs/index/index_phi.h"
#include "pacs/index/index_write.h"
#include "pacs/util/buffer.h"
#include "pacs/util/hash.h"
#include "pacs/util/status.h"

/**
 * The facts of a study or report as JSON, for the outbox: written here once, whichever back end read them.
 *
 * Contract: events/contract/schemas, as far as the index knows it; addresses and envelope are added when the event is
 *           sent. No names, birth dates, sex or free text but what the operator asked for (index_phi.h): values that do
 *           not look like what their tag is for are left out.
 */
typedef enum PacsEventType {
    PACS_STUDY_RECEIVED,
    PACS_STUDY_ARRIVED,
    PACS_STUDY_UPDATED,
    PACS_STUDY_DELETED,
    PACS_REPORT_AVAILABLE,
    PACS_REPORT_AMENDED,
    PACS_REPORT_WITHDRAWN,
} PacsEventType;

/** "study.received" ... */
const char *pacs_index_event_type_name(PacsEventType type);
/** Reports have revisions of their own. */
bool pacs_index_event_is_of_report(PacsEventType type);

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

/** The document that an event is about. */
typedef struct PacsEventReport {
    const char *series_instance_uid, *sop_instance_uid, *sop_class_uid;
    PacsReportFacts facts; /* report.amended: its predecessors are what it takes the place of */
} PacsEventReport;

typedef struct PacsStudyFacts {
    /* Of every event */
    const char *study_instance_uid;
    const char *lane;
    const char *traceparent; /* of the row, not of its JSON */
    const char *accession_number, *accession_issuer;
    char patient_ref[2 * PACS_SHA256_SIZE + 1]; /* pacs_index_event_patient_ref() */
    const char *phi[PACS_PHI_FIELD_COUNT];      /* what was asked for and is there */
    const PacsEventIds *ids;                    /* one for each patient the study stands under */
    size_t id_count;
    uint64_t revision;
    int64_t change_seq; /* the store's last change when the event was written */

    /* study.* */
    const char *referring_physician_ref;
    const char *study_date, *study_time, *timezone; /* as DICOM writes them */
    const PacsEventSeries *series;                  /* arrival order */
    size_t series_count;
    uint64_t instances;
    uint64_t size_bytes;
    int64_t received_ms, last_received_ms;

    /* study.received */
    const char *calling_aet, *called_aet;
    /* study.arrived: SHA-256 over "<SOP Instance UID> <sha256 of the object in hex>\n" of every instance, in
     * byte order of the UIDs */
    char manifest_sha256[2 * PACS_SHA256_SIZE + 1];
    const char *reason; /* study.updated, and study.arrived: why it is taken to be complete */
    /* study.updated */
    const char *const *changed_series;
    size_t changed_series_count;

    const PacsEventReport *report; /* report.* */
} PacsStudyFacts;

/**
 * Add the event's data to `out` (born with at least PACS_MAX_EVENT_DATA). What would pass that limit loses
 * the tails of its lists and says `"truncated": true`; counts stay those of the whole study.
 */
PACS_CHECKED PacsStatus pacs_index_event_format(PacsEventType type, const PacsStudyFacts *facts,
                                                PacsBuffer *out, PacsError *err);

/**
 * A name for the patient that says nothing to whoever has no key: hex HMAC-SHA256 over Issuer of Patient ID,
 * a NUL and Patient ID (NULL counts as "").
 */
PACS_CHECKED PacsStatus pacs_index_event_patient_ref(const uint8_t key[PACS_SHA256_SIZE], const char *issuer,
                                                     const char *patient_id,
                                                     char ret_ref[2 * PACS_SHA256_SIZE + 1], PacsError *err);
