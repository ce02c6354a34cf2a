#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/render_private.h"

/** What lies on the image, pixel by pixel: a shutter (PS3.3 C.7.6.11, C.7.6.15), then overlays (C.9). */

static bool is_coloured(const uint16_t color[3])
{
    return color[0] != color[1] || color[1] != color[2];
}

bool render_layers_are_coloured(const RenderRows *rows)
{
    const TranscodeRendering *rendering = rows->rendering;

    if (rendering->shutter && is_coloured(rendering->shutter->color))
        return true;
    for (size_t i = 0; rows->shows_overlays && i < rendering->overlay_count; i++)
        if (is_coloured(rendering->overlays[i].color))
            return true;
    for (size_t i = 0; i < rendering->graphic_count; i++)
        if (is_coloured(rendering->graphics[i].color))
            return true;
    return false;
}

static void put(const RenderRows *rows, uint8_t *row, uint32_t i, const uint16_t color[3])
{
    if (rows->channels == 1)
        row[i] = (uint8_t)(color[0] >> 8);
    else
        for (size_t c = 0; c < 3; c++)
            row[3 * (size_t)i + c] = (uint8_t)(color[c] >> 8);
}

/* ---- Overlay planes ---- */

/* The pixels from x on that a plane covers in row y: first to last, relative to x. */
static bool covered(const RenderRows *rows, const TranscodeOverlay *overlay, uint32_t y, uint32_t *ret_first,
                    uint32_t *ret_last)
{
    const int64_t row = (int64_t)y + 1 - overlay->first_row;
    const int64_t first = (int64_t)overlay->first_column - 1 - rows->geometry.x;
    const int64_t last = first + overlay->columns - 1;

    if (row < 0 || row >= overlay->rows || last < 0 || first >= rows->geometry.columns ||
        overlay->columns == 0)
        return false;
    *ret_first = first < 0 ? 0 : (uint32_t)first;
    *ret_last = last >= rows->geometry.columns ? rows->geometry.columns - 1 : (uint32_t)last;
    return true;
}

/* Whether the plane has a bit for pixel x, y, both inside of it. */
static bool bit_of(const TranscodeOverlay *overlay, uint32_t x, uint32_t y)
{
    const uint64_t row = (uint64_t)((int64_t)y + 1 - overlay->first_row);
    const uint64_t column = (uint64_t)((int64_t)x + 1 - overlay->first_column);
    const uint64_t bit = row * overlay->columns + column;

    if (overlay->first_bit > (uint64_t)overlay->size * 8 ||
        bit >= (uint64_t)overlay->size * 8 - overlay->first_bit)
        return false;
    return overlay->bits[(overlay->first_bit + bit) / 8] >> ((overlay->first_bit + bit) % 8) & 1;
}

static void draw_plane(const RenderRows *rows, const TranscodeOverlay *overlay, uint32_t y, uint8_t *row)
{
    uint32_t first = 0;
    uint32_t last = 0;

    if (!covered(rows, overlay, y, &first, &last))
        return;
    for (uint32_t i = first; i <= last; i++)
        if (bit_of(overlay, rows->geometry.x + i, y))
            put(rows, row, i, overlay->color);
}

/* Planes in a bit of the pixels are as large as the image. */
static void draw_embedded(const RenderRows *rows, const TranscodeOverlay *overlay, uint32_t y, uint8_t *row)
{
    const TranscodeLayout *layout = &rows->frame->layout;
    const size_t word = layout->bits_allocated / 8;

    if (layout->samples_per_pixel != 1 || overlay->embedded_bit >= layout->bits_allocated || word == 0)
        return;
    const uint8_t *bytes = rows->frame->bytes + ((size_t)y * layout->columns + rows->geometry.x) * word +
                           overlay->embedded_bit / 8;
    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        if (bytes[i * word] >> (overlay->embedded_bit % 8) & 1)
            put(rows, row, i, overlay->color);
}

/* ---- Shutters: 1 in the mask is shown ---- */

/* Hide all but columns from `left` to `right`, counted from 1 as the attributes are. */
static void keep(const RenderRows *rows, double left, double right)
{
    const double first = ceil(left) - 1 - rows->geometry.x;
    const double last = floor(right) - 1 - rows->geometry.x;
    const uint32_t count = rows->geometry.columns;

    for (uint32_t i = 0; i < count; i++)
        rows->mask[i] &= i >= first && i <= last;
}

static void keep_circle(const RenderRows *rows, const TranscodeShutter *shutter, double y)
{
    const double down = y - shutter->center_row;
    const double square = (double)shutter->radius * shutter->radius - down * down;

    if (square < 0)
        keep(rows, 1, 0);
    else
        keep(rows, shutter->center_column - sqrt(square), shutter->center_column + sqrt(square));
}

static int by_value(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Where the polygon's edges cross line y, in order. Edges that end on it count from above only, or from below only. */
static size_t cross(const RenderRows *rows, const TranscodeShutter *shutter, double y, bool from_above)
{
    const int32_t *at = shutter->vertices;
    size_t count = 0;

    for (size_t a = 0, b = shutter->vertex_count - 1; a < shutter->vertex_count; b = a++) {
        const double row_a = at[2 * a];
        const double row_b = at[2 * b];
        if (from_above ? (row_a < y) == (row_b < y) : (row_a > y) == (row_b > y))
            continue;
        rows->crossings[count++] = at[2 * a + 1] +
                                   ((double)at[2 * b + 1] - at[2 * a + 1]) * (y - row_a) / (row_b - row_a);
    }
    qsort(rows->crossings, count, sizeof *rows->crossings, by_value);
    return count;
}

/* Both ways of counting together show what lies on the edges, too. */
static void keep_polygon(const RenderRows *rows, const TranscodeShutter *shutter, double y)
{
    const uint32_t columns = rows->geometry.columns;
    const double origin = (double)rows->geometry.x + 1;

    for (int from_above = 0; from_above < 2; from_above++) {
        const size_t count = cross(rows, shutter, y, from_above);
        for (size_t i = 0; i + 1 < count; i += 2) {
            const int64_t first = (int64_t)fmax(ceil(rows->crossings[i] - origin), 0);
            const int64_t last = (int64_t)fmin(floor(rows->crossings[i + 1] - origin), columns - 1.0);
            for (int64_t column = first; column <= last; column++)
                rows->mask[column] |= 2;
        }
    }
    for (uint32_t i = 0; i < columns; i++)
        rows->mask[i] = rows->mask[i] == 3;
}

static void hide_bitmap(const RenderRows *rows, const TranscodeOverlay *bitmap, uint32_t y)
{
    uint32_t first = 0;
    uint32_t last = 0;

    if (!bitmap->bits || !covered(rows, bitmap, y, &first, &last))
        return;
    for (uint32_t i = first; i <= last; i++)
        if (bit_of(bitmap, rows->geometry.x + i, y))
            rows->mask[i] = 0;
}

static void draw_shutter(const RenderRows *rows, const TranscodeShutter *shutter, uint32_t y, uint8_t *row)
{
    const double number = (double)y + 1;

    memset(rows->mask, 1, rows->geometry.columns);
    if (shutter->has_rectangle && (number < shutter->top || number > shutter->bottom))
        keep(rows, 1, 0);
    else if (shutter->has_rectangle)
        keep(rows, shutter->left, shutter->right);
    if (shutter->has_circle)
        keep_circle(rows, shutter, number);
    if (shutter->has_polygon && shutter->vertex_count > 0)
        keep_polygon(rows, shutter, number);
    if (shutter->bitmap)
        hide_bitmap(rows, shutter->bitmap, y);
    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        if (!rows->mask[i])
            put(rows, row, i, shutter->color);
}

void render_layers_draw(const RenderRows *rows, uint32_t y, uint8_t *row)
{
    const TranscodeRendering *rendering = rows->rendering;

    if (rendering->shutter)
        draw_shutter(rows, rendering->shutter, y, row);
    for (size_t i = 0; rows->shows_overlays && i < rendering->overlay_count; i++) {
        if (rendering->overlays[i].bits)
            draw_plane(rows, &rendering->overlays[i], y, row);
        else
            draw_embedded(rows, &rendering->overlays[i], y, row);
    }
}
