#include "pacs/index/index_listen.h"

#include <stdlib.h>

typedef struct PacsListenerEntry {
    struct PacsListenerEntry *next;
    PacsEventListener *listener;
    void *context;
} Entry;

static void lock(PacsListeners *listeners)
{
    (void)pthread_mutex_lock(&listeners->lock); /* fails for misuse only */
}

static void unlock(PacsListeners *listeners)
{
    (void)pthread_mutex_unlock(&listeners->lock);
}

void pacs_listeners_init(PacsListeners *listeners)
{
    *listeners = (PacsListeners){0};
    (void)pthread_mutex_init(&listeners->lock, NULL); /* cannot fail with default attributes on Linux */
}

void pacs_listeners_clear(PacsListeners *listeners)
{
    while (listeners->first) {
        Entry *entry = listeners->first;
        listeners->first = entry->next;
        free(entry);
    }
    (void)pthread_mutex_destroy(&listeners->lock);
}

PacsStatus pacs_listeners_add(PacsListeners *listeners, PacsEventListener *listener, void *context,
                              PacsError *err)
{
    Entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a listener");
    lock(listeners);
    *entry = (Entry){.next = listeners->first, .listener = listener, .context = context};
    listeners->first = entry;
    unlock(listeners);
    return PACS_OK;
}

void pacs_listeners_remove(PacsListeners *listeners, PacsEventListener *listener, const void *context)
{
    lock(listeners);
    for (Entry **at = &listeners->first; *at; at = &(*at)->next) {
        Entry *entry = *at;
        if (entry->listener == listener && entry->context == context) {
            *at = entry->next;
            free(entry);
            break;
        }
    }
    unlock(listeners);
}

void pacs_listeners_wake(PacsListeners *listeners)
{
    lock(listeners);
    for (const Entry *entry = listeners->first; entry; entry = entry->next)
        entry->listener(entry->context);
    unlock(listeners);
}
