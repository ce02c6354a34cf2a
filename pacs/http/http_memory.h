#pragma once

#include "pacs/http/http.h"
#include "pacs/http/site.h"
#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * The server without sockets: a request is put together from text, runs through the same steps as one from
 * the wire (rights, routes, bodies, errors, ranges), on the calling thread, and what would have been sent is
 * kept. For tests.
 *
 *     PacsHttpAsk ask = {.method = "GET", .target = "/studies?limit=1"};
 *     assert_int_equal(pacs_http_perform(memory, &ask, &answer), 200);
 */
typedef struct PacsHttpMemory PacsHttpMemory;

/** As many mounts as the server would have. Everything in options is borrowed during the call only. */
PACS_CHECKED PacsStatus pacs_http_memory_new(const PacsHttpSiteOptions *options, const PacsHttpMount *mounts,
                                             size_t mount_count, PacsHttpMemory **ret_memory, PacsError *err);
void pacs_http_memory_free(PacsHttpMemory *memory);
PACS_DEFINE_AUTO(PacsHttpMemory, pacs_http_memory_free);

typedef struct PacsHttpAsk {
    const char *method; /* NULL: GET */
    const char *target;
    const PacsHttpPair *headers; /* Content-Length is added to a `body` without Transfer-Encoding */
    size_t header_count;
    const void *body;
    size_t body_size;
    size_t piece_size;          /* the body arrives in pieces of this size; 0: at once */
    bool leaves_midway;         /* the client goes before the end of the body */
    const char *remote_address; /* NULL: 127.0.0.1 */
    const char *feed_until; /* of a feed: listens until this has been said; NULL: only what is said at once */
} PacsHttpAsk;

typedef struct PacsHttpAnswer {
    uint32_t code;   /* 0: the client left, nothing was sent */
    PacsBuffer head; /* "Name: value\r\n" lines */
    PacsBuffer body;
    bool is_broken;     /* the body's stream failed: the connection would have been cut */
    bool is_open;       /* a feed that would have gone on */
    bool is_closed;     /* the connection would not have been kept */
    uint32_t work_jobs; /* how often a pool thread was asked */
} PacsHttpAnswer;

/** The answer's code. Clear the answer afterwards (it need not be initialised before). */
uint32_t pacs_http_perform(PacsHttpMemory *memory, const PacsHttpAsk *ask, PacsHttpAnswer *ret_answer);
void pacs_http_answer_clear(PacsHttpAnswer *answer);

/** The value of the first header of this name, copied into `value` ("" if there is none). */
const char *pacs_http_answer_header(const PacsHttpAnswer *answer, const char *name, char *value, size_t size);
