#include "transcode/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#define PARTS 1000

typedef struct Parts {
    atomic_uint next;
    atomic_uint done[PARTS];
    atomic_uint calls;
    pthread_barrier_t *together; /* or NULL */
} Parts;

static void do_parts(void *context)
{
    Parts *parts = context;
    uint32_t part;

    atomic_fetch_add(&parts->calls, 1);
    if (parts->together)
        (void)pthread_barrier_wait(parts->together);
    while ((part = atomic_fetch_add(&parts->next, 1)) < PARTS)
        atomic_fetch_add(&parts->done[part], 1);
}

static void assert_each_is_done_once(const Parts *parts)
{
    for (size_t i = 0; i < PARTS; i++)
        assert_int_equal(atomic_load(&parts->done[i]), 1);
}

static void without_hands_the_caller_does_it_all(void **state)
{
    (void)state;
    Parts parts = {0};

    transcode_crew_work((TranscodeHands){0}, do_parts, &parts);
    assert_int_equal(parts.calls, 1);
    assert_each_is_done_once(&parts);
}

static void hands_work_beside_the_caller(void **state)
{
    (void)state;
    PACS_AUTO(TranscodeCrew) crew = NULL;
    pthread_barrier_t together;
    Parts parts = {.together = &together};

    assert_int_equal(pthread_barrier_init(&together, NULL, 3), 0);
    assert_int_equal(transcode_crew_new(2, &crew, NULL), PACS_OK);
    transcode_crew_work((TranscodeHands){crew, 2}, do_parts, &parts); /* all three, or it would hang */
    assert_int_equal(parts.calls, 3);
    assert_each_is_done_once(&parts);
    (void)pthread_barrier_destroy(&together);
}

static void hands_that_are_busy_are_done_without(void **state)
{
    (void)state;
    PACS_AUTO(TranscodeCrew) crew = NULL;

    assert_int_equal(transcode_crew_new(1, &crew, NULL), PACS_OK);
    for (int i = 0; i < 1000; i++) { /* some begin while a hand of the one before is on its way */
        Parts parts = {0};
        transcode_crew_work((TranscodeHands){crew, 3}, do_parts, &parts);
        assert_in_range(parts.calls, 1, 4);
        assert_each_is_done_once(&parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_hands_the_caller_does_it_all),
        cmocka_unit_test(hands_work_beside_the_caller),
        cmocka_unit_test(hands_that_are_busy_are_done_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
