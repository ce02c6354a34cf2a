#pragma once

#include "pacs/dicom/json_item.h"
#include "pacs/retrieve/retrieve.h"

/**
 * An instance's attributes with the bytes of those that are too large to stand in its DICOM JSON.
 *
 * Owner:   what comes back lives in the arena; all members are borrowed.
 * Errors:  PACS_NOT_FOUND (no value, or its bytes cannot be had), PACS_TOO_LARGE, PACS_CORRUPT, PACS_UNAVAILABLE,
 *          PACS_NO_MEMORY.
 */
typedef struct PacsInstanceValues {
    PacsRetrieve *retrieve; /* NULL: what does not stand in the JSON is not there */
    const PacsStoredObject *object;
    const void *bulk_table;
    size_t bulk_table_size;
    PacsJsonItem item;
    PacsArena *arena;
} PacsInstanceValues;

/** Which instance: one of the two. Borrowed. */
typedef struct PacsInstanceName {
    const char *id;          /* Orthanc's; NULL: */
    const PacsUidPath *path; /* all three UIDs are there */
} PacsInstanceName;

/** What the index has of it. PACS_NOT_FOUND ("no Instance has this UID"). */
PACS_CHECKED PacsStatus pacs_instance_find(PacsRetrieve *retrieve, const PacsInstanceName *name,
                                           PacsBlobParts parts, PacsArena *arena,
                                           PacsStoredObject **ret_object, PacsInstanceBlobs *ret_blobs,
                                           PacsError *err);

/** All of it from the index; the JSON lives in `json`. */
PACS_CHECKED PacsStatus pacs_instance_values_find(PacsRetrieve *retrieve, const PacsInstanceName *name,
                                                  PacsArena *arena, PacsBuffer *json,
                                                  PacsInstanceValues *ret_values, PacsError *err);

/** Up to `size` bytes of a binary value from `offset`, little endian; fewer where it ends. */
PACS_CHECKED PacsStatus pacs_instance_value_bytes(const PacsInstanceValues *values,
                                                  const PacsJsonAttribute *attribute, uint64_t offset,
                                                  size_t size, const uint8_t **ret_bytes, size_t *ret_size,
                                                  PacsError *err);

/** Up to `max` words of 16 bits: of OW, or numbers of US and SS (their bits). */
PACS_CHECKED PacsStatus pacs_instance_value_words(const PacsInstanceValues *values,
                                                  const PacsJsonAttribute *attribute, size_t max,
                                                  uint16_t **ret_words, size_t *ret_count, PacsError *err);

/** Whether a failure says something of the instance, which a picture can do without, and not of us. */
static inline bool pacs_instance_value_is_missing(PacsStatus status)
{
    return status == PACS_NOT_FOUND || status == PACS_TOO_LARGE || status == PACS_INVALID;
}
