#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/** Bytes with a length that somebody else owns. */
typedef struct PacsSlice {
    const char *text;
    size_t size;
} PacsSlice;

#define PACS_SLICE(literal) ((PacsSlice){(literal), sizeof(literal) - 1})

PacsSlice pacs_slice(const char *text); /* NULL gives an empty slice */
bool pacs_slice_equal(PacsSlice slice, const char *text);
bool pacs_slice_equal_case(PacsSlice slice, const char *text); /* ASCII letters of either case */
PacsSlice pacs_slice_trim(PacsSlice slice);                     /* ASCII white space at both ends */

/** Next part of *rest up to `separator`; false when nothing is left. "a,,b" gives "a", "", "b"; "" gives "". */
bool pacs_slice_split(PacsSlice *rest, char separator, PacsSlice *ret_part);

/** Copies as much as fits, always NUL-terminated; false if it was cut. `size` counts the NUL. */
bool pacs_text_copy(char *out, size_t size, const char *text);

/* Whole numbers: PACS_INVALID unless the whole slice is one, within the given range. */
PACS_CHECKED PacsStatus pacs_parse_u64(PacsSlice text, uint64_t max, uint64_t *ret_value, PacsError *err);
PACS_CHECKED PacsStatus pacs_parse_i64(PacsSlice text, int64_t min, int64_t max, int64_t *ret_value,
                                       PacsError *err);

/** Lower-case hexadecimal; `out` has 2 * size + 1 bytes. */
void pacs_hex_format(const uint8_t *bytes, size_t size, char *out);
/** Exactly 2 * size hex digits of either case. */
PACS_CHECKED PacsStatus pacs_hex_parse(PacsSlice text, uint8_t *ret_bytes, size_t size, PacsError *err);

/** Standard base64 with padding, added to `out`. */
bool pacs_base64_format(PacsBuffer *out, const void *bytes, size_t size);
/** Standard alphabet; padding may be missing; PACS_INVALID on any other byte. */
PACS_CHECKED PacsStatus pacs_base64_parse(PacsSlice text, PacsBuffer *out, PacsError *err);

/** True if `text` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool pacs_utf8_valid(const char *text, size_t size);
/** Length of the longest prefix of at most `max` bytes that does not cut a UTF-8 character. */
size_t pacs_utf8_cut(const char *text, size_t size, size_t max);

/**
 * What searches compare: lower case, diacritics folded (é, Đ, ü, ß -> ss), full-width forms narrowed,
 * runs of white space made one space, ends trimmed. Input and output are UTF-8.
 * Source: Unicode 15 decompositions for Latin, Greek, Cyrillic and Vietnamese; other scripts pass unchanged.
 */
bool pacs_text_fold(PacsBuffer *out, const char *text, size_t size);
