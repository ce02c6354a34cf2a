#include "pacs/dicom/dictionary.h"

#include <string.h>

#define V(name) PACS_VR_##name
#define VRS(...)                                                                                             \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define ROW(tag, mask, vr, vrs, vm_min, vm_max, vm_step, retired, keyword, name)                             \
    {tag, mask, vr, vrs, vm_min, vm_max, vm_step, retired, keyword, name},

static const PacsDictionaryEntry entries[] = {
#define ENTRIES
#include "pacs/dicom/dictionary_table.inc"
#undef ENTRIES
};

static const PacsDictionaryEntry repeating[] = {
#define REPEATING
#include "pacs/dicom/dictionary_table.inc"
#undef REPEATING
};

static const uint16_t keyword_order[] = {
#define KEYWORD_ORDER
#include "pacs/dicom/dictionary_table.inc"
#undef KEYWORD_ORDER
};

/* The tags alone: 20 kB that stay in the cache, where the search of a hundred elements an object happens. */
#undef ROW
#define ROW(tag, ...) tag,
static const PacsTag tags[] = {
#define ENTRIES
#include "pacs/dicom/dictionary_table.inc"
#undef ENTRIES
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const PacsDictionaryEntry *find_repeating(PacsTag tag)
{
    /* Only even groups repeat (PS3.5 7.6); an odd one is private whatever its digits. */
    if (pacs_tag_is_private(tag))
        return NULL;
    for (size_t i = 0; i < COUNT(repeating); i++) {
        if ((tag & repeating[i].mask) == repeating[i].tag)
            return &repeating[i];
    }
    return NULL;
}

const PacsDictionaryEntry *pacs_dictionary_find(PacsTag tag)
{
    size_t first = 0;
    for (size_t count = COUNT(tags); count > 1; count -= count / 2) {
        if (tags[first + count / 2] <= tag)
            first += count / 2;
    }
    return tags[first] == tag ? &entries[first] : find_repeating(tag);
}

static const PacsDictionaryEntry *entry_by_number(uint16_t number)
{
    return number < COUNT(entries) ? &entries[number] : &repeating[number - COUNT(entries)];
}

static int compare(PacsSlice keyword, const char *with)
{
    int order = strncmp(keyword.text, with, keyword.size);
    return order ? order : -(with[keyword.size] != '\0');
}

const PacsDictionaryEntry *pacs_dictionary_find_keyword(PacsSlice keyword)
{
    if (keyword.size == 0 || memchr(keyword.text, '\0', keyword.size))
        return NULL;
    size_t low = 0;
    size_t high = COUNT(keyword_order);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const PacsDictionaryEntry *entry = entry_by_number(keyword_order[middle]);
        int order = compare(keyword, entry->keyword);
        if (order == 0)
            return entry;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

PacsVr pacs_dictionary_vr(PacsTag tag)
{
    if (pacs_tag_is_group_length(tag))
        return PACS_VR_UL;
    if (pacs_tag_is_private(tag))
        return pacs_tag_is_private_creator(tag) ? PACS_VR_LO : PACS_VR_UN;
    const PacsDictionaryEntry *entry = pacs_dictionary_find(tag);
    return entry ? entry->vr : PACS_VR_UN;
}

bool pacs_dictionary_vr_depends_on_sign(PacsTag tag)
{
    const PacsDictionaryEntry *entry = pacs_dictionary_find(tag);
    return entry && entry->vrs[0] == PACS_VR_US && entry->vrs[1] == PACS_VR_SS;
}

const char *pacs_dictionary_keyword(PacsTag tag)
{
    const PacsDictionaryEntry *entry = pacs_dictionary_find(tag);
    return entry ? entry->keyword : "";
}

PacsStatus pacs_dictionary_parse_tag(PacsSlice text, PacsTag *ret_tag, PacsError *err)
{
    const PacsDictionaryEntry *entry = pacs_dictionary_find_keyword(text);
    if (entry) {
        *ret_tag = entry->tag;
        return PACS_OK;
    }
    if (pacs_tag_parse(text, ret_tag, NULL))
        return pacs_fail(err, PACS_INVALID, "neither a tag's 8 hexadecimal digits nor a keyword of PS3.6");
    return PACS_OK;
}

const PacsDictionaryEntry *pacs_dictionary_entries(size_t *ret_count)
{
    *ret_count = COUNT(entries);
    return entries;
}
