#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dimse/drain.h"
#include "pacs/dimse/transport.h"

/**
 * An association's reading side: one buffer that the transport reads into and that PDUs are taken from in
 * place, under a deadline, and interrupted by a drain.
 *
 * Owner:   init/clear the buffer; transport and drain are borrowed.
 * Threads: one.
 */
typedef struct PacsConnection {
    PacsTransport *transport;
    PacsDrain *drain;
    uint8_t *buffer;
    size_t start, end;    /* of what has arrived and was not taken yet */
    uint64_t deadline_ns; /* for the reads to come */
    bool interruptible;   /* a drain ends waiting at once; otherwise at its own deadline */
} PacsConnection;

PACS_CHECKED PacsStatus pacs_connection_init(PacsConnection *connection, PacsTransport *transport,
                                             PacsDrain *drain, PacsError *err);
void pacs_connection_clear(PacsConnection *connection);

/** A deadline that many milliseconds from now. */
void pacs_connection_set_timeout(PacsConnection *connection, uint32_t timeout_ms);

/** True once the server has begun to stop. */
bool pacs_connection_draining(const PacsConnection *connection);

/**
 * Wait until `size` bytes (at most 4,096) stand at buffer + start. Little more is read: what follows a header is
 * better read to where it is to stay.
 * PACS_READ_WOKEN: a drain says that it is time to go.
 */
PacsReadResult pacs_connection_need(PacsConnection *connection, size_t size);
/** Wait until something stands there: `most` bytes if they have come, and again little more. */
PacsReadResult pacs_connection_need_any(PacsConnection *connection, size_t most);

/**
 * Wait for bytes that are to stand at `bytes` instead: up to `size` of them, straight from the transport. The
 * buffer is empty; a little of what comes behind them may stand in it afterwards.
 */
PacsReadResult pacs_connection_read(PacsConnection *connection, uint8_t *bytes, size_t size,
                                    size_t *ret_size);

/** Bytes at buffer + start, at least one. */
static inline size_t pacs_connection_available(const PacsConnection *connection)
{
    return connection->end - connection->start;
}
