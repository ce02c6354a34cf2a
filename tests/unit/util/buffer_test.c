#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/buffer.h"

static void an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(10);

    assert_string_equal(pacs_buffer_text(&buffer), "");
    assert_int_equal(pacs_buffer_check(&buffer, NULL), PACS_OK);
}

static void pieces_are_joined_into_one_text(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(1000);

    assert_true(pacs_buffer_add(&buffer, "abc", 2));
    assert_true(pacs_buffer_add_text(&buffer, "-"));
    assert_true(pacs_buffer_add_char(&buffer, '+'));
    assert_true(pacs_buffer_add_format(&buffer, "%03d", 7));
    assert_string_equal(pacs_buffer_text(&buffer), "ab-+007");
    assert_int_equal(buffer.size, 7);
}

static void a_long_format_grows_the_buffer(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(1000);

    assert_true(pacs_buffer_add_text(&buffer, "x"));
    assert_true(pacs_buffer_add_format(&buffer, "%500d", 1));
    assert_int_equal(buffer.size, 501);
    assert_int_equal(strlen(pacs_buffer_text(&buffer)), 501);
}

static void the_maximum_may_be_reached_but_not_passed(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(4);

    assert_true(pacs_buffer_add_text(&buffer, "abcd"));
    assert_false(pacs_buffer_add_char(&buffer, 'e'));
    assert_string_equal(pacs_buffer_text(&buffer), "abcd");
}

static void a_format_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(4);

    assert_true(pacs_buffer_add_text(&buffer, "ab"));
    assert_false(pacs_buffer_add_format(&buffer, "%d", 12345));
    assert_string_equal(pacs_buffer_text(&buffer), "ab");
}

static void a_failure_is_remembered_until_reset(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(4);
    PacsError err = {0};

    assert_false(pacs_buffer_add_text(&buffer, "too long"));
    assert_false(pacs_buffer_add_text(&buffer, "ok")); /* no hole before it */
    assert_true(buffer.failed);
    assert_int_equal(pacs_buffer_check(&buffer, &err), PACS_TOO_LARGE);
    assert_non_null(strstr(err.text, "4 bytes"));

    pacs_buffer_reset(&buffer);
    assert_true(pacs_buffer_add_text(&buffer, "ok"));
    assert_int_equal(pacs_buffer_check(&buffer, NULL), PACS_OK);
}

static void an_impossible_size_does_not_wrap_around(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(SIZE_MAX);

    assert_true(pacs_buffer_add_text(&buffer, "a"));
    assert_int_equal(pacs_buffer_reserve(&buffer, SIZE_MAX, NULL), PACS_TOO_LARGE);
    assert_int_equal(buffer.size, 1);
}

static void reserved_room_can_be_written_by_hand(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(100);

    assert_int_equal(pacs_buffer_reserve(&buffer, 50, NULL), PACS_OK);
    memset(buffer.bytes, 'x', 50);
    buffer.size = 3;
    assert_string_equal(pacs_buffer_text(&buffer), "xxx");
}

static void a_refused_reservation_is_not_a_failed_addition(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(100);

    assert_int_equal(pacs_buffer_reserve(&buffer, 101, NULL), PACS_TOO_LARGE);
    assert_true(pacs_buffer_add_text(&buffer, "ok"));
}

static void the_front_can_be_dropped(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(100);

    pacs_buffer_drop_front(&buffer, 0);
    assert_true(pacs_buffer_add_text(&buffer, "headbody"));
    pacs_buffer_drop_front(&buffer, 4);
    assert_string_equal(pacs_buffer_text(&buffer), "body");
    pacs_buffer_drop_front(&buffer, 4);
    assert_string_equal(pacs_buffer_text(&buffer), "");
}

static void a_cleared_buffer_keeps_its_maximum(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(4);

    assert_true(pacs_buffer_add_text(&buffer, "abcd"));
    pacs_buffer_clear(&buffer);
    assert_string_equal(pacs_buffer_text(&buffer), "");
    assert_false(pacs_buffer_add_text(&buffer, "abcde"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(pieces_are_joined_into_one_text),
        cmocka_unit_test(a_long_format_grows_the_buffer),
        cmocka_unit_test(the_maximum_may_be_reached_but_not_passed),
        cmocka_unit_test(a_format_that_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(a_failure_is_remembered_until_reset),
        cmocka_unit_test(an_impossible_size_does_not_wrap_around),
        cmocka_unit_test(reserved_room_can_be_written_by_hand),
        cmocka_unit_test(a_refused_reservation_is_not_a_failed_addition),
        cmocka_unit_test(the_front_can_be_dropped),
        cmocka_unit_test(a_cleared_buffer_keeps_its_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
