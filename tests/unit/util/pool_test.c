#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/util/pool.h"

static PacsPool *make(size_t max_threads, size_t max_queued)
{
    PacsPool *pool = NULL;
    assert_int_equal(pacs_pool_new("a pool with a long name", max_threads, max_queued, &pool, NULL), PACS_OK);
    return pool;
}

static void count(void *argument)
{
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void stopping_finishes_what_is_queued(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(2, 1000);
    atomic_int done = 0;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pacs_pool_submit(pool, count, &done, NULL), PACS_OK);
    pacs_pool_stop(pool);
    assert_int_equal(atomic_load(&done), 1000);
}

static void after_stop_work_is_refused(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(1, 1);
    atomic_int done = 0;
    pacs_pool_stop(pool);
    assert_int_equal(pacs_pool_submit(pool, count, &done, NULL), PACS_CANCELLED);
    assert_int_equal(atomic_load(&done), 0);
}

static void meet(void *argument)
{
    (void)pthread_barrier_wait(argument);
}

static void works_run_beside_each_other_up_to_the_maximum(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(4, 0);
    pthread_barrier_t barrier;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 4), 0);
    for (int i = 0; i < 4; i++) /* none ends before all four run */
        assert_int_equal(pacs_pool_submit(pool, meet, &barrier, NULL), PACS_OK);
    pacs_pool_stop(pool);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

typedef struct Crowd {
    atomic_int inside;
    atomic_int most;
} Crowd;

static void enter_and_leave(void *argument)
{
    Crowd *crowd = argument;
    int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
    int most = atomic_load(&crowd->most);
    while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside))
        ;
    (void)sched_yield();
    atomic_fetch_sub(&crowd->inside, 1);
}

static void never_more_than_the_maximum_run(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(3, 300);
    Crowd crowd = {0};
    for (int i = 0; i < 300; i++)
        assert_int_equal(pacs_pool_submit(pool, enter_and_leave, &crowd, NULL), PACS_OK);
    pacs_pool_stop(pool);
    assert_in_range(atomic_load(&crowd.most), 1, 3);
}

static void a_full_pool_is_unavailable_until_something_ends(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(2, 1);
    atomic_int done = 0;
    pthread_barrier_t barrier; /* of the two that run and this thread */
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
    assert_int_equal(pacs_pool_submit(pool, meet, &barrier, NULL), PACS_OK);
    assert_int_equal(pacs_pool_submit(pool, meet, &barrier, NULL), PACS_OK);
    assert_int_equal(pacs_pool_submit(pool, count, &done, NULL), PACS_OK);
    assert_int_equal(pacs_pool_submit(pool, count, &done, NULL), PACS_UNAVAILABLE);

    (void)pthread_barrier_wait(&barrier);
    while (pacs_pool_submit(pool, count, &done, NULL) == PACS_UNAVAILABLE)
        (void)sched_yield();
    pacs_pool_stop(pool);
    assert_int_equal(atomic_load(&done), 2);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

typedef struct Chain {
    PacsPool *pool;
    atomic_int left;
    atomic_int failed;
} Chain;

static void submit_next(void *argument)
{
    Chain *chain = argument;
    if (atomic_fetch_sub(&chain->left, 1) > 1 &&
        pacs_pool_submit(chain->pool, submit_next, chain, NULL) != PACS_OK)
        atomic_store(&chain->failed, 1);
}

static void work_may_submit_work(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(2, 1);
    Chain chain = {.pool = pool, .left = 50};
    assert_int_equal(pacs_pool_submit(pool, submit_next, &chain, NULL), PACS_OK);
    while (atomic_load(&chain.left) > 0)
        (void)sched_yield();
    pacs_pool_stop(pool);
    assert_int_equal(atomic_load(&chain.failed), 0);
}

static void *stop(void *argument)
{
    pacs_pool_stop(argument);
    return NULL;
}

static void a_pool_may_be_stopped_twice_and_from_two_threads(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(2, 100);
    atomic_int done = 0;
    for (int i = 0; i < 100; i++)
        assert_int_equal(pacs_pool_submit(pool, count, &done, NULL), PACS_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop, pool), 0);
    pacs_pool_stop(pool);
    assert_int_equal(atomic_load(&done), 100); /* whoever came second waited too */
    assert_int_equal(pthread_join(thread, NULL), 0);
    pacs_pool_stop(pool);
}

static void note_signals(void *argument)
{
    (void)pthread_sigmask(SIG_BLOCK, NULL, argument);
}

static void threads_leave_signals_to_others(void **state)
{
    (void)state;
    PACS_AUTO(PacsPool) pool = make(1, 1);
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    assert_int_equal(pacs_pool_submit(pool, note_signals, &blocked, NULL), PACS_OK);
    pacs_pool_stop(pool);
    assert_int_equal(sigismember(&blocked, SIGTERM), 1);

    sigset_t own;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &own), 0);
    assert_int_equal(sigismember(&own, SIGTERM), 0);
}

static void a_pool_that_never_worked_can_be_freed(void **state)
{
    (void)state;
    pacs_pool_free(make(10, 10));
    pacs_pool_free(NULL);
}

static void an_impossible_size_is_refused(void **state)
{
    (void)state;
    PacsPool *pool = NULL;
    assert_int_equal(pacs_pool_new("big", 2, SIZE_MAX, &pool, NULL), PACS_NO_MEMORY);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopping_finishes_what_is_queued),
        cmocka_unit_test(after_stop_work_is_refused),
        cmocka_unit_test(works_run_beside_each_other_up_to_the_maximum),
        cmocka_unit_test(never_more_than_the_maximum_run),
        cmocka_unit_test(a_full_pool_is_unavailable_until_something_ends),
        cmocka_unit_test(work_may_submit_work),
        cmocka_unit_test(a_pool_may_be_stopped_twice_and_from_two_threads),
        cmocka_unit_test(threads_leave_signals_to_others),
        cmocka_unit_test(a_pool_that_never_worked_can_be_freed),
        cmocka_unit_test(an_impossible_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
