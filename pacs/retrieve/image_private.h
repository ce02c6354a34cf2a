#pragma once

#include "pacs/retrieve/image_attributes.h"

/* Inside of this room: how the parts of a frame's attributes are read. What is broken or absent leaves *ret_x NULL. */

/** The groups that speak of one frame. */
typedef struct ImageReader {
    const PacsInstanceValues *values;
    uint32_t frame_number;
    PacsJsonItem frame, shared; /* functional groups; empty where there are none */
} ImageReader;

/** One item with LUT Descriptor and LUT Data, or a palette's. is_signed: its inputs may be below 0. */
PACS_CHECKED PacsStatus image_read_lut(const PacsInstanceValues *values, const PacsJsonItem *item,
                                       bool is_signed, const TranscodeLut **ret_lut, PacsError *err);
/** The first item of a sequence of LUTs that is one. */
PACS_CHECKED PacsStatus image_read_lut_sequence(const PacsInstanceValues *values, const PacsJsonItem *item,
                                                PacsTag sequence, bool is_signed,
                                                const TranscodeLut **ret_lut, PacsError *err);
PACS_CHECKED PacsStatus image_read_palette(const PacsInstanceValues *values, bool is_signed,
                                           const TranscodePalette **ret_palette, PacsError *err);

/** All usable windows of an item. */
size_t image_read_windows(const PacsJsonItem *item, TranscodeWindow *windows, size_t max);

/** Planes of the groups 60xx that lie over the frame, into the rendering. */
PACS_CHECKED PacsStatus image_read_overlays(const ImageReader *reader, const TranscodeLayout *layout,
                                            TranscodeRendering *rendering, PacsError *err);

/** The same of an image and of a presentation state, as far as that shows their groups (60xx,1001). */
PACS_CHECKED PacsStatus image_read_activated_overlays(const ImageReader *image,
                                                      const PacsInstanceValues *state,
                                                      const TranscodeLayout *layout,
                                                      TranscodeRendering *rendering, PacsError *err);

/** One plane of a presentation state by the number of its group; *ret_overlay stays NULL where it has not got it. */
PACS_CHECKED PacsStatus image_read_overlay_group(const ImageReader *state, uint16_t group,
                                                 const TranscodeLayout *layout,
                                                 const TranscodeOverlay **ret_overlay, PacsError *err);

/** The look of a segmentation's frame: a palette. *ret_palette stays NULL for what is none. */
PACS_CHECKED PacsStatus image_read_segments(const ImageReader *reader, const TranscodeLayout *layout,
                                            const TranscodePalette **ret_palette, PacsError *err);

/** The item of a functional group macro of that frame: its own, else the shared one; false where there is none. */
bool image_find_group(const ImageReader *reader, PacsTag macro, PacsJsonItem *ret_item);

/** PCS values of an attribute (C.10.7.1.1) as sRGB of 16 bits; false and untouched where it has not got three. */
bool image_read_cielab(const PacsJsonItem *item, PacsTag tag, uint16_t ret_color[3]);
