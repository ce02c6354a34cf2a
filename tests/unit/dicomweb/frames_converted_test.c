/* WADO-RS of frames in other forms than they are stored in: which form is chosen, and what it costs. */

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
#include "tests/unit/transcode/asker.h"

#define INSTANCE                                                                                             \
    "/dicom-web/studies/" TEST_IMAGE_STUDY "/series/" TEST_IMAGE_SERIES "/instances/" TEST_IMAGE_INSTANCE
#define FRAMES INSTANCE "/frames/"
#define JPEG_LS "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"

static PacsHttpAnswer answer;
static char value[512];

static int tear_down(void **state)
{
    pacs_http_answer_clear(&answer);
    return dicomweb_fixture_close(state);
}

static uint32_t get_with(DicomwebFixture *fixture, const char *frames, const char *accept, const char *name,
                         const char *text)
{
    char target[256];

    pacs_http_answer_clear(&answer);
    assert_true(snprintf(target, sizeof target, FRAMES "%s", frames) < (int)sizeof target);
    return pacs_http_perform(fixture->http,
                             &(PacsHttpAsk){.method = "GET",
                                            .target = target,
                                            .headers = (PacsHttpPair[]){{"Accept", accept}, {name, text}},
                                            .header_count = name ? 2 : 1},
                             &answer);
}

static uint32_t get(DicomwebFixture *fixture, const char *frames, const char *accept)
{
    return get_with(fixture, frames, accept, NULL, NULL);
}

static const char *header(const char *name)
{
    return pacs_http_answer_header(&answer, name, value, sizeof value);
}

static void expect_type(DicomwebFixture *fixture, const char *accept, const char *content_type)
{
    assert_int_equal(get(fixture, "1", accept), 200);
    assert_string_equal(header("Content-Type"), content_type);
}

static bool shows(DicomwebFixture *fixture, const char *line)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);

    assert_int_equal(pacs_metrics_format(fixture->metrics, &text, NULL), PACS_OK);
    return strstr(pacs_buffer_text(&text), line) != NULL;
}

/* ---- What is stored ---- */

static void push(DicomwebFixture *fixture, const TestImage *image)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    PacsIngested ingested;

    test_image_file(image, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

/** Ten frames of 2 by 2 pixels of 8 bits. */
static void push_native(DicomwebFixture *fixture)
{
    push(fixture, &(TestImage){.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                               .rows = 2,
                               .columns = 2,
                               .bits_allocated = 8,
                               .frames = 10,
                               .vr = "OB",
                               .pixels = "abcdefghijklmnopqrstuvwxyz0123456789ABCD",
                               .size = 40});
}

/** Two frames of 2 by 2 pixels that are encapsulated and not lossy; the second one is cut off. */
static void push_encapsulated(DicomwebFixture *fixture)
{
    push(fixture, &(TestImage){.transfer_syntax_uid = PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
                               .rows = 2,
                               .columns = 2,
                               .bits_allocated = 8,
                               .frames = 2,
                               .fragments = "abcd|ef"});
}

/* ---- Which form ---- */

static void pixels_are_what_a_client_gets_that_names_no_transfer_syntax(void **state)
{
    DicomwebFixture *fixture = *state;

    push_encapsulated(fixture);
    expect_type(fixture, "application/octet-stream",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1");
    assert_int_equal(answer.body.size, 4);
    assert_memory_equal(answer.body.bytes, "abcd", 4);
    assert_int_equal(get(fixture, "1", "*/*"), 200);
    assert_non_null(strstr(header("Content-Type"), "transfer-syntax=1.2.840.10008.1.2.1;"));
}

static void any_transfer_syntax_is_the_stored_one(void **state)
{
    DicomwebFixture *fixture = *state;

    push_encapsulated(fixture);
    expect_type(fixture, "application/octet-stream; transfer-syntax=*",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1.98");
    expect_type(fixture, "application/octet-stream; transfer-syntax=*, " JPEG_LS ";q=0.5",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1.98");
}

static void a_transfer_syntax_that_is_named_is_made(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture);
    expect_type(fixture, JPEG_LS, JPEG_LS);
    assert_memory_equal(answer.body.bytes, "\xFF\xD8", 2);
    expect_type(fixture, "image/jls", JPEG_LS);
    expect_type(fixture, "image/jls; transfer-syntax=*", JPEG_LS);
    expect_type(fixture, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.80",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.80");
    expect_type(fixture, JPEG_LS ", application/octet-stream;q=0.9", JPEG_LS);
}

static void pixels_are_lost_only_for_who_says_so(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture);
    expect_type(fixture, "image/jls; transfer-syntax=1.2.840.10008.1.2.4.81",
                "image/jls; transfer-syntax=1.2.840.10008.1.2.4.81");
    assert_int_equal(get(fixture, "1", "image/jls; transfer-syntax=*"), 200);
    assert_string_equal(header("Content-Type"), JPEG_LS);
}

static void what_cannot_be_made_of_these_pixels_gives_way_to_the_next_best(void **state)
{
    DicomwebFixture *fixture = *state;

    push(fixture, &(TestImage){.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                               .rows = 1,
                               .columns = 1,
                               .bits_allocated = 32,
                               .frames = 1,
                               .pixels = "abcd",
                               .size = 4});
    assert_int_equal(get(fixture, "1", JPEG_LS), 406);
    expect_type(fixture, JPEG_LS ", application/octet-stream;q=0.5",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1");
}

static void what_nothing_decodes_leaves_as_it_is_stored(void **state)
{
    DicomwebFixture *fixture = *state;

    push(fixture, &(TestImage){.transfer_syntax_uid = "1.2.840.10008.1.2.4.102",
                               .rows = 2,
                               .columns = 2,
                               .bits_allocated = 8,
                               .frames = 1,
                               .fragments = "abcd"});
    expect_type(fixture, "video/mp4", "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102");
    assert_int_equal(get(fixture, "1", "application/octet-stream"), 406);
    assert_int_equal(get(fixture, "1", JPEG_LS), 406);
}

static void broken_pixels_cannot_be_had_in_another_form(void **state)
{
    DicomwebFixture *fixture = *state;

    push_encapsulated(fixture);
    assert_int_equal(get(fixture, "2", "application/octet-stream"), 406);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "frame 2 cannot be converted"));
    assert_int_equal(get(fixture, "2", "application/octet-stream; transfer-syntax=*"), 200);
}

/* ---- What it costs, and how it leaves ---- */

static void one_frame_of_many_is_converted_alone_and_once(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture);
    assert_int_equal(get(fixture, "7", JPEG_LS), 200);
    assert_int_equal(get(fixture, "7", JPEG_LS), 200);
    assert_true(shows(
        fixture, "imaging_transcode_frames_total{codec=\"charls\",operation=\"encode\",result=\"ok\"} 1\n"));
    assert_true(shows(fixture, "imaging_transcode_requests_total{result=\"cached\"} 1\n"));
}

static size_t count_parts(void)
{
    const char *at = pacs_buffer_text(&answer.body);
    const char *end = at + answer.body.size;
    size_t count = 0;

    while ((at = memmem(at, (size_t)(end - at), "\r\nContent-Type: ", 16))) {
        count++;
        at++;
    }
    return count;
}

static void some_frames_are_parts_of_known_length(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture);
    assert_int_equal(get(fixture, "3,1", "multipart/related; type=\"image/jls\""), 200);
    assert_int_equal(count_parts(), 2);
    assert_non_null(strstr(pacs_buffer_text(&answer.body), "Content-Location: " FRAMES "3\r\n"));
    assert_true(shows(fixture, "operation=\"encode\",result=\"ok\"} 2\n"));
}

static void many_frames_are_made_while_they_are_sent(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture);
    assert_int_equal(get(fixture, "1,2,3,4,5,6,7,8,9,10", "multipart/related; type=\"image/jls\""), 200);
    assert_int_equal(count_parts(), 10);
    assert_memory_equal(pacs_buffer_text(&answer.body) + answer.body.size - 4, "--\r\n", 4);
    assert_true(shows(fixture, "operation=\"encode\",result=\"ok\"} 10\n"));
}

static void each_form_has_its_own_etag(void **state)
{
    DicomwebFixture *fixture = *state;
    char stored[64], converted[64];

    push_native(fixture);
    assert_int_equal(get(fixture, "1", "application/octet-stream"), 200);
    (void)snprintf(stored, sizeof stored, "%s", header("ETag"));
    assert_int_equal(get(fixture, "1", JPEG_LS), 200);
    (void)snprintf(converted, sizeof converted, "%s", header("ETag"));
    assert_string_not_equal(stored, converted);
    assert_int_equal(get_with(fixture, "1", JPEG_LS, "If-None-Match", stored), 200);
    assert_int_equal(get_with(fixture, "1", JPEG_LS, "If-None-Match", converted), 304);
    assert_string_equal(header("Vary"), "Accept");
}

static void a_range_is_cut_from_a_converted_frame(void **state)
{
    DicomwebFixture *fixture = *state;

    push_native(fixture);
    assert_int_equal(get_with(fixture, "1", JPEG_LS, "Range", "bytes=0-1"), 206);
    assert_int_equal(answer.body.size, 2);
    assert_memory_equal(answer.body.bytes, "\xFF\xD8", 2);
}

static void who_comes_to_a_full_queue_is_asked_to_come_again(void **state)
{
    DicomwebFixture *fixture = *state;
    Asker running = {0}, waiting = {0};
    Stage stage = {.service = fixture->transcode,
                   .metrics = fixture->metrics,
                   .lock = PTHREAD_MUTEX_INITIALIZER,
                   .changed = PTHREAD_COND_INITIALIZER};

    push_native(fixture);
    asker_start(&running, &stage, "d 1", TRANSCODE_INTERACTIVE);
    stage_await_makers(&stage, 1);
    asker_start(&waiting, &stage, "d 2", TRANSCODE_INTERACTIVE);
    asker_await_waiting(&waiting);
    assert_int_equal(get(fixture, "1", JPEG_LS), 503);
    assert_string_equal(header("Retry-After"), "2");
    assert_int_equal(get(fixture, "1", "application/octet-stream"), 200); /* nothing is converted */
    stage_let_makers_go(&stage);
    assert_int_equal(asker_join(&running) | asker_join(&waiting), PACS_OK);
    assert_int_equal(get(fixture, "1", JPEG_LS), 200);
    asker_clear(&running);
    asker_clear(&waiting);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open_narrow, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pixels_are_what_a_client_gets_that_names_no_transfer_syntax),
        TEST(any_transfer_syntax_is_the_stored_one),
        TEST(a_transfer_syntax_that_is_named_is_made),
        TEST(pixels_are_lost_only_for_who_says_so),
        TEST(what_cannot_be_made_of_these_pixels_gives_way_to_the_next_best),
        TEST(what_nothing_decodes_leaves_as_it_is_stored),
        TEST(broken_pixels_cannot_be_had_in_another_form),
        TEST(one_frame_of_many_is_converted_alone_and_once),
        TEST(some_frames_are_parts_of_known_length),
        TEST(many_frames_are_made_while_they_are_sent),
        TEST(each_form_has_its_own_etag),
        TEST(a_range_is_cut_from_a_converted_frame),
        TEST(who_comes_to_a_full_queue_is_asked_to_come_again),
    };
    return cmocka_run_group_tests_name("dicomweb converted frames", tests, NULL, NULL);
}
