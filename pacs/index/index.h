#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/identity.h"
#include "pacs/dicom/scan.h"
#include "pacs/index/index_phi.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/key.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * What we know of each object: identities, main tags, counters, tables for reading, the feed of changes and
 * the outbox of events. The words here are DICOM's and ours; no back end's dialect shows.
 *
 * A write returns when it is durable. Rows, change and outbox rows of one call are one transaction.
 * Strings that come back live in the arena that was passed in.
 *
 * Threads: any, at once. Calls may block on the disk or the network.
 * Errors:  PACS_NOT_FOUND, PACS_NO_SPACE, PACS_UNAVAILABLE (retry), PACS_CORRUPT (the database is damaged),
 *          PACS_INVALID (a value no index can hold).
 */
typedef struct PacsIndex PacsIndex;

void pacs_index_free(PacsIndex *index);
PACS_DEFINE_AUTO(PacsIndex, pacs_index_free);

const char *pacs_index_name(const PacsIndex *index); /* "sqlite": for logs and /system. Borrowed. */
uint32_t pacs_index_schema_version(const PacsIndex *index);

/** Proof that the index answers (for /readyz). */
PACS_CHECKED PacsStatus pacs_index_check(PacsIndex *index, PacsError *err);

/**
 * A number that rises with every write, before the write is answered: what was read after it was asked for holds as
 * long as it stays. False where others may write that we do not hear of.
 */
bool pacs_index_generation(PacsIndex *index, uint64_t *ret_generation);
/**
 * The same, but additions leave it as it is: what was read of one object after it was asked for holds as long as it stays.
 */
bool pacs_index_removals(PacsIndex *index, uint64_t *ret_removals);

/* ---- Writing: pacs/index/index_write.h.  Reading: below. ---- */

/** A resource of any level, as lists and single answers need it. */
typedef struct PacsResource {
    PacsLevel level;
    char id[PACS_ORTHANC_ID_SIZE];
    char parent_id[PACS_ORTHANC_ID_SIZE]; /* "" for a patient */
    const PacsTagValue *tags;             /* main tags of this level, tag order */
    size_t tag_count;
    const PacsTagValue *patient_tags; /* of the patient as this study has them; studies only */
    size_t patient_tag_count;
    const char *const *child_ids; /* arrival order; NULL unless asked for */
    size_t child_count;           /* always filled for patient, study, series */
    uint64_t instance_count;      /* instances below (1 for an instance) */
    uint64_t size_bytes;          /* of all objects below */
    PacsKey object_key;           /* instances: the stored object's */
    int64_t last_update_ms;
    bool is_stable;             /* true for instances */
    bool is_protected;          /* patients */
    int64_t expected_instances; /* series: from its tags; -1 unknown */
    int64_t index_in_series;    /* instances; -1 unknown */
    const char *const *labels;
    size_t label_count;
} PacsResource;

typedef enum PacsResourceParts {
    PACS_WITH_TAGS = 1,
    PACS_WITH_CHILDREN = 2,
    PACS_WITH_LABELS = 4,
    PACS_WITH_ALL = 7,
} PacsResourceParts;

PACS_CHECKED PacsStatus pacs_index_find(PacsIndex *index, PacsLevel level, const char *id,
                                        PacsResourceParts parts, PacsArena *arena,
                                        PacsResource **ret_resource, PacsError *err);

/** Level of an id of unknown kind (a change's, a path's). PACS_NOT_FOUND if nothing has it. */
PACS_CHECKED PacsStatus pacs_index_find_level(PacsIndex *index, const char *id, PacsLevel *ret_level,
                                              PacsError *err);

/** What a path of UIDs names: a study, a series of it, an instance of that. */
typedef struct PacsUidPath {
    const char *study_uid;
    const char *series_uid;       /* NULL: the study is meant */
    const char *sop_instance_uid; /* NULL: the series is meant */
} PacsUidPath;

typedef struct PacsUidMatch {
    char id[PACS_ORTHANC_ID_SIZE];
} PacsUidMatch;

PacsLevel pacs_uid_path_level(const PacsUidPath *path);

/** Ids of what a path names, in arrival order: more than one where UIDs stand under several patients. PACS_NOT_FOUND
 *  ("no Study has this UID") where nothing has it. */
PACS_CHECKED PacsStatus pacs_index_find_uids(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                             PacsUidMatch **ret_matches, size_t *ret_count, PacsError *err);

/** All resources of a level in arrival order; `since` of them skipped, at most `limit` (0: all). `visit` gets each
 *  one; the resource is valid during the call only. A visitor that fails ends the walk with its status. It may take
 *  its time and may ask the index: a walk holds no transaction meanwhile, so in one of more than a page (16 resources
 *  with children, else 256) what is deleted under way is left out and what comes may be seen. */
typedef PacsStatus PacsResourceVisitor(void *context, const PacsResource *resource, PacsError *err);

PACS_CHECKED PacsStatus pacs_index_list(PacsIndex *index, PacsLevel level, uint64_t since, uint64_t limit,
                                        PacsResourceParts parts, PacsResourceVisitor *visit, void *context,
                                        PacsError *err);
/** Descendants of one resource at a lower level (a patient's instances, a series' instances). */
PACS_CHECKED PacsStatus pacs_index_list_below(PacsIndex *index, PacsLevel level, const char *id,
                                              PacsLevel below, PacsResourceParts parts,
                                              PacsResourceVisitor *visit, void *context, PacsError *err);
/** The ancestor of one resource at a higher level. */
PACS_CHECKED PacsStatus pacs_index_find_ancestor(PacsIndex *index, PacsLevel level, const char *id,
                                                 PacsLevel above, char ret_id[PACS_ORTHANC_ID_SIZE],
                                                 PacsError *err);

/** What it takes to read an instance's bytes. */
typedef struct PacsStoredObject {
    PacsKey key;
    uint64_t size_bytes;
    bool has_inflated; /* deflated objects: the representation the tables point into */
    PacsKey inflated_key;
    uint64_t inflated_size_bytes;
    uint8_t sha256[32];
    uint64_t dataset_offset;
    const char *sop_instance_uid;
    const char *sop_class_uid;
    const char *transfer_syntax_uid;
    PacsTag pixel_data_tag;
    uint64_t pixel_data_offset;
} PacsStoredObject;

PACS_CHECKED PacsStatus pacs_index_find_object(PacsIndex *index, const char *instance_id, PacsArena *arena,
                                               PacsStoredObject **ret_object, PacsError *err);

/** Where an instance below a path of UIDs is stored, as answers of many objects need it. */
typedef struct PacsListedObject {
    PacsKey key;
    uint64_t size_bytes;
    uint8_t sha256[32];
    const char *series_uid;
    const char *sop_instance_uid;
    const char *transfer_syntax_uid;
    bool has_pixel_data;
    uint32_t patient_index; /* which of the patients who share the path's UIDs, from 0 */
} PacsListedObject;

/** Every instance of what a path names, patient by patient, series by series, in arrival order: one snapshot, some
 *  150 bytes of the arena each. PACS_NOT_FOUND as pacs_index_find_uids(). */
PACS_CHECKED PacsStatus pacs_index_list_objects(PacsIndex *index, const PacsUidPath *path, PacsArena *arena,
                                                PacsListedObject **ret_objects, size_t *ret_count,
                                                PacsError *err);

/** The ready-made parts of an instance, as ingest handed them in. */
typedef struct PacsInstanceBlobs {
    const void *json_deflate; /* raw deflate of the DICOM JSON */
    size_t json_deflate_size;
    size_t json_size; /* inflated */
    uint32_t json_crc32;
    const void *frame_table;
    size_t frame_table_size;
    const void *bulk_table;
    size_t bulk_table_size;
} PacsInstanceBlobs;

typedef enum PacsBlobParts { PACS_BLOB_JSON = 1, PACS_BLOB_FRAMES = 2, PACS_BLOB_BULK = 4 } PacsBlobParts;

PACS_CHECKED PacsStatus pacs_index_find_blobs(PacsIndex *index, const char *instance_id, PacsBlobParts parts,
                                              PacsArena *arena, PacsInstanceBlobs *ret_blobs, PacsError *err);

/** Both of the above by one statement, for the instance that a path of UIDs names (all three are there): the first that
 *  came where they stand under several patients. PACS_NOT_FOUND ("no Instance has this UID"). */
PACS_CHECKED PacsStatus pacs_index_find_object_at(PacsIndex *index, const PacsUidPath *path,
                                                  PacsBlobParts parts, PacsArena *arena,
                                                  PacsStoredObject **ret_object, PacsInstanceBlobs *ret_blobs,
                                                  PacsError *err);

/** The DICOM JSON of blobs that were read, inflated and checked, added to `out`. Errors: PACS_CORRUPT, PACS_TOO_LARGE. */
PACS_CHECKED PacsStatus pacs_index_unpack_json(const PacsInstanceBlobs *blobs, PacsBuffer *out,
                                               PacsError *err);

/** Name and value pairs by Orthanc's metadata numbers (COMPAT.md section 2). */
typedef struct PacsMetadataValue {
    uint32_t number;
    const char *value;
    int64_t revision;
} PacsMetadataValue;

PACS_CHECKED PacsStatus pacs_index_read_metadata(PacsIndex *index, PacsLevel level, const char *id,
                                                 PacsArena *arena, PacsMetadataValue **ret_values,
                                                 size_t *ret_count, PacsError *err);

/** Exact, kept by increments. */
typedef struct PacsStatistics {
    uint64_t patients, studies, series, instances;
    uint64_t size_bytes;         /* stored */
    uint64_t uncompressed_bytes; /* as received */
} PacsStatistics;

PACS_CHECKED PacsStatus pacs_index_statistics(PacsIndex *index, PacsStatistics *ret_statistics,
                                              PacsError *err);

/* Changes: Orthanc's feed (names and numbers: COMPAT.md section 2). */

typedef enum PacsChangeType {
    PACS_CHANGE_NEW_INSTANCE = 1,
    PACS_CHANGE_NEW_SERIES,
    PACS_CHANGE_NEW_STUDY,
    PACS_CHANGE_NEW_PATIENT,
    PACS_CHANGE_COMPLETED_SERIES,
    PACS_CHANGE_STABLE_SERIES,
    PACS_CHANGE_STABLE_STUDY,
    PACS_CHANGE_STABLE_PATIENT,
    PACS_CHANGE_ANONYMIZED_STUDY,
    PACS_CHANGE_ANONYMIZED_SERIES,
    PACS_CHANGE_ANONYMIZED_PATIENT,
    PACS_CHANGE_MODIFIED_STUDY,
    PACS_CHANGE_MODIFIED_SERIES,
    PACS_CHANGE_MODIFIED_PATIENT,
    PACS_CHANGE_UPDATED_ATTACHMENT,
    PACS_CHANGE_UPDATED_METADATA,
    PACS_CHANGE_TYPE_COUNT,
} PacsChangeType;

const char *pacs_change_type_name(PacsChangeType type); /* "NewInstance"; "" for a number that is none */

typedef struct PacsChange {
    int64_t seq;
    PacsChangeType type;
    PacsLevel level;
    char id[PACS_ORTHANC_ID_SIZE];
    int64_t time_ms;
} PacsChange;

typedef struct PacsChangeQuery {
    int64_t since;  /* exclusive; -1 for "not given" */
    int64_t to;     /* inclusive; -1 for "not given"; alone it pages backwards: the last `limit` up to it */
    uint32_t limit; /* at least 1 */
    uint32_t type_mask; /* 1u << type of each wanted; 0: all */
    bool last_only;     /* only the newest change */
} PacsChangeQuery;

typedef struct PacsChangePage {
    PacsChange *changes; /* ascending */
    size_t count;
    bool done;                   /* nothing further in the direction of paging */
    int64_t first_seq, last_seq; /* of this page; the store's last when the page is empty */
} PacsChangePage;

PACS_CHECKED PacsStatus pacs_index_read_changes(PacsIndex *index, const PacsChangeQuery *query,
                                                PacsArena *arena, PacsChangePage *ret_page, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_clear_changes(PacsIndex *index, PacsError *err);

/* Back ends. */

typedef struct PacsIndexSqliteOptions {
    const char *path;      /* the database file; made if missing */
    uint32_t reader_count; /* connections beside the writer; 0: default */
    uint64_t
        log_bytes; /* length of the write-ahead log from the start: overwriting is quicker than appending */
    PacsExtraTags extra_tags; /* for metadata; borrowed for the index's life */
    PacsPhiFields phi_fields; /* what of the patient is in events */
} PacsIndexSqliteOptions;

/** Errors: PACS_EXISTS (another process has it open), PACS_UNSUPPORTED (made by a newer Lightbox),
 *          PACS_CORRUPT, PACS_UNAVAILABLE. Runs the migrations that are due. */
PACS_CHECKED PacsStatus pacs_index_sqlite_open(const PacsIndexSqliteOptions *options, PacsMetrics *metrics,
                                               PacsIndex **ret_index, PacsError *err);
