#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/util/queue.h"

static PacsQueue *make(size_t max)
{
    PacsQueue *queue = NULL;
    assert_int_equal(pacs_queue_new(max, &queue, NULL), PACS_OK);
    return queue;
}

static pthread_t start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, argument), 0);
    return thread;
}

static void *join(pthread_t thread)
{
    void *result = NULL;
    assert_int_equal(pthread_join(thread, &result), 0);
    return result;
}

static int numbers[1000]; /* what the queues carry pointers to */

static void items_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(3);
    void *items[3];
    for (int round = 0; round < 5; round++) { /* round and round the ring */
        assert_int_equal(pacs_queue_push(queue, &numbers[0], NULL), PACS_OK);
        assert_int_equal(pacs_queue_push(queue, &numbers[1], NULL), PACS_OK);
        assert_int_equal(pacs_queue_size(queue), 2);
        assert_int_equal(pacs_queue_pop(queue, items, 3), 2);
        assert_ptr_equal(items[0], &numbers[0]);
        assert_ptr_equal(items[1], &numbers[1]);
    }
}

static void a_pop_takes_no_more_than_asked(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(3);
    void *items[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pacs_queue_push(queue, &numbers[i], NULL), PACS_OK);
    assert_int_equal(pacs_queue_pop(queue, items, 2), 2);
    assert_int_equal(pacs_queue_size(queue), 1);
    assert_int_equal(pacs_queue_pop(queue, items, 2), 1);
    assert_ptr_equal(items[0], &numbers[2]);
}

static void a_full_queue_is_unavailable_to_those_who_do_not_wait(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    assert_int_equal(pacs_queue_try_push(queue, &numbers[0], NULL), PACS_OK);
    assert_int_equal(pacs_queue_try_push(queue, &numbers[1], NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_queue_size(queue), 1);
}

static void *push_three(void *argument)
{
    for (int i = 0; i < 3; i++)
        if (pacs_queue_push(argument, &numbers[i], NULL) != PACS_OK)
            return NULL;
    return argument;
}

static void a_push_waits_for_room(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    pthread_t thread = start(push_three, queue);
    for (int i = 0; i < 3; i++) {
        void *item;
        assert_int_equal(pacs_queue_pop(queue, &item, 1), 1);
        assert_ptr_equal(item, &numbers[i]);
    }
    assert_ptr_equal(join(thread), queue);
}

static void *pop_one(void *argument)
{
    void *item = NULL;
    return pacs_queue_pop(argument, &item, 1) == 1 ? item : NULL;
}

static void a_pop_waits_for_an_item(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    pthread_t thread = start(pop_one, queue);
    assert_int_equal(pacs_queue_push(queue, &numbers[7], NULL), PACS_OK);
    assert_ptr_equal(join(thread), &numbers[7]);
}

static void closing_wakes_those_who_wait_for_items(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    pthread_t a = start(pop_one, queue);
    pthread_t b = start(pop_one, queue);
    pacs_queue_close(queue);
    assert_null(join(a));
    assert_null(join(b));
}

static void closing_wakes_those_who_wait_for_room(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    pthread_t thread = start(push_three, queue);
    pacs_queue_close(queue);
    assert_null(join(thread));
}

static void a_closed_queue_refuses_items_but_gives_what_it_has(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(2);
    void *item;
    assert_int_equal(pacs_queue_push(queue, &numbers[0], NULL), PACS_OK);
    pacs_queue_close(queue);
    assert_int_equal(pacs_queue_push(queue, &numbers[1], NULL), PACS_CANCELLED);
    assert_int_equal(pacs_queue_try_push(queue, &numbers[1], NULL), PACS_CANCELLED);
    assert_int_equal(pacs_queue_pop(queue, &item, 1), 1);
    assert_int_equal(pacs_queue_pop(queue, &item, 1), 0);
    assert_int_equal(pacs_queue_pop_wait(queue, &item, 1, UINT32_MAX), 0);
}

static void a_timed_pop_gives_up(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    void *item;
    assert_int_equal(pacs_queue_pop_wait(queue, &item, 1, 0), 0);
    assert_int_equal(pacs_queue_pop_wait(queue, &item, 1, 1), 0);
}

static void *pop_one_in_time(void *argument)
{
    void *item = NULL;
    return pacs_queue_pop_wait(argument, &item, 1, UINT32_MAX) == 1 ? item : NULL;
}

static void a_timed_pop_takes_what_comes_in_time(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(1);
    void *item;
    pthread_t thread = start(pop_one_in_time, queue);
    assert_int_equal(pacs_queue_push(queue, &numbers[3], NULL), PACS_OK);
    assert_ptr_equal(join(thread), &numbers[3]);
    assert_int_equal(pacs_queue_push(queue, &numbers[4], NULL), PACS_OK);
    assert_int_equal(pacs_queue_pop_wait(queue, &item, 1, 0), 1);
}

static void an_impossible_size_is_refused(void **state)
{
    (void)state;
    PacsQueue *queue = NULL;
    assert_int_equal(pacs_queue_new(SIZE_MAX, &queue, NULL), PACS_NO_MEMORY);
    assert_null(queue);
}

/* ---- many at once ---- */

typedef struct Traffic {
    PacsQueue *queue;
    atomic_int seen[1000];
} Traffic;

static void *produce_even(void *argument)
{
    Traffic *traffic = argument;
    for (size_t i = 0; i < 1000; i += 2)
        if (pacs_queue_push(traffic->queue, &numbers[i], NULL) != PACS_OK)
            return NULL;
    return traffic;
}

static void *produce_odd(void *argument)
{
    Traffic *traffic = argument;
    for (size_t i = 1; i < 1000; i += 2)
        while (pacs_queue_try_push(traffic->queue, &numbers[i], NULL) != PACS_OK)
            (void)sched_yield();
    return traffic;
}

static void *consume(void *argument)
{
    Traffic *traffic = argument;
    void *items[4];
    for (size_t count; (count = pacs_queue_pop(traffic->queue, items, 4)) > 0;)
        for (size_t i = 0; i < count; i++)
            atomic_fetch_add(&traffic->seen[(int *)items[i] - numbers], 1);
    return traffic;
}

static void many_threads_lose_and_double_nothing(void **state)
{
    (void)state;
    PACS_AUTO(PacsQueue) queue = make(7);
    static Traffic traffic;
    traffic = (Traffic){.queue = queue};
    pthread_t producers[] = {start(produce_even, &traffic), start(produce_odd, &traffic)};
    pthread_t consumers[] = {start(consume, &traffic), start(consume, &traffic), start(consume, &traffic)};
    for (int i = 0; i < 2; i++)
        assert_non_null(join(producers[i]));
    pacs_queue_close(queue);
    for (int i = 0; i < 3; i++)
        assert_non_null(join(consumers[i]));
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(atomic_load(&traffic.seen[i]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_pop_takes_no_more_than_asked),
        cmocka_unit_test(a_full_queue_is_unavailable_to_those_who_do_not_wait),
        cmocka_unit_test(a_push_waits_for_room),
        cmocka_unit_test(a_pop_waits_for_an_item),
        cmocka_unit_test(closing_wakes_those_who_wait_for_items),
        cmocka_unit_test(closing_wakes_those_who_wait_for_room),
        cmocka_unit_test(a_closed_queue_refuses_items_but_gives_what_it_has),
        cmocka_unit_test(a_timed_pop_gives_up),
        cmocka_unit_test(a_timed_pop_takes_what_comes_in_time),
        cmocka_unit_test(an_impossible_size_is_refused),
        cmocka_unit_test(many_threads_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
