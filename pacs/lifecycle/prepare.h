#pragma once

#include "pacs/index/index.h"
#include "pacs/retrieve/retrieve.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * What people will ask for of what has just arrived, made before they ask: frames in the transfer syntax that viewers like
 * best, thumbnails of series and studies. It is kept where everything converted is kept (transcode/service.h), and made in
 * the background there: who waits for something goes first.
 *
 * A thread of its own follows the feed of changes from its own start on. What it misses (the server was down, the feed
 * was cleared) is made when it is asked for.
 *
 * Errors: nobody waits for this, so what cannot be made is counted and passed over.
 */
typedef struct PacsPreparer PacsPreparer;

typedef struct PacsPrepareOptions {
    const char *transfer_syntax_uid; /* borrowed; NULL: no frames are prepared */
    uint64_t minimum_frame_bytes;    /* native; smaller frames are quick enough as they are */
    bool makes_thumbnails;           /* of series and studies that have become stable */
    uint32_t poll_ms;                /* 0: one second */
} PacsPrepareOptions;

/** Starts the thread. retrieve, index and metrics (may be NULL) are borrowed and outlive it. */
PACS_CHECKED PacsStatus pacs_preparer_new(const PacsPrepareOptions *options, PacsRetrieve *retrieve,
                                          PacsIndex *index, PacsMetrics *metrics, PacsPreparer **ret_preparer,
                                          PacsError *err);
/** Gives up what is being made and ends the thread. */
void pacs_preparer_free(PacsPreparer *preparer);
PACS_DEFINE_AUTO(PacsPreparer, pacs_preparer_free);
