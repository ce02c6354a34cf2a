#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/http/http.h"
#include "pacs/http/inflate.h"
#include "pacs/http/site.h"
#include "pacs/util/buffer.h"

/**
 * The body of one request on its way in: gathered on the HTTP thread, eaten by a reader (STREAM) or kept
 * whole (COLLECT), inflated if it came compressed.
 */
typedef struct PacsHttpBody {
    PacsHttpBodyKind kind;
    const PacsHttpBodyReader *reader; /* STREAM */
    void *state;                      /* the reader's, between begin and finish */
    bool is_begun;
    bool is_done;        /* finished, refused or given up: the reader is not called again */
    PacsBuffer gathered; /* COLLECT: all so far */
    /* STREAM: two blocks take turns, so that the peer is read from while the reader works. */
    uint8_t *filling; /* the HTTP thread's */
    size_t filled;
    uint8_t *eating; /* the worker's, from hand_over to the end of eat; NULL: nothing */
    size_t to_eat;
    bool eats_last;           /* nothing comes after what was handed over */
    PacsHttpInflate *inflate; /* NULL: not compressed */
    uint64_t eaten;           /* STREAM: bytes fed, after inflating */
    uint64_t limit;           /* of eaten, or of the collected body */
    PacsError failure;        /* of the first failed step */
} PacsHttpBody;

void pacs_http_body_init(PacsHttpBody *body);
void pacs_http_body_clear(PacsHttpBody *body, PacsHttpSite *site);

/** Once the route is known. PACS_UNSUPPORTED: a Content-Encoding we do not read; PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus pacs_http_body_open(PacsHttpBody *body, const PacsHttpRoute *route,
                                            const char *content_encoding, PacsError *err);

/** HTTP thread. *ret_taken < size only where a STREAM body has a full chunk to hand over first.
 *  PACS_TOO_LARGE, PACS_UNAVAILABLE (too many bodies in memory), PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus pacs_http_body_gather(PacsHttpBody *body, PacsHttpSite *site, const uint8_t *bytes,
                                              size_t size, size_t *ret_taken, PacsError *err);

/** STREAM: the chunk so far becomes the worker's, who has none at the moment. Synchronised by the caller. */
void pacs_http_body_hand_over(PacsHttpBody *body, bool is_last);
/** Pool thread. Eat what was handed over; a failure is remembered in body->failure. */
void pacs_http_body_eat(PacsHttpBody *body, PacsHttpSite *site);

/** COLLECT: inflate what was gathered, in place. */
PACS_CHECKED PacsStatus pacs_http_body_inflate_collected(PacsHttpBody *body, PacsHttpSite *site,
                                                         PacsError *err);
