#include "pacs/http/http_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs/http/exchange.h"
#include "pacs/util/limits.h"

#define ANSWER_MAX (1u << 30)
#define MAX_HEADERS 64

struct PacsHttpMemory {
    PacsHttpSite *site;
};

PacsStatus pacs_http_memory_new(const PacsHttpSiteOptions *options, const PacsHttpMount *mounts,
                                size_t mount_count, PacsHttpMemory **ret_memory, PacsError *err)
{
    PACS_AUTO(PacsHttpMemory) memory = calloc(1, sizeof *memory);

    if (!memory)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the HTTP server");
    PacsStatus status = pacs_http_site_new(options, &memory->site, err);
    for (size_t i = 0; i < mount_count && status == PACS_OK; i++)
        status = pacs_http_router_mount(memory->site->router, &mounts[i], err);
    if (status != PACS_OK)
        return status;
    *ret_memory = PACS_STEAL(memory);
    return PACS_OK;
}

void pacs_http_memory_free(PacsHttpMemory *memory)
{
    if (!memory)
        return;
    pacs_http_site_free(memory->site);
    free(memory);
}

void pacs_http_answer_clear(PacsHttpAnswer *answer)
{
    pacs_buffer_clear(&answer->head);
    pacs_buffer_clear(&answer->body);
}

const char *pacs_http_answer_header(const PacsHttpAnswer *answer, const char *name, char *value, size_t size)
{
    PacsSlice rest = {pacs_buffer_text(&answer->head), answer->head.size}, line, key;

    value[0] = '\0';
    while (pacs_slice_split(&rest, '\n', &line)) {
        if (!pacs_slice_split(&line, ':', &key) || !line.text || !pacs_slice_equal_case(key, name))
            continue;
        line = pacs_slice_trim(line);
        (void)snprintf(value, size, "%.*s", (int)line.size, line.text);
        break;
    }
    return value;
}

/* ---- Request ---- */

static size_t copy_headers(const PacsHttpAsk *ask, PacsHttpPair *headers, char *length, size_t length_size)
{
    size_t count = ask->header_count < MAX_HEADERS ? ask->header_count : MAX_HEADERS;

    if (count > 0)
        memcpy(headers, ask->headers, count * sizeof *headers);
    if (ask->body && !pacs_http_find_header(headers, count, "Transfer-Encoding") &&
        !pacs_http_find_header(headers, count, "Content-Length")) {
        (void)snprintf(length, length_size, "%zu", ask->body_size);
        headers[count++] = (PacsHttpPair){"Content-Length", length};
    }
    return count;
}

static PacsHttpNext run_jobs(PacsHttpExchange *exchange, PacsHttpNext next, PacsHttpAnswer *answer)
{
    while (next == PACS_HTTP_NEXT_WORK) {
        answer->work_jobs++;
        pacs_http_exchange_hand_over(exchange);
        next = pacs_http_exchange_work(exchange);
    }
    return next;
}

static PacsHttpNext send_body(PacsHttpExchange *exchange, const PacsHttpAsk *ask, PacsHttpNext next,
                              PacsHttpAnswer *answer)
{
    const uint8_t *bytes = ask->body;
    size_t sent = 0, taken = 0;

    while (next == PACS_HTTP_NEXT_READ && sent < ask->body_size) {
        size_t size = ask->body_size - sent;
        if (ask->piece_size > 0 && size > ask->piece_size)
            size = ask->piece_size;
        next = pacs_http_exchange_bytes(exchange, bytes + sent, size, &taken);
        sent += taken;
        next = run_jobs(exchange, next, answer);
    }
    return next;
}

/* ---- Answer ---- */

static PacsStatus read_source(PacsHttpPayload *payload, PacsBuffer *out)
{
    uint8_t piece[4096];
    uint64_t skip = payload->offset, left = payload->size;
    size_t size;

    while (left > 0) {
        uint64_t wanted = skip > 0 ? skip : left;
        PacsStatus status = pacs_source_read(
            payload->source, piece, wanted < sizeof piece ? (size_t)wanted : sizeof piece, &size, NULL);
        if (status != PACS_OK)
            return status;
        if (size == 0)
            return payload->size == PACS_HTTP_UNKNOWN_SIZE ? PACS_OK : PACS_CORRUPT;
        if (skip > 0) {
            skip -= size;
            continue;
        }
        (void)pacs_buffer_add(out, piece, size);
        left -= left == PACS_HTTP_UNKNOWN_SIZE ? 0 : size;
    }
    return PACS_OK;
}

static PacsStatus read_pieces(const PacsHttpPayload *payload, PacsBuffer *out)
{
    uint8_t piece[4096];
    uint64_t left = payload->size;
    size_t size = 0;

    while (left > 0) {
        size_t wanted = left < sizeof piece ? (size_t)left : sizeof piece;
        if (pacs_http_pieces_read(payload->pieces, piece, wanted, true, &size) != PACS_HTTP_READ_DONE ||
            size == 0)
            return PACS_CORRUPT;
        (void)pacs_buffer_add(out, piece, size);
        left -= size;
    }
    return PACS_OK;
}

/** The client's side of a feed's sleep. */
typedef struct Listener {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_asleep;
} Listener;

static void fall_asleep(void *context)
{
    Listener *listener = context;

    (void)pthread_mutex_lock(&listener->lock);
    listener->is_asleep = true;
    (void)pthread_mutex_unlock(&listener->lock);
}

static void wake_up(void *context)
{
    Listener *listener = context;

    (void)pthread_mutex_lock(&listener->lock);
    listener->is_asleep = false;
    (void)pthread_cond_signal(&listener->woken);
    (void)pthread_mutex_unlock(&listener->lock);
}

static void sleep_until_woken(PacsHttpFeed *feed, Listener *listener)
{
    if (!pacs_http_feed_sleep(feed, fall_asleep, wake_up, listener))
        return;
    (void)pthread_mutex_lock(&listener->lock);
    while (listener->is_asleep)
        (void)pthread_cond_wait(&listener->woken, &listener->lock);
    (void)pthread_mutex_unlock(&listener->lock);
}

/** True if it would have gone on. */
static bool read_feed(PacsHttpFeed *feed, const char *until, PacsBuffer *out)
{
    Listener listener = {.lock = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};
    uint8_t piece[4096];
    size_t size = 0;

    for (;;) {
        if (until && strstr(pacs_buffer_text(out), until))
            return true;
        switch (feed->ops->read(feed, piece, sizeof piece, &size)) {
        case PACS_HTTP_FEED_BYTES:
            (void)pacs_buffer_add(out, piece, size);
            break;
        case PACS_HTTP_FEED_END:
            return false;
        case PACS_HTTP_FEED_LATER:
            if (!until)
                return true;
            sleep_until_woken(feed, &listener);
        }
    }
}

static void keep_answer(PacsHttpExchange *exchange, const PacsHttpAsk *ask, PacsHttpAnswer *answer)
{
    PacsHttpReply *reply = &exchange->reply;
    PacsHttpPayload *payload = &reply->payload;
    PacsStatus status = PACS_OK;

    answer->code = reply->code;
    for (const PacsHttpHeader *header = reply->headers; header; header = header->next)
        (void)pacs_buffer_add_format(&answer->head, "%s: %s\r\n", header->name, header->value);
    if (payload->size != PACS_HTTP_UNKNOWN_SIZE && reply->code != 304 && reply->code != 204)
        (void)pacs_buffer_add_format(&answer->head, "Content-Length: %llu\r\n",
                                     (unsigned long long)payload->size);
    if (exchange->request.is_head)
        return;
    if (payload->kind == PACS_HTTP_PAYLOAD_SOURCE)
        status = read_source(payload, &answer->body);
    else if (payload->kind == PACS_HTTP_PAYLOAD_PIECES)
        status = read_pieces(payload, &answer->body);
    else if (payload->kind == PACS_HTTP_PAYLOAD_FEED)
        answer->is_open = read_feed(payload->feed, ask->feed_until, &answer->body);
    else
        (void)pacs_buffer_add(&answer->body, payload->bytes, (size_t)payload->size);
    answer->is_broken = status != PACS_OK;
}

static void perform(PacsHttpExchange *exchange, const PacsHttpAsk *ask, PacsHttpAnswer *answer)
{
    PacsHttpNext next = run_jobs(exchange, pacs_http_exchange_head(exchange), answer);

    next = send_body(exchange, ask, next, answer);
    if (ask->leaves_midway)
        return;
    answer->is_closed = next != PACS_HTTP_NEXT_READ && ask->body_size > 0;
    if (next == PACS_HTTP_NEXT_READ)
        next = run_jobs(exchange, pacs_http_exchange_end(exchange), answer);
    keep_answer(exchange, ask, answer);
}

uint32_t pacs_http_perform(PacsHttpMemory *memory, const PacsHttpAsk *ask, PacsHttpAnswer *ret_answer)
{
    PacsHttpPair headers[MAX_HEADERS + 1];
    char length[24];

    *ret_answer = (PacsHttpAnswer){0};
    pacs_buffer_init(&ret_answer->head, (size_t)2 * PACS_MAX_HTTP_REPLY_HEADERS);
    pacs_buffer_init(&ret_answer->body, ANSWER_MAX);
    PacsHttpExchange *exchange = pacs_http_exchange_new(memory->site);
    if (!exchange)
        return 0;
    PacsHttpRequest *request = &exchange->request;
    request->sent_method = ask->method ? ask->method : "GET";
    request->target = ask->target;
    request->headers = headers;
    request->header_count = copy_headers(ask, headers, length, sizeof length);
    request->remote_address = ask->remote_address ? ask->remote_address : "127.0.0.1";
    request->is_loopback = !ask->remote_address || strncmp(ask->remote_address, "127.", 4) == 0;
    pacs_http_account_begin(exchange);
    perform(exchange, ask, ret_answer);
    pacs_http_account_end(exchange, !ret_answer->is_broken);
    pacs_http_exchange_unref(exchange);
    return ret_answer->code;
}
