#pragma once

#include "pacs/index/index_series_metadata.h"
#include "pacs/retrieve/retrieve.h"
#include "pacs/util/hash.h"

/**
 * Metadata of a study, a series or an instance on the way out: a JSON array of its instances' DICOM JSON, complete at every moment.
 *
 * What was made ready (pacs/index/index_series_metadata.h) leaves as it is stored, with a gzip member put together
 * around it; instances that are not in their stream yet are compressed on the way and joined behind it. Where other
 * BulkDataURIs are asked for than the stream has, all instances are.
 *
 * An answer shows one moment: every instance committed before it was found, none twice. Where an instance is deleted
 * or replaced while it is read, the answer begins anew; once more than the first MiB of a long one is out, it may end with
 * PACS_UNAVAILABLE ("ask again") instead. It is never wrong.
 */
typedef struct PacsMetadata {
    PacsUidPath path;
    const PacsSeriesMetadata *series;
    size_t series_count;
    const char *root;                      /* what BulkDataURIs begin with */
    uint64_t generation;                   /* of the index, when it was found; 0: unknown */
    uint64_t instance_count;               /* of all series */
    uint64_t slow_count;                   /* of these, instances that have to be joined on the way */
    char revision[2 * PACS_SHA1_SIZE + 1]; /* changes with the content: for an ETag */
} PacsMetadata;

/** What a path of UIDs names at this moment; in the arena. path's texts and root are borrowed. */
PACS_CHECKED PacsStatus pacs_retrieve_find_metadata(PacsRetrieve *retrieve, const PacsUidPath *path,
                                                    const char *root, PacsArena *arena,
                                                    PacsMetadata **ret_metadata, PacsError *err);

/**
 * A whole answer of ready-made metadata in memory. They are shared and kept for a while, because a viewer is opened
 * more than once and by more than one.
 */
typedef struct PacsMetadataBody {
    const uint8_t *bytes;
    size_t size;
    char revision[2 * PACS_SHA1_SIZE + 1];
} PacsMetadataBody;

void pacs_metadata_body_unref(PacsMetadataBody *body); /* any thread */
PACS_DEFINE_AUTO(PacsMetadataBody, pacs_metadata_body_unref);

/** The answer without a question to the index, where nothing was written to that since it was given last; else NULL. The
 *  caller's to unref. */
PacsMetadataBody *pacs_retrieve_recall_metadata(PacsRetrieve *retrieve, const PacsUidPath *path,
                                                const char *root, bool as_gzip);

/** Larger ones are not held in memory: a series of some 10,000 slices. */
#define PACS_METADATA_BODY_MAX (1u << 20)

/** The whole answer of what was found: slow_count is 0. Errors: PACS_TOO_LARGE (more than PACS_METADATA_BODY_MAX: open
 *  it), as pacs_retrieve_open_metadata(). */
PACS_CHECKED PacsStatus pacs_retrieve_read_metadata(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                                    bool as_gzip, PacsMetadataBody **ret_body,
                                                    PacsError *err);

#define PACS_METADATA_SIZE_UNKNOWN UINT64_MAX

/**
 * The array as a gzip member, or as text.
 *
 * Memory: constant, but for the largest instance that is joined on the way.
 * Owner:  *ret_source is the caller's; metadata and its arena are borrowed until that is freed.
 *         *ret_size is exact where slow_count is 0, else PACS_METADATA_SIZE_UNKNOWN.
 */
PACS_CHECKED PacsStatus pacs_retrieve_open_metadata(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                                    bool as_gzip, PacsSource **ret_source, uint64_t *ret_size,
                                                    PacsError *err);

/**
 * Instances one after the other, their BulkDataURIs made whole: for other forms than JSON.
 *
 * Threads: one at a time.
 */
typedef struct PacsMetadataWalk PacsMetadataWalk;

/** retrieve and metadata are borrowed. */
PACS_CHECKED PacsStatus pacs_metadata_walk_new(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                               PacsMetadataWalk **ret_walk, PacsError *err);
void pacs_metadata_walk_free(PacsMetadataWalk *walk);
PACS_DEFINE_AUTO(PacsMetadataWalk, pacs_metadata_walk_free);

/** Before the first one: as they would be described in another transfer syntax (converted_metadata.h); borrowed. NULL is
 *  not allowed: not to call this leaves them as they are stored. */
PACS_CHECKED PacsStatus pacs_metadata_walk_describe(PacsMetadataWalk *walk, const char *transfer_syntax_uid,
                                                    PacsError *err);

/** The next one's JSON added to `out`; *ret_more false where there is none. */
PACS_CHECKED PacsStatus pacs_metadata_walk_next(PacsMetadataWalk *walk, PacsBuffer *out, bool *ret_more,
                                                PacsError *err);
