#pragma once

#include "dicomweb/dicomweb.h"
#include "pacs/http/http_memory.h"
#include "tests/support/archive.h"
#include "tests/support/object.h"

/** An archive with DICOMweb in front of it and no sockets: what a client sees, within one program. */
typedef struct DicomwebFixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    TranscodeService *transcode; /* nothing is kept on disk */
    Dicomweb *dicomweb;
    PacsMetrics *metrics;
    PacsHttpMemory *http;
} DicomwebFixture;

/** cmocka's setup and teardown; the state is a DicomwebFixture, mounted at "/dicom-web". */
int dicomweb_fixture_open(void **state);
int dicomweb_fixture_open_strict(void **state); /* Compat: "strict" */
int dicomweb_fixture_open_narrow(
    void **state); /* one worker converts frames, one more may wait; results in memory */
int dicomweb_fixture_close(void **state);

/** Store an object; asserts. */
void dicomweb_fixture_push(DicomwebFixture *fixture, const TestObject *object);
/** Ask without headers and check the answer's code. */
void dicomweb_fixture_ask(DicomwebFixture *fixture, const char *method, const char *target,
                          uint32_t expected_code);
