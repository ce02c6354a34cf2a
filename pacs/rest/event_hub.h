#pragma once

#include "events/contract/compose.h"
#include "pacs/http/feed.h"
#include "pacs/index/index.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * Everybody who listens to events over HTTP. One thread reads the outbox for all of them; those who stand at the same
 * place and ask for the same get the same bytes, read and written once.
 *
 * Shape:   server-sent events: `id` is the position in the outbox, `event` the type, `data` the event in structured
 *          form. A position older than what is retained, or ahead of it, is answered with an event `reset`.
 * Memory:  a listener holds one piece of text at most (PACS_EVENT_PIECE and one event more); the next is read when it has
 *          taken that.
 * Threads: any.
 * Source:  HTML Standard 9.2 (server-sent events).
 */
typedef struct RestEventHub RestEventHub;

typedef struct RestEventHubOptions {
    EventsComposeOptions compose; /* texts are borrowed */
    uint32_t heartbeat_ms;        /* 0: as proxies need it */
    size_t max_listeners;         /* 0: PACS_MAX_EVENT_LISTENERS */
} RestEventHubOptions;

PACS_CHECKED PacsStatus rest_event_hub_new(const RestEventHubOptions *options, PacsIndex *index,
                                           PacsMetrics *metrics, RestEventHub **ret_hub, PacsError *err);
void rest_event_hub_free(RestEventHub *hub); /* no feed of it is left */
PACS_DEFINE_AUTO(RestEventHub, rest_event_hub_free);

/** What somebody wants to hear. */
typedef struct RestEventInterest {
    const char *study_uid; /* NULL: all */
    const char *type;      /* short name; NULL: all */
    int64_t after_id;      /* -1: from now on */
} RestEventInterest;

/** Errors: PACS_UNAVAILABLE (as many listeners as there may be, or the index does not answer). */
PACS_CHECKED PacsStatus rest_event_hub_listen(RestEventHub *hub, const RestEventInterest *interest,
                                              PacsHttpFeed **ret_feed, PacsError *err);
