#include "tests/support/object.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "pacs/dicom/part10.h"

#define CT_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

TestObject test_object(unsigned study, unsigned series, unsigned instance)
{
    static char study_uid[65], series_uid[65], instance_uid[65];

    (void)snprintf(study_uid, sizeof study_uid, "2.25.1000.%u", study);
    (void)snprintf(series_uid, sizeof series_uid, "2.25.1000.%u.%u", study, series);
    (void)snprintf(instance_uid, sizeof instance_uid, "2.25.1000.%u.%u.%u", study, series, instance);
    return (TestObject){.sop_class_uid = CT_IMAGE_STORAGE,
                        .sop_instance_uid = instance_uid,
                        .study_instance_uid = study_uid,
                        .series_instance_uid = series_uid,
                        .patient_id = "P1",
                        .patient_name = "Invented^Name",
                        .modality = "CT",
                        .rows = 4,
                        .columns = 4};
}

static void add_u16(PacsBuffer *out, uint32_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

    (void)pacs_buffer_add(out, bytes, sizeof bytes); /* checked where the object is complete */
}

void test_add_bytes(PacsBuffer *out, PacsTag tag, const char *vr, const void *bytes, uint32_t size)
{
    static const char long_forms[] = "OB OW OF OD OL OV UC UN UR UT SQ";
    uint32_t padded = size + (size & 1);

    add_u16(out, tag >> 16);
    add_u16(out, tag);
    (void)pacs_buffer_add(out, vr, 2);
    if (strstr(long_forms, vr)) {
        add_u16(out, 0);
        add_u16(out, padded);
        add_u16(out, padded >> 16);
    } else {
        assert(padded <= UINT16_MAX);
        add_u16(out, padded);
    }
    (void)pacs_buffer_add(out, bytes, size);
    if (size & 1)
        (void)pacs_buffer_add_char(out, strcmp(vr, "UI") == 0 || strcmp(vr, "OB") == 0 ? '\0' : ' ');
}

void test_add_text(PacsBuffer *out, PacsTag tag, const char *vr, const char *value)
{
    test_add_bytes(out, tag, vr, value, (uint32_t)strlen(value));
}

void test_add_us(PacsBuffer *out, PacsTag tag, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

    test_add_bytes(out, tag, "US", bytes, sizeof bytes);
}

static void add_pixels(const TestObject *object, PacsBuffer *out)
{
    uint8_t pixels[2048];
    uint32_t size = 2u * object->rows * object->columns;

    assert(size <= sizeof pixels);
    for (uint32_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)(i * 7);
    test_add_us(out, PACS_TAG(0x0028, 0x0002), 1);
    test_add_text(out, PACS_TAG(0x0028, 0x0004), "CS", "MONOCHROME2");
    test_add_us(out, PACS_TAG(0x0028, 0x0010), object->rows);
    test_add_us(out, PACS_TAG(0x0028, 0x0011), object->columns);
    test_add_us(out, PACS_TAG(0x0028, 0x0100), 16);
    test_add_us(out, PACS_TAG(0x0028, 0x0101), 16);
    test_add_us(out, PACS_TAG(0x0028, 0x0102), 15);
    test_add_us(out, PACS_TAG(0x0028, 0x0103), 0);
    test_add_bytes(out, PACS_TAG(0x7FE0, 0x0010), "OW", pixels, size);
}

void test_object_dataset(const TestObject *object, PacsBuffer *out)
{
    test_add_text(out, PACS_TAG(0x0008, 0x0016), "UI", object->sop_class_uid);
    test_add_text(out, PACS_TAG(0x0008, 0x0018), "UI", object->sop_instance_uid);
    test_add_text(out, PACS_TAG(0x0008, 0x0020), "DA", "20261121");
    test_add_text(out, PACS_TAG(0x0008, 0x0060), "CS", object->modality);
    test_add_text(out, PACS_TAG(0x0010, 0x0010), "PN", object->patient_name);
    if (object->patient_id)
        test_add_text(out, PACS_TAG(0x0010, 0x0020), "LO", object->patient_id);
    test_add_text(out, PACS_TAG(0x0020, 0x000D), "UI", object->study_instance_uid);
    test_add_text(out, PACS_TAG(0x0020, 0x000E), "UI", object->series_instance_uid);
    test_add_text(out, PACS_TAG(0x0020, 0x0013), "IS", "1");
    if (object->rows > 0)
        add_pixels(object, out);
    assert(!out->failed);
}

void test_object_file(const TestObject *object, PacsBuffer *out)
{
    PacsFileMeta meta = {.sop_class_uid = object->sop_class_uid,
                         .sop_instance_uid = object->sop_instance_uid,
                         .transfer_syntax_uid = EXPLICIT_LITTLE_ENDIAN};

    PacsStatus status = pacs_part10_format_header(&meta, out, NULL);
    assert(status == PACS_OK);
    (void)status;
    test_object_dataset(object, out);
}
