#pragma once

/** The reader's parts among themselves: reader.c (bytes and steps), reader_start.c (what comes before the
 *  data set), reader_header.c (element headers), reader_levels.c (sequences and items). */

#include "pacs/dicom/inflate.h"
#include "pacs/dicom/reader.h"
#include "pacs/util/buffer.h"
#include "pacs/util/limits.h"

#define PREAMBLE_SIZE 128
#define START_SIZE (PREAMBLE_SIZE + 12) /* for a first look: preamble, "DICM", an element header */
#define HEADER_SIZE 12                  /* the longest element header */
#define CARRY_SIZE 256                  /* over START_SIZE: what was too short to decide on so far */
#define UNBOUNDED UINT64_MAX

typedef enum ReaderState {
    STATE_START,    /* nothing decided */
    STATE_META,     /* at an element of the file meta information, or behind its last */
    STATE_DATASET,  /* at the first byte of the data set */
    STATE_NEXT,     /* at an element or item header, as the innermost level says */
    STATE_VALUE,    /* inside a value */
    STATE_FRAGMENT, /* at an item header of encapsulated pixel data */
    STATE_FRAGMENT_VALUE,
    STATE_PADDING, /* zeros behind the data set */
} ReaderState;

/** A sequence, or an item in one; level 0 is the data set itself and counts as an item. */
typedef struct ReaderLevel {
    PacsTag sequence;
    uint64_t end;   /* where its declared length ends; UNBOUNDED for an undefined length */
    uint64_t limit; /* the nearest declared end of it and of all around it */
    uint32_t items; /* of a sequence: begun so far; of an item: its number */
    bool is_item;
    bool fresh;   /* an item whose first element has not been seen: its syntax is looked at once more */
    bool unknown; /* a sequence that was written as UN: implicit by rule, explicit by some writers (CP-246) */
    bool explicit_vr;
    bool big_endian;
    bool signed_pixels; /* Pixel Representation of this or the nearest data set around it */
} ReaderLevel;

#define LEVEL_MAX (1 + 2 * PACS_MAX_SEQUENCE_DEPTH)

struct PacsReader {
    const PacsReaderHandler *handler;
    void *context;
    PacsError failure; /* the first one, repeated for ever */

    ReaderState state;
    bool starved; /* no step is possible without more bytes */
    bool ended;   /* no more bytes will come */

    uint64_t position;         /* of the next byte a step sees */
    uint8_t carry[CARRY_SIZE]; /* bytes in front of `next` */
    size_t carry_start;
    size_t carry_size;
    const uint8_t *next; /* the piece being fed */
    size_t left;

    PacsElement element; /* whose value is being read */
    uint64_t value_left; /* of the value or fragment */
    uint64_t fragments;
    uint8_t small[2]; /* the value of Pixel Representation so far */
    size_t small_size;

    ReaderLevel levels[LEVEL_MAX];
    size_t level_count;

    char declared[PACS_UID_SIZE + 1]; /* transfer syntax of the meta header, as its bytes come */
    size_t declared_size;
    PacsDatasetStart dataset;
    bool dataset_begun;
    bool big_endian_pixels; /* GE's private syntax: pixel data alone is big endian */

    PacsInflate *inflate;
    bool inflate_next; /* the bytes behind `position` are deflated */
    PacsBuffer head;   /* everything in front of the data set, for handler->inflated */
    uint64_t fed;      /* bytes of earlier pieces, while nothing is inflated */
};

static inline ReaderLevel *reader_top(PacsReader *reader)
{
    return &reader->levels[reader->level_count - 1];
}

static inline uint16_t reader_u16(const uint8_t *bytes, bool big_endian)
{
    return (uint16_t)(big_endian ? bytes[0] << 8 | bytes[1] : bytes[1] << 8 | bytes[0]);
}

static inline uint32_t reader_u32(const uint8_t *bytes, bool big_endian)
{
    uint32_t first = reader_u16(bytes, big_endian);
    uint32_t second = reader_u16(bytes + 2, big_endian);
    return big_endian ? first << 16 | second : second << 16 | first;
}

static inline PacsTag reader_tag(const uint8_t *bytes, bool big_endian)
{
    return PACS_TAG(reader_u16(bytes, big_endian), reader_u16(bytes + 2, big_endian));
}

/** The next `size` bytes in one run, or NULL (and starved) if they have not come yet. Does not consume. */
const uint8_t *reader_peek(PacsReader *reader, size_t size);
/** How many bytes can be peeked now, at most CARRY_SIZE. */
size_t reader_available(const PacsReader *reader);
void reader_consume(PacsReader *reader, size_t size);

/* The steps: each decides about the bytes at `position`, or sets starved. */
PacsStatus reader_step_start(PacsReader *reader, PacsError *err);
PacsStatus reader_step_meta(PacsReader *reader, PacsError *err);
PacsStatus reader_step_dataset(PacsReader *reader, PacsError *err);
PacsStatus reader_step_next(PacsReader *reader, PacsError *err);
PacsStatus reader_step_element(PacsReader *reader, PacsError *err);
PacsStatus reader_step_fragment(PacsReader *reader, PacsError *err);

/** Level 0, with the syntax given. */
void reader_begin_levels(PacsReader *reader, bool explicit_vr, bool big_endian);
PacsStatus reader_open_sequence(PacsReader *reader, PacsError *err);
PacsStatus reader_close_level(PacsReader *reader, PacsError *err);
/** Begin the value of reader->element, a plain one. */
PacsStatus reader_begin_value(PacsReader *reader, PacsError *err);

/** True if the 8 bytes can be the header of an explicit VR element: a VR that PS3.5 knows. */
bool reader_looks_explicit(const uint8_t *header);
