#include "pacs/retrieve/image_private.h"

#include <math.h>
#include <string.h>

#include "pacs/util/limits.h"

#define WINDOWS_MAX 16
#define RATES_MAX 16
#define ASPECT_MAX 100.0 /* a pixel a hundred times as high as wide: beyond, somebody mixed up units */
#define DEFAULT_DURATION_MS 100u

/* ---- Functional groups ---- */

static PacsStatus open_groups(ImageReader *reader, PacsError *err)
{
    const PacsJsonItem *item = &reader->values->item;
    PacsArena *arena = reader->values->arena;

    PacsStatus status = pacs_json_item_of(item, PACS_TAG_SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0, arena,
                                          &reader->shared, err);
    if (status == PACS_OK || status == PACS_NOT_FOUND)
        status = pacs_json_item_of(item, PACS_TAG_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
                                   reader->frame_number - 1, arena, &reader->frame, err);
    return status == PACS_NOT_FOUND ? PACS_OK : status;
}

bool image_find_group(const ImageReader *reader, PacsTag macro, PacsJsonItem *ret_item)
{
    PacsArena *arena = reader->values->arena;

    return pacs_json_item_of(&reader->frame, macro, 0, arena, ret_item, NULL) == PACS_OK ||
           pacs_json_item_of(&reader->shared, macro, 0, arena, ret_item, NULL) == PACS_OK;
}

/* ---- Layout ---- */

static uint32_t whole(const PacsJsonItem *item, PacsTag tag, uint32_t max, uint32_t otherwise)
{
    int64_t value = otherwise;

    (void)pacs_json_item_whole(item, tag, 0, max, &value);
    return (uint32_t)value;
}

static void describe_pixels(const PacsJsonItem *item, PacsPixelDescription *pixels)
{
    const PacsSlice photometric = pacs_json_item_text(item, PACS_TAG_PHOTOMETRIC_INTERPRETATION, 0);
    const uint16_t samples = (uint16_t)whole(item, PACS_TAG_SAMPLES_PER_PIXEL, UINT16_MAX, 1);
    const uint16_t allocated = (uint16_t)whole(item, PACS_TAG_BITS_ALLOCATED, UINT16_MAX, 0);
    const uint16_t stored = (uint16_t)whole(item, PACS_TAG_BITS_STORED, UINT16_MAX, allocated);

    *pixels = (PacsPixelDescription){
        .rows = whole(item, PACS_TAG_ROWS, UINT16_MAX, 0),
        .columns = whole(item, PACS_TAG_COLUMNS, UINT16_MAX, 0),
        .number_of_frames = whole(item, PACS_TAG_NUMBER_OF_FRAMES, UINT32_MAX, 1),
        .samples_per_pixel = samples,
        .bits_allocated = allocated,
        .bits_stored = stored,
        .high_bit = (uint16_t)whole(item, PACS_TAG_HIGH_BIT, UINT16_MAX, stored - 1u),
        .pixel_representation = (uint16_t)whole(item, PACS_TAG_PIXEL_REPRESENTATION, 1, 0),
        .planar_configuration = (uint16_t)whole(item, PACS_TAG_PLANAR_CONFIGURATION, 1, 0),
    };
    if (photometric.size > 0 && photometric.size < sizeof pixels->photometric_interpretation)
        memcpy(pixels->photometric_interpretation, photometric.text, photometric.size);
    else
        (void)pacs_text_copy(pixels->photometric_interpretation, sizeof pixels->photometric_interpretation,
                             samples >= 3 ? "RGB" : "MONOCHROME2");
}

static PacsTag pixel_data_of(const PacsJsonItem *item)
{
    if (pacs_json_item_find(item, PACS_TAG_FLOAT_PIXEL_DATA))
        return PACS_TAG_FLOAT_PIXEL_DATA;
    if (pacs_json_item_find(item, PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA))
        return PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA;
    return PACS_TAG_PIXEL_DATA;
}

static PacsStatus read_layout(const PacsJsonItem *item, PacsImageAttributes *attributes, PacsError *err)
{
    const PacsTag pixel_data = pixel_data_of(item);
    PacsPixelDescription pixels;

    describe_pixels(item, &pixels);
    attributes->frame_count = pixels.number_of_frames ? pixels.number_of_frames : 1;
    PacsStatus status = transcode_layout_of(&pixels, pixel_data, &attributes->layout, err);
    if (status != PACS_INVALID || pixels.rows == 0 || pixels.columns == 0)
        return status;
    pixels.bits_stored = pixels.bits_allocated; /* they contradict each other: all of them, then */
    pixels.high_bit = (uint16_t)(pixels.bits_allocated - 1);
    return transcode_layout_of(&pixels, pixel_data, &attributes->layout, err);
}

/* ---- Values to numbers that mean something: modality LUT ---- */

/** False where there is no slope that could be meant. */
static bool read_rescale(const PacsJsonItem *item, PacsTag slope_tag, PacsTag intercept_tag,
                         TranscodeRendering *rendering)
{
    double slope = 1, intercept = 0;

    const bool has_slope = pacs_json_item_number(item, slope_tag, &slope);
    const bool has_intercept = pacs_json_item_number(item, intercept_tag, &intercept);
    if ((!has_slope && !has_intercept) || slope == 0)
        return false;
    rendering->rescale_slope = slope;
    rendering->rescale_intercept = intercept;
    return true;
}

/** Of the frame, of the image, of a dose grid; a real world value only where there is nothing else (C.7.6.16.2.11). */
static PacsStatus read_modality(const ImageReader *reader, PacsImageAttributes *attributes, PacsError *err)
{
    const PacsJsonItem *item = &reader->values->item;
    TranscodeRendering *rendering = &attributes->rendering;
    double scaling = 0;
    PacsJsonItem group;

    if (image_find_group(reader, PACS_TAG_PIXEL_VALUE_TRANSFORMATION_SEQUENCE, &group) &&
        read_rescale(&group, PACS_TAG_RESCALE_SLOPE, PACS_TAG_RESCALE_INTERCEPT, rendering))
        return PACS_OK;
    const PacsStatus status = image_read_lut_sequence(reader->values, item, PACS_TAG_MODALITY_LUT_SEQUENCE,
                                                      attributes->layout.is_signed, &rendering->modality_lut,
                                                      err);
    if (status != PACS_OK || rendering->modality_lut ||
        read_rescale(item, PACS_TAG_RESCALE_SLOPE, PACS_TAG_RESCALE_INTERCEPT, rendering))
        return status;
    if (pacs_json_item_number(item, PACS_TAG_DOSE_GRID_SCALING, &scaling) && scaling > 0)
        rendering->rescale_slope = scaling;
    else if (image_find_group(reader, PACS_TAG_REAL_WORLD_VALUE_MAPPING_SEQUENCE, &group) ||
             pacs_json_item_of(item, PACS_TAG_REAL_WORLD_VALUE_MAPPING_SEQUENCE, 0, reader->values->arena,
                               &group, NULL) == PACS_OK)
        (void)read_rescale(&group, PACS_TAG_REAL_WORLD_VALUE_SLOPE, PACS_TAG_REAL_WORLD_VALUE_INTERCEPT,
                           rendering);
    return PACS_OK;
}

static void read_padding(const PacsJsonItem *item, PacsImageAttributes *attributes)
{
    const TranscodeLayout *layout = &attributes->layout;
    double bounds[2];

    if (layout->samples_per_pixel != 1 ||
        !pacs_json_item_number(item, PACS_TAG_PIXEL_PADDING_VALUE, &bounds[0]))
        return;
    if (!pacs_json_item_number(item, PACS_TAG_PIXEL_PADDING_RANGE_LIMIT, &bounds[1]))
        bounds[1] = bounds[0];
    for (size_t i = 0; i < 2; i++) { /* US where SS is meant, and the other way round */
        if (layout->is_signed && layout->bits_allocated == 16 && bounds[i] > INT16_MAX)
            bounds[i] -= 65536;
        else if (!layout->is_signed && bounds[i] < 0)
            bounds[i] += 65536;
    }
    attributes->rendering.has_padding = true;
    attributes->rendering.padding_first = bounds[0];
    attributes->rendering.padding_last = bounds[1];
}

/* ---- Which values are shown: windows and VOI LUTs ---- */

static TranscodeWindowFunction read_function(const PacsJsonItem *item)
{
    if (pacs_json_item_is(item, PACS_TAG_VOI_LUT_FUNCTION, "LINEAR_EXACT"))
        return TRANSCODE_LINEAR_EXACT;
    if (pacs_json_item_is(item, PACS_TAG_VOI_LUT_FUNCTION, "SIGMOID"))
        return TRANSCODE_SIGMOID;
    return TRANSCODE_LINEAR;
}

size_t image_read_windows(const PacsJsonItem *item, TranscodeWindow *windows, size_t max)
{
    double centers[WINDOWS_MAX], widths[WINDOWS_MAX];
    const size_t center_count = pacs_json_item_numbers(item, PACS_TAG_WINDOW_CENTER, centers, WINDOWS_MAX);
    const size_t width_count = pacs_json_item_numbers(item, PACS_TAG_WINDOW_WIDTH, widths, WINDOWS_MAX);
    const TranscodeWindowFunction function = read_function(item);
    size_t count = 0;

    for (size_t i = 0; i < center_count && i < width_count && count < max; i++) {
        if (!isfinite(centers[i]) || !isfinite(widths[i]) || widths[i] <= 0)
            continue;
        /* LINEAR has no widths below 1 (C.11.2.1.2.1): who writes 0.5 of a SUV or a Gy means LINEAR_EXACT */
        const bool is_narrow = function == TRANSCODE_LINEAR && widths[i] < 1;
        windows[count++] = (TranscodeWindow){centers[i], widths[i],
                                             is_narrow ? TRANSCODE_LINEAR_EXACT : function};
    }
    return count;
}

/** The first window, else the first VOI LUT of an item. */
static PacsStatus read_voi(const ImageReader *reader, const PacsJsonItem *item,
                           const PacsImageAttributes *attributes, TranscodeRendering *rendering,
                           PacsError *err)
{
    /* VOI LUTs go on from what the modality LUT gives (C.11.2.1.1) */
    const bool is_signed = (attributes->layout.is_signed && !rendering->modality_lut) ||
                           rendering->rescale_intercept < 0;

    rendering->has_window = image_read_windows(item, &rendering->window, 1) > 0;
    /* the halves and ones of LINEAR are steps between whole numbers; of a map from 0 to 1 they would leave black and white */
    if (attributes->layout.is_float && rendering->window.function == TRANSCODE_LINEAR)
        rendering->window.function = TRANSCODE_LINEAR_EXACT;
    if (rendering->has_window)
        return PACS_OK;
    return image_read_lut_sequence(reader->values, item, PACS_TAG_VOI_LUT_SEQUENCE, is_signed,
                                   &rendering->voi_lut, err);
}

static PacsStatus read_values_shown(const ImageReader *reader, PacsImageAttributes *attributes,
                                    PacsError *err)
{
    TranscodeRendering *rendering = &attributes->rendering;
    PacsStatus status = PACS_OK;
    PacsJsonItem group;

    if (image_find_group(reader, PACS_TAG_FRAME_VOI_LUT_SEQUENCE, &group))
        status = read_voi(reader, &group, attributes, rendering, err);
    if (status == PACS_OK && !rendering->has_window && !rendering->voi_lut)
        status = read_voi(reader, &reader->values->item, attributes, rendering, err);
    return status;
}

size_t pacs_image_windows(const PacsInstanceValues *values, uint32_t frame_number, TranscodeWindow *windows,
                          size_t max)
{
    ImageReader reader = {.values = values, .frame_number = frame_number};
    PacsJsonItem group;
    size_t count = 0;

    if (open_groups(&reader, NULL) == PACS_OK &&
        image_find_group(&reader, PACS_TAG_FRAME_VOI_LUT_SEQUENCE, &group))
        count = image_read_windows(&group, windows, max);
    return count + image_read_windows(&values->item, windows + count, max - count);
}

/* ---- Colours ---- */

static bool is_monochrome(const TranscodeLayout *layout)
{
    return layout->photometric == TRANSCODE_MONOCHROME1 || layout->photometric == TRANSCODE_MONOCHROME2;
}

static PacsStatus read_palette(const ImageReader *reader, PacsImageAttributes *attributes, PacsError *err)
{
    const PacsJsonItem *item = &reader->values->item;
    TranscodeLayout *layout = &attributes->layout;
    TranscodeRendering *rendering = &attributes->rendering;

    PacsStatus status = image_read_segments(reader, layout, &rendering->palette, err);
    if (status != PACS_OK || rendering->palette) {
        attributes->is_palette = rendering->palette != NULL;
        return status;
    }
    if (layout->photometric == TRANSCODE_PALETTE_COLOR) {
        status = image_read_palette(reader->values, layout->is_signed, &rendering->palette, err);
        if (status == PACS_OK && !rendering->palette)
            layout->photometric = TRANSCODE_MONOCHROME2; /* without colours there are still shapes to see */
    } else if (is_monochrome(layout) && !pacs_json_item_is(item, PACS_TAG_PIXEL_PRESENTATION, "MONOCHROME") &&
               pacs_json_item_find(item, PACS_TAG_RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR)) {
        status = image_read_palette(reader->values, layout->is_signed, &rendering->palette, err);
        rendering->is_palette_supplemental = rendering->palette != NULL;
    }
    return status;
}

/** The item of the optical path that the frame was taken through; else the first. */
static bool find_optical_path(const ImageReader *reader, PacsJsonItem *ret_item)
{
    const PacsJsonAttribute *paths = pacs_json_item_find(&reader->values->item,
                                                         PACS_TAG_OPTICAL_PATH_SEQUENCE);
    PacsSlice cursor = {0}, text, wanted = {"", 0};
    PacsJsonItem identification;

    if (image_find_group(reader, PACS_TAG_OPTICAL_PATH_IDENTIFICATION_SEQUENCE, &identification))
        wanted = pacs_json_item_text(&identification, PACS_TAG_OPTICAL_PATH_IDENTIFIER, 0);
    while (paths && pacs_json_item_next(paths, &cursor, &text)) {
        if (pacs_json_item_parse(text, reader->values->arena, ret_item, NULL) != PACS_OK)
            return false;
        const PacsSlice name = pacs_json_item_text(ret_item, PACS_TAG_OPTICAL_PATH_IDENTIFIER, 0);
        if (wanted.size == 0 || (name.size == wanted.size && memcmp(name.text, wanted.text, name.size) == 0))
            return true;
    }
    return pacs_json_item_of(&reader->values->item, PACS_TAG_OPTICAL_PATH_SEQUENCE, 0, reader->values->arena,
                             ret_item, NULL) == PACS_OK;
}

static PacsStatus read_icc(const ImageReader *reader, TranscodeRendering *rendering, PacsError *err)
{
    const PacsJsonAttribute *profile = pacs_json_item_find(&reader->values->item, PACS_TAG_ICC_PROFILE);
    const uint8_t *bytes = NULL;
    PacsJsonItem path;
    size_t size = 0;

    if (!profile && find_optical_path(reader, &path))
        profile = pacs_json_item_find(&path, PACS_TAG_ICC_PROFILE);
    if (!profile)
        return PACS_OK;
    const PacsStatus status = pacs_instance_value_bytes(reader->values, profile, 0, PACS_MAX_ICC_PROFILE + 1,
                                                        &bytes, &size, err);
    if (status == PACS_OK && size <= PACS_MAX_ICC_PROFILE) {
        rendering->icc_profile = bytes;
        rendering->icc_profile_size = size;
    }
    return pacs_instance_value_is_missing(status) ? PACS_OK : status;
}

/* ---- Shape and time ---- */

/** Height by width of a pixel from a pair that has the vertical one first. */
static bool read_aspect(const PacsJsonItem *item, PacsTag tag, double *ret_aspect)
{
    double pair[2];

    if (pacs_json_item_numbers(item, tag, pair, 2) < 2 || !(pair[0] > 0) || !(pair[1] > 0))
        return false;
    const double aspect = pair[0] / pair[1];
    if (!(aspect >= 1 / ASPECT_MAX && aspect <= ASPECT_MAX))
        return false;
    *ret_aspect = fabs(aspect - 1) < 0.001 ? 1 : aspect; /* spacings are rounded: 0.7031 beside 0.70313 */
    return true;
}

static void read_shape(const ImageReader *reader, TranscodeRendering *rendering)
{
    static const PacsTag tags[] = {PACS_TAG_PIXEL_SPACING, PACS_TAG_IMAGER_PIXEL_SPACING,
                                   PACS_TAG_NOMINAL_SCANNED_PIXEL_SPACING, PACS_TAG_PIXEL_ASPECT_RATIO};
    PacsJsonItem group;

    if (image_find_group(reader, PACS_TAG_PIXEL_MEASURES_SEQUENCE, &group) &&
        read_aspect(&group, PACS_TAG_PIXEL_SPACING, &rendering->pixel_aspect))
        return;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (read_aspect(&reader->values->item, tags[i], &rendering->pixel_aspect))
            return;
}

static uint32_t read_duration(const PacsJsonItem *item)
{
    double rate = 0, time_ms = 0, times[RATES_MAX];

    if ((pacs_json_item_number(item, PACS_TAG_RECOMMENDED_DISPLAY_FRAME_RATE, &rate) && rate > 0) ||
        (pacs_json_item_number(item, PACS_TAG_CINE_RATE, &rate) && rate > 0))
        time_ms = 1000 / rate;
    else if (!pacs_json_item_number(item, PACS_TAG_FRAME_TIME, &time_ms) &&
             pacs_json_item_numbers(item, PACS_TAG_FRAME_TIME_VECTOR, times, RATES_MAX) > 1)
        time_ms = times[1]; /* the first is 0: of the picture before the first */
    if (!(time_ms > 0))
        return DEFAULT_DURATION_MS;
    return time_ms < 20 ? 20 : time_ms > 10000 ? 10000 : (uint32_t)lround(time_ms);
}

/* ---- All of it ---- */

PacsStatus pacs_image_attributes_read(const PacsInstanceValues *values, uint32_t frame_number,
                                      PacsImageAttributes *ret_attributes, PacsError *err)
{
    PacsImageAttributes attributes = {.rendering = TRANSCODE_RENDERING_PLAIN};
    ImageReader reader = {.values = values, .frame_number = frame_number};

    PacsStatus status = read_layout(&values->item, &attributes, err);
    if (status == PACS_OK)
        status = open_groups(&reader, err);
    if (status == PACS_OK)
        status = read_palette(&reader, &attributes, err);
    if (status == PACS_OK)
        status = read_icc(&reader, &attributes.rendering, err);
    if (status == PACS_OK)
        status = image_read_overlays(&reader, &attributes.layout, &attributes.rendering, err);
    if (status == PACS_OK && is_monochrome(&attributes.layout)) {
        status = read_modality(&reader, &attributes, err);
        if (status == PACS_OK)
            status = read_values_shown(&reader, &attributes, err);
        read_padding(&values->item, &attributes);
        /* of MONOCHROME1 INVERSE says once more what that says already (C.8.11.1.1) */
        if (attributes.layout.photometric == TRANSCODE_MONOCHROME2 &&
            pacs_json_item_is(&values->item, PACS_TAG_PRESENTATION_LUT_SHAPE, "INVERSE"))
            attributes.rendering.polarity = TRANSCODE_INVERSE;
    }
    read_shape(&reader, &attributes.rendering);
    attributes.frame_duration_ms = read_duration(&values->item);
    if (status == PACS_OK)
        *ret_attributes = attributes;
    return status;
}
