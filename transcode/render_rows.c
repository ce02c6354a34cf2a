#include <stdlib.h>

#include "pacs/util/limits.h"
#include "transcode/render_private.h"

/** Rows of the image with all that lies on them. */

static PacsStatus prepare_layers(RenderRows *rows, PacsError *err)
{
    const TranscodeShutter *shutter = rows->rendering->shutter;

    rows->channels = render_layers_are_coloured(rows) ? 3 : rows->source_channels;
    if (!shutter)
        return PACS_OK;
    if (shutter->has_polygon && shutter->vertex_count > PACS_MAX_SHUTTER_VERTICES)
        return pacs_fail(err, PACS_TOO_LARGE, "a shutter of %zu vertices: at most %u are drawn",
                         shutter->vertex_count, PACS_MAX_SHUTTER_VERTICES);
    rows->mask = malloc(rows->geometry.columns);
    rows->crossings = malloc((shutter->vertex_count + 1) * sizeof *rows->crossings);
    if (!rows->mask || !rows->crossings)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a shutter");
    return PACS_OK;
}

PacsStatus render_rows_init(RenderRows *rows, const TranscodeFrame *frame,
                            const TranscodeRendering *rendering, const TranscodeView *view,
                            const RenderGeometry *geometry, PacsError *err)
{
    *rows = (RenderRows){.frame = frame,
                         .rendering = rendering,
                         .geometry = *geometry,
                         .shows_overlays = view->shows_overlays};
    PacsStatus status = render_tone_check(rendering, view, err);
    if (status != PACS_OK)
        return status;
    render_tone_init(&rows->tone, &frame->layout, rendering, view);
    status = frame->layout.samples_per_pixel == 1 ? render_grey_init(rows, err)
                                                  : render_colour_init(rows, err);
    return status == PACS_OK ? prepare_layers(rows, err) : status;
}

/* Memory as another has it, or none. */
static bool make_alike(void **ret_memory, const void *other, size_t size)
{
    *ret_memory = other ? malloc(size) : NULL;
    return *ret_memory || !other;
}

PacsStatus render_rows_copy(const RenderRows *rows, RenderRows *ret_copy, PacsError *err)
{
    const TranscodeShutter *shutter = rows->rendering->shutter;
    const size_t vertices = shutter ? shutter->vertex_count : 0;
    void *values, *scratch, *gathered, *mask, *crossings;
    RenderRows copy = *rows;

    bool is_made = make_alike(&values, rows->values, rows->frame->layout.columns * sizeof *rows->values);
    is_made = make_alike(&scratch, rows->scratch, rows->rgb_size) && is_made;
    is_made = make_alike(&gathered, rows->gathered, rows->row_size) && is_made;
    is_made = make_alike(&mask, rows->mask, rows->geometry.columns) && is_made;
    is_made = make_alike(&crossings, rows->crossings, (vertices + 1) * sizeof *rows->crossings) && is_made;
    copy.is_copy = true;
    copy.values = values;
    copy.scratch = scratch;
    copy.gathered = gathered;
    copy.mask = mask;
    copy.crossings = crossings;
    if (is_made) {
        *ret_copy = copy;
        return PACS_OK;
    }
    render_rows_clear(&copy);
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a row");
}

void render_rows_clear(RenderRows *rows)
{
    if (!rows->is_copy) {
        free(rows->table);
        free(rows->colors);
    }
    free(rows->values);
    free(rows->scratch);
    free(rows->gathered);
    free(rows->mask);
    free(rows->crossings);
    *rows = (RenderRows){0};
}

/* Grey becomes colour in place, from the end. */
static void spread(uint8_t *row, uint32_t count)
{
    for (size_t i = count; i-- > 0;)
        row[3 * i] = row[3 * i + 1] = row[3 * i + 2] = row[i];
}

void render_row(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    rows->make(rows, y, to);
    if (rows->source_channels < rows->channels)
        spread(to, rows->geometry.columns);
    render_layers_draw(rows, y, to);
}
