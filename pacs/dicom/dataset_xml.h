#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/dataset_writer.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * From the Native DICOM Model (PS3.19 A.1) to a data set: one document, pushed as it arrives, into a writer that the
 * caller finishes.
 *
 * Shape:   attributes may stand in any order; a private one as gggg00ee with its creator gets a block reserved (the
 *          first that is free), one with its whole tag keeps it. Elements that the model does not have are passed
 *          over.
 * Safety:  no document types, so no entities and nothing external: a document with one is refused at its first word.
 * Memory:  one value, one piece of markup (PACS_MAX_XML_TOKEN) and a block of bytes, beside the writer's.
 * Threads: one at a time.
 * Errors:  PACS_INVALID (naming the line, or the tag), PACS_TOO_LARGE, as the writer. Sticky.
 */
typedef struct PacsDatasetXml PacsDatasetXml;

/** The writer is borrowed. */
PACS_CHECKED PacsStatus pacs_dataset_xml_new(PacsDatasetWriter *writer, PacsDatasetXml **ret_xml,
                                             PacsError *err);
void pacs_dataset_xml_free(PacsDatasetXml *xml);
PACS_DEFINE_AUTO(PacsDatasetXml, pacs_dataset_xml_free);

PACS_CHECKED PacsStatus pacs_dataset_xml_feed(PacsDatasetXml *xml, const uint8_t *bytes, size_t size,
                                              PacsError *err);
/** Bytes of memory that are held between calls, without the writer's. */
size_t pacs_dataset_xml_held(const PacsDatasetXml *xml);
PACS_CHECKED PacsStatus pacs_dataset_xml_finish(PacsDatasetXml *xml, PacsError *err);
