#include "pacs/retrieve/placeholder.h"

#include <string.h>

#include "transcode/annotation.h"

#define SIDE 256u
#define SIDE_MAX 1024u
#define GROUND 0x28 /* dark grey: white letters and dark edges can both be seen on it */

static uint32_t side_of(const TranscodeView *view)
{
    const uint32_t width = view->viewport_width, height = view->viewport_height;
    uint32_t side = width && (!height || width < height) ? width : height;

    if (side == 0)
        side = SIDE;
    return side < SIDE_MAX ? side : SIDE_MAX;
}

/** The first of the attributes that says something. */
static const char *first_text(const PacsInstanceValues *values, const PacsTag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pacs_json_item_text(&values->item, tags[i], 0).size > 0)
            return pacs_json_item_string(&values->item, tags[i], 0, values->arena);
    return "";
}

PacsStatus pacs_placeholder_draw(const PacsInstanceValues *values, const TranscodeView *view,
                                 TranscodePicture *ret_picture, PacsError *err)
{
    static const PacsTag titles[] = {PACS_TAG_DOCUMENT_TITLE, PACS_TAG_SERIES_DESCRIPTION,
                                     PACS_TAG_MIME_TYPE_OF_ENCAPSULATED_DOCUMENT};
    static const PacsTag kinds[] = {PACS_TAG_MODALITY};
    const TranscodeAnnotation lines[] = {
        {TRANSCODE_TOP_LEFT, first_text(values, kinds, 1)},
        {TRANSCODE_BOTTOM_LEFT, first_text(values, titles, sizeof titles / sizeof titles[0])}};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    if (!lines[0].text || !lines[1].text)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture");
    PacsStatus status = transcode_picture_init(&picture, side_of(view), side_of(view), 1, 8, err);
    if (status != PACS_OK)
        return status;
    memset(picture.pixels, GROUND, (size_t)picture.width * picture.height);
    status = transcode_annotate(&picture, lines, 2, err);
    if (status != PACS_OK)
        return status;
    *ret_picture = picture;
    picture = (TranscodePicture){0};
    return PACS_OK;
}
