#include "pacs/util/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/text.h"

#define INDENT "   " /* three spaces and `"key" : value`, as Orthanc's answers have */

void pacs_json_init(PacsJson *json, PacsBuffer *out, bool indent)
{
    *json = (PacsJson){.out = out, .indent = indent};
}

static bool get_bit(const uint64_t *bits, uint32_t depth)
{
    return bits[depth / 64] >> depth % 64 & 1;
}

static void set_bit(uint64_t *bits, uint32_t depth, bool value)
{
    uint64_t bit = UINT64_C(1) << depth % 64;
    bits[depth / 64] = value ? bits[depth / 64] | bit : bits[depth / 64] & ~bit;
}

static bool has_members(const PacsJson *json)
{
    return get_bit(json->has_members, json->depth);
}

static bool in_object(const PacsJson *json)
{
    return get_bit(json->objects, json->depth);
}

static void add(PacsJson *json, const char *text, size_t size)
{
    (void)pacs_buffer_add(json->out, text, size); /* the buffer remembers a failure */
}

static void add_char(PacsJson *json, char c)
{
    add(json, &c, 1);
}

static void new_line(PacsJson *json)
{
    if (!json->indent)
        return;
    add_char(json, '\n');
    for (uint32_t i = 0; i < json->depth; i++)
        add(json, INDENT, sizeof INDENT - 1);
}

/* What stands between the token before and the next key or array item. */
static void begin_member(PacsJson *json)
{
    if (has_members(json))
        add_char(json, ',');
    if (json->depth > 0)
        new_line(json);
    set_bit(json->has_members, json->depth, true);
}

static void begin_value(PacsJson *json)
{
    assert(!in_object(json) || json->after_key);   /* a member has a key */
    assert(json->depth > 0 || !has_members(json)); /* one value is a whole document */
    if (!in_object(json))
        begin_member(json); /* in an object the key did it */
    json->after_key = false;
}

static void begin_nest(PacsJson *json, bool object)
{
    begin_value(json);
    add_char(json, (char)(object ? '{' : '['));
    assert(json->depth + 1 < PACS_JSON_DEPTH_MAX);
    json->depth++;
    set_bit(json->has_members, json->depth, false);
    set_bit(json->objects, json->depth, object);
}

static void end_nest(PacsJson *json, bool object)
{
    assert(json->depth > 0 && !json->after_key);
    assert(in_object(json) == object);
    bool empty = !has_members(json);
    json->depth--;
    if (!empty)
        new_line(json);
    add_char(json, (char)(object ? '}' : ']'));
}

void pacs_json_object_begin(PacsJson *json)
{
    begin_nest(json, true);
}

void pacs_json_object_end(PacsJson *json)
{
    end_nest(json, true);
}

void pacs_json_array_begin(PacsJson *json)
{
    begin_nest(json, false);
}

void pacs_json_array_end(PacsJson *json)
{
    end_nest(json, false);
}

static void add_quoted(PacsJson *json, const char *text, size_t size)
{
    add_char(json, '"');
    pacs_json_escape(json->out, text, size);
    add_char(json, '"');
}

void pacs_json_key(PacsJson *json, const char *key)
{
    assert(in_object(json) && !json->after_key);
    begin_member(json);
    add_quoted(json, key, strlen(key));
    if (json->indent)
        add(json, " : ", 3);
    else
        add_char(json, ':');
    json->after_key = true;
}

void pacs_json_string(PacsJson *json, const char *text)
{
    if (text)
        pacs_json_string_n(json, text, strlen(text));
    else
        pacs_json_null(json);
}

void pacs_json_string_n(PacsJson *json, const char *text, size_t size)
{
    begin_value(json);
    add_quoted(json, text, size);
}

void pacs_json_raw(PacsJson *json, const char *text, size_t size)
{
    begin_value(json);
    add(json, text, size);
}

void pacs_json_i64(PacsJson *json, int64_t value)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%" PRId64, value);
    pacs_json_raw(json, text, (size_t)size);
}

void pacs_json_u64(PacsJson *json, uint64_t value)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%" PRIu64, value);
    pacs_json_raw(json, text, (size_t)size);
}

/* 15 digits always survive the way to text, 17 always bring the number back. */
static int format_double(double value, char *out, size_t size)
{
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(out, size, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return length;
}

void pacs_json_double(PacsJson *json, double value)
{
    if (!isfinite(value)) {
        pacs_json_null(json); /* JSON has no word for it */
        return;
    }
    char text[32];
    int size = format_double(value, text, sizeof text);
    char *comma = memchr(text, ',', (size_t)size); /* some library may have set a locale */
    if (comma)
        *comma = '.';
    pacs_json_raw(json, text, (size_t)size);
}

void pacs_json_bool(PacsJson *json, bool value)
{
    if (value)
        pacs_json_raw(json, "true", 4);
    else
        pacs_json_raw(json, "false", 5);
}

void pacs_json_null(PacsJson *json)
{
    pacs_json_raw(json, "null", 4);
}

void pacs_json_member_string(PacsJson *json, const char *key, const char *text)
{
    pacs_json_key(json, key);
    pacs_json_string(json, text);
}

void pacs_json_member_i64(PacsJson *json, const char *key, int64_t value)
{
    pacs_json_key(json, key);
    pacs_json_i64(json, value);
}

void pacs_json_member_u64(PacsJson *json, const char *key, uint64_t value)
{
    pacs_json_key(json, key);
    pacs_json_u64(json, value);
}

void pacs_json_member_bool(PacsJson *json, const char *key, bool value)
{
    pacs_json_key(json, key);
    pacs_json_bool(json, value);
}

void pacs_json_member_null(PacsJson *json, const char *key)
{
    pacs_json_key(json, key);
    pacs_json_null(json);
}

static bool is_plain(char c)
{
    return (uint8_t)c >= 0x20 && (uint8_t)c < 0x7F && c != '"' && c != '\\';
}

/* The letter after the backslash, or 0 where \u must do. */
static char short_escape(uint32_t code_point)
{
    switch (code_point) {
    case '"':
    case '\\':
        return (char)code_point;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* Beyond what JSON asks: DEL and C1 steer terminals, U+2028 and U+2029 start lines in some readers. */
static bool is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x2028 ||
           code_point == 0x2029;
}

static void escape_character(PacsBuffer *out, const char *text, size_t length, uint32_t code_point)
{
    char letter = short_escape(code_point);
    if (letter) {
        (void)pacs_buffer_add(out, (char[]){'\\', letter}, 2);
    } else if (is_control(code_point)) {
        char escape[8];
        int size = snprintf(escape, sizeof escape, "\\u%04x", (unsigned)code_point);
        (void)pacs_buffer_add(out, escape, (size_t)size);
    } else {
        (void)pacs_buffer_add(out, text, length);
    }
}

void pacs_json_escape(PacsBuffer *out, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t plain = at;
        while (plain < size && is_plain(text[plain]))
            plain++;
        if (plain > at) {
            (void)pacs_buffer_add(out, text + at, plain - at);
            at = plain;
            continue;
        }
        uint32_t code_point;
        size_t length = pacs_utf8_next(text + at, size - at, &code_point);
        if (length > 0)
            escape_character(out, text + at, length, code_point);
        else
            (void)pacs_buffer_add_text(out, "\xEF\xBF\xBD"); /* U+FFFD */
        at += length > 0 ? length : 1;
    }
}
