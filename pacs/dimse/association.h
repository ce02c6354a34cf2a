#pragma once

#include <stdint.h>

#include "pacs/dimse/drain.h"
#include "pacs/dimse/metrics.h"
#include "pacs/dimse/options.h"
#include "pacs/dimse/pdu.h"
#include "pacs/dimse/sink.h"
#include "pacs/dimse/transport.h"

/** What all associations of a server share. Borrowed by each of them. */
typedef struct PacsAssociationSetup {
    const PacsDimseOptions *options;
    PacsSink sink;
    PacsDimseMetrics metrics;
    PacsDrain *drain;
} PacsAssociationSetup;

/** Who has connected. */
typedef struct PacsAssociationPeer {
    uint64_t number;           /* of the association, for the log */
    const char *remote_ip;     /* numeric */
    const PacsReject *refusal; /* answer its request with this, whatever it says; NULL: negotiate */
} PacsAssociationPeer;

/** How an association ended, in the words of log and metrics: see pacs_association_result_name(). */
typedef enum PacsAssociationResult {
    PACS_ASSOCIATION_RELEASED,
    PACS_ASSOCIATION_REJECTED,
    PACS_ASSOCIATION_PEER_ABORTED, /* by A-ABORT */
    PACS_ASSOCIATION_PEER_LEFT,    /* the connection ended without a word */
    PACS_ASSOCIATION_PROTOCOL,     /* the peer broke the protocol, we aborted */
    PACS_ASSOCIATION_TIMED_OUT,
    PACS_ASSOCIATION_STOPPED, /* the server is stopping */
    PACS_ASSOCIATION_FAILED,  /* no memory */
} PacsAssociationResult;

const char *pacs_association_result_name(PacsAssociationResult result);

/**
 * Serve one association as its acceptor, from the connection's first byte to its last: negotiate, answer
 * messages, release or abort; counts and logs.
 *
 * States of PS3.8 9.2: 2 until the request has come; 3 takes no time, our answer being a function of the
 * request; 6 while messages are served; 8 takes no time either, a release is confirmed at once; 13 until the
 * peer has hung up. 5, 7 and 9 to 12 belong to the requestor of an association or of a release: we never ask
 * for a release, so a collision of two cannot happen (a stop aborts, as peers expect of it).
 *
 * Threads: any, one per association; blocks until the association has ended.
 */
PacsAssociationResult pacs_association_serve(const PacsAssociationSetup *setup, PacsTransport *transport,
                                             const PacsAssociationPeer *peer);
