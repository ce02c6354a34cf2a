#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"

/**
 * Whole DICOM files with pixel data of any kind, for tests of frames: little or big endian, implicit, deflated or in
 * fragments, as the transfer syntax has it. All are instance 1.2.3.3 of series 1.2.3.2 of study 1.2.3.1.
 */
typedef struct TestImage {
    const char *transfer_syntax_uid;
    uint16_t rows, columns, bits_allocated;
    unsigned frames;
    const char *vr;     /* of native pixel data; NULL: OW */
    const void *pixels; /* native: the value as it stands in the file */
    size_t size;        /* even */
    const char
        *fragments; /* encapsulated: "|" between fragments, each of even length; "#" at its start is the
                            * beginning of a JPEG codestream */
} TestImage;

#define TEST_IMAGE_STUDY "1.2.3.1"
#define TEST_IMAGE_SERIES "1.2.3.2"
#define TEST_IMAGE_INSTANCE "1.2.3.3"

/** Asserts. */
void test_image_file(const TestImage *image, PacsBuffer *out);
