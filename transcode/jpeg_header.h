#pragma once

#include "transcode/pixels.h"

/**
 * What a JPEG codestream (ITU-T T.81) says of itself before any library sees it. Our own bounded code.
 *
 * Errors: PACS_INVALID (no JPEG, or it ends before its first scan, or its frame header makes no sense).
 */
typedef enum TranscodeJpegProcess {
    TRANSCODE_JPEG_BASELINE,
    TRANSCODE_JPEG_EXTENDED,
    TRANSCODE_JPEG_PROGRESSIVE,
    TRANSCODE_JPEG_LOSSLESS,
} TranscodeJpegProcess;

typedef struct TranscodeJpegHeader {
    TranscodeHeader base;
    TranscodeJpegProcess process;
    bool is_arithmetic;
    bool has_odd_scan;   /* sequential, but its first scan does not say so: coefficients 0 to 63, all bits */
    bool is_ybr_certain; /* told by the codestream itself */
    bool is_rgb_certain;
} TranscodeJpegHeader;

PACS_CHECKED PacsStatus transcode_jpeg_header_read(const uint8_t *bytes, size_t size,
                                                   TranscodeJpegHeader *ret_header, PacsError *err);

/**
 * Whether three components are YBR: as the codestream says (Adobe's marker, components called R, G, B, or colours
 * sampled more coarsely than the first), and where it is silent, as the attributes do. Lossless samples are what the
 * attributes say: nothing was converted to encode them.
 */
bool transcode_jpeg_is_ybr(const TranscodeJpegHeader *header, TranscodePhotometric stored);
