#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/spool.h"

static PacsSpool *open_spool(uint64_t max)
{
    PacsSpool *spool = NULL;

    assert_int_equal(pacs_spool_new("/tmp", max, &spool, NULL), PACS_OK);
    return spool;
}

static void what_was_written_can_be_read_anywhere(void **state)
{
    PACS_AUTO(PacsSpool) spool = open_spool(100);
    char text[8] = "";

    (void)state;
    assert_int_equal(pacs_spool_size(spool), 0);
    assert_int_equal(pacs_spool_write(spool, "hello ", 6, NULL), PACS_OK);
    assert_int_equal(pacs_spool_write(spool, "world", 5, NULL), PACS_OK);
    assert_int_equal(pacs_spool_size(spool), 11);
    assert_int_equal(pacs_spool_read(spool, 4, text, 4, NULL), PACS_OK);
    assert_string_equal(text, "o wo");
}

static void what_is_forgotten_makes_room(void **state)
{
    PACS_AUTO(PacsSpool) spool = open_spool(10);

    (void)state;
    assert_int_equal(pacs_spool_write(spool, "0123456789", 10, NULL), PACS_OK);
    assert_int_equal(pacs_spool_write(spool, "x", 1, NULL), PACS_TOO_LARGE);
    pacs_spool_forget(spool, 0, 4);
    assert_int_equal(pacs_spool_write(spool, "abcde", 5, NULL), PACS_TOO_LARGE);
    assert_int_equal(pacs_spool_write(spool, "abcd", 4, NULL), PACS_OK);
    char text[3] = "";
    assert_int_equal(pacs_spool_read(spool, 10, text, 2, NULL), PACS_OK);
    assert_string_equal(text, "ab");
}

static void a_missing_folder_is_named(void **state)
{
    PACS_AUTO(PacsSpool) spool = NULL;
    PacsError err = {0};

    (void)state;
    assert_int_equal(pacs_spool_new("/no/such/folder", 10, &spool, NULL), PACS_OK);
    assert_int_equal(pacs_spool_write(spool, "x", 1, &err), PACS_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/no/such/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_can_be_read_anywhere),
        cmocka_unit_test(what_is_forgotten_makes_room),
        cmocka_unit_test(a_missing_folder_is_named),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
