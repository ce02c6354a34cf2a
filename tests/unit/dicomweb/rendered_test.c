/* Rendered resources and thumbnails. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/dicomweb_fixture.h"
#include "tests/support/image.h"

#define STUDY "/dicom-web/studies/" TEST_IMAGE_STUDY
#define SERIES STUDY "/series/" TEST_IMAGE_SERIES
#define INSTANCE SERIES "/instances/" TEST_IMAGE_INSTANCE
#define BROWSER "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
#define OHIF "multipart/related; type=\"application/octet-stream\""

/* Three frames of 4 by 6 pixels: 0 to 23, 100 to 123, 200 to 223. */
static void push_frames(DicomwebFixture *fixture)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    uint8_t pixels[72];
    const TestImage image = {.transfer_syntax_uid = "1.2.840.10008.1.2.1",
                             .rows = 4,
                             .columns = 6,
                             .bits_allocated = 8,
                             .frames = 3,
                             .vr = "OB",
                             .pixels = pixels,
                             .size = sizeof pixels};
    PacsIngested ingested;

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i / 24 * 100 + i % 24);
    test_image_file(&image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

static uint32_t ask_with(DicomwebFixture *fixture, const char *target, const char *name, const char *value,
                         PacsHttpAnswer *answer)
{
    const PacsHttpPair header = {name, value};
    const PacsHttpAsk request = {
        .method = "GET", .target = target, .headers = &header, .header_count = name ? 1 : 0};

    return pacs_http_perform(fixture->http, &request, answer);
}

static const char *header(const PacsHttpAnswer *answer, const char *name)
{
    static char value[200];

    return pacs_http_answer_header(answer, name, value, sizeof value);
}

static void expect_type(DicomwebFixture *fixture, const char *target, const char *accept, const char *type)
{
    PacsHttpAnswer answer;

    assert_int_equal(ask_with(fixture, target, accept ? "Accept" : NULL, accept, &answer), 200);
    assert_string_equal(header(&answer, "Content-Type"), type);
    assert_true(answer.body.size > 20);
    pacs_http_answer_clear(&answer);
}

static void expect_code(DicomwebFixture *fixture, const char *target, const char *accept, uint32_t code,
                        const char *words)
{
    PacsHttpAnswer answer;

    assert_int_equal(ask_with(fixture, target, accept ? "Accept" : NULL, accept, &answer), code);
    if (words)
        assert_non_null(strstr(pacs_buffer_text(&answer.body), words));
    pacs_http_answer_clear(&answer);
}

/* A PNG's size stands at bytes 16 and 20. */
static void expect_png(DicomwebFixture *fixture, const char *target, uint32_t width, uint32_t height)
{
    PacsHttpAnswer answer;

    assert_int_equal(ask_with(fixture, target, "Accept", "image/png", &answer), 200);
    assert_memory_equal(answer.body.bytes, "\x89PNG", 4);
    const uint8_t *bytes = answer.body.bytes;
    assert_int_equal(bytes[18] << 8 | bytes[19], width);
    assert_int_equal(bytes[22] << 8 | bytes[23], height);
    pacs_http_answer_clear(&answer);
}

static void each_level_is_a_picture(void **state)
{
    static const char *const levels[] = {STUDY, SERIES, INSTANCE, INSTANCE "/frames/2"};
    char target[300];

    push_frames(*state);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(target, sizeof target, "%s/rendered", levels[i]);
        expect_type(*state, target, NULL, "image/jpeg");
        (void)snprintf(target, sizeof target, "%s/thumbnail", levels[i]);
        expect_type(*state, target, NULL, "image/jpeg");
    }
}

static void the_client_says_which_format(void **state)
{
    push_frames(*state);
    expect_type(*state, INSTANCE "/rendered", "image/png", "image/png");
    expect_type(*state, INSTANCE "/rendered", "image/webp", "image/webp");
    expect_type(*state, INSTANCE "/rendered", "image/gif", "image/gif");
    expect_type(*state, INSTANCE "/rendered", BROWSER, "image/jpeg");
    expect_type(*state, INSTANCE "/rendered?accept=image/png", OHIF, "image/png");
    expect_code(*state, INSTANCE "/rendered", "image/tiff", 406, "image/jpeg");
}

static void thumbnails_are_never_refused_for_their_type(void **state)
{
    push_frames(*state);
    expect_type(*state, INSTANCE "/thumbnail", "image/tiff", "image/jpeg");
    expect_type(*state, INSTANCE "/thumbnail", BROWSER, "image/jpeg");
    expect_type(*state, INSTANCE "/thumbnail", OHIF, "image/jpeg");
}

static void a_viewport_sizes_the_picture(void **state)
{
    push_frames(*state);
    expect_png(*state, INSTANCE "/rendered", 6, 4);
    expect_png(*state, INSTANCE "/rendered?viewport=60,60", 60, 40);
    expect_png(*state, INSTANCE "/rendered?viewport=3,3", 3, 2);
    expect_png(*state, INSTANCE "/rendered?viewport=40,40,0,0,2,2", 40, 40);
    expect_png(*state, INSTANCE "/thumbnail?viewport=3,3", 3, 2);
    expect_png(*state, INSTANCE "/thumbnail", 6, 4);
}

static void what_makes_no_sense_is_named(void **state)
{
    static const struct {
        const char *query, *name;
    } cases[] = {{"window=40", "window"},
                 {"window=40,0", "window"},
                 {"window=40,400,cubic", "window"},
                 {"window=a,b,linear", "window"},
                 {"window=nan,400,linear", "window"},
                 {"window=40,400,linear,1", "window"},
                 {"viewport=0,10", "viewport"},
                 {"viewport=10", "viewport"},
                 {"viewport=99999,10", "viewport"},
                 {"viewport=10,10,x", "viewport"},
                 {"viewport=10,10,0,0,1,1,1", "viewport"},
                 {"viewport=10,10,-5,0,1,1", "viewport"},
                 {"quality=0", "quality"},
                 {"quality=101", "quality"},
                 {"quality=high", "quality"},
                 {"annotation=name", "annotation"},
                 {"iccprofile=maybe", "iccprofile"}};
    char target[400], words[40];

    push_frames(*state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(target, sizeof target, INSTANCE "/rendered?%s", cases[i].query);
        (void)snprintf(words, sizeof words, "parameter %s", cases[i].name);
        expect_code(*state, target, NULL, 400, words);
    }
}

static void a_region_outside_of_the_image_is_refused(void **state)
{
    push_frames(*state);
    expect_code(*state, INSTANCE "/rendered?viewport=10,10,600,400,5,5", NULL, 400, NULL);
}

static void a_window_changes_the_picture(void **state)
{
    PacsHttpAnswer plain, windowed;

    push_frames(*state);
    assert_int_equal(ask_with(*state, INSTANCE "/frames/1/rendered", "Accept", "image/png", &plain), 200);
    assert_int_equal(
        ask_with(*state, INSTANCE "/frames/1/rendered?window=10,2,linear", "Accept", "image/png", &windowed),
        200);
    assert_true(plain.body.size != windowed.body.size ||
                memcmp(plain.body.bytes, windowed.body.bytes, plain.body.size) != 0);
    pacs_http_answer_clear(&plain);
    pacs_http_answer_clear(&windowed);
}

static void a_list_of_frames_is_parts(void **state)
{
    PacsHttpAnswer answer;

    push_frames(*state);
    assert_int_equal(ask_with(*state, INSTANCE "/frames/1,3/rendered", "Accept",
                              "multipart/related; type=\"image/png\"", &answer),
                     200);
    const char *type = header(&answer, "Content-Type");
    assert_memory_equal(type, "multipart/related; type=\"image/png\"; boundary=", 45);
    const PacsSlice body = {(const char *)answer.body.bytes, answer.body.size};
    assert_non_null(memmem(body.text, body.size, "frames/1/rendered", 17));
    assert_non_null(memmem(body.text, body.size, "frames/3/rendered", 17));
    pacs_http_answer_clear(&answer);
    expect_code(*state, INSTANCE "/frames/1,3/rendered", "image/png", 406, "multipart");
}

static void frames_that_are_not_there_are_not_found(void **state)
{
    push_frames(*state);
    expect_code(*state, INSTANCE "/frames/4/rendered", NULL, 404, "frame 4 asked, instance has 3");
    expect_code(*state, INSTANCE "/frames/0/rendered", NULL, 400, NULL);
    expect_code(*state, SERIES "/instances/1.2.9/rendered", NULL, 404, NULL);
    expect_code(*state, "/dicom-web/studies/1.9/thumbnail", NULL, 404, NULL);
}

static void a_gif_of_many_frames_moves(void **state)
{
    PacsHttpAnswer answer;

    push_frames(*state);
    assert_int_equal(ask_with(*state, INSTANCE "/rendered", "Accept", "image/gif", &answer), 200);
    assert_non_null(memmem(answer.body.bytes, answer.body.size, "NETSCAPE2.0", 11));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask_with(*state, INSTANCE "/frames/2/rendered", "Accept", "image/gif", &answer), 200);
    assert_null(memmem(answer.body.bytes, answer.body.size, "NETSCAPE2.0", 11));
    pacs_http_answer_clear(&answer);
}

static void a_picture_is_asked_for_once(void **state)
{
    PacsHttpAnswer answer;
    char tag[80];

    push_frames(*state);
    assert_int_equal(ask_with(*state, INSTANCE "/rendered?quality=80", NULL, NULL, &answer), 200);
    assert_string_equal(header(&answer, "Cache-Control"), "private, max-age=3600");
    assert_string_equal(header(&answer, "Vary"), "Accept");
    (void)snprintf(tag, sizeof tag, "%s", header(&answer, "ETag"));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask_with(*state, INSTANCE "/rendered?quality=80", "If-None-Match", tag, &answer), 304);
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask_with(*state, INSTANCE "/rendered?quality=70", "If-None-Match", tag, &answer), 200);
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask_with(*state, STUDY "/rendered", NULL, NULL, &answer), 200);
    assert_string_equal(header(&answer, "Cache-Control"), "private, no-cache");
    pacs_http_answer_clear(&answer);
    dicomweb_fixture_ask(*state, "HEAD", INSTANCE "/rendered", 200);
}

static void what_has_no_image_has_a_card_alone(void **state)
{
    TestObject object = test_object(1, 1, 1);
    char target[320];

    object.rows = 0;
    dicomweb_fixture_push(*state, &object);
    (void)snprintf(target, sizeof target, "/dicom-web/studies/%s/series/%s/instances/%s/rendered",
                   object.study_instance_uid, object.series_instance_uid, object.sop_instance_uid);
    expect_code(*state, target, NULL, 406, "no image");
    (void)snprintf(target, sizeof target, "/dicom-web/studies/%s/thumbnail", object.study_instance_uid);
    expect_type(*state, target, NULL, "image/jpeg");
}

/* A sequence of one item. */
static void add_item(PacsBuffer *out, PacsTag tag, const PacsBuffer *elements)
{
    PACS_AUTO_BUFFER PacsBuffer item = PACS_BUFFER(1 << 16);
    const uint8_t head[8] = {0xFE, 0xFF, 0x00, 0xE0, (uint8_t)elements->size, (uint8_t)(elements->size >> 8)};

    (void)pacs_buffer_add(&item, head, sizeof head);
    (void)pacs_buffer_add(&item, elements->bytes, elements->size);
    test_add_bytes(out, tag, "SQ", item.bytes, (uint32_t)item.size);
}

/* A report of one sentence, with markup in it; ret_target: of the instance. */
static void push_report(DicomwebFixture *fixture, const char *sop_class_uid, char *ret_target, size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer content = PACS_BUFFER(1 << 12);
    TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;

    object.rows = 0;
    object.sop_class_uid = sop_class_uid;
    object.modality = "SR";
    test_object_file(&object, &file);
    test_add_text(&content, PACS_TAG_VALUE_TYPE, "CS", "TEXT");
    test_add_text(&content, PACS_TAG(0x0040, 0xA160), "UT", "No <nodule>.");
    test_add_text(&file, PACS_TAG_VALUE_TYPE, "CS", "CONTAINER");
    add_item(&file, PACS_TAG_CONTENT_SEQUENCE, &content);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
    (void)snprintf(ret_target, size, "/dicom-web/studies/%s/series/%s/instances/%s/rendered",
                   object.study_instance_uid, object.series_instance_uid, object.sop_instance_uid);
}

static void a_report_is_a_page_that_loads_nothing_from_elsewhere(void **state)
{
    PacsHttpAnswer answer;
    char target[320], tag[80];

    push_report(*state, "1.2.840.10008.5.1.4.1.1.88.11", target, sizeof target);
    expect_type(*state, target, NULL, "text/html; charset=utf-8");
    assert_int_equal(ask_with(*state, target, "Accept", "text/html", &answer), 200);
    assert_string_equal(header(&answer, "Content-Security-Policy"),
                        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'");
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "No &lt;nodule&gt;."));
    (void)snprintf(tag, sizeof tag, "%s", header(&answer, "ETag"));
    pacs_http_answer_clear(&answer);
    assert_int_equal(ask_with(*state, target, "If-None-Match", tag, &answer), 304);
    pacs_http_answer_clear(&answer);
    expect_code(*state, target, "image/jpeg", 406, "text/html");
}

static void a_key_object_selection_is_a_page_too(void **state)
{
    char target[320];

    push_report(*state, "1.2.840.10008.5.1.4.1.1.88.59", target, sizeof target);
    expect_type(*state, target, BROWSER, "text/html; charset=utf-8");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_level_is_a_picture),
        TEST(the_client_says_which_format),
        TEST(thumbnails_are_never_refused_for_their_type),
        TEST(a_viewport_sizes_the_picture),
        TEST(what_makes_no_sense_is_named),
        TEST(a_region_outside_of_the_image_is_refused),
        TEST(a_window_changes_the_picture),
        TEST(a_list_of_frames_is_parts),
        TEST(frames_that_are_not_there_are_not_found),
        TEST(a_gif_of_many_frames_moves),
        TEST(a_picture_is_asked_for_once),
        TEST(what_has_no_image_has_a_card_alone),
        TEST(a_report_is_a_page_that_loads_nothing_from_elsewhere),
        TEST(a_key_object_selection_is_a_page_too),
    };
    return cmocka_run_group_tests_name("dicomweb rendered", tests, NULL, NULL);
}
