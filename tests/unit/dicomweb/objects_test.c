/* WADO-RS of whole objects: bit for bit, in the packaging and transfer syntax asked for. */

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

#define STUDY "/dicom-web/studies/2.25.1000.1"
#define SERIES STUDY "/series/2.25.1000.1.1"
#define INSTANCE SERIES "/instances/2.25.1000.1.1.1"
#define IMAGE                                                                                                \
    "/dicom-web/studies/" TEST_IMAGE_STUDY "/series/" TEST_IMAGE_SERIES "/instances/" TEST_IMAGE_INSTANCE
#define MPEG4 "1.2.840.10008.1.2.4.102"
#define JPIP "1.2.840.10008.1.2.4.94"
#define ANY "multipart/related; type=\"application/dicom\"; transfer-syntax=*"

/* ---- Asking ---- */

static void ask(DicomwebFixture *fixture, const char *target, const PacsHttpPair *headers, size_t count,
                PacsHttpAnswer *answer)
{
    const PacsHttpAsk request = {.target = target, .headers = headers, .header_count = count};

    (void)pacs_http_perform(fixture->http, &request, answer); /* the code is in the answer */
    assert_false(answer->is_broken);
}

static void get(DicomwebFixture *fixture, const char *target, const char *accept, uint32_t code,
                PacsHttpAnswer *answer)
{
    const PacsHttpPair header = {"Accept", accept};

    ask(fixture, target, &header, 1, answer);
    assert_int_equal(answer->code, code);
}

static void expect_code(DicomwebFixture *fixture, const char *target, const char *accept, uint32_t code)
{
    PacsHttpAnswer answer;

    get(fixture, target, accept, code, &answer);
    pacs_http_answer_clear(&answer);
}

static void expect_header(const PacsHttpAnswer *answer, const char *name, const char *expected)
{
    char value[256];

    assert_string_equal(pacs_http_answer_header(answer, name, value, sizeof value), expected);
}

/* ---- What is stored ---- */

static void push_file(DicomwebFixture *fixture, const PacsBuffer *file)
{
    PacsIngested ingested;

    assert_int_equal(test_archive_push(fixture->archive.ingest, file->bytes, file->size, 0, &ingested, NULL),
                     PACS_OK);
}

/** Instances 1 to `count` of series 1. */
static void push_series(DicomwebFixture *fixture, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        const TestObject object = test_object(1, 1, i);
        dicomweb_fixture_push(fixture, &object);
    }
}

static void push_image(DicomwebFixture *fixture, const char *transfer_syntax_uid)
{
    static const uint8_t pixels[] = {1, 2, 3, 4};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(transfer_syntax_uid));
    const TestImage image = {.transfer_syntax_uid = transfer_syntax_uid,
                             .rows = 2,
                             .columns = 2,
                             .bits_allocated = 8,
                             .frames = 1,
                             .pixels = pixels,
                             .size = sizeof pixels,
                             .fragments = syntax->flags & PACS_UID_ENCAPSULATED ? "codestream" : NULL};

    test_image_file(&image, &file);
    push_file(fixture, &file);
}

static void expect_file(unsigned instance, const void *bytes, size_t size)
{
    const TestObject object = test_object(1, 1, instance);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(&object, &file);
    assert_int_equal(size, file.size);
    assert_memory_equal(bytes, file.bytes, size);
}

/* ---- Parts ---- */

/** The next part of a multipart body, from *at on: its head as text, its bytes. */
static size_t next_part(const PacsHttpAnswer *answer, const char *boundary, size_t *at, char *head,
                        size_t head_size, const uint8_t **ret_bytes)
{
    const char *body = (const char *)answer->body.bytes;
    char line[80];
    int line_size = snprintf(line, sizeof line, "%s--%s", *at > 0 ? "\r\n" : "", boundary);

    assert_memory_equal(body + *at, line, (size_t)line_size);
    const char *start = body + *at + line_size;
    const char *end = strstr(start, "\r\n\r\n");
    assert_non_null(end);
    (void)snprintf(head, head_size, "%.*s", (int)(end - start), start);
    *ret_bytes = (const uint8_t *)end + 4;
    (void)snprintf(line, sizeof line, "\r\n--%s", boundary);
    const uint8_t *next = memmem(*ret_bytes, answer->body.size - (size_t)(end + 4 - body), line,
                                 strlen(line));
    assert_non_null(next);
    *at = (size_t)(next - answer->body.bytes);
    return (size_t)(next - *ret_bytes);
}

static void boundary_of(const PacsHttpAnswer *answer, char *boundary, size_t size)
{
    char type[256];
    const char *found = strstr(pacs_http_answer_header(answer, "Content-Type", type, sizeof type),
                               "boundary=");

    assert_non_null(found);
    (void)snprintf(boundary, size, "%s", found + 9);
}

static void a_series_comes_in_parts_bit_for_bit(void **state)
{
    DicomwebFixture *fixture = *state;
    char boundary[64], head[512], expected[512], length[32];
    const uint8_t *bytes = NULL;
    PacsHttpAnswer answer;
    size_t at = 0;

    push_series(fixture, 3);
    get(fixture, SERIES, ANY, 200, &answer);
    boundary_of(&answer, boundary, sizeof boundary);
    (void)snprintf(
        expected, sizeof expected,
        "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.1; boundary=%s",
        boundary);
    expect_header(&answer, "Content-Type", expected);
    for (unsigned i = 1; i <= 3; i++) {
        size_t size = next_part(&answer, boundary, &at, head, sizeof head, &bytes);
        (void)snprintf(expected, sizeof expected,
                       "\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
                       "\r\nContent-Location: " SERIES "/instances/2.25.1000.1.1.%u",
                       i);
        assert_string_equal(head, expected);
        expect_file(i, bytes, size);
    }
    (void)snprintf(expected, sizeof expected, "\r\n--%s--\r\n", boundary);
    assert_string_equal((const char *)answer.body.bytes + at, expected);
    (void)snprintf(length, sizeof length, "%zu", answer.body.size);
    expect_header(&answer, "Vary", "Accept");
    expect_header(&answer, "Cache-Control", "private, no-cache");
    pacs_http_answer_clear(&answer);
}

static void a_study_has_the_instances_of_all_its_series(void **state)
{
    DicomwebFixture *fixture = *state;
    const TestObject other = test_object(1, 2, 1);
    char boundary[64], head[512];
    const uint8_t *bytes = NULL;
    PacsHttpAnswer answer;
    size_t at = 0;

    dicomweb_fixture_push(fixture, &other);
    push_series(fixture, 2);
    get(fixture, STUDY, ANY, 200, &answer);
    boundary_of(&answer, boundary, sizeof boundary);
    static const char *const tails[] = {"series/2.25.1000.1.2/instances/2.25.1000.1.2.1",
                                        "series/2.25.1000.1.1/instances/2.25.1000.1.1.1",
                                        "series/2.25.1000.1.1/instances/2.25.1000.1.1.2"};
    for (unsigned i = 0; i < 3; i++) {
        (void)next_part(&answer, boundary, &at, head, sizeof head, &bytes);
        assert_non_null(strstr(head, tails[i]));
    }
    pacs_http_answer_clear(&answer);
}

static void one_object_comes_alone_where_asked(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;

    push_series(fixture, 2);
    get(fixture, INSTANCE, "application/dicom", 200, &answer);
    expect_header(&answer, "Content-Type", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1");
    expect_header(&answer, "Content-Disposition", "attachment; filename=\"2.25.1000.1.1.1.dcm\"");
    expect_file(1, answer.body.bytes, answer.body.size);
    pacs_http_answer_clear(&answer);
    expect_code(fixture, SERIES, "application/dicom", 406); /* two objects have no single part */
    expect_code(fixture, SERIES, "application/dicom, " ANY, 200);
}

static void without_an_accept_header_it_is_parts(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char type[256];

    push_series(fixture, 1);
    ask(fixture, INSTANCE, NULL, 0, &answer);
    assert_int_equal(answer.code, 200);
    assert_non_null(
        strstr(pacs_http_answer_header(&answer, "Content-Type", type, sizeof type), "multipart/related"));
    pacs_http_answer_clear(&answer);
}

static void what_is_not_there_is_not_found(void **state)
{
    DicomwebFixture *fixture = *state;

    push_series(fixture, 1);
    expect_code(fixture, "/dicom-web/studies/1.2.3", ANY, 404);
    expect_code(fixture, STUDY "/series/2.25.1000.1.2", ANY, 404);
    expect_code(fixture, "/dicom-web/studies/1.2.3/series/2.25.1000.1.1", ANY, 404);
    expect_code(fixture, SERIES "/instances/..%2f..", ANY, 404);
    expect_code(fixture, "/dicom-web/studies/%00", ANY, 400);
}

/* ---- Transfer syntaxes ---- */

static void a_transfer_syntax_that_is_named_is_kept_to(void **state)
{
    DicomwebFixture *fixture = *state;
    static const struct {
        const char *accept;
        uint32_t code;
    } cases[] = {
        {ANY, 200},
        {"application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90", 200},
        {"application/dicom; transfer-syntax=1.2.840.10008.1.2.1", 406},
        {"multipart/related; type=\"application/dicom\"", 200}, /* nothing else can be made */
        {"application/dicom; transfer-syntax=1.2.840.10008.1.2.1, application/dicom; transfer-syntax=*; q=0.1",
         200},
        {"image/jpeg", 406},
    };

    push_image(fixture, PACS_UID_JPEG_2000_LOSSLESS);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_code(fixture, IMAGE, cases[i].accept, cases[i].code);
}

static void to_the_letter_the_default_is_explicit_little_endian(void **state)
{
    static const struct {
        const char *stored;
        uint32_t code;
    } cases[] = {{PACS_UID_EXPLICIT_LITTLE, 200},
                 {PACS_UID_IMPLICIT_LITTLE, 200},
                 {MPEG4, 200}, /* lossy: PS3.18 8.7.3 */
                 {JPIP, 406}}; /* nothing makes pixels of a reference */
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        push_image(fixture, cases[i].stored);
        expect_code(fixture, IMAGE, "application/dicom", cases[i].code);
        expect_code(fixture, IMAGE, "application/dicom; transfer-syntax=*", 200);
        dicomweb_fixture_ask(fixture, "DELETE", IMAGE, 204);
    }
}

/* ---- Conversions ---- */

static PacsScan *scan_of(const void *bytes, size_t size)
{
    PacsScan *scan = NULL;
    PacsError err = {0};

    assert_int_equal(pacs_scan_new(NULL, &scan, NULL), PACS_OK);
    if (pacs_scan_feed(scan, bytes, size, &err) != PACS_OK || pacs_scan_finish(scan, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return scan;
}

static void expect_syntax(DicomwebFixture *fixture, const char *target, const char *accept,
                          const char *syntax)
{
    char type[256];
    PacsHttpAnswer answer;

    get(fixture, target, accept, 200, &answer);
    PACS_AUTO(PacsScan) scan = scan_of(answer.body.bytes, answer.body.size);
    assert_string_equal(pacs_scan_instance(scan)->transfer_syntax_uid, syntax);
    assert_non_null(strstr(pacs_http_answer_header(&answer, "Content-Type", type, sizeof type), syntax));
    pacs_http_answer_clear(&answer);
}

static void who_names_no_syntax_gets_explicit_little_endian(void **state)
{
    DicomwebFixture *fixture = *state;

    push_image(fixture, PACS_UID_EXPLICIT_BIG);
    expect_syntax(fixture, IMAGE, "application/dicom", PACS_UID_EXPLICIT_LITTLE);
    expect_syntax(fixture, IMAGE, "application/dicom; transfer-syntax=*", PACS_UID_EXPLICIT_BIG);
}

static void who_names_a_syntax_gets_it(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer rle, again;

    push_series(fixture, 1);
    expect_syntax(fixture, INSTANCE, "application/dicom; transfer-syntax=" PACS_UID_RLE_LOSSLESS,
                  PACS_UID_RLE_LOSSLESS);
    expect_syntax(fixture, INSTANCE, "application/dicom; transfer-syntax=" PACS_UID_IMPLICIT_LITTLE,
                  PACS_UID_IMPLICIT_LITTLE);
    expect_code(fixture, INSTANCE, "application/dicom; transfer-syntax=" MPEG4, 406);
    expect_code(fixture, INSTANCE, "application/dicom; transfer-syntax=1.2.3.4", 406);

    /* And what was made of it becomes again what it was. */
    get(fixture, INSTANCE, "application/dicom; transfer-syntax=" PACS_UID_RLE_LOSSLESS, 200, &rle);
    dicomweb_fixture_ask(fixture, "DELETE", INSTANCE, 204);
    push_file(fixture, &rle.body);
    get(fixture, INSTANCE, "application/dicom", 200, &again);
    const TestObject object = test_object(1, 1, 1);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    test_object_file(&object, &file);
    assert_memory_equal(again.body.bytes + again.body.size - 32, file.bytes + file.size - 32, 32);
    pacs_http_answer_clear(&rle);
    pacs_http_answer_clear(&again);
}

static void converted_objects_come_in_parts_beside_stored_ones(void **state)
{
    DicomwebFixture *fixture = *state;
    char boundary[80], head[512];
    const uint8_t *bytes = NULL;
    PacsHttpAnswer answer;
    size_t at = 0;

    push_series(fixture, 2);
    get(fixture, SERIES,
        "multipart/related; type=\"application/dicom\"; transfer-syntax=" PACS_UID_RLE_LOSSLESS, 200,
        &answer);
    boundary_of(&answer, boundary, sizeof boundary);
    for (unsigned i = 1; i <= 2; i++) {
        const size_t size = next_part(&answer, boundary, &at, head, sizeof head, &bytes);
        PACS_AUTO(PacsScan) scan = scan_of(bytes, size);
        const TestObject object = test_object(1, 1, i);
        assert_string_equal(pacs_scan_instance(scan)->sop_instance_uid, object.sop_instance_uid);
        assert_string_equal(pacs_scan_instance(scan)->transfer_syntax_uid, PACS_UID_RLE_LOSSLESS);
        assert_non_null(strstr(head, "transfer-syntax=" PACS_UID_RLE_LOSSLESS));
    }
    pacs_http_answer_clear(&answer);
}

static void an_object_that_cannot_become_what_is_asked_is_refused_before_anything_is_sent(void **state)
{
    DicomwebFixture *fixture = *state;

    push_series(fixture, 1);
    push_image(fixture, PACS_UID_RLE_LOSSLESS); /* a codestream that is none */
    expect_code(fixture, IMAGE, "application/dicom; transfer-syntax=" PACS_UID_JPEG_LS_LOSSLESS, 406);
    expect_code(fixture, IMAGE, "application/dicom; transfer-syntax=" PACS_UID_EXPLICIT_LITTLE, 406);
}

static void what_nobody_can_decode_leaves_as_it_is_stored_where_no_syntax_is_named(void **state)
{
    DicomwebFixture *fixture = *state;
    char boundary[80], head[512];
    const uint8_t *bytes = NULL;
    PacsHttpAnswer answer;
    size_t at = 0;

    push_image(fixture, PACS_UID_RLE_LOSSLESS);
    expect_syntax(fixture, IMAGE, "application/dicom", PACS_UID_RLE_LOSSLESS);
    get(fixture, IMAGE, "multipart/related; type=\"application/dicom\"", 200, &answer);
    boundary_of(&answer, boundary, sizeof boundary);
    (void)next_part(&answer, boundary, &at, head, sizeof head, &bytes); /* the bytes are not looked at */
    assert_non_null(strstr(head, "transfer-syntax=" PACS_UID_RLE_LOSSLESS));
    pacs_http_answer_clear(&answer);
}

static void what_is_converted_has_an_etag_of_its_own(void **state)
{
    DicomwebFixture *fixture = *state;
    char stored[80], converted[80];
    PacsHttpAnswer answer;

    push_series(fixture, 1);
    get(fixture, INSTANCE, "application/dicom; transfer-syntax=*", 200, &answer);
    pacs_http_answer_header(&answer, "ETag", stored, sizeof stored);
    pacs_http_answer_clear(&answer);
    get(fixture, INSTANCE, "application/dicom; transfer-syntax=" PACS_UID_RLE_LOSSLESS, 200, &answer);
    pacs_http_answer_header(&answer, "ETag", converted, sizeof converted);
    pacs_http_answer_clear(&answer);
    assert_string_not_equal(stored, converted);
    const PacsHttpPair headers[] = {{"Accept", "application/dicom; transfer-syntax=" PACS_UID_RLE_LOSSLESS},
                                    {"If-None-Match", converted}};
    ask(fixture, INSTANCE, headers, 2, &answer);
    assert_int_equal(answer.code, 304);
    pacs_http_answer_clear(&answer);
}

static void an_object_without_pixels_suits_every_syntax(void **state)
{
    DicomwebFixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);

    object.rows = 0;
    dicomweb_fixture_push(fixture, &object);
    expect_code(fixture, INSTANCE, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90", 200);
}

/* ---- Caches and ranges ---- */

static void get_etag(DicomwebFixture *fixture, const char *target, const char *accept, char *etag,
                     size_t size)
{
    PacsHttpAnswer answer;

    get(fixture, target, accept, 200, &answer);
    (void)pacs_http_answer_header(&answer, "ETag", etag, size);
    pacs_http_answer_clear(&answer);
}

static void an_etag_stands_for_the_bytes(void **state)
{
    DicomwebFixture *fixture = *state;
    char parts[64], again[64], zip[64], more[64];

    push_series(fixture, 1);
    get_etag(fixture, SERIES, ANY, parts, sizeof parts);
    get_etag(fixture, SERIES, ANY, again, sizeof again);
    get_etag(fixture, SERIES, "application/zip", zip, sizeof zip);
    const PacsHttpPair known[] = {{"Accept", ANY}, {"If-None-Match", parts}};
    PacsHttpAnswer answer;
    ask(fixture, SERIES, known, 2, &answer);
    assert_int_equal(answer.code, 304);
    assert_int_equal(answer.body.size, 0);
    pacs_http_answer_clear(&answer);
    push_series(fixture, 2);
    get_etag(fixture, SERIES, ANY, more, sizeof more);
    assert_string_equal(parts, again);
    assert_string_not_equal(parts, zip);
    assert_string_not_equal(parts, more);
}

/** Every range of 97 bytes of an answer is that part of the whole. */
static void check_ranges(DicomwebFixture *fixture, const char *target, const char *accept)
{
    PacsHttpAnswer whole, part;
    char range[64], etag[64];

    get(fixture, target, accept, 200, &whole);
    (void)pacs_http_answer_header(&whole, "ETag", etag, sizeof etag);
    for (size_t from = 0; from < whole.body.size; from += 97) {
        const size_t left = whole.body.size - from;
        const PacsHttpPair headers[] = {{"Accept", accept}, {"Range", range}, {"If-Range", etag}};
        (void)snprintf(range, sizeof range, "bytes=%zu-%zu", from, from + 96);
        ask(fixture, target, headers, 3, &part);
        assert_int_equal(part.code, 206);
        assert_int_equal(part.body.size, left < 97 ? left : 97);
        assert_memory_equal(part.body.bytes, whole.body.bytes + from, part.body.size);
        pacs_http_answer_clear(&part);
    }
    pacs_http_answer_clear(&whole);
}

static void ranges_work_over_every_packaging(void **state)
{
    DicomwebFixture *fixture = *state;

    push_series(fixture, 3);
    check_ranges(fixture, SERIES, ANY);
    check_ranges(fixture, SERIES, "application/zip");
    check_ranges(fixture, INSTANCE, "application/dicom");
}

static void a_head_says_how_much_it_would_be(void **state)
{
    DicomwebFixture *fixture = *state;
    const PacsHttpPair accept = {"Accept", "application/zip"};
    const PacsHttpAsk request = {.method = "HEAD", .target = SERIES, .headers = &accept, .header_count = 1};
    PacsHttpAnswer head, whole;
    char length[32];

    push_series(fixture, 3);
    get(fixture, SERIES, "application/zip", 200, &whole);
    (void)snprintf(length, sizeof length, "%zu", whole.body.size);
    assert_int_equal(pacs_http_perform(fixture->http, &request, &head), 200);
    assert_int_equal(head.body.size, 0);
    expect_header(&head, "Content-Length", length);
    pacs_http_answer_clear(&head);
    pacs_http_answer_clear(&whole);
}

/* ---- Two patients ---- */

static void uids_of_two_patients_give_both_their_objects(void **state)
{
    DicomwebFixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    PacsHttpAnswer answer;

    dicomweb_fixture_push(fixture, &object);
    object.patient_id = "P2";
    dicomweb_fixture_push(fixture, &object);
    get(fixture, INSTANCE, "application/zip", 200, &answer);
    assert_non_null(
        memmem(answer.body.bytes, answer.body.size, "2.25.1000.1/2.25.1000.1.1/2.25.1000.1.1.1.dcm", 45));
    assert_non_null(
        memmem(answer.body.bytes, answer.body.size, "2.25.1000.1-2/2.25.1000.1.1/2.25.1000.1.1.1.dcm", 47));
    pacs_http_answer_clear(&answer);
    expect_code(fixture, INSTANCE, "application/dicom", 406);
    expect_code(fixture, INSTANCE, ANY, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_series_comes_in_parts_bit_for_bit),
        TEST(a_study_has_the_instances_of_all_its_series),
        TEST(one_object_comes_alone_where_asked),
        TEST(without_an_accept_header_it_is_parts),
        TEST(what_is_not_there_is_not_found),
        TEST(a_transfer_syntax_that_is_named_is_kept_to),
        cmocka_unit_test_setup_teardown(to_the_letter_the_default_is_explicit_little_endian,
                                        dicomweb_fixture_open_strict, dicomweb_fixture_close),
        TEST(an_object_without_pixels_suits_every_syntax),
        TEST(who_names_no_syntax_gets_explicit_little_endian),
        TEST(who_names_a_syntax_gets_it),
        TEST(converted_objects_come_in_parts_beside_stored_ones),
        TEST(an_object_that_cannot_become_what_is_asked_is_refused_before_anything_is_sent),
        TEST(what_nobody_can_decode_leaves_as_it_is_stored_where_no_syntax_is_named),
        TEST(what_is_converted_has_an_etag_of_its_own),
        TEST(an_etag_stands_for_the_bytes),
        TEST(ranges_work_over_every_packaging),
        TEST(a_head_says_how_much_it_would_be),
        TEST(uids_of_two_patients_give_both_their_objects),
    };
    return cmocka_run_group_tests_name("dicomweb objects", tests, NULL, NULL);
}
