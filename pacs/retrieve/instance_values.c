#include "pacs/retrieve/instance_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs/retrieve/retrieve_private.h"
#include "pacs/retrieve/values.h"
#include "pacs/util/limits.h"

PacsStatus pacs_instance_find(PacsRetrieve *retrieve, const PacsInstanceName *name, PacsBlobParts parts,
                              PacsArena *arena, PacsStoredObject **ret_object, PacsInstanceBlobs *ret_blobs,
                              PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (!name->id)
        return pacs_index_find_object_at(retrieve->index, name->path, parts, arena, ret_object, ret_blobs,
                                         err);
    status = pacs_index_find_object(retrieve->index, name->id, arena, ret_object, err);
    return status == PACS_OK ? pacs_index_find_blobs(retrieve->index, name->id, parts, arena, ret_blobs, err)
                             : status;
}

PacsStatus pacs_instance_values_find(PacsRetrieve *retrieve, const PacsInstanceName *name, PacsArena *arena,
                                     PacsBuffer *json, PacsInstanceValues *ret_values, PacsError *err)
{
    PacsInstanceValues values = {.retrieve = retrieve, .arena = arena};
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};

    PacsStatus status = pacs_instance_find(retrieve, name, PACS_BLOB_JSON | PACS_BLOB_BULK, arena, &object,
                                           &blobs, err);
    if (status == PACS_OK)
        status = pacs_retrieve_unpack_json(&blobs, json, err);
    if (status == PACS_OK)
        status = pacs_json_item_parse((PacsSlice){pacs_buffer_text(json), json->size}, arena, &values.item,
                                      err);
    if (status != PACS_OK)
        return status;
    values.object = object;
    values.bulk_table = blobs.bulk_table;
    values.bulk_table_size = blobs.bulk_table_size;
    *ret_values = values;
    return PACS_OK;
}

/* ---- Bytes ---- */

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a value");
}

static PacsStatus read_inline(const PacsInstanceValues *values, PacsSlice base64, uint64_t offset,
                              size_t size, const uint8_t **ret_bytes, size_t *ret_size, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer plain = PACS_BUFFER(PACS_MAX_TEXT_VALUE);

    PacsStatus status = pacs_base64_parse(base64, &plain, err);
    if (status != PACS_OK)
        return status;
    if (offset >= plain.size)
        return pacs_fail(err, PACS_NOT_FOUND, "the value ends before");
    if (size > plain.size - offset)
        size = plain.size - (size_t)offset;
    uint8_t *bytes = pacs_arena_alloc(values->arena, size);
    if (!bytes)
        return no_memory(err);
    memcpy(bytes, plain.bytes + offset, size);
    *ret_bytes = bytes;
    *ret_size = size;
    return PACS_OK;
}

static PacsStatus read_opened(PacsRetrievedBytes *opened, uint64_t offset, uint8_t *bytes, size_t size,
                              PacsError *err)
{
    PACS_AUTO(PacsSource) source = opened->source;
    PacsStatus status = PACS_OK;

    if (opened->fd >= 0)
        status = pacs_source_fd(opened->fd, offset, size, &source, err);
    return status == PACS_OK ? pacs_source_read_all(source, bytes, size, err) : status;
}

static PacsStatus read_bulk(const PacsInstanceValues *values, PacsSlice path, uint64_t offset, size_t size,
                            const uint8_t **ret_bytes, size_t *ret_size, PacsError *err)
{
    const char *text = pacs_arena_strndup(values->arena, path.text, path.size);
    PacsRetrievedBytes opened = {.fd = -1};
    PacsBulkValue bulk = {0};

    if (!text)
        return no_memory(err);
    if (!values->retrieve)
        return pacs_fail(err, PACS_NOT_FOUND, "the value does not stand in the JSON");
    PacsStatus status = pacs_bulk_table_find(values->bulk_table, values->bulk_table_size, text, &bulk, err);
    if (status != PACS_OK)
        return status;
    const PacsRetrievedValue value = pacs_retrieve_value(values->object, &bulk);
    if (bulk.encapsulated || offset >= value.range.size)
        return pacs_fail(err, PACS_NOT_FOUND, "the value ends before");
    if (size > value.range.size - offset)
        size = (size_t)(value.range.size - offset);
    uint8_t *bytes = pacs_arena_alloc(values->arena, size);
    if (!bytes)
        return no_memory(err);
    status = pacs_retrieve_value_open(values->retrieve, &value, offset, size, &opened, err);
    if (status == PACS_OK)
        status = read_opened(&opened, value.range.offset + offset, bytes, size, err);
    if (status != PACS_OK)
        return status;
    *ret_bytes = bytes;
    *ret_size = size;
    return PACS_OK;
}

PacsStatus pacs_instance_value_bytes(const PacsInstanceValues *values, const PacsJsonAttribute *attribute,
                                     uint64_t offset, size_t size, const uint8_t **ret_bytes,
                                     size_t *ret_size, PacsError *err)
{
    if (attribute && attribute->inline_binary.size > 0)
        return read_inline(values, attribute->inline_binary, offset, size, ret_bytes, ret_size, err);
    if (attribute && attribute->bulk_path.size > 0)
        return read_bulk(values, attribute->bulk_path, offset, size, ret_bytes, ret_size, err);
    return pacs_fail(err, PACS_NOT_FOUND, "the attribute has no bytes");
}

/* ---- Words ---- */

static PacsStatus words_of_bytes(const PacsInstanceValues *values, const uint8_t *bytes, size_t size,
                                 uint16_t **ret_words, size_t *ret_count, PacsError *err)
{
    const size_t count = (size + 1) / 2;
    uint16_t *words = pacs_arena_array(values->arena, count, sizeof *words);

    if (!words)
        return no_memory(err);
    for (size_t i = 0; i < size; i++)
        words[i / 2] |= (uint16_t)(bytes[i] << (i % 2 * 8));
    *ret_words = words;
    *ret_count = count;
    return PACS_OK;
}

static PacsStatus words_of_numbers(const PacsInstanceValues *values, const PacsJsonAttribute *attribute,
                                   size_t max, uint16_t **ret_words, size_t *ret_count, PacsError *err)
{
    const PacsJsonItem item = {attribute, 1};
    double *numbers = calloc(max, sizeof *numbers);
    size_t count = 0;

    if (!numbers)
        return no_memory(err);
    count = pacs_json_item_numbers(&item, attribute->tag, numbers, max);
    uint16_t *words = pacs_arena_array(values->arena, count, sizeof *words);
    for (size_t i = 0; words && i < count; i++)
        words[i] = numbers[i] >= -32768 && numbers[i] <= 65535 ? (uint16_t)(int32_t)numbers[i] : 0;
    free(numbers);
    if (!words)
        return no_memory(err);
    *ret_words = words;
    *ret_count = count;
    return count > 0 ? PACS_OK : pacs_fail(err, PACS_NOT_FOUND, "the attribute has no value");
}

PacsStatus pacs_instance_value_words(const PacsInstanceValues *values, const PacsJsonAttribute *attribute,
                                     size_t max, uint16_t **ret_words, size_t *ret_count, PacsError *err)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;

    if (attribute && attribute->values.size > 0)
        return words_of_numbers(values, attribute, max, ret_words, ret_count, err);
    const PacsStatus status = pacs_instance_value_bytes(values, attribute, 0, max * 2, &bytes, &size, err);
    return status == PACS_OK ? words_of_bytes(values, bytes, size, ret_words, ret_count, err) : status;
}
