#include <string.h>

#include "pacs/dicom/dicom_json.h"
#include "pacs/dicom/dictionary.h"
#include "pacs/index/index_sqlite.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"

/* A function of SQL that a migration needs: kept tags with the main sequences of a series, which once were not kept. */

#define ARENA_SIZE (8u << 20)

typedef struct Tags {
    PacsTagValue *values;
    size_t count;
} Tags;

static void insert(Tags *tags, PacsTag tag, const char *value)
{
    size_t at = tags->count++;
    for (; at > 0 && tags->values[at - 1].tag > tag; at--)
        tags->values[at] = tags->values[at - 1];
    tags->values[at] = (PacsTagValue){tag, value};
}

static PacsStatus add_sequence(Tags *tags, PacsSlice json, PacsTag tag, PacsArena *arena)
{
    PacsSlice element = {0};
    const PacsStatus status = pacs_dicom_json_find(json, tag, &element, NULL);
    if (status != PACS_OK || element.size == 0 || element.size > PACS_MAX_MAIN_SEQUENCE ||
        !memmem(element.text, element.size, "\"Value\":[", 9) ||
        pacs_index_tags_get(tags->values, tags->count, tag))
        return status;
    const char *value = pacs_arena_strndup(arena, element.text, element.size);
    if (!value)
        return PACS_NO_MEMORY;
    insert(tags, tag, value);
    return PACS_OK;
}

static PacsStatus add_sequences(sqlite3_value **values, PacsArena *arena, PacsBuffer *out)
{
    const PacsInstanceBlobs blobs = {
        .json_deflate = sqlite3_value_blob(values[1]),
        .json_deflate_size = (size_t)sqlite3_value_bytes(values[1]),
        .json_size = (size_t)sqlite3_value_int64(values[2]),
        .json_crc32 = (uint32_t)sqlite3_value_int64(values[3]),
    };
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    const PacsTagValue *kept = NULL;
    Tags tags = {0};
    size_t main_count;
    const PacsTag *main_tags = pacs_main_tags(PACS_LEVEL_SERIES, &main_count);
    PacsStatus status = pacs_index_tags_parse(sqlite3_value_blob(values[0]),
                                              (size_t)sqlite3_value_bytes(values[0]), arena, &kept,
                                              &tags.count, NULL);
    if (status == PACS_OK)
        status = pacs_index_unpack_json(&blobs, &json, NULL);
    if (status != PACS_OK)
        return status;
    tags.values = pacs_arena_array(arena, tags.count + main_count, sizeof *tags.values);
    if (!tags.values)
        return PACS_NO_MEMORY;
    memcpy(tags.values, kept, tags.count * sizeof *kept);
    for (size_t i = 0; status == PACS_OK && i < main_count; i++)
        if (pacs_dictionary_vr(main_tags[i]) == PACS_VR_SQ)
            status = add_sequence(&tags, (PacsSlice){pacs_buffer_text(&json), json.size}, main_tags[i],
                                  arena);
    return status == PACS_OK ? pacs_index_tags_format(tags.values, tags.count, out, NULL) : status;
}

void pacs_index_sqlite_with_sequences(sqlite3_context *context, int count, sqlite3_value **values)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_SIZE);
    PACS_AUTO_BUFFER PacsBuffer tags = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    (void)count;
    if (arena && add_sequences(values, arena, &tags) == PACS_OK)
        sqlite3_result_blob64(context, tags.bytes, tags.size, SQLITE_TRANSIENT);
    else
        sqlite3_result_value(context, values[0]); /* what is damaged stays as it is */
}
