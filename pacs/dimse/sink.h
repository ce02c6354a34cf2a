#pragma once

#include "pacs/ingest/ingest.h"

/**
 * Where received objects go: pacs/ingest, or a test's stand-in for it. The slots are those of ingest.h, with
 * its promises; an upload is what begin made.
 */
typedef struct PacsSink {
    void *context;
    PacsStatus (*admit)(void *context, PacsError *err); /* NULL: always */
    PacsStatus (*begin)(void *context, const PacsUploadRequest *request, void **ret_upload, PacsError *err);
    /** NULL, both: everything is fed. */
    PacsStatus (*room)(void *upload, uint8_t **ret_room, size_t *ret_size, PacsError *err);
    PacsStatus (*filled)(void *upload, size_t size, PacsError *err);
    PacsStatus (*feed)(void *upload, const void *bytes, size_t size, PacsError *err);
    PacsStatus (*finish)(void *upload, PacsIngested *ret_ingested, PacsError *err);
    void (*free)(void *upload); /* accepts NULL */
} PacsSink;

/** ingest is borrowed and outlives the sink. */
PacsSink pacs_sink_ingest(PacsIngest *ingest);
