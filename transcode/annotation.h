#pragma once

#include "transcode/picture.h"

/**
 * Lines of text in the corners of a finished picture (`annotation=patient,technique` of PS3.18 8.3.5.1.1), white with a
 * dark edge, at a size that goes with the picture's.
 *
 * Threads: any, at once.
 * Errors:  PACS_UNSUPPORTED (16 bit pictures), PACS_NO_MEMORY.
 */
typedef enum TranscodeCorner {
    TRANSCODE_TOP_LEFT,
    TRANSCODE_TOP_RIGHT,
    TRANSCODE_BOTTOM_LEFT,
    TRANSCODE_BOTTOM_RIGHT,
} TranscodeCorner;

typedef struct TranscodeAnnotation {
    TranscodeCorner corner;
    const char *text; /* UTF-8, lines by '\n' */
} TranscodeAnnotation;

PACS_CHECKED PacsStatus transcode_annotate(TranscodePicture *picture, const TranscodeAnnotation *annotations,
                                           size_t count, PacsError *err);
