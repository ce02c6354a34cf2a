/* Bodies that are told as they happen, over real sockets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/http/feed.h"
#include "tests/unit/http/served.h"

#define CROWD 300

/** What all feeds of a test tell: the same text, each from where it is. */
typedef struct Teller {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[256];
    size_t size;
    bool is_endless; /* and over again */
    bool is_over;
    struct TellerFeed *feeds;
    int open, freed;
    uint64_t total; /* bytes told to all */
} Teller;

typedef struct TellerFeed {
    PacsHttpFeed base;
    struct TellerFeed *next;
    Teller *teller;
    size_t told;
    bool is_freed;
} TellerFeed;

static Teller teller;

static PacsHttpFeedRead read_teller(PacsHttpFeed *self, void *out, size_t size, size_t *ret_size)
{
    TellerFeed *feed = (TellerFeed *)self;
    PacsHttpFeedRead read = PACS_HTTP_FEED_LATER;

    (void)pthread_mutex_lock(&teller.lock);
    if (teller.is_endless && feed->told == teller.size)
        feed->told = 0;
    const size_t left = teller.size - feed->told;
    if (left > 0) {
        *ret_size = left < size ? left : size;
        memcpy(out, teller.text + feed->told, *ret_size);
        feed->told += *ret_size;
        teller.total += *ret_size;
        read = PACS_HTTP_FEED_BYTES;
    } else if (teller.is_over) {
        read = PACS_HTTP_FEED_END;
    }
    (void)pthread_mutex_unlock(&teller.lock);
    return read;
}

static void free_teller(PacsHttpFeed *self)
{
    TellerFeed *feed = (TellerFeed *)self;

    (void)pthread_mutex_lock(&teller.lock);
    feed->is_freed = true; /* its memory goes when the test is over */
    teller.freed++;
    (void)pthread_cond_broadcast(&teller.changed);
    (void)pthread_mutex_unlock(&teller.lock);
}

static const PacsHttpFeedOps teller_ops = {.read = read_teller, .free = free_teller};

static void answer_feed(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    TellerFeed *feed = calloc(1, sizeof *feed);

    (void)context;
    (void)request;
    assert_non_null(feed);
    pacs_http_feed_init(&feed->base, &teller_ops);
    (void)pthread_mutex_lock(&teller.lock);
    feed->next = teller.feeds;
    teller.feeds = feed;
    teller.open++;
    (void)pthread_cond_broadcast(&teller.changed);
    (void)pthread_mutex_unlock(&teller.lock);
    pacs_http_reply_feed(reply, "text/event-stream", &feed->base);
}

static const PacsHttpRoute routes[] = {{.method = PACS_HTTP_GET, .pattern = "/feed", .handle = answer_feed}};

static void wake_all(void)
{
    for (TellerFeed *feed = teller.feeds; feed; feed = feed->next)
        if (!feed->is_freed)
            pacs_http_feed_wake(&feed->base);
}

static void tell(const char *text)
{
    (void)pthread_mutex_lock(&teller.lock);
    memcpy(teller.text + teller.size, text, strlen(text));
    teller.size += strlen(text);
    wake_all();
    (void)pthread_mutex_unlock(&teller.lock);
}

static void await_count(const int *count, int wanted)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60; /* a test that hangs fails instead */
    (void)pthread_mutex_lock(&teller.lock);
    while (*count < wanted)
        assert_int_equal(pthread_cond_timedwait(&teller.changed, &teller.lock, &until), 0);
    (void)pthread_mutex_unlock(&teller.lock);
}

static void serve(const PacsHttpServerOptions *options)
{
    static const PacsHttpMount mount = {.prefix = "", .routes = routes, .route_count = 1};

    assert_int_equal(pacs_http_server_open(options, &server, NULL), PACS_OK);
    assert_int_equal(pacs_http_server_mount(server, &mount, NULL), PACS_OK);
    assert_int_equal(pacs_http_server_start(server, NULL), PACS_OK);
}

static int set_up_teller(void **state)
{
    teller = (Teller){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    return set_up(state);
}

static int tear_down_teller(void **state)
{
    const int result = tear_down(state);

    assert_int_equal(teller.freed, teller.open);
    for (TellerFeed *feed = teller.feeds, *next; feed; feed = next) {
        next = feed->next;
        free(feed);
    }
    return result;
}

static int listen_in(void)
{
    const int fd = dial();

    say(fd, GET("/feed"));
    return fd;
}

/** Read on until `wanted` has come; false if the connection ended before. */
static bool hears(int fd, const char *wanted)
{
    char text[4096] = "";
    size_t size = 0;

    while (!strstr(text, wanted) && size + 1 < sizeof text) {
        const ssize_t count = recv(fd, text + size, 1, 0);
        if (count <= 0)
            return false;
        size += (size_t)count;
        text[size] = '\0';
    }
    return true;
}

static void what_is_told_arrives_as_it_is_told(void **state)
{
    (void)state;
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1});
    tell("begin");
    const int fd = listen_in();

    assert_true(hears(fd, "Transfer-Encoding: chunked"));
    assert_true(hears(fd, "begin"));
    tell("one");
    assert_true(hears(fd, "one"));
    tell("two");
    assert_true(hears(fd, "two"));
    (void)close(fd);
}

static void a_feed_with_nothing_to_say_is_waited_for(void **state)
{
    (void)state;
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1});
    const int fd = listen_in();

    await_count(&teller.open, 1);
    tell("at last");
    assert_true(hears(fd, "at last"));
    (void)close(fd);
}

static void a_feed_that_is_over_ends_the_answer_not_the_connection(void **state)
{
    (void)state;
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1});
    teller.is_over = true;
    tell("all");
    const int fd = listen_in();

    assert_true(hears(fd, "all\r\n0\r\n\r\n"));
    say(fd, GET("/feed"));
    assert_true(hears(fd, "all\r\n0\r\n\r\n"));
    (void)close(fd);
}

static void head_tells_nothing(void **state)
{
    (void)state;
    Heard heard = {0};
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1});
    const int fd = dial();

    say(fd, "HEAD /feed HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(hear_answer(fd, &heard, true), 200);
    await_count(&teller.freed, 1);
    forget(&heard);
    (void)close(fd);
}

static void a_client_that_goes_frees_its_feed(void **state)
{
    (void)state;
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1});
    const int fd = listen_in();

    await_count(&teller.open, 1);
    (void)close(fd);
    await_count(&teller.freed, 1); /* though nothing is told any more */
}

static void a_server_that_stops_ends_its_feeds(void **state)
{
    (void)state;
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1});
    tell("begin");
    const int fd = listen_in();

    assert_true(hears(fd, "begin"));
    pacs_http_server_stop(server, 60000);
    assert_true(hears(fd, "\r\n0\r\n\r\n"));
    (void)close(fd);
}

/** Until nothing is asked of the feed any more: the kernel's buffers are full. (Were it too early, the test would ask less.) */
static void await_stuck(void)
{
    uint64_t before, total = 0;

    do {
        before = total;
        (void)usleep(100000);
        (void)pthread_mutex_lock(&teller.lock);
        total = teller.total;
        (void)pthread_mutex_unlock(&teller.lock);
    } while (total > before);
}

static void a_server_that_stops_does_not_wait_for_who_does_not_read(void **state)
{
    (void)state;
    enum { HOUR_MS = 3600000 };
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1, .transfer_ms = HOUR_MS});
    teller.is_endless = true;
    tell("again and again ");
    const int fd = listen_in();

    await_count(&teller.open, 1);
    await_stuck();
    pacs_http_server_stop(server, HOUR_MS);
    (void)close(fd);
}

static void many_feeds_need_no_threads(void **state)
{
    (void)state;
    static int fds[CROWD];
    serve(&(PacsHttpServerOptions){.io_threads = 2, .pool_threads = 1});

    for (int i = 0; i < CROWD; i++)
        fds[i] = listen_in();
    await_count(&teller.open, CROWD);
    tell("to all");
    for (int i = 0; i < CROWD; i++)
        assert_true(hears(fds[i], "to all"));
    for (int i = 0; i < CROWD; i++)
        (void)close(fds[i]);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    serve(&(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1, .transfer_ms = 50});
    teller.is_endless = true;
    tell("again and again ");
    const int fd = listen_in();

    await_count(&teller.freed, 1);
    (void)close(fd);
}

static void a_quiet_feed_is_not_cut_off(void **state)
{
    (void)state;
    serve(
        &(PacsHttpServerOptions){.io_threads = 1, .pool_threads = 1, .transfer_ms = 50, .keep_alive_ms = 50});
    tell("begin");
    const int quiet = listen_in();
    assert_true(hears(quiet, "begin"));

    const int slow =
        dial(); /* sends half a request: when that is cut off, a quiet one's time would be over too */
    say(slow, "POST /feed HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    while (recv(slow, &(char){0}, 1, 0) == 1)
        ;
    tell("still here");
    assert_true(hears(quiet, "still here"));
    (void)close(quiet);
    (void)close(slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_told_arrives_as_it_is_told, set_up_teller, tear_down_teller),
        cmocka_unit_test_setup_teardown(a_feed_with_nothing_to_say_is_waited_for, set_up_teller,
                                        tear_down_teller),
        cmocka_unit_test_setup_teardown(a_feed_that_is_over_ends_the_answer_not_the_connection, set_up_teller,
                                        tear_down_teller),
        cmocka_unit_test_setup_teardown(head_tells_nothing, set_up_teller, tear_down_teller),
        cmocka_unit_test_setup_teardown(a_client_that_goes_frees_its_feed, set_up_teller, tear_down_teller),
        cmocka_unit_test_setup_teardown(a_server_that_stops_ends_its_feeds, set_up_teller, tear_down_teller),
        cmocka_unit_test_setup_teardown(a_server_that_stops_does_not_wait_for_who_does_not_read,
                                        set_up_teller, tear_down_teller),
        cmocka_unit_test_setup_teardown(many_feeds_need_no_threads, set_up_teller, tear_down_teller),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_cut_off, set_up_teller,
                                        tear_down_teller),
        cmocka_unit_test_setup_teardown(a_quiet_feed_is_not_cut_off, set_up_teller, tear_down_teller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
