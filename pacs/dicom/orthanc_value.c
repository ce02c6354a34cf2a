#include "pacs/dicom/orthanc_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static PacsStatus corrupt(PacsError *err)
{
    return pacs_fail(err, PACS_CORRUPT, "a value of the stored DICOM JSON has another shape than expected");
}

static PacsStatus expect(PacsJsonReader *reader, PacsJsonToken expected, PacsSlice *ret_text, PacsError *err)
{
    PacsJsonToken token;

    PacsStatus status = pacs_json_next(reader, &token, ret_text, err);
    if (status != PACS_OK)
        return status;
    return token == expected ? PACS_OK : corrupt(err);
}

/** {"Alphabetic": "A", "Ideographic": "B"} as "A=B". */
static PacsStatus add_person_name(PacsJsonReader *reader, PacsBuffer *out, PacsError *err)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    size_t written = 0; /* groups whose place has been passed */
    PacsJsonToken token;
    PacsSlice text;

    for (;;) {
        PacsStatus status = pacs_json_next(reader, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
            return status;
        if (token != PACS_JSON_KEY)
            return corrupt(err);
        size_t group = 0;
        while (group < 3 && !pacs_slice_equal(text, groups[group]))
            group++;
        for (; written < group; written++)
            (void)pacs_buffer_add_char(out, '='); /* `failed` is checked in unescape */
        status = expect(reader, PACS_JSON_STRING, &text, err);
        if (status == PACS_OK)
            status = pacs_json_unescape(text, out, err);
        if (status != PACS_OK)
            return status;
    }
}

/** "3004000C" as "3004,000c". */
static PacsStatus add_tag(PacsSlice text, PacsBuffer *out, PacsError *err)
{
    for (size_t i = 0; i < text.size; i++) {
        if (i == 4)
            (void)pacs_buffer_add_char(out, ',');
        (void)pacs_buffer_add_char(out, (char)tolower((unsigned char)text.text[i]));
    }
    return pacs_buffer_check(out, err);
}

/** Also of "NaN", "inf" and "-inf", which JSON has as strings. */
static PacsStatus add_float(PacsVr vr, PacsSlice text, PacsBuffer *out, PacsError *err)
{
    char digits[64];

    if (text.size >= sizeof digits)
        return corrupt(err);
    memcpy(digits, text.text, text.size);
    digits[text.size] = 0;
    (void)pacs_buffer_add_format(out, "%.17g",
                                 vr == PACS_VR_FL ? (double)strtof(digits, NULL) : strtod(digits, NULL));
    return pacs_buffer_check(out, err);
}

static PacsStatus add_scalar(PacsJsonToken token, PacsVr vr, PacsSlice text, PacsBuffer *out, PacsError *err)
{
    if (vr == PACS_VR_FL || vr == PACS_VR_FD)
        return add_float(vr, text, out, err);
    if (vr == PACS_VR_AT && text.size == 8)
        return add_tag(text, out, err);
    if (token == PACS_JSON_STRING)
        return pacs_json_unescape(text, out, err);
    (void)pacs_buffer_add(out, text.text, text.size);
    return pacs_buffer_check(out, err);
}

PacsStatus pacs_orthanc_read_values(PacsJsonReader *reader, PacsVr vr, PacsBuffer *out, PacsError *err)
{
    PacsSlice text;
    PacsJsonToken token;

    PacsStatus status = expect(reader, PACS_JSON_ARRAY_BEGIN, &text, err);
    for (bool first = true; status == PACS_OK; first = false) {
        status = pacs_json_next(reader, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        if (!first)
            (void)pacs_buffer_add_char(out, '\\');
        if (token == PACS_JSON_OBJECT_BEGIN)
            status = add_person_name(reader, out, err);
        else if (token == PACS_JSON_STRING || token == PACS_JSON_NUMBER)
            status = add_scalar(token, vr, text, out, err);
        else if (token != PACS_JSON_NULL)
            status = corrupt(err);
    }
    return status;
}

PacsStatus pacs_orthanc_read_unknown_text(PacsJsonReader *reader, const PacsCharset *charset, PacsVr vr,
                                          PacsBuffer *scratch, PacsBuffer *out, PacsError *err)
{
    PacsSlice text;

    PacsStatus status = expect(reader, PACS_JSON_STRING, &text, err);
    if (status == PACS_OK)
        status = pacs_base64_parse(text, scratch, err);
    size_t size = scratch->size;
    while (size > 0 && scratch->bytes[size - 1] == 0)
        size--;
    if (status == PACS_OK)
        status = pacs_charset_to_utf8(charset, vr, (const char *)scratch->bytes, size, out, err);
    pacs_buffer_reset(scratch);
    return status;
}
