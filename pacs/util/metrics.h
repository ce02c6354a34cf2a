#pragma once

#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * Counters, gauges and histograms, and their Prometheus text (exposition format 0.0.4).
 *
 * Families are registered at start by the room that counts; a series is made on first use and their number
 * is capped per family (further label values fall into "other"), so that a peer cannot grow it. A family is
 * shown from its first series on; make those whose label values are known at start, so that they show as 0.
 *
 * Names:   Prometheus' conventions (`promtool check metrics`): lower_case_with_underscores, unit last
 *          (_bytes, _seconds), counters end in _total, label values are few.
 * Threads: any; counting is an atomic add.
 * Owner:   the registry owns families and series; handles are borrowed and live as long as it does.
 * NULL:    every counting call accepts NULL and does nothing, so that a test needs no registry.
 */
typedef struct PacsMetrics PacsMetrics;
typedef struct PacsMetric PacsMetric;             /* one series: something that can be counted */
typedef struct PacsMetricFamily PacsMetricFamily; /* a name with up to four label names */

typedef enum { PACS_COUNTER, PACS_GAUGE, PACS_HISTOGRAM } PacsMetricKind;

#define PACS_METRIC_LABELS_MAX 4

PacsMetrics *pacs_metrics_new(void);
void pacs_metrics_free(PacsMetrics *metrics);
PACS_DEFINE_AUTO(PacsMetrics, pacs_metrics_free);

/** `labels`: names separated by commas ("route,method,code") or NULL. NULL result: no memory or NULL metrics.
 *  Registering a name twice gives the first family. Histograms have buckets from 0.5 ms to 60 s. */
PacsMetricFamily *pacs_metrics_family(PacsMetrics *metrics, PacsMetricKind kind, const char *name,
                                      const char *help, const char *labels);

/** The series with these label values, as many as there are label names. Takes a lock: keep the handle. */
PacsMetric *pacs_metric(PacsMetricFamily *family, ...) __attribute__((sentinel));

void pacs_metric_add(PacsMetric *metric, uint64_t amount);             /* counter */
void pacs_metric_set(PacsMetric *metric, int64_t value);               /* gauge */
void pacs_metric_shift(PacsMetric *metric, int64_t difference);        /* gauge up or down */
void pacs_metric_observe_ns(PacsMetric *metric, uint64_t duration_ns); /* histogram, shown in seconds */
/** A counter's count, or a histogram's number of observations. */
uint64_t pacs_metric_value(const PacsMetric *metric);

/** A function that sets gauges just before they are shown (disk free, queue depth). Called by the thread that
 *  formats, so it must be ready for several at once; stays until the registry is freed. */
void pacs_metrics_on_collect(PacsMetrics *metrics, void (*collect)(void *context), void *context);

/** All families as Prometheus text, sorted by name. */
PACS_CHECKED PacsStatus pacs_metrics_format(PacsMetrics *metrics, PacsBuffer *out, PacsError *err);
