#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dicom_json.h"
#include "pacs/dicom/scan_internal.h"

/* Values as DICOM JSON writes them (PS3.18 F.2.3 and F.2.4). */

#define SAFE_INTEGER 9007199254740991 /* 2^53 - 1: beyond it, readers that know only doubles lose digits */

bool scan_value_is_blank(PacsVr vr, const uint8_t *bytes, size_t size)
{
    bool multi_valued = pacs_vr_info(vr)->multi_valued;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = bytes[i];
        bool separator = (c == '\\' && multi_valued) || ((c == '^' || c == '=') && vr == PACS_VR_PN);
        if (c != ' ' && c != 0 && !separator)
            return false;
    }
    return true;
}

/* Leading spaces mean something in running text, and are an error to be shown in dates (PS3.5 6.2). */
static bool leading_spaces_count(PacsVr vr)
{
    switch (vr) {
    case PACS_VR_LT:
    case PACS_VR_ST:
    case PACS_VR_UT:
    case PACS_VR_UC:
    case PACS_VR_UR:
    case PACS_VR_AS:
    case PACS_VR_DA:
    case PACS_VR_TM:
    case PACS_VR_DT:
        return true;
    default:
        return false;
    }
}

static PacsSlice trim(PacsVr vr, PacsSlice text)
{
    while (text.size > 0 && (text.text[text.size - 1] == ' ' || text.text[text.size - 1] == 0))
        text.size--;
    while (text.size > 0 && text.text[0] == ' ' && !leading_spaces_count(vr)) {
        text.text++;
        text.size--;
    }
    return text;
}

/* ASCII that means itself in every repertoire: no escape sequences, no 7/14, which ISO_IR 13 has an overline
 * for. */
static bool is_plain(PacsSlice value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.text[i];
        if (c < ' ' || c >= '~')
            return false;
    }
    return true;
}

PacsStatus scan_value_text(PacsScan *scan, PacsVr vr, PacsSlice value, PacsSlice *ret_text, PacsError *err)
{
    value = trim(vr, value);
    if (is_plain(value)) {
        *ret_text = value;
        return PACS_OK;
    }
    pacs_buffer_reset(&scan->text);
    PacsStatus status = pacs_charset_to_utf8(&scan_top(scan)->charset, vr, value.text, value.size,
                                             &scan->text, err);
    if (status == PACS_OK)
        *ret_text = trim(vr, (PacsSlice){pacs_buffer_text(&scan->text), scan->text.size});
    return status;
}

static PacsStatus write_text_value(PacsScan *scan, PacsVr vr, PacsSlice value, PacsError *err)
{
    PacsSlice text = {0};
    PacsStatus status = scan_value_text(scan, vr, value, &text, err);
    if (status != PACS_OK)
        return status;
    return pacs_dicom_json_value(&scan->json, vr, text, &scan->scratch, err);
}

PacsStatus scan_write_text(PacsScan *scan, PacsVr vr, const uint8_t *bytes, size_t size, PacsError *err)
{
    /* The padding of an odd value goes first, or it would look like one more value. */
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    PacsSlice rest = {(const char *)bytes, size};
    PacsSlice value;
    while (pacs_charset_next_value(&scan_top(scan)->charset, vr, &rest, &value)) {
        PacsStatus status = write_text_value(scan, vr, value, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

/* Binary numbers */

static uint64_t read_unsigned(const uint8_t *bytes, size_t size, bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[big_endian ? i : size - 1 - i];
    return value;
}

static bool format_signed(int64_t value, char *out)
{
    (void)snprintf(out, SCAN_NUMBER_SIZE, "%" PRId64, value);
    return value >= -SAFE_INTEGER && value <= SAFE_INTEGER;
}

static bool format_unsigned(uint64_t value, char *out)
{
    (void)snprintf(out, SCAN_NUMBER_SIZE, "%" PRIu64, value);
    return value <= SAFE_INTEGER;
}

static void format_digits(double value, int digits, char *out)
{
    (void)snprintf(out, SCAN_NUMBER_SIZE, "%.*g", digits, value);
    char *comma = strchr(out, ','); /* some library may have set a locale */
    if (comma)
        *comma = '.';
}

/* As many digits as bring the same value back; whole numbers, which most are, go the short way. */
static bool format_float(double value, int short_digits, int long_digits, char *out)
{
    if (!isfinite(value)) {
        (void)snprintf(out, SCAN_NUMBER_SIZE, "%s", isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf");
        return false;
    }
    if (fabs(value) < 1e9 && value == (double)(int64_t)value)
        return format_signed((int64_t)value, out);
    format_digits(value, short_digits, out);
    if (short_digits < long_digits && strtod(out, NULL) != value)
        format_digits(value, long_digits, out);
    return true;
}

static float as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static double as_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool scan_format_number(PacsVr vr, bool big_endian, const uint8_t *bytes, char ret_text[SCAN_NUMBER_SIZE])
{
    uint64_t bits = read_unsigned(bytes, pacs_vr_info(vr)->value_size, big_endian);
    switch (vr) {
    case PACS_VR_SS:
        return format_signed((int16_t)bits, ret_text);
    case PACS_VR_SL:
        return format_signed((int32_t)bits, ret_text);
    case PACS_VR_SV:
        return format_signed((int64_t)bits, ret_text);
    case PACS_VR_FL:
        return format_float(as_float(bits), 9, 9, ret_text);
    case PACS_VR_FD:
        return format_float(as_double(bits), 15, 17, ret_text);
    default:
        return format_unsigned(bits, ret_text);
    }
}

static void write_tag(PacsJson *json, const uint8_t *bytes, bool big_endian)
{
    char text[PACS_TAG_HEX_SIZE];
    PacsTag tag = PACS_TAG(read_unsigned(bytes, 2, big_endian), read_unsigned(bytes + 2, 2, big_endian));
    pacs_tag_format(tag, text);
    pacs_json_string_n(json, text, PACS_TAG_HEX_SIZE - 1);
}

void scan_write_numbers(PacsJson *json, PacsVr vr, bool big_endian, const uint8_t *bytes, size_t size)
{
    size_t step = pacs_vr_info(vr)->value_size;
    for (size_t at = 0; size - at >= step; at += step) { /* what is left over of an odd length is no value */
        if (vr == PACS_VR_AT) {
            write_tag(json, bytes + at, big_endian);
            continue;
        }
        char text[SCAN_NUMBER_SIZE];
        bool number = scan_format_number(vr, big_endian, bytes + at, text);
        if (number)
            pacs_json_raw(json, text, strlen(text));
        else
            pacs_json_string(json, text);
    }
}
