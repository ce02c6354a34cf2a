/* WADO-URI: objects by a query. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "tests/support/dicomweb_fixture.h"
#include "tests/support/image.h"

#define OBJECT "/wado?requestType=WADO&studyUID=2.25.1000.1&seriesUID=2.25.1000.1.1&objectUID=2.25.1000.1.1.1"
#define IMAGE                                                                                                \
    "/wado?requestType=WADO&studyUID=" TEST_IMAGE_STUDY "&seriesUID=" TEST_IMAGE_SERIES                      \
    "&objectUID=" TEST_IMAGE_INSTANCE
#define DICOM "&contentType=application/dicom"

static void get(DicomwebFixture *fixture, const char *target, const char *accept, PacsHttpAnswer *answer)
{
    const PacsHttpPair header = {"Accept", accept};
    const PacsHttpAsk request = {.target = target, .headers = &header, .header_count = accept ? 1 : 0};

    (void)pacs_http_perform(fixture->http, &request, answer); /* the code is in the answer */
    assert_false(answer->is_broken);
}

static void expect_code(DicomwebFixture *fixture, const char *target, const char *accept, uint32_t code)
{
    PacsHttpAnswer answer;

    get(fixture, target, accept, &answer);
    if (answer.code != code)
        fail_msg("%s with Accept: %s gave %u", target, accept ? accept : "(none)", answer.code);
    pacs_http_answer_clear(&answer);
}

static void push_object(DicomwebFixture *fixture, bool with_pixels)
{
    TestObject object = test_object(1, 1, 1);

    if (!with_pixels)
        object.rows = 0;
    dicomweb_fixture_push(fixture, &object);
}

static void push_j2k(DicomwebFixture *fixture)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const TestImage image = {.transfer_syntax_uid = PACS_UID_JPEG_2000_LOSSLESS,
                             .rows = 1,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 1,
                             .fragments = "codestream"};
    PacsIngested ingested;

    test_image_file(&image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

static void an_object_comes_bit_for_bit(void **state)
{
    DicomwebFixture *fixture = *state;
    const TestObject object = test_object(1, 1, 1);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PacsHttpAnswer answer;
    char value[128];

    push_object(fixture, true);
    test_object_file(&object, &file);
    get(fixture, OBJECT DICOM, "*/*", &answer);
    assert_int_equal(answer.code, 200);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value),
                        "application/dicom; transfer-syntax=1.2.840.10008.1.2.1");
    assert_int_equal(answer.body.size, file.size);
    assert_memory_equal(answer.body.bytes, file.bytes, file.size);
    pacs_http_answer_clear(&answer);
}

static void ranges_and_etags_work(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char etag[64];

    push_object(fixture, true);
    get(fixture, OBJECT DICOM, NULL, &answer);
    (void)pacs_http_answer_header(&answer, "ETag", etag, sizeof etag);
    pacs_http_answer_clear(&answer);
    const PacsHttpPair range[] = {{"Range", "bytes=128-131"}, {"If-Range", etag}};
    assert_int_equal(
        pacs_http_perform(fixture->http,
                          &(PacsHttpAsk){.target = OBJECT DICOM, .headers = range, .header_count = 2},
                          &answer),
        206);
    assert_string_equal(pacs_buffer_text(&answer.body), "DICM");
    pacs_http_answer_clear(&answer);
    const PacsHttpPair known = {"If-None-Match", etag};
    assert_int_equal(
        pacs_http_perform(fixture->http,
                          &(PacsHttpAsk){.target = OBJECT DICOM, .headers = &known, .header_count = 1},
                          &answer),
        304);
    pacs_http_answer_clear(&answer);
}

static void parameters_are_checked(void **state)
{
    static const struct {
        const char *target;
        uint32_t code;
    } cases[] = {
        {"/wado", 400},
        {"/wado?requestType=wado&studyUID=1.2&seriesUID=1.3&objectUID=1.4", 400},
        {"/wado?requestType=WADO&seriesUID=1.3&objectUID=1.4", 400},
        {"/wado?requestType=WADO&studyUID=1.2&objectUID=1.4", 400},
        {"/wado?requestType=WADO&studyUID=1.2&seriesUID=1.3", 400},
        {"/wado?requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID=", 400},
        {"/wado?requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID='--", 400},
        {"/wado?requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID=1.4" DICOM, 404},
        {OBJECT DICOM "&transferSyntax=x%0d%0ay", 400},
        {OBJECT DICOM "&anonymize=yes", 400},
        {OBJECT DICOM "&charset=UTF-8&annotation=patient", 200},
    };
    DicomwebFixture *fixture = *state;

    push_object(fixture, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_code(fixture, cases[i].target, "*/*", cases[i].code);
}

static void expect_type(DicomwebFixture *fixture, const char *target, const char *accept, const char *type)
{
    PacsHttpAnswer answer;
    char value[128];

    get(fixture, target, accept, &answer);
    if (answer.code != 200)
        fail_msg("%s with Accept: %s gave %u", target, accept ? accept : "(none)", answer.code);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value), type);
    pacs_http_answer_clear(&answer);
}

static void an_image_is_a_picture_unless_the_object_is_asked_for(void **state)
{
    static const char object[] = "application/dicom; transfer-syntax=1.2.840.10008.1.2.1";
    DicomwebFixture *fixture = *state;

    push_object(fixture, true);
    expect_type(fixture, OBJECT, "*/*", "image/jpeg");
    expect_type(fixture, OBJECT, NULL, "image/jpeg");
    expect_type(fixture, OBJECT "&contentType=image/png", "*/*", "image/png");
    expect_type(fixture, OBJECT, "image/avif,image/webp,image/*,*/*;q=0.8", "image/jpeg");
    expect_type(fixture, OBJECT, "image/webp", "image/webp");
    expect_type(fixture, OBJECT, "application/dicom", object);
    expect_type(fixture, OBJECT "&contentType=image/jpeg,application/dicom", "*/*", "image/jpeg");
    expect_type(fixture, OBJECT "&contentType=image/tiff,application/dicom,image/jpeg", "*/*", object);
    expect_code(fixture, OBJECT "&contentType=image/tiff", "*/*", 406);
}

static void what_shapes_a_picture_is_checked(void **state)
{
    static const struct {
        const char *parameter;
        uint32_t code;
    } cases[] = {
        {"&frameNumber=1", 200},
        {"&frameNumber=0", 400},
        {"&frameNumber=2", 404},
        {"&rows=100", 200},
        {"&rows=0", 400},
        {"&columns=99999", 400},
        {"&region=0.25,0.25,1,1", 200},
        {"&region=0,0,2,1", 400},
        {"&region=0.5,0,0.5,1", 400},
        {"&windowCenter=40&windowWidth=400", 200},
        {"&windowCenter=40", 400},
        {"&windowCenter=40&windowWidth=0", 400},
        {"&imageQuality=101", 400},
        {"&annotation=patient,technique", 200},
        {"&annotation=everything", 400},
        {"&presentationUID=1.2.3", 400},
        {"&presentationUID=1.2.3&presentationSeriesUID=1.2.4", 404},
    };
    DicomwebFixture *fixture = *state;
    char target[400];

    push_object(fixture, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(target, sizeof target, OBJECT "%s", cases[i].parameter);
        expect_code(fixture, target, NULL, cases[i].code);
    }
}

static void what_is_no_image_needs_no_content_type(void **state)
{
    DicomwebFixture *fixture = *state;

    push_object(fixture, false);
    expect_code(fixture, OBJECT, "*/*", 200);
    expect_code(fixture, OBJECT, NULL, 200);
    expect_code(fixture, OBJECT, "text/html", 406);
}

static void a_transfer_syntax_is_kept_to(void **state)
{
    DicomwebFixture *fixture = *state;

    push_j2k(fixture);
    expect_code(fixture, IMAGE DICOM, NULL, 200);
    expect_code(fixture, IMAGE DICOM "&transferSyntax=*", NULL, 200);
    expect_code(fixture, IMAGE DICOM "&transferSyntax=1.2.840.10008.1.2.4.90", NULL, 200);
    expect_code(fixture, IMAGE DICOM "&transferSyntax=1.2.840.10008.1.2.1", NULL, 406);
}

static void to_the_letter_no_transfer_syntax_is_explicit_little_endian(void **state)
{
    DicomwebFixture *fixture = *state;

    push_j2k(fixture);
    expect_code(fixture, IMAGE DICOM, NULL, 406);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_object_comes_bit_for_bit),
        TEST(ranges_and_etags_work),
        TEST(parameters_are_checked),
        TEST(an_image_is_a_picture_unless_the_object_is_asked_for),
        TEST(what_shapes_a_picture_is_checked),
        TEST(what_is_no_image_needs_no_content_type),
        TEST(a_transfer_syntax_is_kept_to),
        cmocka_unit_test_setup_teardown(to_the_letter_no_transfer_syntax_is_explicit_little_endian,
                                        dicomweb_fixture_open_strict, dicomweb_fixture_close),
    };
    return cmocka_run_group_tests_name("dicomweb wado-uri", tests, NULL, NULL);
}
