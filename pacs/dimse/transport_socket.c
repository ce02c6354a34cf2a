#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pacs/dimse/transport.h"
#include "pacs/util/clock.h"

typedef struct SocketTransport {
    PacsTransport base; /* first: what everyone else holds */
    int fd;
} SocketTransport;

void pacs_transport_free(PacsTransport *transport)
{
    if (transport)
        transport->ops->free(transport);
}

/* Delayed acknowledgements cost a sender with Nagle's algorithm (every stock DCMTK tool) 40 ms a message, as
 * its last segment waits for them. The kernel falls back to delaying by itself, so this is said after every
 * read that left nothing to be read (DESIGN.md section 3): an acknowledgement costs as much as a read. It fails on other
 * than TCP sockets (tests), where there is nothing to hurry. */
static void acknowledge_now(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
}

static int timeout_until(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX)
        return -1;
    uint64_t now = pacs_monotonic_ns();
    if (now >= deadline_ns)
        return 0;
    uint64_t ms = (deadline_ns - now) / 1000000 + 1; /* rounded up: never spins on the last fraction */
    return ms > 3600000 ? 3600000 : (int)ms;         /* woken hourly if a deadline is that far */
}

/* 1: ready; 0: deadline passed; -1: woken. Errors count as ready: the next call on the socket tells them. */
static int wait_for(int fd, short events, uint64_t deadline_ns, int wake_fd)
{
    struct pollfd polled[2] = {{.fd = fd, .events = events}, {.fd = wake_fd, .events = POLLIN}};

    for (;;) {
        int timeout = timeout_until(deadline_ns);
        int count = poll(polled, 2, timeout); /* negative descriptors are passed over */
        if (count > 0)
            return polled[0].revents ? 1 : -1;
        if (count == 0 && timeout == 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return 1;
    }
}

static PacsReadResult socket_read(PacsTransport *self, const struct iovec parts[2], uint64_t deadline_ns,
                                  int wake_fd, size_t *ret_size)
{
    int fd = ((SocketTransport *)self)->fd;

    for (;;) {
        ssize_t got = readv(fd, parts, 2);
        if (got > 0) {
            if ((size_t)got < parts[0].iov_len + parts[1].iov_len)
                acknowledge_now(fd);
            *ret_size = (size_t)got;
            return PACS_READ_BYTES;
        }
        if (got == 0)
            return PACS_READ_CLOSED;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return PACS_READ_CLOSED;
        int ready = wait_for(fd, POLLIN, deadline_ns, wake_fd);
        if (ready <= 0)
            return ready == 0 ? PACS_READ_TIMED_OUT : PACS_READ_WOKEN;
    }
}

static bool socket_write(PacsTransport *self, const void *bytes, size_t size, uint64_t deadline_ns)
{
    int fd = ((SocketTransport *)self)->fd;
    const uint8_t *at = bytes;

    while (size) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (wait_for(fd, POLLOUT, deadline_ns, -1) == 0)
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void socket_free(PacsTransport *self)
{
    (void)close(((SocketTransport *)self)->fd); /* nothing is buffered on our side */
    free(self);
}

static const PacsTransportOps socket_ops = {.read = socket_read, .write = socket_write, .free = socket_free};

PacsStatus pacs_transport_socket(int fd, PacsTransport **ret_transport, PacsError *err)
{
    PACS_AUTO_CLOSE int owned = fd;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot set up a connection: %s", strerror(errno));
    SocketTransport *transport = malloc(sizeof *transport);
    if (!transport)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a connection");

    /* Each answer is one write and must not wait for company. Not TCP in tests, see above. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    acknowledge_now(fd);
    /* Where associations may idle for ever, a peer that vanished without a word is found out in
     * some hours. */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    *transport = (SocketTransport){.base.ops = &socket_ops, .fd = fd};
    owned = -1;
    *ret_transport = &transport->base;
    return PACS_OK;
}
