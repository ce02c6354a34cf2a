#pragma once

#include "pacs/dimse/association.h"
#include "pacs/util/buffer.h"

/**
 * A peer that says what the script has, whatever it hears, and a sink that keeps what it is given: an
 * association without sockets, threads or clocks.
 */
typedef struct Script {
    PacsTransport transport; /* first */
    PacsBuffer said;         /* by the peer */
    size_t cut;              /* no read gives more bytes than this; 0: as many as asked */
    PacsReadResult end;      /* after the last byte: CLOSED, or TIMED_OUT (a peer that keeps still) */
    bool deaf;               /* writes fail */
    PacsDrain *drain_at_end; /* begin it when the script runs out, before the end; NULL: no */
    size_t at;
    PacsBuffer heard; /* by the peer */
    size_t writes;    /* calls it took */
} Script;

void script_init(Script *script);
void script_clear(Script *script);

typedef struct FakeSink {
    PacsBuffer stored; /* the data sets, one after the other */
    unsigned begun, finished, taken_back;
    char class_uid[65], instance_uid[65], syntax_uid[65], calling_aet[17];
    char traceparent[56]; /* of the last upload */
    /* What shall fail; PACS_OK for nothing. */
    PacsStatus admit_status, begin_status, feed_status, finish_status;
    const char *text; /* of the failure */
    unsigned rooms;   /* asked for */
    bool is_roomy;    /* none is refused */
    size_t filled;    /* bytes put into them */
    uint8_t room[20000];
} FakeSink;

void fake_sink_init(FakeSink *sink);
void fake_sink_clear(FakeSink *sink);
PacsSink fake_sink_ops(FakeSink *sink);
