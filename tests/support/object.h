#pragma once

#include <stdint.h>

#include "pacs/dicom/tag.h"
#include "pacs/util/buffer.h"

/**
 * Small DICOM objects in memory, for tests: explicit little endian, elements in the order they are added.
 * The buffer is the caller's; a value that does not fit is a mistake of the test and asserts.
 */
typedef struct TestObject {
    const char *sop_class_uid;
    const char *sop_instance_uid;
    const char *study_instance_uid;
    const char *series_instance_uid;
    const char *patient_id;
    const char *patient_name;
    const char *modality;
    uint16_t rows, columns; /* 0: no pixel data */
} TestObject;

/** A CT slice of 4x4 pixels; its UIDs end in the given numbers. The strings are static until the
 * next call. */
TestObject test_object(unsigned study, unsigned series, unsigned instance);

void test_add_text(PacsBuffer *out, PacsTag tag, const char *vr, const char *value);
void test_add_us(PacsBuffer *out, PacsTag tag, uint16_t value);
void test_add_bytes(PacsBuffer *out, PacsTag tag, const char *vr, const void *bytes, uint32_t size);

/** The data set alone, as C-STORE carries it. */
void test_object_dataset(const TestObject *object, PacsBuffer *out);
/** The whole file. */
void test_object_file(const TestObject *object, PacsBuffer *out);
