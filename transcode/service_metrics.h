#pragma once

#include "pacs/util/metrics.h"
#include "transcode/service.h"

/** What the service counts; docs/OPERATIONS.md says what it means. */
typedef struct TranscodeMetrics {
    PacsMetricFamily *frames;                                          /* codec, operation, result */
    PacsMetricFamily *bytes;                                           /* codec, operation, direction */
    PacsMetricFamily *seconds;                                         /* codec, operation */
    PacsMetricFamily *helper_ends;                                     /* reason */
    PacsMetric *cached, *joined, *made, *failed, *refused, *cancelled; /* requests by what became of them */
    PacsMetric *waiting[TRANSCODE_PRIORITY_COUNT];
    PacsMetric *working;
    PacsMetric *memory_bytes, *disk_bytes; /* of the cache */
    PacsMetric *evictions, *unwritten;
} TranscodeMetrics;

void transcode_metrics_init(TranscodeMetrics *metrics, PacsMetrics *registry);

/** One frame through a codec. */
typedef struct TranscodePass {
    const char *codec;
    const char *operation; /* "decode", "encode" */
    uint64_t bytes_in, bytes_out;
    uint64_t duration_ns;
    PacsStatus status;
} TranscodePass;
void transcode_metrics_count(const TranscodeMetrics *metrics, const TranscodePass *pass);
