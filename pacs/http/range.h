#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * What a Range header asks of a body of `total` bytes. Pure functions of text.
 *
 * Only one range is ever served: a list of several is answered whole, which RFC 9110 14.2 leaves to us and
 * which spares us the amplification of overlapping ranges. Source: RFC 9110 14 (ranges), 13.1.5
 * (If-Range), 8.8.3.2 (comparing entity tags).
 */
typedef enum PacsHttpRangeKind {
    PACS_HTTP_RANGE_WHOLE,        /* no range, one we do not understand, or several: 200 */
    PACS_HTTP_RANGE_PART,         /* 206 */
    PACS_HTTP_RANGE_UNSATISFIABLE /* 416 */
} PacsHttpRangeKind;

/** header may be NULL. *ret_offset and *ret_size only for PART: within total, at least one byte. */
PacsHttpRangeKind pacs_http_range_parse(const char *header, uint64_t total, uint64_t *ret_offset,
                                        uint64_t *ret_size);

/** Whether If-Range (NULL: none) lets the range stand: it must name `etag` (NULL: none), and strongly. */
bool pacs_http_if_range_matches(const char *if_range, const char *etag);

/** Whether If-None-Match (NULL: none) names etag, weakly compared, or is "*". */
bool pacs_http_if_none_match(const char *if_none_match, const char *etag);

/** Whether an Accept-Encoding header (NULL: none) admits `coding` with a quality above 0. */
bool pacs_http_coding_accepted(const char *accept_encoding, const char *coding);
