#include <math.h>

#include "transcode/render_private.h"

/** Which part of the image is shown, how large, turned how. */

#define ASPECT_MAX 100 /* pixels more oblong than that are a mistake: shown square */

/* One axis of the region: from `start`, `length` long, 0: to the end; negative: mirrored. */
static PacsStatus cut(double start, double length, uint32_t side, double *ret_low, double *ret_high,
                      bool *ret_is_mirrored, PacsError *err)
{
    if (!isfinite(start) || !isfinite(length))
        return pacs_fail(err, PACS_INVALID, "a region without numbers");
    const double low = fmax(start, 0);
    const double high = length == 0 ? side : fmin(start + fabs(length), side);
    if (!(low < high))
        return pacs_fail(err, PACS_INVALID,
                         "the region from %g, %g long, lies outside of the image's %u pixels", start,
                         fabs(length), side);
    *ret_low = low;
    *ret_high = high;
    *ret_is_mirrored = length < 0;
    return PACS_OK;
}

static double aspect_of(const TranscodeRendering *rendering)
{
    const double aspect = rendering->pixel_aspect;

    return aspect >= 1.0 / ASPECT_MAX && aspect <= ASPECT_MAX ? aspect : 1;
}

/* What the picture is scaled by, so that it fits. */
static double scale_to_fit(const TranscodeView *view, bool is_on_its_side, double width, double height)
{
    const uint32_t most_across = is_on_its_side ? view->viewport_height : view->viewport_width;
    const uint32_t most_down = is_on_its_side ? view->viewport_width : view->viewport_height;
    double scale = INFINITY;

    if (most_across)
        scale = most_across / width;
    if (most_down)
        scale = fmin(scale, most_down / height);
    if (isinf(scale) || (scale > 1 && !view->enlarges))
        return 1;
    return scale;
}

static uint32_t whole(double length)
{
    return length < 1 ? 1 : length >= UINT32_MAX ? UINT32_MAX : (uint32_t)(length + 0.5);
}

static bool is_turned(uint16_t rotation)
{
    return rotation == 90 || rotation == 270;
}

/* Left becomes right once it is turned (C.10.6): of what will lie on its side, top becomes bottom before. */
static void flip(RenderGeometry *geometry, bool is_flipped)
{
    bool *is_reversed = is_turned(geometry->rotation) ? &geometry->is_upside_down : &geometry->is_mirrored;

    *is_reversed = *is_reversed != is_flipped;
}

PacsStatus render_geometry_of(const TranscodeLayout *layout, const TranscodeRendering *rendering,
                              const TranscodeView *view, RenderGeometry *ret_geometry, PacsError *err)
{
    RenderGeometry geometry = {.rotation = rendering->rotation};
    const double aspect = aspect_of(rendering);

    if (rendering->rotation % 90 != 0 || rendering->rotation >= 360)
        return pacs_fail(err, PACS_INVALID, "images are turned by 0, 90, 180 and 270 degrees, not by %u",
                         rendering->rotation);
    PacsStatus status = cut(view->region_x, view->region_width, layout->columns, &geometry.left,
                            &geometry.right, &geometry.is_mirrored, err);
    if (status == PACS_OK)
        status = cut(view->region_y, view->region_height, layout->rows, &geometry.top, &geometry.bottom,
                     &geometry.is_upside_down, err);
    if (status != PACS_OK)
        return status;
    flip(&geometry, rendering->is_flipped);
    geometry.x = (uint32_t)geometry.left;
    geometry.y = (uint32_t)geometry.top;
    geometry.columns = (uint32_t)ceil(geometry.right) - geometry.x;
    geometry.rows = (uint32_t)ceil(geometry.bottom) - geometry.y;

    const double width = (geometry.right - geometry.left) * fmax(1 / aspect, 1);
    const double height = (geometry.bottom - geometry.top) * fmax(aspect, 1);
    const double scale = scale_to_fit(view, is_turned(geometry.rotation), width, height);
    geometry.width = whole(width * scale);
    geometry.height = whole(height * scale);
    geometry.is_scaled = geometry.right - geometry.left != geometry.width || geometry.left != geometry.x ||
                         geometry.bottom - geometry.top != geometry.height || geometry.top != geometry.y;
    *ret_geometry = geometry;
    return PACS_OK;
}

void render_geometry_size(const RenderGeometry *geometry, uint32_t *ret_width, uint32_t *ret_height)
{
    *ret_width = is_turned(geometry->rotation) ? geometry->height : geometry->width;
    *ret_height = is_turned(geometry->rotation) ? geometry->width : geometry->height;
}

void render_geometry_point(const RenderGeometry *geometry, double *x, double *y)
{
    double across = (*x - geometry->left) / (geometry->right - geometry->left) * geometry->width;
    double down = (*y - geometry->top) / (geometry->bottom - geometry->top) * geometry->height;

    if (geometry->is_mirrored)
        across = geometry->width - across;
    if (geometry->is_upside_down)
        down = geometry->height - down;
    switch (geometry->rotation) {
    case 90:
        *x = geometry->height - down;
        *y = across;
        break;
    case 180:
        *x = geometry->width - across;
        *y = geometry->height - down;
        break;
    case 270:
        *x = down;
        *y = geometry->width - across;
        break;
    default:
        *x = across;
        *y = down;
    }
}
