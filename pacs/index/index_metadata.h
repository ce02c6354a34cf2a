#pragma once

#include "pacs/index/index_write.h"
#include "pacs/util/arena.h"

/** What the metadata of a resource follows from: columns that a back end has anyway, so that an instance
 * costs no rows of metadata. Texts that do not apply are NULL, numbers -1. */
typedef struct PacsMetadataFacts {
    PacsLevel level;
    const PacsExtraTags *extra_tags; /* as configured today */
    const PacsTagValue *tags;        /* kept of the resource */
    size_t tag_count;
    PacsOrigin origin;          /* series (of the first instance), instances */
    int64_t time_ms;            /* last update; of an instance: reception */
    int64_t expected_instances; /* series */
    int64_t index_in_series;    /* instances, as all that follow */
    const char *transfer_syntax_uid;
    const char *sop_class_uid;
    const char *pixel_data_vr;
    int64_t pixel_data_offset;
} PacsMetadataFacts;

/**
 * Metadata that Orthanc 1.13 would hold of such a resource (numbers and counts: COMPAT section 2), followed
 * by the `set_count` ones set explicitly, in the order of their numbers; an explicit one wins over one that
 * follows.
 *
 * Owner: values live in the arena or are borrowed from `facts` and `set`.
 */
PACS_CHECKED PacsStatus pacs_index_metadata_list(const PacsMetadataFacts *facts, const PacsMetadataValue *set,
                                                 size_t set_count, PacsArena *arena,
                                                 PacsMetadataValue **ret_values, size_t *ret_count,
                                                 PacsError *err);

/* Orthanc's numbers. */
enum {
    PACS_METADATA_INDEX_IN_SERIES = 1,
    PACS_METADATA_RECEPTION_DATE = 2,
    PACS_METADATA_REMOTE_AET = 3,
    PACS_METADATA_EXPECTED_NUMBER_OF_INSTANCES = 4,
    PACS_METADATA_LAST_UPDATE = 7,
    PACS_METADATA_ORIGIN = 8,
    PACS_METADATA_TRANSFER_SYNTAX = 9,
    PACS_METADATA_SOP_CLASS_UID = 10,
    PACS_METADATA_REMOTE_IP = 11,
    PACS_METADATA_CALLED_AET = 12,
    PACS_METADATA_HTTP_USERNAME = 13,
    PACS_METADATA_PIXEL_DATA_OFFSET = 14,
    PACS_METADATA_MAIN_DICOM_TAGS_SIGNATURE = 15,
    PACS_METADATA_MAIN_DICOM_SEQUENCES = 16,
    PACS_METADATA_PIXEL_DATA_VR = 17,
};
