#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/arena.h"

static void what_is_given_out_is_zeroed_and_aligned(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    for (size_t size = 1; size < 3000; size += 37) {
        unsigned char *memory = pacs_arena_alloc(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xFF, size);
    }
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    unsigned char *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = pacs_arena_alloc(arena, 16 + i * 20); /* small ones and ones with blocks of their own */
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)i, 16 + i * 20);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t at = 0; at < 16 + i * 20; at++)
            assert_int_equal(pieces[i][at], i);
}

static void the_maximum_is_kept(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(100);
    assert_non_null(pacs_arena_alloc(arena, 96));
    assert_null(pacs_arena_alloc(arena, 16));
    assert_null(pacs_arena_alloc(arena, SIZE_MAX));
    assert_null(pacs_arena_alloc(arena, SIZE_MAX - 20));
}

static void an_array_whose_size_overflows_is_refused(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(SIZE_MAX);
    assert_null(pacs_arena_array(arena, SIZE_MAX / 4, 8));
    assert_non_null(pacs_arena_array(arena, 10, 8));
}

static void a_reset_gives_everything_back_zeroed(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(40000);
    for (int round = 0; round < 3; round++) {
        char *small = pacs_arena_alloc(arena, 64);
        assert_non_null(small);
        assert_int_equal(small[0], 0);
        memset(small, 'x', 64);
        assert_non_null(pacs_arena_alloc(arena, 30000));
        assert_null(pacs_arena_alloc(arena, 30000));
        pacs_arena_reset(arena);
    }
}

static void texts_are_copied(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(10000);
    assert_string_equal(pacs_arena_strdup(arena, "abc"), "abc");
    assert_null(pacs_arena_strdup(arena, NULL));
    assert_string_equal(pacs_arena_strndup(arena, "abc", 2), "ab");
    assert_string_equal(pacs_arena_strndup(arena, NULL, 0), "");
    assert_string_equal(pacs_arena_printf(arena, "%s-%d", "x", 7), "x-7");
}

static void a_text_that_does_not_fit_is_null(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(32);
    assert_null(pacs_arena_printf(arena, "%100d", 1));
    assert_null(pacs_arena_strdup(arena, "a text of more than thirty-two bytes"));
}

static void nothing_can_be_freed(void **state)
{
    (void)state;
    pacs_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_out_is_zeroed_and_aligned),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(the_maximum_is_kept),
        cmocka_unit_test(an_array_whose_size_overflows_is_refused),
        cmocka_unit_test(a_reset_gives_everything_back_zeroed),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(a_text_that_does_not_fit_is_null),
        cmocka_unit_test(nothing_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
