#include "transcode/annotation.h"

#include "transcode/drawing.h"

#define EDGE_PART 6 /* of the letters' size: the dark edge around them */

static const uint16_t white[3] = {0xFFFF, 0xFFFF, 0xFFFF};
static const uint16_t black[3];

static bool is_right(TranscodeCorner corner)
{
    return corner == TRANSCODE_TOP_RIGHT || corner == TRANSCODE_BOTTOM_RIGHT;
}

static bool is_bottom(TranscodeCorner corner)
{
    return corner == TRANSCODE_BOTTOM_LEFT || corner == TRANSCODE_BOTTOM_RIGHT;
}

static void draw(Drawing *drawing, const TranscodeAnnotation *annotation)
{
    const TranscodePicture *picture = drawing->picture;
    const double size = drawing_font_size(picture);
    const double margin = size / 2;
    const double half = picture->width / 2.0 - margin;
    const DrawingText text = {.text = annotation->text,
                              .size = size,
                              .most_across = half > 1 ? half : 1,
                              .is_right = is_right(annotation->corner)};
    const double x = text.is_right ? picture->width - margin - text.most_across : margin;
    double width = 0;
    double height = 0;

    drawing_measure(drawing, &text, &width, &height);
    const double y = is_bottom(annotation->corner) ? picture->height - margin - height : margin;
    drawing_add_text(drawing, &text, x, y);
    drawing_stroke(drawing, size / EDGE_PART, black);
    drawing_add_text(drawing, &text, x, y);
    drawing_fill(drawing, white);
}

PacsStatus transcode_annotate(TranscodePicture *picture, const TranscodeAnnotation *annotations, size_t count,
                              PacsError *err)
{
    Drawing drawing;

    if (count == 0)
        return PACS_OK;
    PacsStatus status = drawing_init(&drawing, picture, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        draw(&drawing, &annotations[i]);
    drawing_clear(&drawing);
    return status;
}
