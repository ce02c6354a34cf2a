#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pacs/http/server_private.h"
#include "pacs/util/limits.h"

/* What one write carries of a stream. The client is woken as often: 128 KiB cost a third of the rate (measured). */
#define BLOCK_SIZE (512u << 10)
#define PUMP_SIZE PACS_HTTP_BODY_CHUNK
#define CROWDED_BLOCK_SIZE (16u << 10)
#define CROWDED_PUMP_SIZE (32u << 10)
#define SKIP_AT_ONCE (1u << 20) /* bytes before a range, per turn of the HTTP thread */
#define LAST_WORDS_MAX (64u << 10)

/* ---- Streams ---- */

/** A PacsSource or pieces on their way to a client: read in place, or by a pool thread into `filled`. */
typedef struct Stream {
    PacsHttpServer *server;
    PacsHttpExchange *exchange; /* a reference: the source may use its arena, the pieces are in it */
    struct MHD_Connection *connection;
    PacsHttpWatched *watched;
    PacsSource *source;     /* NULL: pieces */
    PacsHttpPieces *pieces; /* the exchange's */
    uint64_t skip;          /* bytes to read and drop before the first */
    uint64_t left;          /* PACS_HTTP_UNKNOWN_SIZE: to the end */
    bool has_ended;
    bool has_failed;
    uint8_t *filled; /* made when it is first needed */
    size_t pump_size;
    size_t start, size; /* of what is in `filled` and not sent */
} Stream;

static void free_stream(void *context)
{
    Stream *stream = context;

    atomic_fetch_sub(&stream->server->streams, 1);
    pacs_source_free(stream->source);
    pacs_http_exchange_unref(stream->exchange);
    free(stream->filled);
    free(stream);
}

/* One read. Sets has_ended at the end, has_failed where that comes too early. */
static size_t read_source(Stream *stream, void *bytes, size_t size)
{
    size_t count = 0;
    uint64_t wanted = stream->skip > 0 ? stream->skip : stream->left;

    if (wanted < size)
        size = (size_t)wanted;
    if (size == 0) {
        stream->has_ended = true;
        return 0;
    }
    if (pacs_source_read(stream->source, bytes, size, &count, NULL) != PACS_OK) {
        stream->has_failed = true;
        return 0;
    }
    stream->has_ended = count == 0;
    stream->has_failed = count == 0 && stream->left != PACS_HTTP_UNKNOWN_SIZE;
    if (stream->skip > 0) {
        stream->skip -= count;
        return 0;
    }
    if (stream->left != PACS_HTTP_UNKNOWN_SIZE)
        stream->left -= count;
    return count;
}

/* As read_source(). False: not may_wait, and there is something to wait for. */
static bool read_pieces(Stream *stream, void *bytes, size_t size, bool may_wait, size_t *ret_count)
{
    size_t count = 0;

    if (stream->left < size)
        size = (size_t)stream->left;
    PacsHttpRead read = size > 0 ? pacs_http_pieces_read(stream->pieces, bytes, size, may_wait, &count)
                                 : PACS_HTTP_READ_DONE;
    if (read == PACS_HTTP_READ_LATER)
        return false;
    stream->left -= count;
    stream->has_ended = stream->left == 0;
    stream->has_failed = read == PACS_HTTP_READ_FAILED || (count == 0 && !stream->has_ended);
    *ret_count = count;
    return true;
}

static size_t read_some(Stream *stream, void *bytes, size_t size)
{
    size_t count = 0;

    if (stream->source)
        return read_source(stream, bytes, size);
    (void)read_pieces(stream, bytes, size, true,
                      &count); /* nothing is left for later where waiting is allowed */
    return count;
}

static ssize_t say_end(const Stream *stream)
{
    return stream->has_failed ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
}

/* A source of an INLINE route. */
static ssize_t read_in_place(void *context, uint64_t position, char *bytes, size_t size)
{
    Stream *stream = context;
    size_t count = 0;
    uint64_t skip_until = stream->skip > SKIP_AT_ONCE ? stream->skip - SKIP_AT_ONCE : 0;

    (void)position; /* only ever forward */
    while (stream->skip > skip_until && !stream->has_ended && !stream->has_failed)
        (void)read_source(stream, bytes, size);
    if (stream->skip > 0 && !stream->has_ended && !stream->has_failed)
        return 0; /* others first */
    if (!stream->has_ended && !stream->has_failed)
        count = read_source(stream, bytes, size);
    return count > 0 ? (ssize_t)count : say_end(stream);
}

static void fill(void *argument)
{
    Stream *stream = argument;

    pacs_http_server_job_started(stream->server);
    stream->start = stream->size = 0;
    if (!stream->filled)
        stream->filled = malloc(stream->pump_size);
    while (stream->filled && stream->size < stream->pump_size && !stream->has_ended && !stream->has_failed &&
           !pacs_http_cancelled(&stream->exchange->request))
        stream->size += read_some(stream, stream->filled + stream->size, stream->pump_size - stream->size);
    if (stream->size == 0 && !stream->has_ended)
        stream->has_failed = true;
    MHD_resume_connection(stream->connection);
}

static ssize_t take_filled(Stream *stream, char *bytes, size_t size)
{
    if (stream->start == 0 &&
        !pacs_http_watch_phase(stream->server->watch, stream->watched, PACS_HTTP_PHASE_SENDING))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (size > stream->size)
        size = stream->size;
    memcpy(bytes, stream->filled + stream->start, size);
    stream->start += size;
    stream->size -= size;
    return (ssize_t)size;
}

static ssize_t fill_in_pool(Stream *stream)
{
    /* The peer's own time does not run while it waits for us. */
    if (!pacs_http_watch_phase(stream->server->watch, stream->watched, PACS_HTTP_PHASE_WORKING))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    MHD_suspend_connection(stream->connection);
    if (pacs_http_server_submit(stream->server, fill, stream, false, NULL) != PACS_OK) {
        stream->has_failed = true; /* the server is stopping */
        MHD_resume_connection(stream->connection);
    }
    return 0;
}

/* A slow source, or one of a POOL route. */
static ssize_t read_from_pool(void *context, uint64_t position, char *bytes, size_t size)
{
    Stream *stream = context;

    (void)position;
    if (stream->size > 0)
        return take_filled(stream, bytes, size);
    return stream->has_ended || stream->has_failed ? say_end(stream) : fill_in_pool(stream);
}

/* Pieces: what is in the page cache here, the rest from the pool. */
static ssize_t read_cached(void *context, uint64_t position, char *bytes, size_t size)
{
    Stream *stream = context;
    size_t count = 0;

    (void)position;
    if (stream->size > 0)
        return take_filled(stream, bytes, size);
    if (stream->has_ended || stream->has_failed)
        return say_end(stream);
    if (!read_pieces(stream, bytes, size, false, &count))
        return fill_in_pool(stream);
    return count > 0 ? (ssize_t)count : say_end(stream);
}

static MHD_ContentReaderCallback reader_of(const PacsHttpExchange *exchange)
{
    if (exchange->reply.payload.kind == PACS_HTTP_PAYLOAD_PIECES)
        return read_cached;
    if (exchange->reply.payload.is_slow || pacs_http_exchange_is_pooled(exchange) ||
        exchange->body.kind == PACS_HTTP_BODY_STREAM)
        return read_from_pool;
    return read_in_place;
}

static struct MHD_Response *stream_response(PacsHttpServer *server, PacsHttpExchange *exchange,
                                            struct MHD_Connection *connection, PacsHttpWatched *watched)
{
    PacsHttpPayload *payload = &exchange->reply.payload;
    bool is_crowded = atomic_load(&server->streams) > PACS_HTTP_CROWD;
    Stream *stream = malloc(sizeof *stream);

    if (!stream)
        return NULL;
    *stream = (Stream){.server = server,
                       .exchange = exchange,
                       .connection = connection,
                       .watched = watched,
                       .pieces = payload->pieces,
                       .skip = payload->kind == PACS_HTTP_PAYLOAD_SOURCE ? payload->offset : 0,
                       .left = payload->size,
                       .pump_size = is_crowded ? CROWDED_PUMP_SIZE : PUMP_SIZE};
    struct MHD_Response *response = MHD_create_response_from_callback(
        payload->size == PACS_HTTP_UNKNOWN_SIZE ? MHD_SIZE_UNKNOWN : payload->size,
        is_crowded ? CROWDED_BLOCK_SIZE : BLOCK_SIZE, reader_of(exchange), stream, free_stream);
    if (!response) {
        free(stream);
        return NULL;
    }
    stream->source = PACS_STEAL(payload->source);
    atomic_fetch_add(&server->streams, 1);
    atomic_fetch_add(&exchange->references, 1);
    return response;
}

/* ---- Other bodies ---- */

static struct MHD_Response *owned_response(PacsHttpPayload *payload)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        (size_t)payload->size, payload->owned, payload->release);

    if (response)
        payload->owned = NULL;
    return response;
}

static struct MHD_Response *payload_response(PacsHttpServer *server, PacsHttpExchange *exchange,
                                             struct MHD_Connection *connection, PacsHttpWatched *watched)
{
    PacsHttpPayload *payload = &exchange->reply.payload;

    switch (payload->kind) {
    case PACS_HTTP_PAYLOAD_OWNED:
        return owned_response(payload);
    case PACS_HTTP_PAYLOAD_SOURCE:
    case PACS_HTTP_PAYLOAD_PIECES:
        return stream_response(server, exchange, connection, watched);
    case PACS_HTTP_PAYLOAD_FEED:
        return pacs_http_response_of_feed(server, exchange, connection, watched);
    case PACS_HTTP_PAYLOAD_MAPPED: /* over plain sockets libmicrohttpd hands it to the kernel unread */
    case PACS_HTTP_PAYLOAD_STATIC: /* the arena outlives the sending: libmicrohttpd says when that is over */
        return MHD_create_response_from_buffer((size_t)payload->size, (void *)payload->bytes,
                                               MHD_RESPMEM_PERSISTENT);
    case PACS_HTTP_PAYLOAD_NONE:
        break;
    }
    return MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *pacs_http_response_new(PacsHttpServer *server, PacsHttpExchange *exchange,
                                            struct MHD_Connection *connection, PacsHttpWatched *watched)
{
    struct MHD_Response *response = payload_response(server, exchange, connection, watched);
    bool is_whole = response != NULL;

    for (const PacsHttpHeader *header = exchange->reply.headers; header && is_whole; header = header->next)
        is_whole = MHD_add_response_header(response, header->name, header->value) == MHD_YES;
    if (is_whole && (exchange->request.must_close || atomic_load(&server->stopping) ||
                     atomic_load(&server->resting) >= server->options.max_resting))
        is_whole = MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    if (response && !is_whole) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

/* ---- Past libmicrohttpd ---- */

static void add_body(PacsBuffer *out, const PacsHttpPayload *payload)
{
    bool has_bytes = (payload->kind == PACS_HTTP_PAYLOAD_OWNED ||
                      payload->kind == PACS_HTTP_PAYLOAD_STATIC) &&
                     payload->size <= LAST_WORDS_MAX / 2;

    (void)pacs_buffer_add_format(out, "Content-Length: %zu\r\n\r\n", has_bytes ? (size_t)payload->size : 0);
    if (has_bytes)
        (void)pacs_buffer_add(out, payload->bytes, (size_t)payload->size);
}

void pacs_http_response_last_words(PacsHttpExchange *exchange, int fd)
{
    const PacsHttpReply *reply = &exchange->reply;
    const char *phrase = MHD_get_reason_phrase_for(reply->code);
    PACS_AUTO_BUFFER PacsBuffer text;
    pacs_buffer_init(&text, LAST_WORDS_MAX);

    (void)pacs_buffer_add_format(&text, "HTTP/1.1 %u %s\r\nConnection: close\r\n", reply->code, phrase);
    for (const PacsHttpHeader *header = reply->headers; header; header = header->next)
        (void)pacs_buffer_add_format(&text, "%s: %s\r\n", header->name, header->value);
    add_body(&text, &reply->payload);
    if (!text.failed)
        (void)send(fd, text.bytes, text.size,
                   MSG_DONTWAIT | MSG_NOSIGNAL); /* the connection ends either way */
}
