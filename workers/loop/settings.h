#pragma once

#include "events/kafka/settings.h"
#include "pacs/util/arena.h"
#include "pacs/util/config_section.h"
#include "workers/http_client/http_client.h"
#include "workers/loop/worker.h"

/** The section Worker of the configuration, the same for every worker. */
typedef struct WorkerSettings {
    const char *source;        /* "kafka", "http" */
    const char *group;         /* consumer group, and name in the tables */
    const char *instance_id;   /* "": none */
    const char *const *topics; /* with prefix and lane */
    size_t topic_count;
    const char *database; /* URL */
    uint64_t connect_timeout_s, statement_timeout_s;
    uint64_t max_effect_s, inbox_days, parked_days, shutdown_s;
    const char *http_address;
    uint64_t http_port;
    const char *log_level, *log_format; /* of the whole configuration */

    EventsKafkaSettings kafka;
    WorkerHttpClientOptions archive;
    uint64_t archive_timeout_s;
    const char *dicomweb_root;
} WorkerSettings;

/**
 * Read it. Topics are those of Worker.Topics or else the definition's, ours in every lane of Worker.Lanes, with the
 * prefix of Worker.Kafka, and what the worker adds of its own.
 *
 * Owner:  texts are borrowed from the configuration, what is made lives in the arena.
 * Errors: PACS_INVALID naming the key and what was expected.
 */
PACS_CHECKED PacsStatus worker_settings_read(const PacsConfig *config, const WorkerDefinition *definition,
                                             PacsArena *arena, WorkerSettings *ret_settings,
                                             PacsConfigWarning *warn, PacsError *err);
