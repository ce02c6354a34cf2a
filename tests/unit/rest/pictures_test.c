/* Orthanc's pictures and arrays over a server without sockets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pacs/http/http_memory.h"
#include "pacs/rest/picture_accept.h"
#include "pacs/rest/rest.h"
#include "tests/support/archive.h"
#include "tests/support/image.h"
#include "tests/support/object.h"

typedef struct Fixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    TranscodeService *transcode;
    PacsRest *rest;
    PacsHttpMemory *http;
    char image[PACS_ORTHANC_ID_SIZE], series[PACS_ORTHANC_ID_SIZE], report[PACS_ORTHANC_ID_SIZE];
} Fixture;

/* Two frames of 2 rows and 3 columns, 16 bits: 0 10 20 30 40 50, and the same plus 100. */
static void push_image(Fixture *fixture)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    uint16_t pixels[12];
    const TestImage image = {.transfer_syntax_uid = "1.2.840.10008.1.2.1",
                             .rows = 2,
                             .columns = 3,
                             .bits_allocated = 16,
                             .frames = 2,
                             .pixels = pixels,
                             .size = sizeof pixels};
    PacsIngested ingested;

    for (size_t i = 0; i < 12; i++)
        pixels[i] = (uint16_t)(i / 6 * 100 + i % 6 * 10);
    test_image_file(&image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
    memcpy(fixture->image, ingested.added.ids[PACS_LEVEL_INSTANCE], sizeof fixture->image);
    memcpy(fixture->series, ingested.added.ids[PACS_LEVEL_SERIES], sizeof fixture->series);
}

static void push_report(Fixture *fixture)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;

    object.rows = 0;
    test_object_file(&object, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
    memcpy(fixture->report, ingested.added.ids[PACS_LEVEL_INSTANCE], sizeof fixture->report);
}

static int open_fixture(void **state)
{
    static Fixture fixture;
    const PacsRestOptions options = {.name = "Test", .dicom_aet = "LIGHTBOX", .describe_errors = true};
    const PacsHttpSiteOptions site = {.remote_access_allowed = true};
    TestArchive *archive = &fixture.archive;

    test_archive_open(archive, PACS_OVERWRITE_NEVER);
    assert_int_equal(pacs_retrieve_new(archive->store, archive->index, &fixture.retrieve, NULL), PACS_OK);
    assert_int_equal(transcode_service_new(NULL, NULL, &fixture.transcode, NULL), PACS_OK);
    pacs_retrieve_set_transcode(fixture.retrieve, fixture.transcode);
    assert_int_equal(pacs_rest_new(&options, archive->ingest, fixture.retrieve, archive->index,
                                   archive->store, NULL, &fixture.rest, NULL),
                     PACS_OK);
    assert_int_equal(pacs_http_memory_new(&site, pacs_rest_mount(fixture.rest), 1, &fixture.http, NULL),
                     PACS_OK);
    push_image(&fixture);
    push_report(&fixture);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_http_memory_free(fixture->http);
    pacs_rest_free(fixture->rest);
    pacs_retrieve_free(fixture->retrieve);
    transcode_service_free(fixture->transcode);
    test_archive_close(&fixture->archive);
    return 0;
}

static PacsHttpAnswer ask(Fixture *fixture, const char *id, const char *what, const char *accept,
                          uint32_t code)
{
    const PacsHttpPair header = {"Accept", accept};
    PacsHttpAnswer answer;
    char target[200];

    (void)snprintf(target, sizeof target, "/instances/%s/%s", id, what);
    const PacsHttpAsk request = {.target = target, .headers = &header, .header_count = accept ? 1 : 0};
    const uint32_t got = pacs_http_perform(fixture->http, &request, &answer);
    if (got != code)
        print_error("%s gave %u: %s\n", target, got, pacs_buffer_text(&answer.body));
    assert_int_equal(got, code);
    return answer;
}

static void expect_type(Fixture *fixture, const char *what, const char *accept, const char *type)
{
    PacsHttpAnswer answer = ask(fixture, fixture->image, what, accept, 200);
    char value[100];

    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value), type);
    pacs_http_answer_clear(&answer);
}

/* The samples of a PAM, behind its header. */
static void expect_pam(Fixture *fixture, const char *what, const void *samples, size_t size)
{
    PacsHttpAnswer answer = ask(fixture, fixture->image, what, "image/x-portable-arbitrarymap", 200);

    assert_true(answer.body.size > size);
    assert_memory_equal(answer.body.bytes + answer.body.size - size, samples, size);
    pacs_http_answer_clear(&answer);
}

static void expect_text(Fixture *fixture, const char *what, const char *text)
{
    PacsHttpAnswer answer = ask(fixture, fixture->image, what, NULL, 200);

    assert_string_equal(pacs_buffer_text(&answer.body), text);
    pacs_http_answer_clear(&answer);
}

static void expect_code(Fixture *fixture, const char *id, const char *what, const char *accept, uint32_t code)
{
    PacsHttpAnswer answer = ask(fixture, id, what, accept, code);

    pacs_http_answer_clear(&answer);
}

static void a_preview_goes_from_smallest_to_largest(void **state)
{
    static const uint8_t samples[] = {0, 51, 102, 153, 204, 255};

    expect_pam(*state, "preview", samples, 6);
    expect_pam(*state, "frames/1/preview", samples, 6);
}

static void rendering_without_a_window_shows_all_that_could_be(void **state)
{
    static const uint8_t samples[] = {0, 0, 0, 0, 0, 0};
    static const uint8_t windowed[] = {0, 64, 128, 191, 255, 255};

    expect_pam(*state, "rendered", samples, 6);
    expect_pam(*state, "rendered?window-center=20&window-width=40", windowed, 6);
}

static void values_for_programs_are_as_stored(void **state)
{
    static const uint8_t small[] = {100, 110, 120, 130, 140, 150};
    static const uint8_t large[] = {0, 100, 0, 110, 0, 120, 0, 130, 0, 140, 0, 150};

    expect_pam(*state, "frames/1/image-uint8", small, 6);
    expect_pam(*state, "frames/1/image-uint16", large, 12);
    expect_pam(*state, "frames/1/image-int16", large, 12);
}

static void a_png_comes_unless_something_else_is_asked_for(void **state)
{
    expect_type(*state, "preview", NULL, "image/png");
    expect_type(*state, "preview", "image/*", "image/png");
    expect_type(*state, "preview", "image/avif,image/webp,image/*,*/*;q=0.8", "image/png");
    expect_type(*state, "preview", "image/jpeg", "image/jpeg");
    expect_type(*state, "preview", "image/png;q=0.5,image/jpeg;q=0.9", "image/jpeg");
    expect_type(*state, "preview", "image/webp", "image/webp");
    expect_code(*state, ((Fixture *)*state)->image, "preview", "text/html", 406);
}

static void bad_arguments_are_refused(void **state)
{
    const char *id = ((Fixture *)*state)->image;

    expect_code(*state, id, "preview?quality=101", NULL, 400);
    expect_code(*state, id, "rendered?width=abc", NULL, 400);
    expect_code(*state, id, "rendered?window-center=1", NULL, 400);
    expect_code(*state, id, "rendered?window-center=1&window-width=x", NULL, 400);
    expect_code(*state, id, "frames/2/preview", NULL, 404);
    expect_code(*state, id, "frames/x/preview", NULL, 404);
    expect_code(*state, "nobody", "preview", NULL, 404);
}

static void what_has_no_image_is_unsupported(void **state)
{
    const char *id = ((Fixture *)*state)->report;

    expect_code(*state, id, "preview", NULL, 415);
    expect_code(*state, id, "preview?returnUnsupportedImage", NULL, 200);
    expect_code(*state, id, "numpy", NULL, 415);
    expect_code(*state, id, "pdf", NULL, 404);
}

static void frames_are_listed_from_0(void **state)
{
    expect_text(*state, "frames", "[\n   0,\n   1\n]");
    PacsHttpAnswer answer = ask(*state, ((Fixture *)*state)->image, "frames/0", NULL, 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "\"raw.gz\""));
    pacs_http_answer_clear(&answer);
}

static void raw_frames_are_as_stored(void **state)
{
    PacsHttpAnswer answer = ask(*state, ((Fixture *)*state)->image, "frames/1/raw", NULL, 200);

    assert_int_equal(answer.body.size, 12);
    assert_int_equal(answer.body.bytes[2], 110);
    pacs_http_answer_clear(&answer);
    answer = ask(*state, ((Fixture *)*state)->image, "frames/1/raw.gz", NULL, 200);
    assert_int_equal(answer.body.bytes[0], 0x1F);
    pacs_http_answer_clear(&answer);
}

static void expect_numpy(Fixture *fixture, const char *what, const char *dictionary, size_t size)
{
    PacsHttpAnswer answer = ask(fixture, fixture->image, what, NULL, 200);

    assert_int_equal(answer.body.size, 128 + size);
    assert_memory_equal(answer.body.bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(answer.body.bytes + 10, dictionary, strlen(dictionary));
    assert_int_equal(answer.body.bytes[127], '\n');
    pacs_http_answer_clear(&answer);
}

static void arrays_are_numpy_s(void **state)
{
    expect_numpy(*state, "numpy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2,3,1), }", 48);
    expect_numpy(*state, "numpy?rescale=false",
                 "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 2,3,1), }", 24);
    expect_numpy(*state, "frames/1/numpy?rescale=0",
                 "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 2,3,1), }", 12);
    PacsHttpAnswer answer = ask(*state, ((Fixture *)*state)->image, "numpy?compress=1", NULL, 200);
    assert_memory_equal(answer.body.bytes, "PK\x03\x04", 4);
    pacs_http_answer_clear(&answer);
}

static void arrays_are_matlab_s(void **state)
{
    expect_text(*state, "matlab", "double([ 0 10 20 ; 30 40 50 ])");
    expect_text(*state, "frames/1/matlab", "double([ 100 110 120 ; 130 140 150 ])");
}

static void a_series_has_an_order(void **state)
{
    Fixture *fixture = *state;
    PacsHttpAnswer answer;
    char target[120];

    (void)snprintf(target, sizeof target, "/series/%s/ordered-slices", fixture->series);
    const PacsHttpAsk request = {.target = target};
    assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), 200);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "\"Type\" : \"Sequence\""));
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "/frames/1\""));
    pacs_http_answer_clear(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_preview_goes_from_smallest_to_largest),
        TEST(rendering_without_a_window_shows_all_that_could_be),
        TEST(values_for_programs_are_as_stored),
        TEST(a_png_comes_unless_something_else_is_asked_for),
        TEST(bad_arguments_are_refused),
        TEST(what_has_no_image_is_unsupported),
        TEST(frames_are_listed_from_0),
        TEST(raw_frames_are_as_stored),
        TEST(arrays_are_numpy_s),
        TEST(arrays_are_matlab_s),
        TEST(a_series_has_an_order),
    };
    return cmocka_run_group_tests_name("rest pictures", tests, NULL, NULL);
}
