#pragma once

#include "events/relay/settings.h"
#include "pacs/dicom/part10.h"
#include "pacs/dicom/scan.h"
#include "pacs/index/index_write.h"
#include "pacs/store/store.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"
#include "transcode/service.h"

/**
 * The one way in. Every object that arrives, by whichever door, is pushed through an upload, piece by piece
 * as its bytes come: into the store, the scan and the digest at once. Finishing it is the promise of
 * DESIGN.md: bytes durable, then rows and event committed in one transaction, then PACS_OK.
 *
 * Threads: uploads are independent; one upload from one thread at a time. Calls may block on the disk.
 * Errors:  PACS_INVALID (not DICOM, malformed, UIDs missing), PACS_MISMATCH (the data set contradicts the
 *          announcement), PACS_UNSUPPORTED (transfer syntax), PACS_REFUSED (read-only), PACS_TOO_LARGE,
 *          PACS_NO_SPACE, PACS_UNAVAILABLE. A failed upload left nothing behind: nothing stored, nothing
 * indexed. A failure is sticky; the door may go on feeding (to drain its peer) and gets the same failure.
 */
typedef struct PacsIngest PacsIngest;
typedef struct PacsUpload PacsUpload;

typedef struct PacsIngestOptions {
    PacsOverwrite overwrite;
    bool read_only;
    const PacsTag *extra_tags[4]; /* indexed by PacsLevel; borrowed for the ingest's life */
    size_t extra_tag_count[4];

    /** IngestTranscoding: what comes in other transfer syntaxes is stored in this one, as far as it can be without loss.
     *  NULL: everything is stored as it comes. Borrowed. */
    const char *transcode_to;
    bool transcodes_uncompressed; /* what comes uncompressed */
    bool transcodes_compressed;

    /** Events that may wait to be sent, and how long, before nothing new is taken in. 0: no limit. */
    uint64_t max_outbox_rows;
    uint64_t max_outbox_age_s;
    const EventsLaneRule *lanes; /* which lane a study's events go by; borrowed for the ingest's life */
    size_t lane_count;
} PacsIngestOptions;

/** store, index and metrics (may be NULL) are borrowed and outlive the ingest. */
PACS_CHECKED PacsStatus pacs_ingest_new(const PacsIngestOptions *options, PacsStore *store, PacsIndex *index,
                                        PacsMetrics *metrics, PacsIngest **ret_ingest, PacsError *err);
/** No upload may be open. */
void pacs_ingest_free(PacsIngest *ingest);
PACS_DEFINE_AUTO(PacsIngest, pacs_ingest_free);

/** Who keeps what is made of objects, and forgets it with them; borrowed, outlives it. Before the first use. */
void pacs_ingest_set_transcode(PacsIngest *ingest, TranscodeService *transcode);

/**
 * Whether new work is taken in: PACS_UNAVAILABLE while more events wait, or wait longer, than they may. Doors ask where
 * somebody comes in, before he sends (an association, a request); what he has begun goes on.
 */
PACS_CHECKED PacsStatus pacs_ingest_admit(PacsIngest *ingest, PacsError *err);
/** Look at the backlog again: what pacs_ingest_admit() goes by. Now and then, from one thread. */
PACS_CHECKED PacsStatus pacs_ingest_watch_backlog(PacsIngest *ingest, int64_t now_ms,
                                                  PacsOutboxDepth *ret_depth, PacsError *err);

/** What is known before the first byte. Everything is copied. */
typedef struct PacsUploadRequest {
    const PacsOrigin *origin;
    /** From the network's command: a Part 10 header is put in front, and the data set must carry these UIDs.
     *  NULL where the bytes are a file already. */
    const PacsFileMeta *announced;
    const char *expected_study_uid; /* STOW to one study: another one is PACS_MISMATCH. NULL for any. */
    uint64_t size_hint;             /* bytes, 0 if unknown */
    const char *traceparent;        /* of the work that brings it (pacs/util/trace.h); NULL: of none */
} PacsUploadRequest;

typedef struct PacsIngested {
    PacsIndexAdded added;
    uint64_t size_bytes; /* of the stored object */
    char sop_class_uid[65];
    char sop_instance_uid[65];
    char study_instance_uid[65];
    char series_instance_uid[65];
    char transfer_syntax_uid[65];
} PacsIngested;

PACS_CHECKED PacsStatus pacs_ingest_begin(PacsIngest *ingest, const PacsUploadRequest *request,
                                          PacsUpload **ret_upload, PacsError *err);
PACS_CHECKED PacsStatus pacs_upload_feed(PacsUpload *upload, const void *bytes, size_t size, PacsError *err);
/**
 * Where the next bytes may be put instead of being fed, so that they need not be copied: *ret_size of them at
 * *ret_room, valid until the next call on this upload; then say how many there are. *ret_size 0: feed them.
 */
PACS_CHECKED PacsStatus pacs_upload_room(PacsUpload *upload, uint8_t **ret_room, size_t *ret_size,
                                         PacsError *err);
PACS_CHECKED PacsStatus pacs_upload_filled(PacsUpload *upload, size_t size, PacsError *err);
/** As feed, of `size` bytes in a block (pacs/util/blocks.h). *Takes* it and sets it NULL where that saves a copy. */
PACS_CHECKED PacsStatus pacs_upload_feed_block(PacsUpload *upload, uint8_t **block, size_t size,
                                               PacsError *err);
PACS_CHECKED PacsStatus pacs_upload_finish(PacsUpload *upload, PacsIngested *ret_ingested, PacsError *err);
/** What the object calls itself, as far as it has come; also after a failure. Borrowed from the upload. */
PacsScanNames pacs_upload_names(const PacsUpload *upload);
/** Without a successful finish before it, takes everything back. */
void pacs_upload_free(PacsUpload *upload);
PACS_DEFINE_AUTO(PacsUpload, pacs_upload_free);

/**
 * Delete a resource and everything below it: rows and event in one transaction, then the bytes. Bytes that
 * cannot be removed now stay on the garbage list for pacs/lifecycle.
 *
 * Errors: PACS_NOT_FOUND, PACS_REFUSED (read-only), PACS_UNAVAILABLE.
 */
PACS_CHECKED PacsStatus pacs_ingest_delete(PacsIngest *ingest, PacsLevel level, const char *id,
                                           PacsRemaining *ret_remaining, PacsError *err);
/** Remove the bytes of up to `max` objects whose rows are gone; *ret_left is true if more may wait. */
PACS_CHECKED PacsStatus pacs_ingest_collect_garbage(PacsIngest *ingest, size_t max, bool *ret_left,
                                                    PacsError *err);
/** Remove objects that no row names: what a crash between store and index left. At start, before any door
 *  opens. Errors: PACS_UNSUPPORTED (a new index over a store that holds objects: nothing is removed). */
PACS_CHECKED PacsStatus pacs_ingest_sweep(PacsIngest *ingest, uint64_t *ret_removed, PacsError *err);
/** Move the mark from which the next sweep looks, past everything that is settled. Now and then. */
PACS_CHECKED PacsStatus pacs_ingest_settle(PacsIngest *ingest, PacsError *err);
/** Look at up to `max` of all settled objects for those that a power loss brought back, if it is time for that:
 *  after each start of the machine and every week. Beside other work, always from the same thread. */
PACS_CHECKED PacsStatus pacs_ingest_sweep_step(PacsIngest *ingest, size_t max, PacsError *err);
