#include "pacs/dicom/part10.h"

#include <string.h>

#include "pacs/dicom/tag.h"
#include "pacs/dicom/uid.h"
#include "pacs/dicom/vr.h"

#define PREAMBLE_SIZE 128
#define SHORT_HEADER 8
#define AE_TITLE_MAX 16

static void put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

static void add_header(PacsBuffer *out, PacsTag tag, PacsVr vr, uint16_t length)
{
    uint8_t header[SHORT_HEADER];
    put_u16(header, pacs_tag_group(tag));
    put_u16(header + 2, pacs_tag_element(tag));
    memcpy(header + 4, pacs_vr_code(vr), 2);
    put_u16(header + 6, length);
    (void)pacs_buffer_add(out, header, sizeof header); /* checked once, at the end */
}

/* A text value with the padding of its VR to an even length. */
static void add_text(PacsBuffer *out, PacsTag tag, PacsVr vr, const char *text)
{
    size_t size = strlen(text);
    add_header(out, tag, vr, (uint16_t)(size + size % 2));
    (void)pacs_buffer_add(out, text, size);
    if (size % 2)
        (void)pacs_buffer_add_char(out, (char)pacs_vr_info(vr)->padding);
}

static void add_version(PacsBuffer *out)
{
    static const uint8_t version[] = {0x02, 0x00, 0x01, 0x00, 'O', 'B', 0, 0, 2, 0, 0, 0, 0x00, 0x01};
    (void)pacs_buffer_add(out, version, sizeof version);
}

static PacsStatus check_uid(const char *name, const char *uid, PacsError *err)
{
    if (!uid || !pacs_uid_acceptable(pacs_slice(uid)))
        return pacs_fail(err, PACS_INVALID, "file meta information needs a %s of 1 to %d digits and dots",
                         name, PACS_UID_MAX);
    return PACS_OK;
}

static PacsStatus check(const PacsFileMeta *meta, PacsError *err)
{
    PacsStatus status = check_uid("SOP class UID", meta->sop_class_uid, err);
    if (status == PACS_OK)
        status = check_uid("SOP instance UID", meta->sop_instance_uid, err);
    if (status == PACS_OK)
        status = check_uid("transfer syntax UID", meta->transfer_syntax_uid, err);
    if (status == PACS_OK && meta->source_application_entity_title &&
        strlen(meta->source_application_entity_title) > AE_TITLE_MAX)
        status = pacs_fail(err, PACS_INVALID, "an application entity title has at most %d characters",
                           AE_TITLE_MAX);
    return status;
}

PacsStatus pacs_part10_format_header(const PacsFileMeta *meta, PacsBuffer *out, PacsError *err)
{
    PacsStatus status = check(meta, err);
    if (status != PACS_OK)
        return status;
    static const uint8_t preamble[PREAMBLE_SIZE];
    (void)pacs_buffer_add(out, preamble, sizeof preamble);
    (void)pacs_buffer_add(out, "DICM", 4);
    add_header(out, PACS_TAG_FILE_META_INFORMATION_GROUP_LENGTH, PACS_VR_UL, 4);
    size_t length_at = out->size;
    (void)pacs_buffer_add(out, preamble, 4);
    size_t group_start = out->size;

    add_version(out);
    add_text(out, PACS_TAG_MEDIA_STORAGE_SOP_CLASS_UID, PACS_VR_UI, meta->sop_class_uid);
    add_text(out, PACS_TAG_MEDIA_STORAGE_SOP_INSTANCE_UID, PACS_VR_UI, meta->sop_instance_uid);
    add_text(out, PACS_TAG_TRANSFER_SYNTAX_UID, PACS_VR_UI, meta->transfer_syntax_uid);
    add_text(out, PACS_TAG_IMPLEMENTATION_CLASS_UID, PACS_VR_UI, PACS_IMPLEMENTATION_CLASS_UID);
    add_text(out, PACS_TAG_IMPLEMENTATION_VERSION_NAME, PACS_VR_SH, PACS_IMPLEMENTATION_VERSION_NAME);
    if (meta->source_application_entity_title)
        add_text(out, PACS_TAG_SOURCE_APPLICATION_ENTITY_TITLE, PACS_VR_AE,
                 meta->source_application_entity_title);

    status = pacs_buffer_check(out, err);
    if (status != PACS_OK)
        return status;
    uint32_t length = (uint32_t)(out->size - group_start);
    put_u16(out->bytes + length_at, (uint16_t)length);
    put_u16(out->bytes + length_at + 2, (uint16_t)(length >> 16));
    return PACS_OK;
}
