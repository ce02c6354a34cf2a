#include "pacs/dicom/json_item.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

#define NUMBER_MAX 64    /* characters of one: a DS has 16, doubles 24 */
#define UNKNOWN_MAX 4096 /* bytes of numbers whose VR a sender did not know */
#define BULK_PREFIX "bulkdata/"

/* ---- Walking ---- */

static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : NULL;
}

/** Behind the value that begins at `at`; NULL if it does not end. Some GB/s: per-frame functional groups are long. */
static const char *skip_value(const char *at, const char *end)
{
    size_t depth = 0;

    do {
        switch (*at) {
        case '"':
            at = skip_string(at, end);
            if (!at)
                return NULL;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (depth-- == 0)
                return NULL;
            break;
        default:
            if (depth > 0)
                break;
            while (at < end && *at != ',' && *at != '}' && *at != ']')
                at++;
            return at;
        }
        at++;
    } while (depth > 0 && at < end);
    return depth == 0 ? at : NULL;
}

static PacsStatus malformed(PacsError *err)
{
    return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON is malformed");
}

/** The next member of an object: its key (without quotes) and its value's text. At the end: an empty key. */
static PacsStatus next_member(PacsSlice *rest, PacsSlice *ret_key, PacsSlice *ret_value, PacsError *err)
{
    const char *end = rest->text + rest->size;
    const char *at = rest->text;

    *ret_key = (PacsSlice){"", 0};
    while (at < end && strchr(" \t\r\n,{", *at))
        at++;
    if (at < end && *at == '}')
        return PACS_OK;
    const char *behind = at < end && *at == '"' ? skip_string(at, end) : NULL;
    if (!behind)
        return malformed(err);
    *ret_key = (PacsSlice){at + 1, (size_t)(behind - at) - 2};
    for (at = behind; at < end && strchr(" \t\r\n:", *at);)
        at++;
    behind = at < end ? skip_value(at, end) : NULL;
    if (!behind)
        return malformed(err);
    *ret_value = (PacsSlice){at, (size_t)(behind - at)};
    *rest = (PacsSlice){behind, (size_t)(end - behind)};
    return PACS_OK;
}

static PacsSlice within(PacsSlice text)
{
    return text.size < 2 ? (PacsSlice){"", 0} : (PacsSlice){text.text + 1, text.size - 2};
}

static PacsStatus read_attribute(PacsSlice text, PacsJsonAttribute *attribute, PacsError *err)
{
    PacsSlice key, value;

    for (;;) {
        PacsStatus status = next_member(&text, &key, &value, err);
        if (status != PACS_OK || key.size == 0)
            return status;
        if (pacs_slice_equal(key, "vr"))
            attribute->vr = within(value);
        else if (pacs_slice_equal(key, "Value"))
            attribute->values = within(value);
        else if (pacs_slice_equal(key, "InlineBinary"))
            attribute->inline_binary = within(value);
        else if (pacs_slice_equal(key, "BulkDataURI")) {
            value = within(value);
            const size_t prefix = sizeof BULK_PREFIX - 1;
            if (value.size > prefix && memcmp(value.text, BULK_PREFIX, prefix) == 0)
                attribute->bulk_path = (PacsSlice){value.text + prefix, value.size - prefix};
        }
    }
}

static size_t count_members(PacsSlice text)
{
    PacsSlice key, value;
    size_t count = 0;

    while (next_member(&text, &key, &value, NULL) == PACS_OK && key.size > 0)
        count++;
    return count;
}

PacsStatus pacs_json_item_parse(PacsSlice text, PacsArena *arena, PacsJsonItem *ret_item, PacsError *err)
{
    const size_t count = count_members(text);
    PacsJsonAttribute *attributes = pacs_arena_array(arena, count + 1, sizeof *attributes);
    PacsSlice key, value;

    if (!attributes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to look attributes up");
    for (size_t i = 0;; i++) {
        PacsStatus status = next_member(&text, &key, &value, err);
        if (status == PACS_OK && key.size > 0)
            status = pacs_tag_parse(key, &attributes[i].tag, NULL) == PACS_OK ? PACS_OK : malformed(err);
        if (status == PACS_OK && key.size > 0)
            status = read_attribute(value, &attributes[i], err);
        if (status != PACS_OK)
            return status;
        if (key.size == 0) {
            *ret_item = (PacsJsonItem){attributes, i};
            return PACS_OK;
        }
    }
}

const PacsJsonAttribute *pacs_json_item_find(const PacsJsonItem *item, PacsTag tag)
{
    for (size_t i = 0; i < item->count; i++)
        if (item->attributes[i].tag == tag)
            return &item->attributes[i];
    return NULL;
}

/* ---- Values ---- */

/** The next value's text of an array's inside; false at its end. */
static bool next_value(PacsSlice *rest, PacsSlice *ret_value)
{
    const char *end = rest->text + rest->size;
    const char *at = rest->text;

    while (at < end && strchr(" \t\r\n,", *at))
        at++;
    const char *behind = at < end ? skip_value(at, end) : NULL;
    if (!behind)
        return false;
    *ret_value = (PacsSlice){at, (size_t)(behind - at)};
    *rest = (PacsSlice){behind, (size_t)(end - behind)};
    return true;
}

static bool find_value(const PacsJsonItem *item, PacsTag tag, size_t index, PacsSlice *ret_value)
{
    const PacsJsonAttribute *attribute = pacs_json_item_find(item, tag);
    PacsSlice rest = attribute ? attribute->values : (PacsSlice){"", 0};

    do {
        if (rest.size == 0 || !next_value(&rest, ret_value))
            return false;
    } while (index-- > 0);
    return true;
}

/** A JSON number, or a string of one, as IS and DS are where a sender wrote what JSON has no number for. */
static double read_number(PacsSlice text)
{
    char copy[NUMBER_MAX + 1];
    char *end = NULL;

    if (text.size > 0 && text.text[0] == '"')
        text = pacs_slice_trim(within(text));
    if (text.size == 0 || text.size > NUMBER_MAX)
        return NAN;
    memcpy(copy, text.text, text.size);
    copy[text.size] = '\0';
    const double value = strtod(copy, &end);
    return end == copy + text.size ? value : NAN;
}

static size_t numbers_of_text(PacsSlice text, double *values, size_t max)
{
    size_t count = 0;

    while (count < max && text.size > 0) {
        const char *end = memchr(text.text, '\\', text.size);
        const size_t size = end ? (size_t)(end - text.text) : text.size;
        values[count++] = read_number(pacs_slice_trim((PacsSlice){text.text, size}));
        text = end ? (PacsSlice){end + 1, text.size - size - 1} : (PacsSlice){"", 0};
    }
    return count;
}

static size_t numbers_of_words(const PacsBuffer *words, size_t bytes, double *values, size_t max)
{
    size_t count = 0;

    for (size_t at = 0; count < max && at + bytes <= words->size; at += bytes) {
        uint32_t word = 0;
        for (size_t i = 0; i < bytes; i++)
            word |= (uint32_t)words->bytes[at + i] << (8 * i);
        values[count++] = word;
    }
    return count;
}

/** Some software writes UN for elements that everybody knows (converters that lost the VR of an implicit data set): then
 *  the dictionary says what the bytes are, little endian always (PS3.5 6.2.2 note 2). */
static size_t unknown_numbers(const PacsJsonAttribute *attribute, double *values, size_t max)
{
    PACS_AUTO_BUFFER PacsBuffer plain = PACS_BUFFER(UNKNOWN_MAX);

    if (!pacs_slice_equal(attribute->vr, "UN") ||
        pacs_base64_parse(attribute->inline_binary, &plain, NULL) != PACS_OK)
        return 0;
    switch (pacs_dictionary_vr(attribute->tag)) {
    case PACS_VR_DS:
    case PACS_VR_IS:
        return numbers_of_text((PacsSlice){pacs_buffer_text(&plain), plain.size}, values, max);
    case PACS_VR_US:
        return numbers_of_words(&plain, sizeof(uint16_t), values, max);
    case PACS_VR_UL:
        return numbers_of_words(&plain, sizeof(uint32_t), values, max);
    default:
        return 0;
    }
}

size_t pacs_json_item_numbers(const PacsJsonItem *item, PacsTag tag, double *values, size_t max)
{
    const PacsJsonAttribute *attribute = pacs_json_item_find(item, tag);
    PacsSlice rest = attribute ? attribute->values : (PacsSlice){"", 0};
    PacsSlice text;
    size_t count = 0;

    if (attribute && attribute->inline_binary.size > 0)
        return unknown_numbers(attribute, values, max);
    while (count < max && rest.size > 0 && next_value(&rest, &text))
        values[count++] = read_number(text);
    return count;
}

bool pacs_json_item_number(const PacsJsonItem *item, PacsTag tag, double *ret_value)
{
    double value;

    if (pacs_json_item_numbers(item, tag, &value, 1) == 0 || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool pacs_json_item_whole(const PacsJsonItem *item, PacsTag tag, int64_t min, int64_t max, int64_t *ret_value)
{
    double value;

    if (!pacs_json_item_number(item, tag, &value) || value < (double)min || value > (double)max ||
        value != floor(value))
        return false;
    *ret_value = (int64_t)value;
    return true;
}

/** A string's inside; of a person's name the first group of letters that it has. */
static PacsSlice text_of(PacsSlice value)
{
    PacsSlice key, group;

    if (value.size > 0 && value.text[0] == '{')
        return next_member(&value, &key, &group, NULL) == PACS_OK && key.size > 0 ? text_of(group)
                                                                                  : (PacsSlice){"", 0};
    if (value.size < 2 || value.text[0] != '"')
        return value;
    return pacs_slice_trim(within(value));
}

PacsSlice pacs_json_item_text(const PacsJsonItem *item, PacsTag tag, size_t index)
{
    PacsSlice value;

    if (!find_value(item, tag, index, &value) || pacs_slice_equal(value, "null"))
        return (PacsSlice){"", 0};
    return text_of(value);
}

const char *pacs_json_item_string(const PacsJsonItem *item, PacsTag tag, size_t index, PacsArena *arena)
{
    const PacsSlice text = pacs_json_item_text(item, tag, index);
    PACS_AUTO_BUFFER PacsBuffer plain = PACS_BUFFER(PACS_MAX_TEXT_VALUE);

    if (pacs_json_unescape(text, &plain, NULL) != PACS_OK)
        return pacs_arena_strdup(arena, "");
    return pacs_arena_strndup(arena, pacs_buffer_text(&plain), plain.size);
}

bool pacs_json_item_is(const PacsJsonItem *item, PacsTag tag, const char *value)
{
    return pacs_slice_equal(pacs_json_item_text(item, tag, 0), value);
}

/* ---- Sequences ---- */

bool pacs_json_item_next(const PacsJsonAttribute *sequence, PacsSlice *cursor, PacsSlice *ret_text)
{
    if (!cursor->text)
        *cursor = sequence->values;
    return cursor->size > 0 && next_value(cursor, ret_text) && ret_text->text[0] == '{';
}

PacsStatus pacs_json_item_of(const PacsJsonItem *item, PacsTag sequence, size_t index, PacsArena *arena,
                             PacsJsonItem *ret_item, PacsError *err)
{
    PacsSlice text;

    if (!find_value(item, sequence, index, &text) || text.text[0] != '{')
        return pacs_fail(err, PACS_NOT_FOUND, "the sequence has no item %zu", index + 1);
    return pacs_json_item_parse(text, arena, ret_item, err);
}
