#include "pacs/util/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct PacsQueue {
    pthread_mutex_t lock;
    pthread_cond_t filled;  /* an item came, or the queue was closed */
    pthread_cond_t emptied; /* room came, or the queue was closed */
    bool closed;
    size_t max;
    size_t first; /* of `count` items in the ring */
    size_t count;
    void *items[];
};

/* Timed waits count from a clock that never steps. */
static int init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!failed)
        failed = pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return failed;
}

PacsStatus pacs_queue_new(size_t max_items, PacsQueue **ret_queue, PacsError *err)
{
    assert(max_items > 0);
    PacsQueue *queue = NULL;
    if (max_items <= (SIZE_MAX - sizeof *queue) / sizeof queue->items[0])
        queue = calloc(1, sizeof *queue + max_items * sizeof queue->items[0]);
    if (!queue)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a queue of %zu", max_items);
    queue->max = max_items;

    /* On Linux these allocate nothing and cannot fail with the attributes used. */
    int failed = pthread_mutex_init(&queue->lock, NULL);
    failed |= init_condition(&queue->filled);
    failed |= init_condition(&queue->emptied);
    assert(!failed);
    (void)failed;
    *ret_queue = queue;
    return PACS_OK;
}

static PacsStatus push_locked(PacsQueue *queue, void *item, bool wait, PacsError *err)
{
    while (wait && !queue->closed && queue->count == queue->max)
        (void)pthread_cond_wait(&queue->emptied, &queue->lock);
    if (queue->closed)
        return pacs_fail(err, PACS_CANCELLED, "the queue is closed");
    if (queue->count == queue->max)
        return pacs_fail(err, PACS_UNAVAILABLE, "the queue is full (%zu)", queue->max);

    queue->items[(queue->first + queue->count) % queue->max] = item;
    queue->count++;
    (void)pthread_cond_signal(&queue->filled);
    return PACS_OK;
}

PacsStatus pacs_queue_push(PacsQueue *queue, void *item, PacsError *err)
{
    (void)pthread_mutex_lock(&queue->lock);
    PacsStatus status = push_locked(queue, item, true, err);
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

PacsStatus pacs_queue_try_push(PacsQueue *queue, void *item, PacsError *err)
{
    (void)pthread_mutex_lock(&queue->lock);
    PacsStatus status = push_locked(queue, item, false, err);
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

static size_t take_locked(PacsQueue *queue, void **ret_items, size_t max)
{
    size_t count = queue->count < max ? queue->count : max;
    for (size_t i = 0; i < count; i++)
        ret_items[i] = queue->items[(queue->first + i) % queue->max];
    queue->first = (queue->first + count) % queue->max;
    queue->count -= count;
    if (count > 1)
        (void)pthread_cond_broadcast(&queue->emptied);
    else if (count == 1)
        (void)pthread_cond_signal(&queue->emptied);
    return count;
}

size_t pacs_queue_pop(PacsQueue *queue, void **ret_items, size_t max)
{
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->closed)
        (void)pthread_cond_wait(&queue->filled, &queue->lock);
    size_t count = take_locked(queue, ret_items, max);
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

static struct timespec deadline_in(uint32_t timeout_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

size_t pacs_queue_pop_wait(PacsQueue *queue, void **ret_items, size_t max, uint32_t timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);
    bool in_time = timeout_ms > 0;
    (void)pthread_mutex_lock(&queue->lock);
    while (in_time && queue->count == 0 && !queue->closed)
        in_time = pthread_cond_timedwait(&queue->filled, &queue->lock, &deadline) == 0;
    size_t count = take_locked(queue, ret_items, max);
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

size_t pacs_queue_size(PacsQueue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

void pacs_queue_close(PacsQueue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->filled);
    (void)pthread_cond_broadcast(&queue->emptied);
    (void)pthread_mutex_unlock(&queue->lock);
}

void pacs_queue_free(PacsQueue *queue)
{
    if (!queue)
        return;
    (void)pthread_cond_destroy(&queue->emptied);
    (void)pthread_cond_destroy(&queue->filled);
    (void)pthread_mutex_destroy(&queue->lock);
    free(queue);
}
