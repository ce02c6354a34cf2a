#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/http/body.h"
#include "pacs/http/feed.h"
#include "pacs/http/http.h"
#include "pacs/http/pieces.h"
#include "pacs/http/router.h"
#include "pacs/http/site.h"
#include "pacs/util/arena.h"

/**
 * One request and its reply, and the steps between them: the part of the server that knows HTTP but no
 * sockets. The connection glue (mhd.c) and the in-memory one (http_memory.c) drive it the same way:
 *
 *     new -> head -> bytes, bytes, ... -> end -> reply ready -> (sent) -> unref
 *
 * Each step says what comes next (PacsHttpNext). WORK is run by pacs_http_exchange_work(), which may block.
 *
 * Threads: one at a time; the glue hands it over (HTTP thread -> pool -> HTTP thread).
 */

typedef enum PacsHttpNext {
    PACS_HTTP_NEXT_READ,  /* more of the body, or its end */
    PACS_HTTP_NEXT_WORK,  /* call pacs_http_exchange_work() on a thread that may block */
    PACS_HTTP_NEXT_REPLY, /* the reply is complete: send it (if the body has not ended: and close) */
    PACS_HTTP_NEXT_CLOSE, /* as REPLY, but the client is still sending too much to wait for */
} PacsHttpNext;

struct PacsHttpRequest {
    PacsArena *arena;
    const char *sent_method;
    const char *target; /* as sent */
    const char *path;
    PacsHttpMethod method;
    const char *method_name;
    bool is_head;
    bool expects_continue;
    bool must_close;         /* where its body ends is in doubt: nothing more is read after it */
    uint64_t content_length; /* PACS_HTTP_UNKNOWN_SIZE: chunked; 0 where there is no body */
    PacsHttpPair *query;
    size_t query_count;
    const PacsHttpPair *headers; /* as the glue gave them: it keeps them alive */
    size_t header_count;
    size_t header_size; /* bytes of request line and headers as received */
    const char *remote_address;
    bool is_loopback;
    const char *user;
    const char *id;
    PacsSlice body;
    bool may_block;          /* the handler is on a worker thread */
    const atomic_bool *gone; /* the connection's; NULL: never */
    const PacsHttpSite *site;
    PacsHttpMatch match;
};

typedef struct PacsHttpHeader {
    struct PacsHttpHeader *next;
    const char *name;
    const char *value;
} PacsHttpHeader;

typedef enum PacsHttpPayloadKind {
    PACS_HTTP_PAYLOAD_NONE,
    PACS_HTTP_PAYLOAD_OWNED,  /* bytes, and how to release them */
    PACS_HTTP_PAYLOAD_STATIC, /* bytes that outlive the reply (also: in the arena) */
    PACS_HTTP_PAYLOAD_SOURCE,
    PACS_HTTP_PAYLOAD_PIECES, /* also: a file */
    PACS_HTTP_PAYLOAD_MAPPED, /* bytes that only the kernel reads */
    PACS_HTTP_PAYLOAD_FEED,
} PacsHttpPayloadKind;

typedef struct PacsHttpPayload {
    PacsHttpPayloadKind kind;
    uint8_t *owned;
    void (*release)(void *owned);
    const uint8_t *bytes; /* of OWNED, STATIC and MAPPED */
    PacsHttpFeed *feed;
    PacsSource *source;
    bool is_slow; /* SOURCE: not to be read on an HTTP thread */
    PacsHttpPieces *pieces;
    const char *name;       /* PIECES: of their content, or NULL */
    PacsHttpMapped *mapped; /* MAPPED; of PIECES while they become that */
    int fd;                 /* PIECES: the file they are of, to close; or -1 */
    uint64_t offset;        /* SOURCE: bytes to read and drop first */
    uint64_t size;          /* PACS_HTTP_UNKNOWN_SIZE possible for SOURCE */
} PacsHttpPayload;

/** What has to stay until the answer has been sent. */
typedef struct PacsHttpKept {
    struct PacsHttpKept *next;
    void *thing;
    void (*release)(void *thing);
} PacsHttpKept;

struct PacsHttpReply {
    PacsHttpRequest *request;
    uint32_t code;
    PacsHttpHeader *headers; /* in the order set */
    size_t headers_size;
    PacsHttpPayload payload;
    PacsHttpKept *kept;
    const char *etag;
    bool is_cut;      /* the range asked for has been cut */
    bool failed;      /* something could not be set: becomes a 500 */
    bool in_error;    /* the mount's renderer is running */
    bool is_deferred; /* the handler is to be called again on a worker thread */
};

typedef struct PacsHttpExchange {
    PacsHttpRequest request;
    PacsHttpReply reply;
    PacsHttpBody body;
    atomic_bool is_answered; /* the reply is complete; what still comes in is dropped */
    bool is_filling;         /* it is but for a body that waits for the disk */
    bool has_started;        /* bytes of the body have come */
    bool has_ended;          /* the body has been received to its end */
    uint64_t dropped;
    uint64_t started_ns;
    _Atomic uint32_t references;
} PacsHttpExchange;

/** With an arena and one reference; NULL: no memory. */
PacsHttpExchange *pacs_http_exchange_new(PacsHttpSite *site);
/** The last one frees, and aborts an unfinished body reader. */
void pacs_http_exchange_unref(PacsHttpExchange *exchange);

/** request's target, sent_method, headers, addresses and header_size are set: find the route,
 * check rights. */
PACS_CHECKED PacsHttpNext pacs_http_exchange_head(PacsHttpExchange *exchange);
/** Takes what fits of the body (*ret_taken; all unless WORK comes next). */
PACS_CHECKED PacsHttpNext pacs_http_exchange_bytes(PacsHttpExchange *exchange, const uint8_t *bytes,
                                                   size_t size, size_t *ret_taken);
PACS_CHECKED PacsHttpNext pacs_http_exchange_end(PacsHttpExchange *exchange);
/** Before each WORK: what has come of a streamed body becomes the worker's. It may then be worked on while the HTTP
 *  thread goes on with bytes and end; this call, and what the glue looks at of the other side, under the glue's lock. */
void pacs_http_exchange_hand_over(PacsHttpExchange *exchange);
/** Whether something has come since, or the body has ended. */
bool pacs_http_exchange_has_chunk(const PacsHttpExchange *exchange);
/** In place of an inline handler's or reader's step. READ, REPLY or CLOSE comes next. */
PACS_CHECKED PacsHttpNext pacs_http_exchange_work(PacsHttpExchange *exchange);
/** No thread is free: 503 instead of WORK. */
void pacs_http_exchange_refuse_busy(PacsHttpExchange *exchange);
/** The client left or the server stops: gives up an unfinished body reader. May block, so off the HTTP
 * thread. */
void pacs_http_exchange_abandon(PacsHttpExchange *exchange);
/** True if abandoning (or the last unref) would call the door's code. */
bool pacs_http_exchange_has_reader_open(const PacsHttpExchange *exchange);

/** Whether what this route runs belongs in the pool. */
bool pacs_http_exchange_is_pooled(const PacsHttpExchange *exchange);

/* request.c: from the glue's fields to the getters' */
PACS_CHECKED PacsStatus pacs_http_request_parse(PacsHttpRequest *request, PacsHttpPath *ret_path,
                                                PacsError *err);
const char *pacs_http_find_header(const PacsHttpPair *headers, size_t count, const char *name);

/* reply.c */
void pacs_http_reply_init(PacsHttpReply *reply, PacsHttpRequest *request);
void pacs_http_payload_clear(PacsHttpPayload *payload);
void pacs_http_reply_release_kept(PacsHttpReply *reply);
/** The first of this name; NULL: none. */
const char *pacs_http_reply_get_header(const PacsHttpReply *reply, const char *name);
/** Back to no headers and no body. */
void pacs_http_reply_forget(PacsHttpReply *reply);
/** Cut the range asked for, read what is sent whole, add the headers that every reply has, turn a failed reply
 *  into a 500. False: not complete yet, the disk has to be waited for; call again where that may be. */
PACS_CHECKED bool pacs_http_reply_complete(PacsHttpReply *reply, bool may_wait);

/* compress.c: JSON and text as gzip, where the client takes it. False: not may_wait, and it would take a while. */
PACS_CHECKED bool pacs_http_reply_compress(PacsHttpReply *reply, bool may_wait);

/* account.c: the one log record and the counters of a request. `is_whole` false: the client did not
 * get all. */
void pacs_http_account_begin(PacsHttpExchange *exchange);
void pacs_http_account_end(PacsHttpExchange *exchange, bool is_whole);
