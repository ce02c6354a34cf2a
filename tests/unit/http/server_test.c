#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/http/http_server.h"
#include "pacs/util/limits.h"
#include "tests/support/http_demo.h"

/* The server over real sockets, spoken to byte by byte. Nothing here is timed: short deadlines are injected
 * where a deadline is the behaviour, and every wait is for a condition. */

static Demo demo;
static PacsHttpServer *server;
static uint8_t bytes[2u << 20];

static void start_with(const PacsHttpServerOptions *options)
{
    PacsHttpMount mount = demo_mount(&demo);

    assert_int_equal(pacs_http_server_open(options, &server, NULL), PACS_OK);
    assert_int_equal(pacs_http_server_mount(server, &mount, NULL), PACS_OK);
    assert_int_equal(pacs_http_server_start(server, NULL), PACS_OK);
}

static void start(void)
{
    start_with(&(PacsHttpServerOptions){.io_threads = 2, .pool_threads = 8});
}

static int set_up(void **state)
{
    (void)state;
    demo_init(&demo);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    demo_open_gate(&demo);
    pacs_http_server_free(server);
    server = NULL;
    demo_clear(&demo);
    return 0;
}

/* ---- A client ---- */

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(pacs_http_server_port(server))};
    struct timeval patience = {.tv_sec = 60}; /* a server that hangs fails the test instead of stopping it */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static bool say_bytes(int fd, const void *data, size_t size)
{
    size_t sent = 0;

    while (sent < size) {
        ssize_t count = send(fd, (const uint8_t *)data + sent, size - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += (size_t)count;
    }
    return true;
}

static void say(int fd, const char *text)
{
    assert_true(say_bytes(fd, text, strlen(text)));
}

typedef struct Heard {
    int code;
    char head[4096];
    uint8_t *body;
    size_t body_size;
    size_t body_room;
    bool is_whole;
} Heard;

static void forget(Heard *heard)
{
    free(heard->body);
    *heard = (Heard){0};
}

static bool hear_line(int fd, char *line, size_t size)
{
    size_t length = 0;

    while (length + 1 < size && recv(fd, line + length, 1, 0) == 1)
        if (line[length++] == '\n')
            break;
    line[length] = '\0';
    return length > 0 && line[length - 1] == '\n';
}

static const char *head_value(const Heard *heard, const char *name, char *value, size_t size)
{
    const char *line = heard->head;
    size_t length = strlen(name);

    value[0] = '\0';
    while ((line = strchr(line, '\n'))) {
        line++;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            (void)snprintf(value, size, "%.*s", (int)strcspn(line + length + 2, "\r"), line + length + 2);
            break;
        }
    }
    return value;
}

static bool hear_body(int fd, Heard *heard, size_t size)
{
    if (!heard->body || heard->body_size + size > heard->body_room) {
        heard->body_room = (heard->body_size + size) * 2;
        heard->body = realloc(heard->body, heard->body_room + 1);
        assert_non_null(heard->body);
    }
    for (size_t got = 0; got < size;) {
        ssize_t count = recv(fd, heard->body + heard->body_size, size - got, 0);
        if (count <= 0)
            return false;
        got += (size_t)count;
        heard->body_size += (size_t)count;
    }
    heard->body[heard->body_size] = '\0';
    return true;
}

static bool hear_chunks(int fd, Heard *heard)
{
    char line[64];

    for (;;) {
        if (!hear_line(fd, line, sizeof line))
            return false;
        size_t size = strtoul(line, NULL, 16);
        if (!hear_body(fd, heard, size) || !hear_line(fd, line, sizeof line))
            return false;
        if (size == 0)
            return true;
    }
}

/* One answer; its code, or 0 where the connection ended instead. */
static int hear_answer(int fd, Heard *heard, bool is_head)
{
    char line[1024], value[64];
    size_t length = 0;

    forget(heard);
    while (hear_line(fd, line, sizeof line) && strcmp(line, "\r\n") != 0)
        length += (size_t)snprintf(heard->head + length, sizeof heard->head - length, "%s", line);
    if (sscanf(heard->head, "HTTP/1.1 %d", &heard->code) != 1)
        return 0;
    if (is_head || heard->code == 100 || heard->code == 204 || heard->code == 304)
        heard->is_whole = true;
    else if (strcasecmp(head_value(heard, "Transfer-Encoding", value, sizeof value), "chunked") == 0)
        heard->is_whole = hear_chunks(fd, heard);
    else
        heard->is_whole = hear_body(
            fd, heard, strtoul(head_value(heard, "Content-Length", value, sizeof value), NULL, 10));
    return heard->code;
}

static int hear(int fd, Heard *heard)
{
    return hear_answer(fd, heard, false);
}

static bool is_closed(int fd)
{
    char c;
    ssize_t count = recv(fd, &c, 1, 0);

    return count == 0 || (count < 0 && (errno == ECONNRESET || errno == EPIPE));
}

static void check_body(const Heard *heard, size_t size)
{
    assert_true(heard->is_whole);
    assert_int_equal(heard->body_size, size);
    for (size_t i = 0; i < size; i++)
        if (heard->body[i] != demo_byte(i))
            fail_msg("byte %zu differs", i);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- Connections ---- */

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    for (int i = 0; i < 20; i++) {
        say(fd, i % 2 ? GET("/pool/hello?name=you") : GET("/hello?name=you"));
        assert_int_equal(hear(fd, &heard), 200);
        assert_string_equal((char *)heard.body, "hello you");
        assert_non_null(strcasestr(heard.head, "X-Request-Id: "));
        assert_non_null(strcasestr(heard.head, "X-Content-Type-Options: nosniff"));
    }
    forget(&heard);
    (void)close(fd);
}

static void a_refusal_keeps_the_connection(void **state)
{
    static const char *const asks[] = {GET("/no/such/address"),
                                       "PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"};
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    for (int i = 0; i < 6; i++) {
        say(fd, asks[i % 2]);
        assert_int_equal(hear(fd, &heard), i % 2 ? 405 : 404);
        assert_null(strcasestr(heard.head, "Connection: close"));
    }
    forget(&heard);
    (void)close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    say(fd,
        GET("/hello?name=1")
            GET("/pool/hello?name=2") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n33"
                                      "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n333" GET(
                                          "/hello?name=5"));
    static const char *const answers[] = {"hello 1", "hello 2", "33", "fed 3", "hello 5"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hear(fd, &heard), 200);
        assert_string_equal((char *)heard.body, answers[i]);
    }
    forget(&heard);
    (void)close(fd);
}

static void head_has_the_length_but_no_body(void **state)
{
    (void)state;
    Heard heard = {0};
    char value[64];

    start();
    int fd = dial();
    static const char *const targets[] = {"/file/100000", "/file/5000000", "/stream/100000",
                                          "/pool/stream/100000"};
    for (int i = 0; i < 4; i++) {
        char request[128];
        (void)snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear_answer(fd, &heard, true), 200);
        assert_string_equal(head_value(&heard, "Content-Length", value, sizeof value),
                            strrchr(targets[i], '/') + 1);
    }
    say(fd, GET("/hello")); /* nothing of a body stands in the way */
    assert_int_equal(hear(fd, &heard), 200);
    forget(&heard);
    (void)close(fd);
}

static void a_closing_client_gets_its_answer(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(hear(fd, &heard), 200);
    assert_true(is_closed(fd));
    forget(&heard);
    (void)close(fd);
}

static void a_request_without_a_host_is_400(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    say(fd, "GET /hello HTTP/1.1\r\n\r\n");
    assert_int_equal(hear(fd, &heard), 400);
    forget(&heard);
    (void)close(fd);
}

static void headers_over_the_limit_are_431(void **state)
{
    (void)state;
    Heard heard = {0};
    char *line = malloc(1001);

    assert_non_null(line);
    memset(line, 'x', 1000);
    line[1000] = '\0';
    start();
    for (int thousands = 60; thousands <= 80; thousands += 10) {
        int fd = dial();
        say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < thousands; i++) {
            say(fd, "A: ");
            say(fd, line);
            say(fd, "\r\n");
        }
        say(fd, "\r\n");
        assert_int_equal(hear(fd, &heard), thousands == 60 ? 200 : 431);
        (void)close(fd);
    }
    free(line);
    forget(&heard);
}

static void too_many_connections_hear_503(void **state)
{
    (void)state;
    Heard heard = {0};

    start_with(&(PacsHttpServerOptions){.io_threads = 2, .pool_threads = 2, .max_connections = 2});
    int first = dial(), second = dial();
    say(first, GET("/hello"));
    say(second, GET("/hello"));
    assert_int_equal(hear(first, &heard), 200);
    assert_int_equal(hear(second, &heard), 200);
    int third = dial();
    assert_int_equal(hear(third, &heard), 503);
    (void)close(first);
    (void)close(second);
    (void)close(third);
    forget(&heard);
}

/* Until one of them is told to come again, all are running or waiting. */
static void a_busy_pool_says_503_and_when_to_come_again(void **state)
{
    (void)state;
    Heard heard = {0};
    char value[16];

    start_with(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1, .max_waiting = 1});
    int running = dial(), waiting = dial(), refused = dial();
    say(running, GET("/gate"));
    demo_await_inside(&demo, 1);
    say(waiting, GET("/pool/hello"));
    say(refused, GET("/pool/hello"));
    struct pollfd polled[] = {{.fd = waiting, .events = POLLIN}, {.fd = refused, .events = POLLIN}};
    assert_int_equal(poll(polled, 2, 60000), 1); /* which of the two came first is the server's business */
    assert_int_equal(hear(polled[0].revents ? waiting : refused, &heard), 503);
    assert_string_equal(head_value(&heard, "Retry-After", value, sizeof value), "2");
    demo_open_gate(&demo);
    assert_int_equal(hear(running, &heard), 200);
    assert_int_equal(hear(polled[0].revents ? refused : waiting, &heard), 200);
    forget(&heard);
    (void)close(running);
    (void)close(waiting);
    (void)close(refused);
}

/* ---- Bodies out ---- */

static void files_and_streams_arrive_whole(void **state)
{
    (void)state;
    static const char *const targets[] = {"/file/0",
                                          "/file/1",
                                          "/file/500000",
                                          "/file/5000000",
                                          "/stream/0",
                                          "/stream/3000000",
                                          "/pool/stream/0",
                                          "/pool/stream/3000000",
                                          "/pieces/12345",
                                          "/pieces/3000000",
                                          "/pool/pieces/3000000",
                                          "/stream/3000000?unknown",
                                          "/pool/stream/3000000?unknown"};
    Heard heard = {0};
    char request[128];

    start();
    int fd = dial();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear(fd, &heard), 200);
        check_body(&heard, strtoul(strrchr(targets[i], '/') + 1, NULL, 10));
    }
    forget(&heard);
    (void)close(fd);
}

static void a_range_far_into_a_stream_is_found(void **state)
{
    (void)state;
    static const char *const targets[] = {"/stream/9000000", "/pool/stream/9000000", "/file/9000000",
                                          "/pieces/9000000"};
    Heard heard = {0};
    char request[160];

    start();
    int fd = dial();
    for (int i = 0; i < 4; i++) {
        (void)snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: x\r\nRange: bytes=8500000-8500099\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear(fd, &heard), 206);
        assert_int_equal(heard.body_size, 100);
        for (size_t at = 0; at < 100; at++)
            assert_int_equal(heard.body[at], demo_byte(8500000 + at));
    }
    forget(&heard);
    (void)close(fd);
}

static void a_broken_stream_ends_the_connection(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/stream/1000000?breaks=500000", "/pool/stream/1000000?breaks=500000",
        "/stream/1000000?unknown&breaks=500000", "/pool/stream/1000000?unknown&breaks=500000"};
    Heard heard = {0};
    char request[160];

    start();
    for (int i = 0; i < 4; i++) {
        int fd = dial();
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear(fd, &heard), 200);
        assert_false(heard.is_whole);
        (void)close(fd);
    }
    forget(&heard);
}

/* ---- Bodies in ---- */

static void post_head(int fd, const char *target, size_t size, const char *more)
{
    char head[256];

    (void)snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n", target,
                   size, more);
    say(fd, head);
}

static void uploads_arrive_as_sent(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   1000,
                                   PACS_HTTP_BODY_CHUNK - 1,
                                   PACS_HTTP_BODY_CHUNK,
                                   PACS_HTTP_BODY_CHUNK + 1,
                                   4 * PACS_HTTP_BODY_CHUNK,
                                   sizeof bytes};
    Heard heard = {0};

    start();
    int fd = dial();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        demo.fed = demo.checksum = 0;
        post_head(fd, "/upload", sizes[i], "");
        assert_true(say_bytes(fd, bytes, sizes[i]));
        assert_int_equal(hear(fd, &heard), 200);
        assert_int_equal(demo.fed, sizes[i]);
        assert_int_equal(demo.checksum, demo_checksum(0, bytes, sizes[i]));
    }
    forget(&heard);
    (void)close(fd);
}

static void chunked_uploads_arrive_as_sent(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 100, 65536, 300000, 700000, 7, 150000};
    Heard heard = {0};
    size_t total = 0;
    char line[32];

    start();
    int fd = dial();
    say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        (void)snprintf(line, sizeof line, "%zx\r\n", pieces[i]);
        say(fd, line);
        assert_true(say_bytes(fd, bytes + total, pieces[i]));
        say(fd, "\r\n");
        total += pieces[i];
    }
    say(fd, "0\r\n\r\n" GET("/hello"));
    assert_int_equal(hear(fd, &heard), 200);
    assert_int_equal(demo.fed, total);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, total));
    assert_int_equal(hear(fd, &heard), 200);
    forget(&heard);
    (void)close(fd);
}

static void continue_is_sent_when_the_reader_has_begun(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    post_head(fd, "/upload", 5, "Expect: 100-continue\r\n");
    assert_int_equal(hear(fd, &heard), 100);
    assert_int_equal(demo.begun, 1);
    say(fd, "12345");
    assert_int_equal(hear(fd, &heard), 200);
    assert_string_equal((char *)heard.body, "fed 5");
    forget(&heard);
    (void)close(fd);
}

static void a_refused_upload_never_hears_continue(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    demo.refuses = true;
    int fd = dial();
    post_head(fd, "/upload", 5000000, "Expect: 100-continue\r\n");
    assert_int_equal(hear(fd, &heard), 507);
    forget(&heard);
    (void)close(fd);
}

static void a_client_that_is_still_sending_hears_the_refusal(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    demo.fails_at = 1;
    int fd = dial();
    post_head(fd, "/upload", 40u << 20, "");
    for (int i = 0; i < 3; i++)
        (void)say_bytes(fd, bytes, sizeof bytes); /* may fail: the server has had enough */
    assert_int_equal(hear(fd, &heard), 400);
    assert_non_null(strstr((char *)heard.body, "not what I eat"));
    assert_non_null(strcasestr(heard.head, "Connection: close"));
    forget(&heard);
    (void)close(fd);
}

static void an_unwanted_big_body_is_refused_at_its_head(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    post_head(fd, "/small", 5000000, "");
    (void)say_bytes(fd, bytes, 200000);
    assert_int_equal(hear(fd, &heard), 413);
    assert_true(is_closed(fd));
    forget(&heard);
    (void)close(fd);
}

static void doubtful_lengths_end_the_connection(void **state)
{
    (void)state;
    static const char *const doubts[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"};
    Heard heard = {0};

    start();
    for (int i = 0; i < 3; i++) {
        int fd = dial();
        say(fd, doubts[i]);
        assert_int_equal(hear(fd, &heard), 400);
        assert_true(is_closed(fd));
        (void)close(fd);
    }
    forget(&heard);
}

/* ---- Peers that are slow or gone ---- */

static const PacsHttpServerOptions impatient = {
    .io_threads = 2, .pool_threads = 4, .header_ms = 150, .transfer_ms = 150, .keep_alive_ms = 150};

static void a_header_that_drips_in_is_408(void **state)
{
    (void)state;
    Heard heard = {0};
    struct pollfd polled;

    start_with(&impatient);
    int fd = dial();
    say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    polled = (struct pollfd){.fd = fd, .events = POLLIN};
    while (poll(&polled, 1, 20) == 0) /* each line would renew a deadline that counted from the last byte */
        (void)send(fd, "A: b\r\n", 6, MSG_NOSIGNAL);
    assert_int_equal(hear(fd, &heard), 408);
    forget(&heard);
    (void)close(fd);
}

static void a_body_that_drips_in_is_408_and_aborted(void **state)
{
    (void)state;
    Heard heard = {0};
    struct pollfd polled;

    start_with(&impatient);
    int fd = dial();
    post_head(fd, "/upload", 50u << 20, "");
    assert_true(say_bytes(fd, bytes, 2 * PACS_HTTP_BODY_CHUNK));
    polled = (struct pollfd){.fd = fd, .events = POLLIN};
    while (poll(&polled, 1, 20) == 0)
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
    assert_int_equal(hear(fd, &heard), 408);
    demo_await_aborted(&demo, 1);
    forget(&heard);
    (void)close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    Heard heard = {0};

    start_with(&impatient);
    int silent = dial(), used = dial();
    say(used, GET("/hello"));
    assert_int_equal(hear(used, &heard), 200);
    assert_true(is_closed(used));
    assert_true(is_closed(silent));
    forget(&heard);
    (void)close(used);
    (void)close(silent);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;

    start_with(&impatient);
    int fd = dial();
    say(fd, GET("/stream/2000000000"));
    struct pollfd polled = {.fd = fd, .events = POLLRDHUP};
    assert_int_equal(poll(&polled, 1, 60000), 1); /* reset, without our reading anything */
    (void)close(fd);
}

static void a_slow_handler_is_not_the_clients_fault(void **state)
{
    (void)state;
    Heard heard = {0};

    start_with(&impatient);
    int fd = dial(), other = dial();
    say(fd, GET("/gate"));
    demo_await_inside(&demo, 1);
    assert_true(is_closed(other)); /* all deadlines have passed once */
    demo_open_gate(&demo);
    assert_int_equal(hear(fd, &heard), 200);
    forget(&heard);
    (void)close(fd);
    (void)close(other);
}

static void a_handler_hears_that_its_client_has_gone(void **state)
{
    (void)state;

    start();
    int fd = dial();
    say(fd, GET("/gate"));
    demo_await_inside(&demo, 1);
    (void)close(fd);
    demo_await_inside(&demo, 0); /* the gate stays shut: only the cancellation lets it out */
    assert_true(demo.saw_cancel);
}

static void an_upload_whose_client_goes_is_aborted(void **state)
{
    (void)state;

    start();
    int fd = dial();
    post_head(fd, "/upload", 50u << 20, "");
    assert_true(say_bytes(fd, bytes, sizeof bytes));
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK);
    (void)close(fd);
    demo_await_aborted(&demo, 1);
    assert_int_equal(demo.finished, 0);
}

/* Bytes of ours that the server's side of the connection has not taken. */
static int untaken(int fd)
{
    int count = 0;

    assert_int_equal(ioctl(fd, SIOCOUTQ, &count),
                     0); /* unacknowledged: a stopped reader leaves its buffers full */
    return count;
}

static void the_next_chunk_is_read_while_a_worker_has_one(void **state)
{
    (void)state;
    Heard heard = {0};
    const size_t size = 2 * (size_t)PACS_HTTP_BODY_CHUNK;

    start();
    demo.feeds_wait = true;
    int fd = dial();
    post_head(fd, "/upload", size + 1, "");
    assert_true(say_bytes(fd, bytes, size));
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK); /* and there it waits */
    while (untaken(fd) > 0)
        (void)poll(NULL, 0, 1);
    assert_int_equal(demo.fed, PACS_HTTP_BODY_CHUNK);
    demo_open_gate(&demo);
    assert_true(say_bytes(fd, bytes + size, 1));
    assert_int_equal(hear(fd, &heard), 200);
    assert_int_equal(demo.fed, size + 1);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, size + 1));
    forget(&heard);
    (void)close(fd);
}

static void an_upload_is_aborted_once_its_worker_is_through(void **state)
{
    (void)state;

    start();
    demo.feeds_wait = true;
    int fd = dial();
    post_head(fd, "/upload", 50u << 20, "");
    assert_true(say_bytes(fd, bytes, PACS_HTTP_BODY_CHUNK + 1));
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK);
    (void)close(fd);
    assert_int_equal(demo.aborted, 0);
    demo_open_gate(&demo);
    demo_await_aborted(&demo, 1);
    assert_int_equal(demo.finished, 0);
}

/* ---- Many, and the end ---- */

static void *ask_many_times(void *argument)
{
    Heard heard = {0};
    intptr_t failures = 0;
    int fd = dial();

    (void)argument;
    for (int i = 0; i < 12; i++) {
        switch (i % 4) {
        case 0:
            say(fd, GET("/hello?name=you"));
            break;
        case 1:
            post_head(fd, "/upload", 300000, "");
            (void)say_bytes(fd, bytes, 300000);
            break;
        case 2:
            say(fd, GET("/pool/stream/300000"));
            break;
        default:
            say(fd, GET("/file/300000"));
            break;
        }
        failures += hear(fd, &heard) != 200 || !heard.is_whole;
    }
    forget(&heard);
    (void)close(fd);
    return (void *)failures;
}

static void many_clients_are_served_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 64 };
    pthread_t threads[CLIENTS];

    start();
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many_times, NULL), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *failures = NULL;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_ptr_equal(failures, NULL);
    }
    assert_int_equal(demo.fed, (uint64_t)CLIENTS * 3 * 300000);
    assert_int_equal(demo.finished, CLIENTS * 3);
}

static void *stop_server(void *argument)
{
    (void)argument;
    pacs_http_server_stop(server, 60000);
    return NULL;
}

static void stopping_lets_running_requests_finish(void **state)
{
    (void)state;
    Heard heard = {0};
    pthread_t stopper;

    start();
    int busy = dial(), idle = dial();
    say(idle, GET("/hello"));
    assert_int_equal(hear(idle, &heard), 200);
    say(busy, GET("/gate"));
    demo_await_inside(&demo, 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, NULL), 0);
    assert_true(is_closed(idle)); /* so the stop is under way */
    demo_open_gate(&demo);
    assert_int_equal(hear(busy, &heard), 200);
    assert_non_null(strcasestr(heard.head, "Connection: close"));
    assert_true(is_closed(busy));
    assert_int_equal(pthread_join(stopper, NULL), 0);
    forget(&heard);
    (void)close(busy);
    (void)close(idle);
}

static void stopping_at_once_cancels_what_runs(void **state)
{
    (void)state;

    start();
    int waiting = dial(), reading = dial(), sending = dial();
    say(waiting, GET("/gate"));
    say(reading, GET("/pool/stream/2000000000"));
    post_head(sending, "/upload", 50u << 20, "");
    assert_true(say_bytes(sending, bytes, sizeof bytes));
    demo_await_inside(&demo, 1);
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK);
    pacs_http_server_stop(server, 0);
    assert_true(demo.saw_cancel);
    assert_int_equal(demo.aborted, 1);
    (void)close(waiting);
    (void)close(reading);
    (void)close(sending);
}

static void a_port_in_use_is_reported(void **state)
{
    (void)state;
    PacsHttpServer *second = NULL;
    PacsError err = {0};

    start();
    PacsHttpServerOptions options = {
        .port = pacs_http_server_port(server), .io_threads = 1, .pool_threads = 1};
    assert_int_equal(pacs_http_server_open(&options, &second, &err), PACS_UNAVAILABLE);
    assert_null(second);
    options.addresses = (const char *const[]){"no such address"};
    options.address_count = 1;
    assert_int_equal(pacs_http_server_open(&options, &second, &err), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_serves_many_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_keeps_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(head_has_the_length_but_no_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_closing_client_gets_its_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_without_a_host_is_400, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_over_the_limit_are_431, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_connections_hear_503, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_pool_says_503_and_when_to_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_and_streams_arrive_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_far_into_a_stream_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_stream_ends_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(uploads_arrive_as_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunked_uploads_arrive_as_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(continue_is_sent_when_the_reader_has_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_upload_never_hears_continue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_is_still_sending_hears_the_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unwanted_big_body_is_refused_at_its_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubtful_lengths_end_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_header_that_drips_in_is_408, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_drips_in_is_408_and_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_connection_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_handler_is_not_the_clients_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_hears_that_its_client_has_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_chunk_is_read_while_a_worker_has_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_is_aborted_once_its_worker_is_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_whose_client_goes_is_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_clients_are_served_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_lets_running_requests_finish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_at_once_cancels_what_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_reported, set_up, tear_down),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = demo_byte(i);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
