#pragma once

#include "pacs/store/store.h"

/**
 * What a back end of the object store fills in. Only files of this room (and a test's wrapper store) include
 * it; everybody else calls the functions of store.h, which check, count and time before they come here.
 */

typedef enum PacsStoreOp {
    PACS_STORE_OP_PUT, /* create, writes and commit of one object: the time spent in the store, not the peer's
                        */
    PACS_STORE_OP_OPEN,
    PACS_STORE_OP_SIZE,
    PACS_STORE_OP_REMOVE,
    PACS_STORE_OP_LIST,
    PACS_STORE_OP_COUNT,
} PacsStoreOp;

typedef PacsStatus PacsStoreVisit(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err);

/* Slots get keys that are not all zero and ret_ pointers that are not NULL. */
typedef struct PacsStoreOps {
    const char *name; /* "fs", "memory": for logs, metrics and /system */

    /** A writer whose base.key is set; the front fills the rest of the base. Required. */
    PacsStatus (*create)(PacsStore *self, uint64_t size_hint, PacsStoreWriter **ret_writer, PacsError *err);
    /** All of `size` (at least 1) bytes. Not called again after it failed, nor after commit. Required. */
    PacsStatus (*write)(PacsStoreWriter *writer, const void *bytes, size_t size, PacsError *err);
    /** As store.h has it, after what was written so far. NULL, both: there is no room. */
    PacsStatus (*room)(PacsStoreWriter *writer, uint8_t **ret_room, size_t *ret_size, PacsError *err);
    PacsStatus (*filled)(PacsStoreWriter *writer, size_t size, PacsError *err);
    /** As store.h has it. NULL: a block is written as other bytes are. */
    PacsStatus (*write_block)(PacsStoreWriter *writer, uint8_t **block, size_t size, PacsError *err);
    /** Durable on return. Called at most once, and not after a failed write. Required. */
    PacsStatus (*commit)(PacsStoreWriter *writer, PacsError *err);
    /** Frees the writer; takes the object back unless writer->committed. Required. */
    void (*writer_free)(PacsStoreWriter *writer);

    /** *size: in, the bytes asked for (UINT64_MAX: to the end); out, what the source will give. Required. */
    PacsStatus (*open)(PacsStore *self, const PacsKey *key, uint64_t offset, uint64_t *size,
                       PacsSource **ret_source, PacsError *err);
    /** NULL where objects have no descriptor: callers get PACS_UNSUPPORTED. */
    PacsStatus (*open_fd)(PacsStore *self, const PacsKey *key, int *ret_fd, PacsError *err);
    PacsStatus (*size)(PacsStore *self, const PacsKey *key, uint64_t *ret_bytes,
                       PacsError *err);                                        /* required */
    PacsStatus (*remove)(PacsStore *self, const PacsKey *key, PacsError *err); /* required */
    /** The removals of these keys, returned before, survive a power loss from here on. NULL: they do at once. */
    PacsStatus (*sync_removed)(PacsStore *self, const PacsKey *keys, size_t count, PacsError *err);
    /** In key order from `from` (never NULL here). No lock may be held while visiting. Required. */
    PacsStatus (*list)(PacsStore *self, const PacsKey *from, PacsStoreVisit *visit, void *context,
                       PacsError *err);

    void (*free)(PacsStore *self); /* required; frees self too */
} PacsStoreOps;

/** First member of every back end's struct. */
struct PacsStore {
    const PacsStoreOps *ops;
    PacsMetric *op_seconds[PACS_STORE_OP_COUNT];
    PacsMetric *bytes_written;
    PacsMetric *bytes_read;
};

/** First member of every back end's writer. */
struct PacsStoreWriter {
    PacsStore *store;
    PacsKey key;
    bool committed;
    PacsError failure;   /* of the first failed call: kept, so that no object with a hole is committed */
    uint64_t size_bytes; /* written so far */
    uint64_t spent_ns;   /* in the store so far */
};

/** Sets ops and registers the counters; metrics may be NULL. */
void pacs_store_init(PacsStore *store, const PacsStoreOps *ops, PacsMetrics *metrics);

/**
 * What a read of `*size` bytes from `offset` gets of an object of `object_size` bytes: UINT64_MAX becomes the
 * rest. Errors: PACS_CORRUPT if the object is too short, because whoever asks knows its size from the index.
 */
PACS_CHECKED PacsStatus pacs_store_clip_range(uint64_t object_size, uint64_t offset, uint64_t *size,
                                              PacsError *err);

/* A key is two big-endian numbers, so that comparing bytes compares them: when the folder (or its like) was
 * begun, and the object's number in it. */
void pacs_store_key_make(uint64_t folder, uint64_t object, PacsKey *ret_key);
void pacs_store_key_split(const PacsKey *key, uint64_t *ret_folder, uint64_t *ret_object);
