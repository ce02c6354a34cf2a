#include "pacs/http/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "pacs/util/clock.h"
#include "pacs/util/limits.h"

PacsHttpExchange *pacs_http_exchange_new(PacsHttpSite *site)
{
    PacsHttpExchange *exchange = calloc(1, sizeof *exchange);
    PacsArena *arena = pacs_arena_new(PACS_MAX_HTTP_REQUEST_ARENA);

    if (!exchange || !arena) {
        pacs_arena_free(arena);
        free(exchange);
        return NULL;
    }
    exchange->request = (PacsHttpRequest){.arena = arena,
                                          .sent_method = "",
                                          .target = "/",
                                          .path = "/",
                                          .method = PACS_HTTP_METHOD_COUNT,
                                          .method_name = "",
                                          .remote_address = "",
                                          .user = "",
                                          .id = "",
                                          .body = PACS_SLICE(""),
                                          .site = site};
    pacs_http_reply_init(&exchange->reply, &exchange->request);
    pacs_http_body_init(&exchange->body);
    exchange->started_ns = pacs_monotonic_ns();
    atomic_init(&exchange->references, 1);
    return exchange;
}

/* The site is only const to doors. */
static PacsHttpSite *site_of(const PacsHttpExchange *exchange)
{
    return (PacsHttpSite *)exchange->request.site;
}

void pacs_http_exchange_unref(PacsHttpExchange *exchange)
{
    if (!exchange || atomic_fetch_sub(&exchange->references, 1) != 1)
        return;
    pacs_http_exchange_abandon(exchange);
    pacs_http_payload_clear(&exchange->reply.payload);
    pacs_http_reply_release_kept(&exchange->reply);
    pacs_http_body_clear(&exchange->body, site_of(exchange));
    pacs_arena_free(exchange->request.arena);
    free(exchange);
}

bool pacs_http_exchange_has_reader_open(const PacsHttpExchange *exchange)
{
    return exchange->body.is_begun && !exchange->body.is_done;
}

void pacs_http_exchange_abandon(PacsHttpExchange *exchange)
{
    if (!pacs_http_exchange_has_reader_open(exchange))
        return;
    exchange->body.is_done = true;
    exchange->body.reader->abort(exchange->body.state);
}

bool pacs_http_defer(PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply->is_deferred = !request->may_block;
    return reply->is_deferred;
}

bool pacs_http_exchange_is_pooled(const PacsHttpExchange *exchange)
{
    const PacsHttpRoute *route = exchange->request.match.route;

    return route && (route->place == PACS_HTTP_POOL || exchange->body.inflate);
}

/* ---- Refusing ---- */

/* On a pool thread, or with a body that is in memory: its bytes may be waited for. */
static void answer(PacsHttpExchange *exchange)
{
    exchange->is_answered = pacs_http_reply_complete(&exchange->reply, true);
    exchange->is_filling = false;
}

static void refuse(PacsHttpExchange *exchange, uint32_t http_code, const PacsError *error)
{
    pacs_http_reply_error(&exchange->request, &exchange->reply, http_code, error);
    answer(exchange);
}

/* The server's own findings; what doors find, they turn into codes by their own table. */
static uint32_t code_of(PacsStatus status)
{
    switch (status) {
    case PACS_TOO_LARGE:
        return 413;
    case PACS_UNSUPPORTED:
        return 415;
    case PACS_UNAVAILABLE:
        return 503;
    case PACS_NO_MEMORY:
    case PACS_INTERNAL:
        return 500;
    default:
        return 400;
    }
}

/*
 * What follows an answer that was ready before the body was read. A client that asked first (Expect) is told
 * at once; one whose body is short, or missing, is heard out, so that the connection can be kept
 * (libmicrohttpd closes it after an answer in its first call) and the answer is not lost to a reset; the rest
 * are answered and closed.
 */
static PacsHttpNext after_early_answer(const PacsHttpExchange *exchange)
{
    uint64_t length = exchange->request.content_length;
    bool is_short = length <= PACS_MAX_HTTP_IGNORED_BODY || length == PACS_HTTP_UNKNOWN_SIZE;
    bool waits_for_word = exchange->request.expects_continue && !exchange->has_started;

    if (!is_short || waits_for_word || exchange->request.must_close)
        return PACS_HTTP_NEXT_REPLY;
    return PACS_HTTP_NEXT_READ;
}

void pacs_http_exchange_refuse_busy(PacsHttpExchange *exchange)
{
    PacsError error = {0};

    pacs_http_reply_forget(&exchange->reply); /* a body that cannot be read now: nor do its headers count */
    (void)pacs_fail(&error, PACS_UNAVAILABLE, "the server is busy: try again");
    refuse(exchange, 503, &error);
}

/* ---- The head ---- */

static bool check_method_and_path(PacsHttpExchange *exchange)
{
    PacsHttpMatch *match = &exchange->request.match;
    PacsError error = {0};

    if (match->route)
        return true;
    if (match->allow[0] != '\0' && exchange->request.method == PACS_HTTP_OPTIONS) {
        pacs_http_reply_header(&exchange->reply, "Allow", match->allow);
        pacs_http_reply_code(&exchange->reply, 204);
        answer(exchange);
    } else if (match->allow[0] == '\0') {
        (void)pacs_fail(&error, PACS_NOT_FOUND, "nothing is served at this address");
        refuse(exchange, 404, &error);
    } else {
        pacs_http_reply_header(&exchange->reply, "Allow", match->allow);
        (void)pacs_fail(&error, PACS_UNSUPPORTED, "this address allows %s", match->allow);
        refuse(exchange, 405, &error);
    }
    return false;
}

static bool check_rights(PacsHttpExchange *exchange)
{
    PacsHttpRequest *request = &exchange->request;
    const PacsHttpSiteOptions *options = &request->site->options;
    bool is_public = request->match.route && (request->match.route->flags & PACS_HTTP_PUBLIC);
    PacsError error = {0};

    if (!options->remote_access_allowed && !request->is_loopback && !is_public) {
        (void)pacs_fail(&error, PACS_REFUSED, "remote access is not allowed");
        refuse(exchange, 403, &error);
        return false;
    }
    if (!options->authentication || is_public)
        return true;
    const char *user = pacs_http_auth_check(request->site->auth, request->arena,
                                            pacs_http_header(request, "Authorization"));
    if (!user) {
        pacs_http_reply_header(&exchange->reply, "WWW-Authenticate",
                               "Basic realm=\"Lightbox\", charset=\"UTF-8\"");
        (void)pacs_fail(&error, PACS_REFUSED, "name and password, please");
        refuse(exchange, 401, &error);
        return false;
    }
    request->user = user;
    return true;
}

static bool check_writable(PacsHttpExchange *exchange)
{
    PacsError error = {0};

    if (!exchange->request.site->options.read_only ||
        !(exchange->request.match.route->flags & PACS_HTTP_MUTATES))
        return true;
    (void)pacs_fail(&error, PACS_REFUSED, "this server is read-only");
    refuse(exchange, 403, &error);
    return false;
}

static bool check_expectation(PacsHttpExchange *exchange)
{
    const char *expect = pacs_http_header(&exchange->request, "Expect");
    PacsError error = {0};

    if (!expect)
        return true;
    exchange->request.expects_continue = strcasecmp(expect, "100-continue") == 0;
    if (exchange->request.expects_continue)
        return true;
    (void)pacs_fail(&error, PACS_UNSUPPORTED, "the only expectation met is 100-continue");
    refuse(exchange, 417, &error);
    return false;
}

static bool open_body(PacsHttpExchange *exchange)
{
    PacsHttpRequest *request = &exchange->request;
    PacsError error = {0};

    PacsStatus status = pacs_http_body_open(&exchange->body, request->match.route,
                                            pacs_http_header(request, "Content-Encoding"), &error);
    if (status == PACS_OK && exchange->body.kind != PACS_HTTP_BODY_NONE &&
        request->content_length != PACS_HTTP_UNKNOWN_SIZE && request->content_length > exchange->body.limit)
        status = pacs_fail(&error, PACS_TOO_LARGE, "the body is larger than %llu bytes",
                           (unsigned long long)exchange->body.limit);
    if (status != PACS_OK)
        refuse(exchange, code_of(status), &error);
    return status == PACS_OK;
}

static bool parse_and_match(PacsHttpExchange *exchange)
{
    PacsHttpRequest *request = &exchange->request;
    PacsHttpPath path = {0};
    PacsError error = {0};

    PacsStatus status = pacs_http_request_parse(request, &path, &error);
    request->match.mount = pacs_http_router_mount_of(request->site->router, request->path);
    if (status == PACS_OK)
        status = pacs_http_router_match(request->site->router, request->arena, &path, request->method,
                                        &request->match, &error);
    if (request->header_size > PACS_MAX_HTTP_HEADER) {
        (void)pacs_fail(&error, PACS_TOO_LARGE, "request line and headers are larger than %u bytes",
                        PACS_MAX_HTTP_HEADER);
        refuse(exchange, 431, &error);
        return false;
    }
    if (status != PACS_OK)
        refuse(exchange, code_of(status), &error);
    return status == PACS_OK;
}

static bool check_preflight(PacsHttpExchange *exchange)
{
    if (!pacs_http_cors_preflight(exchange->request.site->cors, &exchange->request, &exchange->reply))
        return true;
    answer(exchange);
    return false;
}

PacsHttpNext pacs_http_exchange_head(PacsHttpExchange *exchange)
{
    /* Rights come before the route's existence, so that strangers learn nothing of what is here. */
    if (!parse_and_match(exchange) || !check_preflight(exchange) || !check_rights(exchange) ||
        !check_method_and_path(exchange) || !check_writable(exchange) || !check_expectation(exchange) ||
        !open_body(exchange))
        return after_early_answer(exchange);
    /* A client that waits for "100 Continue" is told before it sends; others are sending already. */
    if (exchange->body.kind == PACS_HTTP_BODY_STREAM && exchange->request.expects_continue)
        return PACS_HTTP_NEXT_WORK;
    return PACS_HTTP_NEXT_READ;
}

/* ---- The body ---- */

static PacsHttpNext drop(PacsHttpExchange *exchange, size_t size, size_t *ret_taken)
{
    *ret_taken = size;
    exchange->dropped += size;
    return exchange->dropped > PACS_MAX_HTTP_IGNORED_BODY ? PACS_HTTP_NEXT_CLOSE : PACS_HTTP_NEXT_READ;
}

static PacsHttpNext drop_unwanted(PacsHttpExchange *exchange, size_t size, size_t *ret_taken)
{
    PacsHttpNext next = drop(exchange, size, ret_taken);
    PacsError error = {0};

    if (next == PACS_HTTP_NEXT_CLOSE) {
        (void)pacs_fail(&error, PACS_TOO_LARGE, "no body is expected here");
        refuse(exchange, 413, &error);
    }
    return next;
}

PacsHttpNext pacs_http_exchange_bytes(PacsHttpExchange *exchange, const uint8_t *bytes, size_t size,
                                      size_t *ret_taken)
{
    PacsError error = {0};

    if (!exchange->has_started) /* a worker may read it later on */
        exchange->has_started = true;
    if (exchange->is_answered)
        return drop(exchange, size, ret_taken);
    if (exchange->body.kind == PACS_HTTP_BODY_NONE)
        return drop_unwanted(exchange, size, ret_taken);
    PacsStatus status = pacs_http_body_gather(&exchange->body, site_of(exchange), bytes, size, ret_taken,
                                              &error);
    if (status == PACS_OK)
        return *ret_taken < size ? PACS_HTTP_NEXT_WORK : PACS_HTTP_NEXT_READ;
    if (exchange->body.kind == PACS_HTTP_BODY_STREAM && status == PACS_NO_MEMORY) {
        *ret_taken = 0; /* what a worker is eating makes room */
        return PACS_HTTP_NEXT_WORK;
    }
    refuse(exchange, code_of(status), &error);
    return drop(exchange, size, ret_taken);
}

static void run_handler(PacsHttpExchange *exchange)
{
    const PacsHttpMatch *match = &exchange->request.match;

    if (exchange->body.kind == PACS_HTTP_BODY_COLLECT)
        exchange->request.body = (PacsSlice){pacs_buffer_text(&exchange->body.gathered),
                                             exchange->body.gathered.size};
    match->route->handle(match->mount->context, &exchange->request, &exchange->reply);
}

PacsHttpNext pacs_http_exchange_end(PacsHttpExchange *exchange)
{
    exchange->has_ended = true;
    if (exchange->is_answered)
        return PACS_HTTP_NEXT_REPLY;
    if (exchange->body.kind == PACS_HTTP_BODY_STREAM || pacs_http_exchange_is_pooled(exchange))
        return PACS_HTTP_NEXT_WORK;
    run_handler(exchange);
    if (exchange->reply.is_deferred) {
        pacs_http_payload_clear(&exchange->reply.payload);
        pacs_http_reply_release_kept(&exchange->reply);
        pacs_http_reply_init(&exchange->reply, &exchange->request);
        return PACS_HTTP_NEXT_WORK;
    }
    exchange->is_answered = pacs_http_reply_complete(&exchange->reply, false);
    exchange->is_filling = !exchange->is_answered;
    return exchange->is_filling ? PACS_HTTP_NEXT_WORK : PACS_HTTP_NEXT_REPLY;
}

/* ---- Work (pool thread) ---- */

/* False: refused, and the reply is in place. */
static bool begin_reading(PacsHttpExchange *exchange)
{
    PacsHttpBody *body = &exchange->body;

    if (body->is_begun)
        return true;
    body->is_begun = body->reader->begin(exchange->request.match.mount->context, &exchange->request,
                                         &exchange->reply, &body->state);
    body->is_done = !body->is_begun;
    return body->is_begun;
}

static void finish_reading(PacsHttpExchange *exchange)
{
    PacsHttpBody *body = &exchange->body;

    if (body->inflate && body->failure.status == PACS_OK)
        body->failure.status = pacs_http_inflate_end(body->inflate, &body->failure);
    body->is_done = true;
    body->reader->finish(exchange->request.match.mount->context, &exchange->request, body->state,
                         body->failure.status != PACS_OK ? &body->failure : NULL, &exchange->reply);
    answer(exchange);
}

static void work_on_stream(PacsHttpExchange *exchange)
{
    PacsHttpBody *body = &exchange->body;

    if (!begin_reading(exchange)) {
        answer(exchange);
        return;
    }
    /* Half an upload of a client that has gone is nobody's; a whole one is finished, heard or not. */
    if (!body->eats_last && pacs_http_cancelled(&exchange->request)) {
        pacs_http_exchange_abandon(exchange);
        pacs_http_exchange_refuse_busy(exchange);
        return;
    }
    pacs_http_body_eat(body, site_of(exchange));
    if (body->eats_last || body->failure.status != PACS_OK)
        finish_reading(exchange);
}

static void work_on_handler(PacsHttpExchange *exchange)
{
    PacsError error = {0};
    PacsStatus status = PACS_OK;

    if (exchange->body.inflate && exchange->body.gathered.size > 0)
        status = pacs_http_body_inflate_collected(&exchange->body, site_of(exchange), &error);
    if (status != PACS_OK) {
        refuse(exchange, code_of(status), &error);
        return;
    }
    exchange->request.may_block = true;
    run_handler(exchange);
    answer(exchange);
}

bool pacs_http_exchange_has_chunk(const PacsHttpExchange *exchange)
{
    return exchange->body.filled > 0 || exchange->has_ended;
}

void pacs_http_exchange_hand_over(PacsHttpExchange *exchange)
{
    if (exchange->body.kind == PACS_HTTP_BODY_STREAM && !exchange->is_filling)
        pacs_http_body_hand_over(&exchange->body, exchange->has_ended);
}

PacsHttpNext pacs_http_exchange_work(PacsHttpExchange *exchange)
{
    assert(!exchange->is_answered);
    bool is_last = exchange->body.kind == PACS_HTTP_BODY_STREAM ? exchange->body.eats_last
                                                                : exchange->has_ended;
    if (exchange->is_filling)
        answer(exchange);
    else if (exchange->body.kind == PACS_HTTP_BODY_STREAM)
        work_on_stream(exchange);
    else
        work_on_handler(exchange);
    if (!exchange->is_answered)
        return PACS_HTTP_NEXT_READ;
    return is_last ? PACS_HTTP_NEXT_REPLY : after_early_answer(exchange);
}
