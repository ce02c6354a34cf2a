#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/buffer.h"
#include "pacs/util/source.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * What a door (pacs/rest, dicomweb) sees of HTTP: a request to read, a reply to fill, a table of routes.
 *
 * A door is a table of PacsHttpRoute, a context and a renderer of errors, together a PacsHttpMount
 * (pacs/http/http_server.h mounts it; pacs/http/http_memory.h runs it without sockets). A handler fills the
 * reply and returns; the server sends it, adds Date, Content-Length, X-Request-Id and nosniff, cuts ranges,
 * leaves out the body of HEAD, counts and logs.
 *
 * Threads: handlers of one mount run on many threads at once; one request is on one thread at a time.
 */

typedef struct PacsHttpRequest PacsHttpRequest;
typedef struct PacsHttpReply PacsHttpReply;

/* ---- the request ---- */

typedef enum PacsHttpMethod {
    PACS_HTTP_GET, /* HEAD too: it is served by the GET route, and the body left out */
    PACS_HTTP_POST,
    PACS_HTTP_PUT,
    PACS_HTTP_DELETE,
    PACS_HTTP_OPTIONS,
    PACS_HTTP_METHOD_COUNT,
} PacsHttpMethod;

typedef struct PacsHttpPair {
    const char *name;
    const char *value; /* "" where none was given */
} PacsHttpPair;

/*
 * Everything these return is borrowed and lives as long as the request (until the reply has been sent).
 * Path captures, query names and query values are percent-decoded ('+' in a query is a space) and never
 * contain a NUL; they are otherwise the client's bytes: check before use.
 */
PacsHttpMethod pacs_http_method(const PacsHttpRequest *request); /* after _method / X-HTTP-Method-Override */
/** "GET", "HEAD", ...: after override too. */
const char *pacs_http_method_name(const PacsHttpRequest *request);
bool pacs_http_is_head(const PacsHttpRequest *request);
const char *pacs_http_path(const PacsHttpRequest *request); /* as sent, without the query: "/studies/a%20b" */
/** What {name} or {*name} in the route's pattern matched. The name is in the pattern (assert). */
const char *pacs_http_capture(const PacsHttpRequest *request, const char *name);

/** First value of a query parameter, NULL if it is not there ("?expand" gives ""). */
const char *pacs_http_query(const PacsHttpRequest *request, const char *name);
/** All parameters in the order sent, repeated names kept. */
size_t pacs_http_query_count(const PacsHttpRequest *request);
PacsHttpPair pacs_http_query_at(const PacsHttpRequest *request, size_t index);

/** Value of a header in any case, NULL if absent; several lines of one name are joined by ", " (RFC
 * 9110 5.2). */
const char *pacs_http_header(const PacsHttpRequest *request, const char *name);

/** "192.0.2.7", "2001:db8::1"; no port. */
const char *pacs_http_remote_address(const PacsHttpRequest *request);
bool pacs_http_is_loopback(const PacsHttpRequest *request);
const char *pacs_http_user(const PacsHttpRequest *request);       /* authenticated user, or "" */
const char *pacs_http_request_id(const PacsHttpRequest *request); /* from X-Request-Id, or minted */

/** The request's own arena, PACS_MAX_HTTP_REQUEST_ARENA at most: strings, rows and JSON of the answer. */
PacsArena *pacs_http_arena(const PacsHttpRequest *request);

/** The body of a PACS_HTTP_BODY_COLLECT route (inflated, if it came with Content-Encoding: gzip); a NUL
 * follows the last byte, not counted. Empty for the other kinds. */
PacsSlice pacs_http_body(const PacsHttpRequest *request);

/** True once the client has gone or the server is stopping hard: a long answer may be given up (then the
 *  handler just returns). Any thread may ask. */
bool pacs_http_cancelled(const PacsHttpRequest *request);

/* ---- the reply ---- */

/*
 * Starts as 200 without a body. The last body set counts; a body that is replaced is freed. A call that takes
 * something takes it on failure too. Failures (no memory, a header with a line break in it) need no handling
 * by the handler: the reply then becomes a 500, rendered by the mount. Nothing goes out before the handler
 * returns.
 */
void pacs_http_reply_code(PacsHttpReply *reply, uint32_t http_code);
uint32_t pacs_http_reply_get_code(const PacsHttpReply *reply);

/** name is static; value is copied. Replaces an earlier value of the same name. */
void pacs_http_reply_header(PacsHttpReply *reply, const char *name, const char *value);
/** As above, but beside earlier values (Link, Warning, Set-Cookie). */
void pacs_http_reply_add_header(PacsHttpReply *reply, const char *name, const char *value);
/** Another request header that decides what the answer is (RFC 9110 12.5.5); that it was named before is fine. */
void pacs_http_reply_vary(PacsHttpReply *reply, const char *request_header);

/** No body at all, and no Content-Type. */
void pacs_http_reply_nothing(PacsHttpReply *reply);
/** Copied into the request's arena. */
void pacs_http_reply_text(PacsHttpReply *reply, const char *content_type, const char *text);
/** Steals the buffer's bytes; the caller's struct is empty afterwards (and may be cleared or reused). */
void pacs_http_reply_buffer(PacsHttpReply *reply, const char *content_type, PacsBuffer *buffer);
/** Bytes that live as long as the process (tables, the favicon). */
void pacs_http_reply_static(PacsHttpReply *reply, const char *content_type, const void *bytes, size_t size);

#define PACS_HTTP_UNKNOWN_SIZE UINT64_MAX

/**
 * A stream; *takes* source. PACS_HTTP_UNKNOWN_SIZE: sent chunked, and no ranges. A stream that fails midway
 * or is shorter than its size breaks the connection, so that the client cannot take a part for the whole.
 * Threads: read on the HTTP thread if the route is PACS_HTTP_INLINE (memory, or preads of local files), on a
 * pool thread otherwise, a chunk ahead of the client at most.
 */
void pacs_http_reply_source(PacsHttpReply *reply, const char *content_type, PacsSource *source,
                            uint64_t size);
/** As above, but read on a pool thread whatever the route: what has to be worked out, or waited for. */
void pacs_http_reply_slow_source(PacsHttpReply *reply, const char *content_type, PacsSource *source,
                                 uint64_t size);
/** `size` bytes of fd from offset; *takes* fd. One piece (see below). */
void pacs_http_reply_fd(PacsHttpReply *reply, const char *content_type, int fd, uint64_t offset,
                        uint64_t size);

/*
 * A body put together from pieces, in the order added: multipart answers, archives. Its size is known before it
 * is read, so HEAD, Content-Length and Range work over the whole of it, across the borders of pieces. A range is
 * only worth something if the body is the same each time: boundaries and part headers must not change from one
 * request to the next.
 *
 * One of up to PACS_HTTP_READ_WHOLE is read at once and leaves in one write with its header; a larger one is read
 * as the client takes it, one object open at a time. Whatever is in the page cache is read on the HTTP thread; the
 * pool waits for the disk (and opens what is opened late).
 */

/** Begin the body: no pieces yet, so an empty one. */
void pacs_http_reply_pieces(PacsHttpReply *reply, const char *content_type);
/** Borrowed until the answer has been sent: the request's arena, or static. */
void pacs_http_reply_piece_bytes(PacsHttpReply *reply, const void *bytes, size_t size);
/** A range of a file. fd is borrowed: pacs_http_reply_keep() what owns it. */
void pacs_http_reply_piece_fd(PacsHttpReply *reply, int fd, uint64_t offset, uint64_t size);

/** What an opener found: a descriptor and where the bytes begin in it, or (fd -1) a stream of them. */
typedef struct PacsHttpOpened {
    int fd;
    uint64_t offset;
    PacsSource *source;
} PacsHttpOpened;

/** Opens a piece when its turn has come, on a pool thread or where is_quick says so, perhaps never, perhaps twice. */
typedef struct PacsHttpOpener {
    /** From byte `offset` of `item` on, `size` bytes (at least 1). What it opens is the server's to close. */
    PacsStatus (*open)(void *context, const void *item, uint64_t offset, uint64_t size,
                       PacsHttpOpened *ret_opened, PacsError *err);
    void *context;
    bool is_quick; /* it opens a local file and reads nothing: the HTTP thread may do that itself */
} PacsHttpOpener;

/** `size` bytes of something that is opened late; opener and item are borrowed like bytes are. */
void pacs_http_reply_piece_opened(PacsHttpReply *reply, const PacsHttpOpener *opener, const void *item,
                                  uint64_t size);

/*
 * Bodies that are asked for again and again need not be put together again. `name` is a digest of all that shapes the body:
 * bodies of one name are the same bytes, always and at every address. Whether the client may have it, and whether it
 * still exists, is for the handler to find out first, each time.
 */

/** True: a body of this name is in memory and has become the reply's. Never where a part of it is asked for (Range). */
PACS_CHECKED bool pacs_http_reply_recall(PacsHttpReply *reply, const char *content_type, const char *name);
/** The pieces that were set are the body of this name; name is copied. */
void pacs_http_reply_remember(PacsHttpReply *reply, const char *name);

/** *Takes* thing: release(thing) is called once the answer has been sent or given up, on any thread; it must not
 *  block. Where there is no memory it is called at once: so keep what pieces borrow after they were added. */
void pacs_http_reply_keep(PacsHttpReply *reply, void *thing, void (*release)(void *thing));

#define PACS_HTTP_RETRY_AFTER_S "2" /* goes with 503: what is busy has made room by then */

/**
 * Answer with the mount's error page for this code (and any Retry-After the server adds). `error` is copied.
 * For what came from below use pacs_reply_codes(error->status).http as the code.
 */
void pacs_http_reply_error(PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                           const PacsError *error);

/**
 * Set ETag (etag with its quotes: "\"7-abc\"", weak ones W/"..." too) and answer If-None-Match: true if the
 * reply is now a complete 304 and the handler should return. If-Range of ranged replies is compared with the
 * same ETag.
 */
PACS_CHECKED bool pacs_http_reply_not_modified(PacsHttpRequest *request, PacsHttpReply *reply,
                                               const char *etag);

/**
 * For a PACS_HTTP_INLINE handler that finds long work before it: true on the HTTP thread; the handler then returns at
 * once and is called anew on a worker thread, with an empty reply. False where it may block.
 */
PACS_CHECKED bool pacs_http_defer(PacsHttpRequest *request, PacsHttpReply *reply);

/** Whether Accept-Encoding admits gzip (with q > 0). */
bool pacs_http_accepts_gzip(const PacsHttpRequest *request);

/* ---- routes ---- */

typedef void (*PacsHttpHandle)(void *context, PacsHttpRequest *request, PacsHttpReply *reply);

/**
 * A body that is eaten as it arrives, in constant memory, on pool threads (never the HTTP thread). One
 * request's calls come one after the other, perhaps on different threads. A small body costs one job: begin,
 * feed and finish run in it back to back. While a worker eats one chunk the next is read from the connection;
 * then that waits, so the peer is slowed to our pace.
 */
typedef struct PacsHttpBodyReader {
    /**
     * Before the first byte is read and before "100 Continue" is sent, so a refusal saves the client the
     * upload. May fill the reply and return false to refuse: no other slot is called then. Otherwise
     * *ret_state is handed to the others. Runs on a pool thread. Required.
     */
    bool (*begin)(void *context, PacsHttpRequest *request, PacsHttpReply *reply, void **ret_state);
    /**
     * Up to PACS_HTTP_BODY_CHUNK bytes, inflated if they came with Content-Encoding: gzip; at least 1. A
     * failure ends the reading: finish is called next, and gives the answer. Required.
     */
    PacsStatus (*feed)(void *state, const uint8_t *bytes, size_t size, PacsError *err);
    /** As feed, of `size` bytes in a block (pacs/util/blocks.h): *takes* it and sets it NULL where that saves a copy.
     *  NULL: feed is called. */
    PacsStatus (*feed_block)(void *state, uint8_t **block, size_t size, PacsError *err);
    /**
     * The end: `error` is NULL when the whole body was fed, or says why not: what feed returned, or what the
     * server found (PACS_TOO_LARGE: over the limit; PACS_INVALID: broken gzip). Fills the reply, frees state.
     * Required.
     */
    void (*finish)(void *context, PacsHttpRequest *request, void *state, const PacsError *error,
                   PacsHttpReply *reply);
    /** The client left, or the server stops: nobody hears an answer. Frees state. Required. */
    void (*abort)(void *state);
} PacsHttpBodyReader;

typedef enum PacsHttpBodyKind {
    PACS_HTTP_BODY_NONE,    /* one that comes is read and dropped, within PACS_MAX_HTTP_IGNORED_BODY */
    PACS_HTTP_BODY_COLLECT, /* read whole before the handler: 413 above PACS_MAX_HTTP_COLLECTED_BODY */
    PACS_HTTP_BODY_STREAM,  /* reader, not handle; 413 above the route's max_body */
} PacsHttpBodyKind;

typedef enum PacsHttpPlace {
    PACS_HTTP_INLINE, /* on the HTTP thread: index lookups and opening a file, some milliseconds at most */
    PACS_HTTP_POOL,   /* on a worker thread: may block. 503 with Retry-After when the queue is full */
} PacsHttpPlace;

#define PACS_HTTP_PUBLIC 1u  /* answered without authentication, and from anywhere: /livez, /readyz */
#define PACS_HTTP_MUTATES 2u /* 403 where the server is read-only; logged as info */

typedef struct PacsHttpRoute {
    PacsHttpMethod method;
    /**
     * Segments, decoded one by one: literal text, {name} for exactly one non-empty segment, {*name} at the
     * end for the rest ("" included, slashes kept). Literal beats {name} beats {*name}; a slash at the end of
     * the path is ignored. At most PACS_HTTP_MAX_CAPTURES captures. The pattern is the `route` label of
     * metrics and logs.
     */
    const char *pattern;
    PacsHttpHandle handle;            /* NULL for STREAM */
    const PacsHttpBodyReader *reader; /* STREAM only */
    PacsHttpBodyKind body;
    PacsHttpPlace place; /* of handle; readers are always in the pool */
    uint32_t flags;
    /** STREAM: bytes as fed, after inflating; 0: PACS_MAX_HTTP_STREAMED_BODY. COLLECT: 0 or less than the
     *  general limit. */
    uint64_t max_body;
} PacsHttpRoute;

#define PACS_HTTP_MAX_CAPTURES 8

typedef struct PacsHttpMount {
    const char *prefix; /* "" or "/dicom-web", not in the patterns: the longest that matches serves */
    const PacsHttpRoute *routes; /* static */
    size_t route_count;
    void *context; /* handed to handlers and readers; borrowed, outlives the server */
    /**
     * Renders an error for the server: 400, 401, 403, 404, 405, 408, 411, 413, 415, 416, 417, 500, 503. The
     * code is set already, and headers the code demands (WWW-Authenticate, Allow, Retry-After); it sets the
     * body. Runs on the HTTP thread or a pool thread. It may leave the body out (HttpDescribeErrors=false;
     * 405 in Orthanc). NULL: a plain {"error":{"code":..,"message":..}} as application/json.
     */
    void (*error)(void *context, PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                  const PacsError *error);
} PacsHttpMount;
