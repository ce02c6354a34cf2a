#include "transcode/service_writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pacs/util/limits.h"

#define STEPS_BACK                                                                                           \
    10 /* behind those who wait for an answer, but not so far that a lock it holds is not let go */

typedef struct Queued {
    TranscodeLruEntry base;
    TranscodeResult *result;
} Queued;

struct TranscodeWriter {
    TranscodeWrite write;
    void *context;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t arrived; /* something, or the end */
    pthread_cond_t written;
    bool is_ending;
    const Queued *writing; /* it stays in the queue, to be found, until it is written */
    TranscodeLru queue;    /* the oldest is next */
};

/* With the lock held. */
static void drop(TranscodeWriter *writer, Queued *queued)
{
    transcode_lru_remove(&writer->queue, &queued->base);
    transcode_result_unref(queued->result);
    free(queued);
}

/* ---- The thread ---- */

/* Entered and left with the lock held. */
static void write_one(TranscodeWriter *writer, Queued *queued)
{
    writer->writing = queued;
    (void)pthread_mutex_unlock(&writer->lock);
    writer->write(writer->context, &queued->base.name, queued->result);
    (void)pthread_mutex_lock(&writer->lock);
    writer->writing = NULL;
    drop(writer, queued);
    (void)pthread_cond_broadcast(&writer->written);
}

static void *run(void *context)
{
    TranscodeWriter *writer = context;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), STEPS_BACK); /* of this thread alone; it may be refused */
    (void)pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (!writer->queue.oldest && !writer->is_ending)
            (void)pthread_cond_wait(&writer->arrived, &writer->lock);
        if (!writer->queue.oldest)
            break;
        write_one(writer, (Queued *)writer->queue.oldest);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* ---- Beginning and end ---- */

static PacsStatus start(TranscodeWriter *writer, PacsError *err)
{
    sigset_t all, before;

    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&writer->thread, NULL, run, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    writer->has_thread = failed == 0;
    return failed == 0
               ? PACS_OK
               : pacs_fail(err, PACS_UNAVAILABLE, "no thread to be had for the cache: %s", strerror(failed));
}

PacsStatus transcode_writer_new(TranscodeWrite write, void *context, TranscodeWriter **ret_writer,
                                PacsError *err)
{
    PACS_AUTO(TranscodeWriter) writer = calloc(1, sizeof *writer);

    if (!writer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    writer->write = write;
    writer->context = context;
    /* On Linux these allocate nothing and cannot fail without attributes. */
    (void)pthread_mutex_init(&writer->lock, NULL);
    (void)pthread_cond_init(&writer->arrived, NULL);
    (void)pthread_cond_init(&writer->written, NULL);
    if (!transcode_lru_init(&writer->queue))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    const PacsStatus status = start(writer, err);
    if (status == PACS_OK)
        *ret_writer = PACS_STEAL(writer);
    return status;
}

void transcode_writer_free(TranscodeWriter *writer)
{
    if (!writer)
        return;
    if (writer->has_thread) {
        (void)pthread_mutex_lock(&writer->lock);
        writer->is_ending = true;
        (void)pthread_cond_signal(&writer->arrived);
        (void)pthread_mutex_unlock(&writer->lock);
        (void)pthread_join(writer->thread, NULL);
    }
    transcode_lru_clear(&writer->queue);
    (void)pthread_cond_destroy(&writer->written);
    (void)pthread_cond_destroy(&writer->arrived);
    (void)pthread_mutex_destroy(&writer->lock);
    free(writer);
}

/* ---- Calls ---- */

/* One result alone may be larger than the bound: its asker holds it as well. */
static bool has_room(const TranscodeWriter *writer, uint64_t bytes)
{
    return writer->queue.count == 0 || writer->queue.bytes + bytes <= PACS_MAX_TRANSCODE_UNWRITTEN;
}

bool transcode_writer_add(TranscodeWriter *writer, const TranscodeName *name, TranscodeResult *result)
{
    Queued *queued = malloc(sizeof *queued);

    if (!queued)
        return false;
    *queued = (Queued){.base = {.name = *name, .bytes = transcode_result_size(result) + sizeof *queued},
                       .result = result};
    (void)pthread_mutex_lock(&writer->lock);
    const bool is_taken = has_room(writer, queued->base.bytes);
    if (is_taken) {
        (void)transcode_result_ref(result);
        transcode_lru_add(&writer->queue, &queued->base);
        (void)pthread_cond_signal(&writer->arrived);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    if (!is_taken)
        free(queued);
    return is_taken;
}

TranscodeResult *transcode_writer_find(TranscodeWriter *writer, const TranscodeName *name)
{
    TranscodeResult *result = NULL;

    (void)pthread_mutex_lock(&writer->lock);
    TranscodeLruEntry *queued = transcode_lru_find(&writer->queue, name);
    if (queued)
        result = transcode_result_ref(((Queued *)queued)->result);
    (void)pthread_mutex_unlock(&writer->lock);
    return result;
}

void transcode_writer_forget(TranscodeWriter *writer, const TranscodeName *name)
{
    TranscodeLruEntry *entry;

    (void)pthread_mutex_lock(&writer->lock);
    while ((entry = transcode_lru_find_object(&writer->queue, name))) {
        if (writer->writing && entry == &writer->writing->base)
            (void)pthread_cond_wait(&writer->written, &writer->lock); /* some milliseconds */
        else
            drop(writer, (Queued *)entry);
    }
    (void)pthread_cond_broadcast(&writer->written); /* for who waits until nothing waits */
    (void)pthread_mutex_unlock(&writer->lock);
}

void transcode_writer_flush(TranscodeWriter *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    while (writer->queue.count > 0)
        (void)pthread_cond_wait(&writer->written, &writer->lock);
    (void)pthread_mutex_unlock(&writer->lock);
}
