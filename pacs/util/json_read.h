#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Walks over JSON text that we made ourselves, token by token, without building a tree. Numbers come as they
 * are written, which is why this is not jansson: "1.500000" of a DS value must stay that.
 * (Documents from outside are parsed with jansson, which checks them.)
 *
 * Errors: PACS_CORRUPT for text that is not JSON; PACS_TOO_LARGE from the buffer that strings are unescaped
 * into.
 */
typedef enum PacsJsonToken {
    PACS_JSON_END, /* of the text */
    PACS_JSON_OBJECT_BEGIN,
    PACS_JSON_OBJECT_END,
    PACS_JSON_ARRAY_BEGIN,
    PACS_JSON_ARRAY_END,
    PACS_JSON_KEY,
    PACS_JSON_STRING,
    PACS_JSON_NUMBER,
    PACS_JSON_TRUE,
    PACS_JSON_FALSE,
    PACS_JSON_NULL,
} PacsJsonToken;

typedef struct PacsJsonReader {
    const char *at, *end;
} PacsJsonReader;

PacsJsonReader pacs_json_reader(const char *text, size_t size);

/**
 * The next token. *ret_text of a key, string or number is what stands in the text, without quotes and still
 * escaped; borrowed from the text.
 */
PACS_CHECKED PacsStatus pacs_json_next(PacsJsonReader *reader, PacsJsonToken *ret_token, PacsSlice *ret_text,
                                       PacsError *err);

/** Pass over one whole value: the next token and, if it opens something, all up to its end. */
PACS_CHECKED PacsStatus pacs_json_skip(PacsJsonReader *reader, PacsError *err);

/** An escaped string's text, UTF-8, added to `out`. */
PACS_CHECKED PacsStatus pacs_json_unescape(PacsSlice escaped, PacsBuffer *out, PacsError *err);
