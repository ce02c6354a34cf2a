#include "tests/support/dicomweb_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int open_fixture(void **state, bool strict, const TranscodeServiceOptions *transcode)
{
    static DicomwebFixture fixture;
    const DicomwebOptions options = {.root = "/dicom-web",
                                     .wado_root = "/wado",
                                     .public_root = "",
                                     .strict = strict,
                                     .temporary_directory = "/tmp",
                                     .describe_errors = true};
    const PacsHttpSiteOptions site = {.remote_access_allowed = true};

    fixture = (DicomwebFixture){0};
    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    TestArchive *archive = &fixture.archive;
    fixture.metrics = pacs_metrics_new();
    assert_int_equal(pacs_retrieve_new(archive->store, archive->index, &fixture.retrieve, NULL), PACS_OK);
    assert_int_equal(transcode_service_new(transcode, fixture.metrics, &fixture.transcode, NULL), PACS_OK);
    pacs_retrieve_set_transcode(fixture.retrieve, fixture.transcode);
    assert_int_equal(dicomweb_new(&options, archive->ingest, fixture.retrieve, archive->index,
                                  fixture.metrics, &fixture.dicomweb, NULL),
                     PACS_OK);
    const PacsHttpMount mounts[] = {*dicomweb_mount(fixture.dicomweb),
                                    *dicomweb_wado_mount(fixture.dicomweb)};
    assert_int_equal(pacs_http_memory_new(&site, mounts, 2, &fixture.http, NULL), PACS_OK);
    *state = &fixture;
    return 0;
}

int dicomweb_fixture_open(void **state)
{
    return open_fixture(state, false, NULL);
}

int dicomweb_fixture_open_strict(void **state)
{
    return open_fixture(state, true, NULL);
}

int dicomweb_fixture_open_narrow(void **state)
{
    const TranscodeServiceOptions options = {.workers = 1, .max_waiting = 1, .memory_bytes = 1 << 20};

    return open_fixture(state, false, &options);
}

int dicomweb_fixture_close(void **state)
{
    DicomwebFixture *fixture = *state;

    pacs_http_memory_free(fixture->http);
    dicomweb_free(fixture->dicomweb);
    pacs_retrieve_free(fixture->retrieve);
    transcode_service_free(fixture->transcode);
    pacs_metrics_free(fixture->metrics);
    test_archive_close(&fixture->archive);
    return 0;
}

void dicomweb_fixture_push(DicomwebFixture *fixture, const TestObject *object)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PacsIngested ingested;

    test_object_file(object, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

void dicomweb_fixture_ask(DicomwebFixture *fixture, const char *method, const char *target,
                          uint32_t expected_code)
{
    PacsHttpAnswer answer;
    const PacsHttpAsk request = {.method = method, .target = target};

    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), expected_code);
    pacs_http_answer_clear(&answer);
}
