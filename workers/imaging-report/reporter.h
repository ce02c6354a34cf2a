#pragma once

#include "pacs/util/metrics.h"
#include "workers/imaging-report/archive.h"
#include "workers/imaging-report/pdf_source.h"
#include "workers/imaging-report/settings.h"
#include "workers/loop/mapping.h"
#include "workers/loop/worker.h"

/** The worker: what it is set up with, and the bytes it works on, one event after the other. */
typedef struct Reporter {
    ReportSettings settings;
    WorkerDatabase *database; /* borrowed, like the client of the archive */
    ReportArchive archive;
    ReportPdfSources *pdf_sources;
    WorkerMapping *mapping;
    /* Of the event at hand. */
    PacsBuffer jpegs, pdf, pdf_object, sr_object;
    /* Counted. */
    PacsMetric *drafts, *stored, *withdrawn, *stale;
} Reporter;

PACS_CHECKED PacsStatus reporter_open(const WorkerSetup *setup, void **ret_reporter, PacsError *err);
void reporter_close(void *context);

/** Ready for the next event. */
void reporter_reset(Reporter *reporter, const WorkerDelivery *delivery);

/* The effects (workers/loop/worker.h). */

/* draft.c: study.arrived and study.updated; study.deleted */
PacsStatus draft_prepare(void *context, const WorkerDelivery *delivery, void **ret_prepared, PacsError *err);
PacsStatus draft_apply(void *context, const WorkerDelivery *delivery, void *prepared,
                       WorkerTransaction *transaction, PacsError *err);
PacsStatus draft_remove_apply(void *context, const WorkerDelivery *delivery, void *prepared,
                              WorkerTransaction *transaction, PacsError *err);

/* publish.c: report.finalised, report.amended; report.cancelled */
PacsStatus publish_prepare(void *context, const WorkerDelivery *delivery, void **ret_prepared,
                           PacsError *err);
PacsStatus publish_apply(void *context, const WorkerDelivery *delivery, void *prepared,
                         WorkerTransaction *transaction, PacsError *err);
