#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"
#include "transcode/service_private.h"

#define WAITING_FOR_EACH_WORKER 64u /* a CT slice takes 10 ms: the last one waits less than a second */

/* ---- Beginning and end ---- */

/* Those we may run on, which a container may have fewer of than the machine. */
static uint32_t count_cores(void)
{
    cpu_set_t cores;

    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    return (uint32_t)CPU_COUNT(&cores);
}

PacsStatus transcode_service_new(const TranscodeServiceOptions *options, PacsMetrics *metrics,
                                 TranscodeService **ret_service, PacsError *err)
{
    const TranscodeServiceOptions nothing = {0};
    TranscodeService *service = calloc(1, sizeof *service);

    if (!service)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for transcoding");
    if (!options)
        options = &nothing;
    service->workers = options->workers ? options->workers : count_cores();
    service->max_background = service->workers > 1 ? service->workers - 1 : 1;
    service->max_waiting = options->max_waiting ? options->max_waiting
                                                : service->workers * WAITING_FOR_EACH_WORKER;
    service->end = &service->first;
    (void)pthread_mutex_init(&service->lock, NULL); /* cannot fail on Linux without attributes */
    transcode_metrics_init(&service->metrics, metrics);

    PACS_AUTO(TranscodeService) made = service;
    service->scratch = calloc(service->workers, sizeof *service->scratch);
    if (!service->scratch)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for transcoding");
    PacsStatus status = transcode_cache_new(options, &service->metrics, &service->cache, err);
    if (status == PACS_OK && service->workers > 1)
        status = transcode_crew_new(service->workers - 1, &service->crew, err);
    if (status == PACS_OK && options->helper)
        status = transcode_helpers_new(options, service->workers, &service->metrics, &service->helpers, err);
    if (status == PACS_OK)
        *ret_service = PACS_STEAL(made);
    return status;
}

void transcode_service_free(TranscodeService *service)
{
    if (!service)
        return;
    transcode_crew_free(service->crew);
    transcode_helpers_free(service->helpers);
    transcode_cache_free(service->cache);
    while (service->scratch_count > 0)
        pacs_buffer_clear(&service->scratch[--service->scratch_count]);
    free(service->scratch);
    (void)pthread_mutex_destroy(&service->lock);
    free(service);
}

/* ---- Keys ---- */

static PacsStatus name_object(const char *object, size_t size, TranscodeName *name, PacsError *err)
{
    uint8_t sha1[PACS_SHA1_SIZE];

    PacsStatus status = pacs_sha1(object, size, sha1, err);
    if (status == PACS_OK)
        memcpy(name->object, sha1, sizeof name->object);
    return status;
}

static PacsStatus name_key(const char *key, TranscodeName *ret_name, PacsError *err)
{
    PacsStatus status = name_object(key, strcspn(key, " "), ret_name, err);

    return status == PACS_OK ? pacs_sha1(key, strlen(key), ret_name->form, err) : status;
}

/* ---- Asking ---- */

TranscodeResult *transcode_service_find(TranscodeService *service, const char *key)
{
    TranscodeName name;

    if (name_key(key, &name, NULL) != PACS_OK)
        return NULL;
    TranscodeResult *result = transcode_cache_find(service->cache, &name);
    if (result)
        pacs_metric_add(service->metrics.cached, 1);
    return result;
}

PacsStatus transcode_service_run(TranscodeService *service, const TranscodeTask *task,
                                 TranscodeResult **ret_result, PacsError *err)
{
    TranscodeName name;

    PacsStatus status = name_key(task->key, &name, err);
    if (status != PACS_OK)
        return status;
    TranscodeResult *result = transcode_cache_find(service->cache, &name);
    if (!result)
        return transcode_take_part(service, task, &name, ret_result, err);
    pacs_metric_add(service->metrics.cached, 1);
    *ret_result = result;
    return PACS_OK;
}

void transcode_service_flush(TranscodeService *service)
{
    transcode_cache_flush(service->cache);
}

void transcode_service_forget(TranscodeService *service, const char *object)
{
    TranscodeName name = {0};

    if (name_object(object, strlen(object), &name, NULL) != PACS_OK)
        return; /* OpenSSL has no SHA-1 left: nothing was ever kept */
    (void)pthread_mutex_lock(&service->lock);
    for (TranscodeWork *work = service->first; work; work = work->next)
        if (memcmp(work->name.object, name.object, sizeof name.object) == 0)
            work->is_forgotten = true;
    (void)pthread_mutex_unlock(&service->lock);
    transcode_cache_forget(service->cache, &name);
}

/* ---- For `make` ---- */

PacsBuffer *transcode_work_scratch(TranscodeWork *work)
{
    return &work->scratch;
}

TranscodeHands transcode_work_hands(TranscodeWork *work)
{
    TranscodeService *service = work->service;

    (void)pthread_mutex_lock(&service->lock);
    const uint32_t idle = service->workers - service->busy; /* we are one of the busy */
    (void)pthread_mutex_unlock(&service->lock);
    return (TranscodeHands){service->crew, idle};
}

PacsStatus transcode_work_decode(TranscodeWork *work, const TranscodeFrame *frame,
                                 const TranscodeLayout *layout, uint8_t *out, size_t out_size, PacsError *err)
{
    TranscodePass pass = {.codec = transcode_decoder_name(frame->transfer_syntax_uid),
                          .operation = "decode",
                          .bytes_in = frame->size,
                          .bytes_out = out_size};

    pass.status = transcode_work_check(work, err);
    if (pass.status != PACS_OK)
        return pass.status;
    const uint64_t begun_ns = pacs_monotonic_ns();
    TranscodeHelpers *helpers = work->service->helpers;
    if (helpers && !transcode_decoder_is_trusted(frame->transfer_syntax_uid))
        pass.status = transcode_helpers_decode(helpers, work, frame, layout, out, out_size, err);
    else
        pass.status = transcode_decode(frame, layout, out, out_size, err);
    pass.duration_ns = pacs_monotonic_ns() - begun_ns;
    transcode_metrics_count(&work->service->metrics, &pass);
    return pass.status;
}

PacsStatus transcode_work_encode(TranscodeWork *work, const TranscodeFrame *native,
                                 const TranscodeTarget *target, PacsBuffer *out, PacsError *err)
{
    TranscodePass pass = {.codec = transcode_encoder_name(target->transfer_syntax_uid),
                          .operation = "encode",
                          .bytes_in = native->size};
    const size_t before = out->size;

    pass.status = transcode_work_check(work, err);
    if (pass.status != PACS_OK)
        return pass.status;
    const uint64_t begun_ns = pacs_monotonic_ns();
    pass.status = transcode_encode(native, target, out, err);
    pass.duration_ns = pacs_monotonic_ns() - begun_ns;
    pass.bytes_out = out->size - before;
    transcode_metrics_count(&work->service->metrics, &pass);
    return pass.status;
}
