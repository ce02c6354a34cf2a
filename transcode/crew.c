#include "transcode/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pacs/util/pool.h"

struct TranscodeCrew {
    PacsPool *pool;
};

/** One piece of work that is shared. It outlives its caller's interest by the hands that come late. */
typedef struct Shared {
    void (*work)(void *context);
    void *context;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t left;
    uint32_t references;
    uint32_t inside; /* hands at work */
    bool is_over;    /* whoever comes now is too late */
} Shared;

/* ---- Beginning and end ---- */

PacsStatus transcode_crew_new(uint32_t threads, TranscodeCrew **ret_crew, PacsError *err)
{
    PACS_AUTO(TranscodeCrew) crew = calloc(1, sizeof *crew);

    if (!crew)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a crew");
    const PacsStatus status = pacs_pool_new("transcode-crew", threads, 0, &crew->pool, err);
    if (status == PACS_OK)
        *ret_crew = PACS_STEAL(crew);
    return status;
}

void transcode_crew_free(TranscodeCrew *crew)
{
    if (crew)
        pacs_pool_free(crew->pool);
    free(crew);
}

/* ---- One piece of work ---- */

static Shared *new_shared(void (*work)(void *context), void *context)
{
    Shared *shared = calloc(1, sizeof *shared);

    if (!shared)
        return NULL;
    *shared = (Shared){.work = work, .context = context, .references = 1};
    (void)pthread_mutex_init(&shared->lock, NULL); /* neither can fail on Linux without attributes */
    (void)pthread_cond_init(&shared->left, NULL);
    return shared;
}

/* Entered with the lock held. */
static void unref_unlock(Shared *shared)
{
    const bool is_last = --shared->references == 0;

    (void)pthread_mutex_unlock(&shared->lock);
    if (!is_last)
        return;
    (void)pthread_cond_destroy(&shared->left);
    (void)pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static void lend_a_hand(void *argument)
{
    Shared *shared = argument;

    (void)pthread_mutex_lock(&shared->lock);
    if (!shared->is_over) {
        shared->inside++;
        (void)pthread_mutex_unlock(&shared->lock);
        shared->work(shared->context);
        (void)pthread_mutex_lock(&shared->lock);
        shared->inside--;
        (void)pthread_cond_signal(&shared->left);
    }
    unref_unlock(shared);
}

/* Those that are busy, or cannot be had, do not help: the work gets done without them. */
static void call_hands(TranscodeHands hands, Shared *shared)
{
    for (uint32_t i = 0; i < hands.count; i++) {
        (void)pthread_mutex_lock(&shared->lock);
        shared->references++;
        (void)pthread_mutex_unlock(&shared->lock);
        if (pacs_pool_submit(hands.crew->pool, lend_a_hand, shared, NULL) == PACS_OK)
            continue;
        (void)pthread_mutex_lock(&shared->lock);
        unref_unlock(shared);
        return;
    }
}

void transcode_crew_work(TranscodeHands hands, void (*work)(void *context), void *context)
{
    Shared *shared = hands.count > 0 ? new_shared(work, context) : NULL;

    if (shared)
        call_hands(hands, shared);
    work(context);
    if (!shared)
        return;
    (void)pthread_mutex_lock(&shared->lock);
    shared->is_over = true;
    while (shared->inside > 0)
        (void)pthread_cond_wait(&shared->left, &shared->lock);
    unref_unlock(shared);
}
