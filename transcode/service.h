#pragma once

#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"
#include "transcode/codec.h"

/**
 * Where and when frames are worked on, and what is kept of it: a bounded pool sized to the cores, one computation for
 * all who ask the same at once, a bounded cache on disk, and decoders of libraries in processes of their own, which may
 * crash or hang without harm.
 *
 * Owner:   results are counted references.
 * Threads: any, at once. transcode_service_run() blocks until its result is there.
 * Errors:  PACS_UNAVAILABLE (more waits than the queue takes: worth a retry), PACS_CANCELLED, PACS_TOO_LARGE and
 *          PACS_INVALID (a codestream over the caps of memory or time, or one that brought its decoder down), and what
 *          `make` returned; failures are not kept.
 */
typedef struct TranscodeService TranscodeService;

typedef struct TranscodeServiceOptions {
    const char *cache_folder; /* of this service alone; NULL: nothing is kept */
    uint64_t cache_bytes;
    uint32_t workers;           /* computations at once; 0: one for each core */
    uint32_t max_waiting;       /* computations that wait for a worker; beyond: PACS_UNAVAILABLE */
    uint64_t decode_bytes;      /* address space of a decoding process beyond its code */
    uint32_t decode_timeout_ms; /* of one frame */
} TranscodeServiceOptions;

PACS_CHECKED PacsStatus transcode_service_new(const TranscodeServiceOptions *options, PacsMetrics *metrics,
                                              TranscodeService **ret_service, PacsError *err);
/** Lets running work end; nobody may be inside. */
void transcode_service_free(TranscodeService *service);
PACS_DEFINE_AUTO(TranscodeService, transcode_service_free);

/** Who waits: a person at a viewer, a viewer that reads ahead, nobody. */
typedef enum TranscodePriority {
    TRANSCODE_INTERACTIVE,
    TRANSCODE_PREFETCH,
    TRANSCODE_BACKGROUND,
} TranscodePriority;

/** Finished bytes: in memory, or in a file of the cache. */
typedef struct TranscodeResult TranscodeResult;
TranscodeResult *transcode_result_ref(TranscodeResult *result);
void transcode_result_unref(TranscodeResult *result);
PACS_DEFINE_AUTO(TranscodeResult, transcode_result_unref);
uint64_t transcode_result_size(const TranscodeResult *result);
/** Borrowed from the result; NULL: it is in a file. */
const uint8_t *transcode_result_bytes(const TranscodeResult *result);
/** For pread from offset 0; borrowed from the result. -1: it is in memory. */
int transcode_result_fd(const TranscodeResult *result);

typedef struct TranscodeTask {
    /** Names everything that shapes the bytes: the object's digest, frame, syntax or view, version of the maker. */
    const char *key;
    /** Runs on a worker; may read the store, decode (transcode_service_decode), render and encode. `out` is bounded. */
    PacsStatus (*make)(void *context, PacsBuffer *out, PacsError *err);
    void *context; /* borrowed until run returns: one caller's context serves all who ask the same */
    TranscodePriority priority;
    /** Asked now and then while waiting; true gives up (PACS_CANCELLED). The work itself goes on for others, and ends
     *  where nobody is left. NULL: never. */
    bool (*is_cancelled)(void *context);
    void *cancel_context;
} TranscodeTask;

PACS_CHECKED PacsStatus transcode_service_run(TranscodeService *service, const TranscodeTask *task,
                                              TranscodeResult **ret_result, PacsError *err);

/** What the cache has under a key; NULL for nothing. Some microseconds: for HTTP threads. */
TranscodeResult *transcode_service_find(TranscodeService *service, const char *key);

/** As transcode_decode(), in a process that may die of it unless the decoder is our own. */
PACS_CHECKED PacsStatus transcode_service_decode(TranscodeService *service, const TranscodeFrame *frame,
                                                 const TranscodeLayout *layout, uint8_t *out, size_t out_size,
                                                 PacsError *err);
