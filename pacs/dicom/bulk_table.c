#include "pacs/dicom/bulk_table.h"

#include <string.h>

#include "pacs/dicom/bulk_table_format.h"
#include "pacs/dicom/table_codec.h"

bool bulk_table_add(PacsBuffer *out, const char *path, const PacsBulkValue *value)
{
    size_t path_size = strlen(path);
    uint8_t flags = (uint8_t)((value->encapsulated ? BULK_TABLE_ENCAPSULATED : 0) |
                              (value->big_endian ? BULK_TABLE_BIG_ENDIAN : 0));
    const char *code = pacs_vr_code(value->vr);
    uint8_t kind[3] = {(uint8_t)code[0], (uint8_t)code[1], flags};
    if (out->size == 0 && !pacs_buffer_add(out, BULK_TABLE_MAGIC, 4))
        return false;
    return table_add_varint(out, path_size) && pacs_buffer_add(out, path, path_size) &&
           pacs_buffer_add(out, kind, sizeof kind) && table_add_varint(out, value->range.offset) &&
           table_add_varint(out, value->range.size);
}

/* One record; false where the bytes are none. */
static bool read_record(const uint8_t **at, const uint8_t *end, PacsSlice *ret_path, PacsBulkValue *ret_value)
{
    uint64_t path_size = 0;
    if (!table_read_varint(at, end, &path_size) || (uint64_t)(end - *at) < path_size + 3 ||
        path_size > BULK_TABLE_PATH_MAX)
        return false;
    *ret_path = (PacsSlice){(const char *)*at, (size_t)path_size};
    const uint8_t *kind = *at + path_size;
    *at = kind + 3;
    char code[3] = {(char)kind[0], (char)kind[1], 0};
    *ret_value = (PacsBulkValue){.vr = pacs_vr_from_code(code),
                                 .encapsulated = kind[2] & BULK_TABLE_ENCAPSULATED,
                                 .big_endian = kind[2] & BULK_TABLE_BIG_ENDIAN};
    return table_read_varint(at, end, &ret_value->range.offset) &&
           table_read_varint(at, end, &ret_value->range.size);
}

PacsStatus pacs_bulk_table_find(const void *table, size_t size, const char *path, PacsBulkValue *ret_value,
                                PacsError *err)
{
    if (!table || size == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "the object has no bulk values");
    if (size < 4 || memcmp(table, BULK_TABLE_MAGIC, 4) != 0)
        return pacs_fail(err, PACS_CORRUPT, "the bulk table is damaged");
    const uint8_t *at = (const uint8_t *)table + 4;
    const uint8_t *end = (const uint8_t *)table + size;
    while (at < end) {
        PacsSlice found;
        PacsBulkValue value;
        if (!read_record(&at, end, &found, &value))
            return pacs_fail(err, PACS_CORRUPT, "the bulk table is damaged");
        if (pacs_slice_equal(found, path)) {
            *ret_value = value;
            return PACS_OK;
        }
    }
    return pacs_fail(err, PACS_NOT_FOUND, "no bulk value of that path");
}
