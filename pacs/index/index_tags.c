#include "pacs/index/index_tags.h"

#include <string.h>

#define VERSION 1
#define HEADER_SIZE 8 /* tag and length */

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

PacsStatus pacs_index_tags_format(const PacsTagValue *tags, size_t count, PacsBuffer *out, PacsError *err)
{
    pacs_buffer_add_char(out, VERSION);
    for (size_t i = 0; i < count; i++) {
        uint8_t header[HEADER_SIZE];
        const size_t length = strlen(tags[i].value);
        if (length > UINT32_MAX)
            return pacs_fail(err, PACS_INVALID, "value of tag %08X is too long", tags[i].tag);
        put_u32(header, tags[i].tag);
        put_u32(header + 4, (uint32_t)length);
        pacs_buffer_add(out, header, sizeof header);
        pacs_buffer_add(out, tags[i].value, length + 1);
    }
    return pacs_buffer_check(out, err);
}

/** Length of the entry at `bytes`, 0 if what stands there is none. */
static size_t entry_size(const uint8_t *bytes, size_t size)
{
    if (size < HEADER_SIZE + 1)
        return 0;
    const size_t length = get_u32(bytes + 4);
    if (length > size - HEADER_SIZE - 1 || bytes[HEADER_SIZE + length] != '\0')
        return 0;
    return HEADER_SIZE + length + 1;
}

static PacsStatus count_entries(const uint8_t *bytes, size_t size, size_t *ret_count, PacsError *err)
{
    size_t count = 0;
    for (size_t at = 1, step; at < size; at += step, count++) {
        step = entry_size(bytes + at, size - at);
        if (step == 0)
            return pacs_fail(err, PACS_CORRUPT, "indexed tags are damaged at byte %zu of %zu", at, size);
    }
    *ret_count = count;
    return PACS_OK;
}

PacsStatus pacs_index_tags_parse(const void *bytes, size_t size, PacsArena *arena,
                                 const PacsTagValue **ret_tags, size_t *ret_count, PacsError *err)
{
    if (!bytes || size == 0 || *(const uint8_t *)bytes != VERSION)
        return pacs_fail(err, PACS_CORRUPT, "indexed tags are not of a version known here");
    size_t count = 0;
    const PacsStatus status = count_entries(bytes, size, &count, err);
    if (status != PACS_OK)
        return status;

    uint8_t *copy = pacs_arena_alloc(arena, size);
    PacsTagValue *tags = pacs_arena_array(arena, count + 1, sizeof *tags);
    if (!copy || !tags)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu indexed tags", count);
    memcpy(copy, bytes, size);
    for (size_t i = 0, at = 1; i < count; i++, at += entry_size(copy + at, size - at))
        tags[i] = (PacsTagValue){get_u32(copy + at), (const char *)copy + at + HEADER_SIZE};
    *ret_tags = tags;
    *ret_count = count;
    return PACS_OK;
}

const char *pacs_index_tags_get(const PacsTagValue *tags, size_t count, PacsTag tag)
{
    for (size_t i = 0; i < count; i++)
        if (tags[i].tag == tag)
            return tags[i].value;
    return NULL;
}

const char *pacs_index_tags_find(const void *bytes, size_t size, PacsTag tag)
{
    const uint8_t *entries = bytes;
    if (size == 0 || entries[0] != VERSION)
        return NULL;
    for (size_t at = 1, step; at < size; at += step) {
        step = entry_size(entries + at, size - at);
        if (step == 0)
            return NULL;
        if (get_u32(entries + at) == tag)
            return (const char *)entries + at + HEADER_SIZE;
    }
    return NULL;
}
