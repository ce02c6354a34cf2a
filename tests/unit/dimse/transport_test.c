#include "pacs/dimse/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Pair {
    PacsTransport *ours;
    int theirs;
    int wake_fd;
} Pair;

static int open_pair(void **state)
{
    static Pair pair;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(pacs_transport_socket(fds[0], &pair.ours, NULL), PACS_OK);
    pair.theirs = fds[1];
    pair.wake_fd = eventfd(0, EFD_CLOEXEC);
    *state = &pair;
    return 0;
}

static int close_pair(void **state)
{
    Pair *pair = *state;

    pacs_transport_free(pair->ours);
    if (pair->theirs >= 0)
        (void)close(pair->theirs);
    (void)close(pair->wake_fd);
    return 0;
}

static PacsReadResult read_some(Pair *pair, char *bytes, size_t size, uint64_t deadline_ns, size_t *ret_size)
{
    const struct iovec parts[2] = {{bytes, size}};
    return pair->ours->ops->read(pair->ours, parts, deadline_ns, pair->wake_fd, ret_size);
}

static void reading_gives_what_is_there(void **state)
{
    Pair *pair = *state;
    char bytes[10];
    size_t size = 0;

    assert_int_equal(write(pair->theirs, "abc", 3), 3);
    assert_int_equal(read_some(pair, bytes, sizeof bytes, UINT64_MAX, &size), PACS_READ_BYTES);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "abc", 3);
}

static void a_passed_deadline_ends_waiting_but_not_reading(void **state)
{
    Pair *pair = *state;
    char bytes[10];
    size_t size = 0;

    assert_int_equal(read_some(pair, bytes, sizeof bytes, 1, &size), PACS_READ_TIMED_OUT);
    assert_int_equal(write(pair->theirs, "abc", 3), 3);
    assert_int_equal(read_some(pair, bytes, sizeof bytes, 1, &size), PACS_READ_BYTES);
}

static void waiting_can_be_woken(void **state)
{
    Pair *pair = *state;
    char bytes[10];
    size_t size = 0;

    assert_int_equal(eventfd_write(pair->wake_fd, 1), 0);
    assert_int_equal(read_some(pair, bytes, sizeof bytes, UINT64_MAX, &size), PACS_READ_WOKEN);
}

static void a_peer_that_has_gone_is_told(void **state)
{
    Pair *pair = *state;
    char bytes[10];
    size_t size = 0;

    (void)close(pair->theirs);
    pair->theirs = -1;
    assert_int_equal(read_some(pair, bytes, sizeof bytes, UINT64_MAX, &size), PACS_READ_CLOSED);
    assert_false(pair->ours->ops->write(pair->ours, "abc", 3, UINT64_MAX)); /* and no signal is raised */
}

#define LARGE ((size_t)4 << 20)

static void *read_large(void *argument)
{
    static char bytes[65536];
    size_t left = LARGE;

    while (left) {
        ssize_t got = read(*(int *)argument, bytes, sizeof bytes);
        if (got <= 0)
            break;
        left -= (size_t)got;
    }
    return left ? argument : NULL;
}

static void writing_waits_for_a_slow_peer(void **state)
{
    Pair *pair = *state;
    pthread_t reader;
    void *failed = NULL;
    char *bytes = calloc(1, LARGE);

    assert_int_equal(pthread_create(&reader, NULL, read_large, &pair->theirs), 0);
    assert_true(pair->ours->ops->write(pair->ours, bytes, LARGE, UINT64_MAX));
    assert_int_equal(pthread_join(reader, &failed), 0);
    assert_null(failed);
    free(bytes);
}

static void writing_gives_up_at_the_deadline(void **state)
{
    Pair *pair = *state;
    char *bytes = calloc(1, LARGE);

    assert_false(pair->ours->ops->write(pair->ours, bytes, LARGE, 1));
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reading_gives_what_is_there),   TEST(a_passed_deadline_ends_waiting_but_not_reading),
        TEST(waiting_can_be_woken),          TEST(a_peer_that_has_gone_is_told),
        TEST(writing_waits_for_a_slow_peer), TEST(writing_gives_up_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
