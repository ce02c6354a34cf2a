#include "pacs/util/json_read.h"

#include <stdint.h>
#include <string.h>

PacsJsonReader pacs_json_reader(const char *text, size_t size)
{
    return (PacsJsonReader){.at = text, .end = text + size};
}

static PacsStatus malformed(PacsError *err)
{
    return pacs_fail(err, PACS_CORRUPT, "stored JSON is malformed");
}

/** White space, commas and colons say nothing that the tokens do not. */
static void skip_separators(PacsJsonReader *reader)
{
    while (reader->at < reader->end && strchr(" \t\r\n,:", *reader->at))
        reader->at++;
}

static PacsStatus take_string(PacsJsonReader *reader, PacsSlice *ret_text, PacsError *err)
{
    const char *start = ++reader->at;

    while (reader->at < reader->end && *reader->at != '"')
        reader->at += *reader->at == '\\' ? 2 : 1;
    if (reader->at >= reader->end)
        return malformed(err);
    *ret_text = (PacsSlice){start, (size_t)(reader->at - start)};
    reader->at++;
    return PACS_OK;
}

static PacsStatus take_word(PacsJsonReader *reader, const char *word, PacsError *err)
{
    size_t size = strlen(word);

    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
        return malformed(err);
    reader->at += size;
    return PACS_OK;
}

static PacsStatus take_number(PacsJsonReader *reader, PacsSlice *ret_text, PacsError *err)
{
    const char *start = reader->at;

    while (reader->at < reader->end && *reader->at != '\0' && strchr("+-.0123456789eE", *reader->at))
        reader->at++;
    *ret_text = (PacsSlice){start, (size_t)(reader->at - start)};
    return ret_text->size > 0 ? PACS_OK : malformed(err);
}

/** A string is a key if a colon follows it. */
static bool colon_follows(const PacsJsonReader *reader)
{
    const char *at = reader->at;

    while (at < reader->end && strchr(" \t\r\n", *at))
        at++;
    return at < reader->end && *at == ':';
}

PacsStatus pacs_json_next(PacsJsonReader *reader, PacsJsonToken *ret_token, PacsSlice *ret_text,
                          PacsError *err)
{
    static const struct {
        char c;
        PacsJsonToken token;
    } marks[] = {{'{', PACS_JSON_OBJECT_BEGIN},
                 {'}', PACS_JSON_OBJECT_END},
                 {'[', PACS_JSON_ARRAY_BEGIN},
                 {']', PACS_JSON_ARRAY_END}};

    *ret_text = (PacsSlice){"", 0};
    skip_separators(reader);
    if (reader->at >= reader->end) {
        *ret_token = PACS_JSON_END;
        return PACS_OK;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (*reader->at == marks[i].c) {
            reader->at++;
            *ret_token = marks[i].token;
            return PACS_OK;
        }
    }
    switch (*reader->at) {
    case '"': {
        PacsStatus status = take_string(reader, ret_text, err);
        *ret_token = colon_follows(reader) ? PACS_JSON_KEY : PACS_JSON_STRING;
        return status;
    }
    case 't':
        *ret_token = PACS_JSON_TRUE;
        return take_word(reader, "true", err);
    case 'f':
        *ret_token = PACS_JSON_FALSE;
        return take_word(reader, "false", err);
    case 'n':
        *ret_token = PACS_JSON_NULL;
        return take_word(reader, "null", err);
    default:
        *ret_token = PACS_JSON_NUMBER;
        return take_number(reader, ret_text, err);
    }
}

PacsStatus pacs_json_skip(PacsJsonReader *reader, PacsError *err)
{
    uint64_t depth = 0;

    do {
        PacsJsonToken token;
        PacsSlice text;
        PacsStatus status = pacs_json_next(reader, &token, &text, err);
        if (status != PACS_OK)
            return status;
        if (token == PACS_JSON_END)
            return malformed(err);
        if (token == PACS_JSON_OBJECT_BEGIN || token == PACS_JSON_ARRAY_BEGIN)
            depth++;
        else if (token == PACS_JSON_OBJECT_END || token == PACS_JSON_ARRAY_END)
            depth--;
    } while (depth > 0);
    return PACS_OK;
}

/** Four hex digits at `text`, or UINT32_MAX. */
static uint32_t read_hex4(const char *text, const char *end)
{
    uint8_t bytes[2];

    if (end - text < 4 || pacs_hex_parse((PacsSlice){text, 4}, bytes, 2, NULL) != PACS_OK)
        return UINT32_MAX;
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static void add_utf8(PacsBuffer *out, uint32_t code)
{
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = size; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(lead[size] | code);
    (void)pacs_buffer_add(out, bytes, size); /* `failed` is checked at the end */
}

/** The escape behind `at` (which stands on the u): one or two \uXXXX. Returns where it ends, NULL if
 * malformed. */
static const char *add_unicode_escape(const char *at, const char *end, PacsBuffer *out)
{
    uint32_t code = read_hex4(at + 1, end);
    if (code == UINT32_MAX)
        return NULL;
    at += 5;
    if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = read_hex4(at + 2, end);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            at += 6;
        }
    }
    add_utf8(out, code);
    return at;
}

PacsStatus pacs_json_unescape(PacsSlice escaped, PacsBuffer *out, PacsError *err)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *at = escaped.text;
    const char *end = escaped.text + escaped.size;

    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        (void)pacs_buffer_add(out, at, (size_t)((backslash ? backslash : end) - at));
        if (!backslash)
            break;
        at = backslash + 1;
        const char *name = at < end && *at ? strchr(names, *at) : NULL;
        if (name) {
            (void)pacs_buffer_add_char(out, values[name - names]);
            at++;
            continue;
        }
        at = at < end && *at == 'u' ? add_unicode_escape(at, end, out) : NULL;
        if (!at)
            return malformed(err);
    }
    return pacs_buffer_check(out, err);
}
