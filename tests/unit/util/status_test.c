#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/status.h"

static void a_failure_carries_its_status_and_text(void **state)
{
    (void)state;
    PacsError err = {0};

    assert_int_equal(pacs_fail(&err, PACS_INVALID, "frame %d asked, instance has %d", 12, 10), PACS_INVALID);
    assert_int_equal(err.status, PACS_INVALID);
    assert_string_equal(err.text, "frame 12 asked, instance has 10");
}

static void a_failure_without_an_error_still_has_its_status(void **state)
{
    (void)state;
    assert_int_equal(pacs_fail(NULL, PACS_CORRUPT, "lost"), PACS_CORRUPT);
    assert_int_equal(pacs_fail_context(NULL, PACS_CORRUPT, "while reading: "), PACS_CORRUPT);
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    PacsError err = {0};
    char text[2 * PACS_ERROR_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';

    (void)pacs_fail(&err, PACS_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), PACS_ERROR_TEXT_MAX - 1);
    (void)pacs_fail_context(&err, PACS_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), PACS_ERROR_TEXT_MAX - 1);
}

static void an_error_may_be_quoted_in_its_own_successor(void **state)
{
    (void)state;
    PacsError err = {0};

    (void)pacs_fail(&err, PACS_NOT_FOUND, "no such key");
    (void)pacs_fail(&err, PACS_INTERNAL, "index: %s", err.text);
    assert_string_equal(err.text, "index: no such key");
}

static void context_goes_in_front(void **state)
{
    (void)state;
    PacsError err = {0};

    PacsStatus status = pacs_fail(&err, PACS_NO_SPACE, "disk full");
    assert_int_equal(pacs_fail_context(&err, status, "while storing %s: ", "a slice"), PACS_NO_SPACE);
    assert_int_equal(err.status, PACS_NO_SPACE);
    assert_string_equal(err.text, "while storing a slice: disk full");
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int status = PACS_OK; status <= PACS_INTERNAL; status++)
        assert_string_not_equal(pacs_status_name((PacsStatus)status), "unknown");
    assert_string_equal(pacs_status_name(PACS_NOT_FOUND), "not-found");
    assert_string_equal(pacs_status_name((PacsStatus)(PACS_INTERNAL + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_carries_its_status_and_text),
        cmocka_unit_test(a_failure_without_an_error_still_has_its_status),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(an_error_may_be_quoted_in_its_own_successor),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(every_status_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
