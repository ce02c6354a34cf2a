#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "pacs/http/http_memory.h"
#include "pacs/util/metrics.h"
#include "tests/support/http_demo.h"

/* Requests and replies without sockets: routes, rights, errors, ranges, headers. */

static Demo demo;
static PacsHttpMemory *memory;
static PacsHttpAnswer answer;
static char value[512];

static void open_with(const PacsHttpSiteOptions *options)
{
    PacsHttpMount mounts[] = {demo_mount(&demo), demo_other_mount(&demo)};

    pacs_http_memory_free(memory);
    memory = NULL;
    assert_int_equal(pacs_http_memory_new(options, mounts, 2, &memory, NULL), PACS_OK);
}

static int set_up(void **state)
{
    (void)state;
    demo_init(&demo);
    open_with(&(PacsHttpSiteOptions){.remote_access_allowed = true});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_http_answer_clear(&answer);
    pacs_http_memory_free(memory);
    memory = NULL;
    demo_clear(&demo);
    return 0;
}

static uint32_t perform(const PacsHttpAsk *ask)
{
    pacs_http_answer_clear(&answer);
    return pacs_http_perform(memory, ask, &answer);
}

static uint32_t ask(const char *method, const char *target)
{
    return perform(&(PacsHttpAsk){.method = method, .target = target});
}

static uint32_t ask_with(const char *target, const char *name, const char *text)
{
    return perform(
        &(PacsHttpAsk){.target = target, .headers = (PacsHttpPair[]){{name, text}}, .header_count = 1});
}

static const char *body(void)
{
    return pacs_buffer_text(&answer.body);
}

static const char *header(const char *name)
{
    return pacs_http_answer_header(&answer, name, value, sizeof value);
}

/* ---- Routes ---- */

static void a_route_answers_with_its_handler(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/hello?name=a%20b+c"), 200);
    assert_string_equal(body(), "hello a b c");
    assert_string_equal(header("Content-Type"), "text/plain");
    assert_string_equal(header("X-Content-Type-Options"), "nosniff");
}

static void a_handler_that_defers_is_called_again_with_an_empty_reply(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/long"), 200);
    assert_string_equal(body(), "worked out");
    assert_string_equal(header("X-First"), "");
}

static void a_slash_at_the_end_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/hello/"), 200);
}

static void a_literal_beats_a_capture(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/things/special"), 200);
    assert_string_equal(body(), "hello nobody");
    assert_int_equal(ask("GET", "/things/other"), 200);
    assert_string_equal(body(), "GET other 127.0.0.1 user= loopback=1");
}

static void a_better_pattern_without_the_method_does_not_hide_the_other(void **state)
{
    (void)state;
    assert_int_equal(ask("PUT", "/things/special"), 200);
    assert_string_equal(body(), "PUT special 127.0.0.1 user= loopback=1");
}

static void a_capture_is_one_decoded_segment(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/things/a%2Fb%20c"), 200);
    assert_string_equal(body(), "GET a/b c 127.0.0.1 user= loopback=1");
    assert_int_equal(ask("GET", "/things/a/b"), 404);
}

static void the_rest_of_a_path_keeps_its_slashes(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/tree/a/b%20b/c"), 200);
    assert_string_equal(body(), "rest=a/b b/c");
    assert_int_equal(ask("GET", "/tree"), 200);
    assert_string_equal(body(), "rest=");
}

static void an_unknown_address_is_404(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/nowhere"), 404);
    assert_non_null(strstr(body(), "\"code\":404"));
    assert_string_equal(header("Content-Type"), "application/json");
}

static void a_wrong_method_is_405_and_names_the_right_ones(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/things/special"), 405);
    assert_string_equal(header("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_int_equal(ask("BREW", "/hello"), 405);
    assert_string_equal(header("Allow"), "GET, HEAD, POST, OPTIONS");
}

static void dots_and_empty_segments_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"/tree/../hello", "/tree/%2e%2E/x", "/tree/./x", "//hello", "/tree//x",
                                      "/a%0",           "/tree/%00",      "hello",     "*"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ask("GET", bad[i]), 400);
}

static void a_mount_renders_its_own_errors(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/other/hello"), 200);
    assert_int_equal(ask("GET", "/other/nowhere"), 404);
    assert_string_equal(body(), "other 404");
    assert_int_equal(ask("GET", "/othernowhere"), 404);
    assert_non_null(strstr(body(), "\"code\""));
}

static void head_is_get_without_the_body(void **state)
{
    (void)state;
    assert_int_equal(ask("HEAD", "/hello"), 200);
    assert_string_equal(body(), "");
    assert_string_equal(header("Content-Length"), "12");
}

static void get_can_fake_other_methods(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/things/7?_method=DELETE"), 200);
    assert_string_equal(body(), "DELETE 7 127.0.0.1 user= loopback=1");
    assert_int_equal(ask("GET", "/things/7?_method=put"), 200);
    assert_string_equal(body(), "PUT 7 127.0.0.1 user= loopback=1");
    assert_int_equal(ask("GET", "/things/7?_method=nonsense"), 405);
}

static void post_can_fake_other_methods_by_a_header(void **state)
{
    (void)state;
    PacsHttpAsk faked = {.method = "POST",
                         .target = "/things/7",
                         .headers = (PacsHttpPair[]){{"X-HTTP-Method-Override", "DELETE"}},
                         .header_count = 1};

    assert_int_equal(perform(&faked), 200);
    assert_string_equal(body(), "DELETE 7 127.0.0.1 user= loopback=1");
}

/* ---- Rights ---- */

static const PacsHttpUser users[] = {{"anna", "secret"}, {"bob", "pass:word"}};
static const PacsHttpSiteOptions with_users = {
    .authentication = true, .users = users, .user_count = 2, .remote_access_allowed = true};

static void without_a_password_is_401(void **state)
{
    (void)state;
    open_with(&with_users);
    assert_int_equal(ask("GET", "/hello"), 401);
    assert_non_null(strstr(header("WWW-Authenticate"), "Basic realm="));
}

static void a_registered_user_gets_in(void **state)
{
    (void)state;
    open_with(&with_users);
    assert_int_equal(ask_with("/things/1", "Authorization", "Basic YW5uYTpzZWNyZXQ="), 200);
    assert_string_equal(body(), "GET 1 127.0.0.1 user=anna loopback=1");
    assert_int_equal(ask_with("/things/1", "authorization", "basic  Ym9iOnBhc3M6d29yZA== "),
                     200); /* bob:pass:word */
    assert_string_equal(body(), "GET 1 127.0.0.1 user=bob loopback=1");
}

static void anybody_else_stays_out(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Basic YW5uYTpzZWNyZXRz", /* anna:secrets */
                                        "Basic YW5uYTo=",         /* anna: */
                                        "Basic YW5uYQ==",         /* anna */
                                        "Basic",
                                        "Basic ",
                                        "Basic !!!!",
                                        "Bearer YW5uYTpzZWNyZXQ=",
                                        ""};

    open_with(&with_users);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ask_with("/hello", "Authorization", wrong[i]), 401);
}

static void strangers_do_not_learn_what_is_served(void **state)
{
    (void)state;
    open_with(&with_users);
    assert_int_equal(ask("GET", "/nowhere"), 401);
}

static void public_routes_need_no_password(void **state)
{
    (void)state;
    open_with(&with_users);
    assert_int_equal(ask("GET", "/open"), 200);
}

static void a_user_with_a_colon_is_refused(void **state)
{
    (void)state;
    PacsHttpMemory *none = NULL;
    PacsHttpUser user = {"a:b", "c"};
    PacsHttpSiteOptions options = {.users = &user, .user_count = 1};

    assert_int_equal(pacs_http_memory_new(&options, NULL, 0, &none, NULL), PACS_INVALID);
    assert_null(none);
}

static void remote_peers_are_refused_unless_allowed(void **state)
{
    (void)state;
    PacsHttpAsk remote = {.target = "/hello", .remote_address = "192.0.2.7"};

    assert_int_equal(perform(&remote), 200);
    open_with(&(PacsHttpSiteOptions){0});
    assert_int_equal(perform(&remote), 403);
    remote.target = "/open";
    assert_int_equal(perform(&remote), 200);
    assert_int_equal(ask("GET", "/hello"), 200);
}

static void a_read_only_server_refuses_changes(void **state)
{
    (void)state;
    open_with(&(PacsHttpSiteOptions){.read_only = true});
    assert_int_equal(ask("GET", "/things/1"), 200);
    assert_int_equal(ask("DELETE", "/things/1"), 403);
    assert_int_equal(ask("GET", "/things/1?_method=DELETE"), 403);
}

/* ---- Ranges and tags ---- */

static void check_bytes(uint64_t offset, size_t size)
{
    assert_int_equal(answer.body.size, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(answer.body.bytes[i], demo_byte(offset + i));
}

static void a_file_is_sent_whole(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/file/10000"), 200);
    check_bytes(0, 10000);
    assert_string_equal(header("Accept-Ranges"), "bytes");
}

static void an_empty_file_is_an_answer(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/file/0"), 200);
    assert_int_equal(answer.body.size, 0);
}

static void a_part_of_a_file_is_206(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/file/10000", "Range", "bytes=5000-5099"), 206);
    check_bytes(5000, 100);
    assert_string_equal(header("Content-Range"), "bytes 5000-5099/10000");
    assert_string_equal(header("Content-Length"), "100");
}

static void a_part_of_a_big_file_is_206(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/file/5000000", "Range", "bytes=4000000-"), 206);
    check_bytes(4000000, 1000000);
}

static void a_part_of_a_stream_is_206(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/stream/100000", "Range", "bytes=-77"), 206);
    check_bytes(99923, 77);
    assert_string_equal(header("Content-Range"), "bytes 99923-99999/100000");
}

static void a_range_behind_the_end_is_416(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/file/100", "Range", "bytes=100-"), 416);
    assert_string_equal(header("Content-Range"), "bytes */100");
    assert_non_null(strstr(body(), "\"code\":416"));
}

static void several_ranges_are_answered_whole(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/file/100", "Range", "bytes=0-1,5-6"), 200);
    check_bytes(0, 100);
}

static void a_stream_of_unknown_size_has_no_ranges(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/stream/100?unknown", "Range", "bytes=0-1"), 200);
    check_bytes(0, 100);
    assert_string_equal(header("Accept-Ranges"), "");
}

static void if_range_guards_the_part(void **state)
{
    (void)state;
    PacsHttpPair same[] = {{"Range", "bytes=0-1"}, {"If-Range", "\"t\""}};
    PacsHttpPair other[] = {{"Range", "bytes=0-1"}, {"If-Range", "\"u\""}};
    PacsHttpAsk part = {.target = "/file/100?tag=%22t%22", .headers = same, .header_count = 2};

    assert_int_equal(perform(&part), 206);
    part.headers = other;
    assert_int_equal(perform(&part), 200);
}

static void a_known_tag_is_304_without_a_body(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/tagged"), 200);
    assert_string_equal(header("ETag"), "\"v1\"");
    assert_int_equal(ask_with("/tagged", "If-None-Match", "\"v0\", \"v1\""), 304);
    assert_string_equal(header("ETag"), "\"v1\"");
    assert_string_equal(body(), "");
    assert_string_equal(header("Content-Type"), "");
}

static void a_file_shorter_than_promised_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/file/100?lie"), 500);
}

static void a_stream_that_fails_breaks_the_connection(void **state)
{
    (void)state;
    (void)ask("GET", "/stream/100000?breaks=50000");
    assert_true(answer.is_broken);
}

/* ---- Replies ---- */

/* ---- OPTIONS and pages from elsewhere ---- */

static void options_says_what_a_path_allows(void **state)
{
    (void)state;
    assert_int_equal(ask("OPTIONS", "/things/7"), 204);
    assert_string_equal(header("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_int_equal(ask("OPTIONS", "/nowhere"), 404);
}

static const char *const viewers[] = {"https://viewer.example.org", "http://localhost:3000"};

static void open_to(const char *const *origins, size_t count, bool authentication)
{
    open_with(&(PacsHttpSiteOptions){.remote_access_allowed = true,
                                     .authentication = authentication,
                                     .users = users,
                                     .user_count = 2,
                                     .cors_origins = origins,
                                     .cors_origin_count = count});
}

static uint32_t preflight(const char *origin, const char *target)
{
    return perform(
        &(PacsHttpAsk){.method = "OPTIONS",
                       .target = target,
                       .headers = (PacsHttpPair[]){{"Origin", origin},
                                                   {"Access-Control-Request-Method", "DELETE"},
                                                   {"Access-Control-Request-Headers", "authorization"}},
                       .header_count = 3});
}

static void without_origins_no_page_is_admitted(void **state)
{
    (void)state;
    assert_int_equal(ask_with("/hello", "Origin", viewers[0]), 200);
    assert_string_equal(header("Access-Control-Allow-Origin"), "");
    assert_string_equal(header("Vary"), "");
    assert_int_equal(preflight(viewers[0], "/hello"), 204);
    assert_string_equal(header("Access-Control-Allow-Methods"), "");
}

static void a_page_that_is_named_may_read_answers_and_errors(void **state)
{
    (void)state;
    open_to(viewers, 2, false);
    assert_int_equal(ask_with("/hello", "Origin", viewers[1]), 200);
    assert_string_equal(header("Access-Control-Allow-Origin"), viewers[1]);
    assert_string_equal(header("Access-Control-Allow-Credentials"), "true");
    assert_non_null(strstr(header("Access-Control-Expose-Headers"), "Content-Range"));
    assert_string_equal(header("Vary"), "Origin");
    assert_int_equal(ask_with("/nowhere", "Origin", viewers[1]), 404);
    assert_string_equal(header("Access-Control-Allow-Origin"), viewers[1]);
}

static void another_page_may_not(void **state)
{
    (void)state;
    open_to(viewers, 2, false);
    assert_int_equal(ask_with("/hello", "Origin", "https://viewer.example.org.evil.example"), 200);
    assert_string_equal(header("Access-Control-Allow-Origin"), "");
    assert_string_equal(header("Vary"), "Origin");
    assert_int_equal(ask("GET", "/hello"), 200);
    assert_string_equal(header("Vary"), "Origin");
}

static void every_page_may_without_credentials(void **state)
{
    (void)state;
    open_to((const char *const[]){"*"}, 1, false);
    assert_int_equal(ask_with("/hello", "Origin", "https://anywhere.example"), 200);
    assert_string_equal(header("Access-Control-Allow-Origin"), "*");
    assert_string_equal(header("Access-Control-Allow-Credentials"), "");
    assert_string_equal(header("Vary"), "");
}

static void a_preflight_needs_no_password_and_tells_no_paths(void **state)
{
    (void)state;
    open_to(viewers, 2, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(preflight(viewers[0], i == 0 ? "/hello" : "/nowhere"), 204);
        assert_string_equal(header("Access-Control-Allow-Origin"), viewers[0]);
        assert_string_equal(header("Access-Control-Allow-Methods"), "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        assert_string_equal(header("Access-Control-Allow-Headers"), "authorization");
    }
    assert_int_equal(preflight("https://evil.example", "/hello"), 401);
    assert_string_equal(header("Access-Control-Allow-Origin"), "");
}

static void an_origin_that_is_none_is_refused(void **state)
{
    PacsHttpMount mount = demo_mount(&demo);
    PacsHttpMemory *refused = NULL;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *const bad[] = {"viewer.example.org", "https://", "https://viewer.example.org/path"};
        PacsHttpSiteOptions options = {.cors_origins = &bad[i], .cors_origin_count = 1};
        assert_int_equal(pacs_http_memory_new(&options, &mount, 1, &refused, NULL), PACS_INVALID);
    }
}

/* ---- gzip ---- */

static void open_compressing(void)
{
    open_with(&(PacsHttpSiteOptions){.remote_access_allowed = true, .compresses = true});
}

static size_t inflated_size(void)
{
    static uint8_t inflated[1 << 20];
    z_stream stream = {.next_in = answer.body.bytes,
                       .avail_in = (uInt)answer.body.size,
                       .next_out = inflated,
                       .avail_out = sizeof inflated};

    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)inflateEnd(&stream);
    for (size_t i = 0; i < stream.total_out; i++)
        assert_int_equal(inflated[i], 'a');
    return stream.total_out;
}

static void text_leaves_as_gzip_where_the_client_takes_it(void **state)
{
    (void)state;
    open_compressing();
    assert_int_equal(ask_with("/text/50000", "Accept-Encoding", "br, gzip"), 200);
    assert_string_equal(header("Content-Encoding"), "gzip");
    assert_string_equal(header("Vary"), "Accept-Encoding");
    assert_string_equal(header("ETag"), "W/\"text\"");
    assert_int_equal(inflated_size(), 50000);
    assert_int_equal(answer.work_jobs, 0);

    assert_int_equal(ask("GET", "/text/50000"), 200);
    assert_string_equal(header("Content-Encoding"), "");
    assert_string_equal(header("Vary"), "Accept-Encoding");
    assert_string_equal(header("ETag"), "\"text\"");
    assert_int_equal(answer.body.size, 50000);
}

static void long_text_is_compressed_in_the_pool(void **state)
{
    (void)state;
    open_compressing();
    assert_int_equal(ask_with("/text/500000", "Accept-Encoding", "gzip"), 200);
    assert_int_equal(inflated_size(), 500000);
    assert_int_equal(answer.work_jobs, 1);
}

static void what_is_short_or_no_text_is_not_compressed(void **state)
{
    static const char *const targets[] = {"/text/1000", "/text/5000?type=image/png", "/text/5000?encoded"};

    (void)state;
    open_compressing();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask_with(targets[i], "Accept-Encoding", "gzip"), 200);
        assert_string_equal(header("Vary"), "");
        assert_true(answer.body.size >= 1000);
    }
    assert_int_equal(ask_with("/text/5000?type=application/dicom%2Bjson", "Accept-Encoding", "gzip"), 200);
    assert_string_equal(header("Content-Encoding"), "gzip");
}

static void a_weakened_tag_is_known_again(void **state)
{
    (void)state;
    open_compressing();
    assert_int_equal(ask_with("/text/5000", "If-None-Match", "W/\"text\""), 304);
}

/* ---- Bodies in pieces ---- */

static void check_demo_bytes(uint64_t start, size_t size)
{
    assert_false(answer.is_broken);
    assert_int_equal(answer.body.size, size);
    for (size_t i = 0; i < size; i++)
        if (answer.body.bytes[i] != demo_byte(start + i))
            fail_msg("byte %zu differs", i);
}

static void pieces_are_one_body(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/pieces/52345"), 200);
    check_demo_bytes(0, 52345);
    assert_string_equal(header("Content-Length"), "52345");
    assert_string_equal(header("Accept-Ranges"), "bytes");
    assert_int_equal(ask("GET", "/pieces/0"), 200);
    assert_int_equal(answer.body.size, 0);
}

static void pieces_too_many_to_read_at_once_are_one_body(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/pieces/2223344"), 200);
    check_demo_bytes(0, 2223344);
}

static void a_range_cuts_across_pieces(void **state)
{
    static const struct {
        const char *range;
        uint64_t start;
        size_t size;
    } cases[] = {{"bytes=0-0", 0, 1},
                 {"bytes=4990-5009", 4990, 20},
                 {"bytes=12345-39999", 12345, 27655},
                 {"bytes=10000-14999", 10000, 5000},
                 {"bytes=15001-", 15001, 37344},
                 {"bytes=-7", 52338, 7}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask_with("/pieces/52345", "Range", cases[i].range), 206);
        check_demo_bytes(cases[i].start, cases[i].size);
    }
    assert_string_equal(header("Content-Range"), "bytes 52338-52344/52345");
    assert_int_equal(ask_with("/pieces/2223344", "Range", "bytes=17-2223340"), 206);
    check_demo_bytes(17, 2223324);
}

static void the_size_of_pieces_is_known_without_reading_them(void **state)
{
    (void)state;
    demo.fails_at = 1;
    assert_int_equal(ask("HEAD", "/pieces/52345"), 200);
    assert_string_equal(header("Content-Length"), "52345");
    assert_string_equal(body(), "");
}

static void a_piece_that_is_gone_is_an_error_before_anything_is_sent(void **state)
{
    (void)state;
    demo.fails_at = 20000;
    assert_int_equal(ask("GET", "/pieces/40000"), 500);
    assert_string_equal(header("Accept-Ranges"), "");
    assert_int_equal(ask_with("/pieces/40000", "Range", "bytes=0-1999"), 206);
}

static void a_piece_that_is_gone_breaks_a_long_body(void **state)
{
    (void)state;
    demo.fails_at = 2000000;
    assert_int_equal(ask("GET", "/pieces/2223344"), 200);
    assert_true(answer.is_broken);
}

static void pieces_in_memory_need_no_pool(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/pieces/5000"), 200);
    assert_int_equal(answer.work_jobs, 0);
    assert_int_equal(ask("GET", "/pieces/15000"), 200); /* the third piece is opened late */
    assert_int_equal(answer.work_jobs, 1);
    check_demo_bytes(0, 15000);
}

static void a_reply_that_cannot_be_sent_becomes_a_500(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/failed"), 500);
    assert_string_equal(header("X-Bad"), "");
    assert_null(strstr(body(), "never seen"));
}

static void nothing_has_no_content_type(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/nothing"), 204);
    assert_string_equal(header("Content-Type"), "");
}

static void a_good_request_id_comes_back(void **state)
{
    (void)state;
    (void)ask_with("/hello", "X-Request-Id", "abc-1.2:3");
    assert_string_equal(header("X-Request-Id"), "abc-1.2:3");
}

static void a_bad_or_missing_request_id_is_replaced(void **state)
{
    (void)state;
    (void)ask_with("/hello", "X-Request-Id", "<script>");
    assert_int_equal(strlen(header("X-Request-Id")), 36);
    (void)ask("GET", "/hello");
    assert_int_equal(strlen(header("X-Request-Id")), 36);
}

static void requests_are_counted_by_route(void **state)
{
    (void)state;
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1u << 20);

    open_with(&(PacsHttpSiteOptions){.remote_access_allowed = true, .metrics = metrics});
    (void)ask("GET", "/things/NGUYEN");
    (void)ask("GET", "/things/2");
    (void)ask("DELETE", "/things/3");
    (void)ask("GET", "/NGUYEN");
    (void)ask("NGUYEN", "/hello");
    assert_int_equal(pacs_metrics_format(metrics, &text, NULL), PACS_OK);
    const char *shown = pacs_buffer_text(&text);
    assert_non_null(
        strstr(shown, "imaging_http_requests_total{route=\"/things/{id}\",method=\"GET\",code=\"200\"} 2"));
    assert_non_null(strstr(
        shown, "imaging_http_requests_total{route=\"/things/{id}\",method=\"DELETE\",code=\"200\"} 1"));
    assert_non_null(
        strstr(shown, "imaging_http_requests_total{route=\"none\",method=\"GET\",code=\"404\"} 1"));
    assert_non_null(strstr(shown, "imaging_http_request_seconds_count{route=\"/things/{id}\"} 3"));
    assert_non_null(strstr(shown, "imaging_http_in_flight 0"));
    assert_null(strstr(shown, "NGUYEN"));
    open_with(&(PacsHttpSiteOptions){0}); /* the registry goes with this test */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_route_answers_with_its_handler, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_that_defers_is_called_again_with_an_empty_reply, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_slash_at_the_end_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_literal_beats_a_capture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_better_pattern_without_the_method_does_not_hide_the_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_capture_is_one_decoded_segment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rest_of_a_path_keeps_its_slashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_address_is_404, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_method_is_405_and_names_the_right_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dots_and_empty_segments_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mount_renders_its_own_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(head_is_get_without_the_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(get_can_fake_other_methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(post_can_fake_other_methods_by_a_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_password_is_401, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registered_user_gets_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(anybody_else_stays_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_do_not_learn_what_is_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(public_routes_need_no_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_with_a_colon_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remote_peers_are_refused_unless_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_server_refuses_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_sent_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_of_a_file_is_206, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_of_a_big_file_is_206, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_of_a_stream_is_206, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_behind_the_end_is_416, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_ranges_are_answered_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_of_unknown_size_has_no_ranges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(if_range_guards_the_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_known_tag_is_304_without_a_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_shorter_than_promised_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_that_fails_breaks_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pieces_are_one_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_says_what_a_path_allows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_origins_no_page_is_admitted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_that_is_named_may_read_answers_and_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_page_may_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_page_may_without_credentials, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_preflight_needs_no_password_and_tells_no_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_origin_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_leaves_as_gzip_where_the_client_takes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_text_is_compressed_in_the_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_short_or_no_text_is_not_compressed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_weakened_tag_is_known_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pieces_too_many_to_read_at_once_are_one_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_cuts_across_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_size_of_pieces_is_known_without_reading_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_piece_that_is_gone_is_an_error_before_anything_is_sent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_piece_that_is_gone_breaks_a_long_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pieces_in_memory_need_no_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_that_cannot_be_sent_becomes_a_500, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_has_no_content_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_good_request_id_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_or_missing_request_id_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_are_counted_by_route, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
