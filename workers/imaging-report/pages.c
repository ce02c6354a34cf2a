#include "workers/imaging-report/pages.h"

#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#include "pacs/util/sanitize_fonts.h"

static cairo_status_t keep(void *context, const unsigned char *bytes, unsigned size)
{
    PacsBuffer *out = context;

    return !out || pacs_buffer_add(out, bytes, size) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

PacsStatus pages_init(Pages *pages, const PagesSetup *setup, PacsError *err)
{
    *pages = (Pages){.setup = *setup, .y = PAGES_MARGIN, .number = 1};
    pages->surface = cairo_pdf_surface_create_for_stream(keep, setup->out, setup->width, setup->height);
    cairo_pdf_surface_restrict_to_version(pages->surface, CAIRO_PDF_VERSION_1_5);
    cairo_pdf_surface_set_metadata(pages->surface, CAIRO_PDF_METADATA_TITLE, setup->title);
    cairo_pdf_surface_set_metadata(pages->surface, CAIRO_PDF_METADATA_CREATOR, "Lightbox " PACS_VERSION);
    cairo_pdf_surface_set_metadata(pages->surface, CAIRO_PDF_METADATA_CREATE_DATE, setup->date);
    pages->cairo = cairo_create(pages->surface);
    if (cairo_status(pages->cairo) != CAIRO_STATUS_SUCCESS)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the pages of a report");
    return PACS_OK;
}

void pages_clear(Pages *pages)
{
    if (pages->cairo)
        cairo_destroy(pages->cairo);
    if (pages->surface)
        cairo_surface_destroy(pages->surface);
    *pages = (Pages){0};
}

static void end_page(Pages *pages)
{
    if (pages->setup.decorate)
        pages->setup.decorate(pages->setup.context, pages);
    cairo_show_page(pages->cairo);
}

PacsStatus pages_finish(Pages *pages, PacsError *err)
{
    const PacsBuffer *out = pages->setup.out;

    end_page(pages);
    cairo_surface_finish(pages->surface);
    const cairo_status_t drawn = cairo_status(pages->cairo);
    const cairo_status_t written = cairo_surface_status(pages->surface);
    if (out && out->failed)
        return pacs_buffer_check(out, err);
    if (drawn == CAIRO_STATUS_NO_MEMORY || written == CAIRO_STATUS_NO_MEMORY)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the pages of a report");
    if (drawn != CAIRO_STATUS_SUCCESS || written != CAIRO_STATUS_SUCCESS)
        return pacs_fail(err, PACS_INTERNAL, "a report's pages could not be drawn: %s",
                         cairo_status_to_string(drawn != CAIRO_STATUS_SUCCESS ? drawn : written));
    return PACS_OK;
}

/* ---- Room ---- */

double pages_width(const Pages *pages)
{
    return pages->setup.width - 2 * PAGES_MARGIN;
}

double pages_left(const Pages *pages)
{
    return pages->setup.height - PAGES_BOTTOM - pages->y;
}

static double top_of(const Pages *pages)
{
    return pages->number == 1 ? PAGES_MARGIN : PAGES_TOP;
}

static void new_page(Pages *pages)
{
    end_page(pages);
    pages->number++;
    pages->y = PAGES_TOP;
}

void pages_need(Pages *pages, double height)
{
    if (height > pages_left(pages) && pages->y > top_of(pages))
        new_page(pages);
}

void pages_skip(Pages *pages, double height)
{
    if (pages->y > top_of(pages))
        pages->y += height;
}

/* ---- Text ---- */

/* Metrics that do not depend on a screen: lines break alike wherever the document is made. */
static void set_exact_metrics(PangoLayout *layout)
{
    cairo_font_options_t *options = cairo_font_options_create();

    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(pango_layout_get_context(layout), options);
    pango_context_set_round_glyph_positions(pango_layout_get_context(layout), FALSE);
    pango_layout_context_changed(layout);
    cairo_font_options_destroy(options);
}

static void set_font(PangoLayout *layout, const char *family, const PagesStyle *style)
{
    PangoFontDescription *font = pango_font_description_new();

    pango_font_description_set_family(font, family);
    pango_font_description_set_absolute_size(font, style->size * PANGO_SCALE);
    pango_font_description_set_weight(font, style->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_style(font, style->is_italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
}

static PangoLayout *lay_out(const Pages *pages, const PagesStyle *style, const char *text, double width)
{
    PangoLayout *layout = pango_cairo_create_layout(pages->cairo);

    set_exact_metrics(layout);
    set_font(layout, pages->setup.font, style);
    pango_layout_set_text(layout, text, -1);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_line_spacing(layout, (float)style->line_spacing);
    pango_layout_set_alignment(layout, style->align == PAGES_CENTER  ? PANGO_ALIGN_CENTER
                                       : style->align == PAGES_RIGHT ? PANGO_ALIGN_RIGHT
                                                                     : PANGO_ALIGN_LEFT);
    return layout;
}

static void use_color(Pages *pages, PagesColor color)
{
    cairo_set_source_rgba(pages->cairo, color.red, color.green, color.blue, color.alpha);
}

double pages_measure(Pages *pages, const PagesStyle *style, const char *text, double width)
{
    PangoLayout *layout = lay_out(pages, style, text, width);
    int height = 0;

    pango_layout_get_size(layout, NULL, &height);
    g_object_unref(layout);
    return (double)height / PANGO_SCALE;
}

static void draw(Pages *pages, const PagesStyle *style, PangoLayout *layout, double x, double y)
{
    use_color(pages, style->color);
    cairo_move_to(pages->cairo, x, y);
    pango_cairo_show_layout(pages->cairo, layout);
    g_object_unref(layout);
}

void pages_draw(Pages *pages, const PagesStyle *style, const char *text, double x, double y, double width)
{
    draw(pages, style, lay_out(pages, style, text, width), x, y);
}

void pages_draw_line(Pages *pages, const PagesStyle *style, const char *text, double x, double y,
                     double width)
{
    PangoLayout *layout = lay_out(pages, style, text, width);

    pango_layout_set_single_paragraph_mode(layout, TRUE);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    draw(pages, style, layout, x, y);
}

/* ---- Running text ---- */

typedef struct Line {
    PangoLayoutLine *line; /* the layout's */
    double x, baseline, height;
    bool is_first, is_last; /* of its paragraph */
} Line;

static Line line_at(PangoLayoutIter *iter, PangoLayoutLine *next)
{
    PangoRectangle extents;
    int top = 0, bottom = 0;

    pango_layout_iter_get_line_extents(iter, NULL, &extents);
    pango_layout_iter_get_line_yrange(iter, &top, &bottom);
    PangoLayoutLine *line = pango_layout_iter_get_line_readonly(iter);
    return (Line){.line = line,
                  .x = (double)extents.x / PANGO_SCALE,
                  .baseline = (double)(pango_layout_iter_get_baseline(iter) - top) / PANGO_SCALE,
                  .height = (double)(bottom - top) / PANGO_SCALE,
                  .is_first = line->is_paragraph_start,
                  .is_last = !next || next->is_paragraph_start};
}

/* The first two lines of a paragraph stay together, and so do the last two: a line that may not end a page asks for the room
 * of the next one too. */
static bool is_kept_with_next(const Line *line, PangoLayoutLine *next, PangoLayoutLine *after_next)
{
    if (line->is_last || !next)
        return false;
    return line->is_first || !after_next || after_next->is_paragraph_start;
}

static void flow_line(Pages *pages, const Line *line)
{
    cairo_move_to(pages->cairo, PAGES_MARGIN + line->x, pages->y + line->baseline);
    pango_cairo_show_layout_line(pages->cairo, line->line);
    pages->y += line->height;
}

void pages_flow(Pages *pages, const PagesStyle *style, const char *text)
{
    PangoLayout *layout = lay_out(pages, style, text, pages_width(pages));
    PangoLayoutIter *iter = pango_layout_get_iter(layout);
    const int count = pango_layout_get_line_count(layout);

    for (int i = 0; i < count; i++) {
        PangoLayoutLine *next = i + 1 < count ? pango_layout_get_line_readonly(layout, i + 1) : NULL;
        PangoLayoutLine *after_next = i + 2 < count ? pango_layout_get_line_readonly(layout, i + 2) : NULL;
        const Line line = line_at(iter, next);
        pages_need(pages, is_kept_with_next(&line, next, after_next) ? 2 * line.height : line.height);
        use_color(pages, style->color);
        flow_line(pages, &line);
        (void)pango_layout_iter_next_line(iter);
    }
    pango_layout_iter_free(iter);
    g_object_unref(layout);
}

/* ---- Shapes ---- */

void pages_rule(Pages *pages, double x, double y, double width, double thickness, PagesColor color)
{
    pages_box(pages, x, y, width, thickness, color);
}

void pages_box(Pages *pages, double x, double y, double width, double height, PagesColor fill)
{
    use_color(pages, fill);
    cairo_rectangle(pages->cairo, x, y, width, height);
    cairo_fill(pages->cairo);
}

void pages_jpeg(Pages *pages, const void *bytes, size_t size, uint32_t columns, uint32_t rows, double x,
                double y, double width, double height)
{
    if (!pages->setup.out)
        return;
    /* The pixels of this surface are never looked at: cairo takes the JPEG's bytes for them. */
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)columns, (int)rows);
    if (cairo_surface_set_mime_data(image, CAIRO_MIME_TYPE_JPEG, bytes, size, NULL, NULL) ==
        CAIRO_STATUS_SUCCESS) {
        cairo_save(pages->cairo);
        cairo_translate(pages->cairo, x, y);
        cairo_scale(pages->cairo, width / columns, height / rows);
        cairo_set_source_surface(pages->cairo, image, 0, 0);
        cairo_paint(pages->cairo);
        cairo_restore(pages->cairo);
    }
    cairo_surface_destroy(image);
}

void pages_watermark(Pages *pages, const PagesStyle *style, const char *text)
{
    const double width = hypot(pages->setup.width, pages->setup.height);
    PangoLayout *layout = lay_out(pages, style, text, width);
    int height = 0;

    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    pango_layout_get_size(layout, NULL, &height);
    cairo_save(pages->cairo);
    cairo_translate(pages->cairo, pages->setup.width / 2, pages->setup.height / 2);
    cairo_rotate(pages->cairo, -atan2(pages->setup.height, pages->setup.width));
    draw(pages, style, layout, -width / 2, -(double)height / PANGO_SCALE / 2);
    cairo_restore(pages->cairo);
}

void pages_outline(Pages *pages, const char *text)
{
    char target[64];

    (void)g_snprintf(target, sizeof target, "page=%u pos=[%.0f %.0f]", pages->number, PAGES_MARGIN, pages->y);
    (void)cairo_pdf_surface_add_outline(pages->surface, CAIRO_PDF_OUTLINE_ROOT, text, target, 0);
}

PacsStatus pages_check_font(const char *font, const char *letters, PacsError *err)
{
    const PagesSetup setup = {.width = 100, .height = 100, .font = font};
    const PagesStyle style = {.size = 10};
    Pages pages;

    PacsStatus status = pages_init(&pages, &setup, err);
    if (status == PACS_OK) {
        PangoLayout *layout = lay_out(&pages, &style, letters, 1000);
        const int unknown = pango_layout_get_unknown_glyphs_count(layout);
        g_object_unref(layout);
        if (unknown > 0)
            status = pacs_fail(
                err, PACS_UNSUPPORTED,
                "no font for reports: with '%s' %d of the letters needed are missing (is a font installed?)",
                font, unknown);
    }
    pages_clear(&pages);
    return status;
}
