#include "dicomweb/inline_value.h"

#include <string.h>

#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

static PacsStatus not_there(PacsError *err)
{
    return pacs_fail(err, PACS_NOT_FOUND, "no bulk value has this path");
}

/** Step over one token, which has to be this. */
static PacsStatus expect(PacsJsonReader *reader, PacsJsonToken wanted, PacsSlice *ret_text, PacsError *err)
{
    PacsJsonToken token;

    const PacsStatus status = pacs_json_next(reader, &token, ret_text, err);
    return status != PACS_OK || token == wanted ? status : not_there(err);
}

/** Within an object: to the value of a member. */
static PacsStatus enter_member(PacsJsonReader *reader, PacsSlice name, PacsError *err)
{
    PacsSlice key = {0};

    for (;;) {
        PacsStatus status = expect(reader, PACS_JSON_KEY, &key, err);
        if (status != PACS_OK)
            return status;
        if (key.size == name.size && memcmp(key.text, name.text, key.size) == 0)
            return PACS_OK;
        status = pacs_json_skip(reader, err);
        if (status != PACS_OK)
            return status;
    }
}

/** Within an attribute: into an item of its sequence. */
static PacsStatus enter_item(PacsJsonReader *reader, PacsSlice number, PacsError *err)
{
    uint64_t items = 0;
    PacsSlice text;

    if (pacs_parse_u64(number, UINT32_MAX, &items, NULL) != PACS_OK || items == 0)
        return not_there(err);
    PacsStatus status = enter_member(reader, PACS_SLICE("Value"), err);
    if (status == PACS_OK)
        status = expect(reader, PACS_JSON_ARRAY_BEGIN, &text, err);
    while (status == PACS_OK && --items > 0) {
        PacsJsonReader ahead = *reader; /* the end of the array is no item to pass over */
        status = expect(&ahead, PACS_JSON_OBJECT_BEGIN, &text, err);
        if (status == PACS_OK)
            status = pacs_json_skip(reader, err);
    }
    return status == PACS_OK ? expect(reader, PACS_JSON_OBJECT_BEGIN, &text, err) : status;
}

static PacsStatus find_text(const PacsBuffer *json, const char *value_path, PacsSlice *ret_text,
                            PacsError *err)
{
    PacsJsonReader reader = pacs_json_reader(pacs_buffer_text(json), json->size);
    PacsSlice rest = pacs_slice(value_path), tag, number, text;

    PacsStatus status = expect(&reader, PACS_JSON_OBJECT_BEGIN, &text, err);
    while (status == PACS_OK && pacs_slice_split(&rest, '/', &tag)) {
        status = enter_member(&reader, tag, err);
        if (status == PACS_OK)
            status = expect(&reader, PACS_JSON_OBJECT_BEGIN, &text, err);
        if (status == PACS_OK && pacs_slice_split(&rest, '/', &number))
            status = enter_item(&reader, number, err);
        else if (status == PACS_OK)
            break;
    }
    if (status == PACS_OK)
        status = enter_member(&reader, PACS_SLICE("InlineBinary"), err);
    return status == PACS_OK ? expect(&reader, PACS_JSON_STRING, ret_text, err) : status;
}

static PacsStatus decode(PacsSlice base64, PacsArena *arena, const void **ret_bytes, size_t *ret_size,
                         PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_TEXT_VALUE);

    const PacsStatus status = pacs_base64_parse(base64, &bytes, err);
    if (status != PACS_OK)
        return status;
    void *copy = pacs_arena_alloc(arena, bytes.size + 1);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    memcpy(copy, pacs_buffer_text(&bytes), bytes.size);
    *ret_bytes = copy;
    *ret_size = bytes.size;
    return PACS_OK;
}

PacsStatus dicomweb_inline_value_find(PacsIndex *index, const PacsUidPath *path, const char *value_path,
                                      PacsArena *arena, const void **ret_bytes, size_t *ret_size,
                                      PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};
    PacsSlice base64 = {0};

    PacsStatus status = pacs_index_find_object_at(index, path, PACS_BLOB_JSON, arena, &object, &blobs, err);
    if (status == PACS_OK)
        status = pacs_retrieve_unpack_json(&blobs, &json, err);
    if (status == PACS_OK)
        status = find_text(&json, value_path, &base64, err);
    return status == PACS_OK ? decode(base64, arena, ret_bytes, ret_size, err) : status;
}
