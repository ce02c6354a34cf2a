#pragma once

#include "pacs/dicom/scan.h"
#include "pacs/index/index_write.h"
#include "pacs/util/arena.h"

/**
 * What a report document says of itself, for the events that tell of it: read once, at ingest, out of the DICOM JSON.
 *
 * Reports: Encapsulated PDF and CDA, Basic Text, Enhanced, Comprehensive and Comprehensive 3D SR. *ret_facts is NULL for all else.
 * Owner:   facts live in the arena.
 * Source:  PS3.3 C.17.2 (SR Document General), C.24.2 (Encapsulated Document).
 */
bool ingest_is_report(const PacsInstance *instance);
PACS_CHECKED PacsStatus ingest_report_facts(const PacsInstance *instance, PacsArena *arena,
                                            const PacsReportFacts **ret_facts, PacsError *err);
