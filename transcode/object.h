#pragma once

#include "pacs/util/source.h"
#include "pacs/util/status.h"
#include "transcode/layout.h"

/**
 * A whole object written anew in another transfer syntax, while it is read: the stored bytes go in, the new ones come
 * out, and frames are asked for one by one when their turn has come.
 *
 * Shape:   Part 10. Elements keep their order and their values; sequences and items get undefined lengths, group lengths
 *          are left out, odd values are padded. Where frames are given, Pixel Data are made of them, and the attributes that
 *          describe pixels are set as `layout` says; otherwise pixel data are values like others. Pictures inside of
 *          sequences (icons) that are compressed cannot be kept under another transfer syntax: the sequence at the top that
 *          holds them is left out.
 * Memory:  a few hundred kB, one frame, and the first frames up to 32 MiB together, which give the basic offset table:
 *          where the frames are more than that it is empty.
 * Errors:  PACS_CORRUPT (the stored bytes are no object), PACS_TOO_LARGE (native pixels over 4 GiB have no length in
 *          explicit little endian), what `frame` returned.
 * Source:  PS3.5 7 and A, PS3.3 C.7.6.1.1.5 (lossy image compression).
 */

/** Bytes of one frame in the new form. */
typedef struct TranscodeObjectFrame {
    const uint8_t *bytes;
    size_t size;
    void *owner; /* for release */
} TranscodeObjectFrame;

typedef struct TranscodeObjectFrames {
    uint32_t count;
    /** frame_number from 1, rising; each one once. NULL: pixel data are not touched. */
    PacsStatus (*read)(void *context, uint32_t frame_number, TranscodeObjectFrame *ret_frame, PacsError *err);
    void (*release)(void *context, TranscodeObjectFrame *frame);
    void (*free)(void *context); /* with the source; NULL: borrowed */
    void *context;
} TranscodeObjectFrames;

typedef struct TranscodeObjectForm {
    const char *transfer_syntax_uid;  /* any with a data set: implicit, big endian and deflated ones too */
    const char *sop_class_uid;        /* for the meta header */
    const char *sop_instance_uid;     /* "" keeps it only in the data set: both come from the index */
    const char *new_sop_instance_uid; /* or NULL */
    TranscodeLayout layout;           /* of the frames given */
    bool is_lossy;            /* made so by the way here: Lossy Image Compression and its ratio and method */
    const char *lossy_method; /* "ISO_10918_1" (PS3.3 C.7.6.1.1.5.1) */
} TranscodeObjectForm;

/**
 * *Takes* stored (the object from its first byte) and frames (NULL: none); the form is copied, but
 * its strings are borrowed until the source is freed.
 */
PACS_CHECKED PacsStatus transcode_object(const TranscodeObjectForm *form, const TranscodeObjectFrames *frames,
                                         PacsSource *stored, PacsSource **ret_source, PacsError *err);

/** The defined term for a lossy transfer syntax; NULL for lossless ones. Static. */
const char *transcode_lossy_method(const char *transfer_syntax_uid);
