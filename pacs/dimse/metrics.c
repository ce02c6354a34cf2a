#include "pacs/dimse/metrics.h"

static PacsMetric *single(PacsMetrics *registry, PacsMetricKind kind, const char *name, const char *help)
{
    PacsMetricFamily *family = pacs_metrics_family(registry, kind, name, help, NULL);

    return family ? pacs_metric(family, NULL) : NULL;
}

PacsDimseMetrics pacs_dimse_metrics(PacsMetrics *registry)
{
    if (!registry)
        return (PacsDimseMetrics){0};
    return (PacsDimseMetrics){
        .associations = pacs_metrics_family(registry, PACS_COUNTER, "imaging_associations_total",
                                            "DICOM associations that have ended", "calling_aet,result"),
        .active = single(registry, PACS_GAUGE, "imaging_associations_active", "DICOM associations open now"),
        .store_seconds = single(registry, PACS_HISTOGRAM, "imaging_cstore_seconds",
                                "From a C-STORE command to its answer, the sender's time included"),
    };
}
