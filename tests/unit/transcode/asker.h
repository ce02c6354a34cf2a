#pragma once

#include <pthread.h>

#include "transcode/service.h"

/** Threads that ask the service for something, and a maker that can be held up: nothing in it sleeps. */
typedef struct Stage {
    TranscodeService *service;
    PacsMetrics *metrics;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int making;      /* makers inside */
    int most_making; /* at once */
    int made;
    bool is_open;          /* makers may finish */
    const char *order[32]; /* keys, as they were made */
} Stage;

void stage_open(Stage *stage, const TranscodeServiceOptions *options);
void stage_close(Stage *stage);
void stage_let_makers_go(Stage *stage);
void stage_await_makers(Stage *stage, int making);
/** Series as shown: "imaging_transcode_requests_total{result=\"made\"}". */
int stage_count(Stage *stage, const char *series);

typedef struct Asker {
    Stage *stage;
    TranscodeTask task;
    pthread_t thread;
    bool is_waiting; /* was asked whether it is still there */
    bool gives_up;
    PacsStatus status;
    PacsError error;
    TranscodeResult *result;
    PacsStatus (*act)(struct Asker *asker, TranscodeWork *work, PacsBuffer *out,
                      PacsError *err); /* or NULL */
} Asker;

void asker_start(Asker *asker, Stage *stage, const char *key, TranscodePriority priority);
void asker_await_waiting(Asker *asker);
void asker_give_up(Asker *asker);
PacsStatus asker_join(Asker *asker);
void asker_clear(Asker *asker);
/** Start and join, with makers going. */
PacsStatus ask(Asker *asker, Stage *stage, const char *key);
