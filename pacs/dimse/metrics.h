#pragma once

#include "pacs/util/metrics.h"

/** What the DICOM door counts, beside what pacs/ingest counts of the objects. All handles may be NULL.
 * Threads: any. */
typedef struct PacsDimseMetrics {
    PacsMetricFamily *associations; /* calling_aet, result */
    PacsMetric *active;
    PacsMetric *store_seconds;
} PacsDimseMetrics;

/** registry may be NULL, and outlives the metrics. */
PacsDimseMetrics pacs_dimse_metrics(PacsMetrics *registry);
