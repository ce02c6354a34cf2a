/*
 * POST files to an archive over a few keep-alive connections, as fast as it answers.
 *
 *     http_post PORT CONNECTIONS < list of paths, one a line
 *
 * Files are dealt out one after the other to whichever connection is free. Prints one line of JSON: seconds
 * from the first connect to the last answer, how many answers were 200, and the slowest answer. sendfile
 * keeps this side's share of the processor small, so that the archive is what is measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES 100000
#define MAX_CONNECTIONS 256
#define MAX_ANSWER 65536 /* answers are small JSON; a longer one is a fault */

static char *paths[MAX_FILES];
static size_t path_count;
static atomic_size_t next_path;
static atomic_size_t stored;
static uint16_t port;
static double slowest[MAX_CONNECTIONS];

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "http_post: %s: %s\n", what, strerror(errno));
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

static void send_file(int fd, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0)
        die(path);
    char head[256];
    int length = snprintf(head, sizeof head,
                          "POST /instances HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/dicom\r\n"
                          "Content-Length: %lld\r\n\r\n",
                          (long long)status.st_size);
    if (send(fd, head, (size_t)length, MSG_MORE | MSG_NOSIGNAL) != length)
        die("send");
    for (off_t left = status.st_size; left > 0;) {
        ssize_t sent = sendfile(fd, file, NULL, (size_t)left);
        if (sent <= 0)
            die("sendfile");
        left -= sent;
    }
    close(file);
}

/* Reads one whole answer; true if its status is 200. */
static bool read_answer(int fd)
{
    char answer[MAX_ANSWER + 1];
    size_t have = 0, wanted = SIZE_MAX;
    while (have < wanted) {
        ssize_t got = recv(fd, answer + have, MAX_ANSWER - have, 0);
        if (got <= 0)
            die("the archive closed the connection");
        have += (size_t)got;
        answer[have] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        if (wanted == SIZE_MAX && end) {
            const char *length = strcasestr(answer, "content-length:");
            wanted = (size_t)(end + 4 - answer) + (length ? strtoul(length + 15, NULL, 10) : 0);
        }
    }
    return strncmp(answer, "HTTP/1.1 200", 12) == 0;
}

static void *run(void *argument)
{
    double *worst = argument;
    int fd = connect_loopback();
    for (size_t index; (index = atomic_fetch_add(&next_path, 1)) < path_count;) {
        double begin = now_s();
        send_file(fd, paths[index]);
        if (read_answer(fd))
            atomic_fetch_add(&stored, 1);
        double took = now_s() - begin;
        if (took > *worst)
            *worst = took;
    }
    close(fd);
    return NULL;
}

static void read_paths(void)
{
    char line[4096];
    while (path_count < MAX_FILES && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        paths[path_count] = strdup(line);
        if (!paths[path_count++])
            die("memory");
    }
}

int main(int argc, char **argv)
{
    size_t connections = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (connections < 1 || connections > MAX_CONNECTIONS) {
        fprintf(stderr, "usage: http_post PORT CONNECTIONS < paths\n");
        return 2;
    }
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    read_paths();
    pthread_t threads[MAX_CONNECTIONS];
    double begin = now_s(), worst = 0;
    for (size_t i = 0; i < connections; i++) {
        if (pthread_create(&threads[i], NULL, run, &slowest[i]) != 0)
            die("thread");
    }
    for (size_t i = 0; i < connections; i++) {
        pthread_join(threads[i], NULL);
        worst = slowest[i] > worst ? slowest[i] : worst;
    }
    printf("{\"seconds\": %.6f, \"stored\": %zu, \"slowest_s\": %.6f}\n", now_s() - begin,
           atomic_load(&stored), worst);
    return 0;
}
