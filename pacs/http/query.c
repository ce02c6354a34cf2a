#include "pacs/http/query.h"

#include <string.h>

#include "pacs/util/limits.h"

PacsStatus pacs_http_percent_decode(PacsArena *arena, PacsSlice text, bool plus_is_space,
                                    const char **ret_text, PacsError *err)
{
    char *out = pacs_arena_alloc(arena, text.size + 1);
    size_t size = 0;

    if (!out)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the request's address");
    for (size_t i = 0; i < text.size; i++) {
        char c = text.text[i];

        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            uint8_t byte;

            if (text.size - i < 3 ||
                pacs_hex_parse((PacsSlice){text.text + i + 1, 2}, &byte, 1, NULL) != PACS_OK)
                return pacs_fail(err, PACS_INVALID,
                                 "a %% in the address is not followed by two hexadecimal digits");
            c = (char)byte;
            i += 2;
        }
        if (c == '\0')
            return pacs_fail(err, PACS_INVALID, "the address contains a NUL");
        out[size++] = c;
    }
    *ret_text = out; /* the arena's memory is zeroed: the NUL is there */
    return PACS_OK;
}

static PacsStatus parse_pair(PacsArena *arena, PacsSlice part, PacsHttpPair *ret_pair, PacsError *err)
{
    const char *equals = memchr(part.text, '=', part.size);
    PacsSlice name = {part.text, equals ? (size_t)(equals - part.text) : part.size};
    PacsSlice value = equals ? (PacsSlice){equals + 1, part.size - name.size - 1} : pacs_slice("");

    PacsStatus status = pacs_http_percent_decode(arena, name, true, &ret_pair->name, err);
    if (status == PACS_OK)
        status = pacs_http_percent_decode(arena, value, true, &ret_pair->value, err);
    return status;
}

static size_t count_parts(PacsSlice query)
{
    size_t count = 0;
    PacsSlice part;

    while (pacs_slice_split(&query, '&', &part))
        count += part.size > 0;
    return count;
}

PacsStatus pacs_http_query_parse(PacsArena *arena, PacsSlice query, PacsHttpPair **ret_pairs,
                                 size_t *ret_count, PacsError *err)
{
    size_t count = count_parts(query), filled = 0;
    PacsSlice part;

    if (count > PACS_MAX_HTTP_QUERY_PARAMETERS)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %d query parameters",
                         PACS_MAX_HTTP_QUERY_PARAMETERS);
    PacsHttpPair *pairs = pacs_arena_array(arena, count, sizeof *pairs);
    if (!pairs)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query parameters");
    while (pacs_slice_split(&query, '&', &part)) {
        if (part.size == 0)
            continue;
        PacsStatus status = parse_pair(arena, part, &pairs[filled++], err);
        if (status != PACS_OK)
            return status;
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return PACS_OK;
}

/* A proxy may send "GET http://host/path": what stands before the path is not ours to use. */
static PacsSlice without_authority(PacsSlice target)
{
    const char *scheme_end = target.text[0] == '/' ? NULL : memmem(target.text, target.size, "://", 3);

    if (!scheme_end)
        return target;
    size_t skip = (size_t)(scheme_end - target.text) + 3;
    while (skip < target.size && target.text[skip] != '/' && target.text[skip] != '?')
        skip++;
    return (PacsSlice){target.text + skip, target.size - skip};
}

void pacs_http_target_split(PacsSlice target, PacsSlice *ret_path, PacsSlice *ret_query)
{
    if (target.size > 0)
        target = without_authority(target);
    const char *question = target.size > 0 ? memchr(target.text, '?', target.size) : NULL;
    size_t path_size = question ? (size_t)(question - target.text) : target.size;

    *ret_path = path_size > 0 ? (PacsSlice){target.text, path_size} : PACS_SLICE("/");
    *ret_query = question ? (PacsSlice){question + 1, target.size - path_size - 1} : pacs_slice("");
}
