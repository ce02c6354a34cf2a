#include "transcode/service_metrics.h"

static void init_requests(TranscodeMetrics *metrics, PacsMetrics *registry)
{
    PacsMetricFamily *requests = pacs_metrics_family(
        registry, PACS_COUNTER, "imaging_transcode_requests_total",
        "Converted frames and pictures asked for, by what became of it.", "result");

    metrics->cached = pacs_metric(requests, "cached", NULL);
    metrics->joined = pacs_metric(requests, "joined", NULL);
    metrics->made = pacs_metric(requests, "made", NULL);
    metrics->failed = pacs_metric(requests, "failed", NULL);
    metrics->refused = pacs_metric(requests, "refused", NULL);
    metrics->cancelled = pacs_metric(requests, "cancelled", NULL);
}

static void init_load(TranscodeMetrics *metrics, PacsMetrics *registry)
{
    PacsMetricFamily *waiting = pacs_metrics_family(registry, PACS_GAUGE, "imaging_transcode_waiting",
                                                    "Computations that wait for a worker.", "priority");

    metrics->waiting[TRANSCODE_INTERACTIVE] = pacs_metric(waiting, "interactive", NULL);
    metrics->waiting[TRANSCODE_PREFETCH] = pacs_metric(waiting, "prefetch", NULL);
    metrics->waiting[TRANSCODE_BACKGROUND] = pacs_metric(waiting, "background", NULL);
    metrics->working = pacs_metric(pacs_metrics_family(registry, PACS_GAUGE, "imaging_transcode_working",
                                                       "Computations under way.", NULL),
                                   NULL);
}

static void init_cache(TranscodeMetrics *metrics, PacsMetrics *registry)
{
    PacsMetricFamily *bytes = pacs_metrics_family(registry, PACS_GAUGE, "imaging_transcode_cache_bytes",
                                                  "Converted frames and pictures kept.", "place");

    metrics->memory_bytes = pacs_metric(bytes, "memory", NULL);
    metrics->disk_bytes = pacs_metric(bytes, "disk", NULL);
    metrics->evictions = pacs_metric(pacs_metrics_family(registry, PACS_COUNTER,
                                                         "imaging_transcode_cache_evictions_total",
                                                         "Files removed from the cache to make room.", NULL),
                                     NULL);
    metrics->unwritten = pacs_metric(
        pacs_metrics_family(registry, PACS_COUNTER, "imaging_transcode_cache_unwritten_total",
                            "Results not kept on disk because they came faster than it writes.", NULL),
        NULL);
}

void transcode_metrics_init(TranscodeMetrics *metrics, PacsMetrics *registry)
{
    *metrics = (TranscodeMetrics){
        .frames = pacs_metrics_family(registry, PACS_COUNTER, "imaging_transcode_frames_total",
                                      "Frames through codecs.", "codec,operation,result"),
        .bytes = pacs_metrics_family(registry, PACS_COUNTER, "imaging_transcode_bytes_total",
                                     "Bytes into and out of codecs.", "codec,operation,direction"),
        .seconds = pacs_metrics_family(registry, PACS_HISTOGRAM, "imaging_transcode_seconds",
                                       "Time of one frame in a codec.", "codec,operation"),
        .helper_ends = pacs_metrics_family(registry, PACS_COUNTER, "imaging_transcode_helper_ends_total",
                                           "Decoding processes that ended before the server did.", "reason"),
    };
    init_requests(metrics, registry);
    init_load(metrics, registry);
    init_cache(metrics, registry);
}

void transcode_metrics_count(const TranscodeMetrics *metrics, const TranscodePass *pass)
{
    pacs_metric_add(
        pacs_metric(metrics->frames, pass->codec, pass->operation, pacs_status_name(pass->status), NULL), 1);
    pacs_metric_add(pacs_metric(metrics->bytes, pass->codec, pass->operation, "in", NULL), pass->bytes_in);
    if (pass->status == PACS_OK)
        pacs_metric_add(pacs_metric(metrics->bytes, pass->codec, pass->operation, "out", NULL),
                        pass->bytes_out);
    pacs_metric_observe_ns(pacs_metric(metrics->seconds, pass->codec, pass->operation, NULL),
                           pass->duration_ns);
}
