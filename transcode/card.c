#include "transcode/card.h"

#include <math.h>
#include <string.h>

#include "transcode/drawing.h"

#define GROUND 0x28 /* dark grey: a page of thumbnails is black */

/* In parts of the side. */
#define SHAPE_TOP 0.09
#define SHAPE_SIDE 0.42
#define SHAPE_LINE 0.02
#define WORD_TOP 0.55
#define WORD_SIZE 0.12
#define TITLE_TOP 0.72
#define TITLE_SIZE 0.082
#define MARGIN 0.05
#define LETTERS_MIN 9.0 /* pixels */

static const uint16_t word_color[3] = {0xFFFF, 0xFFFF, 0xFFFF};
static const uint16_t title_color[3] = {0xD8D8, 0xD8D8, 0xD8D8};
static const uint16_t shape_color[3] = {0x9C9C, 0x9C9C, 0x9C9C};

/* ---- Shapes: in a square from 0 to 1 ---- */

typedef struct Point {
    double x, y;
} Point;

#define COUNT(points) (sizeof(points) / sizeof(points)[0])

static void add_lines(cairo_t *cairo, const Point *points, size_t count, bool is_closed)
{
    cairo_new_sub_path(cairo);
    for (size_t i = 0; i < count; i++)
        cairo_line_to(cairo, points[i].x, points[i].y);
    if (is_closed)
        cairo_close_path(cairo);
}

static void add_line(cairo_t *cairo, double x, double y, double to_x, double to_y)
{
    const Point points[] = {{x, y}, {to_x, to_y}};

    add_lines(cairo, points, 2, false);
}

static void add_circle(cairo_t *cairo, double x, double y, double radius)
{
    cairo_new_sub_path(cairo);
    cairo_arc(cairo, x, y, radius, 0, 2 * M_PI);
}

static void add_box(cairo_t *cairo)
{
    static const Point outline[] = {{0.5, 0.04}, {0.92, 0.26}, {0.92, 0.74},
                                    {0.5, 0.96}, {0.08, 0.74}, {0.08, 0.26}};
    static const Point lid[] = {{0.08, 0.26}, {0.5, 0.48}, {0.92, 0.26}};

    add_lines(cairo, outline, COUNT(outline), true);
    add_lines(cairo, lid, COUNT(lid), false);
    add_line(cairo, 0.5, 0.48, 0.5, 0.96);
}

static void add_page(cairo_t *cairo)
{
    static const Point outline[] = {{0.16, 0.02}, {0.62, 0.02}, {0.84, 0.24}, {0.84, 0.98}, {0.16, 0.98}};
    static const Point corner[] = {{0.62, 0.02}, {0.62, 0.24}, {0.84, 0.24}};

    add_lines(cairo, outline, COUNT(outline), true);
    add_lines(cairo, corner, COUNT(corner), false);
    for (int i = 0; i < 4; i++)
        add_line(cairo, 0.3, 0.42 + i * 0.14, i < 3 ? 0.7 : 0.52, 0.42 + i * 0.14);
}

static void add_mark(cairo_t *cairo)
{
    cairo_new_sub_path(cairo);
    for (int i = 0; i < 10; i++) {
        const double radius = i % 2 ? 0.2 : 0.5;
        const double angle = (i * 36 - 90) * M_PI / 180;
        cairo_line_to(cairo, 0.5 + radius * cos(angle), 0.52 + radius * sin(angle));
    }
    cairo_close_path(cairo);
}

static void add_layers(cairo_t *cairo)
{
    static const Point sheet[] = {{0.5, 0.06}, {0.98, 0.3}, {0.5, 0.54}, {0.02, 0.3}};

    add_lines(cairo, sheet, COUNT(sheet), true);
    for (int i = 1; i < 3; i++) {
        const double down = i * 0.19;
        const Point edge[] = {{0.02, 0.34 + down}, {0.5, 0.58 + down}, {0.98, 0.34 + down}};
        add_lines(cairo, edge, COUNT(edge), false);
    }
}

/** A closed curve that is no circle. */
static void add_outline(cairo_t *cairo, double size)
{
    cairo_new_sub_path(cairo);
    for (int i = 0; i < 72; i++) {
        const double angle = i * 5 * M_PI / 180;
        const double radius = size * (0.85 + 0.1 * sin(2 * angle) + 0.07 * cos(3 * angle));
        cairo_line_to(cairo, 0.5 + radius * cos(angle), 0.5 + radius * sin(angle));
    }
    cairo_close_path(cairo);
}

static void add_contours(cairo_t *cairo)
{
    for (int i = 1; i <= 3; i++)
        add_outline(cairo, i * 0.17);
}

static void add_target(cairo_t *cairo)
{
    add_circle(cairo, 0.5, 0.5, 0.32);
    add_circle(cairo, 0.5, 0.5, 0.12);
    for (int i = 0; i < 4; i++) {
        const double x = i == 0 ? 1 : i == 2 ? -1 : 0;
        const double y = i == 1 ? 1 : i == 3 ? -1 : 0;
        add_line(cairo, 0.5 + 0.22 * x, 0.5 + 0.22 * y, 0.5 + 0.5 * x, 0.5 + 0.5 * y);
    }
}

static void add_surface(cairo_t *cairo)
{
    add_circle(cairo, 0.5, 0.5, 0.46);
    for (int i = 0; i < 4; i++) { /* two meridians, two parallels */
        cairo_save(cairo);
        cairo_translate(cairo, 0.5, 0.5);
        cairo_scale(cairo, i < 2 ? 0.2 + 0.14 * i : 0.46, i < 2 ? 0.46 : 0.06 + 0.16 * (i - 2));
        cairo_new_sub_path(cairo);
        cairo_arc(cairo, 0, 0, 1, 0, 2 * M_PI);
        cairo_restore(cairo);
    }
}

static void add_pair(cairo_t *cairo)
{
    static const Point turned[] = {{0.42, 0.22}, {0.98, 0.36}, {0.84, 0.92}, {0.28, 0.78}};

    cairo_rectangle(cairo, 0.04, 0.08, 0.58, 0.58);
    add_lines(cairo, turned, COUNT(turned), true);
}

static void add_wave(cairo_t *cairo)
{
    static const Point beat[] = {{0, 0.6},     {0.2, 0.6},   {0.27, 0.5},  {0.34, 0.6}, {0.42, 0.6},
                                 {0.46, 0.68}, {0.52, 0.08}, {0.58, 0.88}, {0.62, 0.6}, {0.7, 0.6},
                                 {0.79, 0.44}, {0.88, 0.6},  {1, 0.6}};

    add_lines(cairo, beat, COUNT(beat), false);
}

static void add_picture(cairo_t *cairo)
{
    static const Point hills[] = {{0.02, 0.78}, {0.34, 0.44}, {0.56, 0.66}, {0.7, 0.54}, {0.98, 0.78}};

    cairo_rectangle(cairo, 0.02, 0.1, 0.96, 0.8);
    add_lines(cairo, hills, COUNT(hills), false);
    add_circle(cairo, 0.74, 0.3, 0.08);
}

static void (*const shapes[TRANSCODE_CARD_SHAPES])(cairo_t *cairo) = {
    [TRANSCODE_CARD_BOX] = add_box,           [TRANSCODE_CARD_PAGE] = add_page,
    [TRANSCODE_CARD_MARK] = add_mark,         [TRANSCODE_CARD_LAYERS] = add_layers,
    [TRANSCODE_CARD_CONTOURS] = add_contours, [TRANSCODE_CARD_TARGET] = add_target,
    [TRANSCODE_CARD_SURFACE] = add_surface,   [TRANSCODE_CARD_PAIR] = add_pair,
    [TRANSCODE_CARD_WAVE] = add_wave,         [TRANSCODE_CARD_PICTURE] = add_picture,
};

/* ---- The card ---- */

static void draw_shape(Drawing *drawing, TranscodeCardShape shape, double side)
{
    cairo_save(drawing->cairo);
    cairo_translate(drawing->cairo, side * (1 - SHAPE_SIDE) / 2, side * SHAPE_TOP);
    cairo_scale(drawing->cairo, side * SHAPE_SIDE, side * SHAPE_SIDE);
    shapes[shape](drawing->cairo);
    cairo_restore(drawing->cairo);
    drawing_stroke(drawing, fmax(side * SHAPE_LINE, 1), shape_color);
}

static void write_text(Drawing *drawing, const char *text, double side, double top, double size,
                       uint32_t lines, const uint16_t color[3])
{
    const DrawingText letters = {.text = text,
                                 .size = fmax(side * size, LETTERS_MIN),
                                 .most_across = fmax(side * (1 - 2 * MARGIN), 1),
                                 .most_lines = lines,
                                 .is_centered = true};

    drawing_add_text(drawing, &letters, side * MARGIN, side * top);
    drawing_fill(drawing, color);
}

PacsStatus transcode_card_draw(const TranscodeCard *card, uint32_t side, TranscodePicture *ret_picture,
                               PacsError *err)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    Drawing drawing = {0};

    PacsStatus status = transcode_picture_init(&picture, side, side, 1, 8, err);
    if (status != PACS_OK)
        return status;
    memset(picture.pixels, GROUND, (size_t)side * side);
    status = drawing_init(&drawing, &picture, err);
    if (status == PACS_OK) {
        draw_shape(&drawing, card->shape, side);
        write_text(&drawing, card->word, side, WORD_TOP, WORD_SIZE, 1, word_color);
        write_text(&drawing, card->title, side, TITLE_TOP, TITLE_SIZE, 2, title_color);
    }
    drawing_clear(&drawing);
    if (status != PACS_OK)
        return status;
    *ret_picture = picture;
    picture = (TranscodePicture){0};
    return PACS_OK;
}
