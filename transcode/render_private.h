#pragma once

#include "transcode/rendering.h"

/**
 * Inside of rendering: rows of the stored image become rows of tones or colours, one at a time, are scaled, and turned.
 * Only what is shown of the image is touched, and no picture but the last is held.
 *
 *   render_geometry   which part of the image, how large, turned how
 *   render_tone       stored value to tone: modality, VOI, presentation
 *   render_samples    stored values out of words
 *   render_grey       rows of one sample: by a table, or value by value
 *   render_colour     rows of three or four samples
 *   render_layers     shutter and overlays on a row
 *   render_scale      rows of the picture out of rows of the image
 *   render_graphics   lines and text on the picture
 */

/** A word of 16 bits where it stands in a frame: little endian, as the hosts we run on, at any address. */
typedef uint16_t __attribute__((aligned(1), may_alias)) RenderWord16;

/* ---- Where ---- */

typedef struct RenderGeometry {
    double left, top, right, bottom;  /* what is shown, in pixels of the image */
    uint32_t x, y, columns, rows;     /* the pixels it touches */
    uint32_t width, height;           /* of the picture, before it is turned */
    bool is_mirrored, is_upside_down; /* by a negative region, or a flip; then turned: */
    uint16_t rotation;
    bool is_scaled; /* else its pixels are the image's */
} RenderGeometry;

PACS_CHECKED PacsStatus render_geometry_of(const TranscodeLayout *layout, const TranscodeRendering *rendering,
                                           const TranscodeView *view, RenderGeometry *ret_geometry,
                                           PacsError *err);
/** Size of the picture once it is turned. */
void render_geometry_size(const RenderGeometry *geometry, uint32_t *ret_width, uint32_t *ret_height);
/** A point of the image to one of the finished picture. */
void render_geometry_point(const RenderGeometry *geometry, double *x, double *y);

/* ---- Stored values ---- */

/** Stored values of `count` samples from sample `first` on: high bits cut, signs extended. */
void render_samples_read(const TranscodeFrame *frame, uint64_t first, size_t count, double *ret_values);
/** The same for one word of up to 16 bits. */
int32_t render_sample_of_word(const TranscodeLayout *layout, uint32_t word);

/* ---- Tones ---- */

/** A straight line from words to tones, cut off at black and white. */
typedef struct RenderRamp {
    float slope, start;  /* with the half that rounds */
    uint16_t mask, sign; /* of the value in a word; no sign: 0 */
} RenderRamp;

/** From a stored value to how bright it is. */
typedef struct RenderTone {
    const TranscodeRendering *rendering;
    bool has_window;
    TranscodeWindow window;
    const TranscodeLut *voi_lut; /* in place of it, or NULL */
    bool is_inverted;
    double padding_first, padding_last; /* NAN: none */
    uint8_t padding_tone;
} RenderTone;

PACS_CHECKED PacsStatus render_tone_check(const TranscodeRendering *rendering, const TranscodeView *view,
                                          PacsError *err);
/** The window is still to be set where render_tone_needs_range() says so. */
void render_tone_init(RenderTone *tone, const TranscodeLayout *layout, const TranscodeRendering *rendering,
                      const TranscodeView *view);
/** Neither window nor VOI LUT: smallest and largest value of the frame become black and white. */
bool render_tone_needs_range(const RenderTone *tone);
void render_tone_set_range(RenderTone *tone, double smallest, double largest);
bool render_tone_is_padding(const RenderTone *tone, double stored);
/** After the modality LUT. */
double render_tone_modality(const RenderTone *tone, double stored);
/** The line that tones of stored values lie on, but for rounding and padding. False: it is none. */
bool render_tone_line(const RenderTone *tone, RenderRamp *ret_ramp);
uint8_t render_tone_of(const RenderTone *tone, double stored);

/** Only where transcode_has_v3() (processor.h). */
void render_ramp_v3(const RenderRamp *ramp, const RenderWord16 *words, size_t count, uint8_t *restrict to);

/* ---- Rows ---- */

typedef struct RenderRows RenderRows;

/** Rows of the image, as far as the geometry shows them. */
struct RenderRows {
    const TranscodeFrame *frame;
    const TranscodeRendering *rendering;
    RenderGeometry geometry;
    bool shows_overlays;
    RenderTone tone;
    uint8_t source_channels; /* what `make` writes: 1 or 3 */
    uint8_t channels;        /* what render_row() writes: 3 as soon as anything is coloured */
    /** One row, y of the image, from geometry.x on. */
    void (*make)(const RenderRows *rows, uint32_t y, uint8_t *to);

    bool has_low_bytes_only; /* of the palette */
    uint8_t *table;          /* tones of all words; or NULL */
    RenderRamp ramp;         /* in place of the table, where `make` goes by it */
    uint32_t *colors;        /* 0xBBGGRR of all words; or NULL */
    double *values;          /* one row of stored values */
    uint8_t *scratch;        /* one row of RGB in words */
    uint8_t *gathered;       /* one row of planes */
    size_t row_size;         /* of a row of words */
    size_t rgb_size;         /* of one of RGB in words */
    bool is_copy;            /* the tables are another's */
    uint8_t *mask;           /* one row of a shutter: 1 is shown */
    double *crossings;       /* of its polygon with one row */
};

PACS_CHECKED PacsStatus render_rows_init(RenderRows *rows, const TranscodeFrame *frame,
                                         const TranscodeRendering *rendering, const TranscodeView *view,
                                         const RenderGeometry *geometry, PacsError *err);
/** Another reader of the same rows, which outlive it: what a row is made in is its own. */
PACS_CHECKED PacsStatus render_rows_copy(const RenderRows *rows, RenderRows *ret_copy, PacsError *err);
void render_rows_clear(RenderRows *rows);
/** Row y of the image (from geometry.y on) with all that lies on it; geometry.columns pixels. */
void render_row(const RenderRows *rows, uint32_t y, uint8_t *to);

/** Prepare `make`, tables and source_channels. */
PACS_CHECKED PacsStatus render_grey_init(RenderRows *rows, PacsError *err);
PACS_CHECKED PacsStatus render_colour_init(RenderRows *rows, PacsError *err);

/** Whether what lies on the image has colours of its own. */
bool render_layers_are_coloured(const RenderRows *rows);
void render_layers_draw(const RenderRows *rows, uint32_t y, uint8_t *row);

/* ---- Pictures ---- */

/** All rows into a picture of geometry.width by geometry.height. */
PACS_CHECKED PacsStatus render_scale(const RenderRows *rows, bool is_rough, TranscodePicture *picture,
                                     PacsError *err);
/** Flip, then turn by the geometry's rotation: the picture's pixels are replaced. */
PACS_CHECKED PacsStatus render_turn(TranscodePicture *picture, const RenderGeometry *geometry,
                                    PacsError *err);
/** Lines and text, onto the turned picture. */
PACS_CHECKED PacsStatus render_graphics(const TranscodeRendering *rendering, const RenderGeometry *geometry,
                                        TranscodePicture *picture, PacsError *err);
