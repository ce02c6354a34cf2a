#include <stdlib.h>

#include "workers/consumer-dicom/consumer_dicom.h"
#include "workers/consumer-dicom/migrations.h"
#include "workers/consumer-dicom/study.h"
#include "workers/consumer-dicom/tables.h"
#include "workers/loop/worker.h"

/** Keeps the platform's table of imaging studies in step with the archive. */

typedef struct ConsumerDicom {
    WorkerHttpClient *archive; /* all of these are the setup's */
    const char *dicomweb_root;
} ConsumerDicom;

static PacsStatus open_consumer(const WorkerSetup *setup, void **ret_context, PacsError *err)
{
    ConsumerDicom *consumer = calloc(1, sizeof *consumer);
    if (!consumer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a worker");
    *consumer = (ConsumerDicom){.archive = setup->archive, .dicomweb_root = setup->dicomweb_root};
    *ret_context = consumer;
    return PACS_OK;
}

static DicomStudy *new_study(const WorkerDelivery *delivery, PacsStatus *ret_status, PacsError *err)
{
    DicomStudy *study = pacs_arena_alloc(delivery->arena, sizeof *study);
    *ret_status = study ? dicom_study_of_event(delivery->event, delivery->arena, study, err)
                        : pacs_fail(err, PACS_NO_MEMORY, "no memory for a study");
    return study;
}

/** Arrived or updated: the study as it is now, which may be newer than the event. The events in between come later, and
 *  find what they tell of written already. */
static PacsStatus prepare_study(void *context, const WorkerDelivery *delivery, void **ret_prepared,
                                PacsError *err)
{
    const ConsumerDicom *consumer = context;
    PacsStatus status = PACS_OK;
    DicomStudy *study = new_study(delivery, &status, err);
    if (status == PACS_OK)
        status = dicom_study_read(consumer->archive, consumer->dicomweb_root, delivery->event->traceparent,
                                  delivery->arena, study, err);
    *ret_prepared = study;
    return status;
}

static PacsStatus apply_study(void *context, const WorkerDelivery *delivery, void *prepared,
                              WorkerTransaction *transaction, PacsError *err)
{
    (void)context;
    return dicom_tables_write(transaction, prepared, delivery->revision, err);
}

static PacsStatus apply_deletion(void *context, const WorkerDelivery *delivery, void *prepared,
                                 WorkerTransaction *transaction, PacsError *err)
{
    PacsStatus status = PACS_OK;
    const DicomStudy *study = new_study(delivery, &status, err);
    (void)context;
    (void)prepared;
    return status == PACS_OK ? dicom_tables_remove(transaction, study->uid, err) : status;
}

static const WorkerHandler handlers[] = {
    {.type = "org.sapoche.imaging.study.arrived.v1",
     .aggregate = "study",
     .prepare = prepare_study,
     .apply = apply_study},
    {.type = "org.sapoche.imaging.study.updated.v1",
     .aggregate = "study",
     .prepare = prepare_study,
     .apply = apply_study},
    {.type = "org.sapoche.imaging.study.deleted.v1", .aggregate = "study", .apply = apply_deletion},
};

static const char *const topics[] = {"imaging.study.events.v1"};

WorkerDefinition consumer_dicom(void)
{
    return (WorkerDefinition){.name = "consumer-dicom",
                              .migrations = consumer_dicom_migrations,
                              .migration_count = consumer_dicom_migration_count,
                              .topics = topics,
                              .topic_count = sizeof topics / sizeof topics[0],
                              .handlers = handlers,
                              .handler_count = sizeof handlers / sizeof handlers[0],
                              .open = open_consumer,
                              .close = free};
}
