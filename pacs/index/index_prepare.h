#pragma once

#include "pacs/index/index_id.h"
#include "pacs/index/index_write.h"
#include "pacs/util/arena.h"

/**
 * All of an addition that can be worked out before the transaction, on the caller's thread: a writer that
 * serves everybody only stores values. Nothing here is any back end's own.
 */
typedef struct PacsPreparedAdd {
    const PacsIndexAdd *add;
    const PacsInstance *instance; /* add->instance */
    PacsOrthancId ids[PACS_LEVEL_COUNT];
    char id_texts[PACS_LEVEL_COUNT][PACS_ORTHANC_ID_SIZE];
    struct {
        const void *bytes; /* pacs/index/index_tags.h */
        size_t size;
    } tags[PACS_LEVEL_COUNT];

    const char *patient_name_search; /* pacs_text_fold; NULL where the tag is absent */
    const char *referring_physician_search;
    int64_t expected_instances; /* of the series; -1 unknown */
    int64_t index_in_series;    /* -1 unknown */
    const char *pixel_data_vr;  /* "OB" or "OW" where it is not what the transfer syntax implies; else NULL */
} PacsPreparedAdd;

/**
 * Owner:  what it points to lives in the arena or is borrowed from `add`.
 * Errors: PACS_INVALID (a UID missing or over 64 characters, a value no index can hold), PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus pacs_index_prepare(const PacsIndexAdd *add, PacsArena *arena,
                                           PacsPreparedAdd *ret_prepared, PacsError *err);

/** What events name a study by beside its main tags; NULL where there is none, or none that fits. */
typedef struct PacsStudyLinks {
    const char *accession_issuer;        /* (0008,0051): local, else universal entity id */
    const char *referring_physician_ref; /* (0008,0096): the first identification code's value */
} PacsStudyLinks;

/** Only where a study begins: its first instance's JSON is walked for it. What is malformed has no links. */
PACS_CHECKED PacsStatus pacs_index_prepare_links(const PacsPreparedAdd *prepared, PacsArena *arena,
                                                 PacsStudyLinks *ret_links, PacsError *err);

/** Value of a tag of one of the instance's levels, NULL if it is absent. */
const char *pacs_index_prepared_tag(const PacsPreparedAdd *prepared, PacsLevel level, PacsTag tag);
