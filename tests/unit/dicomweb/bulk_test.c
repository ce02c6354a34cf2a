/* WADO-RS of bulk data: values by their path, pixel data, all of an instance. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/dicomweb_fixture.h"
#include "tests/support/image.h"
#include "tests/unit/dicom/bytes.h"

#define STUDY "/dicom-web/studies/" TEST_IMAGE_STUDY
#define INSTANCE STUDY "/series/" TEST_IMAGE_SERIES "/instances/" TEST_IMAGE_INSTANCE
#define DOCUMENT INSTANCE "/bulkdata/00420011"
#define OCTETS "multipart/related; type=\"application/octet-stream\""
#define LARGE 2001 /* bytes: more than stands in the JSON */

/* ---- Asking ---- */

static void get(DicomwebFixture *fixture, const char *target, const char *accept, uint32_t code,
                PacsHttpAnswer *answer)
{
    const PacsHttpPair header = {"Accept", accept};
    const PacsHttpAsk request = {.target = target, .headers = &header, .header_count = 1};

    assert_int_equal(pacs_http_perform(fixture->http, &request, answer), code);
    assert_false(answer->is_broken);
}

static void expect_code(DicomwebFixture *fixture, const char *target, const char *accept, uint32_t code)
{
    PacsHttpAnswer answer;

    get(fixture, target, accept, code, &answer);
    pacs_http_answer_clear(&answer);
}

static void expect_body(DicomwebFixture *fixture, const char *target, const char *accept, const char *type,
                        const void *bytes, size_t size)
{
    PacsHttpAnswer answer;
    char value[256];

    get(fixture, target, accept, 200, &answer);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value), type);
    assert_int_equal(answer.body.size, size);
    assert_memory_equal(answer.body.bytes, bytes, size);
    pacs_http_answer_clear(&answer);
}

/** A multipart answer whose heads and bytes, without its boundaries, are the given pieces in this order. */
static void expect_parts(DicomwebFixture *fixture, const char *target, const char *accept,
                         const char *const *pieces, size_t count)
{
    PacsHttpAnswer answer;
    char value[256];

    get(fixture, target, accept, 200, &answer);
    const char *boundary = strstr(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value),
                                  "boundary=");
    assert_non_null(boundary);
    const uint8_t *at = answer.body.bytes;
    for (size_t i = 0; i < count; i++) {
        at = memmem(at, (size_t)(answer.body.bytes + answer.body.size - at), pieces[i], strlen(pieces[i]));
        if (!at)
            fail_msg("'%s' is not in its place", pieces[i]);
        at += strlen(pieces[i]);
    }
    size_t boundaries = 0;
    const size_t size = strlen(boundary + 9);
    for (at = answer.body.bytes;
         (at = memmem(at, (size_t)(answer.body.bytes + answer.body.size - at), boundary + 9, size));
         at += size)
        boundaries++;
    assert_int_equal(boundaries, count / 2 + 1); /* a head and a body each */
    pacs_http_answer_clear(&answer);
}

/* ---- What is stored ---- */

static void push(DicomwebFixture *fixture, const Bytes *data_set, const char *transfer_syntax_uid)
{
    PacsIngested ingested;
    AUTO_BYTES file;

    bytes_init(&file);
    add_meta(&file, transfer_syntax_uid);
    add_raw(&file, data_set->buffer.bytes, data_set->buffer.size);
    assert_int_equal(
        test_archive_push(fixture->archive.ingest, file.buffer.bytes, file.buffer.size, 0, &ingested, NULL),
        PACS_OK);
}

static const char *letters(void)
{
    static char text[LARGE + 1];

    for (size_t i = 0; i < LARGE; i++)
        text[i] = (char)('a' + i % 23);
    return text;
}

static void push_document(DicomwebFixture *fixture, const char *media_type)
{
    AUTO_BYTES bytes;
    uint8_t length[4] = {LARGE & 0xFF, LARGE >> 8, 0, 0};
    char padded[LARGE + 1] = {0};

    bytes_init(&bytes);
    memcpy(padded, letters(), LARGE);
    add_identity(&bytes);
    add_element(&bytes, PACS_TAG_ENCAPSULATED_DOCUMENT, "OB", padded, sizeof padded);
    add_text(&bytes, PACS_TAG_MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, "LO", media_type);
    add_element(&bytes, PACS_TAG_ENCAPSULATED_DOCUMENT_LENGTH, "UL", length, 4);
    push(fixture, &bytes, PACS_UID_EXPLICIT_LITTLE);
}

static void push_image(DicomwebFixture *fixture, const TestImage *image)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PacsIngested ingested;

    test_image_file(image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

static const TestImage frames_of_j2k = {.transfer_syntax_uid = PACS_UID_JPEG_2000_LOSSLESS,
                                        .rows = 1,
                                        .columns = 2,
                                        .bits_allocated = 8,
                                        .frames = 2,
                                        .fragments = "first!|second"};

/* ---- Documents ---- */

static void a_document_comes_as_what_it_says_it_is(void **state)
{
    DicomwebFixture *fixture = *state;

    push_document(fixture, "application/pdf");
    expect_body(fixture, DOCUMENT, "application/pdf", "application/pdf", letters(), LARGE);
    expect_body(fixture, DOCUMENT, "application/octet-stream", "application/octet-stream", letters(), LARGE);
    expect_body(fixture, DOCUMENT, "*/*", "application/pdf", letters(), LARGE);
    expect_body(fixture, INSTANCE "/bulk/00420011?accept=application/pdf", OCTETS, "application/pdf",
                letters(), LARGE);
    expect_code(fixture, DOCUMENT, "image/png", 406);
}

static void the_viewer_gets_a_document_in_a_part(void **state)
{
    DicomwebFixture *fixture = *state;
    const char *const pdf[] = {"\r\nContent-Type: application/pdf\r\nContent-Location: " DOCUMENT "\r\n\r\n",
                               letters()};
    const char *const octets[] = {
        "\r\nContent-Type: application/octet-stream\r\nContent-Location: " DOCUMENT "\r\n\r\n", letters()};

    push_document(fixture, "application/pdf");
    expect_parts(fixture, DOCUMENT, "multipart/related; type=\"application/pdf\", " OCTETS, pdf,
                 2); /* OHIF */
    expect_parts(fixture, DOCUMENT, OCTETS, octets, 2);
    expect_parts(fixture, DOCUMENT, OCTETS "; transfer-syntax=*", octets, 2);
}

static void a_document_that_is_a_page_is_a_file(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char value[64];

    push_document(fixture, "text/html");
    get(fixture, DOCUMENT, "text/html,*/*;q=0.8", 200, &answer);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value), "text/html");
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Disposition", value, sizeof value),
                        "attachment");
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Security-Policy", value, sizeof value),
                        "sandbox");
    pacs_http_answer_clear(&answer);
}

static void a_document_of_no_proper_type_is_octets(void **state)
{
    DicomwebFixture *fixture = *state;

    push_document(fixture, "text/html; charset=x");
    expect_body(fixture, DOCUMENT, "*/*", "application/octet-stream", letters(), LARGE);
    expect_code(fixture, DOCUMENT, "text/html", 406);
}

/* ---- Values ---- */

static void push_waveform(DicomwebFixture *fixture, bool big_endian)
{
    AUTO_BYTES bytes;
    char value[LARGE + 1] = {0};

    bytes_init(&bytes);
    bytes.big_endian = big_endian;
    memcpy(value, letters(), LARGE);
    add_identity(&bytes);
    add_header(&bytes, PACS_TAG(0x5400, 0x0100), "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_element(&bytes, PACS_TAG_WAVEFORM_DATA, "OW", value, sizeof value);
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    push(fixture, &bytes, big_endian ? PACS_UID_EXPLICIT_BIG : PACS_UID_EXPLICIT_LITTLE);
}

#define WAVEFORM INSTANCE "/bulkdata/54000100/1/54001010"

static void a_value_within_a_sequence_is_found_by_its_path(void **state)
{
    DicomwebFixture *fixture = *state;
    char value[LARGE + 1] = {0};

    memcpy(value, letters(), LARGE);
    push_waveform(fixture, false);
    expect_body(fixture, WAVEFORM, "*/*", "application/octet-stream", value, sizeof value);
    expect_body(fixture, INSTANCE "/bulk/54000100/1/54001010", "*/*", "application/octet-stream", value,
                sizeof value);
}

static void a_value_that_stands_in_the_metadata_is_found_too(void **state)
{
    DicomwebFixture *fixture = *state;
    AUTO_BYTES bytes;

    bytes_init(&bytes);
    add_identity(&bytes);
    add_element(&bytes, PACS_TAG_ENCAPSULATED_DOCUMENT, "OB", "a small one\0", 12);
    add_text(&bytes, PACS_TAG_MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, "LO", "application/pdf");
    add_header(&bytes, PACS_TAG(0x5400, 0x0100), "SQ", UNDEFINED);
    for (int item = 0; item < 2; item++) {
        add_marker(&bytes, 0xE000, UNDEFINED);
        add_element(&bytes, PACS_TAG_WAVEFORM_DATA, "OW", item ? "second" : "first!", 6);
        add_marker(&bytes, 0xE00D, 0);
    }
    add_marker(&bytes, 0xE0DD, 0);
    push(fixture, &bytes, PACS_UID_EXPLICIT_LITTLE);
    expect_body(fixture, DOCUMENT, "*/*", "application/pdf", "a small one", 12);
    expect_body(fixture, WAVEFORM, "*/*", "application/octet-stream", "first!", 6);
    expect_body(fixture, INSTANCE "/bulkdata/54000100/2/54001010", "*/*", "application/octet-stream",
                "second", 6);
    expect_code(fixture, INSTANCE "/bulkdata/54000100/3/54001010", "*/*", 404);
    expect_code(fixture, INSTANCE "/bulkdata/54000100/0/54001010", "*/*", 404);
    expect_code(fixture, INSTANCE "/bulkdata/54000100/1", "*/*", 404);
    expect_code(fixture, INSTANCE "/bulkdata/00100020", "*/*", 404);
    expect_code(fixture, INSTANCE "/bulkdata/00420012", "*/*", 404);
}

static void paths_that_name_no_value_are_not_found(void **state)
{
    static const char *const paths[] = {"/bulkdata/54000100/2/54001010",
                                        "/bulkdata/54000100",
                                        "/bulkdata/54001010",
                                        "/bulkdata/../../../1.2.3.3",
                                        "/bulkdata/54000100/1/54001010/..%2f",
                                        "/bulkdata/%2e%2e/%2e%2e/etc/passwd",
                                        "/bulkdata/54000100%2f1%2f5400101",
                                        "/bulkdata/-1"};
    DicomwebFixture *fixture = *state;
    char target[512];

    push_waveform(fixture, false);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const PacsHttpAsk request = {.target = target};
        PacsHttpAnswer answer;
        (void)snprintf(target, sizeof target, INSTANCE "%s", paths[i]);
        const uint32_t code = pacs_http_perform(fixture->http, &request, &answer);
        assert_true(code == 404 || code == 400); /* dots are no path at all */
        pacs_http_answer_clear(&answer);
    }
    expect_code(fixture, INSTANCE "/pixeldata", "*/*", 404);
    expect_code(fixture, STUDY "/series/1.2/instances/1.3/bulkdata/54001010", "*/*", 404);
}

static void words_of_a_big_endian_object_are_turned_round(void **state)
{
    DicomwebFixture *fixture = *state;
    char swapped[LARGE + 1] = {0};
    PacsHttpAnswer answer;
    char range[32];

    memcpy(swapped, letters(), LARGE);
    for (size_t i = 0; i < sizeof swapped; i += 2) {
        const char kept = swapped[i];
        swapped[i] = swapped[i + 1];
        swapped[i + 1] = kept;
    }
    push_waveform(fixture, true);
    expect_body(fixture, WAVEFORM, "*/*", "application/octet-stream", swapped, sizeof swapped);
    for (size_t from = 0; from < sizeof swapped; from += 333) { /* within words too */
        const PacsHttpPair header = {"Range", range};
        const PacsHttpAsk request = {.target = WAVEFORM, .headers = &header, .header_count = 1};
        (void)snprintf(range, sizeof range, "bytes=%zu-", from);
        assert_int_equal(pacs_http_perform(fixture->http, &request, &answer), 206);
        assert_int_equal(answer.body.size, sizeof swapped - from);
        assert_memory_equal(answer.body.bytes, swapped + from, answer.body.size);
        pacs_http_answer_clear(&answer);
    }
}

/* ---- Pixel data ---- */

static void native_pixels_are_one_part_whatever_they_are_stored_in(void **state)
{
    static const char *const syntaxes[] = {PACS_UID_EXPLICIT_LITTLE, PACS_UID_IMPLICIT_LITTLE,
                                           PACS_UID_DEFLATED_EXPLICIT_LITTLE};
    static const char *const targets[] = {"/bulkdata/7FE00010", "/bulkdata/7fe00010", "/pixeldata",
                                          "/bulkdata", "/bulk/7fe00010"};
    DicomwebFixture *fixture = *state;
    char target[256];

    for (size_t i = 0; i < 3; i++) {
        push_image(fixture, &(TestImage){.transfer_syntax_uid = syntaxes[i],
                                         .rows = 1,
                                         .columns = 2,
                                         .bits_allocated = 8,
                                         .frames = 3,
                                         .pixels = "abcdef",
                                         .size = 6});
        for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
            (void)snprintf(target, sizeof target, INSTANCE "%s", targets[j]);
            expect_body(fixture, target, "application/octet-stream",
                        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", "abcdef", 6);
        }
        dicomweb_fixture_ask(fixture, "DELETE", INSTANCE, 204);
    }
}

static void encapsulated_pixels_are_a_part_a_frame(void **state)
{
    DicomwebFixture *fixture = *state;
    static const char *const targets[] = {INSTANCE "/bulkdata/7FE00010",
                                          INSTANCE "/pixeldata",
                                          STUDY "/series/" TEST_IMAGE_SERIES "/pixeldata",
                                          STUDY "/pixeldata",
                                          STUDY "/series/" TEST_IMAGE_SERIES "/bulkdata",
                                          STUDY "/bulkdata"};
    const char *const own[] = {"Content-Type: image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90\r\n"
                               "Content-Location: " INSTANCE "/frames/1\r\n\r\n",
                               "first!", "Content-Location: " INSTANCE "/frames/2\r\n\r\n", "second"};
    const char *const octets[] = {
        "Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90\r\n", "first!",
        "frames/2\r\n\r\n", "second"};

    push_image(fixture, &frames_of_j2k);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        expect_parts(fixture, targets[i], "multipart/related; type=\"image/jp2\"", own, 4);
        expect_parts(fixture, targets[i], OCTETS "; transfer-syntax=*", octets, 4);
        expect_code(fixture, targets[i], OCTETS, 406); /* that would be native */
        expect_code(fixture, targets[i], "image/jp2", 406);
    }
}

static void one_frame_may_come_alone(void **state)
{
    DicomwebFixture *fixture = *state;
    TestImage image = frames_of_j2k;

    image.frames = 1;
    image.fragments = "codestream";
    push_image(fixture, &image);
    expect_body(fixture, INSTANCE "/pixeldata", "image/jp2",
                "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90", "codestream", 10);
}

static void pixels_of_several_kinds_have_octets_in_common(void **state)
{
    DicomwebFixture *fixture = *state;
    TestObject native = test_object(1, 1, 1);
    const char *const parts[] = {
        "Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1\r\n",    "\r\n\r\n",
        "Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90\r\n", "first!",
        "Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90\r\n", "second"};

    native.study_instance_uid = TEST_IMAGE_STUDY;
    native.patient_id = NULL; /* as the image has none */
    dicomweb_fixture_push(fixture, &native);
    push_image(fixture, &frames_of_j2k);
    expect_parts(fixture, STUDY "/pixeldata", OCTETS "; transfer-syntax=*", parts, 6);
    expect_code(fixture, STUDY "/pixeldata", "multipart/related; type=\"image/jp2\"", 406);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_document_comes_as_what_it_says_it_is),
        TEST(the_viewer_gets_a_document_in_a_part),
        TEST(a_document_that_is_a_page_is_a_file),
        TEST(a_document_of_no_proper_type_is_octets),
        TEST(a_value_within_a_sequence_is_found_by_its_path),
        TEST(a_value_that_stands_in_the_metadata_is_found_too),
        TEST(paths_that_name_no_value_are_not_found),
        TEST(words_of_a_big_endian_object_are_turned_round),
        TEST(native_pixels_are_one_part_whatever_they_are_stored_in),
        TEST(encapsulated_pixels_are_a_part_a_frame),
        TEST(one_frame_may_come_alone),
        TEST(pixels_of_several_kinds_have_octets_in_common),
    };
    return cmocka_run_group_tests_name("dicomweb bulk", tests, NULL, NULL);
}
