#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/tag.h"
#include "pacs/dicom/uid.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * The streaming reader: bytes of a DICOM object go in as they arrive, calls to a handler come out.
 *
 * Shape:   a Part 10 stream, or a bare data set whose syntax is then guessed. Pieces may be of any size and
 *          cut anywhere; the calls do not depend on the cuts, except that a value comes in as many runs as
 *          the cuts make of it. Bytes are passed through, not copied.
 * Memory:  constant: no allocation follows from a claimed length, and there is no recursion. Sequences may
 *          be PACS_MAX_SEQUENCE_DEPTH deep.
 * Threads: one thread at a time; different readers are independent.
 * Errors:  PACS_INVALID (malformed or cut off: the text names tag and offset), PACS_UNSUPPORTED (a transfer
 *          syntax nobody defined), PACS_TOO_LARGE (over a limit), or whatever a handler's function returned.
 *          Sticky: after a failure every further call fails the same way.
 * Source:  PS3.5 chapter 7 and annex A, PS3.10 chapter 7; what is taken although it is wrong stands in
 *          pacs/dicom/README.md.
 */
typedef struct PacsReader PacsReader;

#define PACS_LENGTH_UNDEFINED UINT64_MAX

/** A data element as its header tells. */
typedef struct PacsElement {
    PacsTag tag;
    PacsVr vr;       /* never PACS_VR_NONE: UN for letters nobody defined; SQ for UN of undefined length */
    uint64_t length; /* of the value in bytes, or PACS_LENGTH_UNDEFINED */
    uint64_t header_offset; /* from the start of the stream (of the inflated stream, see on_inflated) */
    uint64_t value_offset;
    uint32_t depth;    /* sequences around it: 0 at the top */
    bool big_endian;   /* byte order of the value */
    bool encapsulated; /* the value is fragments */
} PacsElement;

/** What the bytes of a data set are really in, known before its first element. */
typedef struct PacsDatasetStart {
    char transfer_syntax_uid[PACS_UID_SIZE];
    uint32_t flags;  /* PacsUidFlags of that syntax */
    uint64_t offset; /* of the data set's first byte */
    bool deflated;   /* offsets from here on count in the inflated stream */
    bool guessed;    /* nothing declared it, or what was declared was not true */
} PacsDatasetStart;

/** Functions that may be NULL. A status other than PACS_OK ends the reading with that failure. */
typedef struct PacsReaderHandler {
    PacsStatus (*dataset_begin)(void *context, const PacsDatasetStart *start, PacsError *err);

    /** An element with a plain value (group 0002 included, before dataset_begin): begin, runs, end. */
    PacsStatus (*element_begin)(void *context, const PacsElement *element, PacsError *err);
    PacsStatus (*value)(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                        PacsError *err);
    PacsStatus (*element_end)(void *context, const PacsElement *element, PacsError *err);

    PacsStatus (*sequence_begin)(void *context, const PacsElement *element, PacsError *err);
    /** item_number from 1. */
    PacsStatus (*item_begin)(void *context, PacsTag sequence, uint32_t item_number, PacsError *err);
    PacsStatus (*item_end)(void *context, PacsTag sequence, uint32_t item_number, PacsError *err);
    PacsStatus (*sequence_end)(void *context, PacsTag sequence, PacsError *err);

    /** Encapsulated pixel data: begin, fragments (index 0 is the basic offset table, PS3.5 A.4), end.
     *  `offset` is of the fragment's first byte, after its item header of 8 bytes. */
    PacsStatus (*pixels_begin)(void *context, const PacsElement *element, PacsError *err);
    PacsStatus (*fragment_begin)(void *context, const PacsElement *element, uint64_t fragment_index,
                                 uint64_t offset, uint64_t size, PacsError *err);
    PacsStatus (*fragment)(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                           PacsError *err);
    PacsStatus (*fragment_end)(void *context, const PacsElement *element, PacsError *err);
    PacsStatus (*pixels_end)(void *context, const PacsElement *element, uint64_t end_offset, PacsError *err);

    /** Every byte in front of a deflated data set, then the data set inflated, in order. Not called for
     *  other objects. */
    PacsStatus (*inflated)(void *context, const uint8_t *bytes, size_t size, PacsError *err);
} PacsReaderHandler;

/** The handler is borrowed and outlives the reader; `context` is handed to its functions. */
PACS_CHECKED PacsStatus pacs_reader_new(const PacsReaderHandler *handler, void *context,
                                        PacsReader **ret_reader, PacsError *err);
void pacs_reader_free(PacsReader *reader);
PACS_DEFINE_AUTO(PacsReader, pacs_reader_free);

PACS_CHECKED PacsStatus pacs_reader_feed(PacsReader *reader, const void *bytes, size_t size, PacsError *err);

/** The end of the bytes: everything begun has to be complete. */
PACS_CHECKED PacsStatus pacs_reader_finish(PacsReader *reader, PacsError *err);

/** Ready for the next object; keeps its memory. */
void pacs_reader_reset(PacsReader *reader);
