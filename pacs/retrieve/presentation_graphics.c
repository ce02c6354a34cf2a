#include <math.h>
#include <string.h>

#include "pacs/retrieve/presentation_private.h"
#include "pacs/util/limits.h"

/* Drawings and texts of a presentation state (PS3.3 C.10.5), layer by layer as it lists them (C.10.7). */

#define NUMBERS_MAX 65536u /* of one graphic object: 32,767 points */

/** What is drawn so far. */
typedef struct Drawing {
    const PresentationReader *reader;
    TranscodeGraphic *graphics;
    size_t count;
    size_t numbers;  /* coordinates of all of them */
    double *scratch; /* NUMBERS_MAX */
} Drawing;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for graphics");
}

/** The colour of the layer that an annotation is in; white where none is told. */
static void read_color(const PresentationReader *reader, PacsSlice layer, uint16_t ret_color[3])
{
    const PacsJsonAttribute *layers = pacs_json_item_find(&reader->state->item,
                                                          PACS_TAG_GRAPHIC_LAYER_SEQUENCE);
    PacsSlice cursor = {0}, text;
    PacsJsonItem item;
    int64_t grey = UINT16_MAX;

    for (size_t i = 0; i < 3; i++)
        ret_color[i] = UINT16_MAX;
    while (layers && pacs_json_item_next(layers, &cursor, &text)) {
        if (pacs_json_item_parse(text, reader->state->arena, &item, NULL) != PACS_OK)
            return;
        const PacsSlice name = pacs_json_item_text(&item, PACS_TAG_GRAPHIC_LAYER, 0);
        if (name.size != layer.size || memcmp(name.text, layer.text, name.size) != 0)
            continue;
        if (image_read_cielab(&item, PACS_TAG_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_CIELAB_VALUE, ret_color) ||
            !pacs_json_item_whole(&item, PACS_TAG_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_GRAYSCALE_VALUE, 0,
                                  UINT16_MAX, &grey))
            return;
        for (size_t i = 0; i < 3; i++)
            ret_color[i] = (uint16_t)grey;
        return;
    }
}

/** Room for one more; NULL: there are enough. */
static TranscodeGraphic *add_graphic(Drawing *drawing, const uint16_t color[3])
{
    if (drawing->count == PACS_MAX_GRAPHICS)
        return NULL;
    TranscodeGraphic *graphic = &drawing->graphics[drawing->count];
    *graphic = (TranscodeGraphic){.color = {color[0], color[1], color[2]}};
    return graphic;
}

/** Points as they are told: rendering counts from the same corner of the image (C.10.5). None where they are no numbers,
 *  or too many. */
static PacsStatus take_points(Drawing *drawing, TranscodeGraphic *graphic, const double *numbers,
                              size_t count, bool *ret_taken, PacsError *err)
{
    *ret_taken = false;
    if (count < 2 || count > PACS_MAX_GRAPHIC_POINTS - drawing->numbers)
        return PACS_OK;
    double *points = pacs_arena_array(drawing->reader->state->arena, count, sizeof *points);
    if (!points)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(numbers[i]) <= 1e6))
            return PACS_OK;
        points[i] = numbers[i];
    }
    drawing->numbers += count;
    graphic->points = points;
    graphic->point_count = count / 2;
    *ret_taken = true;
    return PACS_OK;
}

/* ---- Shapes ---- */

static bool read_kind(const PacsJsonItem *item, TranscodeGraphicKind *ret_kind, size_t *ret_points)
{
    static const struct {
        const char *name;
        TranscodeGraphicKind kind;
        size_t points; /* at least */
    } kinds[] = {{"POINT", TRANSCODE_POINT, 1},       {"MULTIPOINT", TRANSCODE_POINT, 1},
                 {"POLYLINE", TRANSCODE_POLYLINE, 2}, {"INTERPOLATED", TRANSCODE_INTERPOLATED, 2},
                 {"CIRCLE", TRANSCODE_CIRCLE, 2},     {"ELLIPSE", TRANSCODE_ELLIPSE, 4}};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (pacs_json_item_is(item, PACS_TAG_GRAPHIC_TYPE, kinds[i].name)) {
            *ret_kind = kinds[i].kind;
            *ret_points = kinds[i].points;
            return true;
        }
    return false;
}

static PacsStatus add_shape(Drawing *drawing, const PacsJsonItem *item, const uint16_t color[3],
                            PacsError *err)
{
    TranscodeGraphic *graphic = add_graphic(drawing, color);
    size_t wanted = 0;
    bool taken = false;

    if (!graphic || !read_kind(item, &graphic->kind, &wanted))
        return PACS_OK;
    const size_t count = pacs_json_item_numbers(item, PACS_TAG_GRAPHIC_DATA, drawing->scratch, NUMBERS_MAX) /
                         2 * 2;
    graphic->is_display = pacs_json_item_is(item, PACS_TAG_GRAPHIC_ANNOTATION_UNITS, "DISPLAY");
    graphic->is_filled = pacs_json_item_is(item, PACS_TAG_GRAPHIC_FILLED, "Y");
    if (count < 2 * wanted)
        return PACS_OK;
    const PacsStatus status = take_points(drawing, graphic, drawing->scratch, count, &taken, err);
    drawing->count += taken;
    return status;
}

/* ---- Texts ---- */

static PacsStatus add_text(Drawing *drawing, const PacsJsonItem *item, const uint16_t color[3],
                           PacsError *err)
{
    TranscodeGraphic *graphic = add_graphic(drawing, color);
    double numbers[4];
    bool taken = false;

    if (!graphic || pacs_json_item_text(item, PACS_TAG_UNFORMATTED_TEXT_VALUE, 0).size == 0)
        return PACS_OK;
    size_t count = pacs_json_item_numbers(item, PACS_TAG_BOUNDING_BOX_TOP_LEFT_HAND_CORNER, numbers, 2) +
                   pacs_json_item_numbers(item, PACS_TAG_BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, numbers + 2,
                                          2);
    PacsTag units = PACS_TAG_BOUNDING_BOX_ANNOTATION_UNITS;
    if (count < 4) {
        count = pacs_json_item_numbers(item, PACS_TAG_ANCHOR_POINT, numbers, 2);
        units = PACS_TAG_ANCHOR_POINT_ANNOTATION_UNITS;
    }
    graphic->kind = TRANSCODE_TEXT;
    graphic->is_display = pacs_json_item_is(item, units, "DISPLAY");
    graphic->text = pacs_json_item_string(item, PACS_TAG_UNFORMATTED_TEXT_VALUE, 0,
                                          drawing->reader->state->arena);
    if (!graphic->text)
        return no_memory(err);
    const PacsStatus status = take_points(drawing, graphic, numbers, count, &taken, err);
    drawing->count += taken;
    return status;
}

/* ---- All of them ---- */

typedef PacsStatus AddObject(Drawing *drawing, const PacsJsonItem *item, const uint16_t color[3],
                             PacsError *err);

static PacsStatus add_objects(Drawing *drawing, const PacsJsonItem *annotation, PacsTag sequence,
                              AddObject *add, PacsError *err)
{
    const PacsJsonAttribute *objects = pacs_json_item_find(annotation, sequence);
    PacsStatus status = PACS_OK;
    PacsSlice cursor = {0}, text;
    PacsJsonItem item;
    uint16_t color[3];

    read_color(drawing->reader, pacs_json_item_text(annotation, PACS_TAG_GRAPHIC_LAYER, 0), color);
    while (status == PACS_OK && objects && pacs_json_item_next(objects, &cursor, &text)) {
        status = pacs_json_item_parse(text, drawing->reader->state->arena, &item, err);
        if (status == PACS_OK)
            status = add(drawing, &item, color, err);
    }
    return status;
}

PacsStatus presentation_read_graphics(const PresentationReader *reader, TranscodeRendering *rendering,
                                      PacsError *err)
{
    Drawing drawing = {.reader = reader};
    PacsStatus status = PACS_OK;
    PacsSlice cursor = {0};
    PacsJsonItem annotation;

    if (!pacs_json_item_find(&reader->state->item, PACS_TAG_GRAPHIC_ANNOTATION_SEQUENCE))
        return PACS_OK;
    drawing.graphics = pacs_arena_array(reader->state->arena, PACS_MAX_GRAPHICS, sizeof *drawing.graphics);
    drawing.scratch = pacs_arena_array(reader->state->arena, NUMBERS_MAX, sizeof *drawing.scratch);
    if (!drawing.graphics || !drawing.scratch)
        return no_memory(err);
    while (status == PACS_OK &&
           presentation_next(reader, PACS_TAG_GRAPHIC_ANNOTATION_SEQUENCE, &cursor, &annotation)) {
        status = add_objects(&drawing, &annotation, PACS_TAG_GRAPHIC_OBJECT_SEQUENCE, add_shape, err);
        if (status == PACS_OK)
            status = add_objects(&drawing, &annotation, PACS_TAG_TEXT_OBJECT_SEQUENCE, add_text, err);
    }
    rendering->graphics = drawing.graphics;
    rendering->graphic_count = drawing.count;
    return status;
}
