#pragma once

#include "pacs/index/index.h"

/**
 * Ready-made metadata: of each series one growing stream, whose text is the DICOM JSON of its instances in the order
 * of their commits, joined by commas, with BulkDataURIs under `root`. It is raw deflate that ends on a byte and does not
 * end the deflate stream (pacs/util/gzip.h), so that answers are put together around it.
 *
 * A stream is appended to some time after an instance was added: what a series has beyond `appended_to` is to be
 * joined from the instances' own JSON. When an instance of it is deleted or replaced, the stream is given up in the same
 * transaction and begun anew later; bytes of one that was given up stay readable for a while, so that answers under way
 * come to their end.
 *
 * Keys (int64_t) are the back end's own; those of one series' instances rise in the order of their commits.
 */
typedef struct PacsMetadataStream {
    int64_t id;          /* 0: there is none yet */
    const char *root;    /* what its BulkDataURIs begin with; "" where there is none */
    int64_t appended_to; /* key of the last instance in it; 0 for none */
    uint64_t instance_count;
    uint64_t deflate_size;
    uint64_t text_size;
    uint32_t crc32; /* of the text */
} PacsMetadataStream;

/** A series at one moment, or one instance of it. */
typedef struct PacsSeriesMetadata {
    int64_t series;
    const char *study_instance_uid;
    const char *series_instance_uid;
    uint64_t instance_count;
    uint64_t
        removals;  /* instances deleted or replaced so far: with instance_count, one state of the series */
    int64_t after; /* what is meant has keys greater than this (0, but for one instance) */
    int64_t last_instance; /* and not greater than this: the last one added */
    PacsMetadataStream stream;
} PacsSeriesMetadata;

/** The series that a path of UIDs names, in the order they were made: all of a study, also where its UID stands
 *  under several patients; of an instance its own, which then has no stream and counts it alone. One snapshot.
 *  PACS_NOT_FOUND ("no Series has this UID") where nothing has it. */
PACS_CHECKED PacsStatus pacs_index_find_series_metadata(PacsIndex *index, const PacsUidPath *path,
                                                        PacsArena *arena, PacsSeriesMetadata **ret_series,
                                                        size_t *ret_count, PacsError *err);

/** `size` bytes of a stream from offset; they must be within what was found of it. PACS_UNAVAILABLE where it was given
 *  up too long ago. */
PACS_CHECKED PacsStatus pacs_index_read_metadata_stream(PacsIndex *index, int64_t stream, uint64_t offset,
                                                        void *ret_bytes, size_t size, PacsError *err);

/** An instance's own JSON. Its BulkDataURIs are relative. */
typedef struct PacsInstanceJson {
    int64_t instance;
    const char *sop_instance_uid;
    PacsInstanceBlobs json; /* its json_ members */
} PacsInstanceJson;

typedef struct PacsInstanceJsonQuery {
    const PacsSeriesMetadata
        *series;          /* PACS_UNAVAILABLE if an instance of it was removed since it was found */
    int64_t after, up_to; /* keys greater than the one and not greater than the other */
    bool newest_first;
    uint32_t max_count;
    uint64_t max_bytes; /* of compressed JSON; at least one instance comes */
} PacsInstanceJsonQuery;

/** The next instances of a series; none is PACS_OK and 0. */
PACS_CHECKED PacsStatus pacs_index_read_series_json(PacsIndex *index, const PacsInstanceJsonQuery *query,
                                                    PacsArena *arena, PacsInstanceJson **ret_instances,
                                                    size_t *ret_count, PacsError *err);

/* ---- Appending: for lifecycle ---- */

/** The root that streams are to have. Where it is another one than before, all of them are to be made anew; until
 *  then they stay. */
PACS_CHECKED PacsStatus pacs_index_set_metadata_root(PacsIndex *index, const char *root, PacsError *err);

/** Series that have instances which are not in their stream, or a stream of another root. */
typedef struct PacsUnappended {
    PacsSeriesMetadata *series;
    size_t count;
    int64_t mark; /* to hand back when they are appended */
    bool any;     /* something came: also true where it is gone again */
} PacsUnappended;

/** Such series, in the order of arrival, as far as `max` series and some hundred instances go. */
PACS_CHECKED PacsStatus pacs_index_find_unappended(PacsIndex *index, uint32_t max, PacsArena *arena,
                                                   PacsUnappended *ret_unappended, PacsError *err);

/** What is to come behind a stream, and the stream as it will be. */
typedef struct PacsMetadataAppend {
    const PacsSeriesMetadata *series; /* as found; if it has changed since, it stays unappended */
    bool restart;                     /* give up the stream there is, and begin with this one */
    const void *deflate;
    size_t
        deflate_size; /* 0: nothing comes; with the last instance's key below, not before another arrives */
    int64_t appended_to;
    uint64_t instance_count; /* of the whole stream, as what follows */
    uint64_t text_size;
    uint32_t crc32;
} PacsMetadataAppend;

/** All of them in one transaction; `mark` as it was found. `root` is the one given for new streams. */
PACS_CHECKED PacsStatus pacs_index_append_metadata(PacsIndex *index, const char *root, int64_t mark,
                                                   const PacsMetadataAppend *appends, size_t count,
                                                   PacsError *err);

/** Remove bytes of streams given up before `before_ms`, some at a time. */
PACS_CHECKED PacsStatus pacs_index_purge_metadata(PacsIndex *index, int64_t before_ms, bool *ret_left,
                                                  PacsError *err);
