#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/config.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"
#include "workers/loop/database.h"
#include "workers/loop/record.h"

/**
 * What a worker is: a name, the tables it keeps, and a row for each type of event it acts on. The loop around it
 * (worker_main()) does the rest, the same for every worker: it takes records from Kafka or from GET /events, knows an
 * event it has had, leaves out what is older than what it knows, tries again what may go better, sets aside what
 * never will, and moves on only when the effect is committed.
 *
 *     int main(int argc, char **argv) { return worker_main(argc, argv, &consumer_dicom); }
 *
 * One event at a time, in the order of its key. Its effect runs in two steps, so that no transaction is open while a
 * worker waits for somebody else:
 *
 *   prepare   reads (and, if that is idempotent, writes) elsewhere: the archive, files, other services
 *   apply     writes the worker's tables, in the transaction that also notes the event as had
 *
 * Both may run several times for one event (a crash, a retry); what apply wrote counts once.
 */

typedef struct EventsCloudEvent EventsCloudEvent; /* events/contract/cloudevent.h */

/** One event on its way to its effect; all of it is borrowed until the effect has returned. */
typedef struct WorkerDelivery {
    const WorkerRecord *record;
    const EventsCloudEvent *event;
    const char *key;   /* by which order is kept: partitionkey, else the record's key, subject or id */
    uint64_t revision; /* of the event's key within its aggregate; 0 where it has none */
    uint32_t attempt;  /* from 1 */
    PacsArena *arena;  /* for what prepare makes; goes with this attempt */
} WorkerDelivery;

/**
 * The two steps. What they return decides what becomes of the event (worker_verdict()):
 *
 *   PACS_OK                                   done
 *   PACS_UNAVAILABLE, NO_SPACE, NO_MEMORY,    tried again from prepare, with growing pauses; then the key is parked:
 *     CANCELLED, REFUSED, INTERNAL              this event and the later ones of its key wait in a table and are tried
 *                                               again from time to time, in their order, while other keys go on. If
 *                                               nothing at all succeeds, nothing is parked: the loop waits
 *   PACS_NOT_FOUND                            something it needs is not there yet: its key is parked at once
 *   all others                                poison: set aside byte for byte, with the reason (dead-letter queue)
 *
 * The error's text goes into the log and the headers of the dead letter: no values from the patient module.
 */
typedef PacsStatus WorkerPrepare(void *context, const WorkerDelivery *delivery, void **ret_prepared,
                                 PacsError *err);
typedef PacsStatus WorkerApply(void *context, const WorkerDelivery *delivery, void *prepared,
                               WorkerTransaction *transaction, PacsError *err);

typedef struct WorkerHandler {
    const char *type; /* CloudEvents type: "org.sapoche.imaging.study.arrived.v1" */
    /** Revisions (ce_sequence) of one key are compared within this name; an event that is older than one applied
     *  before is left out. NULL: every event stands for itself. */
    const char *aggregate;
    WorkerPrepare *prepare; /* NULL: nothing to prepare */
    WorkerApply *apply;
} WorkerHandler;

/**
 * Makes an event of a record. NULL in the definition: records are CloudEvents. A worker that understands other
 * messages too (workers/loop/mapping.h) puts its own here.
 *
 * Memory: of the arena; may borrow from the record.
 * Errors: PACS_UNSUPPORTED: not for this worker, passed over and counted; all others: poison.
 */
typedef PacsStatus WorkerDecode(void *context, const WorkerRecord *record, PacsArena *arena,
                                EventsCloudEvent *ret_event, PacsError *err);

typedef struct WorkerHttpClient WorkerHttpClient; /* workers/http_client/http_client.h */

/** What a worker finds when it is opened; outlives it. */
typedef struct WorkerSetup {
    const PacsConfig *config; /* its own section is its own to read */
    PacsMetrics *metrics;
    WorkerHttpClient *archive; /* set up from Worker.Archive; one thread at a time: the loop's */
    const char *dicomweb_root; /* path below the archive's address: "/dicom-web" */
    WorkerDatabase
        *database; /* for a prepare that has to look: it begins a transaction of its own and ends it */
} WorkerSetup;

typedef struct WorkerDefinition {
    const char
        *name; /* "consumer-dicom": log component, and consumer group unless Worker.Group says otherwise */
    /** SQL scripts for both kinds of database, in order; each runs once, in a transaction (database.h). */
    const char *const *migrations;
    size_t migration_count;
    const char *const *topics; /* unless Worker.Topics says otherwise; lanes are added to each */
    size_t topic_count;
    /** Topics that the configuration names elsewhere (workers/loop/mapping.h); added to the others. NULL: none. */
    PacsStatus (*more_topics)(const PacsConfig *config, PacsArena *arena, const char *const **ret_topics,
                              size_t *ret_count, PacsError *err);
    const WorkerHandler *handlers; /* types not listed are passed over and counted */
    size_t handler_count;
    WorkerDecode *decode;
    PacsStatus (*open)(const WorkerSetup *setup, void **ret_context, PacsError *err); /* NULL: no context */
    void (*close)(void *context);
} WorkerDefinition;

/** The whole process: command line, configuration, tables, probes, loop, SIGTERM. Returns the exit code. */
int worker_main(int argc, char **argv, const WorkerDefinition *definition);

typedef enum WorkerVerdict {
    WORKER_DONE,
    WORKER_RETRY,
    WORKER_PARK,
    WORKER_POISON,
} WorkerVerdict;

/** What becomes of an event whose effect returned this. */
WorkerVerdict worker_verdict(PacsStatus status);
