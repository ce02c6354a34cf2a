#include "pacs/http/range.h"

#include <string.h>
#include <strings.h>

#include "pacs/util/text.h"

/* "-500": the last 500 bytes, or all if there are fewer. */
static PacsHttpRangeKind parse_suffix(PacsSlice count, uint64_t total, uint64_t *ret_offset,
                                      uint64_t *ret_size)
{
    uint64_t wanted;

    if (pacs_parse_u64(count, UINT64_MAX, &wanted, NULL) != PACS_OK)
        return PACS_HTTP_RANGE_WHOLE;
    if (wanted == 0 || total == 0)
        return PACS_HTTP_RANGE_UNSATISFIABLE;
    if (wanted > total)
        wanted = total;
    *ret_offset = total - wanted;
    *ret_size = wanted;
    return PACS_HTTP_RANGE_PART;
}

static PacsHttpRangeKind parse_span(PacsSlice first_text, PacsSlice last_text, uint64_t total,
                                    uint64_t *ret_offset, uint64_t *ret_size)
{
    uint64_t first, last = UINT64_MAX;

    if (pacs_parse_u64(first_text, UINT64_MAX, &first, NULL) != PACS_OK)
        return PACS_HTTP_RANGE_WHOLE;
    if (last_text.size > 0 && pacs_parse_u64(last_text, UINT64_MAX, &last, NULL) != PACS_OK)
        return PACS_HTTP_RANGE_WHOLE;
    if (last < first)
        return PACS_HTTP_RANGE_WHOLE; /* invalid, so ignored (RFC 9110 14.1.1) */
    if (first >= total)
        return PACS_HTTP_RANGE_UNSATISFIABLE;
    if (last >= total)
        last = total - 1;
    *ret_offset = first;
    *ret_size = last - first + 1;
    return PACS_HTTP_RANGE_PART;
}

PacsHttpRangeKind pacs_http_range_parse(const char *header, uint64_t total, uint64_t *ret_offset,
                                        uint64_t *ret_size)
{
    if (!header || strncasecmp(header, "bytes=", 6) != 0)
        return PACS_HTTP_RANGE_WHOLE;
    PacsSlice spec = pacs_slice_trim(pacs_slice(header + 6));
    const char *dash = spec.size > 0 ? memchr(spec.text, '-', spec.size) : NULL;
    if (!dash || memchr(spec.text, ',', spec.size))
        return PACS_HTTP_RANGE_WHOLE;

    PacsSlice first = pacs_slice_trim((PacsSlice){spec.text, (size_t)(dash - spec.text)});
    PacsSlice last = pacs_slice_trim((PacsSlice){dash + 1, spec.size - (size_t)(dash - spec.text) - 1});
    if (first.size == 0)
        return parse_suffix(last, total, ret_offset, ret_size);
    return parse_span(first, last, total, ret_offset, ret_size);
}

bool pacs_http_if_range_matches(const char *if_range, const char *etag)
{
    if (!if_range)
        return true;
    /* A date is never a strong enough validator here: we send no Last-Modified to compare it with. */
    return etag && if_range[0] == '"' && strcmp(if_range, etag) == 0;
}

static PacsSlice without_weakness(PacsSlice tag)
{
    if (tag.size >= 2 && tag.text[0] == 'W' && tag.text[1] == '/')
        return (PacsSlice){tag.text + 2, tag.size - 2};
    return tag;
}

bool pacs_http_if_none_match(const char *if_none_match, const char *etag)
{
    PacsSlice ours = without_weakness(pacs_slice(etag));
    PacsSlice rest = pacs_slice(if_none_match), part;

    /* Our tags contain no comma, so a comma inside somebody else's cannot make a false match. */
    while (if_none_match && pacs_slice_split(&rest, ',', &part)) {
        PacsSlice tag = without_weakness(pacs_slice_trim(part));

        if (pacs_slice_equal(tag, "*") ||
            (tag.size == ours.size && memcmp(tag.text, ours.text, ours.size) == 0))
            return true;
    }
    return false;
}

/* ";q=0", "; q=0.000": refused; anything else counts as wanted. */
static bool quality_is_zero(PacsSlice parameters)
{
    PacsSlice part;

    while (pacs_slice_split(&parameters, ';', &part)) {
        part = pacs_slice_trim(part);
        if (part.size < 3 || (part.text[0] | 0x20) != 'q' || part.text[1] != '=')
            continue;
        for (size_t i = 2; i < part.size; i++)
            if (part.text[i] != '0' && part.text[i] != '.')
                return false;
        return true;
    }
    return false;
}

bool pacs_http_coding_accepted(const char *accept_encoding, const char *coding)
{
    PacsSlice rest = pacs_slice(accept_encoding), part;
    bool any = false;

    while (accept_encoding && pacs_slice_split(&rest, ',', &part)) {
        PacsSlice name;
        bool named = pacs_slice_split(&part, ';', &name);

        if (!named)
            continue;
        name = pacs_slice_trim(name);
        if (pacs_slice_equal_case(name, coding))
            return !part.text || !quality_is_zero(part);
        if (pacs_slice_equal(name, "*"))
            any = !part.text || !quality_is_zero(part);
    }
    return any;
}
