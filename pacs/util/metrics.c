#include "pacs/util/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "pacs/util/text.h"

#define NS_PER_S UINT64_C(1000000000)

typedef struct Bucket {
    uint64_t max_ns;
    const char *seconds; /* the same, as the text says it */
} Bucket;

static const Bucket buckets[] = {
    {.max_ns = 500000, .seconds = "0.0005"},    {.max_ns = 1000000, .seconds = "0.001"},
    {.max_ns = 2500000, .seconds = "0.0025"},   {.max_ns = 5000000, .seconds = "0.005"},
    {.max_ns = 10000000, .seconds = "0.01"},    {.max_ns = 25000000, .seconds = "0.025"},
    {.max_ns = 50000000, .seconds = "0.05"},    {.max_ns = 100000000, .seconds = "0.1"},
    {.max_ns = 250000000, .seconds = "0.25"},   {.max_ns = 500000000, .seconds = "0.5"},
    {.max_ns = NS_PER_S, .seconds = "1"},       {.max_ns = 2500000000, .seconds = "2.5"},
    {.max_ns = 5 * NS_PER_S, .seconds = "5"},   {.max_ns = 10 * NS_PER_S, .seconds = "10"},
    {.max_ns = 30 * NS_PER_S, .seconds = "30"}, {.max_ns = 60 * NS_PER_S, .seconds = "60"},
};
#define BUCKET_COUNT (sizeof buckets / sizeof buckets[0])

struct PacsMetric {
    PacsMetric *next;
    PacsMetricKind kind;
    char *labels;                  /* `a="x",b="y"`, escaped; "" for none */
    atomic_uint_fast64_t value;    /* a count, a gauge's bits, or a histogram's sum in nanoseconds */
    atomic_uint_fast64_t counts[]; /* histograms: observations in each bucket, the last beyond all of them */
};

struct PacsMetricFamily {
    PacsMetricFamily *next;
    PacsMetrics *metrics;
    PacsMetricKind kind;
    char *name;
    char *help;
    char *label_text; /* what label_names point into */
    const char *label_names[PACS_METRIC_LABELS_MAX];
    size_t label_count;
    PacsMetric *series; /* sorted by labels */
    size_t series_count;
};

typedef struct Collector {
    struct Collector *next;
    void (*collect)(void *context);
    void *context;
} Collector;

struct PacsMetrics {
    pthread_mutex_t lock;       /* over the lists, not over the counting */
    PacsMetricFamily *families; /* sorted by name */
    Collector *collectors;      /* newest first; nothing is ever taken out */
};

PacsMetrics *pacs_metrics_new(void)
{
    PacsMetrics *metrics = calloc(1, sizeof *metrics);
    if (metrics)
        (void)pthread_mutex_init(&metrics->lock, NULL); /* cannot fail without attributes */
    return metrics;
}

static void metric_free(PacsMetric *metric)
{
    if (!metric)
        return;
    free(metric->labels);
    free(metric);
}

static void family_free(PacsMetricFamily *family)
{
    if (!family)
        return;
    while (family->series) {
        PacsMetric *metric = family->series;
        family->series = metric->next;
        metric_free(metric);
    }
    free(family->name);
    free(family->help);
    free(family->label_text);
    free(family);
}
PACS_DEFINE_AUTO(PacsMetricFamily, family_free);

void pacs_metrics_free(PacsMetrics *metrics)
{
    if (!metrics)
        return;
    while (metrics->families) {
        PacsMetricFamily *family = metrics->families;
        metrics->families = family->next;
        family_free(family);
    }
    while (metrics->collectors) {
        Collector *collector = metrics->collectors;
        metrics->collectors = collector->next;
        free(collector);
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* ---- families ---- */

static void split_labels(PacsMetricFamily *family)
{
    char *rest = *family->label_text ? family->label_text : NULL;
    for (char *name; (name = strsep(&rest, ","));) {
        assert(family->label_count < PACS_METRIC_LABELS_MAX);
        family->label_names[family->label_count++] = name;
    }
}

static PacsMetricFamily *family_new(PacsMetrics *metrics, PacsMetricKind kind, const char *name,
                                    const char *help, const char *labels)
{
    PACS_AUTO(PacsMetricFamily) family = calloc(1, sizeof *family);
    if (!family)
        return NULL;
    *family = (PacsMetricFamily){.metrics = metrics, .kind = kind};
    family->name = strdup(name);
    family->help = strdup(help);
    family->label_text = strdup(labels ? labels : "");
    if (!family->name || !family->help || !family->label_text)
        return NULL;
    split_labels(family);
    return PACS_STEAL(family);
}

/* Where a family of this name stands, or would stand. */
static PacsMetricFamily **family_place(PacsMetrics *metrics, const char *name)
{
    PacsMetricFamily **place = &metrics->families;
    while (*place && strcmp((*place)->name, name) < 0)
        place = &(*place)->next;
    return place;
}

static PacsMetricFamily *find_or_add_family(PacsMetrics *metrics, PacsMetricKind kind, const char *name,
                                            const char *help, const char *labels)
{
    PacsMetricFamily **place = family_place(metrics, name);
    if (*place && strcmp((*place)->name, name) == 0)
        return *place;
    PacsMetricFamily *family = family_new(metrics, kind, name, help, labels);
    if (!family)
        return NULL;
    family->next = *place;
    return *place = family;
}

PacsMetricFamily *pacs_metrics_family(PacsMetrics *metrics, PacsMetricKind kind, const char *name,
                                      const char *help, const char *labels)
{
    assert(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0');
    if (!metrics)
        return NULL;
    (void)pthread_mutex_lock(&metrics->lock);
    PacsMetricFamily *family = find_or_add_family(metrics, kind, name, help, labels);
    (void)pthread_mutex_unlock(&metrics->lock);
    assert(!family || family->kind == kind);
    return family;
}

/* ---- series ---- */

/* As the exposition format escapes: backslash and line feed everywhere, quotes in label values only. */
static void add_escaped(PacsBuffer *out, const char *text, size_t size, bool quoted)
{
    for (size_t at = 0; at < size;) {
        uint32_t code_point;
        size_t length = pacs_utf8_next(text + at, size - at, &code_point);
        if (length == 0)
            (void)pacs_buffer_add_text(out, "\xEF\xBF\xBD"); /* U+FFFD; `failed` is looked at by callers */
        else if (code_point == '\n')
            (void)pacs_buffer_add_text(out, "\\n");
        else if (code_point == '\\' || (quoted && code_point == '"'))
            (void)pacs_buffer_add(out, (char[]){'\\', text[at]}, 2);
        else
            (void)pacs_buffer_add(out, text + at, length);
        at += length > 0 ? length : 1;
    }
}

static void add_labels(PacsBuffer *out, const PacsMetricFamily *family, const char *const *values)
{
    for (size_t i = 0; i < family->label_count; i++) {
        size_t size = strnlen(values[i], PACS_MAX_METRIC_LABEL + 1);
        (void)pacs_buffer_add_format(out, "%s%s=\"", i > 0 ? "," : "", family->label_names[i]);
        add_escaped(out, values[i], pacs_utf8_cut(values[i], size, PACS_MAX_METRIC_LABEL), true);
        (void)pacs_buffer_add_char(out, '"');
    }
}

static PacsMetric *metric_new(PacsMetricKind kind, const char *labels)
{
    size_t counts = kind == PACS_HISTOGRAM ? BUCKET_COUNT + 1 : 0;
    PacsMetric *metric = calloc(1, sizeof *metric + counts * sizeof metric->counts[0]);
    if (!metric)
        return NULL;
    metric->kind = kind;
    metric->labels = strdup(labels);
    if (!metric->labels) {
        free(metric);
        return NULL;
    }
    return metric;
}

static PacsMetric **metric_place(PacsMetricFamily *family, const char *labels)
{
    PacsMetric **place = &family->series;
    while (*place && strcmp((*place)->labels, labels) < 0)
        place = &(*place)->next;
    return place;
}

static PacsMetric *find_or_add_metric(PacsMetricFamily *family, const char *labels, bool capped)
{
    PacsMetric **place = metric_place(family, labels);
    if (*place && strcmp((*place)->labels, labels) == 0)
        return *place;
    if (capped && family->series_count >= PACS_MAX_METRIC_SERIES)
        return NULL;
    PacsMetric *metric = metric_new(family->kind, labels);
    if (!metric)
        return NULL;
    metric->next = *place;
    family->series_count++;
    return *place = metric;
}

static PacsMetric *series(PacsMetricFamily *family, const char *const *values, bool capped)
{
    PACS_AUTO_BUFFER PacsBuffer labels = PACS_BUFFER((size_t)8 * PACS_METRIC_LABELS_MAX *
                                                     PACS_MAX_METRIC_LABEL);
    add_labels(&labels, family, values);
    if (labels.failed)
        return NULL;
    (void)pthread_mutex_lock(&family->metrics->lock);
    PacsMetric *metric = find_or_add_metric(family, pacs_buffer_text(&labels), capped);
    (void)pthread_mutex_unlock(&family->metrics->lock);
    return metric;
}

PacsMetric *pacs_metric(PacsMetricFamily *family, ...)
{
    static const char *const others[PACS_METRIC_LABELS_MAX] = {"other", "other", "other", "other"};
    if (!family)
        return NULL;

    const char *values[PACS_METRIC_LABELS_MAX] = {"", "", "", ""};
    size_t count = 0;
    va_list arguments;
    va_start(arguments, family);
    for (const char *value; (value = va_arg(arguments, const char *)); count++)
        if (count < family->label_count)
            values[count] = value;
    va_end(arguments);
    assert(count == family->label_count);

    PacsMetric *metric = series(family, values, true);
    return metric ? metric : series(family, others, false);
}

/* ---- counting ---- */

void pacs_metric_add(PacsMetric *metric, uint64_t amount)
{
    if (!metric)
        return;
    assert(metric->kind == PACS_COUNTER);
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void pacs_metric_set(PacsMetric *metric, int64_t value)
{
    if (!metric)
        return;
    assert(metric->kind == PACS_GAUGE);
    atomic_store_explicit(&metric->value, (uint64_t)value, memory_order_relaxed);
}

void pacs_metric_shift(PacsMetric *metric, int64_t difference)
{
    if (!metric)
        return;
    assert(metric->kind == PACS_GAUGE);
    atomic_fetch_add_explicit(&metric->value, (uint64_t)difference, memory_order_relaxed);
}

void pacs_metric_observe_ns(PacsMetric *metric, uint64_t duration_ns)
{
    if (!metric)
        return;
    assert(metric->kind == PACS_HISTOGRAM);
    size_t i = 0;
    while (i < BUCKET_COUNT && duration_ns > buckets[i].max_ns)
        i++;
    atomic_fetch_add_explicit(&metric->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, duration_ns, memory_order_relaxed);
}

static uint64_t read_atomic(const atomic_uint_fast64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

uint64_t pacs_metric_value(const PacsMetric *metric)
{
    if (!metric)
        return 0;
    if (metric->kind != PACS_HISTOGRAM)
        return read_atomic(&metric->value);
    uint64_t count = 0;
    for (size_t i = 0; i <= BUCKET_COUNT; i++)
        count += read_atomic(&metric->counts[i]);
    return count;
}

/* ---- showing ---- */

void pacs_metrics_on_collect(PacsMetrics *metrics, void (*collect)(void *context), void *context)
{
    Collector *collector = metrics ? calloc(1, sizeof *collector) : NULL;
    if (!collector)
        return;
    *collector = (Collector){.collect = collect, .context = context};
    (void)pthread_mutex_lock(&metrics->lock);
    collector->next = metrics->collectors;
    metrics->collectors = collector;
    (void)pthread_mutex_unlock(&metrics->lock);
}

/* Without the lock: collecting registers and finds series. */
static void collect(PacsMetrics *metrics)
{
    (void)pthread_mutex_lock(&metrics->lock);
    const Collector *collector = metrics->collectors;
    (void)pthread_mutex_unlock(&metrics->lock);
    for (; collector; collector = collector->next)
        collector->collect(collector->context);
}

static void format_histogram(PacsBuffer *out, const char *name, const PacsMetric *metric)
{
    const char *labels = metric->labels;
    const char *comma = *labels ? "," : "";
    uint64_t count = 0;
    for (size_t i = 0; i <= BUCKET_COUNT; i++) {
        count += read_atomic(&metric->counts[i]);
        (void)pacs_buffer_add_format(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, comma,
                                     i < BUCKET_COUNT ? buckets[i].seconds : "+Inf",
                                     (unsigned long long)count);
    }
    const char *open = *labels ? "{" : "";
    const char *close = *labels ? "}" : "";
    uint64_t sum_ns = read_atomic(&metric->value);
    (void)pacs_buffer_add_format(out, "%s_sum%s%s%s %llu.%09llu\n", name, open, labels, close,
                                 (unsigned long long)(sum_ns / NS_PER_S),
                                 (unsigned long long)(sum_ns % NS_PER_S));
    (void)pacs_buffer_add_format(out, "%s_count%s%s%s %llu\n", name, open, labels, close,
                                 (unsigned long long)count);
}

static void format_number(PacsBuffer *out, const char *name, const PacsMetric *metric)
{
    uint64_t value = read_atomic(&metric->value);
    (void)pacs_buffer_add_text(out, name);
    if (*metric->labels)
        (void)pacs_buffer_add_format(out, "{%s}", metric->labels);
    if (metric->kind == PACS_GAUGE)
        (void)pacs_buffer_add_format(out, " %lld\n", (long long)value);
    else
        (void)pacs_buffer_add_format(out, " %llu\n", (unsigned long long)value);
}

static void format_family(PacsBuffer *out, const PacsMetricFamily *family)
{
    static const char *const kind_names[] = {
        [PACS_COUNTER] = "counter", [PACS_GAUGE] = "gauge", [PACS_HISTOGRAM] = "histogram"};
    if (!family->series)
        return;
    (void)pacs_buffer_add_format(out, "# HELP %s ", family->name);
    add_escaped(out, family->help, strlen(family->help), false);
    (void)pacs_buffer_add_format(out, "\n# TYPE %s %s\n", family->name, kind_names[family->kind]);
    for (const PacsMetric *metric = family->series; metric; metric = metric->next) {
        if (family->kind == PACS_HISTOGRAM)
            format_histogram(out, family->name, metric);
        else
            format_number(out, family->name, metric);
    }
}

PacsStatus pacs_metrics_format(PacsMetrics *metrics, PacsBuffer *out, PacsError *err)
{
    if (metrics) {
        collect(metrics);
        (void)pthread_mutex_lock(&metrics->lock);
        for (const PacsMetricFamily *family = metrics->families; family; family = family->next)
            format_family(out, family);
        (void)pthread_mutex_unlock(&metrics->lock);
    }
    return pacs_buffer_check(out, err);
}
