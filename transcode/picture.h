#pragma once

#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "transcode/crew.h"

/**
 * Rows that are made as they are asked for, so that a picture need not be held as a whole.
 *
 * Threads: several readers at once, each on one thread.
 */
typedef struct TranscodeRows TranscodeRows;
typedef struct TranscodeRowsOps {
    PacsStatus (*open)(const TranscodeRows *self, void **ret_reader, PacsError *err);
    void (*read)(void *reader, uint32_t y, uint8_t *to);
    void (*close)(void *reader);       /* NULL is none */
    void (*free)(TranscodeRows *self); /* nobody reads any more */
} TranscodeRowsOps;
struct TranscodeRows {
    const TranscodeRowsOps *ops;
};

/**
 * A picture for people: grey or colour, ready for a file format.
 *
 * Shape:   rows of pixels without padding: 8 bits a sample, or (grey only) 16 bits little endian; 4 channels are RGB and
 *          opacity.
 * Owner:   the caller's struct; transcode_picture_clear() frees the pixels, or the rows.
 */
typedef struct TranscodePicture {
    uint32_t width;
    uint32_t height;
    uint8_t channels; /* 1, 3 or 4 */
    uint8_t bits;     /* 8 or 16 */
    bool is_signed;   /* 16 bits for programs (image-int16) */
    uint8_t *pixels;
    TranscodeRows *rows;        /* in place of them, or NULL: 8 bits of grey, only to be written */
    const uint8_t *icc_profile; /* borrowed; NULL: sRGB, or a grey display as it is */
    size_t icc_profile_size;
} TranscodePicture;

/** Checks width, height and size in 64 bits against PACS_MAX_FRAME_BYTES; pixels are zero. */
PACS_CHECKED PacsStatus transcode_picture_init(TranscodePicture *picture, uint32_t width, uint32_t height,
                                               uint8_t channels, uint8_t bits, PacsError *err);
void transcode_picture_clear(TranscodePicture *picture);
#define TRANSCODE_AUTO_PICTURE __attribute__((cleanup(transcode_picture_clear)))

typedef enum TranscodeFormat {
    TRANSCODE_JPEG, /* image/jpeg: 8 bits, no opacity */
    TRANSCODE_PNG,  /* image/png */
    TRANSCODE_WEBP, /* image/webp: 8 bits */
    TRANSCODE_GIF,  /* image/gif: 8 bits; several pictures are played */
    TRANSCODE_PAM,  /* image/x-portable-arbitrarymap: 16 bits big endian, as Netpbm has it */
    TRANSCODE_FORMAT_COUNT,
} TranscodeFormat;

const char *transcode_format_media_type(TranscodeFormat format);
bool transcode_format_has_profile(
    TranscodeFormat format); /* ICC profiles go along; else colours are taken for sRGB */

/** `quality` from 1 to 100, 0: the default (90); formats without one ignore it. Added to `out`. Errors:
 *  PACS_UNSUPPORTED (the format has no such pictures), PACS_TOO_LARGE (65,500 columns of JPEG, 16,383 of WebP). */
PACS_CHECKED PacsStatus transcode_picture_write(const TranscodePicture *picture, TranscodeFormat format,
                                                uint32_t quality, PacsBuffer *out, PacsError *err);
/** The same bytes, written by as many as there are. */
PACS_CHECKED PacsStatus transcode_picture_write_shared(const TranscodePicture *picture,
                                                       TranscodeFormat format, uint32_t quality,
                                                       TranscodeHands hands, PacsBuffer *out, PacsError *err);
/** Whether pictures in rows can be written so: a large one is quicker without its pixels in between. */
bool transcode_format_takes_rows(TranscodeFormat format);

/** A GIF of several pictures, written one after the other, so that a cine of a thousand frames costs the memory of
 *  one. Each is shown for duration_ms; played for ever. */
typedef struct TranscodeAnimation TranscodeAnimation;
PACS_CHECKED PacsStatus transcode_animation_new(uint32_t width, uint32_t height, PacsBuffer *out,
                                                TranscodeAnimation **ret_animation, PacsError *err);
PACS_CHECKED PacsStatus transcode_animation_add(TranscodeAnimation *animation,
                                                const TranscodePicture *picture, uint32_t duration_ms,
                                                PacsError *err);
PACS_CHECKED PacsStatus transcode_animation_finish(TranscodeAnimation *animation, PacsError *err);
void transcode_animation_free(TranscodeAnimation *animation);
PACS_DEFINE_AUTO(TranscodeAnimation, transcode_animation_free);
