#include "pacs/http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pacs/http/thread.h"
#include "pacs/util/log.h"
#include "pacs/util/socket.h"

#define MAX_SOCKETS 16
#define BACKLOG 1024          /* the kernel cuts it to somaxconn */
#define EXHAUSTED_PAUSE_MS 50 /* no descriptors left: wait for connections to end rather than spin */

struct PacsHttpListener {
    int fds[MAX_SOCKETS];
    size_t count;
    uint16_t port;
    int wake_fd;
    pthread_t thread;
    bool has_thread;
    PacsHttpAccepted accepted;
    void *context;
};

/* ---- Binding ---- */

static PacsStatus listen_at(PacsHttpListener *listener, const struct addrinfo *info, const char *name,
                            PacsError *err)
{
    int yes = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot listen at '%s': %s", name, strerror(errno));
    listener->fds[listener->count++] = fd;                            /* closed with the listener */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* else a restart waits for TIME_WAIT */
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes,
                         sizeof yes); /* "::" and "0.0.0.0" side by side */
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot listen at '%s' port %u: %s", name, listener->port,
                         strerror(errno));
    if (listener->port == 0)
        listener->port = pacs_socket_port(fd);
    return PACS_OK;
}

static PacsStatus listen_at_all_of(PacsHttpListener *listener, const char *name, PacsError *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    PacsStatus status = PACS_OK;

    int failed = getaddrinfo(name, NULL, &hints, &found);
    if (failed)
        return pacs_fail(err, PACS_INVALID, "'%s' is no address to listen at: %s", name,
                         gai_strerror(failed));
    for (const struct addrinfo *info = found; info && status == PACS_OK; info = info->ai_next) {
        if (listener->count == MAX_SOCKETS) {
            status = pacs_fail(err, PACS_INVALID, "more than %d addresses to listen at", MAX_SOCKETS);
            break;
        }
        /* The lookup left the port at 0; it may be known only since the socket before. */
        if (info->ai_family == AF_INET6)
            ((struct sockaddr_in6 *)info->ai_addr)->sin6_port = htons(listener->port);
        else
            ((struct sockaddr_in *)info->ai_addr)->sin_port = htons(listener->port);
        status = listen_at(listener, info, name, err);
    }
    freeaddrinfo(found);
    return status;
}

PacsStatus pacs_http_listener_open(const char *const *addresses, size_t address_count, uint16_t port,
                                   PacsHttpListener **ret_listener, PacsError *err)
{
    static const char *const loopback[] = {"127.0.0.1"};
    PACS_AUTO(PacsHttpListener) listener = calloc(1, sizeof *listener);
    PacsStatus status = PACS_OK;

    if (!listener)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to listen");
    listener->port = port;
    listener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener->wake_fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot listen: %s", strerror(errno));
    if (address_count == 0) {
        addresses = loopback;
        address_count = 1;
    }
    for (size_t i = 0; i < address_count && status == PACS_OK; i++)
        status = listen_at_all_of(listener, addresses[i], err);
    if (status != PACS_OK)
        return status;
    *ret_listener = PACS_STEAL(listener);
    return PACS_OK;
}

uint16_t pacs_http_listener_port(const PacsHttpListener *listener)
{
    return listener->port;
}

/* ---- Accepting ---- */

static void accept_all(PacsHttpListener *listener, int fd)
{
    for (;;) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int accepted = accept4(fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (accepted >= 0) {
            listener->accepted(listener->context, accepted, (struct sockaddr *)&address, size);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            PACS_LOG(PACS_LOG_WARNING, "http", "cannot-accept", PACS_F_TEXT("reason", strerror(errno)));
            (void)poll(NULL, 0, EXHAUSTED_PAUSE_MS);
            return;
        }
        if (errno == EAGAIN)
            return;
        /* Anything else is that one connection's trouble (ECONNABORTED, EINTR, the network's: accept(2)). */
    }
}

static void *accept_until_stopped(void *argument)
{
    PacsHttpListener *listener = argument;
    struct pollfd polled[MAX_SOCKETS + 1] = {{.fd = listener->wake_fd, .events = POLLIN}};

    for (size_t i = 0; i < listener->count; i++)
        polled[i + 1] = (struct pollfd){.fd = listener->fds[i], .events = POLLIN};
    for (;;) {
        int ready = poll(polled, (nfds_t)listener->count + 1, -1);

        if (ready > 0 && polled[0].revents)
            return NULL;
        for (size_t i = 0; ready > 0 && i < listener->count; i++)
            if (polled[i + 1].revents)
                accept_all(listener, listener->fds[i]);
    }
}

PacsStatus pacs_http_listener_start(PacsHttpListener *listener, PacsHttpAccepted accepted, void *context,
                                    PacsError *err)
{
    listener->accepted = accepted;
    listener->context = context;
    PacsStatus status = pacs_http_thread_start(&listener->thread, "http-accept", accept_until_stopped,
                                               listener, err);
    listener->has_thread = status == PACS_OK;
    return status;
}

void pacs_http_listener_stop(PacsHttpListener *listener)
{
    uint64_t one = 1;

    if (listener->has_thread) {
        (void)!write(listener->wake_fd, &one, sizeof one); /* an eventfd at 0 always takes a 1 */
        (void)pthread_join(listener->thread, NULL);
        listener->has_thread = false;
    }
    for (size_t i = 0; i < listener->count; i++)
        (void)close(listener->fds[i]); /* peers still in the backlog are reset: nobody will serve them */
    listener->count = 0;
}

void pacs_http_listener_free(PacsHttpListener *listener)
{
    if (!listener)
        return;
    pacs_http_listener_stop(listener);
    if (listener->wake_fd >= 0)
        (void)close(listener->wake_fd);
    free(listener);
}
