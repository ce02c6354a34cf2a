#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/blocks.h"
#include "pacs/util/key.h"
#include "pacs/util/metrics.h"
#include "pacs/util/source.h"
#include "pacs/util/status.h"

/**
 * The bytes of each object, under keys of the store's own making.
 *
 * An object is written once, whole, through a writer; it can be read after commit and never changes. Whether
 * an object counts is not the store's question: it exists for the world when a committed index row names its
 * key, so a writer that dies leaves bytes that nobody knows, and pacs_store_list() lets a sweep find them.
 *
 * Threads: any, at once. Calls may block on the disk or the network.
 * Errors:  PACS_NO_SPACE (disk or quota full), PACS_UNAVAILABLE (I/O error, worth a retry), PACS_NOT_FOUND,
 *          PACS_CORRUPT (object shorter than asked), PACS_INVALID (not a key).
 */
typedef struct PacsStore PacsStore;
typedef struct PacsStoreWriter PacsStoreWriter;

void pacs_store_free(PacsStore *store);
PACS_DEFINE_AUTO(PacsStore, pacs_store_free);

/** "fs", "memory": for logs and /system. Borrowed. */
const char *pacs_store_name(const PacsStore *store);

/**
 * Begin an object. `size_hint` is the expected size in bytes, 0 if unknown; it is a hint and may lie.
 * Owner: the writer is the caller's: commit, then free; free without commit takes the object back.
 */
PACS_CHECKED PacsStatus pacs_store_create(PacsStore *store, uint64_t size_hint, PacsStoreWriter **ret_writer,
                                          PacsError *err);
PACS_CHECKED PacsStatus pacs_store_write(PacsStoreWriter *writer, const void *bytes, size_t size,
                                         PacsError *err);
/**
 * Where the next bytes may be put instead of being handed to write: *ret_size of them at *ret_room, valid until
 * the next call on this writer; then say how many there are. *ret_size 0: nowhere, use write.
 */
PACS_CHECKED PacsStatus pacs_store_room(PacsStoreWriter *writer, uint8_t **ret_room, size_t *ret_size,
                                        PacsError *err);
PACS_CHECKED PacsStatus pacs_store_filled(PacsStoreWriter *writer, size_t size, PacsError *err);
/** As write, of `size` bytes in a block (pacs/util/blocks.h). *Takes* it and sets it NULL where that saves a copy.
 *  What the writer took so, or what was filled, can still be read until PACS_BLOCK_BYTES more are written in one call or
 *  several, or the object is committed. */
PACS_CHECKED PacsStatus pacs_store_write_block(PacsStoreWriter *writer, uint8_t **block, size_t size,
                                               PacsError *err);
/** Returns when the object would survive a power loss: bytes and name on stable storage. */
PACS_CHECKED PacsStatus pacs_store_commit(PacsStoreWriter *writer, PacsError *err);
/** Known from creation on. Borrowed from the writer. */
const PacsKey *pacs_store_writer_key(const PacsStoreWriter *writer);
void pacs_store_writer_free(PacsStoreWriter *writer);
PACS_DEFINE_AUTO(PacsStoreWriter, pacs_store_writer_free);

/** `size` bytes from `offset`; PACS_CORRUPT if the object is shorter. UINT64_MAX as size: to the end. */
PACS_CHECKED PacsStatus pacs_store_open(PacsStore *store, const PacsKey *key, uint64_t offset, uint64_t size,
                                        PacsSource **ret_source, PacsError *err);
/** A descriptor for sendfile or pread, the caller's to close; PACS_UNSUPPORTED where the back end has none. */
PACS_CHECKED PacsStatus pacs_store_open_fd(PacsStore *store, const PacsKey *key, int *ret_fd, PacsError *err);
/** Whether the back end has them. */
bool pacs_store_has_fds(const PacsStore *store);
PACS_CHECKED PacsStatus pacs_store_size(PacsStore *store, const PacsKey *key, uint64_t *ret_bytes,
                                        PacsError *err);

/** Gone when it returns, though a power loss may bring it back; PACS_NOT_FOUND if it was not there. */
PACS_CHECKED PacsStatus pacs_store_remove(PacsStore *store, const PacsKey *key, PacsError *err);
/** Gone for good when it returns, also after a power loss; that some were not there is no failure. Cheap where keys
 *  of one time stand together. */
PACS_CHECKED PacsStatus pacs_store_remove_all(PacsStore *store, const PacsKey *keys, size_t count,
                                              PacsError *err);

/** Every object from key `from` on (NULL: all), in key order, committed or not. A visitor that fails ends the walk
 *  with its status. Objects created or removed meanwhile may or may not be seen. */
PACS_CHECKED PacsStatus pacs_store_list(PacsStore *store, const PacsKey *from,
                                        PacsStatus (*visit)(void *context, const PacsKey *key,
                                                            uint64_t size_bytes, PacsError *err),
                                        void *context, PacsError *err);

/** Proof that a write would work now (for /readyz); writes and removes a small object, checks free space. */
PACS_CHECKED PacsStatus pacs_store_check(PacsStore *store, PacsError *err);

/* Back ends. */

typedef struct PacsStoreFsOptions {
    const char *root;            /* made if missing (one level) */
    uint64_t min_free_bytes;     /* below, new objects are PACS_NO_SPACE: reads and the index live on */
    uint32_t objects_per_folder; /* 0: default */
    /** Objects pass through the page cache: reads right after arrival are quicker, storing slower. */
    bool write_cached;
    PacsBlocks *blocks; /* borrowed; outlives the store. NULL: none are kept */
} PacsStoreFsOptions;

/** Errors: PACS_EXISTS if another process has this folder open, PACS_UNAVAILABLE if it cannot be made or written. */
PACS_CHECKED PacsStatus pacs_store_fs_open(const PacsStoreFsOptions *options, PacsMetrics *metrics,
                                           PacsStore **ret_store, PacsError *err);
/** Objects in memory: for tests. max_bytes full is PACS_NO_SPACE. */
PACS_CHECKED PacsStatus pacs_store_memory_open(uint64_t max_bytes, PacsStore **ret_store, PacsError *err);
