#include "workers/imaging-report/elements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pacs/dicom/dataset_json.h"
#include "pacs/util/limits.h"

#define NAME_MAX_CHARACTERS 64 /* of a component group (PS3.5 6.2) */

/* The next step, unless one has failed. */
#define STEP(elements, call)                                                                                 \
    do {                                                                                                     \
        if ((elements)->status == PACS_OK)                                                                   \
            (elements)->status = (call);                                                                     \
    } while (0)

static void put_slice(Elements *elements, PacsTag tag, PacsVr vr, PacsSlice text)
{
    STEP(elements, pacs_dataset_writer_begin(elements->writer, tag, vr, elements->err));
    if (text.size > 0)
        STEP(elements, pacs_dataset_writer_value(elements->writer, text, elements->err));
    STEP(elements, pacs_dataset_writer_end(elements->writer, elements->err));
}

void elements_put(Elements *elements, PacsTag tag, PacsVr vr, const char *text)
{
    put_slice(elements, tag, vr, pacs_slice(text));
}

void elements_put_known(Elements *elements, PacsTag tag, PacsVr vr, const char *text)
{
    if (text && *text)
        elements_put(elements, tag, vr, text);
}

void elements_put_number(Elements *elements, PacsTag tag, PacsVr vr, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    elements_put(elements, tag, vr, text);
}

void elements_put_bytes(Elements *elements, PacsTag tag, PacsVr vr, const void *bytes, size_t size)
{
    STEP(elements, pacs_dataset_writer_begin(elements->writer, tag, vr, elements->err));
    STEP(elements, pacs_dataset_writer_bytes(elements->writer, bytes, size, elements->err));
    STEP(elements, pacs_dataset_writer_end(elements->writer, elements->err));
}

/* ---- Text of people ---- */

/* The longest beginning of so many characters (not bytes). */
static size_t size_of_characters(const char *text, size_t size, size_t max)
{
    size_t at = 0;

    for (size_t count = 0; at < size && count < max; count++) {
        uint32_t character;
        const size_t bytes = pacs_utf8_next(text + at, size - at, &character);
        at += bytes > 0 ? bytes : 1;
    }
    return at < size ? at : size;
}

static void put_buffer(Elements *elements, PacsTag tag, PacsVr vr, const PacsBuffer *text)
{
    STEP(elements, pacs_buffer_check(text, elements->err));
    put_slice(elements, tag, vr, (PacsSlice){pacs_buffer_text(text), text->size});
}

void elements_put_line(Elements *elements, PacsTag tag, PacsVr vr, const char *text, size_t max)
{
    PACS_AUTO_BUFFER PacsBuffer line = PACS_BUFFER(PACS_MAX_REPORT_TEXT);
    const PacsSlice trimmed = pacs_slice_trim(pacs_slice(text));

    (void)pacs_buffer_add(&line, trimmed.text, size_of_characters(trimmed.text, trimmed.size, max));
    for (size_t i = 0; i < line.size; i++) {
        if (line.bytes[i] == '\\')
            line.bytes[i] = '/';
        else if (line.bytes[i] < ' ')
            line.bytes[i] = ' ';
    }
    put_buffer(elements, tag, vr, &line);
}

void elements_put_person(Elements *elements, PacsTag tag, const char *name)
{
    char plain[4 * NAME_MAX_CHARACTERS + 1];
    const bool is_dicom = strchr(name, '^') != NULL;

    const size_t size = size_of_characters(name, strlen(name), NAME_MAX_CHARACTERS);
    (void)pacs_text_copy(plain, size + 1, name);
    for (char *at = plain; *at; at++)
        if (*at == '=' && !is_dicom)
            *at = ' ';
    elements_put_line(elements, tag, PACS_VR_PN, plain, NAME_MAX_CHARACTERS);
}

void elements_put_paragraphs(Elements *elements, PacsTag tag, PacsVr vr, const char *text)
{
    PACS_AUTO_BUFFER PacsBuffer lines = PACS_BUFFER((size_t)2 * PACS_MAX_REPORT_TEXT);

    while (*text) {
        const size_t size = strcspn(text, "\r\n");
        (void)pacs_buffer_add(&lines, text, size);
        text += size;
        if (*text) {
            text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
            (void)pacs_buffer_add_text(&lines, "\r\n");
        }
    }
    put_buffer(elements, tag, vr, &lines);
}

/* ---- Sequences ---- */

void elements_begin(Elements *elements, PacsTag sequence)
{
    STEP(elements, pacs_dataset_writer_sequence_begin(elements->writer, sequence, elements->err));
    STEP(elements, pacs_dataset_writer_item_begin(elements->writer, elements->err));
}

void elements_next(Elements *elements)
{
    STEP(elements, pacs_dataset_writer_item_end(elements->writer, elements->err));
    STEP(elements, pacs_dataset_writer_item_begin(elements->writer, elements->err));
}

void elements_end(Elements *elements)
{
    STEP(elements, pacs_dataset_writer_item_end(elements->writer, elements->err));
    STEP(elements, pacs_dataset_writer_sequence_end(elements->writer, elements->err));
}

void elements_put_empty(Elements *elements, PacsTag sequence)
{
    STEP(elements, pacs_dataset_writer_sequence_begin(elements->writer, sequence, elements->err));
    STEP(elements, pacs_dataset_writer_sequence_end(elements->writer, elements->err));
}

void elements_put_code(Elements *elements, PacsTag sequence, const ReportCode *code)
{
    elements_begin(elements, sequence);
    elements_put_line(elements, PACS_TAG_CODE_VALUE, PACS_VR_SH, code->value, 16);
    elements_put_line(elements, PACS_TAG_CODING_SCHEME_DESIGNATOR, PACS_VR_SH, code->scheme, 16);
    elements_put_line(elements, PACS_TAG_CODE_MEANING, PACS_VR_LO, code->meaning, 64);
    elements_end(elements);
}

void elements_put_reference(Elements *elements, const char *sop_class_uid, const char *sop_instance_uid)
{
    elements_put(elements, PACS_TAG_REFERENCED_SOP_CLASS_UID, PACS_VR_UI, sop_class_uid);
    elements_put(elements, PACS_TAG_REFERENCED_SOP_INSTANCE_UID, PACS_VR_UI, sop_instance_uid);
}

void elements_put_json(Elements *elements, PacsSlice object)
{
    STEP(elements, pacs_dataset_json_read(object, elements->writer, elements->err));
}
