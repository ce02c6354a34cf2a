/* Peers that are slow or gone, many at once, and the end of the server. */

#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "tests/unit/http/served.h"

/* ---- Peers that are slow or gone ---- */

static const PacsHttpServerOptions impatient = {
    .io_threads = 2, .pool_threads = 4, .header_ms = 150, .transfer_ms = 150, .keep_alive_ms = 150};

static void a_header_that_drips_in_is_408(void **state)
{
    (void)state;
    Heard heard = {0};
    struct pollfd polled;

    start_with(&impatient);
    int fd = dial();
    say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    polled = (struct pollfd){.fd = fd, .events = POLLIN};
    while (poll(&polled, 1, 20) == 0) /* each line would renew a deadline that counted from the last byte */
        (void)send(fd, "A: b\r\n", 6, MSG_NOSIGNAL);
    assert_int_equal(hear(fd, &heard), 408);
    forget(&heard);
    (void)close(fd);
}

static void a_body_that_drips_in_is_408_and_aborted(void **state)
{
    (void)state;
    Heard heard = {0};
    struct pollfd polled;

    start_with(&impatient);
    int fd = dial();
    post_head(fd, "/upload", 50u << 20, "");
    assert_true(say_bytes(fd, bytes, 2 * PACS_HTTP_BODY_CHUNK));
    polled = (struct pollfd){.fd = fd, .events = POLLIN};
    while (poll(&polled, 1, 20) == 0)
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
    assert_int_equal(hear(fd, &heard), 408);
    demo_await_aborted(&demo, 1);
    forget(&heard);
    (void)close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    Heard heard = {0};

    start_with(&impatient);
    int silent = dial(), used = dial();
    say(used, GET("/hello"));
    assert_int_equal(hear(used, &heard), 200);
    assert_true(is_closed(used));
    assert_true(is_closed(silent));
    forget(&heard);
    (void)close(used);
    (void)close(silent);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;

    start_with(&impatient);
    int fd = dial();
    say(fd, GET("/stream/2000000000"));
    struct pollfd polled = {.fd = fd, .events = POLLRDHUP};
    assert_int_equal(poll(&polled, 1, 60000), 1); /* reset, without our reading anything */
    (void)close(fd);
}

static void a_slow_handler_is_not_the_clients_fault(void **state)
{
    (void)state;
    Heard heard = {0};

    start_with(&impatient);
    int fd = dial(), other = dial();
    say(fd, GET("/gate"));
    demo_await_inside(&demo, 1);
    assert_true(is_closed(other)); /* all deadlines have passed once */
    demo_open_gate(&demo);
    assert_int_equal(hear(fd, &heard), 200);
    forget(&heard);
    (void)close(fd);
    (void)close(other);
}

static void a_handler_hears_that_its_client_has_gone(void **state)
{
    (void)state;

    start();
    int fd = dial();
    say(fd, GET("/gate"));
    demo_await_inside(&demo, 1);
    (void)close(fd);
    demo_await_inside(&demo, 0); /* the gate stays shut: only the cancellation lets it out */
    assert_true(demo.saw_cancel);
}

static void an_upload_whose_client_goes_is_aborted(void **state)
{
    (void)state;

    start();
    int fd = dial();
    post_head(fd, "/upload", 50u << 20, "");
    assert_true(say_bytes(fd, bytes, sizeof bytes));
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK);
    (void)close(fd);
    demo_await_aborted(&demo, 1);
    assert_int_equal(demo.finished, 0);
}

/* Bytes of ours that the server's side of the connection has not taken. */
static int untaken(int fd)
{
    int count = 0;

    assert_int_equal(ioctl(fd, SIOCOUTQ, &count),
                     0); /* unacknowledged: a stopped reader leaves its buffers full */
    return count;
}

static void the_next_chunk_is_read_while_a_worker_has_one(void **state)
{
    (void)state;
    Heard heard = {0};
    const size_t size = 2 * (size_t)PACS_HTTP_BODY_CHUNK;

    start();
    demo.feeds_wait = true;
    int fd = dial();
    post_head(fd, "/upload", size + 1, "");
    assert_true(say_bytes(fd, bytes, size));
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK); /* and there it waits */
    while (untaken(fd) > 0)
        (void)poll(NULL, 0, 1);
    assert_int_equal(demo.fed, PACS_HTTP_BODY_CHUNK);
    demo_open_gate(&demo);
    assert_true(say_bytes(fd, bytes + size, 1));
    assert_int_equal(hear(fd, &heard), 200);
    assert_int_equal(demo.fed, size + 1);
    assert_int_equal(demo.checksum, demo_checksum(0, bytes, size + 1));
    forget(&heard);
    (void)close(fd);
}

static void an_upload_is_aborted_once_its_worker_is_through(void **state)
{
    (void)state;

    start();
    demo.feeds_wait = true;
    int fd = dial();
    post_head(fd, "/upload", 50u << 20, "");
    assert_true(say_bytes(fd, bytes, PACS_HTTP_BODY_CHUNK + 1));
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK);
    (void)close(fd);
    assert_int_equal(demo.aborted, 0);
    demo_open_gate(&demo);
    demo_await_aborted(&demo, 1);
    assert_int_equal(demo.finished, 0);
}

/* ---- Many, and the end ---- */

static void *ask_many_times(void *argument)
{
    Heard heard = {0};
    intptr_t failures = 0;
    int fd = dial();

    (void)argument;
    for (int i = 0; i < 12; i++) {
        switch (i % 4) {
        case 0:
            say(fd, GET("/hello?name=you"));
            break;
        case 1:
            post_head(fd, "/upload", 300000, "");
            (void)say_bytes(fd, bytes, 300000);
            break;
        case 2:
            say(fd, GET("/pool/stream/300000"));
            break;
        default:
            say(fd, GET("/file/300000"));
            break;
        }
        failures += hear(fd, &heard) != 200 || !heard.is_whole;
    }
    forget(&heard);
    (void)close(fd);
    return (void *)failures;
}

static void many_clients_are_served_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 64 };
    pthread_t threads[CLIENTS];

    start();
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many_times, NULL), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *failures = NULL;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_ptr_equal(failures, NULL);
    }
    assert_int_equal(demo.fed, (uint64_t)CLIENTS * 3 * 300000);
    assert_int_equal(demo.finished, CLIENTS * 3);
}

static void *stop_server(void *argument)
{
    (void)argument;
    pacs_http_server_stop(server, 60000);
    return NULL;
}

static void stopping_lets_running_requests_finish(void **state)
{
    (void)state;
    Heard heard = {0};
    pthread_t stopper;

    start();
    int busy = dial(), idle = dial();
    say(idle, GET("/hello"));
    assert_int_equal(hear(idle, &heard), 200);
    say(busy, GET("/gate"));
    demo_await_inside(&demo, 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, NULL), 0);
    assert_true(is_closed(idle)); /* so the stop is under way */
    demo_open_gate(&demo);
    assert_int_equal(hear(busy, &heard), 200);
    assert_non_null(strcasestr(heard.head, "Connection: close"));
    assert_true(is_closed(busy));
    assert_int_equal(pthread_join(stopper, NULL), 0);
    forget(&heard);
    (void)close(busy);
    (void)close(idle);
}

static void stopping_at_once_cancels_what_runs(void **state)
{
    (void)state;

    start();
    int waiting = dial(), reading = dial(), sending = dial();
    say(waiting, GET("/gate"));
    say(reading, GET("/pool/stream/2000000000"));
    post_head(sending, "/upload", 50u << 20, "");
    assert_true(say_bytes(sending, bytes, sizeof bytes));
    demo_await_inside(&demo, 1);
    demo_await_fed(&demo, PACS_HTTP_BODY_CHUNK);
    pacs_http_server_stop(server, 0);
    assert_true(demo.saw_cancel);
    assert_int_equal(demo.aborted, 1);
    (void)close(waiting);
    (void)close(reading);
    (void)close(sending);
}

static void a_port_in_use_is_reported(void **state)
{
    (void)state;
    PacsHttpServer *second = NULL;
    PacsError err = {0};

    start();
    PacsHttpServerOptions options = {
        .port = pacs_http_server_port(server), .io_threads = 1, .pool_threads = 1};
    assert_int_equal(pacs_http_server_open(&options, &second, &err), PACS_UNAVAILABLE);
    assert_null(second);
    options.addresses = (const char *const[]){"no such address"};
    options.address_count = 1;
    assert_int_equal(pacs_http_server_open(&options, &second, &err), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_header_that_drips_in_is_408, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_drips_in_is_408_and_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_connection_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_handler_is_not_the_clients_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_hears_that_its_client_has_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_chunk_is_read_while_a_worker_has_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_is_aborted_once_its_worker_is_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_whose_client_goes_is_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_clients_are_served_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_lets_running_requests_finish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_at_once_cancels_what_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
