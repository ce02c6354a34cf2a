#pragma once

#include <stddef.h>

#include "pacs/http/http.h"
#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * The request target taken apart: "/studies/a%20b?limit=5&expand" to path and parameters.
 *
 * Owner:  results live in the arena.
 * Errors: PACS_INVALID (a broken %-escape, an encoded NUL), PACS_TOO_LARGE, PACS_NO_MEMORY. Texts never
 * repeat what was sent, which may name a patient. Source: RFC 3986 2.1; application/x-www-form-urlencoded
 * (WHATWG URL 5.1) for '+'.
 */

/** %XX decoded; '+' is a space where plus_is_space. */
PACS_CHECKED PacsStatus pacs_http_percent_decode(PacsArena *arena, PacsSlice text, bool plus_is_space,
                                                 const char **ret_text, PacsError *err);

/** "a=1&b&a=2" to pairs in order; empty pieces ("&&") are left out. */
PACS_CHECKED PacsStatus pacs_http_query_parse(PacsArena *arena, PacsSlice query, PacsHttpPair **ret_pairs,
                                              size_t *ret_count, PacsError *err);

/** The path and the query (empty if none) of a request target in origin form or absolute form. */
void pacs_http_target_split(PacsSlice target, PacsSlice *ret_path, PacsSlice *ret_query);
