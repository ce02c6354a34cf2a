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

PacsSlice pacs_slice(const char *text); /* NULL gives an empty slice (whose text is "") */
bool pacs_slice_equal(PacsSlice slice, const char *text);
bool pacs_slice_equal_case(PacsSlice slice, const char *text); /* ASCII letters of either case */
PacsSlice pacs_slice_trim(PacsSlice slice);                    /* ASCII white space at both ends */

/** Of a pattern, * stands for any letters and ? for one. Takes at most as long as the product of both lengths. */
bool pacs_slice_matches(PacsSlice slice, const char *pattern);

/** Next part of *rest up to `separator`; false when nothing is left (rest->text is NULL then, and *ret_part
 *  untouched). "a,,b" gives "a", "", "b"; "a," gives "a", ""; "" gives "". */
bool pacs_slice_split(PacsSlice *rest, char separator, PacsSlice *ret_part);

/** Copies as much as fits, always NUL-terminated; false if it was cut. `size` counts the NUL. */
bool pacs_text_copy(char *out, size_t size, const char *text);

/* Whole decimal numbers: PACS_INVALID unless the whole slice is one, within the given range. Signs ("+", "-")
 * only for the signed one. The error does not repeat the text, which may be a patient's. */
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

/** Bytes of the well-formed UTF-8 character at `text` (1 to 4), stored in *ret_code_point; 0 if none is. */
size_t pacs_utf8_next(const char *text, size_t size, uint32_t *ret_code_point);
/** True if `text` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool pacs_utf8_valid(const char *text, size_t size);
/** Length of the longest prefix of at most `max` bytes that does not cut a UTF-8 character. */
size_t pacs_utf8_cut(const char *text, size_t size, size_t max);

/**
 * What searches compare: lower case, diacritics folded (é, Đ, ü, ß -> ss), full-width forms narrowed,
 * runs of white space made one space, ends trimmed. Input and output are UTF-8.
 * Bytes that are no UTF-8 become U+FFFD. False if `out` could not take it all.
 * Source: Unicode decompositions and case folding for Latin, Greek, Cyrillic and Vietnamese
 *         (make_text_fold.py); other scripts pass unchanged.
 */
bool pacs_text_fold(PacsBuffer *out, const char *text, size_t size);
