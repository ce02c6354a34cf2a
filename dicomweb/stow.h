#pragma once

#include "dicomweb/dicomweb_private.h"
#include "pacs/dicom/codestream.h"
#include "pacs/dicom/dataset_writer.h"
#include "pacs/dicom/scan.h"
#include "pacs/dicom/uid.h"
#include "pacs/http/multipart.h"
#include "pacs/util/arena.h"
#include "pacs/util/spool.h"
#include "pacs/util/trace.h"

/**
 * What the files of STOW-RS share: one store request while its body goes by.
 *
 *     stow.c            the body: its parts as they come
 *     stow_metadata.c   parts of metadata: data sets whose large values are still to come
 *     stow_bulk.c       parts of bulk data: those values
 *     stow_object.c     an instance into ingest: a part as it comes, or metadata and bulk data joined
 *     stow_answer.c     the outcomes, and the data set that tells them
 */
typedef struct Stow Stow;

/* ---- stow_answer.c ---- */

/** What became of one instance, or of a part that is none. */
typedef struct StowOutcome {
    PacsStatus status;                 /* PACS_OK: it is stored */
    char sop_class_uid[PACS_UID_SIZE]; /* all four "" where they are not known */
    char sop_instance_uid[PACS_UID_SIZE];
    char study_instance_uid[PACS_UID_SIZE];
    char series_instance_uid[PACS_UID_SIZE];
} StowOutcome;

typedef struct StowOutcomes {
    PacsBuffer items; /* StowOutcome, in the order of the body */
    size_t stored;
    size_t failed;
    PacsError first_failure;
} StowOutcomes;

void stow_outcomes_init(StowOutcomes *outcomes);
void stow_outcomes_clear(StowOutcomes *outcomes);
/** PACS_TOO_LARGE: this request has brought as many as one may. */
PACS_CHECKED PacsStatus stow_outcomes_room(const StowOutcomes *outcomes, PacsError *err);
void stow_add_stored(StowOutcomes *outcomes, const PacsIngested *ingested);
/** names may be NULL: nothing is known of the part. */
void stow_add_failed(StowOutcomes *outcomes, const PacsScanNames *names, const PacsError *err);

/** What the client accepts as an answer; NULL: the reply is a complete 406. */
const char *stow_choose_answer(const Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply);
/** The Store Instances Response (PS3.18 10.5.3) with the code that fits. */
void stow_reply(const Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply,
                const StowOutcomes *outcomes, const char *media_type);

/* ---- Parts ---- */

/**
 * What is done with a part, by its media type. A failure of begin or data is the part's own: the rest of it is
 * passed over, then end is called with that failure and notes the outcome. `failure` is NULL where all went
 * well.
 */
typedef struct StowPartKind {
    PacsStatus (*begin)(Stow *stow, const PacsMultipartPart *part, const char *content_type, PacsError *err);
    PacsStatus (*data)(Stow *stow, const uint8_t *bytes, size_t size, PacsError *err);
    void (*end)(Stow *stow, const PacsError *failure);
} StowPartKind;

extern const StowPartKind stow_object_part;        /* stow_object.c */
extern const StowPartKind stow_json_metadata_part; /* stow_metadata.c */
extern const StowPartKind stow_xml_metadata_part;
extern const StowPartKind stow_bulk_part; /* stow_bulk.c */

/* ---- Instances that come in pieces ---- */

/** One part of bulk data, in the spool. */
typedef struct StowPiece {
    struct StowPiece *next;
    uint64_t offset;
    uint64_t size;
    uint64_t frame_number;           /* from its Content-Location; 0: none given */
    const char *transfer_syntax_uid; /* encapsulated; NULL: native, or not said; "": no pixel data of DICOM */
} StowPiece;

struct StowInstance;
typedef struct StowUse {
    struct StowUse *next;
    struct StowInstance *instance;
} StowUse;

/** A name of bulk data: in metadata, in the Content-Location of parts, or (as it should be) in both. */
typedef struct StowLocation {
    struct StowLocation *next; /* of equal hash */
    struct StowLocation *next_made;
    const char *uri;
    StowPiece *pieces; /* frames in order */
    StowUse *uses;     /* by instances that wait for it */
    size_t waiting;    /* holes of instances that are not stored yet */
    bool named;        /* by metadata */
    bool complete;     /* a part of something else has come after its own */
    bool spoilt;       /* one of its parts is missing */
} StowLocation;

typedef struct StowHole {
    uint64_t offset;
    PacsTag tag;
    PacsVr vr;
    bool at_top; /* in no sequence */
    StowLocation *location;
} StowHole;

/** An instance that metadata have described. */
typedef struct StowInstance {
    struct StowInstance *next;
    uint64_t offset; /* of its data set in the spool, without what belongs into the holes */
    uint64_t size;
    StowHole *holes;
    size_t hole_count;
    size_t waiting; /* holes whose location is not complete */
    bool done;
    char sop_class_uid[PACS_UID_SIZE];
    char sop_instance_uid[PACS_UID_SIZE];
    char transfer_syntax_uid[PACS_UID_SIZE]; /* as the metadata name it; "" */
} StowInstance;

#define STOW_BUCKETS 4096

/** Made with the first part of metadata. Everything in it is the arena's. */
typedef struct StowJoin {
    PacsSpool *spool;
    PacsArena *arena;
    size_t arena_bytes; /* given out of it: stow_alloc() */
    PacsDatasetWriter *writer;
    struct PacsJsonItems *json; /* of the part at hand, or */
    struct PacsDatasetXml *xml;
    StowInstance *first_instance, *last_instance;
    StowLocation *buckets[STOW_BUCKETS];
    StowLocation *first_location, *last_location;
    uint64_t hash_seed;
    bool lost_metadata;    /* some could not be read: bulk data may be of those */
    StowLocation *current; /* of the parts of bulk data that come one after the other */
    /* The part of bulk data at hand. */
    uint64_t piece_offset;
    uint64_t piece_frame_number;
    StowLocation *piece_location;
    char piece_type[256]; /* Content-Type */
    uint8_t *bytes;       /* STOW_COPY_SIZE of room to carry bytes from the spool to ingest */
} StowJoin;

#define STOW_COPY_SIZE PACS_CODESTREAM_HEAD

struct Stow {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    const char *study_uid;    /* of the path, NULL for any */
    const char *answer_type;  /* static */
    PacsMultipart *multipart; /* NULL: the body is one part */
    char part_type[128];      /* what a part is that does not say */
    char traceparent[PACS_TRACEPARENT_SIZE];

    const StowPartKind *part; /* at hand; NULL between parts */
    PacsError failure;        /* why the part at hand is passed over; status PACS_OK while all is well */
    PacsError broken;         /* why the body could not be read to its end */
    PacsUpload *upload;       /* of a part that is an object */
    uint64_t held;            /* this request's share of dicomweb->stow_held */
    StowJoin *join;
    StowOutcomes outcomes;
};

/* stow_metadata.c */
PACS_CHECKED PacsStatus stow_join_open(Stow *stow, PacsError *err); /* does nothing a second time */
void stow_join_free(StowJoin *join);
/** The body has ended: what still waits has failed. */
void stow_join_finish(Stow *stow);

/** From the arena, zeroed; NULL: a request may not bring that much. */
void *stow_alloc(StowJoin *join, size_t size);

/* stow.c */
/** Count what the request keeps in memory: PACS_UNAVAILABLE where all of them together keep too much. */
PACS_CHECKED PacsStatus stow_account(Stow *stow, PacsError *err);

/* stow_bulk.c */
/** The location of that name, made if there is none yet. NULL: no memory. */
StowLocation *stow_location(StowJoin *join, PacsSlice uri);
/** A part of something else begins, or the body ends: the parts of one name are all there. */
void stow_bulk_settle(Stow *stow);

/* stow_object.c */
/** All bulk data of an instance are there: into ingest with it. Notes the outcome and forgets its bytes. */
void stow_store_instance(Stow *stow, StowInstance *instance);
