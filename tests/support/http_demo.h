#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/http/http.h"

/**
 * A door for the tests of pacs/http: routes of every kind, and a gate that holds handlers until a test opens
 * it. One Demo a test; the mount's context.
 */
typedef struct Demo {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;      /* the gate */
    int inside;        /* handlers waiting at the gate, or past it and not returned */
    bool saw_cancel;   /* the handler at the gate was told that the client has gone */
    bool feeds_wait;   /* the upload reader's feed waits at the gate */
    bool refuses;      /* the upload reader refuses in begin */
    uint64_t fails_at; /* its feed, or opening a piece, fails from this byte on; 0: never */
    int begun, finished, aborted, feeds;
    uint64_t fed;
    uint64_t checksum; /* of what was fed, order counts */
    uint32_t wanted_code;
} Demo;

void demo_init(Demo *demo);
void demo_clear(Demo *demo);
void demo_open_gate(Demo *demo);
/** Wait until `count` handlers are inside, or uploads aborted: conditions, not times. */
void demo_await_inside(Demo *demo, int count);
void demo_await_aborted(Demo *demo, int count);
void demo_await_fed(Demo *demo, uint64_t bytes);
PacsHttpMount demo_mount(Demo *demo);
/** A second door, under /other, that renders errors as plain text: "other 404". */
PacsHttpMount demo_other_mount(Demo *demo);
uint64_t demo_checksum(uint64_t checksum, const uint8_t *bytes, size_t size);
/** The byte at this position of the demo's files and streams. */
uint8_t demo_byte(uint64_t position);
