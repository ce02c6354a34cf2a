#pragma once

#include "pacs/index/index.h"
#include "pacs/store/store.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/source.h"
#include "pacs/util/status.h"
#include "transcode/service.h"

/**
 * The one way out: from an id to bytes, without parsing DICOM.
 *
 * Threads: any, at once; may block on the disk.
 * Errors:  PACS_NOT_FOUND, PACS_CORRUPT (the object's bytes are missing or short: the text names the key),
 *          PACS_UNAVAILABLE.
 */
typedef struct PacsRetrieve PacsRetrieve;

/** store and index are borrowed and outlive it. */
PACS_CHECKED PacsStatus pacs_retrieve_new(PacsStore *store, PacsIndex *index, PacsRetrieve **ret_retrieve,
                                          PacsError *err);
void pacs_retrieve_free(PacsRetrieve *retrieve);
PACS_DEFINE_AUTO(PacsRetrieve, pacs_retrieve_free);

/** Who converts frames; borrowed, outlives it. Before the first use; without one nothing is converted. */
void pacs_retrieve_set_transcode(PacsRetrieve *retrieve, TranscodeService *transcode);
/** Borrowed; NULL where there is none. */
TranscodeService *pacs_retrieve_transcode(const PacsRetrieve *retrieve);

/** A stored object's bytes, exactly as received. */
typedef struct PacsRetrievedFile {
    int fd; /* the caller's to close, or -1 where the store has no descriptors: then source is set */
    PacsSource *source; /* the caller's to free, or NULL */
    uint64_t size_bytes;
    const PacsStoredObject *object; /* in the arena */
} PacsRetrievedFile;

PACS_CHECKED PacsStatus pacs_retrieve_file(PacsRetrieve *retrieve, const char *instance_id, PacsArena *arena,
                                           PacsRetrievedFile *ret_file, PacsError *err);

/** Some bytes of a stored object, on their way out. */
typedef struct PacsRetrievedBytes {
    int fd;             /* the caller's to close; they begin at the offset asked for. -1: source is set */
    PacsSource *source; /* the caller's to free, or NULL; of these bytes alone */
} PacsRetrievedBytes;

/** `size` bytes of an object from `offset`, by its key from the index: for answers of many objects, which open one
 *  after the other. */
PACS_CHECKED PacsStatus pacs_retrieve_open(PacsRetrieve *retrieve, const PacsKey *key, uint64_t offset,
                                           uint64_t size, PacsRetrievedBytes *ret_bytes, PacsError *err);

/** Whether that opens a local file and no more: some microseconds, unless its folder is not in memory. */
bool pacs_retrieve_opens_files(const PacsRetrieve *retrieve);

/** The instance's DICOM JSON (one object, PS3.18 F.2; see scan.h for its BulkDataURIs), inflated
 * into `out`. */
PACS_CHECKED PacsStatus pacs_retrieve_json(PacsRetrieve *retrieve, const char *instance_id, PacsBuffer *out,
                                           PacsError *err);

/** The same of JSON that an answer of the index already holds (its json_ members), added to `out`. */
PACS_CHECKED PacsStatus pacs_retrieve_unpack_json(const PacsInstanceBlobs *blobs, PacsBuffer *out,
                                                  PacsError *err);
