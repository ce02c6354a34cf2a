/* W3C trace context: what is taken, what is not, what is made. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/util/trace.h"

#define GIVEN "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static bool is_one(const char *text)
{
    PacsTrace trace;

    return pacs_trace_parse(pacs_slice(text), &trace);
}

static void a_traceparent_is_read_and_written_as_it_was(void **state)
{
    PacsTrace trace;
    char text[PACS_TRACEPARENT_SIZE];

    (void)state;
    assert_true(pacs_trace_parse(PACS_SLICE(GIVEN), &trace));
    assert_int_equal(trace.trace_id[0], 0x4b);
    assert_int_equal(trace.span_id[7], 0xb7);
    assert_int_equal(trace.flags, 1);
    pacs_trace_format(&trace, text);
    assert_string_equal(text, GIVEN);
}

static void what_is_no_traceparent_is_told_apart(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (is_one(wrong[i]))
            fail_msg("taken: %s", wrong[i]);
}

static void of_a_later_version_what_is_known_is_taken(void **state)
{
    PacsTrace trace;
    char text[PACS_TRACEPARENT_SIZE];

    (void)state;
    assert_true(
        pacs_trace_parse(PACS_SLICE("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-more"), &trace));
    pacs_trace_format(&trace, text);
    assert_string_equal(text, GIVEN);
}

static void a_child_stays_in_its_trace_under_a_span_of_its_own(void **state)
{
    PacsTrace parent, child;

    (void)state;
    assert_int_equal(pacs_trace_mint(&parent, NULL), PACS_OK);
    assert_int_equal(pacs_trace_child(&parent, &child, NULL), PACS_OK);
    assert_memory_equal(parent.trace_id, child.trace_id, sizeof parent.trace_id);
    assert_memory_not_equal(parent.span_id, child.span_id, sizeof parent.span_id);
    assert_int_equal(parent.flags, child.flags);
}

static void a_request_is_continued_or_begins_a_trace(void **state)
{
    char under[PACS_TRACEPARENT_SIZE], alone[PACS_TRACEPARENT_SIZE], other[PACS_TRACEPARENT_SIZE];

    (void)state;
    assert_int_equal(pacs_trace_continue(" " GIVEN " ", under, NULL), PACS_OK);
    assert_memory_equal(under, GIVEN, 35);
    assert_string_not_equal(under, GIVEN);
    assert_int_equal(pacs_trace_continue("nonsense", alone, NULL), PACS_OK);
    assert_int_equal(pacs_trace_continue(NULL, other, NULL), PACS_OK);
    assert_true(is_one(under) && is_one(alone) && is_one(other));
    assert_memory_not_equal(alone, other, 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read_and_written_as_it_was),
        cmocka_unit_test(what_is_no_traceparent_is_told_apart),
        cmocka_unit_test(of_a_later_version_what_is_known_is_taken),
        cmocka_unit_test(a_child_stays_in_its_trace_under_a_span_of_its_own),
        cmocka_unit_test(a_request_is_continued_or_begins_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
