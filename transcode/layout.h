#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/scan.h"
#include "pacs/util/status.h"

/**
 * How the samples of one frame lie in memory: the Image Pixel module without the pixels.
 *
 * A *native frame* is what explicit VR little endian has for one frame: rows of columns of samples, words little
 * endian, each sample in bits_allocated bits; single bits packed from the least significant on; nothing behind the
 * last sample. Where is_planar, all of one colour's samples come before those of the next.
 *
 * Source: PS3.3 C.7.6.3, PS3.5 8.1 and annex D.
 */
typedef enum TranscodePhotometric {
    TRANSCODE_MONOCHROME1,
    TRANSCODE_MONOCHROME2,
    TRANSCODE_PALETTE_COLOR,
    TRANSCODE_RGB,
    TRANSCODE_YBR_FULL,
    TRANSCODE_YBR_FULL_422, /* native: two columns share a blue and a red sample, Y1 Y2 Cb Cr (C.7.6.3.1.2) */
    TRANSCODE_YBR_PARTIAL_422,
    TRANSCODE_YBR_PARTIAL_420, /* only in video */
    TRANSCODE_YBR_ICT,         /* only in codestreams: decoded it is RGB */
    TRANSCODE_YBR_RCT,
    TRANSCODE_XYB, /* JPEG XL: decoded it is RGB */
    TRANSCODE_HSV, /* retired, as are these */
    TRANSCODE_ARGB,
    TRANSCODE_CMYK,
    TRANSCODE_OTHER, /* a defined term nobody defined */
} TranscodePhotometric;

typedef struct TranscodeLayout {
    uint32_t rows;
    uint32_t columns;
    uint16_t samples_per_pixel; /* 1, 3 or (retired) 4 */
    uint16_t bits_allocated;    /* 1, 8, 16, 32 or 64 */
    uint16_t bits_stored;
    uint16_t high_bit; /* mostly bits_stored - 1; old objects keep overlays in the other bits */
    bool is_signed;
    bool is_planar;
    bool is_float; /* (7FE0,0008) with 32 bits, (7FE0,0009) with 64 */
    TranscodePhotometric photometric;
} TranscodeLayout;

/** "YBR_FULL_422" as in DICOM; "" for TRANSCODE_OTHER. */
const char *transcode_photometric_name(TranscodePhotometric photometric);
TranscodePhotometric transcode_photometric_parse(const char *name);

/** From the index's description of an instance; pixel_data_tag tells floats. Errors: PACS_UNSUPPORTED (a layout
 *  nobody defined: 12 bits allocated, 5 samples), PACS_INVALID (no rows). */
PACS_CHECKED PacsStatus transcode_layout_of(const PacsPixelDescription *pixels, PacsTag pixel_data_tag,
                                            TranscodeLayout *ret_layout, PacsError *err);

/** Bytes of a native frame; at most PACS_MAX_FRAME_BYTES. Errors: PACS_TOO_LARGE, PACS_INVALID. */
PACS_CHECKED PacsStatus transcode_layout_size(const TranscodeLayout *layout, size_t *ret_size,
                                              PacsError *err);

/** Writers who mean YBR_FULL say YBR_FULL_422 (after decoding JPEG, mostly): native frames tell by their size. To call
 *  wherever the size of a stored native frame is known. */
void transcode_layout_settle(TranscodeLayout *native, size_t frame_size);

/** Whether two frames of these layouts hold the same samples in the same bytes (colour is not compared). */
bool transcode_layout_same_shape(const TranscodeLayout *a, const TranscodeLayout *b);

/** Bytes of one sample: 1, 2, 4 or 8. Of single bits 0. */
size_t transcode_sample_size(const TranscodeLayout *layout);
