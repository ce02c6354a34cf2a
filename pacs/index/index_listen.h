#pragma once

#include <pthread.h>

#include "pacs/index/index_outbox.h"

/** Who listens for events: what a back end keeps, and wakes after its commits. */
typedef struct PacsListeners {
    pthread_mutex_t lock; /* held while they are called, so that unlisten can promise what it does */
    struct PacsListenerEntry *first;
} PacsListeners;

void pacs_listeners_init(PacsListeners *listeners);
void pacs_listeners_clear(PacsListeners *listeners);
PACS_CHECKED PacsStatus pacs_listeners_add(PacsListeners *listeners, PacsEventListener *listener,
                                           void *context, PacsError *err);
void pacs_listeners_remove(PacsListeners *listeners, PacsEventListener *listener, const void *context);
void pacs_listeners_wake(PacsListeners *listeners);
