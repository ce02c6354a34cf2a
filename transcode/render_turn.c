#include <stdlib.h>
#include <string.h>

#include "transcode/render_private.h"

/** Mirrored, upside down, turned: where each pixel of the picture goes. */

#define TILE 32 /* pixels a side: rows that are read and columns that are written stay in the cache */

/* Pixel 0, 0 of the source goes to `start`; one to the right is `right` bytes further, one down `down`. */
typedef struct Walk {
    ptrdiff_t start, right, down;
} Walk;

static Walk walk_of(const TranscodePicture *picture, const RenderGeometry *geometry)
{
    const ptrdiff_t size = picture->channels;
    const ptrdiff_t width = picture->width;
    const ptrdiff_t height = picture->height;
    Walk walk = {0};

    switch (geometry->rotation) {
    case 90:
        walk = (Walk){(height - 1) * size, height * size, -size};
        break;
    case 180:
        walk = (Walk){(width * height - 1) * size, -size, -width * size};
        break;
    case 270:
        walk = (Walk){(width - 1) * height * size, -height * size, size};
        break;
    default:
        walk = (Walk){0, size, width * size};
    }
    if (geometry->is_mirrored) {
        walk.start += walk.right * (width - 1);
        walk.right = -walk.right;
    }
    if (geometry->is_upside_down) {
        walk.start += walk.down * (height - 1);
        walk.down = -walk.down;
    }
    return walk;
}

/* `size` is a constant to each caller, so that a pixel is a load and a store. */
static inline void move_pixels(const TranscodePicture *from, uint8_t *to, const Walk *walk, uint32_t left,
                               uint32_t top, size_t size)
{
    for (uint32_t y = top; y < from->height && y < top + TILE; y++)
        for (uint32_t x = left; x < from->width && x < left + TILE; x++)
            memcpy(to + walk->start + walk->right * (ptrdiff_t)x + walk->down * (ptrdiff_t)y,
                   from->pixels + ((size_t)y * from->width + x) * size, size);
}

static void move_tile(const TranscodePicture *from, uint8_t *to, const Walk *walk, uint32_t left,
                      uint32_t top)
{
    if (from->channels == 1)
        move_pixels(from, to, walk, left, top, 1);
    else
        move_pixels(from, to, walk, left, top, 3);
}

PacsStatus render_turn(TranscodePicture *picture, const RenderGeometry *geometry, PacsError *err)
{
    const Walk walk = walk_of(picture, geometry);
    TranscodePicture turned;
    uint32_t width = 0;
    uint32_t height = 0;

    render_geometry_size(geometry, &width, &height);
    if (walk.start == 0 && walk.right == picture->channels && width == picture->width)
        return PACS_OK; /* nothing moves */
    PacsStatus status = transcode_picture_init(&turned, width, height, picture->channels, picture->bits, err);
    if (status != PACS_OK)
        return status;
    for (uint32_t y = 0; y < picture->height; y += TILE)
        for (uint32_t x = 0; x < picture->width; x += TILE)
            move_tile(picture, turned.pixels, &walk, x, y);
    transcode_picture_clear(picture);
    *picture = turned;
    return PACS_OK;
}
