#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Watches the sockets of all connections for what libmicrohttpd does not notice: a header or a body that
 * drips in, a reader that drips out, and a peer that has gone while its connection is suspended. It acts on
 * the socket only (shutdown), so that the daemon that owns the connection finds out by itself and stays the
 * only one to close it.
 *
 * Threads: one of its own. Entry calls come from the daemon that owns the connection; setting a deadline is
 * an atomic store. An entry is valid from add to remove. Owner:   the watch owns the entries. Sockets are
 * borrowed, except those given to linger.
 */
typedef struct PacsHttpWatch PacsHttpWatch;

typedef enum PacsHttpPhase {
    PACS_HTTP_PHASE_IDLE,   /* between requests: closed without a word when late, and when the server stops */
    PACS_HTTP_PHASE_HEADER, /* 408 when late */
    PACS_HTTP_PHASE_BODY,   /* 408 when late */
    PACS_HTTP_PHASE_WORKING, /* it is our turn: no deadline */
    PACS_HTTP_PHASE_SENDING, /* renewed as long as the peer acknowledges enough */
    PACS_HTTP_PHASE_CUT,     /* the watch has shut the socket down: no other phase follows */
} PacsHttpPhase;

typedef struct PacsHttpWatched {
    int fd;
    uint32_t index; /* in the watch */
    uint32_t generation;
    _Atomic int phase;
    _Atomic uint64_t deadline_ns;
    uint64_t acknowledged; /* bytes, when SENDING was last looked at */
    atomic_bool gone;      /* the peer has closed its side, or the server cuts it off */
} PacsHttpWatched;

typedef struct PacsHttpWatchOptions {
    size_t max_connections;
    uint32_t keep_alive_ms;
    uint32_t header_ms;
    uint32_t transfer_ms;
    void (*tick)(void *context); /* on the watch's thread, some times a second; NULL: nothing */
    void *context;
} PacsHttpWatchOptions;

/** Per transfer_ms: 550 bytes/s at 30 s, what no working line stays under. */
#define PACS_HTTP_PROGRESS_BYTES (16u << 10)

PACS_CHECKED PacsStatus pacs_http_watch_new(const PacsHttpWatchOptions *options, PacsHttpWatch **ret_watch,
                                            PacsError *err);
void pacs_http_watch_free(PacsHttpWatch *watch); /* entries are gone by then */
PACS_DEFINE_AUTO(PacsHttpWatch, pacs_http_watch_free);

/** NULL when max_connections are watched. Starts as IDLE, but with the deadline of a header. */
PacsHttpWatched *pacs_http_watch_add(PacsHttpWatch *watch, int fd);
/** Before the socket is closed. linger: a copy of it is kept for a moment and read empty, so that an answer
 * that was sent while the peer was still sending is not lost to a reset. */
void pacs_http_watch_remove(PacsHttpWatch *watch, PacsHttpWatched *watched, bool linger);

/** A new phase, and its deadline counts from now. False: the connection is CUT, and must not be
 * written to. */
bool pacs_http_watch_phase(PacsHttpWatch *watch, PacsHttpWatched *watched, PacsHttpPhase phase);

/** A peer that is being sent to has this long left, unless it takes what it is sent. */
void pacs_http_watch_hurry(PacsHttpWatch *watch, PacsHttpWatched *watched, uint32_t ms);

size_t pacs_http_watch_count(PacsHttpWatch *watch);
/** From now on idle connections are closed at once, and so are those that become idle. */
void pacs_http_watch_close_idle(PacsHttpWatch *watch);
/** Cut off every connection, whatever it is doing. */
void pacs_http_watch_cut_all(PacsHttpWatch *watch);
