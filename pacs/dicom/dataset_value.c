#include "pacs/dicom/dataset_value.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/tag.h"

#define DS_MAX 16           /* characters, PS3.5 6.2 */
#define NUMBER_TEXT_MAX 400 /* the longest finite double written out has 309 digits in front of the point */

/* ---- Text ---- */

/** As text into a C string that strtod() reads whole; false if it is no finite number. */
static bool read_double(PacsSlice text, double *ret_value)
{
    char copy[NUMBER_TEXT_MAX + 1];
    char *end = NULL;

    if (text.size == 0 || text.size > NUMBER_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!text.text[i] || !strchr("+-.0123456789eE", text.text[i]))
            return false;
    }
    memcpy(copy, text.text, text.size);
    copy[text.size] = '\0';
    *ret_value = strtod(copy, &end);
    return end == copy + text.size && isfinite(*ret_value);
}

/**
 * JSON numbers have as many digits as the writer liked, DS has room for 16 characters: first the zero in front of
 * the point goes, then digits, as few as possible.
 */
static void add_decimal(PacsSlice text, PacsBuffer *out)
{
    double value = 0;
    char shorter[40];
    bool negative = text.size > 0 && text.text[0] == '-';
    PacsSlice digits = {text.text + negative, text.size - negative};

    if (text.size <= DS_MAX || !read_double(text, &value)) {
        (void)pacs_buffer_add(out, text.text, text.size);
        return;
    }
    if (text.size == DS_MAX + 1 && digits.text[0] == '0' && digits.text[1] == '.') {
        (void)pacs_buffer_add(out, "-", negative);
        (void)pacs_buffer_add(out, digits.text + 1, digits.size - 1);
        return;
    }
    for (int precision = DS_MAX; precision > 0; precision--) {
        if (snprintf(shorter, sizeof shorter, "%.*g", precision, value) <= DS_MAX)
            break;
    }
    (void)pacs_buffer_add_text(out, shorter);
}

const char *dataset_value_text(PacsVr vr, PacsSlice text, PacsBuffer *out, bool *beyond_ascii)
{
    if (!pacs_utf8_valid(text.text, text.size))
        return "has text that is no UTF-8";
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.text[i] < 0x80)
            continue;
        if (!pacs_vr_info(vr)->charset)
            return "has characters that its VR does not allow";
        *beyond_ascii = true;
        break;
    }
    if (vr == PACS_VR_DS)
        add_decimal(text, out);
    else
        (void)pacs_buffer_add(out, text.text, text.size);
    return NULL;
}

/* ---- Numbers ---- */

static void add_little_endian(PacsBuffer *out, uint64_t bits, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    (void)pacs_buffer_add(out, bytes, size);
}

static const char *add_tag(PacsSlice text, PacsBuffer *out)
{
    PacsTag tag;

    if (pacs_tag_parse(text, &tag, NULL) != PACS_OK)
        return "has a value that is no tag of eight digits";
    add_little_endian(out, pacs_tag_group(tag), 2);
    add_little_endian(out, pacs_tag_element(tag), 2);
    return NULL;
}

static bool is_word(PacsSlice text, const char *word)
{
    return pacs_slice_equal_case(text, word);
}

/** What JSON has no number for comes as text (our own words, and those of other writers). */
static bool read_special(PacsSlice text, double *ret_value)
{
    bool signed_text = text.size > 0 && (text.text[0] == '-' || text.text[0] == '+');
    PacsSlice word = {text.text + signed_text, text.size - signed_text};

    if (is_word(word, "nan"))
        *ret_value = (double)NAN;
    else if (is_word(word, "inf") || is_word(word, "infinity"))
        *ret_value = text.text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

static const char *add_float(PacsVr vr, PacsSlice text, PacsBuffer *out)
{
    double value = 0;
    uint64_t bits = 0;

    if (!read_special(text, &value)) {
        if (!read_double(text, &value))
            return "has a value that is no number";
        if (vr == PACS_VR_FL && !isfinite((float)value))
            return "has a number that its VR cannot hold";
    }
    if (vr == PACS_VR_FD) {
        memcpy(&bits, &value, sizeof value);
        add_little_endian(out, bits, sizeof value);
        return NULL;
    }
    float narrow = (float)value;
    memcpy(&bits, &narrow, sizeof narrow); /* the machine is little endian, like the value */
    add_little_endian(out, bits, sizeof narrow);
    return NULL;
}

/** Whole numbers may be written with a point or an exponent: "1.0", "1e3". */
static bool read_whole(PacsSlice text, int64_t *ret_value)
{
    double value = 0;

    if (pacs_parse_i64(text, INT64_MIN, INT64_MAX, ret_value, NULL) == PACS_OK)
        return true;
    if (!read_double(text, &value) || fabs(value) > 9007199254740992.0 || value != floor(value))
        return false;
    *ret_value = (int64_t)value;
    return true;
}

static const char *add_integer(PacsVr vr, PacsSlice text, PacsBuffer *out)
{
    size_t size = pacs_vr_info(vr)->value_size;
    bool has_sign = vr == PACS_VR_SS || vr == PACS_VR_SL || vr == PACS_VR_SV;
    int64_t value = 0;
    uint64_t bits = 0;

    if (vr == PACS_VR_UV && pacs_parse_u64(text, UINT64_MAX, &bits, NULL) == PACS_OK) {
        add_little_endian(out, bits, size);
        return NULL;
    }
    if (!read_whole(text, &value))
        return "has a value that is no whole number";
    int64_t max = size == 8 ? INT64_MAX : (INT64_C(1) << (8 * size - has_sign)) - 1;
    int64_t min = has_sign ? -max - 1 : 0;
    if (value < min || value > max)
        return "has a number that its VR cannot hold";
    add_little_endian(out, (uint64_t)value, size);
    return NULL;
}

const char *dataset_value_number(PacsVr vr, PacsSlice text, PacsBuffer *out)
{
    if (text.size == 0)
        return NULL;
    if (vr == PACS_VR_AT)
        return add_tag(text, out);
    if (vr == PACS_VR_FL || vr == PACS_VR_FD)
        return add_float(vr, text, out);
    return add_integer(vr, text, out);
}
