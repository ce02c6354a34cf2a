#pragma once

#include <pthread.h>

#include "transcode/service.h"
#include "transcode/service_cache.h"
#include "transcode/service_helpers.h"
#include "transcode/service_metrics.h"

/* What the files of the service share. */

typedef enum WorkState {
    WORK_WAITING, /* for a worker */
    WORK_CALLED,  /* has one: whoever of those who wait wakes first does it */
    WORK_RUNNING,
    WORK_DONE, /* no longer in the list; freed by who leaves last */
} WorkState;

struct TranscodeWork {
    TranscodeService *service;
    TranscodeName name;
    TranscodeWork *next; /* in order of arrival */
    WorkState state;
    TranscodePriority priority; /* the most urgent of those who wait */
    uint32_t people;            /* inside of transcode_service_run() for it */
    const TranscodeTask *task;  /* of who does it, while it runs */
    PacsBuffer scratch;         /* while it runs */
    bool is_forgotten;          /* its object went: the result is not kept */
    pthread_cond_t changed;
    TranscodeResult *result;
    PacsError error;
};

struct TranscodeService {
    uint32_t workers;
    uint32_t max_background;
    uint32_t max_waiting;
    TranscodeMetrics metrics;
    TranscodeCache *cache;
    TranscodeCrew *crew;       /* as many as workers, but one; NULL: there is one */
    TranscodeHelpers *helpers; /* NULL: libraries decode in our own process */

    pthread_mutex_t lock; /* of what follows */
    TranscodeWork *first, **end;
    uint32_t waiting[TRANSCODE_PRIORITY_COUNT];
    uint32_t busy; /* workers called or running */
    uint32_t busy_background;
    PacsBuffer *scratch; /* of workers that have nothing to do: the last one used is the next */
    uint32_t scratch_count;
};

/** service_work.c: the result of a task that the cache did not have at first sight. */
PACS_CHECKED PacsStatus transcode_take_part(TranscodeService *service, const TranscodeTask *task,
                                            const TranscodeName *name, TranscodeResult **ret_result,
                                            PacsError *err);
