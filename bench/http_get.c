/*
 * GET paths from a server over a few keep-alive connections, as fast as it answers.
 *
 *     http_get [-d] PORT CONNECTIONS REQUESTS ["Header: value"]... < list of paths, one a line
 *
 * REQUESTS in all, dealt out one after the other to whichever connection is free, through the list as often as
 * needed. Prints one line of JSON: seconds from the first request to the last answer, how many answers were
 * 200, the bytes of their bodies, milliseconds an answer took (median, 99th percentile, slowest), and this
 * program's own processor seconds. Bodies are read, as any client has to; with -d they are dropped in the
 * kernel (MSG_TRUNC), as if the client's processors were elsewhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_PATHS 100000
#define MAX_REQUESTS 10000000
#define MAX_CONNECTIONS 256
#define MAX_HEAD 16384          /* of an answer, and of a request */
#define MAX_SKIP (256UL * 1024) /* of a body, by one call */

/* What has been received and not been used yet lies in bytes[at..end). */
typedef struct {
    int fd;
    size_t at, end;
    char bytes[MAX_HEAD + 1];
    char body[MAX_SKIP];
} Connection;

typedef struct {
    bool ok, chunked, closes;
    uint64_t length; /* UINT64_MAX: to the end of the connection */
} Head;

static char *paths[MAX_PATHS];
static size_t path_count, request_count;
static char headers[MAX_HEAD / 2] = "Host: 127.0.0.1\r\n";
static float *took_ms; /* of each request */
static atomic_size_t next_request, good;
static atomic_uint_fast64_t body_bytes;
static uint16_t port;
static int skip_flags;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "http_get: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int connect_loopback(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    return fd;
}

static void ask(int fd, const char *path)
{
    char request[MAX_HEAD];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n%s\r\n", path, headers);
    if (length >= (int)sizeof request || send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        die("send");
}

/* More bytes behind those that are there. */
static void receive(Connection *c)
{
    if (c->at == c->end)
        c->at = c->end = 0;
    ssize_t got = recv(c->fd, c->bytes + c->end, MAX_HEAD - c->end, 0);
    if (got <= 0)
        die("the server closed the connection");
    c->end += (size_t)got;
    c->bytes[c->end] = '\0';
}

/* Up to and with `mark`, which ends what is returned; it lives until the next call. */
static char *read_until(Connection *c, const char *mark)
{
    if (c->at > 0) {
        memmove(c->bytes, c->bytes + c->at, c->end - c->at + 1);
        c->end -= c->at;
        c->at = 0;
    }
    char *found;
    while (c->end == 0 || !(found = strstr(c->bytes, mark)))
        receive(c);
    *found = '\0';
    c->at = (size_t)(found - c->bytes) + strlen(mark);
    return c->bytes;
}

/* As many bytes, or all up to the end of the connection (UINT64_MAX); how many there were. */
static uint64_t skip(Connection *c, uint64_t size)
{
    uint64_t done = c->end - c->at < size ? c->end - c->at : size;
    c->at += done;
    while (done < size) {
        uint64_t left = size - done;
        ssize_t got = recv(c->fd, c->body, left < MAX_SKIP ? left : MAX_SKIP, skip_flags);
        if (got == 0 && size == UINT64_MAX)
            break;
        if (got <= 0)
            die("the server closed the connection within an answer");
        done += (uint64_t)got;
    }
    return done;
}

static const char *value_of(const char *head, const char *name)
{
    const char *line = strcasestr(head, name);
    return line ? line + strlen(name) : NULL;
}

static Head read_head(Connection *c)
{
    const char *text = read_until(c, "\r\n\r\n");
    const char *length = value_of(text, "\r\nContent-Length:");
    bool chunked = value_of(text, "\r\nTransfer-Encoding: chunked") != NULL;
    return (Head){.ok = strncmp(text, "HTTP/1.1 200", 12) == 0,
                  .chunked = chunked,
                  .closes = value_of(text, "\r\nConnection: close") || (!chunked && !length),
                  .length = length ? strtoull(length, NULL, 10) : UINT64_MAX};
}

static uint64_t skip_chunks(Connection *c)
{
    uint64_t total = 0, size;
    do {
        size = strtoull(read_until(c, "\r\n"), NULL, 16);
        (void)skip(c, size);
        (void)read_until(c, "\r\n");
        total += size;
    } while (size > 0);
    return total;
}

static void read_answer(Connection *c)
{
    Head head = read_head(c);
    uint64_t size = head.chunked ? skip_chunks(c) : skip(c, head.length);
    if (head.ok) {
        atomic_fetch_add(&good, 1);
        atomic_fetch_add(&body_bytes, size);
    }
    if (head.closes) {
        close(c->fd);
        c->fd = connect_loopback();
        c->at = c->end = 0;
    }
}

static void *run(void *unused)
{
    (void)unused;
    Connection *c = calloc(1, sizeof *c);
    if (!c)
        die("memory");
    c->fd = connect_loopback();
    for (size_t number; (number = atomic_fetch_add(&next_request, 1)) < request_count;) {
        double begin = now_s();
        ask(c->fd, paths[number % path_count]);
        read_answer(c);
        took_ms[number] = (float)((now_s() - begin) * 1e3);
    }
    close(c->fd);
    free(c);
    return NULL;
}

static void read_paths(void)
{
    char line[4096];
    while (path_count < MAX_PATHS && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        paths[path_count] = strdup(line);
        if (!paths[path_count++])
            die("memory");
    }
}

static void add_header(const char *line)
{
    size_t used = strlen(headers);
    if (snprintf(headers + used, sizeof headers - used, "%s\r\n", line) >= (int)(sizeof headers - used))
        die("headers");
}

static int by_time(const void *a, const void *b)
{
    float one = *(const float *)a, other = *(const float *)b;
    return (one > other) - (one < other);
}

static void report(double seconds)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    qsort(took_ms, request_count, sizeof *took_ms, by_time);
    printf("{\"seconds\": %.6f, \"good\": %zu, \"bytes\": %llu, \"median_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"slowest_ms\": %.3f, \"client_cpu_s\": %.3f}\n",
           seconds, atomic_load(&good), (unsigned long long)atomic_load(&body_bytes),
           took_ms[request_count / 2], took_ms[request_count * 99 / 100], took_ms[request_count - 1],
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-d") == 0) {
        skip_flags = MSG_TRUNC;
        argv++;
        argc--;
    }
    size_t connections = argc >= 4 ? strtoul(argv[2], NULL, 10) : 0;
    request_count = argc >= 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (connections < 1 || connections > MAX_CONNECTIONS || request_count < 1 ||
        request_count > MAX_REQUESTS) {
        fprintf(stderr, "usage: http_get [-d] PORT CONNECTIONS REQUESTS [\"Header: value\"]... < paths\n");
        return 2;
    }
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    for (int i = 4; i < argc; i++)
        add_header(argv[i]);
    read_paths();
    took_ms = calloc(request_count, sizeof *took_ms);
    if (path_count == 0 || !took_ms)
        die("no paths, or no memory");
    pthread_t threads[MAX_CONNECTIONS];
    double begin = now_s();
    for (size_t i = 0; i < connections; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            die("thread");
    }
    for (size_t i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    report(now_s() - begin);
    return 0;
}
