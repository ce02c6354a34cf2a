#include "dicomweb/qido_path.h"

#include <string.h>

#include "pacs/util/limits.h"

static size_t count_dots(PacsSlice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += text.text[i] == '.';
    return count;
}

/** What may have items: a sequence, or an attribute of which only objects know what it is. */
static bool may_be_sequence(PacsTag tag)
{
    PacsVr vr = pacs_dictionary_vr(tag);
    return vr == PACS_VR_SQ || vr == PACS_VR_UN;
}

PacsStatus qido_path_parse(PacsSlice text, PacsArena *arena, QidoPath *ret_path, PacsError *err)
{
    size_t depth = count_dots(text);
    if (depth > PACS_MAX_SEQUENCE_DEPTH)
        return pacs_fail(err, PACS_INVALID, "an attribute inside more than %d sequences",
                         PACS_MAX_SEQUENCE_DEPTH);
    PacsTag *tags = pacs_arena_array(arena, depth + 1, sizeof *tags);
    if (!tags)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query");

    PacsSlice rest = {text.text, text.size};
    PacsSlice part = {"", 0};
    for (size_t i = 0; i <= depth; i++) {
        (void)pacs_slice_split(&rest, '.', &part); /* of an empty text there is nothing to split */
        PacsStatus status = pacs_dictionary_parse_tag(pacs_slice_trim(part), &tags[i], err);
        if (status != PACS_OK)
            return status;
        if (i < depth && !may_be_sequence(tags[i]))
            return pacs_fail(err, PACS_INVALID, "%s is no sequence", pacs_dictionary_keyword(tags[i]));
    }
    *ret_path = (QidoPath){.sequences = tags, .depth = depth, .tag = tags[depth]};
    return PACS_OK;
}

PacsTag qido_path_tag(const QidoPath *path, size_t i)
{
    return i < path->depth ? path->sequences[i] : path->tag;
}

int qido_path_compare(const QidoPath *a, const QidoPath *b)
{
    for (size_t i = 0; i <= a->depth && i <= b->depth; i++) {
        PacsTag of_a = qido_path_tag(a, i);
        PacsTag of_b = qido_path_tag(b, i);
        if (of_a != of_b)
            return of_a < of_b ? -1 : 1;
    }
    return (a->depth > b->depth) - (a->depth < b->depth);
}

const char *qido_path_name(const QidoPath *path, char buffer[PACS_TAG_HEX_SIZE])
{
    const char *keyword = pacs_dictionary_keyword(path->tag);
    if (keyword[0] != '\0')
        return keyword;
    pacs_tag_format(path->tag, buffer);
    return buffer;
}
