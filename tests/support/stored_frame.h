#pragma once

#include "pacs/dicom/scan.h"
#include "pacs/util/buffer.h"
#include "transcode/codec.h"

/**
 * A file's frames as the server would hand them to a codec, for tools, tests and benchmarks: the whole file in memory.
 */
typedef struct TestStored {
    PacsBuffer bytes; /* of the object, inflated */
    PacsScan *scan;
    const PacsInstance *instance;
    TranscodeLayout layout;
    uint32_t frame_count;
} TestStored;

/** Errors: what the scan says of it, PACS_NOT_FOUND (no pixels, or no file). */
PACS_CHECKED PacsStatus test_stored_open(const char *path, TestStored *ret_stored, PacsError *err);
void test_stored_close(TestStored *stored);
#define TEST_AUTO_STORED __attribute__((cleanup(test_stored_close)))

/** One frame, added to `out`: fragments joined; native ones little endian, single bits from the first byte on. The
 *  frame's bytes are those of `out`. */
PACS_CHECKED PacsStatus test_stored_frame(const TestStored *stored, uint32_t frame_number, PacsBuffer *out,
                                          TranscodeFrame *ret_frame, PacsError *err);

/** That frame decoded; `out` as above. */
PACS_CHECKED PacsStatus test_stored_decode(const TranscodeFrame *frame, PacsBuffer *out,
                                           TranscodeFrame *ret_native, PacsError *err);
