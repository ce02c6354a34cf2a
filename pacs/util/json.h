#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/buffer.h"

/** Open objects and arrays must stay below this: DICOM JSON opens three for each of 64 nested sequences. */
#define PACS_JSON_DEPTH_MAX 256

/**
 * Writes JSON text into a buffer, one call per token; commas and nesting are the writer's business.
 * Strings are UTF-8; bytes that are not become U+FFFD; control characters (DEL, C1 and the Unicode line
 * separators too) are escaped. Numbers that JSON cannot say (NaN, infinities) are written as null.
 * Errors: the buffer's `failed` says whether all of it fitted. Misnesting is our own mistake: assert.
 * (Documents from outside are parsed with jansson; this only writes.)
 */
typedef struct PacsJson {
    PacsBuffer *out;
    uint32_t depth;
    bool indent; /* people's layout, as Orthanc's answers have */
    bool after_key;
    uint64_t has_members[PACS_JSON_DEPTH_MAX / 64]; /* bit per depth: a comma is due */
    uint64_t objects[PACS_JSON_DEPTH_MAX / 64];     /* bit per depth: an object is open, not an array */
} PacsJson;

void pacs_json_init(PacsJson *json, PacsBuffer *out, bool indent);
void pacs_json_object_begin(PacsJson *json);
void pacs_json_object_end(PacsJson *json);
void pacs_json_array_begin(PacsJson *json);
void pacs_json_array_end(PacsJson *json);
void pacs_json_key(PacsJson *json, const char *key);
void pacs_json_string(PacsJson *json, const char *text); /* NULL writes null */
void pacs_json_string_n(PacsJson *json, const char *text, size_t size);
void pacs_json_i64(PacsJson *json, int64_t value);
void pacs_json_u64(PacsJson *json, uint64_t value);
void pacs_json_double(PacsJson *json, double value); /* shortest text that reads back the same */
void pacs_json_bool(PacsJson *json, bool value);
void pacs_json_null(PacsJson *json);
void pacs_json_raw(PacsJson *json, const char *text, size_t size); /* a complete value, written as it is */

/* key and value in one call */
void pacs_json_member_string(PacsJson *json, const char *key, const char *text);
void pacs_json_member_i64(PacsJson *json, const char *key, int64_t value);
void pacs_json_member_u64(PacsJson *json, const char *key, uint64_t value);
void pacs_json_member_bool(PacsJson *json, const char *key, bool value);
void pacs_json_member_null(PacsJson *json, const char *key);

/** `text` as the inside of a JSON string (no quotes), added to out. */
void pacs_json_escape(PacsBuffer *out, const char *text, size_t size);
