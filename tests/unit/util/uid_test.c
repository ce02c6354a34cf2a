#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"
#include "pacs/util/text.h"

static void a_uuid_has_the_shape_of_version_7(void **state)
{
    (void)state;
    char uuid[37];
    assert_int_equal(pacs_uuid7(uuid, NULL), PACS_OK);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(strspn(uuid, "0123456789abcdef-"), 36);
    assert_int_equal(uuid[14], '7');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_true(uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' && uuid[23] == '-');
}

static void a_uuid_starts_with_the_time(void **state)
{
    (void)state;
    char uuid[37];
    int64_t before = pacs_now_ms();
    assert_int_equal(pacs_uuid7(uuid, NULL), PACS_OK);
    int64_t after = pacs_now_ms();

    char digits[13];
    memcpy(digits, uuid, 8);
    memcpy(digits + 8, uuid + 9, 5);
    digits[12] = '\0';
    int64_t ms = strtoll(digits, NULL, 16);
    assert_true(ms >= before && ms <= after);
}

static void two_uuids_differ(void **state)
{
    (void)state;
    char a[37];
    char b[37];
    assert_int_equal(pacs_uuid7(a, NULL), PACS_OK);
    assert_int_equal(pacs_uuid7(b, NULL), PACS_OK);
    assert_string_not_equal(a, b);
}

static void a_minted_uid_is_a_number_under_2_25(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char uid[65];
        assert_int_equal(pacs_mint_uid(uid, NULL), PACS_OK);
        assert_memory_equal(uid, "2.25.", 5);
        size_t digits = strlen(uid + 5);
        assert_true(digits >= 1 && digits <= 39);
        assert_int_equal(strspn(uid + 5, "0123456789"), digits);
        assert_true(uid[5] != '0');
    }
}

static void two_minted_uids_differ(void **state)
{
    (void)state;
    char a[65];
    char b[65];
    assert_int_equal(pacs_mint_uid(a, NULL), PACS_OK);
    assert_int_equal(pacs_mint_uid(b, NULL), PACS_OK);
    assert_string_not_equal(a, b);
}

static void a_derived_uid_is_the_same_for_the_same_text_alone(void **state)
{
    (void)state;
    char one[65], same[65], other[65];

    assert_int_equal(pacs_derive_uid("1.2.3 in another form", one, NULL), PACS_OK);
    assert_int_equal(pacs_derive_uid("1.2.3 in another form", same, NULL), PACS_OK);
    assert_int_equal(pacs_derive_uid("1.2.4 in another form", other, NULL), PACS_OK);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_memory_equal(one, "2.25.", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_has_the_shape_of_version_7),
        cmocka_unit_test(a_uuid_starts_with_the_time),
        cmocka_unit_test(two_uuids_differ),
        cmocka_unit_test(a_minted_uid_is_a_number_under_2_25),
        cmocka_unit_test(two_minted_uids_differ),
        cmocka_unit_test(a_derived_uid_is_the_same_for_the_same_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
