#include "tests/support/http_demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 60 /* a test that hangs fails instead */

void demo_init(Demo *demo)
{
    *demo = (Demo){.wanted_code = 200};
    (void)pthread_mutex_init(&demo->lock, NULL);
    (void)pthread_cond_init(&demo->changed, NULL);
}

void demo_clear(Demo *demo)
{
    (void)pthread_cond_destroy(&demo->changed);
    (void)pthread_mutex_destroy(&demo->lock);
}

uint64_t demo_checksum(uint64_t checksum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        checksum = (checksum ^ bytes[i]) * 1099511628211u;
    return checksum;
}

uint8_t demo_byte(uint64_t position)
{
    return (uint8_t)(position * 2654435761u >> 13);
}

/* ---- Waiting ---- */

static void await(Demo *demo, bool (*is_so)(const Demo *demo, uint64_t value), uint64_t value)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&demo->lock);
    while (!is_so(demo, value))
        if (pthread_cond_timedwait(&demo->changed, &demo->lock, &until) != 0) {
            (void)fprintf(stderr, "waited in vain\n");
            abort();
        }
    (void)pthread_mutex_unlock(&demo->lock);
}

static bool are_inside(const Demo *demo, uint64_t count)
{
    return demo->inside == (int)count;
}

static bool are_aborted(const Demo *demo, uint64_t count)
{
    return demo->aborted == (int)count;
}

static bool are_fed(const Demo *demo, uint64_t bytes)
{
    return demo->fed >= bytes;
}

void demo_await_inside(Demo *demo, int count)
{
    await(demo, are_inside, (uint64_t)count);
}

void demo_await_aborted(Demo *demo, int count)
{
    await(demo, are_aborted, (uint64_t)count);
}

void demo_await_fed(Demo *demo, uint64_t bytes)
{
    await(demo, are_fed, bytes);
}

void demo_open_gate(Demo *demo)
{
    (void)pthread_mutex_lock(&demo->lock);
    demo->is_open = true;
    (void)pthread_cond_broadcast(&demo->changed);
    (void)pthread_mutex_unlock(&demo->lock);
}

/* ---- Handlers ---- */

/* What the first call says is not heard. */
static void handle_long(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    if (pacs_http_defer(request, reply)) {
        pacs_http_reply_code(reply, 500);
        pacs_http_reply_header(reply, "X-First", "yes");
        pacs_http_reply_text(reply, "text/plain", "too early");
        return;
    }
    pacs_http_reply_text(reply, "text/plain", "worked out");
}

static void handle_hello(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *name = pacs_http_query(request, "name");

    (void)context;
    pacs_http_reply_text(reply, "text/plain",
                         pacs_arena_printf(pacs_http_arena(request), "hello %s", name ? name : "nobody"));
}

static void handle_who(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    pacs_http_reply_text(reply, "text/plain",
                         pacs_arena_printf(pacs_http_arena(request), "%s %s %s user=%s loopback=%d",
                                           pacs_http_method_name(request), pacs_http_capture(request, "id"),
                                           pacs_http_remote_address(request), pacs_http_user(request),
                                           pacs_http_is_loopback(request)));
}

static void handle_rest(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    pacs_http_reply_text(
        reply, "text/plain",
        pacs_arena_printf(pacs_http_arena(request), "rest=%s", pacs_http_capture(request, "rest")));
}

static void handle_echo(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsSlice body = pacs_http_body(request);
    PacsBuffer copy;

    (void)context;
    pacs_buffer_init(&copy, body.size + 1);
    (void)pacs_buffer_add(&copy, body.text, body.size);
    pacs_http_reply_buffer(reply, "application/octet-stream", &copy);
}

static void handle_gate(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    Demo *demo = context;

    (void)pthread_mutex_lock(&demo->lock);
    demo->inside++;
    (void)pthread_cond_broadcast(&demo->changed);
    while (!demo->is_open && !pacs_http_cancelled(request)) {
        struct timespec soon;
        (void)clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 5000000; /* cancellation is a flag, not a signal: look again */
        if (soon.tv_nsec >= 1000000000) {
            soon.tv_sec++;
            soon.tv_nsec -= 1000000000;
        }
        (void)pthread_cond_timedwait(&demo->changed, &demo->lock, &soon);
    }
    demo->saw_cancel |= pacs_http_cancelled(request);
    demo->inside--;
    (void)pthread_cond_broadcast(&demo->changed);
    (void)pthread_mutex_unlock(&demo->lock);
    pacs_http_reply_text(reply, "text/plain", "through");
}

static void handle_nothing(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    (void)request;
    pacs_http_reply_code(reply, 204);
}

static void handle_failed(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    (void)request;
    pacs_http_reply_header(reply, "X-Bad", "two\r\nlines: here");
    pacs_http_reply_text(reply, "text/plain", "never seen");
}

static void handle_tagged(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    if (!pacs_http_reply_not_modified(request, reply, "\"v1\""))
        pacs_http_reply_text(reply, "text/plain", "tagged");
}

/* ---- Texts, files and streams of the size in the path ---- */

static uint64_t wanted_size(const PacsHttpRequest *request)
{
    return strtoull(pacs_http_capture(request, "size"), NULL, 10);
}

/* Many times the letter a. */
static void handle_long_text(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *type = pacs_http_query(request, "type");
    const size_t size = (size_t)wanted_size(request);
    char *text = pacs_arena_alloc(pacs_http_arena(request), size + 1);

    (void)context;
    memset(text, 'a', size);
    if (pacs_http_reply_not_modified(request, reply, "\"text\""))
        return;
    if (pacs_http_query(request, "encoded"))
        pacs_http_reply_header(reply, "Content-Encoding", "gzip");
    pacs_http_reply_text(reply, type ? type : "text/plain; charset=utf-8", text);
}

static void handle_file(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    uint64_t size = wanted_size(request);
    int fd = memfd_create("demo", MFD_CLOEXEC);
    uint8_t piece[4096];

    (void)context;
    for (uint64_t at = 0; at < size + 3;
         at += sizeof piece) { /* three bytes in front that are not asked for */
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = at + i < 3 ? '#' : demo_byte(at + i - 3);
        uint64_t left = size + 3 - at;
        (void)!write(fd, piece, left < sizeof piece ? (size_t)left : sizeof piece);
    }
    if (pacs_http_query(request, "tag"))
        (void)!pacs_http_reply_not_modified(request, reply, pacs_http_query(request, "tag"));
    pacs_http_reply_fd(reply, "application/octet-stream", fd, 3,
                       pacs_http_query(request, "lie") ? size + 10 : size);
}

typedef struct DemoSource {
    PacsSource base;
    uint64_t at, size;
    uint64_t breaks_at; /* UINT64_MAX: never */
} DemoSource;

static PacsStatus source_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    DemoSource *source = (DemoSource *)self;
    uint64_t left = source->size - source->at;

    if (source->at >= source->breaks_at)
        return pacs_fail(err, PACS_CORRUPT, "broken on purpose");
    if (size > left)
        size = (size_t)left;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = demo_byte(source->at + i);
    source->at += size;
    *ret_size = size;
    return PACS_OK;
}

static void source_free(PacsSource *self)
{
    free(self);
}

static const PacsSourceOps source_ops = {.read = source_read, .free = source_free};

static void handle_stream(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    DemoSource *source = calloc(1, sizeof *source);
    const char *breaks = pacs_http_query(request, "breaks");

    (void)context;
    if (!source)
        return;
    *source = (DemoSource){.base.ops = &source_ops,
                           .size = wanted_size(request),
                           .breaks_at = breaks ? strtoull(breaks, NULL, 10) : UINT64_MAX};
    pacs_http_reply_source(reply, "application/octet-stream", &source->base,
                           pacs_http_query(request, "unknown") ? PACS_HTTP_UNKNOWN_SIZE : source->size);
}

/* ---- A body in pieces: bytes, part of a file, a file that is opened late, a stream that is opened late, and so on ---- */

#define PIECE_SIZE 5000

static int file_from(uint64_t offset, uint64_t size)
{
    int fd = memfd_create("demo", MFD_CLOEXEC);
    uint8_t bytes[PIECE_SIZE + 10];

    for (uint64_t i = 0; i < size; i++)
        bytes[i] = demo_byte(offset + i);
    (void)!write(fd, bytes, size);
    return fd;
}

static void close_fd(void *thing)
{
    (void)close((int)(intptr_t)thing);
}

/* `item` is where in the body the piece begins; a stream is what an odd one is opened as. */
static PacsStatus open_late(void *context, const void *item, uint64_t offset, uint64_t size,
                            PacsHttpOpened *ret_opened, PacsError *err)
{
    const uint64_t *start = item;
    const Demo *demo = context;

    if (demo->fails_at > 0 && *start >= demo->fails_at)
        return pacs_fail(err, PACS_CORRUPT, "gone on purpose");
    if (*start / PIECE_SIZE % 2 == 0) {
        ret_opened->fd = file_from(*start, offset + size);
        ret_opened->offset = offset;
        return PACS_OK;
    }
    DemoSource *source = calloc(1, sizeof *source);
    *source = (DemoSource){.base.ops = &source_ops,
                           .at = *start + offset,
                           .size = *start + offset + size,
                           .breaks_at = UINT64_MAX};
    ret_opened->source = &source->base;
    return PACS_OK;
}

static void add_bytes(PacsHttpRequest *request, PacsHttpReply *reply, uint64_t start, uint64_t size)
{
    uint8_t *bytes = pacs_arena_alloc(pacs_http_arena(request), size);

    for (uint64_t i = 0; i < size; i++)
        bytes[i] = demo_byte(start + i);
    pacs_http_reply_piece_bytes(reply, bytes, size);
}

static void add_late(Demo *demo, PacsHttpRequest *request, PacsHttpReply *reply, uint64_t start,
                     uint64_t size)
{
    PacsHttpOpener *opener = pacs_arena_alloc(pacs_http_arena(request), sizeof *opener);
    uint64_t *item = pacs_arena_alloc(pacs_http_arena(request), sizeof *item);

    *opener = (PacsHttpOpener){.open = open_late, .context = demo};
    *item = start;
    pacs_http_reply_piece_opened(reply, opener, item, size);
}

static void handle_pieces(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    uint64_t total = wanted_size(request);

    pacs_http_reply_pieces(reply, "multipart/related");
    for (uint64_t start = 0, i = 0; start < total; start += PIECE_SIZE, i++) {
        uint64_t size = total - start < PIECE_SIZE ? total - start : PIECE_SIZE;
        if (i % 4 == 0) {
            add_bytes(request, reply, start, size);
        } else if (i % 4 == 1) {
            int fd = file_from(start - 10, size + 10);
            pacs_http_reply_piece_fd(reply, fd, 10, size);
            pacs_http_reply_keep(reply, (void *)(intptr_t)fd, close_fd);
        } else {
            add_late(context, request, reply, start, size);
        }
    }
}

/* ---- An upload ---- */

static bool upload_begin(void *context, PacsHttpRequest *request, PacsHttpReply *reply, void **ret_state)
{
    Demo *demo = context;
    PacsError error = {0};

    *ret_state = demo;
    (void)pthread_mutex_lock(&demo->lock);
    demo->begun++;
    bool refuses = demo->refuses;
    (void)pthread_mutex_unlock(&demo->lock);
    if (refuses) {
        (void)pacs_fail(&error, PACS_NO_SPACE, "no room for it");
        pacs_http_reply_error(request, reply, 507, &error);
    }
    return !refuses;
}

static PacsStatus upload_feed(void *state, const uint8_t *bytes, size_t size, PacsError *err)
{
    Demo *demo = state;

    (void)pthread_mutex_lock(&demo->lock);
    demo->feeds++;
    demo->fed += size;
    demo->checksum = demo_checksum(demo->checksum, bytes, size);
    bool fails = demo->fails_at > 0 && demo->fed > demo->fails_at;
    (void)pthread_cond_broadcast(&demo->changed);
    while (demo->feeds_wait && !demo->is_open)
        (void)pthread_cond_wait(&demo->changed, &demo->lock);
    (void)pthread_mutex_unlock(&demo->lock);
    return fails ? pacs_fail(err, PACS_INVALID, "not what I eat") : PACS_OK;
}

static void upload_finish(void *context, PacsHttpRequest *request, void *state, const PacsError *error,
                          PacsHttpReply *reply)
{
    Demo *demo = state;

    (void)context;
    (void)pthread_mutex_lock(&demo->lock);
    demo->finished++;
    uint64_t fed = demo->fed;
    (void)pthread_mutex_unlock(&demo->lock);
    if (error)
        pacs_http_reply_error(request, reply, error->status == PACS_TOO_LARGE ? 413 : 400, error);
    else
        pacs_http_reply_text(
            reply, "text/plain",
            pacs_arena_printf(pacs_http_arena(request), "fed %llu", (unsigned long long)fed));
}

static void upload_abort(void *state)
{
    Demo *demo = state;

    (void)pthread_mutex_lock(&demo->lock);
    demo->aborted++;
    (void)pthread_cond_broadcast(&demo->changed);
    (void)pthread_mutex_unlock(&demo->lock);
}

static const PacsHttpBodyReader upload = {
    .begin = upload_begin, .feed = upload_feed, .finish = upload_finish, .abort = upload_abort};

/* ---- Routes ---- */

static const PacsHttpRoute routes[] = {
    {.method = PACS_HTTP_GET, .pattern = "/hello", .handle = handle_hello},
    {.method = PACS_HTTP_GET, .pattern = "/open", .handle = handle_hello, .flags = PACS_HTTP_PUBLIC},
    {.method = PACS_HTTP_GET, .pattern = "/long", .handle = handle_long},
    {.method = PACS_HTTP_GET, .pattern = "/pool/hello", .handle = handle_hello, .place = PACS_HTTP_POOL},
    {.method = PACS_HTTP_GET, .pattern = "/things/{id}", .handle = handle_who},
    {.method = PACS_HTTP_PUT, .pattern = "/things/{id}", .handle = handle_who, .flags = PACS_HTTP_MUTATES},
    {.method = PACS_HTTP_DELETE, .pattern = "/things/{id}", .handle = handle_who, .flags = PACS_HTTP_MUTATES},
    {.method = PACS_HTTP_GET, .pattern = "/things/special", .handle = handle_hello},
    {.method = PACS_HTTP_GET, .pattern = "/tree/{*rest}", .handle = handle_rest},
    {.method = PACS_HTTP_GET, .pattern = "/nothing", .handle = handle_nothing},
    {.method = PACS_HTTP_GET, .pattern = "/failed", .handle = handle_failed},
    {.method = PACS_HTTP_GET, .pattern = "/tagged", .handle = handle_tagged},
    {.method = PACS_HTTP_GET, .pattern = "/gate", .handle = handle_gate, .place = PACS_HTTP_POOL},
    {.method = PACS_HTTP_GET, .pattern = "/text/{size}", .handle = handle_long_text},
    {.method = PACS_HTTP_GET, .pattern = "/file/{size}", .handle = handle_file},
    {.method = PACS_HTTP_GET, .pattern = "/stream/{size}", .handle = handle_stream},
    {.method = PACS_HTTP_GET,
     .pattern = "/pool/stream/{size}",
     .handle = handle_stream,
     .place = PACS_HTTP_POOL},
    {.method = PACS_HTTP_GET, .pattern = "/pieces/{size}", .handle = handle_pieces},
    {.method = PACS_HTTP_GET,
     .pattern = "/pool/pieces/{size}",
     .handle = handle_pieces,
     .place = PACS_HTTP_POOL},
    {.method = PACS_HTTP_POST, .pattern = "/echo", .handle = handle_echo, .body = PACS_HTTP_BODY_COLLECT},
    {.method = PACS_HTTP_POST,
     .pattern = "/pool/echo",
     .handle = handle_echo,
     .body = PACS_HTTP_BODY_COLLECT,
     .place = PACS_HTTP_POOL},
    {.method = PACS_HTTP_POST,
     .pattern = "/small",
     .handle = handle_echo,
     .body = PACS_HTTP_BODY_COLLECT,
     .max_body = 10},
    {.method = PACS_HTTP_POST, .pattern = "/hello", .handle = handle_hello},
    {.method = PACS_HTTP_POST,
     .pattern = "/upload",
     .reader = &upload,
     .body = PACS_HTTP_BODY_STREAM,
     .flags = PACS_HTTP_MUTATES},
    {.method = PACS_HTTP_POST,
     .pattern = "/upload/small",
     .reader = &upload,
     .body = PACS_HTTP_BODY_STREAM,
     .max_body = 1u << 20},
};

PacsHttpMount demo_mount(Demo *demo)
{
    return (PacsHttpMount){
        .prefix = "", .routes = routes, .route_count = sizeof routes / sizeof routes[0], .context = demo};
}

static void render_other(void *context, PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                         const PacsError *error)
{
    (void)context;
    (void)error;
    pacs_http_reply_text(reply, "text/plain",
                         pacs_arena_printf(pacs_http_arena(request), "other %u", http_code));
}

static const PacsHttpRoute other_routes[] = {
    {.method = PACS_HTTP_GET, .pattern = "/hello", .handle = handle_hello},
};

PacsHttpMount demo_other_mount(Demo *demo)
{
    return (PacsHttpMount){
        .prefix = "/other", .routes = other_routes, .route_count = 1, .context = demo, .error = render_other};
}
