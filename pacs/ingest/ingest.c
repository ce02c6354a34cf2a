#include "pacs/ingest/ingest_private.h"

#include <stdlib.h>

static void register_metrics(PacsIngest *ingest, PacsMetrics *metrics)
{
    ingest->received = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_instances_received_total",
                                           "Objects that reached ingest, by outcome.",
                                           "sop_class,transfer_syntax,result");
    ingest->received_bytes = pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER,
                                                             "imaging_ingest_bytes_total",
                                                             "Bytes of objects stored.", NULL),
                                         NULL);
    ingest->collisions = pacs_metric(
        pacs_metrics_family(metrics, PACS_COUNTER, "imaging_uid_collisions_total",
                            "Instances kept although their UID stands under another parent too.", NULL),
        NULL);
    ingest->unconverted = pacs_metric(
        pacs_metrics_family(metrics, PACS_COUNTER, "imaging_ingest_unconverted_total",
                            "Objects stored as they came because IngestTranscoding could not convert them.",
                            NULL),
        NULL);
    ingest->swept = pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER, "imaging_swept_objects_total",
                                                    "Objects removed because no row of the index named them.",
                                                    NULL),
                                NULL);
    ingest->closed = pacs_metric(
        pacs_metrics_family(metrics, PACS_GAUGE, "imaging_ingest_backpressure",
                            "1 while nothing new is taken in because too many events wait to be sent.", NULL),
        NULL);
}

PacsStatus pacs_ingest_new(const PacsIngestOptions *options, PacsStore *store, PacsIndex *index,
                           PacsMetrics *metrics, PacsIngest **ret_ingest, PacsError *err)
{
    PacsIngest *ingest = calloc(1, sizeof *ingest);
    if (!ingest)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for ingest");

    ingest->options = *options;
    ingest->store = store;
    ingest->index = index;
    (void)pthread_mutex_init(&ingest->lock, NULL); /* cannot fail with default attributes on Linux */
    register_metrics(ingest, metrics);
    *ret_ingest = ingest;
    return PACS_OK;
}

void pacs_ingest_free(PacsIngest *ingest)
{
    if (!ingest)
        return;
    upload_kits_free(ingest);
    (void)pthread_mutex_destroy(&ingest->lock);
    free(ingest);
}

void pacs_ingest_set_transcode(PacsIngest *ingest, TranscodeService *transcode)
{
    ingest->transcode = transcode;
}
