#include <microhttpd.h>
#include <stdlib.h>

#include "pacs/http/server_private.h"

/* Feeds in libmicrohttpd's terms: a connection whose feed has nothing to say is suspended until it is woken. */

#define BLOCK_SIZE (8u << 10) /* libmicrohttpd's, for each feed */
#define LAST_WORDS_MS                                                                                        \
    1000 /* for a client to take what it was told before the server goes: it asks for the rest later */

/** A feed on its way to a client; in the server's list, so that it hears when the server stops or the client is gone. */
struct PacsHttpFeedStream {
    PacsHttpFeedStream *next, **place;
    PacsHttpServer *server;
    PacsHttpExchange *exchange; /* a reference */
    struct MHD_Connection *connection;
    PacsHttpWatched *watched;
    PacsHttpFeed *feed;
};

static void link_stream(PacsHttpFeedStream *stream)
{
    PacsHttpServer *server = stream->server;

    (void)pthread_mutex_lock(&server->lock);
    stream->next = server->feeds;
    stream->place = &server->feeds;
    if (stream->next)
        stream->next->place = &stream->next;
    server->feeds = stream;
    (void)pthread_mutex_unlock(&server->lock);
}

static void unlink_stream(PacsHttpFeedStream *stream)
{
    (void)pthread_mutex_lock(&stream->server->lock);
    *stream->place = stream->next;
    if (stream->next)
        stream->next->place = stream->place;
    (void)pthread_mutex_unlock(&stream->server->lock);
}

void pacs_http_server_wake_feeds(PacsHttpServer *server, bool all)
{
    (void)pthread_mutex_lock(&server->lock);
    for (PacsHttpFeedStream *stream = server->feeds; stream; stream = stream->next) {
        if (all || atomic_load(&stream->watched->gone))
            pacs_http_feed_wake(stream->feed);
        if (all)
            pacs_http_watch_hurry(server->watch, stream->watched, LAST_WORDS_MS);
    }
    (void)pthread_mutex_unlock(&server->lock);
}

static void free_stream(void *context)
{
    PacsHttpFeedStream *stream = context;

    unlink_stream(stream);
    stream->feed->ops->free(stream->feed);
    pacs_http_exchange_unref(stream->exchange);
    free(stream);
}

static void suspend(void *connection)
{
    MHD_suspend_connection(connection);
}

static void resume(void *connection)
{
    MHD_resume_connection(connection);
}

static bool enter(const PacsHttpFeedStream *stream, PacsHttpPhase phase)
{
    return pacs_http_watch_phase(stream->server->watch, stream->watched, phase);
}

static ssize_t read_feed(void *context, uint64_t position, char *bytes, size_t size)
{
    PacsHttpFeedStream *stream = context;

    (void)position; /* only ever forward */
    for (;;) {
        size_t count = 0;

        if (atomic_load(&stream->server->stopping) || pacs_http_cancelled(&stream->exchange->request))
            return MHD_CONTENT_READER_END_OF_STREAM;
        switch (stream->feed->ops->read(stream->feed, bytes, size, &count)) {
        case PACS_HTTP_FEED_BYTES:
            return enter(stream, PACS_HTTP_PHASE_SENDING) ? (ssize_t)count
                                                          : MHD_CONTENT_READER_END_WITH_ERROR;
        case PACS_HTTP_FEED_END:
            return MHD_CONTENT_READER_END_OF_STREAM;
        case PACS_HTTP_FEED_LATER: /* all has been taken: the client owes us nothing */
            if (!enter(stream, PACS_HTTP_PHASE_WORKING))
                return MHD_CONTENT_READER_END_WITH_ERROR;
            if (pacs_http_feed_sleep(stream->feed, suspend, resume, stream->connection))
                return 0;
        }
    }
}

struct MHD_Response *pacs_http_response_of_feed(PacsHttpServer *server, PacsHttpExchange *exchange,
                                                struct MHD_Connection *connection, PacsHttpWatched *watched)
{
    PacsHttpFeedStream *stream = malloc(sizeof *stream);

    if (!stream)
        return NULL;
    *stream = (PacsHttpFeedStream){.server = server,
                                   .exchange = exchange,
                                   .connection = connection,
                                   .watched = watched,
                                   .feed = exchange->reply.payload.feed};
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_feed,
                                                                      stream, free_stream);
    if (!response) {
        free(stream);
        return NULL;
    }
    exchange->reply.payload.feed = NULL;
    atomic_fetch_add(&exchange->references, 1);
    link_stream(stream);
    return response;
}
