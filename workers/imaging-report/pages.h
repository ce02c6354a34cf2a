#pragma once

#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * Paper, filled from top to bottom: text that breaks over pages, boxes that do not, and what stands on every page. Inside
 * the room: pdf.c says what is put on it.
 *
 * Shape:   PDF, fonts embedded as subsets, text in reading order. The same calls give the same bytes.
 * Units:   points (1/72 inch) from the upper left corner.
 * Owner:   the caller's struct, init/clear; `out` is borrowed until then.
 * Threads: any, at once; each its own.
 * Errors:  sticky: drawing calls after a failure do nothing, pages_finish() tells.
 */
typedef struct Pages Pages;

typedef struct PagesSetup {
    double width, height; /* of the paper */
    const char *font;     /* family */
    const char *title;    /* of the document */
    const char *date;     /* of the document: ISO 8601 */
    PacsBuffer *out;      /* NULL: nothing is kept; to count pages */
    /** Called when a page is full or the last one ends, to draw what stands around and over its text. */
    void (*decorate)(void *context, Pages *pages);
    void *context;
} PagesSetup;

struct Pages {
    PagesSetup setup;
    cairo_surface_t *surface;
    cairo_t *cairo;
    double y;        /* where the next thing goes */
    uint32_t number; /* of this page, from 1 */
};

#define PAGES_MARGIN 50.0
#define PAGES_TOP 62.0    /* below the head of later pages */
#define PAGES_BOTTOM 58.0 /* above the foot */

PACS_CHECKED PacsStatus pages_init(Pages *pages, const PagesSetup *setup, PacsError *err);
/** The last page ends, the document is complete. Errors: PACS_TOO_LARGE, PACS_NO_MEMORY, PACS_INTERNAL. */
PACS_CHECKED PacsStatus pages_finish(Pages *pages, PacsError *err);
void pages_clear(Pages *pages);

double pages_width(const Pages *pages); /* between the margins */
double pages_left(const Pages *pages);  /* what is free below y */
/** Begin a new page unless `height` fits on this one, or this one is empty. */
void pages_need(Pages *pages, double height);
void pages_skip(Pages *pages, double height); /* space, which does not go over to the next page */

typedef enum PagesAlign { PAGES_LEFT, PAGES_CENTER, PAGES_RIGHT } PagesAlign;

typedef struct PagesColor {
    double red, green, blue, alpha;
} PagesColor;

typedef struct PagesStyle {
    double size;
    bool is_bold, is_italic;
    PagesAlign align;
    PagesColor color;
    double line_spacing; /* lines' height in parts of the font's; 0: 1 */
} PagesStyle;

/** Text of a column, which is not broken over pages: its height; drawn with its upper left corner there. */
double pages_measure(Pages *pages, const PagesStyle *style, const char *text, double width);
void pages_draw(Pages *pages, const PagesStyle *style, const char *text, double x, double y, double width);
/** One line, cut with an ellipsis where it is too long. */
void pages_draw_line(Pages *pages, const PagesStyle *style, const char *text, double x, double y,
                     double width);

/** Running text between the margins: y moves below it, pages break between its lines, never behind the first or in front of
 *  the last line of a paragraph. */
void pages_flow(Pages *pages, const PagesStyle *style, const char *text);

void pages_rule(Pages *pages, double x, double y, double width, double thickness, PagesColor color);
void pages_box(Pages *pages, double x, double y, double width, double height, PagesColor fill);
/** A JPEG, scaled into the rectangle. */
void pages_jpeg(Pages *pages, const void *bytes, size_t size, uint32_t columns, uint32_t rows, double x,
                double y, double width, double height);
/** Across the page, over all that is on it. */
void pages_watermark(Pages *pages, const PagesStyle *style, const char *text);
/** An entry in the document's outline that leads to y on this page. */
void pages_outline(Pages *pages, const char *text);

/** PACS_UNSUPPORTED: no installed font has these letters. */
PACS_CHECKED PacsStatus pages_check_font(const char *font, const char *letters, PacsError *err);
