#pragma once

#include "pacs/dicom/bulk_table.h"
#include "pacs/retrieve/retrieve.h"

/**
 * Values of an instance that its DICOM JSON names by BulkDataURI, as they leave: little endian, whatever they are
 * stored in. Encapsulated pixel data is no such value, but frames (frames.h).
 *
 * Threads: any; a value is only read.
 * Errors:  PACS_CORRUPT, PACS_UNAVAILABLE.
 */
typedef struct PacsRetrievedValue {
    PacsKey key; /* of the bytes that the range counts in: the object's, or its inflated representation's */
    PacsRange range;
    uint8_t swap_size; /* bytes of a word that is turned round; 1: it leaves as it is stored */
} PacsRetrievedValue;

/** Where a value of the object's bulk table stands. */
PacsRetrievedValue pacs_retrieve_value(const PacsStoredObject *object, const PacsBulkValue *value);

/** `size` bytes of it from `offset`, as pacs_retrieve_open(); a value in a file has the descriptor's bytes at
 *  range.offset + offset. */
PACS_CHECKED PacsStatus pacs_retrieve_value_open(PacsRetrieve *retrieve, const PacsRetrievedValue *value,
                                                 uint64_t offset, uint64_t size,
                                                 PacsRetrievedBytes *ret_bytes, PacsError *err);
