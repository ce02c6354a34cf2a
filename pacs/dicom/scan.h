#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/identity.h"
#include "pacs/dicom/tag.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * Everything a read will ever need to know of an object, in one pass over its bytes as they arrive.
 *
 * A scan sits on the streaming reader (pacs/dicom/reader.h): it is fed a Part 10 stream (or a bare data set
 * from a file without preamble or meta header) in pieces of any size, cut anywhere, and after the last piece
 * it holds a PacsInstance. The result does not depend on the cuts.
 *
 * Memory:  bounded by pacs/util/limits.h, whatever the object's size: bulk values are counted, not kept.
 * Threads: one thread at a time; different scans are independent.
 * Errors:  PACS_INVALID (malformed, truncated, UIDs missing or impossible; the text names tag and offset),
 *          PACS_UNSUPPORTED (a transfer syntax nobody defined), PACS_TOO_LARGE (over a limit).
 *          After a failure every further call fails the same way.
 */
typedef struct PacsScan PacsScan;

/** Bytes: private headers stay readable; LUTs, overlays, documents do not count. */
#define PACS_SCAN_INLINE_MAX_DEFAULT 1024

typedef struct PacsScanOptions {
    /** Binary values above this many bytes become BulkDataURI in the JSON; pixel data always does. 0:
     * default, at most PACS_MAX_TEXT_VALUE, above which also text and numbers become BulkDataURI. */
    uint64_t inline_max_bytes;
    /** Called with every run of inflated bytes of a deflated data set, in order; NULL for none. The offsets
     * in the frame and bulk tables of such an object count in the stream this function sees, which begins
     *  with the file as far as the data set, unchanged, and goes on with the data set inflated. */
    PacsStatus (*on_inflated)(void *context, const void *bytes, size_t size, PacsError *err);
    void *context;
    /** Take any data set: what lacks the UIDs of an instance (worklist items, palettes) is not refused. */
    bool any_dataset;
    /** Further tags to keep beside the main tags, at the level they are given (ExtraMainDicomTags). */
    const PacsTag *extra_tags[4]; /* indexed by PacsLevel */
    size_t extra_tag_count[4];
} PacsScanOptions;

/** One indexed value, UTF-8, several values joined by backslash, trimmed as DICOM pads; of a sequence its DICOM JSON,
 *  `{"vr":"SQ","Value":[...]}`. */
typedef struct PacsTagValue {
    PacsTag tag;
    const char *value;
} PacsTagValue;

/** Image Pixel module (PS3.3 C.7.6.3); all 0 and "" where the object has no pixel data. */
typedef struct PacsPixelDescription {
    uint32_t rows;
    uint32_t columns;
    uint32_t number_of_frames; /* 1 where pixel data stand without (0028,0008) */
    uint16_t samples_per_pixel;
    uint16_t bits_allocated;
    uint16_t bits_stored;
    uint16_t high_bit;
    uint16_t pixel_representation;
    uint16_t planar_configuration;
    char photometric_interpretation[17];
} PacsPixelDescription;

/** What a finished scan knows. Everything in it is borrowed from the scan. */
typedef struct PacsInstance {
    const char
        *patient_id; /* "" if absent; UTF-8; padding behind trimmed, spaces in front kept (Orthanc ids) */
    const char *study_instance_uid;
    const char *series_instance_uid;
    const char *sop_instance_uid;
    const char *sop_class_uid;
    const char *transfer_syntax_uid; /* the one the bytes are really in */

    /** Main (and extra) tags present at each level, tag order, indexed by PacsLevel. */
    const PacsTagValue *tags[4];
    size_t tag_count[4];

    PacsPixelDescription pixels;
    bool has_pixel_data;
    PacsTag pixel_data_tag; /* (7FE0,0010), (7FE0,0008), (7FE0,0009); 0 for none */
    PacsVr pixel_data_vr;
    uint64_t pixel_data_offset; /* of the element's header, from the start of the file; 0 for none */
    uint64_t dataset_offset;    /* of the first byte after the meta header */
    uint64_t size_bytes;        /* bytes fed */
    bool deflated;              /* offsets count in the inflated stream */

    /** The data set as one DICOM JSON object (PS3.18 F.2), UTF-8, group 0002 and group lengths left out. A
     *  BulkDataURI is "bulkdata/" and the path that pacs/dicom/bulk_table.h finds, relative to the instance:
     *  "bulkdata/7FE00010", "bulkdata/54000100/1/54001010". Doors make it absolute. */
    const PacsBuffer *json;
    /** Opaque, versioned, compact; read back by pacs/dicom/frame_table.h and bulk_table.h. Empty for none. */
    const PacsBuffer *frame_table;
    const PacsBuffer *bulk_table;
} PacsInstance;

/** Options may be NULL and are copied. */
PACS_CHECKED PacsStatus pacs_scan_new(const PacsScanOptions *options, PacsScan **ret_scan, PacsError *err);
void pacs_scan_free(PacsScan *scan);
PACS_DEFINE_AUTO(PacsScan, pacs_scan_free);

PACS_CHECKED PacsStatus pacs_scan_feed(PacsScan *scan, const void *bytes, size_t size, PacsError *err);

/** The end of the bytes: checks that nothing is cut off and that what an index needs is there. */
PACS_CHECKED PacsStatus pacs_scan_finish(PacsScan *scan, PacsError *err);

/** After a successful finish. Borrowed from the scan, valid until it is freed or reset. */
const PacsInstance *pacs_scan_instance(const PacsScan *scan);

/** What an object calls itself, as far as it has come: also of one that failed. "" for what is not known or is no
 *  UID. Borrowed from the scan. */
typedef struct PacsScanNames {
    const char *sop_class_uid;
    const char *sop_instance_uid;
} PacsScanNames;
PacsScanNames pacs_scan_names(const PacsScan *scan);

/** Ready for the next object; keeps its memory (an association stores thousands). */
void pacs_scan_reset(PacsScan *scan);
