#include <math.h>

#include "pacs/util/limits.h"
#include "transcode/drawing.h"
#include "transcode/render_private.h"

/** Lines and text of a presentation state on the finished picture (PS3.3 C.10.5), sharp at whatever size it has. */

#define FAR 100000.0 /* pixels beyond which a point is where it is enough: cairo's numbers end at 8 million */
#define STEPS_AROUND 128    /* of a circle or an ellipse: no corner is seen on one as large as a screen */
#define TEXT_SIZE_RATIO 2.0 /* letters grow and shrink by so much to fill their box */

typedef struct Point {
    double x, y;
} Point;

typedef struct Canvas {
    Drawing drawing;
    const RenderGeometry *geometry;
    double width, height; /* of the picture */
} Canvas;

static double clamped(double value)
{
    return fmin(fmax(value, -FAR), FAR);
}

/* Where a point of the image, or of the display, lies on the picture. */
static Point place(const Canvas *canvas, const TranscodeGraphic *graphic, double x, double y)
{
    if (graphic->is_display)
        return (Point){clamped(x * canvas->width), clamped(y * canvas->height)};
    render_geometry_point(canvas->geometry, &x, &y);
    return (Point){clamped(x), clamped(y)};
}

static Point point(const Canvas *canvas, const TranscodeGraphic *graphic, size_t index)
{
    return place(canvas, graphic, graphic->points[2 * index], graphic->points[2 * index + 1]);
}

/* ---- Paths ---- */

static void add_polyline(const Canvas *canvas, const TranscodeGraphic *graphic)
{
    for (size_t i = 0; i < graphic->point_count; i++) {
        const Point to = point(canvas, graphic, i);
        cairo_line_to(canvas->drawing.cairo, to.x, to.y);
    }
}

/* A curve through all points: Catmull-Rom, whose pieces are Bezier curves. */
static void add_interpolated(const Canvas *canvas, const TranscodeGraphic *graphic)
{
    const size_t last = graphic->point_count - 1;

    for (size_t i = 0; i < last; i++) {
        const Point before = point(canvas, graphic, i > 0 ? i - 1 : 0);
        const Point from = point(canvas, graphic, i);
        const Point to = point(canvas, graphic, i + 1);
        const Point after = point(canvas, graphic, i + 2 <= last ? i + 2 : last);
        cairo_line_to(canvas->drawing.cairo, from.x, from.y);
        cairo_curve_to(canvas->drawing.cairo, from.x + (to.x - before.x) / 6, from.y + (to.y - before.y) / 6,
                       to.x - (after.x - from.x) / 6, to.y - (after.y - from.y) / 6, to.x, to.y);
    }
}

/* Around a centre, by the halves of two axes; round in the image, whatever its pixels are on the picture. */
static void add_round(const Canvas *canvas, const TranscodeGraphic *graphic, Point center, Point a, Point b)
{
    for (int i = 0; i < STEPS_AROUND; i++) {
        const double angle = 2 * M_PI * i / STEPS_AROUND;
        const Point to = place(canvas, graphic, center.x + a.x * cos(angle) + b.x * sin(angle),
                               center.y + a.y * cos(angle) + b.y * sin(angle));
        cairo_line_to(canvas->drawing.cairo, to.x, to.y);
    }
    cairo_close_path(canvas->drawing.cairo);
}

static void add_circle(const Canvas *canvas, const TranscodeGraphic *graphic)
{
    const double *at = graphic->points;
    const double radius = hypot(at[2] - at[0], at[3] - at[1]);

    add_round(canvas, graphic, (Point){at[0], at[1]}, (Point){radius, 0}, (Point){0, radius});
}

static void add_ellipse(const Canvas *canvas, const TranscodeGraphic *graphic)
{
    const double *at = graphic->points;

    add_round(canvas, graphic, (Point){(at[0] + at[2]) / 2, (at[1] + at[3]) / 2},
              (Point){(at[2] - at[0]) / 2, (at[3] - at[1]) / 2},
              (Point){(at[6] - at[4]) / 2, (at[7] - at[5]) / 2});
}

/* ---- Kinds ---- */

static void draw_points(Canvas *canvas, const TranscodeGraphic *graphic)
{
    const double radius = 2 * drawing_line_width(canvas->drawing.picture);

    for (size_t i = 0; i < graphic->point_count; i++) {
        const Point center = point(canvas, graphic, i);
        cairo_arc(canvas->drawing.cairo, center.x, center.y, radius, 0, 2 * M_PI);
        drawing_fill(&canvas->drawing, graphic->color);
    }
}

static void draw_path(Canvas *canvas, const TranscodeGraphic *graphic)
{
    if (graphic->is_filled)
        drawing_fill(&canvas->drawing, graphic->color);
    else
        drawing_stroke(&canvas->drawing, drawing_line_width(canvas->drawing.picture), graphic->color);
}

/* In a box letters are as large as fit into it; at a point they begin there. */
static void draw_text(Canvas *canvas, const TranscodeGraphic *graphic)
{
    DrawingText text = {.text = graphic->text, .size = drawing_font_size(canvas->drawing.picture)};
    const Point a = point(canvas, graphic, 0);
    const Point b = graphic->point_count > 1 ? point(canvas, graphic, 1) : a;
    const double across = fabs(b.x - a.x);
    const double down = fabs(b.y - a.y);
    double width = 0;
    double height = 0;

    drawing_measure(&canvas->drawing, &text, &width, &height);
    if (across > 0 && down > 0 && width > 0 && height > 0)
        text.size *= fmin(fmax(fmin(across / width, down / height), 1 / TEXT_SIZE_RATIO), TEXT_SIZE_RATIO);
    drawing_add_text(&canvas->drawing, &text, fmin(a.x, b.x), fmin(a.y, b.y));
    drawing_fill(&canvas->drawing, graphic->color);
}

/** How many points a kind needs, and how it is drawn. */
typedef struct Kind {
    size_t points;
    void (*add)(const Canvas *canvas, const TranscodeGraphic *graphic); /* its path; or */
    void (*draw)(Canvas *canvas, const TranscodeGraphic *graphic);      /* all of it */
} Kind;

static const Kind kinds[] = {
    [TRANSCODE_POINT] = {.points = 1, .draw = draw_points},
    [TRANSCODE_POLYLINE] = {.points = 2, .add = add_polyline},
    [TRANSCODE_INTERPOLATED] = {.points = 2, .add = add_interpolated},
    [TRANSCODE_CIRCLE] = {.points = 2, .add = add_circle},
    [TRANSCODE_ELLIPSE] = {.points = 4, .add = add_ellipse},
    [TRANSCODE_TEXT] = {.points = 1, .draw = draw_text},
};

static bool can_be_drawn(const TranscodeGraphic *graphic)
{
    if (graphic->point_count < kinds[graphic->kind].points ||
        (graphic->kind == TRANSCODE_TEXT && !graphic->text))
        return false;
    for (size_t i = 0; i < 2 * graphic->point_count; i++)
        if (!isfinite(graphic->points[i]))
            return false;
    return true;
}

static void draw(Canvas *canvas, const TranscodeGraphic *graphic)
{
    const Kind *kind = &kinds[graphic->kind];

    if (!can_be_drawn(graphic))
        return;
    if (kind->draw) {
        kind->draw(canvas, graphic);
        return;
    }
    kind->add(canvas, graphic);
    draw_path(canvas, graphic);
}

static PacsStatus check(const TranscodeRendering *rendering, PacsError *err)
{
    size_t points = 0;

    for (size_t i = 0; i < rendering->graphic_count; i++) {
        if (rendering->graphics[i].point_count > PACS_MAX_GRAPHIC_POINTS - points)
            return pacs_fail(err, PACS_TOO_LARGE, "graphics of more than %u points", PACS_MAX_GRAPHIC_POINTS);
        points += rendering->graphics[i].point_count;
    }
    return PACS_OK;
}

PacsStatus render_graphics(const TranscodeRendering *rendering, const RenderGeometry *geometry,
                           TranscodePicture *picture, PacsError *err)
{
    Canvas canvas = {.geometry = geometry, .width = picture->width, .height = picture->height};

    if (rendering->graphic_count == 0)
        return PACS_OK;
    PacsStatus status = check(rendering, err);
    if (status == PACS_OK)
        status = drawing_init(&canvas.drawing, picture, err);
    for (size_t i = 0; status == PACS_OK && i < rendering->graphic_count; i++)
        draw(&canvas, &rendering->graphics[i]);
    drawing_clear(&canvas.drawing);
    return status;
}
