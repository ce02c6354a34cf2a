#include "dicomweb/frame_list.h"

#include "pacs/util/limits.h"
#include "pacs/util/text.h"

static PacsStatus parse_number(PacsSlice text, uint32_t *ret_number, PacsError *err)
{
    uint64_t number = 0;

    text = pacs_slice_trim(text);
    if (pacs_parse_u64(text, UINT32_MAX, &number, NULL) != PACS_OK || number == 0)
        return pacs_fail(err, PACS_INVALID, "'%.*s' is no frame number: they count from 1",
                         text.size < 32 ? (int)text.size : 32, text.text);
    *ret_number = (uint32_t)number;
    return PACS_OK;
}

static size_t count_commas(const char *list)
{
    size_t count = 0;

    for (; *list; list++)
        count += *list == ',';
    return count;
}

PacsStatus dicomweb_frame_list_parse(const char *list, PacsArena *arena, uint32_t **ret_numbers,
                                     size_t *ret_count, PacsError *err)
{
    const size_t count = count_commas(list) + 1;
    PacsSlice rest = pacs_slice(list), part;
    PacsStatus status = PACS_OK;

    if (count > PACS_MAX_FRAME_LIST)
        return pacs_fail(err, PACS_INVALID, "%zu frames asked, at most %u are given at once", count,
                         PACS_MAX_FRAME_LIST);
    uint32_t *numbers = pacs_arena_array(arena, count, sizeof *numbers);
    if (!numbers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of frames");
    for (size_t i = 0; status == PACS_OK && pacs_slice_split(&rest, ',', &part); i++)
        status = parse_number(part, &numbers[i], err);
    if (status != PACS_OK)
        return status;
    *ret_numbers = numbers;
    *ret_count = count;
    return PACS_OK;
}
