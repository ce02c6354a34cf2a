#include <math.h>
#include <string.h>

#include "pacs/retrieve/presentation_private.h"
#include "pacs/util/limits.h"

#define VERTICES_MAX ((size_t)1024) /* of a polygonal shutter */
#define SHUTTER_OVERLAY_GROUP PACS_TAG(0x0018, 0x1623)
#define SHUTTER_CIELAB PACS_TAG(0x0018, 0x1624)

bool pacs_is_presentation_state(const char *sop_class_uid)
{
    static const char *const classes[] = {"1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2",
                                          "1.2.840.10008.5.1.4.1.1.11.3", "1.2.840.10008.5.1.4.1.1.11.5",
                                          "1.2.840.10008.5.1.4.1.1.11.12"};

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(classes[i], sop_class_uid) == 0)
            return true;
    return false;
}

/* ---- Which images it speaks of ---- */

static bool names_frame(const PacsJsonItem *reference, uint32_t frame_number)
{
    double numbers[PACS_MAX_FRAME_LIST];
    const size_t count = pacs_json_item_numbers(reference, PACS_TAG_REFERENCED_FRAME_NUMBER, numbers,
                                                PACS_MAX_FRAME_LIST);

    for (size_t i = 0; i < count; i++)
        if (numbers[i] == frame_number)
            return true;
    return count == 0;
}

bool presentation_is_for_frame(const PresentationReader *reader, const PacsJsonItem *item)
{
    const PacsJsonAttribute *references = pacs_json_item_find(item, PACS_TAG_REFERENCED_IMAGE_SEQUENCE);
    PacsSlice cursor = {0}, text;
    PacsJsonItem reference;

    if (!references || references->values.size == 0)
        return true;
    while (pacs_json_item_next(references, &cursor, &text))
        if (pacs_json_item_parse(text, reader->state->arena, &reference, NULL) == PACS_OK &&
            pacs_json_item_is(&reference, PACS_TAG_REFERENCED_SOP_INSTANCE_UID, reader->sop_instance_uid) &&
            names_frame(&reference, reader->frame_number))
            return true;
    return false;
}

bool presentation_next(const PresentationReader *reader, PacsTag sequence, PacsSlice *cursor,
                       PacsJsonItem *ret_item)
{
    const PacsJsonAttribute *items = pacs_json_item_find(&reader->state->item, sequence);
    PacsSlice text;

    while (items && pacs_json_item_next(items, cursor, &text))
        if (pacs_json_item_parse(text, reader->state->arena, ret_item, NULL) == PACS_OK &&
            presentation_is_for_frame(reader, ret_item))
            return true;
    return false;
}

PacsStatus pacs_presentation_state_first(const PacsInstanceValues *state, PacsUidPath *ret_path,
                                         uint32_t *ret_frame_number, PacsError *err)
{
    PacsJsonItem series, image;
    int64_t frame_number = 0;

    PacsStatus status = pacs_json_item_of(&state->item, PACS_TAG_REFERENCED_SERIES_SEQUENCE, 0, state->arena,
                                          &series, err);
    if (status == PACS_OK)
        status = pacs_json_item_of(&series, PACS_TAG_REFERENCED_IMAGE_SEQUENCE, 0, state->arena, &image, err);
    if (status != PACS_OK)
        return status;
    (void)pacs_json_item_whole(&image, PACS_TAG_REFERENCED_FRAME_NUMBER, 1, UINT32_MAX, &frame_number);
    const PacsUidPath path = {
        .study_uid = pacs_json_item_string(&state->item, PACS_TAG_STUDY_INSTANCE_UID, 0, state->arena),
        .series_uid = pacs_json_item_string(&series, PACS_TAG_SERIES_INSTANCE_UID, 0, state->arena),
        .sop_instance_uid = pacs_json_item_string(&image, PACS_TAG_REFERENCED_SOP_INSTANCE_UID, 0,
                                                  state->arena)};
    if (!path.study_uid || !path.series_uid || !path.sop_instance_uid)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a presentation state");
    *ret_path = path;
    *ret_frame_number = (uint32_t)frame_number;
    return PACS_OK;
}

/* ---- Values: modality, VOI and presentation LUT (PS3.4 N.2.1) ---- */

/** What the state does not say is identity: the image's own transformations are not part of it. */
static PacsStatus read_modality(const PresentationReader *reader, const TranscodeLayout *layout,
                                TranscodeRendering *rendering, PacsError *err)
{
    const PacsJsonItem *item = &reader->state->item;
    double slope = 1, intercept = 0;

    (void)pacs_json_item_number(item, PACS_TAG_RESCALE_SLOPE, &slope);
    (void)pacs_json_item_number(item, PACS_TAG_RESCALE_INTERCEPT, &intercept);
    rendering->rescale_slope = slope != 0 ? slope : 1;
    rendering->rescale_intercept = intercept;
    rendering->modality_lut = NULL;
    return image_read_lut_sequence(reader->state, item, PACS_TAG_MODALITY_LUT_SEQUENCE, layout->is_signed,
                                   &rendering->modality_lut, err);
}

/** All values that samples of this layout can have, after the modality LUT. */
static TranscodeWindow whole_range(const TranscodeLayout *layout, const TranscodeRendering *rendering)
{
    const double range = ldexp(1, layout->bits_stored);
    const double first = layout->is_signed ? -range / 2 : 0;
    double low = first * rendering->rescale_slope + rendering->rescale_intercept;
    double high = (first + range - 1) * rendering->rescale_slope + rendering->rescale_intercept;

    if (rendering->modality_lut) {
        low = 0;
        high = ldexp(1, rendering->modality_lut->bits) - 1;
    }
    return (TranscodeWindow){(low + high) / 2,
                             high > low   ? high - low
                             : low > high ? low - high
                                          : 1,
                             TRANSCODE_LINEAR_EXACT};
}

static PacsStatus read_voi(const PresentationReader *reader, const TranscodeLayout *layout,
                           TranscodeRendering *rendering, PacsError *err)
{
    const bool is_signed = (layout->is_signed && !rendering->modality_lut) ||
                           rendering->rescale_intercept < 0;
    PacsStatus status = PACS_OK;
    PacsSlice cursor = {0};
    PacsJsonItem item;

    rendering->has_window = false;
    rendering->voi_lut = NULL;
    while (status == PACS_OK && !rendering->has_window && !rendering->voi_lut &&
           presentation_next(reader, PACS_TAG_SOFTCOPY_VOI_LUT_SEQUENCE, &cursor, &item)) {
        rendering->has_window = image_read_windows(&item, &rendering->window, 1) > 0;
        if (!rendering->has_window)
            status = image_read_lut_sequence(reader->state, &item, PACS_TAG_VOI_LUT_SEQUENCE, is_signed,
                                             &rendering->voi_lut, err);
    }
    if (!rendering->has_window && !rendering->voi_lut && !layout->is_float) {
        rendering->has_window = true;
        rendering->window = whole_range(layout, rendering);
    }
    return status;
}

static PacsStatus read_presentation_lut(const PresentationReader *reader, TranscodeRendering *rendering,
                                        PacsError *err)
{
    const PacsJsonItem *item = &reader->state->item;

    rendering->polarity = pacs_json_item_is(item, PACS_TAG_PRESENTATION_LUT_SHAPE, "INVERSE")
                              ? TRANSCODE_INVERSE
                              : TRANSCODE_IDENTITY;
    return image_read_lut_sequence(reader->state, item, PACS_TAG_PRESENTATION_LUT_SEQUENCE, false,
                                   &rendering->presentation_lut, err);
}

static PacsStatus read_values(const PresentationReader *reader, PacsImageAttributes *attributes,
                              PacsError *err)
{
    const bool is_grey = attributes->layout.photometric == TRANSCODE_MONOCHROME1 ||
                         attributes->layout.photometric == TRANSCODE_MONOCHROME2;

    if (!is_grey || attributes->is_palette)
        return PACS_OK;
    PacsStatus status = read_modality(reader, &attributes->layout, &attributes->rendering, err);
    if (status == PACS_OK)
        status = read_voi(reader, &attributes->layout, &attributes->rendering, err);
    return status == PACS_OK ? read_presentation_lut(reader, &attributes->rendering, err) : status;
}

/** Pseudo-colour: the state brings the palette, and its inputs are grey as they would be shown without. Only the common
 *  case is drawn, of tables over stored values. */
static PacsStatus read_palette(const PresentationReader *reader, PacsImageAttributes *attributes,
                               PacsError *err)
{
    const TranscodePalette *palette = NULL;

    const PacsStatus status = image_read_palette(reader->state, attributes->layout.is_signed, &palette, err);
    if (status != PACS_OK || !palette || attributes->layout.samples_per_pixel != 1 ||
        attributes->layout.is_float)
        return status;
    attributes->rendering.palette = palette;
    attributes->rendering.is_palette_supplemental = false;
    attributes->is_palette = true;
    return PACS_OK;
}

/* ---- Shutter (C.7.6.11, C.7.6.15) ---- */

static bool read_edge(const PacsJsonItem *item, PacsTag tag, int32_t *ret_edge)
{
    int64_t edge = 0;

    if (!pacs_json_item_whole(item, tag, -65536, 65536, &edge))
        return false;
    *ret_edge = (int32_t)edge;
    return true;
}

static bool has_shape(const PacsJsonItem *item, const char *shape)
{
    for (size_t i = 0; i < 4; i++)
        if (pacs_slice_equal(pacs_json_item_text(item, PACS_TAG_SHUTTER_SHAPE, i), shape))
            return true;
    return false;
}

static void read_circle(const PacsJsonItem *item, TranscodeShutter *shutter)
{
    double center[2];
    int64_t radius = 0;

    if (!has_shape(item, "CIRCULAR") ||
        pacs_json_item_numbers(item, PACS_TAG_CENTER_OF_CIRCULAR_SHUTTER, center, 2) < 2 ||
        !pacs_json_item_whole(item, PACS_TAG_RADIUS_OF_CIRCULAR_SHUTTER, 0, 65536, &radius) ||
        !(fabs(center[0]) <= 65536) || !(fabs(center[1]) <= 65536))
        return;
    shutter->has_circle = true;
    shutter->center_row = (int32_t)center[0];
    shutter->center_column = (int32_t)center[1];
    shutter->radius = (uint32_t)radius;
}

static PacsStatus read_polygon(const PresentationReader *reader, TranscodeShutter *shutter, PacsError *err)
{
    double numbers[2 * VERTICES_MAX];
    const PacsJsonItem *item = &reader->state->item;
    const size_t count = pacs_json_item_numbers(item, PACS_TAG_VERTICES_OF_THE_POLYGONAL_SHUTTER, numbers,
                                                2 * VERTICES_MAX) /
                         2;

    if (!has_shape(item, "POLYGONAL") || count < 3)
        return PACS_OK;
    int32_t *vertices = pacs_arena_array(reader->state->arena, 2 * count, sizeof *vertices);
    if (!vertices)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a shutter");
    for (size_t i = 0; i < 2 * count; i++) {
        if (!(fabs(numbers[i]) <= 65536))
            return PACS_OK;
        vertices[i] = (int32_t)numbers[i];
    }
    shutter->has_polygon = true;
    shutter->vertices = vertices;
    shutter->vertex_count = count;
    return PACS_OK;
}

/** Bits of a plane of the state's own that hide the pixels below them. */
static PacsStatus read_bitmap(const PresentationReader *reader, const TranscodeLayout *layout,
                              TranscodeShutter *shutter, PacsError *err)
{
    const ImageReader own = {.values = reader->state, .frame_number = reader->frame_number};
    const PacsJsonItem *item = &reader->state->item;
    int64_t group = 0;

    if (!has_shape(item, "BITMAP") ||
        !pacs_json_item_whole(item, SHUTTER_OVERLAY_GROUP, 0, UINT16_MAX, &group))
        return PACS_OK;
    return image_read_overlay_group(&own, (uint16_t)group, layout, &shutter->bitmap, err);
}

static PacsStatus read_shutter(const PresentationReader *reader, const TranscodeLayout *layout,
                               TranscodeRendering *rendering, PacsError *err)
{
    const PacsJsonItem *item = &reader->state->item;
    TranscodeShutter *shutter = pacs_arena_alloc(reader->state->arena, sizeof *shutter);
    int64_t value = 0;

    if (!shutter)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a shutter");
    shutter->has_rectangle = has_shape(item, "RECTANGULAR") &&
                             read_edge(item, PACS_TAG_SHUTTER_LEFT_VERTICAL_EDGE, &shutter->left) &&
                             read_edge(item, PACS_TAG_SHUTTER_RIGHT_VERTICAL_EDGE, &shutter->right) &&
                             read_edge(item, PACS_TAG_SHUTTER_UPPER_HORIZONTAL_EDGE, &shutter->top) &&
                             read_edge(item, PACS_TAG_SHUTTER_LOWER_HORIZONTAL_EDGE, &shutter->bottom);
    read_circle(item, shutter);
    PacsStatus status = read_polygon(reader, shutter, err);
    if (status == PACS_OK)
        status = read_bitmap(reader, layout, shutter, err);
    (void)pacs_json_item_whole(item, PACS_TAG_SHUTTER_PRESENTATION_VALUE, 0, UINT16_MAX, &value);
    for (size_t i = 0; i < 3; i++)
        shutter->color[i] = (uint16_t)value;
    (void)image_read_cielab(item, SHUTTER_CIELAB, shutter->color);
    if (shutter->has_rectangle || shutter->has_circle || shutter->has_polygon || shutter->bitmap)
        rendering->shutter = shutter;
    return status;
}

/* ---- Place: area shown, turning, overlays ---- */

static void read_area(const PresentationReader *reader, const TranscodeLayout *layout,
                      TranscodeRendering *rendering, TranscodeView *view)
{
    double first[2], last[2], pair[2];
    PacsSlice cursor = {0};
    PacsJsonItem area;

    if (!presentation_next(reader, PACS_TAG_DISPLAYED_AREA_SELECTION_SEQUENCE, &cursor, &area))
        return;
    if ((pacs_json_item_numbers(&area, PACS_TAG_PRESENTATION_PIXEL_SPACING, pair, 2) == 2 ||
         pacs_json_item_numbers(&area, PACS_TAG_PRESENTATION_PIXEL_ASPECT_RATIO, pair, 2) == 2) &&
        pair[0] > 0 && pair[1] > 0 && pair[0] / pair[1] <= 100 && pair[1] / pair[0] <= 100)
        rendering->pixel_aspect = pair[0] / pair[1];
    if (view->region_width != 0 || view->region_height != 0 ||
        pacs_json_item_numbers(&area, PACS_TAG_DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, first, 2) < 2 ||
        pacs_json_item_numbers(&area, PACS_TAG_DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, last, 2) < 2)
        return;
    /* its corners are those of the turned image (C.10.4): any of the stored one's */
    const double left = fmax(fmin(first[0], last[0]) - 1, 0), top = fmax(fmin(first[1], last[1]) - 1, 0);
    const double right = fmin(fmax(first[0], last[0]), layout->columns);
    const double bottom = fmin(fmax(first[1], last[1]), layout->rows);
    if (!(right > left) || !(bottom > top))
        return;
    view->region_x = left;
    view->region_y = top;
    view->region_width = right - left;
    view->region_height = bottom - top;
}

static void read_turning(const PacsJsonItem *item, TranscodeRendering *rendering)
{
    int64_t degrees = 0;

    if (pacs_json_item_whole(item, PACS_TAG_IMAGE_ROTATION, 0, 270, &degrees) && degrees % 90 == 0)
        rendering->rotation = (uint16_t)degrees;
    rendering->is_flipped = pacs_json_item_is(item, PACS_TAG_IMAGE_HORIZONTAL_FLIP, "Y");
}

/* ---- All of it ---- */

PacsStatus pacs_presentation_state_apply(const PacsInstanceValues *state, const PacsInstanceValues *image,
                                         uint32_t frame_number, PacsImageAttributes *attributes,
                                         TranscodeView *view, PacsError *err)
{
    const PresentationReader reader = {
        .state = state,
        .sop_instance_uid = pacs_json_item_string(&image->item, PACS_TAG_SOP_INSTANCE_UID, 0, state->arena),
        .frame_number = frame_number};
    const ImageReader planes = {.values = image, .frame_number = frame_number};
    TranscodeRendering *rendering = &attributes->rendering;

    if (!reader.sop_instance_uid)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a presentation state");
    PacsStatus status = read_values(&reader, attributes, err);
    if (status == PACS_OK)
        status = read_palette(&reader, attributes, err);
    if (status == PACS_OK)
        status = read_shutter(&reader, &attributes->layout, rendering, err);
    if (status == PACS_OK)
        status = image_read_activated_overlays(&planes, state, &attributes->layout, rendering, err);
    if (status == PACS_OK)
        status = presentation_read_graphics(&reader, rendering, err);
    read_turning(&state->item, rendering);
    read_area(&reader, &attributes->layout, rendering, view);
    return status;
}
