#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/scan.h"
#include "pacs/dicom/tag.h"
#include "pacs/dicom/uid.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * A data set in explicit VR little endian, written element by element from values that are text (JSON, XML).
 * Large values may be left open: a hole remembers where one belongs and by which URI it is named, and whoever
 * has its bytes puts the element there.
 *
 * Shape:   elements may come in any order and are put in the order of their tags; sequences and items get
 *          undefined lengths; text is UTF-8, and (0008,0005) says so where it is needed. Group lengths and
 *          groups 0000 and 0002 are left out: what is given of them is remembered where it matters.
 *          A value that is too long for the header of its VR becomes UN (PS3.5 6.2.2).
 * Memory:  the data set without its holes, at most the maximum given, and 40 bytes for each element.
 * Threads: one at a time.
 * Errors:  PACS_INVALID (naming the tag, never the value), PACS_TOO_LARGE. Not sticky: after a failure the
 *          writer is only good for pacs_dataset_writer_reset() or free.
 */
typedef struct PacsDatasetWriter PacsDatasetWriter;

/** The place of an element that is still to come. */
typedef struct PacsDatasetHole {
    uint64_t offset; /* in the bytes of the data set: the element, header and all, belongs in front of it */
    PacsTag tag;
    PacsVr vr;
    uint32_t depth;    /* sequences around it */
    uint32_t uri;      /* where its name begins in PacsDataset.uris */
    uint32_t uri_size; /* without the NUL behind it */
} PacsDatasetHole;

/** A finished data set. All of it is borrowed from the writer. */
typedef struct PacsDataset {
    const uint8_t *bytes;
    size_t size;
    const PacsDatasetHole *holes; /* by rising offset */
    size_t hole_count;
    const char *uris;
    /* Of the top level; "" for what was not there. */
    char sop_class_uid[PACS_UID_SIZE];
    char sop_instance_uid[PACS_UID_SIZE];
    char transfer_syntax_uid[PACS_UID_SIZE]; /* (0002,0010), which some write beside the data set */
} PacsDataset;

PACS_CHECKED PacsStatus pacs_dataset_writer_new(size_t max_bytes, PacsDatasetWriter **ret_writer,
                                                PacsError *err);
void pacs_dataset_writer_free(PacsDatasetWriter *writer);
PACS_DEFINE_AUTO(PacsDatasetWriter, pacs_dataset_writer_free);
/** Ready for the next data set; keeps its memory, unless that is much. */
void pacs_dataset_writer_reset(PacsDatasetWriter *writer);

/** An element that is no sequence: begin, its values in order or its bytes or its URI, end. */
PACS_CHECKED PacsStatus pacs_dataset_writer_begin(PacsDatasetWriter *writer, PacsTag tag, PacsVr vr,
                                                  PacsError *err);
/** One value, whatever the VR: text in UTF-8, numbers in decimal ("NaN", "inf"), AT in eight digits. Empty: a value
 *  that is not there. */
PACS_CHECKED PacsStatus pacs_dataset_writer_value(PacsDatasetWriter *writer, PacsSlice text, PacsError *err);
/** Of a VR of bytes or words, in little endian. */
PACS_CHECKED PacsStatus pacs_dataset_writer_bytes(PacsDatasetWriter *writer, const void *bytes, size_t size,
                                                  PacsError *err);
/** The same in base64. */
PACS_CHECKED PacsStatus pacs_dataset_writer_base64(PacsDatasetWriter *writer, PacsSlice text, PacsError *err);
/** The value is elsewhere, under this name. */
PACS_CHECKED PacsStatus pacs_dataset_writer_bulk(PacsDatasetWriter *writer, PacsSlice uri, PacsError *err);
PACS_CHECKED PacsStatus pacs_dataset_writer_end(PacsDatasetWriter *writer, PacsError *err);

PACS_CHECKED PacsStatus pacs_dataset_writer_sequence_begin(PacsDatasetWriter *writer, PacsTag tag,
                                                           PacsError *err);
PACS_CHECKED PacsStatus pacs_dataset_writer_item_begin(PacsDatasetWriter *writer, PacsError *err);
PACS_CHECKED PacsStatus pacs_dataset_writer_item_end(PacsDatasetWriter *writer, PacsError *err);
PACS_CHECKED PacsStatus pacs_dataset_writer_sequence_end(PacsDatasetWriter *writer, PacsError *err);

/** The end: all sequences are closed (assert). */
PACS_CHECKED PacsStatus pacs_dataset_writer_finish(PacsDatasetWriter *writer, PacsDataset *ret_dataset,
                                                   PacsError *err);

/** What the data set calls itself, as far as it has come, also after a failure. Borrowed from the writer. */
PacsScanNames pacs_dataset_writer_names(const PacsDatasetWriter *writer);

/** Bytes of memory that are held between calls. */
size_t pacs_dataset_writer_held(const PacsDatasetWriter *writer);

/**
 * The header of an element with a value of `size` bytes, into `out`; PACS_LENGTH_UNDEFINED
 * (pacs/dicom/reader.h) for sequences and encapsulated pixel data. Returns its size, 8 or 12. A size that does
 * not fit into the header of the VR makes it UN. `size` is even and at most 2^32 - 2 (assert).
 */
#define PACS_ELEMENT_HEADER_MAX 12
size_t pacs_element_header_format(PacsTag tag, PacsVr vr, uint64_t size,
                                  uint8_t out[PACS_ELEMENT_HEADER_MAX]);
/** The largest value an element can have: an even number below what means "undefined". */
#define PACS_ELEMENT_VALUE_MAX 0xFFFFFFFEu
