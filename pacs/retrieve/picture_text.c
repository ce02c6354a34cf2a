#include "pacs/retrieve/picture_text.h"

#include <string.h>

#include "pacs/retrieve/pictures.h"

#define TEXT_MAX 4096 /* bytes of one corner */
#define LINE_MAX 64   /* bytes of one attribute in it: more does not fit across a picture */

/** One line of a corner: what stands in front, which attribute, what stands behind. */
typedef struct Line {
    PacsTag tag;
    const char *before, *behind;
} Line;

static const Line patient_lines[] = {
    {PACS_TAG_PATIENT_NAME, "", ""},         {PACS_TAG_PATIENT_ID, "ID ", ""},
    {PACS_TAG_PATIENT_BIRTH_DATE, "* ", ""}, {PACS_TAG_PATIENT_SEX, "", ""},
    {PACS_TAG_PATIENT_AGE, "", ""},
};

static const Line technique_lines[] = {
    {PACS_TAG_INSTITUTION_NAME, "", ""},
    {PACS_TAG_MODALITY, "", ""},
    {PACS_TAG_STUDY_DATE, "", ""},
    {PACS_TAG_STUDY_DESCRIPTION, "", ""},
    {PACS_TAG_SERIES_DESCRIPTION, "", ""},
    {PACS_TAG_SERIES_NUMBER, "Se ", ""},
    {PACS_TAG_INSTANCE_NUMBER, "Im ", ""},
    {PACS_TAG_SLICE_THICKNESS, "Th ", " mm"},
    {PACS_TAG_SLICE_LOCATION, "Loc ", " mm"},
    {PACS_TAG(0x0018, 0x0060), "", " kV"},
    {PACS_TAG(0x0018, 0x1151), "", " mA"},
    {PACS_TAG(0x0018, 0x1152), "", " mAs"},
    {PACS_TAG(0x0018, 0x0080), "TR ", " ms"},
    {PACS_TAG(0x0018, 0x0081), "TE ", " ms"},
};

/** A date as people read it, a name without its carets; the rest as it is. */
static void add_value(PacsTag tag, const char *text, PacsBuffer *out)
{
    const bool is_date = (tag == PACS_TAG_STUDY_DATE || tag == PACS_TAG_PATIENT_BIRTH_DATE) &&
                         strlen(text) == 8;

    if (is_date) {
        (void)pacs_buffer_add_format(out, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
        return;
    }
    const size_t size = pacs_utf8_cut(text, strlen(text), LINE_MAX);
    for (size_t i = 0; i < size; i++) {
        const bool is_blank = (unsigned char)text[i] < ' ' || text[i] == '^';
        (void)pacs_buffer_add(out, is_blank ? " " : text + i, 1);
    }
}

static PacsStatus add_lines(const PacsInstanceValues *values, const Line *lines, size_t count,
                            PacsBuffer *out, PacsError *err)
{
    for (size_t i = 0; i < count; i++) {
        if (pacs_json_item_text(&values->item, lines[i].tag, 0).size == 0)
            continue;
        const char *text = pacs_json_item_string(&values->item, lines[i].tag, 0, values->arena);
        if (!text)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture's text");
        (void)pacs_buffer_add_format(out, "%s%s", out->size > 0 ? "\n" : "", lines[i].before);
        add_value(lines[i].tag, text, out);
        (void)pacs_buffer_add_text(out, lines[i].behind);
    }
    return PACS_OK;
}

static PacsStatus finish(const PacsInstanceValues *values, TranscodeCorner corner, const PacsBuffer *text,
                         TranscodeAnnotation *annotation, PacsError *err)
{
    *annotation = (TranscodeAnnotation){corner, pacs_arena_strdup(values->arena, pacs_buffer_text(text))};
    return annotation->text ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture's text");
}

PacsStatus pacs_picture_texts(const PacsInstanceValues *values, uint32_t annotations,
                              const TranscodeWindow *window,
                              TranscodeAnnotation ret_texts[PACS_PICTURE_TEXTS], size_t *ret_count,
                              PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer patient = PACS_BUFFER(TEXT_MAX);
    PACS_AUTO_BUFFER PacsBuffer technique = PACS_BUFFER(TEXT_MAX);
    PacsStatus status = PACS_OK;
    size_t count = 0;

    if (annotations & PACS_ANNOTATE_PATIENT) {
        status = add_lines(values, patient_lines, sizeof patient_lines / sizeof patient_lines[0], &patient,
                           err);
        if (status == PACS_OK)
            status = finish(values, TRANSCODE_TOP_LEFT, &patient, &ret_texts[count++], err);
    }
    if (status == PACS_OK && annotations & PACS_ANNOTATE_TECHNIQUE) {
        status = add_lines(values, technique_lines, sizeof technique_lines / sizeof technique_lines[0],
                           &technique, err);
        if (window)
            (void)pacs_buffer_add_format(&technique, "\nW %g C %g", window->width, window->center);
        if (status == PACS_OK)
            status = finish(values, TRANSCODE_TOP_RIGHT, &technique, &ret_texts[count++], err);
    }
    *ret_count = count;
    return status;
}
