#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "pacs/util/metrics.h"

static void assert_shown(PacsMetrics *metrics, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);
    assert_int_equal(pacs_metrics_format(metrics, &out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&out), expected);
}

static void counters_and_gauges_are_shown_by_family_name(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *requests = pacs_metrics_family(metrics, PACS_COUNTER, "b_requests_total",
                                                     "Requests answered.", "method,code");
    PacsMetric *depth = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "a_depth", "Queue.", NULL),
                                    NULL);

    pacs_metric_add(pacs_metric(requests, "GET", "200", NULL), 2);
    pacs_metric_add(pacs_metric(requests, "GET", "200", NULL), 1);
    pacs_metric_add(pacs_metric(requests, "DELETE", "404", NULL), 1);
    pacs_metric_set(depth, 5);
    pacs_metric_shift(depth, -7);
    assert_shown(metrics, "# HELP a_depth Queue.\n# TYPE a_depth gauge\na_depth -2\n"
                          "# HELP b_requests_total Requests answered.\n# TYPE b_requests_total counter\n"
                          "b_requests_total{method=\"DELETE\",code=\"404\"} 1\n"
                          "b_requests_total{method=\"GET\",code=\"200\"} 3\n");
}

static void a_series_counts_from_zero_once_it_is_made(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", NULL);
    assert_shown(metrics, "");
    PacsMetric *metric = pacs_metric(family, NULL);
    assert_int_equal(pacs_metric_value(metric), 0);
    assert_shown(metrics, "# HELP x_total X.\n# TYPE x_total counter\nx_total 0\n");
}

static void the_same_labels_are_the_same_series(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", "a");
    assert_ptr_equal(pacs_metric(family, "1", NULL), pacs_metric(family, "1", NULL));
    assert_ptr_not_equal(pacs_metric(family, "1", NULL), pacs_metric(family, "2", NULL));
    assert_ptr_equal(pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "Other words.", "a"), family);
}

static void a_histogram_counts_into_cumulative_buckets(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_HISTOGRAM, "t_seconds", "Time.", "op");
    PacsMetric *metric = pacs_metric(family, "x", NULL);
    pacs_metric_observe_ns(metric, 0);
    pacs_metric_observe_ns(metric, 500000);        /* on the edge of the first bucket */
    pacs_metric_observe_ns(metric, 500001);        /* just beyond it */
    pacs_metric_observe_ns(metric, 30000000000);   /* 30 s */
    pacs_metric_observe_ns(metric, 3600000000000); /* an hour: beyond all */
    assert_int_equal(pacs_metric_value(metric), 5);

    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(10000);
    assert_int_equal(pacs_metrics_format(metrics, &out, NULL), PACS_OK);
    const char *text = pacs_buffer_text(&out);
    assert_non_null(strstr(text, "# TYPE t_seconds histogram\nt_seconds_bucket{op=\"x\",le=\"0.0005\"} 2\n"
                                 "t_seconds_bucket{op=\"x\",le=\"0.001\"} 3\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{op=\"x\",le=\"10\"} 3\n"
                                 "t_seconds_bucket{op=\"x\",le=\"30\"} 4\n"
                                 "t_seconds_bucket{op=\"x\",le=\"60\"} 4\n"
                                 "t_seconds_bucket{op=\"x\",le=\"+Inf\"} 5\n"
                                 "t_seconds_sum{op=\"x\"} 3630.001000001\n"
                                 "t_seconds_count{op=\"x\"} 5\n"));
}

static void a_histogram_without_labels_has_only_bounds(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    pacs_metric_observe_ns(
        pacs_metric(pacs_metrics_family(metrics, PACS_HISTOGRAM, "t_seconds", "T.", NULL), NULL), 1);
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(10000);
    assert_int_equal(pacs_metrics_format(metrics, &out, NULL), PACS_OK);
    assert_non_null(strstr(pacs_buffer_text(&out), "t_seconds_bucket{le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(pacs_buffer_text(&out), "t_seconds_sum 0.000000001\nt_seconds_count 1\n"));
}

static void what_would_break_the_text_is_escaped(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "One \\ two\n\"three\".",
                                                   "a");
    pacs_metric_add(pacs_metric(family, "q\"b\\n\nx\xFF", NULL), 1);
    assert_shown(metrics, "# HELP x_total One \\\\ two\\n\"three\".\n# TYPE x_total counter\n"
                          "x_total{a=\"q\\\"b\\\\n\\nx\xEF\xBF\xBD\"} 1\n");
}

static void a_long_label_is_cut(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", "a,b,c,d");
    char value[4000];
    memset(value, '"', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    PacsMetric *metric = pacs_metric(family, value, value, value, value, NULL);
    assert_non_null(metric);
    value[PACS_MAX_METRIC_LABEL] = '\0';
    assert_ptr_equal(pacs_metric(family, value, value, value, value, NULL), metric);
}

static void too_many_series_share_one_called_other(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", "a,b");
    for (int i = 0; i < PACS_MAX_METRIC_SERIES; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        pacs_metric_add(pacs_metric(family, value, "y", NULL), 1);
    }
    PacsMetric *other = pacs_metric(family, "one more", "y", NULL);
    assert_non_null(other);
    assert_ptr_equal(pacs_metric(family, "and more", "z", NULL), other);
    assert_ptr_equal(pacs_metric(family, "other", "other", NULL), other);
    assert_ptr_not_equal(pacs_metric(family, "7", "y", NULL), other); /* those before stay */
}

static void count_collections(void *context)
{
    pacs_metric_shift(context, 1);
}

static void collectors_run_before_every_showing(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PacsMetric *gauge = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "x", "X.", NULL), NULL);
    pacs_metrics_on_collect(metrics, count_collections, gauge);
    pacs_metrics_on_collect(metrics, count_collections, gauge);
    assert_shown(metrics, "# HELP x X.\n# TYPE x gauge\nx 2\n");
    assert_shown(metrics, "# HELP x X.\n# TYPE x gauge\nx 4\n");
}

static void without_a_registry_counting_does_nothing(void **state)
{
    (void)state;
    PacsMetricFamily *family = pacs_metrics_family(NULL, PACS_COUNTER, "x_total", "X.", "a");
    PacsMetric *metric = pacs_metric(family, "1", NULL);
    assert_null(metric);
    pacs_metric_add(metric, 1);
    pacs_metric_set(metric, 1);
    pacs_metric_shift(metric, 1);
    pacs_metric_observe_ns(metric, 1);
    assert_int_equal(pacs_metric_value(metric), 0);
    pacs_metrics_on_collect(NULL, count_collections, NULL);
    assert_shown(NULL, "");
    pacs_metrics_free(NULL);
}

static void a_buffer_that_is_too_small_is_reported(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    pacs_metric_add(pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", NULL), NULL), 1);
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(10);
    assert_int_equal(pacs_metrics_format(metrics, &out, NULL), PACS_TOO_LARGE);
}

static void *count_much(void *argument)
{
    PacsMetrics *metrics = argument;
    PacsMetricFamily *counters = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", "a");
    PacsMetricFamily *times = pacs_metrics_family(metrics, PACS_HISTOGRAM, "t_seconds", "T.", NULL);
    for (uint64_t i = 0; i < 1000; i++) {
        pacs_metric_add(pacs_metric(counters, i % 2 ? "odd" : "even", NULL), 1);
        pacs_metric_observe_ns(pacs_metric(times, NULL), i);
    }
    return NULL;
}

static void threads_count_together_while_others_look(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, metrics), 0);
    for (int i = 0; i < 5; i++) {
        PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(10000);
        assert_int_equal(pacs_metrics_format(metrics, &out, NULL), PACS_OK);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    PacsMetricFamily *counters = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", "a");
    PacsMetricFamily *times = pacs_metrics_family(metrics, PACS_HISTOGRAM, "t_seconds", "T.", NULL);
    assert_int_equal(pacs_metric_value(pacs_metric(counters, "odd", NULL)), 1500);
    assert_int_equal(pacs_metric_value(pacs_metric(counters, "even", NULL)), 1500);
    assert_int_equal(pacs_metric_value(pacs_metric(times, NULL)), 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_shown_by_family_name),
        cmocka_unit_test(a_series_counts_from_zero_once_it_is_made),
        cmocka_unit_test(the_same_labels_are_the_same_series),
        cmocka_unit_test(a_histogram_counts_into_cumulative_buckets),
        cmocka_unit_test(a_histogram_without_labels_has_only_bounds),
        cmocka_unit_test(what_would_break_the_text_is_escaped),
        cmocka_unit_test(a_long_label_is_cut),
        cmocka_unit_test(too_many_series_share_one_called_other),
        cmocka_unit_test(collectors_run_before_every_showing),
        cmocka_unit_test(without_a_registry_counting_does_nothing),
        cmocka_unit_test(a_buffer_that_is_too_small_is_reported),
        cmocka_unit_test(threads_count_together_while_others_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
