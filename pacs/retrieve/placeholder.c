#include "pacs/retrieve/placeholder.h"

#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/card.h"

#define SIDE 256u
#define SIDE_MAX 1024u

#define CONTENT_LABEL PACS_TAG(0x0070, 0x0080)
#define CONTENT_DESCRIPTION PACS_TAG(0x0070, 0x0081)
#define STRUCTURE_SET_LABEL PACS_TAG(0x3006, 0x0002)
#define RT_PLAN_LABEL PACS_TAG(0x300A, 0x0002)
#define HANGING_PROTOCOL_NAME PACS_TAG(0x0072, 0x0002)

/** What kinds of objects there are, by the beginning of their SOP classes behind 1.2.840.10008.5.1.4; the first that fits.
 *  `word` is for objects without a modality that says it as well. */
static const struct {
    const char *sop_class;
    TranscodeCardShape shape;
    const char *word;
} kinds[] = {
    {".1.1.104.1", TRANSCODE_CARD_PAGE, "PDF"},       {".1.1.104.2", TRANSCODE_CARD_PAGE, "CDA"},
    {".1.1.104.3", TRANSCODE_CARD_SURFACE, "STL"},    {".1.1.104.4", TRANSCODE_CARD_SURFACE, "OBJ"},
    {".1.1.104.5", TRANSCODE_CARD_SURFACE, "MTL"},    {".1.1.88.59", TRANSCODE_CARD_MARK, "KO"},
    {".1.1.88.", TRANSCODE_CARD_PAGE, "SR"},          {".1.1.78.", TRANSCODE_CARD_PAGE, NULL},
    {".1.1.79.1", TRANSCODE_CARD_PAGE, NULL},         {".1.1.80.1", TRANSCODE_CARD_PAGE, NULL},
    {".1.1.11.", TRANSCODE_CARD_LAYERS, "PR"},        {".1.1.9.", TRANSCODE_CARD_WAVE, NULL},
    {".1.1.481.2", TRANSCODE_CARD_PICTURE, "RTDOSE"}, {".1.1.481.3", TRANSCODE_CARD_CONTOURS, "RTSTRUCT"},
    {".1.1.481.", TRANSCODE_CARD_TARGET, NULL},       {".34.", TRANSCODE_CARD_TARGET, NULL},
    {".1.1.66.1", TRANSCODE_CARD_PAIR, "REG"},        {".1.1.66.2", TRANSCODE_CARD_TARGET, "FID"},
    {".1.1.66.3", TRANSCODE_CARD_PAIR, "REG"},        {".1.1.66.5", TRANSCODE_CARD_SURFACE, "SEG"},
    {".1.1.66.6", TRANSCODE_CARD_CONTOURS, NULL},     {".1.1.68.", TRANSCODE_CARD_SURFACE, NULL},
    {".1.1.131", TRANSCODE_CARD_LAYERS, NULL},        {".38.", TRANSCODE_CARD_LAYERS, NULL},
};

static uint32_t side_of(const TranscodeView *view)
{
    const uint32_t width = view->viewport_width, height = view->viewport_height;
    uint32_t side = width && (!height || width < height) ? width : height;

    if (side == 0)
        side = SIDE;
    return side < SIDE_MAX ? side : SIDE_MAX;
}

static bool has_image(const PacsInstanceValues *values)
{
    return pacs_json_item_find(&values->item, PACS_TAG_ROWS) != NULL;
}

static void choose_kind(const PacsInstanceValues *values, const char *sop_class_uid, TranscodeCard *card)
{
    static const char standard[] = "1.2.840.10008.5.1.4";

    card->shape = has_image(values) ? TRANSCODE_CARD_PICTURE : TRANSCODE_CARD_BOX;
    if (strncmp(sop_class_uid, standard, sizeof standard - 1) != 0)
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(sop_class_uid + sizeof standard - 1, kinds[i].sop_class, strlen(kinds[i].sop_class)) ==
            0) {
            card->shape = kinds[i].shape;
            card->word = kinds[i].word ? kinds[i].word : card->word;
            return;
        }
}

/** What an object calls itself: the first of these that says something. NULL: no memory. */
static const char *choose_title(const PacsInstanceValues *values, const char *sop_class_uid)
{
    static const PacsTag titles[] = {PACS_TAG_DOCUMENT_TITLE, CONTENT_DESCRIPTION,        RT_PLAN_LABEL,
                                     STRUCTURE_SET_LABEL,     HANGING_PROTOCOL_NAME,      CONTENT_LABEL,
                                     PACS_TAG_CODE_MEANING,   PACS_TAG_SERIES_DESCRIPTION};
    const PacsUidEntry *sop_class = pacs_uid_find(pacs_slice(sop_class_uid));
    PacsArena *arena = values->arena;
    PacsJsonItem name = {0};

    pacs_ignore(pacs_json_item_of(&values->item, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE, 0, arena, &name, NULL));
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        const PacsJsonItem *item = titles[i] == PACS_TAG_CODE_MEANING ? &name : &values->item;
        if (pacs_json_item_text(item, titles[i], 0).size > 0)
            return pacs_json_item_string(item, titles[i], 0, arena);
    }
    return sop_class ? sop_class->name : "";
}

PacsStatus pacs_placeholder_draw(const PacsInstanceValues *values, const TranscodeView *view,
                                 TranscodePicture *ret_picture, PacsError *err)
{
    PacsArena *arena = values->arena;
    const char *sop_class_uid = pacs_json_item_string(&values->item, PACS_TAG_SOP_CLASS_UID, 0, arena);
    TranscodeCard card = {.word = pacs_json_item_string(&values->item, PACS_TAG_MODALITY, 0, arena)};

    if (!sop_class_uid || !card.word)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture");
    choose_kind(values, sop_class_uid, &card);
    card.title = choose_title(values, sop_class_uid);
    if (!card.title)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture");
    return transcode_card_draw(&card, side_of(view), ret_picture, err);
}
