/* Connections, answers and uploads over real sockets. */

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "tests/unit/http/served.h"

/* ---- Connections ---- */

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    for (int i = 0; i < 20; i++) {
        say(fd, i % 2 ? GET("/pool/hello?name=you") : GET("/hello?name=you"));
        assert_int_equal(hear(fd, &heard), 200);
        assert_string_equal((char *)heard.body, "hello you");
        assert_non_null(strcasestr(heard.head, "X-Request-Id: "));
        assert_non_null(strcasestr(heard.head, "X-Content-Type-Options: nosniff"));
    }
    forget(&heard);
    (void)close(fd);
}

static void long_work_moves_to_a_worker_and_the_connection_stays(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    for (int i = 0; i < 20; i++) {
        say(fd, GET("/long"));
        assert_int_equal(hear(fd, &heard), 200);
        assert_string_equal((char *)heard.body, "worked out");
        assert_null(strcasestr(heard.head, "X-First"));
    }
    forget(&heard);
    (void)close(fd);
}

static void a_refusal_keeps_the_connection(void **state)
{
    static const char *const asks[] = {GET("/no/such/address"),
                                       "PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"};
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    for (int i = 0; i < 6; i++) {
        say(fd, asks[i % 2]);
        assert_int_equal(hear(fd, &heard), i % 2 ? 405 : 404);
        assert_null(strcasestr(heard.head, "Connection: close"));
    }
    forget(&heard);
    (void)close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    say(fd,
        GET("/hello?name=1")
            GET("/pool/hello?name=2") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n33"
                                      "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n333" GET(
                                          "/hello?name=5"));
    static const char *const answers[] = {"hello 1", "hello 2", "33", "fed 3", "hello 5"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hear(fd, &heard), 200);
        assert_string_equal((char *)heard.body, answers[i]);
    }
    forget(&heard);
    (void)close(fd);
}

static void head_has_the_length_but_no_body(void **state)
{
    (void)state;
    Heard heard = {0};
    char value[64];

    start();
    int fd = dial();
    static const char *const targets[] = {"/file/100000", "/file/5000000", "/stream/100000",
                                          "/pool/stream/100000"};
    for (int i = 0; i < 4; i++) {
        char request[128];
        (void)snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear_answer(fd, &heard, true), 200);
        assert_string_equal(head_value(&heard, "Content-Length", value, sizeof value),
                            strrchr(targets[i], '/') + 1);
    }
    say(fd, GET("/hello")); /* nothing of a body stands in the way */
    assert_int_equal(hear(fd, &heard), 200);
    forget(&heard);
    (void)close(fd);
}

static void a_closing_client_gets_its_answer(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(hear(fd, &heard), 200);
    assert_true(is_closed(fd));
    forget(&heard);
    (void)close(fd);
}

static void a_request_without_a_host_is_400(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    say(fd, "GET /hello HTTP/1.1\r\n\r\n");
    assert_int_equal(hear(fd, &heard), 400);
    forget(&heard);
    (void)close(fd);
}

static void headers_over_the_limit_are_431(void **state)
{
    (void)state;
    Heard heard = {0};
    char *line = malloc(1001);

    assert_non_null(line);
    memset(line, 'x', 1000);
    line[1000] = '\0';
    start();
    for (int thousands = 38; thousands <= 74; thousands += 6) {
        int fd = dial();
        say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < thousands; i++) {
            say(fd, "A: ");
            say(fd, line);
            say(fd, "\r\n");
        }
        say(fd, "\r\n");
        assert_int_equal(hear(fd, &heard), thousands == 38 ? 200 : 431);
        (void)close(fd);
    }
    free(line);
    forget(&heard);
}

static void too_many_connections_hear_503(void **state)
{
    (void)state;
    Heard heard = {0};

    start_with(&(PacsHttpServerOptions){.io_threads = 2, .pool_threads = 2, .max_connections = 2});
    int first = dial(), second = dial();
    say(first, GET("/hello"));
    say(second, GET("/hello"));
    assert_int_equal(hear(first, &heard), 200);
    assert_int_equal(hear(second, &heard), 200);
    int third = dial();
    assert_int_equal(hear(third, &heard), 503);
    (void)close(first);
    (void)close(second);
    (void)close(third);
    forget(&heard);
}

/* Until one of them is told to come again, all are running or waiting. */
static void a_crowd_of_idle_connections_is_not_added_to(void **state)
{
    (void)state;
    Heard heard = {0};
    bool is_last = false;

    start_with(&(PacsHttpServerOptions){.io_threads = 2, .pool_threads = 2, .max_resting = 2});
    int idle[2] = {dial(), dial()};
    for (size_t i = 0; i < 2; i++) {
        say(idle[i], GET("/hello"));
        assert_int_equal(hear(idle[i], &heard), 200);
        assert_null(strcasestr(heard.head, "Connection: close"));
    }
    int third = dial();
    for (int i = 0; i < 100000 && !is_last; i++) { /* their requests end a moment after their answers */
        say(third, GET("/hello"));
        assert_int_equal(hear(third, &heard), 200);
        is_last = strcasestr(heard.head, "Connection: close") != NULL;
    }
    assert_true(is_last && is_closed(third));
    (void)close(third);
    say(idle[0], GET("/hello")); /* one of them less, while it asks */
    assert_int_equal(hear(idle[0], &heard), 200);
    assert_null(strcasestr(heard.head, "Connection: close"));
    (void)close(idle[0]);
    (void)close(idle[1]);
    forget(&heard);
}

static void a_busy_pool_says_503_and_when_to_come_again(void **state)
{
    (void)state;
    Heard heard = {0};
    char value[16];

    start_with(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1, .max_waiting = 1});
    int running = dial(), waiting = dial(), refused = dial();
    say(running, GET("/gate"));
    demo_await_inside(&demo, 1);
    say(waiting, GET("/pool/hello"));
    say(refused, GET("/pool/hello"));
    struct pollfd polled[] = {{.fd = waiting, .events = POLLIN}, {.fd = refused, .events = POLLIN}};
    assert_int_equal(poll(polled, 2, 60000), 1); /* which of the two came first is the server's business */
    assert_int_equal(hear(polled[0].revents ? waiting : refused, &heard), 503);
    assert_string_equal(head_value(&heard, "Retry-After", value, sizeof value), "2");
    demo_open_gate(&demo);
    assert_int_equal(hear(running, &heard), 200);
    assert_int_equal(hear(polled[0].revents ? refused : waiting, &heard), 200);
    forget(&heard);
    (void)close(running);
    (void)close(waiting);
    (void)close(refused);
}

/* ---- Bodies out ---- */

static void files_and_streams_arrive_whole(void **state)
{
    (void)state;
    static const char *const targets[] = {"/file/0",
                                          "/file/1",
                                          "/file/500000",
                                          "/file/5000000",
                                          "/stream/0",
                                          "/stream/3000000",
                                          "/pool/stream/0",
                                          "/pool/stream/3000000",
                                          "/pieces/12345",
                                          "/pieces/3000000",
                                          "/pool/pieces/3000000",
                                          "/stream/3000000?unknown",
                                          "/pool/stream/3000000?unknown"};
    Heard heard = {0};
    char request[128];

    start();
    int fd = dial();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear(fd, &heard), 200);
        check_body(&heard, strtoul(strrchr(targets[i], '/') + 1, NULL, 10));
    }
    forget(&heard);
    (void)close(fd);
}

static void a_range_far_into_a_stream_is_found(void **state)
{
    (void)state;
    static const char *const targets[] = {"/stream/9000000", "/pool/stream/9000000", "/file/9000000",
                                          "/pieces/9000000"};
    Heard heard = {0};
    char request[160];

    start();
    int fd = dial();
    for (int i = 0; i < 4; i++) {
        (void)snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: x\r\nRange: bytes=8500000-8500099\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear(fd, &heard), 206);
        assert_int_equal(heard.body_size, 100);
        for (size_t at = 0; at < 100; at++)
            assert_int_equal(heard.body[at], demo_byte(8500000 + at));
    }
    forget(&heard);
    (void)close(fd);
}

static void a_broken_stream_ends_the_connection(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/stream/1000000?breaks=500000", "/pool/stream/1000000?breaks=500000",
        "/stream/1000000?unknown&breaks=500000", "/pool/stream/1000000?unknown&breaks=500000"};
    Heard heard = {0};
    char request[160];

    start();
    for (int i = 0; i < 4; i++) {
        int fd = dial();
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        say(fd, request);
        assert_int_equal(hear(fd, &heard), 200);
        assert_false(heard.is_whole);
        (void)close(fd);
    }
    forget(&heard);
}

/* ---- Bodies in ---- */

static void uploads_arrive_as_sent(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   1000,
                                   PACS_HTTP_BODY_CHUNK - 1,
                                   PACS_HTTP_BODY_CHUNK,
                                   PACS_HTTP_BODY_CHUNK + 1,
                                   4 * PACS_HTTP_BODY_CHUNK,
                                   sizeof bytes};
    Heard heard = {0};

    start();
    int fd = dial();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        demo.fed = demo.checksum = 0;
        post_head(fd, "/upload", sizes[i], "");
        assert_true(say_bytes(fd, bytes, sizes[i]));
        assert_int_equal(hear(fd, &heard), 200);
        assert_int_equal(demo.fed, sizes[i]);
        assert_int_equal(demo.checksum, demo_checksum(0, bytes, sizes[i]));
    }
    forget(&heard);
    (void)close(fd);
}

static void chunked_uploads_arrive_as_sent(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 100, 65536, 300000, 700000, 7, 150000};
    Heard heard = {0};
    size_t total = 0;
    char line[32];

    start();
    int fd = dial();
    say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        (void)snprintf(line, sizeof line, "%zx\r\n", pieces[i]);
        say(fd, line);
        assert_true(say_bytes(fd, bytes + total, pieces[i]));
        say(fd, "\r\n");
        total += pieces[i];
    }
    say(fd, "0\r\n\r\n" GET("/hello"));
    assert_int_equal(hear(fd, &heard), 200);
    assert_int_equal(demo.fed, total);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, total));
    assert_int_equal(hear(fd, &heard), 200);
    forget(&heard);
    (void)close(fd);
}

static void continue_is_sent_when_the_reader_has_begun(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    post_head(fd, "/upload", 5, "Expect: 100-continue\r\n");
    assert_int_equal(hear(fd, &heard), 100);
    assert_int_equal(demo.begun, 1);
    say(fd, "12345");
    assert_int_equal(hear(fd, &heard), 200);
    assert_string_equal((char *)heard.body, "fed 5");
    forget(&heard);
    (void)close(fd);
}

static void a_refused_upload_never_hears_continue(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    demo.refuses = true;
    int fd = dial();
    post_head(fd, "/upload", 5000000, "Expect: 100-continue\r\n");
    assert_int_equal(hear(fd, &heard), 507);
    forget(&heard);
    (void)close(fd);
}

static void a_client_that_is_still_sending_hears_the_refusal(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    demo.fails_at = 1;
    int fd = dial();
    post_head(fd, "/upload", 40u << 20, "");
    for (int i = 0; i < 3; i++)
        (void)say_bytes(fd, bytes, sizeof bytes); /* may fail: the server has had enough */
    assert_int_equal(hear(fd, &heard), 400);
    assert_non_null(strstr((char *)heard.body, "not what I eat"));
    assert_non_null(strcasestr(heard.head, "Connection: close"));
    forget(&heard);
    (void)close(fd);
}

static void an_unwanted_big_body_is_refused_at_its_head(void **state)
{
    (void)state;
    Heard heard = {0};

    start();
    int fd = dial();
    post_head(fd, "/small", 5000000, "");
    (void)say_bytes(fd, bytes, 200000);
    assert_int_equal(hear(fd, &heard), 413);
    assert_true(is_closed(fd));
    forget(&heard);
    (void)close(fd);
}

static void doubtful_lengths_end_the_connection(void **state)
{
    (void)state;
    static const char *const doubts[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"};
    Heard heard = {0};

    start();
    for (int i = 0; i < 3; i++) {
        int fd = dial();
        say(fd, doubts[i]);
        assert_int_equal(hear(fd, &heard), 400);
        assert_true(is_closed(fd));
        (void)close(fd);
    }
    forget(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_serves_many_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_work_moves_to_a_worker_and_the_connection_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_keeps_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(head_has_the_length_but_no_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_closing_client_gets_its_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_without_a_host_is_400, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_over_the_limit_are_431, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_connections_hear_503, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_crowd_of_idle_connections_is_not_added_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_pool_says_503_and_when_to_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_and_streams_arrive_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_far_into_a_stream_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_stream_ends_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(uploads_arrive_as_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunked_uploads_arrive_as_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(continue_is_sent_when_the_reader_has_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_upload_never_hears_continue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_is_still_sending_hears_the_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unwanted_big_body_is_refused_at_its_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubtful_lengths_end_the_connection, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
