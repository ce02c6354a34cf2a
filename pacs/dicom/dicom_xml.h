#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/tag.h"
#include "pacs/util/buffer.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * From DICOM JSON to the Native DICOM Model, the XML of DICOMweb: one data set, one document.
 *
 * Shape:   the JSON is ours (pacs/dicom/scan.h, or a door's answer): one object, tags in rising order, "vr" the
 *          first member of each attribute. A private element becomes tag="gggg00ee" with its privateCreator,
 *          and the elements that only reserve blocks are left out, as the model wants it; one whose block
 *          nobody reserved keeps its whole tag. Empty values among several keep their number.
 * Memory:  the JSON is borrowed and walked once; beside `out` one value and the creators of the open groups.
 * Errors:  PACS_CORRUPT (not DICOM JSON as above), PACS_TOO_LARGE (nested deeper than
 *          PACS_MAX_SEQUENCE_DEPTH, or `out` is full), PACS_NO_MEMORY.
 * Source:  DICOM PS3.19 A.1 (Native DICOM Model), PS3.18 F.2 (JSON) and F.3 (JSON beside XML).
 */
PACS_CHECKED PacsStatus pacs_dicom_xml_write(PacsSlice json, const char *bulk_prefix, PacsBuffer *out,
                                             PacsError *err);

/**
 * The same in steps, for documents that leave while they are written: each step adds one attribute, or one end of
 * an item, to `out`, which the caller may empty in between.
 *
 *     pacs_dicom_xml_init(&xml, json, "/dicom-web/studies/...");
 *     for (bool done = false; status == PACS_OK && !done;)
 *         status = pacs_dicom_xml_next(&xml, &out, &done, err);
 *     pacs_dicom_xml_clear(&xml);
 */
typedef struct PacsDicomXml {
    PacsJsonReader reader;
    const char *bulk_prefix;
    PacsBuffer text;     /* the value at hand, unescaped */
    PacsBuffer creators; /* who reserved which block, of all open data sets */
    bool in_sequence;    /* between the items of levels[depth]'s open sequence */
    bool started;
    uint32_t depth; /* data sets open around the one at hand */
    struct {
        size_t creators_start; /* where this data set's begin */
        uint32_t item_count;   /* of its open sequence */
    } levels[PACS_MAX_SEQUENCE_DEPTH + 1];
} PacsDicomXml;

/** `bulk_prefix` is put in front of every BulkDataURI that is relative ("bulkdata/7FE00010"). Both are borrowed. */
void pacs_dicom_xml_init(PacsDicomXml *xml, PacsSlice json, const char *bulk_prefix);
void pacs_dicom_xml_clear(PacsDicomXml *xml);
/** Once *ret_done was true it must not be called again. */
PACS_CHECKED PacsStatus pacs_dicom_xml_next(PacsDicomXml *xml, PacsBuffer *out, bool *ret_done,
                                            PacsError *err);
