#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "pacs/http/body.h"
#include "pacs/http/http_memory.h"
#include "pacs/util/limits.h"
#include "tests/support/http_demo.h"

/* Request bodies without sockets: collected, streamed, compressed, refused. */

static Demo demo;
static PacsHttpMemory *memory;
static PacsHttpAnswer answer;
static uint8_t bytes[3u << 20];

static int set_up(void **state)
{
    (void)state;
    PacsHttpMount mount = demo_mount(&demo);
    PacsHttpSiteOptions options = {.remote_access_allowed = true};

    demo_init(&demo);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = demo_byte(i);
    return pacs_http_memory_new(&options, &mount, 1, &memory, NULL) == PACS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_http_answer_clear(&answer);
    pacs_http_memory_free(memory);
    demo_clear(&demo);
    return 0;
}

static uint32_t perform(const PacsHttpAsk *ask)
{
    pacs_http_answer_clear(&answer);
    return pacs_http_perform(memory, ask, &answer);
}

static uint32_t post(const char *target, const void *body, size_t size)
{
    return perform(&(PacsHttpAsk){.method = "POST", .target = target, .body = body, .body_size = size});
}

static uint32_t post_with(const char *target, const char *name, const char *value, const void *body,
                          size_t size)
{
    return perform(&(PacsHttpAsk){.method = "POST",
                                  .target = target,
                                  .headers = (PacsHttpPair[]){{name, value}},
                                  .header_count = 1,
                                  .body = body,
                                  .body_size = size});
}

static const char *text(void)
{
    return pacs_buffer_text(&answer.body);
}

/* ---- Collected ---- */

static void a_collected_body_reaches_the_handler_whole(void **state)
{
    (void)state;
    PacsHttpAsk ask = {
        .method = "POST", .target = "/echo", .body = bytes, .body_size = sizeof bytes, .piece_size = 7777};

    assert_int_equal(perform(&ask), 200);
    assert_int_equal(answer.body.size, sizeof bytes);
    assert_memory_equal(answer.body.bytes, bytes, sizeof bytes);
    assert_int_equal(answer.work_jobs, 0);
}

static void a_missing_body_is_an_empty_one(void **state)
{
    (void)state;
    assert_int_equal(perform(&(PacsHttpAsk){.method = "POST", .target = "/echo"}), 200);
    assert_int_equal(answer.body.size, 0);
}

static void a_pooled_handler_costs_one_job(void **state)
{
    (void)state;
    assert_int_equal(post("/pool/echo", bytes, 100), 200);
    assert_int_equal(answer.work_jobs, 1);
}

static void a_body_over_the_limit_is_413_before_it_is_read(void **state)
{
    (void)state;
    assert_int_equal(post("/small", bytes, 11), 413);
    assert_int_equal(post("/small", bytes, 10), 200);
}

static void a_chunked_body_over_the_limit_is_413(void **state)
{
    (void)state;
    assert_int_equal(post_with("/small", "Transfer-Encoding", "chunked", bytes, 11), 413);
    assert_int_equal(post_with("/small", "Transfer-Encoding", "chunked", bytes, 10), 200);
}

static void a_body_nobody_asked_for_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(post("/hello", bytes, 1000), 200);
    assert_string_equal(text(), "hello nobody");
}

static void a_big_body_nobody_asked_for_is_413(void **state)
{
    (void)state;
    assert_int_equal(post("/hello", bytes, sizeof bytes), 413);
    assert_true(answer.is_closed);
}

static void doubtful_lengths_are_refused(void **state)
{
    (void)state;
    PacsHttpPair both[] = {{"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}};
    PacsHttpPair twice[] = {{"Content-Length", "3"}, {"Content-Length", "3"}};
    PacsHttpAsk ask = {.method = "POST",
                       .target = "/echo",
                       .headers = both,
                       .header_count = 2,
                       .body = "abc",
                       .body_size = 3};

    assert_int_equal(perform(&ask), 400);
    ask.headers = twice;
    assert_int_equal(perform(&ask), 400);
    assert_int_equal(post_with("/echo", "Content-Length", "-3", "abc", 3), 400);
    assert_int_equal(post_with("/echo", "Content-Length", "+3", "abc", 3), 400);
    assert_int_equal(post_with("/echo", "Content-Length", "99999999999999999999", "abc", 3), 400);
    assert_int_equal(post_with("/echo", "Transfer-Encoding", "gzip, chunked", "abc", 3), 400);
}

static void an_unknown_expectation_is_417(void **state)
{
    (void)state;
    assert_int_equal(post_with("/echo", "Expect", "miracles", "abc", 3), 417);
}

/* ---- Streamed ---- */

static void a_small_upload_costs_one_job(void **state)
{
    (void)state;
    assert_int_equal(post("/upload", bytes, 1000), 200);
    assert_string_equal(text(), "fed 1000");
    assert_int_equal(answer.work_jobs, 1);
    assert_int_equal(demo.begun, 1);
    assert_int_equal(demo.finished, 1);
    assert_int_equal(demo.aborted, 0);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, 1000));
}

static void an_empty_upload_is_begun_and_finished(void **state)
{
    (void)state;
    assert_int_equal(post("/upload", "", 0), 200);
    assert_string_equal(text(), "fed 0");
    assert_int_equal(demo.feeds, 0);
}

static void a_big_upload_arrives_in_chunks(void **state)
{
    (void)state;
    PacsHttpAsk ask = {
        .method = "POST", .target = "/upload", .body = bytes, .body_size = sizeof bytes, .piece_size = 60001};

    assert_int_equal(perform(&ask), 200);
    assert_int_equal(demo.fed, sizeof bytes);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, sizeof bytes));
    assert_int_equal(demo.feeds, sizeof bytes / PACS_HTTP_BODY_CHUNK);
}

static void an_upload_is_refused_before_it_is_read(void **state)
{
    (void)state;
    demo.refuses = true;
    assert_int_equal(post_with("/upload", "Expect", "100-continue", bytes, sizeof bytes), 507);
    assert_int_equal(demo.fed, 0);
    assert_int_equal(demo.finished + demo.aborted, 0);
}

static void an_upload_that_fails_hears_why_at_once(void **state)
{
    (void)state;
    demo.fails_at = 1000;
    assert_int_equal(post("/upload", bytes, sizeof bytes), 400);
    assert_non_null(strstr(text(), "not what I eat"));
    assert_int_equal(demo.feeds, 1);
    assert_int_equal(demo.finished, 1);
    assert_true(answer.is_closed); /* the rest is too much to wait for */
}

static void a_short_upload_that_fails_is_heard_out(void **state)
{
    (void)state;
    demo.fails_at = 1000;
    assert_int_equal(post("/upload", bytes, 600000), 400);
    assert_int_equal(demo.feeds, 1);
    assert_false(answer.is_closed);
}

static void an_upload_over_its_limit_is_413(void **state)
{
    (void)state;
    assert_int_equal(post("/upload/small", bytes, (1u << 20) + 1), 413);
    assert_int_equal(demo.begun, 0);
    assert_int_equal(post_with("/upload/small", "Transfer-Encoding", "chunked", bytes, sizeof bytes), 413);
    assert_true(demo.fed <= 1u << 20);
}

static void an_upload_whose_client_leaves_is_aborted(void **state)
{
    (void)state;
    PacsHttpAsk ask = {.method = "POST",
                       .target = "/upload",
                       .body = bytes,
                       .body_size = sizeof bytes,
                       .piece_size = 100000,
                       .leaves_midway = true};

    assert_int_equal(perform(&ask), 0);
    assert_int_equal(demo.begun, 1);
    assert_int_equal(demo.finished, 0);
    assert_int_equal(demo.aborted, 1);
}

/* ---- Much at once ---- */

static void too_many_bodies_in_memory_refuse_more(void **state)
{
    (void)state;
    PacsHttpSite site = {.held_bytes = (uint64_t)PACS_MAX_HTTP_HELD_BODIES + 1};
    const PacsHttpRoute route = {.body = PACS_HTTP_BODY_COLLECT};
    PacsHttpBody body;
    size_t taken;

    pacs_http_body_init(&body);
    assert_int_equal(pacs_http_body_open(&body, &route, NULL, NULL), PACS_OK);
    assert_int_equal(pacs_http_body_gather(&body, &site, bytes, 10, &taken, NULL), PACS_UNAVAILABLE);
    site.held_bytes = 0;
    assert_int_equal(pacs_http_body_gather(&body, &site, bytes, 10, &taken, NULL), PACS_OK);
    assert_int_equal(site.held_bytes, 10);
    pacs_http_body_clear(&body, &site);
    assert_int_equal(site.held_bytes, 0);
}

static void uploads_take_smaller_chunks_when_many_are_in_memory(void **state)
{
    (void)state;
    PacsHttpSite site = {.held_bytes = (uint64_t)PACS_MAX_HTTP_HELD_BODIES};
    const PacsHttpRoute route = {.body = PACS_HTTP_BODY_STREAM};
    PacsHttpBody body;
    size_t taken;

    pacs_http_body_init(&body);
    assert_int_equal(pacs_http_body_open(&body, &route, NULL, NULL), PACS_OK);
    assert_int_equal(pacs_http_body_gather(&body, &site, bytes, sizeof bytes, &taken, NULL), PACS_OK);
    assert_true(taken < PACS_HTTP_BODY_CHUNK);
    pacs_http_body_clear(&body, &site);
}

/* ---- Compressed ---- */

static size_t compress_to(uint8_t *out, size_t room, const uint8_t *in, size_t size, int window)
{
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)in;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t written = room - stream.avail_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return written;
}

#define GZIP (15 + 16)
#define ZLIB 15

static uint8_t packed[4u << 20];

static void a_gzip_upload_is_inflated(void **state)
{
    (void)state;
    size_t size = compress_to(packed, sizeof packed, bytes, sizeof bytes, GZIP);

    assert_int_equal(post_with("/upload", "Content-Encoding", "gzip", packed, size), 200);
    assert_int_equal(demo.fed, sizeof bytes);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, sizeof bytes));
}

static void gzip_and_deflate_bodies_are_inflated_before_the_handler(void **state)
{
    (void)state;
    size_t size = compress_to(packed, sizeof packed, bytes, 100000, GZIP);

    assert_int_equal(post_with("/echo", "Content-Encoding", "gzip", packed, size), 200);
    assert_int_equal(answer.body.size, 100000);
    assert_memory_equal(answer.body.bytes, bytes, 100000);
    size = compress_to(packed, sizeof packed, bytes, 100000, ZLIB);
    assert_int_equal(post_with("/echo", "Content-Encoding", "deflate", packed, size), 200);
    assert_int_equal(answer.body.size, 100000);
}

static void two_gzip_members_are_one_body(void **state)
{
    (void)state;
    size_t size = compress_to(packed, sizeof packed, bytes, 1000, GZIP);

    size += compress_to(packed + size, sizeof packed - size, bytes + 1000, 64u << 10, GZIP);
    assert_int_equal(post_with("/echo", "Content-Encoding", "gzip", packed, size), 200);
    assert_int_equal(answer.body.size, 1000 + (64u << 10));
    assert_memory_equal(answer.body.bytes, bytes, answer.body.size);
}

static void broken_or_cut_gzip_is_400(void **state)
{
    (void)state;
    size_t size = compress_to(packed, sizeof packed, bytes, 100000, GZIP);

    assert_int_equal(post_with("/upload", "Content-Encoding", "gzip", packed, size - 5), 400);
    assert_non_null(strstr(text(), "ends too early"));
    assert_int_equal(post_with("/echo", "Content-Encoding", "gzip", packed, size - 5), 400);
    assert_int_equal(post_with("/echo", "Content-Encoding", "gzip", bytes, 1000), 400);
    assert_int_equal(demo.begun, demo.finished);
}

static void a_gzip_bomb_is_413(void **state)
{
    (void)state;
    size_t zeros = 64u << 20;
    uint8_t *in = calloc(1, zeros);

    assert_non_null(in);
    size_t size = compress_to(packed, sizeof packed, in, zeros, GZIP);
    free(in);
    assert_int_equal(post_with("/upload", "Content-Encoding", "gzip", packed, size), 413);
    assert_true(demo.fed < 20u << 20);
    assert_int_equal(post_with("/echo", "Content-Encoding", "gzip", packed, size), 413);
    assert_int_equal(post_with("/upload/small", "Content-Encoding", "gzip", packed, size), 413);
}

static void an_unknown_content_encoding_is_415(void **state)
{
    (void)state;
    assert_int_equal(post_with("/echo", "Content-Encoding", "br", "abc", 3), 415);
    assert_int_equal(post_with("/echo", "Content-Encoding", "identity", "abc", 3), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_collected_body_reaches_the_handler_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_body_is_an_empty_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pooled_handler_costs_one_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_over_the_limit_is_413_before_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chunked_body_over_the_limit_is_413, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_nobody_asked_for_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_big_body_nobody_asked_for_is_413, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubtful_lengths_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_expectation_is_417, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_small_upload_costs_one_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_upload_is_begun_and_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_big_upload_arrives_in_chunks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_is_refused_before_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_that_fails_hears_why_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_upload_that_fails_is_heard_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_over_its_limit_is_413, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_whose_client_leaves_is_aborted, set_up, tear_down),
        cmocka_unit_test(too_many_bodies_in_memory_refuse_more),
        cmocka_unit_test(uploads_take_smaller_chunks_when_many_are_in_memory),
        cmocka_unit_test_setup_teardown(a_gzip_upload_is_inflated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gzip_and_deflate_bodies_are_inflated_before_the_handler, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_gzip_members_are_one_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_or_cut_gzip_is_400, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gzip_bomb_is_413, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_content_encoding_is_415, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
