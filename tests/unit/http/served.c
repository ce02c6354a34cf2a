#include "tests/unit/http/served.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>

Demo demo;
PacsHttpServer *server;
uint8_t bytes[SERVED_BYTES];

void start_with(const PacsHttpServerOptions *options)
{
    PacsHttpMount mount = demo_mount(&demo);

    assert_int_equal(pacs_http_server_open(options, &server, NULL), PACS_OK);
    assert_int_equal(pacs_http_server_mount(server, &mount, NULL), PACS_OK);
    assert_int_equal(pacs_http_server_start(server, NULL), PACS_OK);
}

void start(void)
{
    start_with(&(PacsHttpServerOptions){.io_threads = 2, .pool_threads = 8});
}

int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = demo_byte(i);
    demo_init(&demo);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    demo_open_gate(&demo);
    pacs_http_server_free(server);
    server = NULL;
    demo_clear(&demo);
    return 0;
}

/* ---- A client ---- */

int dial(void)
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

bool say_bytes(int fd, const void *data, size_t size)
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

void say(int fd, const char *text)
{
    assert_true(say_bytes(fd, text, strlen(text)));
}

void forget(Heard *heard)
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

const char *head_value(const Heard *heard, const char *name, char *value, size_t size)
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

int hear_answer(int fd, Heard *heard, bool is_head)
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

int hear(int fd, Heard *heard)
{
    return hear_answer(fd, heard, false);
}

bool is_closed(int fd)
{
    char c;
    ssize_t count = recv(fd, &c, 1, 0);

    return count == 0 || (count < 0 && (errno == ECONNRESET || errno == EPIPE));
}

void check_body(const Heard *heard, size_t size)
{
    assert_true(heard->is_whole);
    assert_int_equal(heard->body_size, size);
    for (size_t i = 0; i < size; i++)
        if (heard->body[i] != demo_byte(i))
            fail_msg("byte %zu differs", i);
}

void post_head(int fd, const char *target, size_t size, const char *more)
{
    char head[256];

    (void)snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n", target,
                   size, more);
    say(fd, head);
}
