#include "workers/imaging-report/reporter.h"

#include <stdlib.h>

#include "pacs/util/limits.h"
#include "pacs/util/log.h"
#include "workers/imaging-report/migrations.h"

#define OBJECT_MAX ((size_t)PACS_MAX_REPORT_PDF + (2u << 20))
#define KEPT_MAX (8u << 20) /* of a buffer, from event to event */

static void warn_of_key(const char *key, const char *text)
{
    PACS_LOG(PACS_LOG_WARNING, "config", "key-ignored", PACS_F_TEXT("key", key), PACS_F_TEXT("reason", text));
}

static void count(Reporter *reporter, PacsMetrics *metrics)
{
    PacsMetricFamily *family = pacs_metrics_family(
        metrics, PACS_COUNTER, "imaging_report_effects_total",
        "Drafts made, reports stored, withdrawn, passed over as out of date.", "effect");
    reporter->drafts = pacs_metric(family, "draft", NULL);
    reporter->stored = pacs_metric(family, "stored", NULL);
    reporter->withdrawn = pacs_metric(family, "withdrawn", NULL);
    reporter->stale = pacs_metric(family, "stale", NULL);
}

PacsStatus reporter_open(const WorkerSetup *setup, void **ret_reporter, PacsError *err)
{
    Reporter *reporter = calloc(1, sizeof *reporter);

    if (!reporter)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the worker");
    reporter->database = setup->database;
    reporter->archive = (ReportArchive){.client = setup->archive, .root = setup->dicomweb_root};
    pacs_buffer_init(&reporter->jpegs, PACS_MAX_REPORT_PICTURES);
    pacs_buffer_init(&reporter->pdf, PACS_MAX_REPORT_PDF);
    pacs_buffer_init(&reporter->pdf_object, OBJECT_MAX);
    pacs_buffer_init(&reporter->sr_object, OBJECT_MAX);
    count(reporter, setup->metrics);
    PacsStatus status = report_settings_read(setup->config, &reporter->settings, warn_of_key, err);
    if (status == PACS_OK)
        status = worker_mapping_new(reporter->settings.mapping, &reporter->mapping, err);
    if (status == PACS_OK)
        status = report_pdf_sources_new(reporter->settings.pdf_sources, reporter->settings.pdf_timeout_ms,
                                        &reporter->pdf_sources, err);
    if (status == PACS_OK)
        status = report_pdf_check_font(reporter->settings.layout.font, err);
    if (status == PACS_OK)
        *ret_reporter = reporter;
    else
        reporter_close(reporter);
    return status;
}

void reporter_close(void *context)
{
    Reporter *reporter = context;

    if (!reporter)
        return;
    report_pdf_sources_free(reporter->pdf_sources);
    worker_mapping_free(reporter->mapping);
    pacs_buffer_clear(&reporter->jpegs);
    pacs_buffer_clear(&reporter->pdf);
    pacs_buffer_clear(&reporter->pdf_object);
    pacs_buffer_clear(&reporter->sr_object);
    free(reporter);
}

static void reset(PacsBuffer *buffer)
{
    if (buffer->capacity > KEPT_MAX)
        pacs_buffer_clear(buffer);
    pacs_buffer_reset(buffer);
}

void reporter_reset(Reporter *reporter, const WorkerDelivery *delivery)
{
    reporter->archive.traceparent = delivery->event->traceparent;
    reset(&reporter->jpegs);
    reset(&reporter->pdf);
    reset(&reporter->pdf_object);
    reset(&reporter->sr_object);
}
