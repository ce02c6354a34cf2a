#include "pacs/dicom/scan_internal.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/bulk_table_format.h"

/* DICOM JSON (PS3.18 F.2) of one data set, written while it goes by. */

#define BULK_PREFIX "bulkdata/"

static bool is_pixel_data(PacsTag tag)
{
    return tag == PACS_TAG_PIXEL_DATA || tag == PACS_TAG_FLOAT_PIXEL_DATA ||
           tag == PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA;
}

bool scan_json_wants_value(const PacsScan *scan, const PacsElement *element)
{
    if (is_pixel_data(element->tag) && element->length > 0)
        return false;
    uint64_t max = pacs_vr_info(element->vr)->bulk ? scan->options.inline_max_bytes : PACS_MAX_TEXT_VALUE;
    return element->length <= max;
}

static void begin_member(PacsScan *scan, PacsTag tag, PacsVr vr)
{
    ScanLevel *level = scan_top(scan);
    if (tag <= level->last_tag && level->last_tag != 0)
        level->disordered = true;
    else
        level->last_tag = tag;
    char key[PACS_TAG_HEX_SIZE];
    pacs_tag_format(tag, key);
    pacs_json_key(&scan->json, key);
    pacs_json_object_begin(&scan->json);
    pacs_json_member_string(&scan->json, "vr", pacs_vr_code(vr));
}

static PacsStatus end_member(PacsScan *scan, PacsError *err)
{
    pacs_json_object_end(&scan->json);
    return pacs_buffer_check(&scan->json_text, err);
}

/* InlineBinary is little endian whatever the object is in (PS3.18 F.2.7). */
static PacsStatus write_inline(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size,
                               PacsError *err)
{
    size_t unit = element->big_endian ? pacs_vr_info(element->vr)->swap_size : 1;
    if (unit > 1) {
        pacs_buffer_reset(&scan->text);
        PacsStatus status = pacs_buffer_reserve(&scan->text, size, err);
        if (status != PACS_OK)
            return status;
        for (size_t i = 0; i < size; i++) {
            size_t first = i / unit * unit;
            bool whole = first + unit <= size;
            scan->text.bytes[i] = bytes[whole ? first + unit - 1 - (i - first) : i];
        }
        bytes = scan->text.bytes;
    }
    pacs_json_key(&scan->json, "InlineBinary");
    pacs_json_raw(&scan->json, "\"", 1);
    (void)pacs_base64_format(&scan->json_text, bytes, size);
    (void)pacs_buffer_add_char(&scan->json_text, '"');
    return PACS_OK;
}

/* "54000100/1/54001010": the sequences and items around the element, and its tag. */
static void format_path(const PacsScan *scan, PacsTag tag, char out[BULK_TABLE_PATH_MAX])
{
    size_t size = 0;
    for (uint32_t i = 0; i < scan->depth; i++)
        size += (size_t)snprintf(out + size, BULK_TABLE_PATH_MAX - size, "%08X/%u/", scan->levels[i].sequence,
                                 scan->levels[i].item_count);
    (void)snprintf(out + size, BULK_TABLE_PATH_MAX - size, "%08X", tag);
}

static bool is_charset_of_parent(const PacsScan *scan)
{
    return scan->depth > 0 && memcmp(&scan->levels[scan->depth].charset,
                                     &scan->levels[scan->depth - 1].charset, sizeof(PacsCharset)) == 0;
}

/* What is written is UTF-8, whatever the object is in (PS3.18 F.2); what the object says is kept aside. */
static PacsStatus write_charset(PacsScan *scan, const uint8_t *bytes, size_t size, PacsError *err)
{
    pacs_json_key(&scan->json, "Value");
    pacs_json_array_begin(&scan->json);
    pacs_json_string(&scan->json, "ISO_IR 192");
    pacs_json_array_end(&scan->json);
    if (is_charset_of_parent(scan) || scan->charset_count == PACS_MAX_CHARSETS)
        return PACS_OK;
    PacsSlice text = {0};
    PacsStatus status = scan_value_text(scan, PACS_VR_CS, (PacsSlice){(const char *)bytes, size}, &text, err);
    if (status != PACS_OK || text.size > PACS_MAX_CHARSET_NAMES)
        return status;
    scan->charset_count++;
    char path[BULK_TABLE_PATH_MAX];
    format_path(scan, PACS_TAG_SPECIFIC_CHARACTER_SET, path);
    (void)bulk_table_add_text(&scan->bulk, path, PACS_VR_CS, text);
    return pacs_buffer_check(&scan->bulk, err);
}

PacsStatus scan_json_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size,
                           PacsError *err)
{
    const PacsVrInfo *info = pacs_vr_info(element->vr);
    PacsStatus status = PACS_OK;
    begin_member(scan, element->tag, element->vr);
    if (element->tag == PACS_TAG_SPECIFIC_CHARACTER_SET) {
        status = write_charset(scan, bytes, size, err);
    } else if (info->bulk) {
        if (size > 0)
            status = write_inline(scan, element, bytes, size, err);
    } else if (info->text ? !scan_value_is_blank(element->vr, bytes, size) : size >= info->value_size) {
        pacs_json_key(&scan->json, "Value");
        pacs_json_array_begin(&scan->json);
        if (info->text)
            status = scan_write_text(scan, element->vr, bytes, size, err);
        else
            scan_write_numbers(&scan->json, element->vr, element->big_endian, bytes, size);
        pacs_json_array_end(&scan->json);
    }
    return status == PACS_OK ? end_member(scan, err) : status;
}

PacsStatus scan_json_bulk(PacsScan *scan, const PacsElement *element, PacsRange range, PacsError *err)
{
    if (++scan->bulk_count > PACS_MAX_BULK_VALUES)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %u large binary values", PACS_MAX_BULK_VALUES);
    char uri[sizeof BULK_PREFIX + BULK_TABLE_PATH_MAX] = BULK_PREFIX;
    char *path = uri + sizeof BULK_PREFIX - 1;
    format_path(scan, element->tag, path);
    begin_member(scan, element->tag, element->vr);
    pacs_json_member_string(&scan->json, "BulkDataURI", uri);
    const PacsBulkValue value = {.range = range,
                                 .vr = element->vr,
                                 .encapsulated = element->encapsulated,
                                 .big_endian = element->big_endian};
    if (!bulk_table_add(&scan->bulk, path, &value))
        return pacs_buffer_check(&scan->bulk, err);
    return end_member(scan, err);
}

PacsStatus scan_json_sequence_begin(PacsScan *scan, const PacsElement *element, PacsError *err)
{
    begin_member(scan, element->tag, PACS_VR_SQ);
    return pacs_buffer_check(&scan->json_text, err);
}

PacsStatus scan_json_sequence_end(PacsScan *scan, PacsError *err)
{
    if (scan_top(scan)->item_count > 0)
        pacs_json_array_end(&scan->json);
    return end_member(scan, err);
}

void scan_json_dataset_begin(PacsScan *scan)
{
    if (scan->depth > 0 && scan->levels[scan->depth - 1].item_count == 1) {
        pacs_json_key(&scan->json, "Value");
        pacs_json_array_begin(&scan->json);
    }
    ScanLevel *level = scan_top(scan);
    pacs_json_object_begin(&scan->json);
    level->json_start = scan->json_text.size - (scan->json_text.size > 0);
}

PacsStatus scan_json_dataset_end(PacsScan *scan, PacsError *err)
{
    pacs_json_object_end(&scan->json);
    PacsStatus status = pacs_buffer_check(&scan->json_text, err);
    if (status != PACS_OK || !scan_top(scan)->disordered)
        return status;
    return json_order_members(&scan->json_text, scan_top(scan)->json_start, &scan->scratch, err);
}
