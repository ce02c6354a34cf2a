#include "pacs/dicom/dicom_json.h"

#include <string.h>

#include "pacs/util/json_read.h"
/* A decimal or integer string as a JSON number: no plus sign, no leading zeros, digits on both sides of the
 * point. Returns 0 where the text is no number: it is then written as the string it is. */
static size_t format_number(bool decimal, PacsSlice text, char *out)
{
    const char *at = text.text;
    const char *end = at + text.size;
    size_t size = 0;
    if (at < end && (*at == '+' || *at == '-')) {
        if (*at == '-')
            out[size++] = '-';
        at++;
    }
    const char *digits = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    size_t whole = (size_t)(at - digits);
    while (whole > 1 && *digits == '0') {
        digits++;
        whole--;
    }
    memcpy(out + size, whole ? digits : "0", whole ? whole : 1);
    size += whole ? whole : 1;
    size_t fraction = 0;
    if (decimal && at < end && *at == '.') {
        const char *point = at++;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        fraction = (size_t)(at - point) - 1;
        if (fraction > 0) {
            memcpy(out + size, point, fraction + 1);
            size += fraction + 1;
        }
    }
    if (whole + fraction == 0)
        return 0;
    if (decimal && at < end && (*at == 'e' || *at == 'E')) {
        const char *exponent = at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const char *exponent_digits = at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        if (at == exponent_digits)
            return 0;
        memcpy(out + size, exponent, (size_t)(at - exponent));
        size += (size_t)(at - exponent);
    }
    return at == end ? size : 0;
}

#define NUMBER_TEXT_MAX 64     /* DS has 16 characters, IS 12; what is far longer is no number */
#define SAFE_INTEGER_DIGITS 15 /* of SV and UV: beyond 2^53 readers that know only doubles lose digits */

static bool is_decimal(PacsVr vr)
{
    return vr == PACS_VR_DS || vr == PACS_VR_FL || vr == PACS_VR_FD;
}

static bool is_number(PacsVr vr)
{
    bool binary = pacs_vr_info(vr)->value_size > 0 && !pacs_vr_info(vr)->bulk && vr != PACS_VR_AT;
    return vr == PACS_VR_DS || vr == PACS_VR_IS || binary;
}

static void write_number(PacsJson *json, PacsVr vr, PacsSlice text)
{
    bool is_wide = vr == PACS_VR_SV || vr == PACS_VR_UV;
    size_t max = is_wide ? SAFE_INTEGER_DIGITS : NUMBER_TEXT_MAX;
    char number[NUMBER_TEXT_MAX + 2];
    size_t size = text.size <= max ? format_number(is_decimal(vr), text, number) : 0;
    if (size > 0)
        pacs_json_raw(json, number, size);
    else
        pacs_json_string_n(json, text.text, text.size);
}

/* Person names: component groups become members; spaces around components and empty components at the end
 * carry nothing (PS3.5 6.2.1). */

static PacsSlice trim(PacsSlice component)
{
    while (component.size > 0 &&
           (component.text[component.size - 1] == ' ' || component.text[component.size - 1] == 0))
        component.size--;
    while (component.size > 0 && component.text[0] == ' ') {
        component.text++;
        component.size--;
    }
    return component;
}

static void normalise_group(PacsSlice group, PacsBuffer *out)
{
    pacs_buffer_reset(out);
    size_t content = 0;
    bool first = true;
    PacsSlice component;
    while (pacs_slice_split(&group, '^', &component)) {
        if (!first)
            (void)pacs_buffer_add_char(out, '^');
        first = false;
        component = trim(component);
        (void)pacs_buffer_add(out, component.text, component.size);
        if (component.size > 0)
            content = out->size;
    }
    out->size = content;
}

static PacsStatus write_name(PacsJson *json, PacsSlice name, PacsBuffer *scratch, PacsError *err)
{
    static const char *const keys[] = {"Alphabetic", "Ideographic", "Phonetic"};
    bool open = false;
    PacsSlice group;
    for (size_t i = 0; i < 3 && pacs_slice_split(&name, '=', &group); i++) {
        normalise_group(group, scratch);
        if (scratch->size == 0)
            continue;
        if (!open)
            pacs_json_object_begin(json);
        open = true;
        pacs_json_key(json, keys[i]);
        pacs_json_string_n(json, pacs_buffer_text(scratch), scratch->size);
    }
    if (open)
        pacs_json_object_end(json);
    else
        pacs_json_null(json);
    return pacs_buffer_check(scratch, err);
}

PacsStatus pacs_dicom_json_value(PacsJson *json, PacsVr vr, PacsSlice value, PacsBuffer *scratch,
                                 PacsError *err)
{
    if (value.size == 0)
        pacs_json_null(json);
    else if (vr == PACS_VR_PN)
        return write_name(json, value, scratch, err);
    else if (is_number(vr))
        write_number(json, vr, value);
    else
        pacs_json_string_n(json, value.text, value.size);
    return PACS_OK;
}

PacsStatus pacs_dicom_json_attribute(PacsJson *json, PacsTag tag, PacsVr vr, const char *values,
                                     PacsBuffer *scratch, PacsError *err)
{
    char key[PACS_TAG_HEX_SIZE];
    PacsSlice rest = pacs_slice(values);
    PacsSlice value = rest;
    PacsStatus status = PACS_OK;

    pacs_tag_format(tag, key);
    pacs_json_key(json, key);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "vr", pacs_vr_code(vr));
    if (rest.size > 0) {
        pacs_json_key(json, "Value");
        pacs_json_array_begin(json);
        if (!pacs_vr_info(vr)->multi_valued)
            status = pacs_dicom_json_value(json, vr, value, scratch, err);
        else
            while (status == PACS_OK && pacs_slice_split(&rest, '\\', &value))
                status = pacs_dicom_json_value(json, vr, value, scratch, err);
        pacs_json_array_end(json);
    }
    pacs_json_object_end(json);
    return status;
}

/* ---- Finding ---- */

/** The value behind a key that was read, from its brace on; the reader goes past it. */
static PacsStatus take_element(PacsJsonReader *reader, PacsSlice *ret_element, PacsError *err)
{
    const char *start = reader->at;

    PacsStatus status = pacs_json_skip(reader, err);
    if (status != PACS_OK)
        return status;
    while (start < reader->at && *start != '{')
        start++;
    *ret_element = (PacsSlice){start, (size_t)(reader->at - start)};
    return PACS_OK;
}

PacsStatus pacs_dicom_json_find(PacsSlice json, PacsTag tag, PacsSlice *ret_element, PacsError *err)
{
    PacsJsonReader reader = pacs_json_reader(json.text, json.size);
    char key[PACS_TAG_HEX_SIZE];
    PacsJsonToken token;
    PacsSlice text;

    pacs_tag_format(tag, key);
    if (!json.text || !memmem(json.text, json.size, key, strlen(key))) { /* most data sets have it nowhere */
        *ret_element = (PacsSlice){0};
        return PACS_OK;
    }
    PacsStatus status = pacs_json_next(&reader, &token, &text, err);
    while (status == PACS_OK) {
        status = pacs_json_next(&reader, &token, &text, err);
        if (status == PACS_OK && token == PACS_JSON_OBJECT_END) {
            *ret_element = (PacsSlice){0};
            return PACS_OK;
        }
        if (status == PACS_OK && token != PACS_JSON_KEY)
            return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected an attribute");
        if (status == PACS_OK && pacs_slice_equal(text, key))
            return take_element(&reader, ret_element, err);
        if (status == PACS_OK)
            status = pacs_json_skip(&reader, err);
    }
    return status;
}
