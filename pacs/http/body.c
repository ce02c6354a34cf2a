#include "pacs/http/body.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "pacs/util/limits.h"

/* When many upload at once each gets a smaller share of memory, and is eaten in more jobs. */
#define CROWDED_CHUNK (PACS_HTTP_BODY_CHUNK / 8)

void pacs_http_body_init(PacsHttpBody *body)
{
    *body = (PacsHttpBody){0};
    pacs_buffer_init(&body->gathered, 0);
}

static void let_go(PacsHttpSite *site, size_t size)
{
    atomic_fetch_sub_explicit(&site->held_bytes, size, memory_order_relaxed);
}

static void forget_gathered(PacsHttpBody *body, PacsHttpSite *site)
{
    let_go(site, body->gathered.size);
    pacs_buffer_reset(&body->gathered);
}

static void forget_eaten(PacsHttpBody *body, PacsHttpSite *site)
{
    let_go(site, body->to_eat);
    pacs_blocks_put(site->options.blocks, body->eating);
    body->eating = NULL;
    body->to_eat = 0;
}

void pacs_http_body_clear(PacsHttpBody *body, PacsHttpSite *site)
{
    forget_gathered(body, site);
    pacs_buffer_clear(&body->gathered);
    forget_eaten(body, site);
    let_go(site, body->filled);
    pacs_blocks_put(site->options.blocks, body->filling);
    body->filling = NULL;
    body->filled = 0;
    pacs_http_inflate_free(body->inflate);
    body->inflate = NULL;
}

static uint64_t limit_of(const PacsHttpRoute *route)
{
    if (route->body == PACS_HTTP_BODY_STREAM)
        return route->max_body ? route->max_body : PACS_MAX_HTTP_STREAMED_BODY;
    if (route->max_body && route->max_body < PACS_MAX_HTTP_COLLECTED_BODY)
        return route->max_body;
    return PACS_MAX_HTTP_COLLECTED_BODY;
}

static bool is_compressed(const char *content_encoding)
{
    return strcasecmp(content_encoding, "gzip") == 0 || strcasecmp(content_encoding, "x-gzip") == 0 ||
           strcasecmp(content_encoding, "deflate") == 0;
}

PacsStatus pacs_http_body_open(PacsHttpBody *body, const PacsHttpRoute *route, const char *content_encoding,
                               PacsError *err)
{
    body->kind = route->body;
    body->reader = route->reader;
    body->limit = limit_of(route);
    body->gathered.max = route->body == PACS_HTTP_BODY_STREAM ? 0 : (size_t)body->limit;
    if (route->body == PACS_HTTP_BODY_NONE || !content_encoding || content_encoding[0] == '\0' ||
        strcasecmp(content_encoding, "identity") == 0)
        return PACS_OK;
    if (!is_compressed(content_encoding))
        return pacs_fail(err, PACS_UNSUPPORTED, "the Content-Encodings read here are gzip and deflate");
    return pacs_http_inflate_new(body->limit, &body->inflate, err);
}

/* ---- Gathering (HTTP thread) ---- */

/* The rest of a chunk; its size never shrinks below what is in it. */
static PacsStatus fill(PacsHttpBody *body, PacsHttpSite *site, const uint8_t *bytes, size_t size,
                       size_t *ret_taken, PacsError *err)
{
    uint64_t held = atomic_load_explicit(&site->held_bytes, memory_order_relaxed);
    size_t chunk = held > PACS_MAX_HTTP_HELD_BODIES / 2 ? CROWDED_CHUNK : PACS_HTTP_BODY_CHUNK;
    size_t room = chunk > body->filled ? chunk - body->filled : 0;
    size_t taken = size < room ? size : room;

    if (!body->filling && !(body->filling = pacs_blocks_take(site->options.blocks)))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the body of a request");
    memcpy(body->filling + body->filled, bytes, taken);
    body->filled += taken;
    atomic_fetch_add_explicit(&site->held_bytes, taken, memory_order_relaxed);
    *ret_taken = taken;
    return PACS_OK;
}

static PacsStatus collect(PacsHttpBody *body, PacsHttpSite *site, const uint8_t *bytes, size_t size,
                          PacsError *err)
{
    if (atomic_load_explicit(&site->held_bytes, memory_order_relaxed) > PACS_MAX_HTTP_HELD_BODIES)
        return pacs_fail(err, PACS_UNAVAILABLE, "too many request bodies at once");
    if (!pacs_buffer_add(&body->gathered, bytes, size)) {
        if (body->gathered.failure == PACS_TOO_LARGE)
            return pacs_fail(err, PACS_TOO_LARGE, "the body is larger than %llu bytes",
                             (unsigned long long)body->limit);
        return pacs_buffer_check(&body->gathered, err);
    }
    atomic_fetch_add_explicit(&site->held_bytes, size, memory_order_relaxed);
    return PACS_OK;
}

PacsStatus pacs_http_body_gather(PacsHttpBody *body, PacsHttpSite *site, const uint8_t *bytes, size_t size,
                                 size_t *ret_taken, PacsError *err)
{
    if (body->kind == PACS_HTTP_BODY_STREAM)
        return fill(body, site, bytes, size, ret_taken, err);
    PacsStatus status = collect(body, site, bytes, size, err);
    if (status == PACS_OK)
        *ret_taken = size;
    return status;
}

void pacs_http_body_hand_over(PacsHttpBody *body, bool is_last)
{
    assert(!body->eating);
    body->eating = body->filling;
    body->to_eat = body->filled;
    body->eats_last = is_last;
    body->filling = NULL;
    body->filled = 0;
}

/* ---- Eating (pool thread) ---- */

static PacsStatus count_eaten(PacsHttpBody *body, size_t size, PacsError *err)
{
    body->eaten += size;
    return body->eaten <= body->limit ? PACS_OK
                                      : pacs_fail(err, PACS_TOO_LARGE, "the body is larger than %llu bytes",
                                                  (unsigned long long)body->limit);
}

static PacsStatus feed_inflated(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsHttpBody *body = context;

    PacsStatus status = count_eaten(body, size, err);
    return status == PACS_OK ? body->reader->feed(body->state, bytes, size, err) : status;
}

static PacsStatus feed_plain(PacsHttpBody *body, PacsError *err)
{
    PacsStatus status = count_eaten(body, body->to_eat, err);

    if (status != PACS_OK)
        return status;
    if (body->reader->feed_block)
        return body->reader->feed_block(body->state, &body->eating, body->to_eat, err);
    return body->reader->feed(body->state, body->eating, body->to_eat, err);
}

void pacs_http_body_eat(PacsHttpBody *body, PacsHttpSite *site)
{
    PacsStatus status = PACS_OK;

    if (body->to_eat > 0 && body->inflate)
        status = pacs_http_inflate_feed(body->inflate, body->eating, body->to_eat, feed_inflated, body,
                                        &body->failure);
    else if (body->to_eat > 0)
        status = feed_plain(body, &body->failure);
    if (status != PACS_OK)
        body->failure.status = status; /* a reader may fail without words */
    forget_eaten(body, site);
}

/* ---- A compressed body kept whole ---- */

static PacsStatus add_inflated(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsBuffer *inflated = context;

    if (pacs_buffer_add(inflated, bytes, size))
        return PACS_OK;
    return pacs_buffer_check(inflated, err);
}

PacsStatus pacs_http_body_inflate_collected(PacsHttpBody *body, PacsHttpSite *site, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer inflated;
    pacs_buffer_init(&inflated, (size_t)body->limit);

    PacsStatus status = pacs_http_inflate_feed(body->inflate, body->gathered.bytes, body->gathered.size,
                                               add_inflated, &inflated, err);
    if (status == PACS_OK)
        status = pacs_http_inflate_end(body->inflate, err);
    if (status != PACS_OK)
        return status;
    forget_gathered(body, site);
    pacs_buffer_clear(&body->gathered);
    body->gathered = inflated;
    pacs_buffer_init(&inflated, 0); /* its bytes are the body's now */
    atomic_fetch_add_explicit(&site->held_bytes, body->gathered.size, memory_order_relaxed);
    return PACS_OK;
}
