/* DICOM JSON to XML: whatever the text is, nothing breaks, and what comes out whole is XML: no character that
 * XML forbids, every element closed in its turn. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dicom_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX (2 * PACS_MAX_SEQUENCE_DEPTH + 8) /* an attribute and an item a level, a name's three */

/** Past the '<' at `at`: the element's name, and whether it opens or closes one or is empty. */
static const char *check_tag(const char *at, PacsSlice *stack, size_t *depth)
{
    bool closes = *at == '/';
    const char *name = at + closes;
    size_t size = strcspn(name, " />");
    const char *end = strchr(name, '>'); /* never in a value: there it is an entity */

    if (!end || *at == '?')
        return end;
    if (closes) {
        if (*depth == 0 || stack[*depth - 1].size != size || memcmp(stack[*depth - 1].text, name, size) != 0)
            abort();
        --*depth;
    } else if (end[-1] != '/') {
        if (*depth == DEPTH_MAX)
            abort();
        stack[(*depth)++] = (PacsSlice){name, size};
    }
    return end;
}

static void check_xml(const PacsBuffer *out)
{
    PacsSlice stack[DEPTH_MAX];
    size_t depth = 0;

    if (!pacs_utf8_valid(pacs_buffer_text(out), out->size))
        abort();
    for (const char *at = pacs_buffer_text(out); *at; at++) {
        if ((uint8_t)*at < ' ' && *at != '\n')
            abort();
        if (*at == '<' && !(at = check_tag(at + 1, stack, &depth)))
            abort();
    }
    if (depth != 0 || strlen(pacs_buffer_text(out)) != out->size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1u << 24);
    /* A copy of just this size, so that reading past its end shows. */
    PACS_AUTO_FREE char *json = malloc(size > 0 ? size : 1);

    if (!json)
        return 0;
    memcpy(json, data, size);
    if (pacs_dicom_xml_write((PacsSlice){json, size}, "/base/", &out, NULL) == PACS_OK)
        check_xml(&out);
    return 0;
}
