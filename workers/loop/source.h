#pragma once

#include "events/kafka/consumer.h"
#include "pacs/util/auto.h"
#include "workers/http_client/http_client.h"
#include "workers/loop/database.h"
#include "workers/loop/record.h"

/**
 * Where a worker's records come from: a struct of functions, one per kind. One record is out at a time; the source keeps its
 * place behind the records that the loop is done with.
 *
 * Threads: the loop's; `trouble` and `lag` from any.
 */
typedef struct WorkerSource WorkerSource;

/** Why a record is given up. */
typedef struct WorkerDeath {
    const char *error_class; /* "invalid", "too-large", ...: a status' name, or "gave-up" */
    const char *reason;
    uint32_t attempts;
} WorkerDeath;

typedef struct WorkerSourceOps {
    const char *name; /* "kafka", "http" */

    /** *ret_record NULL after timeout_ms. PACS_CANCELLED: there will be no more, the process should end. */
    PacsStatus (*poll)(WorkerSource *self, uint32_t timeout_ms, const WorkerRecord **ret_record,
                       PacsError *err);
    /** The loop has committed what became of the record. */
    void (*done)(WorkerSource *self);
    /** Write the record's place in the transaction of its effect. NULL: the source keeps places itself. */
    PacsStatus (*note)(WorkerSource *self, const WorkerRecord *record, WorkerTransaction *transaction,
                       PacsError *err);
    /** Give the record, byte for byte and with the reason, to those who look after such. PACS_NOT_FOUND,
     *  PACS_REFUSED, PACS_TOO_LARGE, PACS_INVALID: they cannot take it; the table can. NULL: the table is the place. */
    PacsStatus (*bury)(WorkerSource *self, const WorkerRecord *record, const WorkerDeath *death,
                       PacsError *err);
    bool (*trouble)(WorkerSource *self, PacsError *ret_trouble);    /* true: nothing can be read now */
    void (*lag)(WorkerSource *self, EventsLag *lag, void *context); /* NULL: not known */
    /** Frees self; PACS_UNAVAILABLE: left behind, the process should end by _exit(). */
    PacsStatus (*close)(WorkerSource *self, uint32_t deadline_ms, PacsError *err);
} WorkerSourceOps;

struct WorkerSource {
    const WorkerSourceOps *ops;
};

typedef struct WorkerKafkaOptions {
    const EventsKafkaSettings *kafka;
    EventsConsumerOptions consumer;
} WorkerKafkaOptions;

/** Everything is copied that is needed later, but for the settings, which outlive the source. */
PACS_CHECKED PacsStatus worker_source_kafka_open(const WorkerKafkaOptions *options, WorkerSource **ret_source,
                                                 PacsError *err);

typedef struct WorkerHttpSourceOptions {
    const WorkerHttpClientOptions *archive; /* GET /events is asked of it; outlives the source */
    WorkerDatabase *database;               /* where the source reads how far it was; outlives it */
    const char *consumer;                   /* name in the tables; outlives the source */
} WorkerHttpSourceOptions;

PACS_CHECKED PacsStatus worker_source_http_open(const WorkerHttpSourceOptions *options,
                                                WorkerSource **ret_source, PacsError *err);
