#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A peer's byte stream: a TCP socket, later TLS over one, in tests a script.
 *
 * Threads: one at a time.
 * Times:   deadlines of pacs_monotonic_ns(); UINT64_MAX for none. An attempt is made even if one has passed.
 */
typedef struct PacsTransport PacsTransport;

typedef enum PacsReadResult {
    PACS_READ_BYTES,
    PACS_READ_CLOSED, /* by the peer, in order or not: to an association both are the end */
    PACS_READ_TIMED_OUT,
    PACS_READ_WOKEN, /* wake_fd became readable */
} PacsReadResult;

typedef struct PacsTransportOps {
    /** What is there, as much as the two parts hold, the first one first; waits for the first byte. wake_fd -1: none.
     *  *ret_size is set with BYTES. */
    PacsReadResult (*read)(PacsTransport *self, const struct iovec parts[2], uint64_t deadline_ns,
                           int wake_fd, size_t *ret_size);
    /** All of it, or false: the peer is gone or takes nothing. */
    bool (*write)(PacsTransport *self, const void *bytes, size_t size, uint64_t deadline_ns);
    /** Closes, and frees self. */
    void (*free)(PacsTransport *self);
} PacsTransportOps;

struct PacsTransport {
    const PacsTransportOps *ops;
};

void pacs_transport_free(PacsTransport *transport);
PACS_DEFINE_AUTO(PacsTransport, pacs_transport_free);

/** A connected stream socket. *Takes* fd (closed on free and on failure). */
PACS_CHECKED PacsStatus pacs_transport_socket(int fd, PacsTransport **ret_transport, PacsError *err);
