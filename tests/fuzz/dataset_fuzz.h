#pragma once

#include <stdlib.h>

#include "pacs/dicom/dataset_writer.h"
#include "pacs/dicom/part10.h"
#include "pacs/dicom/scan.h"

/** What a writer made of outside text: its holes are where they say, and a scan may read it. */

#define FUZZ_DATASET_MAX (1u << 20)

static inline void fuzz_check_holes(const PacsDataset *dataset)
{
    uint64_t last = 0;

    for (size_t i = 0; i < dataset->hole_count; i++) {
        const PacsDatasetHole *hole = &dataset->holes[i];
        if (hole->offset < last || hole->offset > dataset->size ||
            strlen(dataset->uris + hole->uri) != hole->uri_size)
            abort();
        last = hole->offset;
    }
}

/** In two pieces, as it comes out of a spool: whether it is taken is the scan's business. */
static inline void fuzz_scan(const PacsDataset *dataset)
{
    const PacsFileMeta meta = {"1.2.3", "1.2.3.4", PACS_UID_EXPLICIT_LITTLE, NULL};
    const PacsScanOptions options = {.any_dataset = true};
    PACS_AUTO_BUFFER PacsBuffer header = PACS_BUFFER(4096);
    PACS_AUTO(PacsScan) scan = NULL;

    if (pacs_scan_new(&options, &scan, NULL) != PACS_OK ||
        pacs_part10_format_header(&meta, &header, NULL) != PACS_OK)
        abort();
    if (pacs_scan_feed(scan, header.bytes, header.size, NULL) == PACS_OK && dataset->size > 0 &&
        pacs_scan_feed(scan, dataset->bytes, dataset->size, NULL) == PACS_OK)
        pacs_ignore(pacs_scan_finish(scan, NULL));
}

static inline void fuzz_finish(PacsDatasetWriter *writer)
{
    PacsDataset dataset;

    if (pacs_dataset_writer_finish(writer, &dataset, NULL) != PACS_OK)
        return;
    fuzz_check_holes(&dataset);
    fuzz_scan(&dataset);
}
