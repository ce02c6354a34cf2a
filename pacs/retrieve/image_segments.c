#include "pacs/retrieve/image_private.h"

#include <math.h>

/* Segmentations (PS3.3 C.8.20): no photographs, but areas. Each is its recommended colour over black. */

#define SEGMENTATION "1.2.840.10008.5.1.4.1.1.66.4"
#define LABEL_MAP "1.2.840.10008.5.1.4.1.1.66.7"

/* ---- Colours ---- */

/** CIELab of the profile connection space (D50) to sRGB, by way of XYZ with the Bradford matrix. */
static void lab_to_srgb(const double lab[3], uint16_t ret_color[3])
{
    static const double white[3] = {0.96422, 1, 0.82521};
    static const double matrix[3][3] = {{3.1338561, -1.6168667, -0.4906146},
                                        {-0.9787684, 1.9161415, 0.0334540},
                                        {0.0719453, -0.2289914, 1.4052427}};
    const double fy = (lab[0] + 16) / 116;
    const double f[3] = {fy + lab[1] / 500, fy, fy - lab[2] / 200};
    double xyz[3];

    for (size_t i = 0; i < 3; i++)
        xyz[i] = white[i] * (f[i] > 6.0 / 29 ? f[i] * f[i] * f[i] : (f[i] - 4.0 / 29) * 108 / 841);
    for (size_t i = 0; i < 3; i++) {
        const double linear = matrix[i][0] * xyz[0] + matrix[i][1] * xyz[1] + matrix[i][2] * xyz[2];
        const double value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
        ret_color[i] = value <= 0 ? 0 : value >= 1 ? 0xFFFF : (uint16_t)lround(value * 0xFFFF);
    }
}

bool image_read_cielab(const PacsJsonItem *item, PacsTag tag, uint16_t ret_color[3])
{
    double pcs[3];

    if (pacs_json_item_numbers(item, tag, pcs, 3) < 3)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (!(pcs[i] >= 0 && pcs[i] <= 65535))
            return false;
    const double lab[3] = {pcs[0] * 100 / 65535, pcs[1] * 255 / 65535 - 128, pcs[2] * 255 / 65535 - 128};
    lab_to_srgb(lab, ret_color);
    return true;
}

/* ---- Palettes of them ---- */

typedef struct Colors {
    uint16_t *red, *green, *blue;
    uint32_t count;
} Colors;

static PacsStatus new_colors(PacsArena *arena, uint32_t count, Colors *ret_colors, PacsError *err)
{
    *ret_colors = (Colors){.red = pacs_arena_array(arena, count, sizeof(uint16_t)),
                           .green = pacs_arena_array(arena, count, sizeof(uint16_t)),
                           .blue = pacs_arena_array(arena, count, sizeof(uint16_t)),
                           .count = count};
    return ret_colors->red && ret_colors->green && ret_colors->blue
               ? PACS_OK
               : pacs_fail(err, PACS_NO_MEMORY, "no memory for a palette");
}

static void set_color(Colors *colors, uint32_t index, const uint16_t color[3], double part)
{
    colors->red[index] = (uint16_t)lround(color[0] * part);
    colors->green[index] = (uint16_t)lround(color[1] * part);
    colors->blue[index] = (uint16_t)lround(color[2] * part);
}

static PacsStatus as_palette(PacsArena *arena, const Colors *colors, const TranscodePalette **ret_palette,
                             PacsError *err)
{
    TranscodePalette *palette = pacs_arena_alloc(arena, sizeof *palette);

    if (!palette)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a palette");
    *palette = (TranscodePalette){.red = {colors->red, colors->count, 0, 16},
                                  .green = {colors->green, colors->count, 0, 16},
                                  .blue = {colors->blue, colors->count, 0, 16}};
    *ret_palette = palette;
    return PACS_OK;
}

/** The recommended colour of segment `number`; else one that can be told from its neighbours'. */
static void default_color(int64_t number, uint16_t ret_color[3])
{
    const double angle = (double)(number % 360) * 2.399963; /* the golden angle, in radians */
    const double lab[3] = {75, 60 * cos(angle), 60 * sin(angle)};

    lab_to_srgb(lab, ret_color);
}

static bool read_segment(const ImageReader *reader, PacsSlice text, int64_t *ret_number,
                         uint16_t ret_color[3])
{
    PacsJsonItem segment;

    if (pacs_json_item_parse(text, reader->values->arena, &segment, NULL) != PACS_OK ||
        !pacs_json_item_whole(&segment, PACS_TAG_SEGMENT_NUMBER, 0, UINT16_MAX, ret_number))
        return false;
    if (!image_read_cielab(&segment, PACS_TAG_RECOMMENDED_DISPLAY_CIELAB_VALUE, ret_color))
        default_color(*ret_number, ret_color);
    return true;
}

static int64_t number_of_frame(const ImageReader *reader)
{
    PacsJsonItem identification;
    int64_t number = 1;

    if (image_find_group(reader, PACS_TAG_SEGMENT_IDENTIFICATION_SEQUENCE, &identification))
        (void)pacs_json_item_whole(&identification, PACS_TAG_REFERENCED_SEGMENT_NUMBER, 1, UINT16_MAX,
                                   &number);
    return number;
}

/** Of one segment a frame: bits, or how much of each pixel belongs to it. */
static PacsStatus one_segment(const ImageReader *reader, uint32_t largest,
                              const TranscodePalette **ret_palette, PacsError *err)
{
    const PacsJsonAttribute *segments = pacs_json_item_find(&reader->values->item, PACS_TAG_SEGMENT_SEQUENCE);
    const int64_t wanted = number_of_frame(reader);
    PacsSlice cursor = {0}, text;
    uint16_t color[3], found[3];
    int64_t number = 0;
    Colors colors;

    default_color(wanted, color);
    while (segments && pacs_json_item_next(segments, &cursor, &text))
        if (read_segment(reader, text, &number, found) && number == wanted) {
            for (size_t i = 0; i < 3; i++)
                color[i] = found[i];
            break;
        }
    const PacsStatus status = new_colors(reader->values->arena, largest + 1, &colors, err);
    if (status != PACS_OK)
        return status;
    for (uint32_t i = 0; i <= largest; i++)
        set_color(&colors, i, color, (double)i / largest);
    return as_palette(reader->values->arena, &colors, ret_palette, err);
}

/** Each sample is the number of its segment; 0, and what no segment has, stays black. */
static PacsStatus label_map(const ImageReader *reader, const TranscodePalette **ret_palette, PacsError *err)
{
    const PacsJsonAttribute *segments = pacs_json_item_find(&reader->values->item, PACS_TAG_SEGMENT_SEQUENCE);
    PacsSlice cursor = {0}, text;
    int64_t number = 0;
    uint16_t color[3];
    Colors colors;

    const PacsStatus status = new_colors(reader->values->arena, UINT16_MAX + 1u, &colors, err);
    if (status != PACS_OK)
        return status;
    while (segments && pacs_json_item_next(segments, &cursor, &text))
        if (read_segment(reader, text, &number, color) && number > 0)
            set_color(&colors, (uint32_t)number, color, 1);
    return as_palette(reader->values->arena, &colors, ret_palette, err);
}

PacsStatus image_read_segments(const ImageReader *reader, const TranscodeLayout *layout,
                               const TranscodePalette **ret_palette, PacsError *err)
{
    const PacsJsonItem *item = &reader->values->item;
    const bool is_label_map = pacs_json_item_is(item, PACS_TAG_SOP_CLASS_UID, LABEL_MAP) ||
                              pacs_json_item_is(item, PACS_TAG_SEGMENTATION_TYPE, "LABELMAP");
    int64_t largest = UINT8_MAX;

    if (layout->samples_per_pixel != 1 || layout->is_float || layout->bits_allocated > 16 ||
        layout->photometric == TRANSCODE_PALETTE_COLOR)
        return PACS_OK;
    if (is_label_map)
        return label_map(reader, ret_palette, err);
    if (!pacs_json_item_is(item, PACS_TAG_SOP_CLASS_UID, SEGMENTATION))
        return PACS_OK;
    if (layout->bits_allocated == 1)
        largest = 1;
    else
        (void)pacs_json_item_whole(item, PACS_TAG_MAXIMUM_FRACTIONAL_VALUE, 1, UINT16_MAX, &largest);
    return one_segment(reader, (uint32_t)largest, ret_palette, err);
}
