#pragma once

#include "pacs/retrieve/instance_values.h"
#include "transcode/rendering.h"

/**
 * What rendering needs to know of one frame of an instance, out of its DICOM JSON: the Image Pixel module, modality and
 * VOI transformations, palettes, overlays, pixel shape, profile of colours; of enhanced multi-frame objects what their
 * functional groups say of exactly that frame.
 *
 * Broken values never fail a picture: what makes no sense (a window of width 0, a LUT without data, an overlay that
 * ends early) is as good as absent, and the next rule counts. Only an image without a layout fails.
 *
 * Objects that are no photographs have a look of their own: a segment is its recommended colour over black, in fractions
 * as bright as they say; a dose is scaled by its grid; a parametric map goes from its smallest to its largest value, as
 * every image without a window does.
 *
 * Owner:   everything lives in the arena of the values, PACS_MAX_PICTURE_ATTRIBUTES at most.
 * Errors:  PACS_INVALID, PACS_UNSUPPORTED (no such layout), PACS_NO_MEMORY, and what reading bulk values may bring.
 * Source:  PS3.3 C.7.6.3, C.7.6.5, C.7.6.16.2, C.7.9, C.8.20, C.9, C.11.
 */
typedef struct PacsImageAttributes {
    TranscodeLayout layout; /* as the attributes say; the codestream may say other colours */
    bool is_palette;        /* show the samples by the palette, whatever the photometric interpretation */
    TranscodeRendering rendering;
    uint32_t frame_count;       /* Number of Frames */
    uint32_t frame_duration_ms; /* of a cine, from 20 to 10,000 */
} PacsImageAttributes;

/** frame_number from 1; one beyond the last is the caller's to refuse. */
PACS_CHECKED PacsStatus pacs_image_attributes_read(const PacsInstanceValues *values, uint32_t frame_number,
                                                   PacsImageAttributes *ret_attributes, PacsError *err);

/** All windows of a frame in their order, the ones from functional groups first; how many. For who lets people choose. */
size_t pacs_image_windows(const PacsInstanceValues *values, uint32_t frame_number, TranscodeWindow *windows,
                          size_t max);
