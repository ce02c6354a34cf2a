#include "pacs/dimse/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/limits.h"

/* What is read behind a fragment that goes elsewhere: the headers of the next, and little that would have to be copied. */
#define BEHIND_BYTES 64
/* What is read behind a header: the rest of a command and the header of its data set, for the same reason. */
#define AHEAD_BYTES 512

PacsStatus pacs_connection_init(PacsConnection *connection, PacsTransport *transport, PacsDrain *drain,
                                PacsError *err)
{
    *connection = (PacsConnection){.transport = transport, .drain = drain, .deadline_ns = UINT64_MAX};
    connection->buffer = malloc(PACS_DIMSE_READ_BUFFER);
    if (!connection->buffer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an association");
    return PACS_OK;
}

void pacs_connection_clear(PacsConnection *connection)
{
    free(connection->buffer);
    connection->buffer = NULL;
}

void pacs_connection_set_timeout(PacsConnection *connection, uint32_t timeout_ms)
{
    connection->deadline_ns = pacs_monotonic_ns() + timeout_ms * UINT64_C(1000000);
}

bool pacs_connection_draining(const PacsConnection *connection)
{
    return atomic_load_explicit(&connection->drain->deadline_ns, memory_order_relaxed) != 0;
}

static void make_room(PacsConnection *connection)
{
    size_t available = pacs_connection_available(connection);

    /* Only headers are ever left over, so this moves a handful of bytes. */
    if (connection->start && available)
        memmove(connection->buffer, connection->buffer + connection->start, available);
    connection->start = 0;
    connection->end = available;
}

static PacsReadResult read_once(PacsConnection *connection, const struct iovec parts[2],
                                uint64_t drain_deadline_ns, size_t *ret_size)
{
    uint64_t deadline_ns = connection->deadline_ns;
    int wake_fd = connection->drain->wake_fd;

    if (drain_deadline_ns) {
        wake_fd = -1; /* readable for good by now */
        deadline_ns = drain_deadline_ns < deadline_ns ? drain_deadline_ns : deadline_ns;
    }
    /* A peer that never lets us wait must not outlast its deadline either. */
    if (deadline_ns != UINT64_MAX && pacs_monotonic_ns() >= deadline_ns)
        return PACS_READ_TIMED_OUT;
    PacsTransport *transport = connection->transport;
    return transport->ops->read(transport, parts, deadline_ns, wake_fd, ret_size);
}

/* Into the first part, and when it is full into the second. */
static PacsReadResult read_parts(PacsConnection *connection, const struct iovec parts[2], size_t *ret_size)
{
    PacsReadResult result;

    do {
        uint64_t drain_ns = atomic_load(&connection->drain->deadline_ns);
        if (drain_ns && connection->interruptible)
            return PACS_READ_WOKEN;
        result = read_once(connection, parts, drain_ns, ret_size);
        if (result == PACS_READ_TIMED_OUT && drain_ns && drain_ns <= connection->deadline_ns)
            return PACS_READ_WOKEN;
    } while (result == PACS_READ_WOKEN); /* the drain has just begun: look again at what it allows */
    return result;
}

PacsReadResult pacs_connection_read(PacsConnection *connection, uint8_t *bytes, size_t size, size_t *ret_size)
{
    const struct iovec parts[2] = {{bytes, size}, {connection->buffer, BEHIND_BYTES}};
    size_t got = 0;

    assert(pacs_connection_available(connection) == 0);
    connection->start = connection->end = 0;
    PacsReadResult result = read_parts(connection, parts, &got);
    if (result == PACS_READ_BYTES) {
        *ret_size = got < size ? got : size;
        connection->end = got - *ret_size;
    }
    return result;
}

static PacsReadResult fill(PacsConnection *connection, size_t size, size_t most)
{
    make_room(connection);
    while (pacs_connection_available(connection) < size) {
        const struct iovec parts[2] = {{connection->buffer + connection->end, most - connection->end}};
        size_t got = 0;
        PacsReadResult result = read_parts(connection, parts, &got);
        if (result != PACS_READ_BYTES)
            return result;
        connection->end += got;
    }
    return PACS_READ_BYTES;
}

PacsReadResult pacs_connection_need(PacsConnection *connection, size_t size)
{
    assert(size <= 4096);
    return pacs_connection_available(connection) >= size ? PACS_READ_BYTES
                                                         : fill(connection, size, size + AHEAD_BYTES);
}

PacsReadResult pacs_connection_need_any(PacsConnection *connection, size_t most)
{
    if (pacs_connection_available(connection) > 0)
        return PACS_READ_BYTES;
    return fill(connection, 1,
                most < PACS_DIMSE_READ_BUFFER - AHEAD_BYTES ? most + AHEAD_BYTES : PACS_DIMSE_READ_BUFFER);
}
