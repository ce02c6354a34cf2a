#pragma once

#include <cairo.h>

#include "transcode/picture.h"

/**
 * Lines and letters on a picture: cairo draws into a mask, which lets a colour through onto the picture. Inside the room.
 *
 * Owner:   the caller's struct, init/clear; the picture is borrowed.
 * Threads: any, at once; each its own. Pango keeps fonts by thread.
 */
typedef struct Drawing {
    TranscodePicture *picture;
    cairo_surface_t *mask; /* 8 bits, as large as the picture */
    cairo_t *cairo;        /* draws into it, a pixel a unit */
} Drawing;

/** Errors: PACS_UNSUPPORTED (16 bits), PACS_TOO_LARGE (sides over 32,767: cairo's limit), PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus drawing_init(Drawing *drawing, TranscodePicture *picture, PacsError *err);
void drawing_clear(Drawing *drawing);

/** Stroke or fill cairo's path in a colour of 16 bits, and forget the path. */
void drawing_stroke(Drawing *drawing, double line_width, const uint16_t color[3]);
void drawing_fill(Drawing *drawing, const uint16_t color[3]);

/** Text as it would lie in a box: measured, or added to cairo's path with its top left corner there. */
typedef struct DrawingText {
    const char *text;    /* UTF-8; what is none becomes U+FFFD. The first PACS_MAX_DRAWN_TEXT bytes of it */
    double size;         /* of the font, in pixels */
    double most_across;  /* lines end with an ellipsis there; 0: as long as they are */
    uint32_t most_lines; /* words are wrapped over so many lines; 0: none are */
    bool is_right;       /* lines end at the right side */
    bool is_centered;
} DrawingText;

void drawing_measure(Drawing *drawing, const DrawingText *text, double *ret_width, double *ret_height);
void drawing_add_text(Drawing *drawing, const DrawingText *text, double x, double y);

/** How thick lines and how large letters of a picture are that is seen as a whole, in pixels. */
double drawing_line_width(const TranscodePicture *picture);
double drawing_font_size(const TranscodePicture *picture);
