#pragma once

#include "pacs/retrieve/image_private.h"
#include "pacs/retrieve/presentation_state.h"

/* Inside of this room: a presentation state while it is applied to one frame. */
typedef struct PresentationReader {
    const PacsInstanceValues *state;
    const char *sop_instance_uid; /* of the image */
    uint32_t frame_number;
} PresentationReader;

/** Whether an item (a window, a drawing) is for the frame; one that names no images is for all. */
bool presentation_is_for_frame(const PresentationReader *reader, const PacsJsonItem *item);

/** The next item of a sequence that is for the frame; *cursor starts as {0}. */
bool presentation_next(const PresentationReader *reader, PacsTag sequence, PacsSlice *cursor,
                       PacsJsonItem *ret_item);

/** presentation_graphics.c: drawings and texts into the rendering. */
PACS_CHECKED PacsStatus presentation_read_graphics(const PresentationReader *reader,
                                                   TranscodeRendering *rendering, PacsError *err);
