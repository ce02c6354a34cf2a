#pragma once

#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"
#include "transcode/codec.h"
#include "transcode/crew.h"

/**
 * Where and when frames are worked on, and what is kept of it: as much at once as there are cores, one computation for
 * all who ask the same, a bounded cache in memory and on disk, and decoders of libraries in processes of their own,
 * which may crash or hang without harm.
 *
 * The work is done on the thread of one of those who ask: no hand-over, and whoever waits holds no worker.
 *
 * Owner:   results are counted references.
 * Threads: any, at once. transcode_service_run() blocks until its result is there.
 * Errors:  PACS_UNAVAILABLE (more waits than the queue takes: worth a retry), PACS_CANCELLED, PACS_TOO_LARGE and
 *          PACS_INVALID (a codestream over the caps of memory or time, or one that brought its decoder down), and what
 *          `make` returned; failures are not kept.
 */
typedef struct TranscodeService TranscodeService;

typedef struct TranscodeServiceOptions {
    const char *cache_folder; /* NULL: nothing is kept on disk. Servers of one archive may share it */
    uint64_t cache_bytes;     /* on disk */
    uint64_t min_free_bytes;  /* of that disk: below it nothing more is kept */
    uint64_t memory_bytes;    /* small results in memory */
    uint32_t workers;         /* computations at once; 0: one for each core */
    uint32_t max_waiting;     /* computations that wait for a worker, by priority; 0: 64 for each worker */
    /** The program that decodes what libraries have to: it calls transcode_helper_main() (transcode/helper.h). Borrowed.
     *  NULL: libraries run in our own process. */
    const char *helper;
    /** Of the processes that decode (0: no such limit): address space beyond their code, time of one frame. */
    uint64_t decode_bytes;
    uint32_t decode_timeout_ms;
} TranscodeServiceOptions;

/** Options may be NULL: a worker for each core, nothing kept. */
PACS_CHECKED PacsStatus transcode_service_new(const TranscodeServiceOptions *options, PacsMetrics *metrics,
                                              TranscodeService **ret_service, PacsError *err);
/** Nobody may be inside. */
void transcode_service_free(TranscodeService *service);
PACS_DEFINE_AUTO(TranscodeService, transcode_service_free);

/** Who waits: a person at a viewer, a viewer that reads ahead, nobody. Background work leaves one worker free. */
typedef enum TranscodePriority {
    TRANSCODE_INTERACTIVE,
    TRANSCODE_PREFETCH,
    TRANSCODE_BACKGROUND,
    TRANSCODE_PRIORITY_COUNT,
} TranscodePriority;

/** Finished bytes: in memory, or in a file of the cache. */
typedef struct TranscodeResult TranscodeResult;
TranscodeResult *transcode_result_ref(TranscodeResult *result);
void transcode_result_unref(TranscodeResult *result);
PACS_DEFINE_AUTO(TranscodeResult, transcode_result_unref);
uint64_t transcode_result_size(const TranscodeResult *result);
/** Borrowed from the result; NULL: it is in a file. */
const uint8_t *transcode_result_bytes(const TranscodeResult *result);
/** For pread from offset 0 (the file is longer than the result); borrowed from the result. -1: it is in memory. */
int transcode_result_fd(const TranscodeResult *result);

/** One computation while it runs: what `make` is given. */
typedef struct TranscodeWork TranscodeWork;

typedef struct TranscodeTask {
    /** Names everything that shapes the bytes: "OBJECT WHAT", the object's key in the store (pacs_key_format()) up to the
     *  first space (transcode_service_forget() goes by it), then frame, syntax or view, version of the maker. */
    const char *key;
    /** Reads the store, decodes, renders, encodes; asks transcode_work_check() between its steps. `out` is bounded. It
     *  must not call transcode_service_run(). */
    PacsStatus (*make)(void *context, TranscodeWork *work, PacsBuffer *out, PacsError *err);
    void *context; /* borrowed until run returns; who asks the same must have a context that makes the same */
    TranscodePriority priority;
    bool is_passing; /* nobody will ask for it again: it is not kept */
    /** Asked now and then while waiting; true gives up (PACS_CANCELLED). Must be quick. NULL: never. The work goes on
     *  for others, and ends where nobody is left. */
    bool (*is_cancelled)(void *context);
    void *cancel_context;
} TranscodeTask;

PACS_CHECKED PacsStatus transcode_service_run(TranscodeService *service, const TranscodeTask *task,
                                              TranscodeResult **ret_result, PacsError *err);

/** What the cache has under a key, ready to be sent; NULL for nothing (transcode_service_run() may still find it).
 *  Some microseconds: for HTTP threads. */
TranscodeResult *transcode_service_find(TranscodeService *service, const char *key);

/** Returns when what was made so far has been written to the disk: other servers find it from then on. */
void transcode_service_flush(TranscodeService *service);

/** Everything kept of an object goes, also what is being made: `object` as in the keys. */
void transcode_service_forget(TranscodeService *service, const char *object);

/* ---- For `make` ---- */

/** Empty memory for pixels, up to PACS_MAX_FRAME_BYTES: the same as of works before, so that it need not be had from the
 *  kernel page by page, and lies in the processor's caches. One for each work; borrowed until `make` returns. */
PacsBuffer *transcode_work_scratch(TranscodeWork *work);

/** Those who have nothing to do at this moment, to share the work with. */
TranscodeHands transcode_work_hands(TranscodeWork *work);

/** PACS_CANCELLED where nobody waits for it any more. */
PACS_CHECKED PacsStatus transcode_work_check(TranscodeWork *work, PacsError *err);

/** As transcode_decode(), in a process that may die of it unless the decoder is our own. */
PACS_CHECKED PacsStatus transcode_work_decode(TranscodeWork *work, const TranscodeFrame *frame,
                                              const TranscodeLayout *layout, uint8_t *out, size_t out_size,
                                              PacsError *err);
/** As transcode_encode(), counted. */
PACS_CHECKED PacsStatus transcode_work_encode(TranscodeWork *work, const TranscodeFrame *native,
                                              const TranscodeTarget *target, PacsBuffer *out, PacsError *err);
