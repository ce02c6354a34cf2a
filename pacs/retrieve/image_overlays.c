#include "pacs/retrieve/image_private.h"

#include "pacs/util/limits.h"

/* Overlay planes (PS3.3 C.9.2): groups 6000, 6002 to 601E. */

#define GROUPS 16

static PacsTag in_group(size_t index, uint16_t element)
{
    return PACS_TAG(0x6000 + 2 * index, element);
}

static const uint16_t white[3] = {0xFFFF, 0xFFFF, 0xFFFF};

/** Which plane of the overlay lies over the frame, from 0; false for none. One without a number of its own frames lies
 *  over all of the image's. */
static bool find_plane(const PacsJsonItem *item, size_t group, uint32_t frame_number, uint32_t *ret_plane)
{
    int64_t count = 0, origin = 1;

    *ret_plane = 0;
    if (!pacs_json_item_whole(item, in_group(group, 0x0015), 1, UINT32_MAX, &count))
        return true;
    if (!pacs_json_item_whole(item, in_group(group, 0x0051), 1, UINT32_MAX, &origin))
        origin = 1;
    if (count == 1 && !pacs_json_item_find(item, in_group(group, 0x0051)))
        return true;
    if (frame_number < origin || frame_number - origin >= count)
        return false;
    *ret_plane = (uint32_t)(frame_number - origin);
    return true;
}

static bool read_place(const PacsJsonItem *item, size_t group, const TranscodeLayout *layout,
                       TranscodeOverlay *overlay)
{
    double origin[2] = {1, 1};
    int64_t rows = layout->rows, columns = layout->columns;

    if (pacs_json_item_numbers(item, in_group(group, 0x0050), origin, 2) != 2 || !(origin[0] >= -32768) ||
        !(origin[0] <= 32767) || !(origin[1] >= -32768) || !(origin[1] <= 32767))
        origin[0] = origin[1] = 1;
    if (!pacs_json_item_whole(item, in_group(group, 0x0010), 1, UINT16_MAX, &rows) ||
        !pacs_json_item_whole(item, in_group(group, 0x0011), 1, UINT16_MAX, &columns))
        return false;
    *overlay = (TranscodeOverlay){.rows = (uint32_t)rows,
                                  .columns = (uint32_t)columns,
                                  .first_row = (int32_t)origin[0],
                                  .first_column = (int32_t)origin[1],
                                  .color = {white[0], white[1], white[2]}};
    return true;
}

/** The plane in bits of the pixels that say nothing else (retired in 2004). */
static bool read_embedded(const PacsJsonItem *item, size_t group, const TranscodeLayout *layout,
                          TranscodeOverlay *overlay)
{
    int64_t allocated = 0, position = 0;

    if (layout->samples_per_pixel != 1 || layout->is_float ||
        !pacs_json_item_whole(item, in_group(group, 0x0100), 2, 64, &allocated) ||
        !pacs_json_item_whole(item, in_group(group, 0x0102), 0, layout->bits_allocated - 1, &position))
        return false;
    const bool is_of_pixels = position <= layout->high_bit &&
                              position + layout->bits_stored > layout->high_bit;
    overlay->embedded_bit = (uint8_t)position;
    return allocated == layout->bits_allocated && !is_of_pixels;
}

/** Sets overlay->bits, unless the plane is not all there. */
static PacsStatus read_bits(const ImageReader *reader, size_t group, uint32_t plane,
                            TranscodeOverlay *overlay, PacsError *err)
{
    const PacsJsonAttribute *data = pacs_json_item_find(&reader->values->item, in_group(group, 0x3000));
    const uint64_t bits = (uint64_t)overlay->rows * overlay->columns;
    const uint64_t first = bits * plane;
    const uint64_t bytes = (first + bits + 7) / 8 - first / 8;
    const uint8_t *found = NULL;
    size_t size = 0;

    if (bytes > PACS_MAX_OVERLAY)
        return PACS_OK;
    const PacsStatus status = pacs_instance_value_bytes(reader->values, data, first / 8, (size_t)bytes,
                                                        &found, &size, err);
    if (status != PACS_OK || size < bytes)
        return pacs_instance_value_is_missing(status) ? PACS_OK : status;
    overlay->bits = found;
    overlay->size = size;
    overlay->first_bit = first % 8;
    return PACS_OK;
}

static PacsStatus read_overlay(const ImageReader *reader, size_t group, const TranscodeLayout *layout,
                               TranscodeOverlay *overlay, bool *ret_found, PacsError *err)
{
    const PacsJsonItem *item = &reader->values->item;
    PacsStatus status = PACS_OK;
    uint32_t plane = 0;

    *ret_found = false;
    if (!read_place(item, group, layout, overlay) || !find_plane(item, group, reader->frame_number, &plane))
        return PACS_OK;
    if (pacs_json_item_find(item, in_group(group, 0x3000))) {
        status = read_bits(reader, group, plane, overlay, err);
        *ret_found = overlay->bits != NULL;
    } else {
        *ret_found = read_embedded(item, group, layout, overlay);
    }
    return status;
}

/** Planes of `reader`'s values, added to what is there. */
static PacsStatus add_planes(const ImageReader *reader, const PacsJsonItem *activation,
                             const TranscodeLayout *layout, TranscodeOverlay *overlays, size_t *count,
                             PacsError *err)
{
    PacsStatus status = PACS_OK;

    for (size_t group = 0; group < GROUPS && status == PACS_OK; group++) {
        bool found = false;
        if (activation && pacs_json_item_text(activation, in_group(group, 0x1001), 0).size == 0)
            continue;
        status = read_overlay(reader, group, layout, &overlays[*count], &found, err);
        *count += found;
    }
    return status;
}

PacsStatus image_read_overlays(const ImageReader *reader, const TranscodeLayout *layout,
                               TranscodeRendering *rendering, PacsError *err)
{
    TranscodeOverlay *overlays = pacs_arena_array(reader->values->arena, GROUPS, sizeof *overlays);

    if (!overlays)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for overlays");
    rendering->overlays = overlays;
    rendering->overlay_count = 0;
    return add_planes(reader, NULL, layout, overlays, &rendering->overlay_count, err);
}

PacsStatus image_read_activated_overlays(const ImageReader *image, const PacsInstanceValues *state,
                                         const TranscodeLayout *layout, TranscodeRendering *rendering,
                                         PacsError *err)
{
    TranscodeOverlay *overlays = pacs_arena_array(state->arena, 2 * (size_t)GROUPS, sizeof *overlays);
    const ImageReader own = {.values = state, .frame_number = image->frame_number};

    if (!overlays)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for overlays");
    rendering->overlays = overlays;
    rendering->overlay_count = 0;
    PacsStatus status = add_planes(image, &state->item, layout, overlays, &rendering->overlay_count, err);
    if (status == PACS_OK)
        status = add_planes(&own, &state->item, layout, overlays, &rendering->overlay_count, err);
    return status;
}

PacsStatus image_read_overlay_group(const ImageReader *state, uint16_t group, const TranscodeLayout *layout,
                                    const TranscodeOverlay **ret_overlay, PacsError *err)
{
    const size_t index = (group - 0x6000u) / 2;
    bool found = false;

    if (group < 0x6000 || group % 2 != 0 || index >= GROUPS)
        return PACS_OK;
    TranscodeOverlay *overlay = pacs_arena_alloc(state->values->arena, sizeof *overlay);
    if (!overlay)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an overlay");
    const PacsStatus status = read_overlay(state, index, layout, overlay, &found, err);
    if (status == PACS_OK && found && overlay->bits)
        *ret_overlay = overlay;
    return status;
}
