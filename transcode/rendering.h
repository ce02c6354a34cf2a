#pragma once

#include "transcode/codec.h"
#include "transcode/picture.h"

/**
 * From stored samples to what a person sees: modality LUT, window or VOI LUT, presentation LUT, palette, colour,
 * overlays, shutter, graphics, turning, region and scale, in the order of PS3.4 N.2.
 *
 * Attributes come as numbers and tables (pacs/retrieve reads them out of DICOM JSON); nothing here knows tags.
 *
 * Owner:   everything in a TranscodeRendering is borrowed for the call.
 * Threads: any, at once.
 * Source:  PS3.3 C.7.6.3, C.7.6.16.2, C.7.9, C.11, C.10; PS3.4 N.2; PS3.18 8.3.5.1.
 */

/** A LUT as its descriptor has it (C.11.1.1). An input below the first mapped value takes the first entry, one above the
 *  last the last. */
typedef struct TranscodeLut {
    const uint16_t *values; /* of 8 bit LUTs too */
    uint32_t count;         /* 1 to 65,536 */
    int32_t first_mapped;
    uint16_t bits; /* of an entry: the output goes from 0 to 2^bits - 1 */
} TranscodeLut;

typedef enum TranscodeWindowFunction {
    TRANSCODE_LINEAR,
    TRANSCODE_LINEAR_EXACT,
    TRANSCODE_SIGMOID,
} TranscodeWindowFunction;

typedef struct TranscodeWindow {
    double center;
    double width;
    TranscodeWindowFunction function;
} TranscodeWindow;

/** (60xx,eeee): bits packed from the least significant on, without padding between rows. */
typedef struct TranscodeOverlay {
    const uint8_t *bits;
    size_t size;        /* bytes */
    uint64_t first_bit; /* of this frame's plane */
    uint32_t rows, columns;
    int32_t first_row, first_column; /* 1, 1: on the image's first pixel */
    uint8_t embedded_bit; /* with bits NULL: the plane is this bit of the pixels' words (retired) */
    uint16_t color[3];    /* 16 bits; white where nothing else is said */
} TranscodeOverlay;

typedef enum TranscodeGraphicKind {
    TRANSCODE_POINT, /* also each point of a multipoint */
    TRANSCODE_POLYLINE,
    TRANSCODE_INTERPOLATED,
    TRANSCODE_CIRCLE,  /* centre, one point on it */
    TRANSCODE_ELLIPSE, /* ends of the long axis, then of the short one */
    TRANSCODE_TEXT,    /* top left, bottom right of its box; or where it points to alone */
} TranscodeGraphicKind;

typedef struct TranscodeGraphic {
    TranscodeGraphicKind kind;
    bool is_filled;
    /** Points are parts of the picture, from 0 to 1; else pixels of the image, from 0, 0 at its top left edge (C.10.5). */
    bool is_display;
    const double *points; /* x, y */
    size_t point_count;
    const char *text; /* UTF-8 */
    uint16_t color[3];
} TranscodeGraphic;

/** What hides pixels: outside of all given shapes. Edges in pixels of the image from 1, both ends shown. */
typedef struct TranscodeShutter {
    bool has_rectangle, has_circle, has_polygon;
    int32_t left, right, top, bottom;
    int32_t center_row, center_column;
    uint32_t radius;
    const int32_t *vertices; /* row, column */
    size_t vertex_count;
    const TranscodeOverlay *bitmap; /* hides the pixels of its bits that are set; or NULL */
    uint16_t color[3]; /* 16 bits, shown instead; three times the presentation value where it is grey */
} TranscodeShutter;

typedef struct TranscodePalette {
    TranscodeLut red, green, blue; /* expanded, where they were segmented */
} TranscodePalette;

/** What is white: the last word on it, wherever it came from. */
typedef enum TranscodePolarity {
    TRANSCODE_BY_PHOTOMETRIC, /* large values, small ones of MONOCHROME1; also of DX, whose INVERSE says that once more */
    TRANSCODE_IDENTITY, /* large values, whatever the image is: the shape of a presentation state */
    TRANSCODE_INVERSE,  /* small values, likewise */
} TranscodePolarity;

typedef struct TranscodeRendering {
    double rescale_slope; /* 1 where there is none */
    double rescale_intercept;
    const TranscodeLut *modality_lut; /* in place of them, or NULL */

    bool
        has_padding; /* stored values that are no image: black (white with TRANSCODE_INVERSE), left out of statistics */
    double padding_first, padding_last; /* both are padding; in either order */

    bool has_window;
    TranscodeWindow window;
    const TranscodeLut
        *voi_lut; /* in place of it, or NULL. Neither: smallest to largest value of the frame */

    TranscodePolarity polarity;
    const TranscodeLut
        *presentation_lut; /* or NULL: its entries are spread over all that the VOI LUT or window gives */

    const TranscodePalette *palette; /* PALETTE COLOR and supplemental ones */
    bool
        is_palette_supplemental; /* values from its first mapped on are colour, those below grey (C.7.6.3.1.7) */
    const uint8_t *icc_profile;
    size_t icc_profile_size;

    const TranscodeOverlay *overlays;
    size_t overlay_count;
    const TranscodeShutter *shutter; /* or NULL */
    const TranscodeGraphic *graphics;
    size_t graphic_count;

    double pixel_aspect; /* height of a pixel by its width; 1: square; the shorter side is stretched */
    uint16_t rotation;   /* clockwise degrees: 0, 90, 180, 270 */
    bool is_flipped;     /* left becomes right, once it is turned (C.10.6) */
} TranscodeRendering;

/** What a caller wants to see of it. All zero: all of it. */
typedef struct TranscodeView {
    /** Of the stored image (not turned yet), in pixels from its top left corner; 0, 0: to the end. A negative width or
     *  height: the same region, mirrored (PS3.18 8.3.5.1.3). What lies beyond the image's edges is left out. */
    double region_x, region_y, region_width, region_height;
    /** The picture fits into this, keeping the aspect ratio; a 0: as large as the other allows; 0, 0: one pixel of the
     *  picture for each of the image. */
    uint32_t viewport_width, viewport_height;
    bool enlarges;                 /* a small image is blown up to the viewport */
    bool is_rough;                 /* nearest pixels in place of filters */
    const TranscodeWindow *window; /* over the image's own, or NULL */
    bool shows_overlays;
} TranscodeView;

#define TRANSCODE_RENDERING_PLAIN ((TranscodeRendering){.rescale_slope = 1, .pixel_aspect = 1})

/** One native frame to 8 bits, grey where nothing in it is coloured. Errors: as codec.h, PACS_INVALID (a LUT that is
 *  none, a window without a number, a region outside). */
PACS_CHECKED PacsStatus transcode_render(const TranscodeFrame *native, const TranscodeRendering *rendering,
                                         const TranscodeView *view, TranscodePicture *ret_picture,
                                         PacsError *err);

/** The same picture in rows (TranscodePicture), which are made as they are written, where nothing stands between a frame's
 *  rows and the picture's: grey, neither scaled, turned nor drawn on. Else as above. What is given has to stay as it is
 *  until the picture was cleared. */
PACS_CHECKED PacsStatus transcode_render_rows(const TranscodeFrame *native,
                                              const TranscodeRendering *rendering, const TranscodeView *view,
                                              TranscodePicture *ret_picture, PacsError *err);

/** Size of the picture that would come, without pixels. */
PACS_CHECKED PacsStatus transcode_render_size(const TranscodeLayout *layout,
                                              const TranscodeRendering *rendering, const TranscodeView *view,
                                              uint32_t *ret_width, uint32_t *ret_height, PacsError *err);

/**
 * Samples for programs, not for eyes (Orthanc's image-uint8, image-uint16, image-int16): values as stored, clamped into
 * the target's range; colour stays colour where the target has 8 bits.
 */
PACS_CHECKED PacsStatus transcode_render_values(const TranscodeFrame *native, uint8_t bits, bool is_signed,
                                                TranscodePicture *ret_picture, PacsError *err);
