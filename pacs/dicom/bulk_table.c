#include "pacs/dicom/bulk_table.h"

#include <string.h>

#include "pacs/dicom/bulk_table_format.h"
#include "pacs/dicom/table_codec.h"

static bool add_head(PacsBuffer *out, const char *path, PacsVr vr, uint8_t flags)
{
    size_t path_size = strlen(path);
    const char *code = pacs_vr_code(vr);
    uint8_t kind[3] = {(uint8_t)code[0], (uint8_t)code[1], flags};
    if (out->size == 0 && !pacs_buffer_add(out, BULK_TABLE_MAGIC, 4))
        return false;
    return table_add_varint(out, path_size) && pacs_buffer_add(out, path, path_size) &&
           pacs_buffer_add(out, kind, sizeof kind);
}

bool bulk_table_add(PacsBuffer *out, const char *path, const PacsBulkValue *value)
{
    uint8_t flags = (uint8_t)((value->encapsulated ? BULK_TABLE_ENCAPSULATED : 0) |
                              (value->big_endian ? BULK_TABLE_BIG_ENDIAN : 0));
    return add_head(out, path, value->vr, flags) && table_add_varint(out, value->range.offset) &&
           table_add_varint(out, value->range.size);
}

bool bulk_table_add_text(PacsBuffer *out, const char *path, PacsVr vr, PacsSlice text)
{
    return add_head(out, path, vr, BULK_TABLE_TEXT) && table_add_varint(out, text.size) &&
           pacs_buffer_add(out, text.text, text.size);
}

typedef struct Record {
    PacsSlice path;
    bool is_text;
    PacsSlice text;
    PacsBulkValue value;
} Record;

static bool read_text(const uint8_t **at, const uint8_t *end, PacsSlice *ret_text)
{
    uint64_t size = 0;
    if (!table_read_varint(at, end, &size) || (uint64_t)(end - *at) < size)
        return false;
    *ret_text = (PacsSlice){(const char *)*at, (size_t)size};
    *at += size;
    return true;
}

/* One record; false where the bytes are none. */
static bool read_record(const uint8_t **at, const uint8_t *end, Record *ret_record)
{
    PacsSlice path = {0};
    if (!read_text(at, end, &path) || end - *at < 3 || path.size > BULK_TABLE_PATH_MAX)
        return false;
    const uint8_t *kind = *at;
    *at += 3;
    char code[3] = {(char)kind[0], (char)kind[1], 0};
    *ret_record = (Record){.path = path,
                           .is_text = kind[2] & BULK_TABLE_TEXT,
                           .value = {.vr = pacs_vr_from_code(code),
                                     .encapsulated = kind[2] & BULK_TABLE_ENCAPSULATED,
                                     .big_endian = kind[2] & BULK_TABLE_BIG_ENDIAN}};
    if (ret_record->is_text)
        return read_text(at, end, &ret_record->text);
    return table_read_varint(at, end, &ret_record->value.range.offset) &&
           table_read_varint(at, end, &ret_record->value.range.size);
}

static PacsStatus open_table(const void *table, size_t size, PacsError *err)
{
    if (size < 4 || memcmp(table, BULK_TABLE_MAGIC, 4) != 0)
        return pacs_fail(err, PACS_CORRUPT, "the bulk table is damaged");
    return PACS_OK;
}

PacsStatus pacs_bulk_table_next(const void *table, size_t size, size_t *cursor, PacsSlice *ret_path,
                                PacsBulkValue *ret_value, PacsError *err)
{
    if (!table || size == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "the object has no bulk values");
    PacsStatus status = open_table(table, size, err);
    if (status != PACS_OK)
        return status;
    const uint8_t *at = (const uint8_t *)table + (*cursor > 4 ? *cursor : 4);
    const uint8_t *end = (const uint8_t *)table + size;
    Record record = {.is_text = true};
    while (record.is_text) {
        if (at >= end)
            return pacs_fail(err, PACS_NOT_FOUND, "no bulk value of that path");
        if (!read_record(&at, end, &record))
            return pacs_fail(err, PACS_CORRUPT, "the bulk table is damaged");
    }
    *cursor = (size_t)(at - (const uint8_t *)table);
    *ret_path = record.path;
    *ret_value = record.value;
    return PACS_OK;
}

PacsStatus pacs_bulk_table_find(const void *table, size_t size, const char *path, PacsBulkValue *ret_value,
                                PacsError *err)
{
    size_t cursor = 0;
    PacsSlice found;
    PacsBulkValue value;

    for (;;) {
        PacsStatus status = pacs_bulk_table_next(table, size, &cursor, &found, &value, err);
        if (status != PACS_OK)
            return status;
        if (pacs_slice_equal(found, path)) {
            *ret_value = value;
            return PACS_OK;
        }
    }
}

PacsStatus pacs_bulk_table_charsets(const void *table, size_t size,
                                    PacsBulkCharset ret_charsets[PACS_MAX_CHARSETS], size_t *ret_count,
                                    PacsError *err)
{
    size_t count = 0;
    PacsStatus status = size > 0 ? open_table(table, size, err) : PACS_OK;
    if (status != PACS_OK)
        return status;
    const uint8_t *at = size > 0 ? (const uint8_t *)table + 4 : NULL;
    const uint8_t *end = size > 0 ? (const uint8_t *)table + size : NULL;
    while (at < end && count < PACS_MAX_CHARSETS) {
        Record record;
        if (!read_record(&at, end, &record))
            return pacs_fail(err, PACS_CORRUPT, "the bulk table is damaged");
        if (record.is_text)
            ret_charsets[count++] = (PacsBulkCharset){record.path, record.text};
    }
    *ret_count = count;
    return PACS_OK;
}
