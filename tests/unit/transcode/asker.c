#include "tests/unit/transcode/asker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void stage_open(Stage *stage, const TranscodeServiceOptions *options)
{
    *stage = (Stage){.metrics = pacs_metrics_new()};
    assert_non_null(stage->metrics);
    assert_int_equal(pthread_mutex_init(&stage->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&stage->changed, NULL), 0);
    assert_int_equal(transcode_service_new(options, stage->metrics, &stage->service, NULL), PACS_OK);
}

void stage_close(Stage *stage)
{
    transcode_service_free(stage->service);
    pacs_metrics_free(stage->metrics);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
}

void stage_let_makers_go(Stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    stage->is_open = true;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

void stage_await_makers(Stage *stage, int making)
{
    pthread_mutex_lock(&stage->lock);
    while (stage->making != making)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
}

int stage_count(Stage *stage, const char *series)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);
    char line[160];

    assert_int_equal(pacs_metrics_format(stage->metrics, &text, NULL), PACS_OK);
    assert_true((size_t)snprintf(line, sizeof line, "\n%s ", series) < sizeof line);
    const char *found = strstr(pacs_buffer_text(&text), line);
    return found ? atoi(found + strlen(line)) : 0;
}

/* ---- Askers ---- */

static PacsStatus make(void *context, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    Asker *asker = context;
    Stage *stage = asker->stage;

    pthread_mutex_lock(&stage->lock);
    stage->order[stage->made++ % 32] = asker->task.key;
    stage->making++;
    if (stage->making > stage->most_making)
        stage->most_making = stage->making;
    pthread_cond_broadcast(&stage->changed);
    while (!stage->is_open)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);

    PacsStatus status = PACS_OK;
    if (asker->act)
        status = asker->act(asker, work, out, err);
    else
        pacs_buffer_add_text(out, asker->task.key);

    pthread_mutex_lock(&stage->lock);
    stage->making--;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

static bool is_cancelled(void *context)
{
    Asker *asker = context;

    pthread_mutex_lock(&asker->stage->lock);
    const bool gives_up = asker->gives_up;
    asker->is_waiting = true;
    pthread_cond_broadcast(&asker->stage->changed);
    pthread_mutex_unlock(&asker->stage->lock);
    return gives_up;
}

static void *run(void *context)
{
    Asker *asker = context;

    asker->status = transcode_service_run(asker->stage->service, &asker->task, &asker->result, &asker->error);
    return NULL;
}

void asker_start(Asker *asker, Stage *stage, const char *key, TranscodePriority priority)
{
    asker->stage = stage;
    asker->task = (TranscodeTask){.key = key,
                                  .make = make,
                                  .context = asker,
                                  .priority = priority,
                                  .is_cancelled = is_cancelled,
                                  .cancel_context = asker};
    assert_int_equal(pthread_create(&asker->thread, NULL, run, asker), 0);
}

void asker_await_waiting(Asker *asker)
{
    pthread_mutex_lock(&asker->stage->lock);
    while (!asker->is_waiting)
        pthread_cond_wait(&asker->stage->changed, &asker->stage->lock);
    pthread_mutex_unlock(&asker->stage->lock);
}

void asker_give_up(Asker *asker)
{
    pthread_mutex_lock(&asker->stage->lock);
    asker->gives_up = true;
    pthread_mutex_unlock(&asker->stage->lock);
}

PacsStatus asker_join(Asker *asker)
{
    pthread_join(asker->thread, NULL);
    return asker->status;
}

void asker_clear(Asker *asker)
{
    transcode_result_unref(asker->result);
    *asker = (Asker){0};
}

PacsStatus ask(Asker *asker, Stage *stage, const char *key)
{
    stage_let_makers_go(stage);
    asker_start(asker, stage, key, TRANSCODE_INTERACTIVE);
    return asker_join(asker);
}
