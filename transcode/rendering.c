#include "transcode/rendering.h"

#include <stdlib.h>

#include "transcode/render_private.h"

/** From a frame to a picture: see render_private.h for who does what. */

/* Three samples under a name for one, or under none: writers who forgot what they had are taken to mean RGB. */
static void settle_colour(TranscodeLayout *layout)
{
    switch (layout->photometric) {
    case TRANSCODE_MONOCHROME1:
    case TRANSCODE_MONOCHROME2:
    case TRANSCODE_PALETTE_COLOR:
    case TRANSCODE_OTHER:
        if (layout->samples_per_pixel == 3)
            layout->photometric = TRANSCODE_RGB;
        break;
    default:
        break;
    }
}

static PacsStatus check_frame(const TranscodeFrame *frame, PacsError *err)
{
    size_t size = 0;

    PacsStatus status = transcode_layout_size(&frame->layout, &size, err);
    if (status == PACS_OK && frame->size < size)
        return pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", frame->size,
                         size);
    return status;
}

static PacsStatus draw(const RenderRows *rows, const TranscodeView *view, TranscodePicture *picture,
                       PacsError *err)
{
    PacsStatus status = render_scale(rows, view->is_rough, picture, err);
    if (status == PACS_OK)
        status = render_turn(picture, &rows->geometry, err);
    return status == PACS_OK ? render_graphics(rows->rendering, &rows->geometry, picture, err) : status;
}

static PacsStatus render_shown(const TranscodeFrame *frame, const TranscodeRendering *rendering,
                               const TranscodeView *view, const RenderGeometry *geometry,
                               TranscodePicture *ret_picture, PacsError *err)
{
    RenderRows rows;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    PacsStatus status = render_rows_init(&rows, frame, rendering, view, geometry, err);
    if (status == PACS_OK)
        status = transcode_picture_init(&picture, geometry->width, geometry->height, rows.channels, 8, err);
    if (status == PACS_OK)
        status = draw(&rows, view, &picture, err);
    render_rows_clear(&rows);
    if (status != PACS_OK)
        return status;
    *ret_picture = picture;
    ret_picture->icc_profile = rendering->icc_profile;
    ret_picture->icc_profile_size = rendering->icc_profile_size;
    picture.pixels = NULL; /* the caller's now */
    return PACS_OK;
}

/* A frame and a rendering that fit each other, and what of them is shown. */
static PacsStatus prepare(TranscodeFrame *frame, const TranscodeRendering *rendering,
                          const TranscodeView *view, RenderGeometry *ret_geometry, PacsError *err)
{
    transcode_layout_settle(&frame->layout, frame->size);
    settle_colour(&frame->layout);
    const PacsStatus status = check_frame(frame, err);
    return status == PACS_OK ? render_geometry_of(&frame->layout, rendering, view, ret_geometry, err)
                             : status;
}

PacsStatus transcode_render(const TranscodeFrame *native, const TranscodeRendering *rendering,
                            const TranscodeView *view, TranscodePicture *ret_picture, PacsError *err)
{
    TranscodeFrame frame = *native;
    RenderGeometry geometry;

    const PacsStatus status = prepare(&frame, rendering, view, &geometry, err);
    return status == PACS_OK ? render_shown(&frame, rendering, view, &geometry, ret_picture, err) : status;
}

/* ---- Rows as they are asked for ---- */

typedef struct LazyRows {
    TranscodeRows base;
    TranscodeFrame frame;
    RenderRows rows;
} LazyRows;

static PacsStatus lazy_open(const TranscodeRows *self, void **ret_reader, PacsError *err)
{
    const LazyRows *lazy = (const LazyRows *)self;
    RenderRows *reader = malloc(sizeof *reader);

    if (!reader)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a row");
    const PacsStatus status = render_rows_copy(&lazy->rows, reader, err);
    if (status == PACS_OK)
        *ret_reader = reader;
    else
        free(reader);
    return status;
}

static void lazy_read(void *reader, uint32_t y, uint8_t *to)
{
    const RenderRows *rows = reader;

    render_row(rows, rows->geometry.y + y, to);
}

static void lazy_close(void *reader)
{
    if (reader)
        render_rows_clear(reader);
    free(reader);
}

static void lazy_free(TranscodeRows *self)
{
    LazyRows *lazy = (LazyRows *)self;

    render_rows_clear(&lazy->rows);
    free(lazy);
}

static bool is_straight(const RenderRows *rows)
{
    const RenderGeometry *geometry = &rows->geometry;

    return rows->channels == 1 && !geometry->is_scaled && geometry->rotation == 0 && !geometry->is_mirrored &&
           !geometry->is_upside_down && rows->rendering->graphic_count == 0;
}

PacsStatus transcode_render_rows(const TranscodeFrame *native, const TranscodeRendering *rendering,
                                 const TranscodeView *view, TranscodePicture *ret_picture, PacsError *err)
{
    static const TranscodeRowsOps ops = {
        .open = lazy_open, .read = lazy_read, .close = lazy_close, .free = lazy_free};
    RenderGeometry geometry;
    LazyRows *lazy = calloc(1, sizeof *lazy);

    if (!lazy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture");
    *lazy = (LazyRows){.base.ops = &ops, .frame = *native};
    PacsStatus status = prepare(&lazy->frame, rendering, view, &geometry, err);
    if (status == PACS_OK)
        status = render_rows_init(&lazy->rows, &lazy->frame, rendering, view, &geometry, err);
    if (status != PACS_OK || !is_straight(&lazy->rows)) {
        lazy_free(&lazy->base);
        return status == PACS_OK ? transcode_render(native, rendering, view, ret_picture, err) : status;
    }
    *ret_picture = (TranscodePicture){.width = geometry.width,
                                      .height = geometry.height,
                                      .channels = 1,
                                      .bits = 8,
                                      .rows = &lazy->base,
                                      .icc_profile = rendering->icc_profile,
                                      .icc_profile_size = rendering->icc_profile_size};
    return PACS_OK;
}

PacsStatus transcode_render_size(const TranscodeLayout *layout, const TranscodeRendering *rendering,
                                 const TranscodeView *view, uint32_t *ret_width, uint32_t *ret_height,
                                 PacsError *err)
{
    RenderGeometry geometry;
    size_t size = 0;

    PacsStatus status = transcode_layout_size(layout, &size, err);
    if (status == PACS_OK)
        status = render_geometry_of(layout, rendering, view, &geometry, err);
    if (status == PACS_OK)
        render_geometry_size(&geometry, ret_width, ret_height);
    return status;
}
