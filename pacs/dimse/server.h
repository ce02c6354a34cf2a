#pragma once

#include <stdint.h>

#include "pacs/dimse/options.h"
#include "pacs/ingest/ingest.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * The DICOM door: listens, accepts associations, answers C-ECHO and C-STORE.
 *
 * Life:    open (listens at once), then drain, then close. close alone is allowed and drops everybody.
 * Threads: the server's own: one accepts, one serves each association. The functions below from one thread,
 *          pacs_dimse_port() and pacs_dimse_active() from any.
 * Memory:  about 300 kB an association while it lasts, and the 512 KiB buffer of the store while it stores.
 * Source:  PS3.8 (upper layer), PS3.7 (DIMSE), PS3.4 A (verification) and B (storage).
 */
typedef struct PacsDimseServer PacsDimseServer;

/**
 * Owner:  options are copied, what they point at is borrowed, as are ingest and metrics (may be NULL); all of
 *         it outlives the server.
 * Errors: PACS_INVALID (an option out of range, an AE title nobody can call), PACS_UNAVAILABLE (address in
 * use or not ours), PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus pacs_dimse_open(const PacsDimseOptions *options, PacsIngest *ingest,
                                        PacsMetrics *metrics, PacsDimseServer **ret_server, PacsError *err);

/** The port we listen on, which is the operating system's choice where the options said 0. */
uint16_t pacs_dimse_port(const PacsDimseServer *server);

/** Associations open at this moment. */
uint32_t pacs_dimse_active(PacsDimseServer *server);

/**
 * Let go of the peers in good order. From now on new associations are rejected (transient, temporary
 * congestion), idle ones are aborted at once, and one in the middle of an operation may finish it, with its
 * answer, within `grace_ms`; then it is aborted too. Returns when all have ended. Safe to call twice.
 */
void pacs_dimse_drain(PacsDimseServer *server, uint32_t grace_ms);

/** Stops listening, drops who is left, joins the threads, frees. Accepts NULL. */
void pacs_dimse_close(PacsDimseServer *server);
PACS_DEFINE_AUTO(PacsDimseServer, pacs_dimse_close);
