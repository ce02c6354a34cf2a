#pragma once

#include "pacs/index/index.h"
#include "pacs/index/index_outbox.h"

/**
 * The writing half of the index: for ingest, lifecycle, deletion and the relay; the doors do not include it.
 * What is told of changes stands in index_outbox.h.
 */

typedef enum PacsOverwrite {
    PACS_OVERWRITE_NEVER,
    PACS_OVERWRITE_ALWAYS,
    PACS_OVERWRITE_IF_CHANGED
} PacsOverwrite;

/** By which door an object came, and from whom. NULL where it does not apply. */
typedef struct PacsOrigin {
    enum { PACS_ORIGIN_DICOM, PACS_ORIGIN_REST, PACS_ORIGIN_DICOMWEB, PACS_ORIGIN_LIGHTBOX } door;
    const char *remote_ip;
    const char *calling_aet;
    const char *called_aet;
    const char *http_user;
} PacsOrigin;

/** What a report document says of itself (pacs/ingest/report.h); NULL where it does not. */
typedef struct PacsReportFacts {
    const char *title_code, *title_scheme; /* Concept Name Code (0040,A043) */
    const char *completion, *verification; /* "COMPLETE", "VERIFIED" ... */
    const char *content_date, *content_time;
    const char *const *predecessors; /* SOP Instance UIDs it says it takes the place of (0040,A360) */
    size_t predecessor_count;
} PacsReportFacts;

/** One object to be made visible; everything is borrowed for the call. */
typedef struct PacsIndexAdd {
    const PacsInstance *instance;
    const PacsOrigin *origin;
    PacsKey key; /* committed in the store */
    bool has_inflated;
    PacsKey inflated_key;
    uint64_t inflated_size_bytes;
    uint8_t sha256[32]; /* of the object's bytes */
    PacsInstanceBlobs blobs;
    PacsOverwrite overwrite;
    int64_t received_ms;
    const char *lane;              /* of a study that begins with it, for ever; NULL: "normal" */
    const char *traceparent;       /* NULL: of no trace */
    const PacsReportFacts *report; /* NULL: it is no report document */
} PacsIndexAdd;

typedef enum PacsAddResult {
    PACS_ADD_NEW,
    PACS_ADD_REPLACED,  /* the former object's keys went to the garbage */
    PACS_ADD_DUPLICATE, /* the instance was there and stays; the caller removes the object it brought */
} PacsAddResult;

typedef struct PacsIndexAdded {
    PacsAddResult result;
    char ids[4][PACS_ORTHANC_ID_SIZE]; /* patient, study, series, instance */
    bool is_new[4];                    /* which of them this call made */
    bool uid_collision;       /* the SOP Instance UID stands under another patient, study or series too */
    bool study_uid_collision; /* the Study Instance UID stands under another patient too */
} PacsIndexAdded;

/**
 * One object's whole transaction: rows of all four levels, counters, tables, metadata, changes, outbox
 * (`study.received` with the first instance of a study, `report.available` or `report.amended` with a report document). The duplicate rule is applied here, where it cannot race.
 */
PACS_CHECKED PacsStatus pacs_index_add(PacsIndex *index, const PacsIndexAdd *add, PacsIndexAdded *ret_added,
                                       PacsError *err);

/** What stays when something is deleted: the nearest ancestor that still has other children. */
typedef struct PacsRemaining {
    bool exists;
    PacsLevel level;
    char id[PACS_ORTHANC_ID_SIZE];
} PacsRemaining;

/**
 * Delete a resource and all below it, and ancestors left without children. Keys go to the garbage,
 * `study.deleted` or `study.updated` (reason "instances-deleted") and `report.withdrawn` to the outbox, in the same transaction. Of a large
 * deletion the keys may follow in later ones, so that nobody waits for it; until then they are known keys.
 */
PACS_CHECKED PacsStatus pacs_index_delete(PacsIndex *index, PacsLevel level, const char *id,
                                          PacsRemaining *ret_remaining, PacsError *err);

/**
 * Mark patients, studies and series stable that nothing was added to since `before_ms`; at most `limit` of them
 * per call. Changes StableSeries, StableStudy, StablePatient; outbox `study.arrived` the first time,
 * `study.updated` (reason "instances-added") afterwards.
 */
PACS_CHECKED PacsStatus pacs_index_stabilise(PacsIndex *index, int64_t before_ms, uint32_t limit,
                                             uint32_t *ret_count, PacsError *err);

/**
 * Tell now that a study is there, whoever knows that nothing more is to come: it becomes stable, and `study.arrived`
 * (`stableReason` is `reason`) or `study.updated` goes to the outbox; nothing if all of it was told already.
 */
PACS_CHECKED PacsStatus pacs_index_arrive(PacsIndex *index, const char *study_id, const char *reason,
                                          PacsError *err);

/* Garbage: keys of objects whose rows are gone; the store's bytes are removed after the commit. */

PACS_CHECKED PacsStatus pacs_index_read_garbage(PacsIndex *index, PacsKey *ret_keys, size_t max,
                                                size_t *ret_count, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_forget_garbage(PacsIndex *index, const PacsKey *keys, size_t count,
                                                  PacsError *err);

/** True if any row (instance, attachment, garbage) names this key: what the sweep at start asks. */
PACS_CHECKED PacsStatus pacs_index_has_key(PacsIndex *index, const PacsKey *key, bool *ret_known,
                                           PacsError *err);

/** Small facts that outlive a run, by name ("sweep.from"). PACS_NOT_FOUND if never set. */
PACS_CHECKED PacsStatus pacs_index_read_setting(PacsIndex *index, const char *name, PacsArena *arena,
                                                const char **ret_value, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_write_setting(PacsIndex *index, const char *name, const char *value,
                                                 PacsError *err);
