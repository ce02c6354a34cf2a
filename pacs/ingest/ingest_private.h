#pragma once

#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>

#include "pacs/ingest/ingest.h"
#include "pacs/util/clock.h"

/**
 * What uploads of one ingest share. An upload's working memory (the scan and the compressor, about half a
 * megabyte) is a kit that goes back to a short list, since an association stores thousands of objects.
 */

#define INGEST_IDLE_KITS 64 /* as many as associations are usual at once; the rest is freed */

typedef struct UploadKit {
    struct UploadKit *next;
    PacsScan *scan;
    struct libdeflate_compressor *compressor;
    PacsBuffer packed_json;
    /* A scan is made with its callback: this is where the callback finds the upload of the moment. */
    PacsUpload *upload;
} UploadKit;

/** The sweep of everything, see sweep_full.c. Of the one thread that calls pacs_ingest_sweep_step(). */
typedef struct FullSweep {
    bool loaded;
    bool under_way;
    PacsKey next; /* to be looked at */
    int64_t begun_ms;
    int64_t saved_ms;
    char boot_id[PACS_BOOT_ID_SIZE]; /* of the machine's run in which it began */
} FullSweep;

struct PacsIngest {
    PacsIngestOptions options;
    PacsStore *store;
    PacsIndex *index;
    TranscodeService *transcode; /* NULL: nothing is made of objects */
    atomic_bool is_closed;       /* backlog.c: nothing new is taken in */

    pthread_mutex_t lock; /* guards what follows */
    UploadKit *idle_kits;
    size_t idle_kit_count;
    PacsUpload *open_uploads; /* doubly linked: the sweep's mark may not pass the oldest of them */
    PacsKey newest_key;       /* of any upload that ever began */
    bool has_newest_key;
    PacsKey settled_key; /* the next mark: see sweep.c */
    bool has_settled_key;

    FullSweep full_sweep;

    PacsMetricFamily *received; /* imaging_instances_received_total{sop_class,transfer_syntax,result} */
    PacsMetric *received_bytes; /* imaging_ingest_bytes_total */
    PacsMetric *collisions;     /* imaging_uid_collisions_total */
    PacsMetric *unconverted;    /* imaging_ingest_unconverted_total */
    PacsMetric *swept;          /* imaging_swept_objects_total */
    PacsMetric *closed;         /* imaging_ingest_backpressure */
};

/* upload_kit.c */
PACS_CHECKED PacsStatus upload_kit_acquire(PacsIngest *ingest, PacsUpload *upload, UploadKit **ret_kit,
                                           PacsError *err);
void upload_kit_release(PacsIngest *ingest, UploadKit *kit);
void upload_kits_free(PacsIngest *ingest);
/** The scan's JSON as raw deflate, in kit->packed_json. */
PACS_CHECKED PacsStatus upload_kit_pack_json(UploadKit *kit, const PacsBuffer *json, PacsError *err);

/* sweep.c */

/** Where the next sweep at start begins; PACS_NOT_FOUND: nowhere yet. */
PACS_CHECKED PacsStatus sweep_read_mark(PacsIngest *ingest, PacsKey *ret_mark, PacsError *err);
/** Remove the object unless a row names it. */
PACS_CHECKED PacsStatus sweep_one(PacsIngest *ingest, const PacsKey *key, bool *ret_removed, PacsError *err);

/* upload.c: called by the scan with the inflated bytes of a deflated data set */
PacsStatus upload_take_inflated(void *context, const void *bytes, size_t size, PacsError *err);
/** The key of the oldest upload still open, if any. Call with ingest->lock held. */
const PacsKey *upload_oldest_key(const PacsIngest *ingest);
