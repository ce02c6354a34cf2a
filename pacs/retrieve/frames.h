#pragma once

#include "pacs/dicom/frame_table.h"
#include "pacs/retrieve/retrieve.h"

/**
 * Frames of one stored instance: where their bytes stand, from the index alone, and the bytes.
 *
 * Shape:   an encapsulated frame leaves as it is stored, fragments joined, item headers removed; a native one as
 *          explicit little endian has it, whatever it is stored in: the same pixels, each frame from a byte of its
 *          own.
 * Owner:   an image and everything in it lives in the arena; descriptors and sources are the caller's.
 * Threads: any; an image is only read.
 * Errors:  PACS_NOT_FOUND (no such instance; it has no frames; not that many), PACS_CORRUPT, PACS_UNAVAILABLE.
 */
typedef struct PacsRetrievedImage {
    PacsUidPath path; /* as it was asked for; its texts are borrowed from who asked */
    const PacsStoredObject *object;
    const PacsKey
        *key; /* of the bytes that frames are ranges of: the object's, or its inflated representation's */
    const void *frame_table;
    size_t frame_table_size;
    uint32_t frame_count;
    bool is_native; /* frames leave as explicit little endian; else in the stored transfer syntax */
} PacsRetrievedImage;

/** One statement of the index, or none where it was asked a moment ago. path names an instance. */
PACS_CHECKED PacsStatus pacs_retrieve_image(PacsRetrieve *retrieve, const PacsUidPath *path, PacsArena *arena,
                                            PacsRetrievedImage **ret_image, PacsError *err);

typedef struct PacsRetrievedFrame {
    const PacsRetrievedImage *image;
    uint32_t frame_number;
    uint64_t size_bytes; /* that leave */
    bool
        is_ranges; /* they are the image's runs, one after the other, as they stand; else they are made from them */
    PacsFrame stored;
} PacsRetrievedFrame;

/** frame_number from 1. */
PACS_CHECKED PacsStatus pacs_retrieve_frame(const PacsRetrievedImage *image, uint32_t frame_number,
                                            PacsRetrievedFrame *ret_frame, PacsError *err);
/** Run `run_index` (from 0, stored.run_count of them) of a frame that is_ranges. */
PACS_CHECKED PacsStatus pacs_retrieve_frame_run(const PacsRetrievedFrame *frame, uint32_t run_index,
                                                PacsRange *ret_range, PacsError *err);

/** What ranges count in, for pread: the caller's to close. PACS_UNSUPPORTED where the store has no descriptors. */
PACS_CHECKED PacsStatus pacs_retrieve_image_fd(PacsRetrieve *retrieve, const PacsRetrievedImage *image,
                                               int *ret_fd, PacsError *err);
/** Any frame as a stream, from byte `offset` of what leaves. The image outlives it. May block on the store. */
PACS_CHECKED PacsStatus pacs_retrieve_frame_open(PacsRetrieve *retrieve, const PacsRetrievedFrame *frame,
                                                 uint64_t offset, PacsSource **ret_source, PacsError *err);
