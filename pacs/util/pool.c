#include "pacs/util/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/text.h"

#define THREAD_NAME_SIZE 16 /* what Linux keeps, with the NUL */

typedef struct Work {
    void (*run)(void *argument);
    void *argument;
} Work;

struct PacsPool {
    char name[THREAD_NAME_SIZE];
    pthread_mutex_t lock;
    pthread_cond_t changed; /* work came, or the pool is stopping */
    pthread_cond_t joined;  /* the first stop has seen all threads end */
    bool stopping;
    bool stopped;

    size_t max_threads;
    size_t thread_count;
    size_t busy_count; /* threads running something */
    pthread_t *threads;

    size_t max_work;
    size_t first; /* of `queued` works in the ring */
    size_t queued;
    Work *work;
};

static PacsPool *allocate(size_t max_threads, size_t max_work)
{
    PacsPool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->threads = calloc(max_threads, sizeof *pool->threads);
    pool->work = calloc(max_work, sizeof *pool->work);
    if (!pool->threads || !pool->work) {
        free(pool->threads);
        free(pool->work);
        free(pool);
        return NULL;
    }
    return pool;
}

PacsStatus pacs_pool_new(const char *name, size_t max_threads, size_t max_queued, PacsPool **ret_pool,
                         PacsError *err)
{
    assert(max_threads > 0);
    size_t max_work;
    PacsPool *pool = NULL;
    if (!__builtin_add_overflow(max_threads, max_queued, &max_work))
        pool = allocate(max_threads, max_work);
    if (!pool)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the pool '%s'", name);

    (void)pacs_text_copy(pool->name, sizeof pool->name, name); /* the kernel keeps no more of it */
    pool->max_threads = max_threads;
    pool->max_work = max_work;
    /* On Linux these allocate nothing and cannot fail without attributes. */
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->changed, NULL);
    (void)pthread_cond_init(&pool->joined, NULL);
    *ret_pool = pool;
    return PACS_OK;
}

static void *work_until_stopped(void *argument)
{
    PacsPool *pool = argument;
    (void)pthread_setname_np(pthread_self(), pool->name); /* for top and gdb only */

    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->queued == 0 && !pool->stopping)
            (void)pthread_cond_wait(&pool->changed, &pool->lock);
        if (pool->queued == 0)
            break;
        Work work = pool->work[pool->first];
        pool->first = (pool->first + 1) % pool->max_work;
        pool->queued--;
        pool->busy_count++;
        (void)pthread_mutex_unlock(&pool->lock);
        work.run(work.argument);
        (void)pthread_mutex_lock(&pool->lock);
        pool->busy_count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are the main thread's: a pool's thread starts with all of them blocked. */
static int start_thread(PacsPool *pool)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&pool->threads[pool->thread_count], NULL, work_until_stopped, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pool->thread_count++;
    return failed;
}

static PacsStatus submit_locked(PacsPool *pool, Work work, PacsError *err)
{
    if (pool->stopping)
        return pacs_fail(err, PACS_CANCELLED, "the pool '%s' is stopping", pool->name);
    /* Free threads take from the queue at once, so its length is what may wait beyond them. */
    if (pool->queued + pool->busy_count == pool->max_work)
        return pacs_fail(err, PACS_UNAVAILABLE, "the pool '%s' has its hands full", pool->name);

    size_t free_threads = pool->thread_count - pool->busy_count;
    if (pool->queued >= free_threads && pool->thread_count < pool->max_threads) {
        int failed = start_thread(pool);
        if (failed && pool->thread_count == 0)
            return pacs_fail(err, PACS_UNAVAILABLE, "no thread to be had for the pool '%s': %s", pool->name,
                             strerror(failed));
    }
    pool->work[(pool->first + pool->queued) % pool->max_work] = work;
    pool->queued++;
    return PACS_OK;
}

PacsStatus pacs_pool_submit(PacsPool *pool, void (*run)(void *argument), void *argument, PacsError *err)
{
    (void)pthread_mutex_lock(&pool->lock);
    PacsStatus status = submit_locked(pool, (Work){run, argument}, err);
    (void)pthread_mutex_unlock(&pool->lock);
    if (status == PACS_OK)
        (void)pthread_cond_signal(&pool->changed); /* after the lock, or who wakes would wait for it */
    return status;
}

void pacs_pool_stop(PacsPool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool first = !pool->stopping;
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->changed);
    while (!first && !pool->stopped)
        (void)pthread_cond_wait(&pool->joined, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!first)
        return;

    for (size_t i = 0; i < pool->thread_count; i++) /* nobody adds to it any more */
        (void)pthread_join(pool->threads[i], NULL);

    (void)pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    (void)pthread_cond_broadcast(&pool->joined);
    (void)pthread_mutex_unlock(&pool->lock);
}

void pacs_pool_free(PacsPool *pool)
{
    if (!pool)
        return;
    pacs_pool_stop(pool);
    (void)pthread_cond_destroy(&pool->joined);
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->work);
    free(pool->threads);
    free(pool);
}
