/* WADO-RS of frames: which bytes, in which packaging, and what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "tests/support/dicomweb_fixture.h"
#include "tests/support/image.h"

#define INSTANCE                                                                                             \
    "/dicom-web/studies/" TEST_IMAGE_STUDY "/series/" TEST_IMAGE_SERIES "/instances/" TEST_IMAGE_INSTANCE
#define FRAMES INSTANCE "/frames/"
#define OHIF "multipart/related; type=application/octet-stream; transfer-syntax=*"
#define BYTES "multipart/related; type=\"application/octet-stream\""

static PacsHttpAnswer answer;
static char value[512];

static int tear_down(void **state)
{
    pacs_http_answer_clear(&answer);
    return dicomweb_fixture_close(state);
}

static uint32_t ask(DicomwebFixture *fixture, const char *method, const char *target,
                    const PacsHttpPair *headers, size_t count)
{
    pacs_http_answer_clear(&answer);
    return pacs_http_perform(
        fixture->http,
        &(PacsHttpAsk){.method = method, .target = target, .headers = headers, .header_count = count},
        &answer);
}

static uint32_t get(DicomwebFixture *fixture, const char *target, const char *accept)
{
    return ask(fixture, "GET", target, (PacsHttpPair[]){{"Accept", accept}}, accept ? 1 : 0);
}

static uint32_t get_with(DicomwebFixture *fixture, const char *target, const char *accept, const char *name,
                         const char *text)
{
    return ask(fixture, "GET", target, (PacsHttpPair[]){{"Accept", accept}, {name, text}}, 2);
}

static const char *header(const char *name)
{
    return pacs_http_answer_header(&answer, name, value, sizeof value);
}

/* The bytes of part `index` of the answer, by the boundary its Content-Type names. */
static PacsSlice part(size_t index)
{
    const char *boundary = strstr(header("Content-Type"), "boundary=");
    char line[128];
    PacsSlice rest = {pacs_buffer_text(&answer.body), answer.body.size};

    assert_non_null(boundary);
    int length = snprintf(line, sizeof line, "--%s", boundary + 9);
    const char *start = rest.text;
    for (size_t i = 0; i <= index; i++) {
        start = memmem(start, (size_t)(rest.text + rest.size - start), line, (size_t)length);
        assert_non_null(start);
        start += length;
    }
    const char *end = memmem(start, (size_t)(rest.text + rest.size - start), line, (size_t)length);
    assert_non_null(end);
    return (PacsSlice){start + 2, (size_t)(end - start) - 4}; /* without the line breaks around it */
}

static void expect_part(size_t index, const char *head, const void *bytes, size_t size)
{
    PacsSlice whole = part(index);
    size_t head_size = strlen(head);

    assert_int_equal(whole.size, head_size + size);
    assert_memory_equal(whole.text, head, head_size);
    assert_memory_equal(whole.text + head_size, bytes, size);
}

#define PART(type, number) "Content-Type: " type "\r\nContent-Location: " FRAMES number "\r\n\r\n"

/* ---- What is stored ---- */

static const uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void push(DicomwebFixture *fixture, const TestImage *image)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PacsIngested ingested;

    test_image_file(image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

/** Three frames of two pixels of 16 bits. */
static void push_native(DicomwebFixture *fixture, const char *transfer_syntax_uid)
{
    push(fixture, &(TestImage){.transfer_syntax_uid = transfer_syntax_uid,
                               .rows = 1,
                               .columns = 2,
                               .bits_allocated = 16,
                               .frames = 3,
                               .pixels = pixels,
                               .size = sizeof pixels});
}

static void push_jpeg(DicomwebFixture *fixture, const char *transfer_syntax_uid)
{
    push(fixture, &(TestImage){.transfer_syntax_uid = transfer_syntax_uid,
                               .rows = 1,
                               .columns = 2,
                               .bits_allocated = 8,
                               .frames = 2,
                               .fragments = "#first|ed|#second!|er"});
}

/* ---- Native frames ---- */

static void a_native_frame_leaves_as_little_endian(void **state)
{
    static const char *const syntaxes[] = {PACS_UID_EXPLICIT_LITTLE, PACS_UID_IMPLICIT_LITTLE,
                                           PACS_UID_DEFLATED_EXPLICIT_LITTLE};
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < 3; i++) {
        push_native(fixture, syntaxes[i]);
        assert_int_equal(get(fixture, FRAMES "2", OHIF), 200);
        assert_non_null(strstr(header("Content-Type"),
                               "multipart/related; type=\"application/octet-stream\"; "
                               "transfer-syntax=1.2.840.10008.1.2.1; boundary="));
        expect_part(0, PART("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", "2"), pixels + 4,
                    4);
        dicomweb_fixture_ask(fixture, "DELETE", INSTANCE, 204);
    }
}

static void a_big_endian_frame_is_swapped(void **state)
{
    static const uint8_t swapped[] = {6, 5, 8, 7};
    DicomwebFixture *fixture = *state;

    push_native(fixture, PACS_UID_EXPLICIT_BIG);
    assert_int_equal(get(fixture, FRAMES "2", BYTES), 200);
    expect_part(0, PART("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", "2"), swapped, 4);
}

static void frames_come_in_the_order_asked(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    assert_int_equal(get(fixture, FRAMES "3,1,%203", BYTES), 200);
    expect_part(0, PART("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", "3"), pixels + 8, 4);
    expect_part(1, PART("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", "1"), pixels, 4);
    expect_part(2, PART("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", "3"), pixels + 8, 4);
}

static void one_frame_may_come_alone(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    assert_int_equal(get(fixture, FRAMES "2", "application/octet-stream"), 200);
    assert_string_equal(header("Content-Type"),
                        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1");
    assert_int_equal(answer.body.size, 4);
    assert_memory_equal(answer.body.bytes, pixels + 4, 4);
    assert_int_equal(get(fixture, FRAMES "1,2", "application/octet-stream"), 406);
}

/* ---- Encapsulated frames ---- */

static void an_encapsulated_frame_leaves_as_it_is_stored(void **state)
{
    static const struct {
        const char *syntax, *type;
    } cases[] = {{PACS_UID_JPEG_BASELINE, "image/jpeg"},
                 {PACS_UID_JPEG_LS_LOSSLESS, "image/jls"},
                 {PACS_UID_JPEG_2000_LOSSLESS, "image/jp2"},
                 {PACS_UID_HTJ2K_LOSSLESS_RPCL, "image/jphc"}};
    DicomwebFixture *fixture = *state;
    char accept[128], expected[256];

    for (size_t i = 0; i < 4; i++) {
        push_jpeg(fixture, cases[i].syntax);
        (void)snprintf(accept, sizeof accept, "multipart/related; type=\"%s\"", cases[i].type);
        assert_int_equal(get(fixture, FRAMES "1", accept), 200);
        (void)snprintf(expected, sizeof expected,
                       "Content-Type: %s; transfer-syntax=%s\r\nContent-Location: " FRAMES "1\r\n\r\n",
                       cases[i].type, cases[i].syntax);
        expect_part(0, expected,
                    "\xFF\xD8\xFF"
                    "firsted",
                    10);
        assert_int_equal(get(fixture, FRAMES "1", cases[i].type), 200);
        assert_int_equal(answer.body.size, 10);
        dicomweb_fixture_ask(fixture, "DELETE", INSTANCE, 204);
    }
}

static void any_transfer_syntax_as_bytes_is_the_stored_one(void **state)
{
    DicomwebFixture *fixture = *state;

    push_jpeg(fixture, PACS_UID_JPEG_2000);
    assert_int_equal(get(fixture, FRAMES "2", OHIF), 200);
    assert_non_null(strstr(header("Content-Type"),
                           "type=\"application/octet-stream\"; transfer-syntax=1.2.840.10008.1.2.4.91;"));
    expect_part(0, PART("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.91", "2"),
                "\xFF\xD8\xFF"
                "second!er",
                12);
}

static void a_lossy_frame_leaves_as_it_is_stored_where_nothing_is_said(void **state)
{
    DicomwebFixture *fixture = *state;

    push_jpeg(fixture, PACS_UID_JPEG_BASELINE);
    assert_int_equal(get(fixture, FRAMES "1", NULL), 200);
    assert_non_null(strstr(header("Content-Type"), "image/jpeg"));
}

static void what_nothing_converts_is_not_acceptable(void **state)
{
    static const char *const accepts[] = {
        BYTES, "application/octet-stream", "image/jls", "multipart/related; type=\"image/jpeg\"",
        "multipart/related; type=\"image/jp2\"; transfer-syntax=1.2.840.10008.1.2.4.90"};
    DicomwebFixture *fixture = *state;

    push_jpeg(fixture, "1.2.840.10008.1.2.4.102");
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        assert_int_equal(get(fixture, FRAMES "1", accepts[i]), 406);
        assert_non_null(strstr(pacs_buffer_text(&answer.body), "video/mp4"));
    }
}

/* ---- Refusals ---- */

static void bad_numbers_are_400_and_missing_frames_404(void **state)
{
    static const struct {
        const char *list;
        uint32_t code;
    } cases[] = {{"0", 400},   {"-1", 400},          {"x", 400}, {"1,,2", 400}, {"1,", 400},
                 {"1.5", 400}, {"99999999999", 400}, {"4", 404}, {"1,4", 404},  {"4294967295", 404}};
    DicomwebFixture *fixture = *state;
    char target[256];

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(target, sizeof target, FRAMES "%s", cases[i].list);
        assert_int_equal(get(fixture, target, BYTES), cases[i].code);
        assert_string_equal(header("ETag"), "");
    }
    assert_int_equal(get(fixture, INSTANCE "0/frames/1", BYTES), 404);
}

static void an_endless_list_is_400(void **state)
{
    DicomwebFixture *fixture = *state;
    static char target[20000] = FRAMES "1";

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    for (size_t at = strlen(target); at + 3 < sizeof target; at += 2)
        memcpy(target + at, ",1", 3);
    assert_int_equal(get(fixture, target, BYTES), 400);
}

static void an_object_without_pixels_has_no_frames(void **state)
{
    DicomwebFixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    char target[256];

    object.rows = object.columns = 0;
    dicomweb_fixture_push(fixture, &object);
    (void)snprintf(target, sizeof target, "/dicom-web/studies/%s/series/%s/instances/%s/frames/1",
                   object.study_instance_uid, object.series_instance_uid, object.sop_instance_uid);
    assert_int_equal(get(fixture, target, BYTES), 404);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "no frames"));
}

/* ---- HTTP ---- */

static void a_known_frame_is_304_without_being_read(void **state)
{
    DicomwebFixture *fixture = *state;
    char etag[128];

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    assert_int_equal(get(fixture, FRAMES "1", BYTES), 200);
    (void)snprintf(etag, sizeof etag, "%s", header("ETag"));
    assert_string_equal(header("Cache-Control"), "private, max-age=3600");
    assert_string_equal(header("Vary"), "Accept");
    assert_int_equal(get_with(fixture, FRAMES "1", BYTES, "If-None-Match", etag), 304);
    assert_string_equal(header("ETag"), etag);
    assert_int_equal(get_with(fixture, FRAMES "2", BYTES, "If-None-Match", etag), 200);
    assert_int_equal(get_with(fixture, FRAMES "1", "application/octet-stream", "If-None-Match", etag), 200);
}

static void a_range_is_cut_from_the_whole_body(void **state)
{
    DicomwebFixture *fixture = *state;
    char whole[4096];

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    assert_int_equal(get(fixture, FRAMES "1,2", BYTES), 200);
    size_t size = answer.body.size;
    memcpy(whole, answer.body.bytes, size);
    assert_int_equal(get_with(fixture, FRAMES "1,2", BYTES, "Range", "bytes=7-"), 206);
    assert_int_equal(answer.body.size, size - 7);
    assert_memory_equal(answer.body.bytes, whole + 7, size - 7);
    assert_int_equal(ask(fixture, "HEAD", FRAMES "1,2", (PacsHttpPair[]){{"Accept", BYTES}}, 1), 200);
    assert_int_equal(strtoul(header("Content-Length"), NULL, 10), size);
}

static void a_lost_object_is_a_500(void **state)
{
    DicomwebFixture *fixture = *state;
    const PacsUidPath path = {TEST_IMAGE_STUDY, TEST_IMAGE_SERIES, TEST_IMAGE_INSTANCE};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 16);
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs;

    push_native(fixture, PACS_UID_EXPLICIT_LITTLE);
    assert_int_equal(
        pacs_index_find_object_at(fixture->archive.index, &path, 0, arena, &object, &blobs, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(fixture->archive.store, &object->key, NULL), PACS_OK);
    assert_int_equal(get(fixture, FRAMES "1", BYTES), 500);
    assert_string_equal(header("Cache-Control"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_native_frame_leaves_as_little_endian),
        TEST(a_big_endian_frame_is_swapped),
        TEST(frames_come_in_the_order_asked),
        TEST(one_frame_may_come_alone),
        TEST(an_encapsulated_frame_leaves_as_it_is_stored),
        TEST(any_transfer_syntax_as_bytes_is_the_stored_one),
        TEST(a_lossy_frame_leaves_as_it_is_stored_where_nothing_is_said),
        TEST(what_nothing_converts_is_not_acceptable),
        TEST(bad_numbers_are_400_and_missing_frames_404),
        TEST(an_endless_list_is_400),
        TEST(an_object_without_pixels_has_no_frames),
        TEST(a_known_frame_is_304_without_being_read),
        TEST(a_range_is_cut_from_the_whole_body),
        TEST(a_lost_object_is_a_500),
    };
    return cmocka_run_group_tests_name("dicomweb frames", tests, NULL, NULL);
}
