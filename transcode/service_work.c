#include <stdlib.h>
#include <time.h>

#include "pacs/util/limits.h"
#include "transcode/service_private.h"

/**
 * Who does what when: works wait in order of arrival, the most urgent one gets a free worker, and one of those who wait
 * for it becomes that worker.
 */

#define ASK_EVERY_NS 100000000 /* whether the asker is still there */

static bool is_given_up(const TranscodeTask *task)
{
    return task->is_cancelled && task->is_cancelled(task->cancel_context);
}

static PacsStatus fail_given_up(PacsError *err)
{
    return pacs_fail(err, PACS_CANCELLED, "nobody waits for it any more");
}

/* ---- The list ---- */

static TranscodeWork *find(const TranscodeService *service, const TranscodeName *name)
{
    TranscodeWork *work = service->first;

    while (work && !transcode_name_equal(&work->name, name))
        work = work->next;
    return work;
}

static void set_state(TranscodeWork *work, WorkState state)
{
    TranscodeService *service = work->service;
    const int waits = (state == WORK_WAITING) - (work->state == WORK_WAITING);

    if (waits != 0) {
        service->waiting[work->priority] += (uint32_t)waits;
        pacs_metric_shift(service->metrics.waiting[work->priority], waits);
    }
    work->state = state;
}

static void make_more_urgent(TranscodeWork *work, TranscodePriority priority)
{
    if (priority >= work->priority || work->state != WORK_WAITING)
        return;
    set_state(work, WORK_DONE);
    work->priority = priority;
    set_state(work, WORK_WAITING);
}

static void unlink_work(TranscodeWork *work)
{
    TranscodeService *service = work->service;
    TranscodeWork **link = &service->first;

    while (*link != work)
        link = &(*link)->next;
    *link = work->next;
    if (service->end == &work->next)
        service->end = link;
}

/* What waits at least as urgently counts: background work cannot fill the queue for people. */
static bool is_full(const TranscodeService *service, TranscodePriority priority)
{
    uint32_t waiting = 0;

    for (int i = 0; i <= (int)priority; i++)
        waiting += service->waiting[i];
    return service->busy >= service->workers && waiting >= service->max_waiting;
}

static PacsStatus begin(TranscodeService *service, const TranscodeTask *task, const TranscodeName *name,
                        TranscodeWork **ret_work, PacsError *err)
{
    pthread_condattr_t attributes;

    if (is_full(service, task->priority))
        return pacs_fail(err, PACS_UNAVAILABLE, "%u conversions wait already: try again",
                         service->max_waiting);
    TranscodeWork *work = calloc(1, sizeof *work);
    if (!work)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to convert a frame");
    *work = (TranscodeWork){
        .service = service, .name = *name, .state = WORK_DONE, .priority = task->priority};
    /* On Linux these allocate nothing and cannot fail with these attributes. */
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&work->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    *service->end = work;
    service->end = &work->next;
    set_state(work, WORK_WAITING);
    *ret_work = work;
    return PACS_OK;
}

static void free_work(TranscodeWork *work)
{
    transcode_result_unref(work->result);
    (void)pthread_cond_destroy(&work->changed);
    free(work);
}

/* ---- Workers ---- */

static TranscodeWork *most_urgent(const TranscodeService *service)
{
    TranscodeWork *best = NULL;

    for (TranscodeWork *work = service->first; work; work = work->next) {
        if (work->state != WORK_WAITING || (best && work->priority >= best->priority))
            continue;
        if (work->priority == TRANSCODE_BACKGROUND && service->busy_background >= service->max_background)
            continue;
        best = work;
    }
    return best;
}

static void call_workers(TranscodeService *service)
{
    TranscodeWork *work;

    while (service->busy < service->workers && (work = most_urgent(service))) {
        set_state(work, WORK_CALLED);
        service->busy++;
        service->busy_background += work->priority == TRANSCODE_BACKGROUND;
        pacs_metric_set(service->metrics.working, service->busy);
        (void)pthread_cond_signal(&work->changed); /* any one of them */
    }
}

static void release_worker(TranscodeWork *work)
{
    TranscodeService *service = work->service;

    service->busy--;
    service->busy_background -= work->priority == TRANSCODE_BACKGROUND;
    pacs_metric_set(service->metrics.working, service->busy);
}

/* ---- Doing it ---- */

PacsStatus transcode_work_check(TranscodeWork *work, PacsError *err)
{
    if (!is_given_up(work->task))
        return PACS_OK;
    (void)pthread_mutex_lock(&work->service->lock);
    const bool is_alone = work->people == 1;
    (void)pthread_mutex_unlock(&work->service->lock);
    return is_alone ? fail_given_up(err) : PACS_OK;
}

static PacsStatus make(TranscodeWork *work, const TranscodeTask *task, bool *ret_made, PacsError *err)
{
    TranscodeService *service = work->service;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(PACS_MAX_TRANSCODED);

    /* It may have been finished between the asker's look into the cache and its place here, or by another server. */
    work->result = transcode_cache_load(service->cache, &work->name);
    if (work->result) {
        pacs_metric_add(service->metrics.cached, 1);
        return PACS_OK;
    }
    PacsStatus status = task->make(task->context, work, &out, err);
    if (status == PACS_OK)
        status = pacs_buffer_check(&out, err);
    if (status == PACS_OK && out.size == 0)
        status = pacs_fail(err, PACS_INTERNAL, "a conversion made nothing");
    if (status != PACS_OK)
        return status;
    work->result = transcode_result_new(&out);
    if (!work->result)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a converted frame");
    pacs_metric_add(service->metrics.made, 1);
    *ret_made = true;
    return PACS_OK;
}

/* A result whose object was forgotten meanwhile is for those alone who asked before. Asked again after it was
 * added, because both might happen between. */
static void keep(TranscodeWork *work)
{
    TranscodeService *service = work->service;

    transcode_cache_add(service->cache, &work->name, work->result);
    (void)pthread_mutex_lock(&service->lock);
    const bool is_forgotten = work->is_forgotten;
    (void)pthread_mutex_unlock(&service->lock);
    if (is_forgotten)
        transcode_cache_forget(service->cache, &work->name);
}

/* With the lock held. */
static void take_scratch(TranscodeWork *work)
{
    TranscodeService *service = work->service;

    if (service->scratch_count > 0)
        work->scratch = service->scratch[--service->scratch_count];
    else
        pacs_buffer_init(&work->scratch, PACS_MAX_FRAME_BYTES);
}

/* With the lock held: there are as many places as workers. */
static void return_scratch(TranscodeWork *work)
{
    TranscodeService *service = work->service;

    if (work->scratch.capacity > PACS_MAX_TRANSCODE_SCRATCH)
        pacs_buffer_clear(&work->scratch);
    pacs_buffer_reset(&work->scratch);
    service->scratch[service->scratch_count++] = work->scratch;
}

/* Entered and left with the lock held. */
static PacsStatus do_it(TranscodeWork *work, const TranscodeTask *task)
{
    TranscodeService *service = work->service;
    PacsError error = {0};
    bool is_made = false;

    set_state(work, WORK_RUNNING);
    work->task = task;
    take_scratch(work);
    (void)pthread_mutex_unlock(&service->lock);
    const PacsStatus status = make(work, task, &is_made, &error);
    if (status == PACS_OK && is_made && !task->is_passing)
        keep(work);
    (void)pthread_mutex_lock(&service->lock);
    work->task = NULL;
    return_scratch(work);
    release_worker(work);
    if (status == PACS_CANCELLED && work->people > 1) {
        set_state(work, WORK_WAITING); /* somebody came while it was given up: one of them begins anew */
    } else {
        work->error = error;
        set_state(work, WORK_DONE);
        unlink_work(work);
        (void)pthread_cond_broadcast(&work->changed);
    }
    call_workers(service);
    return status;
}

/* ---- Taking part ---- */

static void wait(TranscodeWork *work)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ASK_EVERY_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&work->changed, &work->service->lock, &until);
}

static PacsStatus take_result(TranscodeWork *work, TranscodeResult **ret_result, PacsError *err)
{
    if (!work->result)
        return pacs_fail(err, work->error.status, "%s", work->error.text);
    *ret_result = transcode_result_ref(work->result);
    return PACS_OK;
}

/* With the lock held. The last one to go takes the work along. */
static void leave(TranscodeWork *work)
{
    TranscodeService *service = work->service;

    if (--work->people > 0) {
        if (work->state == WORK_CALLED)
            (void)pthread_cond_signal(&work->changed); /* the call may have been for who goes */
        return;
    }
    if (work->state == WORK_CALLED)
        release_worker(work);
    if (work->state != WORK_DONE) {
        set_state(work, WORK_DONE);
        unlink_work(work);
    }
    free_work(work);
    call_workers(service);
}

/* With the lock held. */
static PacsStatus see_it_done(TranscodeWork *work, const TranscodeTask *task, bool *ret_did_it,
                              TranscodeResult **ret_result, PacsError *err)
{
    while (work->state != WORK_DONE) {
        if (work->state == WORK_CALLED) {
            *ret_did_it = true;
            if (do_it(work, task) == PACS_CANCELLED)
                return fail_given_up(err);
        } else {
            wait(work);
        }
        if (work->state != WORK_DONE && is_given_up(task))
            return fail_given_up(err);
    }
    return take_result(work, ret_result, err);
}

static void count_end(const TranscodeMetrics *metrics, PacsStatus status, bool did_it)
{
    if (status == PACS_CANCELLED)
        pacs_metric_add(metrics->cancelled, 1);
    else if (status != PACS_OK)
        pacs_metric_add(metrics->failed, 1);
    else if (!did_it)
        pacs_metric_add(metrics->joined, 1);
}

PacsStatus transcode_take_part(TranscodeService *service, const TranscodeTask *task,
                               const TranscodeName *name, TranscodeResult **ret_result, PacsError *err)
{
    PacsStatus status = PACS_OK;
    bool did_it = false;

    (void)pthread_mutex_lock(&service->lock);
    TranscodeWork *work = find(service, name);
    if (!work)
        status = begin(service, task, name, &work, err);
    if (status != PACS_OK) {
        (void)pthread_mutex_unlock(&service->lock);
        pacs_metric_add(service->metrics.refused, 1);
        return status;
    }
    make_more_urgent(work, task->priority);
    work->people++;
    call_workers(service);
    status = see_it_done(work, task, &did_it, ret_result, err);
    leave(work);
    (void)pthread_mutex_unlock(&service->lock);
    count_end(&service->metrics, status, did_it);
    return status;
}
