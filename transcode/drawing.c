#include "transcode/drawing.h"

#include <math.h>
#include <string.h>

#include <pango/pangocairo.h>

#include "pacs/util/limits.h"
#include "pacs/util/sanitize_fonts.h"

#define SIDE_MAX 32767
#define LINES_DOWN 45 /* of text, on the shorter side of a picture */
#define FONT_MIN 9.0
#define FONT_MAX 64.0
#define LINE_PART 400 /* of the shorter side */

double drawing_line_width(const TranscodePicture *picture)
{
    return fmax((picture->width < picture->height ? picture->width : picture->height) / (double)LINE_PART, 1);
}

double drawing_font_size(const TranscodePicture *picture)
{
    const double side = picture->width < picture->height ? picture->width : picture->height;

    return fmin(fmax(side / LINES_DOWN, FONT_MIN), FONT_MAX);
}

PacsStatus drawing_init(Drawing *drawing, TranscodePicture *picture, PacsError *err)
{
    *drawing = (Drawing){.picture = picture};
    if (picture->bits != 8)
        return pacs_fail(err, PACS_UNSUPPORTED, "nothing is drawn on pictures of %u bits", picture->bits);
    if (picture->width > SIDE_MAX || picture->height > SIDE_MAX)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "a picture of %u by %u pixels: lines and text are drawn up to %u", picture->width,
                         picture->height, SIDE_MAX);
    drawing->mask = cairo_image_surface_create(CAIRO_FORMAT_A8, (int)picture->width, (int)picture->height);
    drawing->cairo = cairo_create(drawing->mask);
    if (cairo_status(drawing->cairo) != CAIRO_STATUS_SUCCESS)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to draw on a picture of %u by %u pixels",
                         picture->width, picture->height);
    cairo_set_line_join(drawing->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(drawing->cairo, CAIRO_LINE_CAP_ROUND);
    return PACS_OK;
}

void drawing_clear(Drawing *drawing)
{
    if (drawing->cairo)
        cairo_destroy(drawing->cairo);
    if (drawing->mask)
        cairo_surface_destroy(drawing->mask);
    *drawing = (Drawing){0};
}

/* ---- From the mask to the picture ---- */

typedef struct Box {
    uint32_t left, top, right, bottom; /* right and bottom outside */
} Box;

static uint32_t inside(double position, uint32_t side)
{
    return position > 0 ? (uint32_t)fmin(position, side) : 0;
}

static Box box_of(const TranscodePicture *picture, double left, double top, double right, double bottom)
{
    return (Box){.left = inside(floor(left) - 1, picture->width),
                 .top = inside(floor(top) - 1, picture->height),
                 .right = inside(ceil(right) + 1, picture->width),
                 .bottom = inside(ceil(bottom) + 1, picture->height)};
}

static void blend(uint8_t *pixel, uint8_t channels, uint8_t cover, const uint16_t color[3])
{
    for (uint8_t c = 0; c < channels && c < 3; c++)
        pixel[c] = (uint8_t)((pixel[c] * (255 - cover) + (color[c] >> 8) * cover + 127) / 255);
    if (channels == 4 && pixel[3] < cover)
        pixel[3] = cover;
}

/* What the mask has in the box goes onto the picture; the mask is empty again. */
static void apply(Drawing *drawing, Box box, const uint16_t color[3])
{
    TranscodePicture *picture = drawing->picture;

    cairo_surface_flush(drawing->mask);
    const size_t stride = (size_t)cairo_image_surface_get_stride(drawing->mask);
    uint8_t *mask = cairo_image_surface_get_data(drawing->mask);
    for (size_t y = box.top; y < box.bottom; y++) {
        for (size_t x = box.left; x < box.right; x++)
            if (mask[y * stride + x])
                blend(picture->pixels + (y * picture->width + x) * picture->channels, picture->channels,
                      mask[y * stride + x], color);
        if (box.left < box.right)
            memset(mask + y * stride + box.left, 0, box.right - box.left);
    }
    cairo_surface_mark_dirty(drawing->mask);
}

void drawing_stroke(Drawing *drawing, double line_width, const uint16_t color[3])
{
    double left = 0, top = 0, right = 0, bottom = 0;

    cairo_set_line_width(drawing->cairo, line_width);
    cairo_stroke_extents(drawing->cairo, &left, &top, &right, &bottom);
    cairo_stroke(drawing->cairo);
    apply(drawing, box_of(drawing->picture, left, top, right, bottom), color);
}

void drawing_fill(Drawing *drawing, const uint16_t color[3])
{
    double left = 0, top = 0, right = 0, bottom = 0;

    cairo_fill_extents(drawing->cairo, &left, &top, &right, &bottom);
    cairo_fill(drawing->cairo);
    apply(drawing, box_of(drawing->picture, left, top, right, bottom), color);
}

/* ---- Text ---- */

static PangoLayout *lay_out(const Drawing *drawing, const DrawingText *text)
{
    PangoLayout *layout = pango_cairo_create_layout(drawing->cairo);
    PangoFontDescription *font = pango_font_description_from_string("Sans");
    char *valid = g_utf8_make_valid(text->text, (gssize)strnlen(text->text, PACS_MAX_DRAWN_TEXT));

    pango_font_description_set_absolute_size(font, text->size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_text(layout, valid, -1);
    pango_layout_set_alignment(layout, text->is_right      ? PANGO_ALIGN_RIGHT
                                       : text->is_centered ? PANGO_ALIGN_CENTER
                                                           : PANGO_ALIGN_LEFT);
    if (text->most_lines > 0) {
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
        pango_layout_set_height(layout, -(int)text->most_lines);
    }
    if (text->most_across > 0) {
        pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
        pango_layout_set_width(layout, (int)(fmin(text->most_across, SIDE_MAX) * PANGO_SCALE));
    }
    g_free(valid);
    pango_font_description_free(font);
    return layout;
}

void drawing_measure(Drawing *drawing, const DrawingText *text, double *ret_width, double *ret_height)
{
    PangoLayout *layout = lay_out(drawing, text);
    int width = 0;
    int height = 0;

    pango_layout_get_pixel_size(layout, &width, &height);
    g_object_unref(layout);
    *ret_width = width;
    *ret_height = height;
}

void drawing_add_text(Drawing *drawing, const DrawingText *text, double x, double y)
{
    PangoLayout *layout = lay_out(drawing, text);

    cairo_move_to(drawing->cairo, x, y);
    pango_cairo_layout_path(drawing->cairo, layout);
    g_object_unref(layout);
}
