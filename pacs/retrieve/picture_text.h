#pragma once

#include "pacs/retrieve/instance_values.h"
#include "transcode/annotation.h"
#include "transcode/rendering.h"

#define PACS_PICTURE_TEXTS 2

/** What is written into the corners of a picture for `annotation=patient,technique`: PACS_ANNOTATE_ bits. In the arena
 *  of the values. `window` is the one shown, NULL for none. */
PACS_CHECKED PacsStatus pacs_picture_texts(const PacsInstanceValues *values, uint32_t annotations,
                                           const TranscodeWindow *window,
                                           TranscodeAnnotation ret_texts[PACS_PICTURE_TEXTS],
                                           size_t *ret_count, PacsError *err);
