#pragma once

#include <pthread.h>

#include "pacs/http/http.h"

/**
 * A body that is told as it happens and has no end of its own: server-sent events. It costs no thread while it has
 * nothing to say.
 *
 * The server asks the feed for bytes when the client has taken the last ones. A feed that has none says LATER and wakes the
 * server once it has. The server ends it when it stops, and frees it when the client is gone.
 *
 * Threads: read and free on the HTTP thread: they must not block. wake on any thread, until free has been called.
 */
typedef struct PacsHttpFeed PacsHttpFeed;

typedef enum PacsHttpFeedRead {
    PACS_HTTP_FEED_BYTES,
    PACS_HTTP_FEED_LATER, /* nothing now: pacs_http_feed_wake() says when */
    PACS_HTTP_FEED_END,
} PacsHttpFeedRead;

typedef struct PacsHttpFeedOps {
    /** BYTES: at least 1 and at most `size`. Required. */
    PacsHttpFeedRead (*read)(PacsHttpFeed *self, void *bytes, size_t size, size_t *ret_size);
    /** Frees self too. Required. */
    void (*free)(PacsHttpFeed *self);
} PacsHttpFeedOps;

/** The server's: whether the connection waits for the feed. */
typedef struct PacsHttpFeedSleep {
    pthread_mutex_t lock;
    void (*resume)(void *connection);
    void *connection; /* asleep; NULL: it is not */
    bool is_woken;    /* since it was read last */
} PacsHttpFeedSleep;

struct PacsHttpFeed {
    const PacsHttpFeedOps *ops;
    PacsHttpFeedSleep sleep;
};

void pacs_http_feed_init(PacsHttpFeed *feed, const PacsHttpFeedOps *ops);
/** Ask again: there is something to read, or the end. */
void pacs_http_feed_wake(PacsHttpFeed *feed);

/** Sent chunked, uncompressed; *takes* feed. */
void pacs_http_reply_feed(PacsHttpReply *reply, const char *content_type, PacsHttpFeed *feed);

/* For who serves: suspend(connection) unless the feed was woken since it said LATER. False: ask it again. resume may be called
 * at once, on any thread. */
PACS_CHECKED bool pacs_http_feed_sleep(PacsHttpFeed *feed, void (*suspend)(void *connection),
                                       void (*resume)(void *connection), void *connection);
