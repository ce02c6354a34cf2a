#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/hash.h"
#include "pacs/util/text.h"

static void assert_hex(const uint8_t *digest, size_t size, const char *expected)
{
    char text[2 * PACS_SHA256_SIZE + 1];
    pacs_hex_format(digest, size, text);
    assert_string_equal(text, expected);
}

static void a_running_digest_equals_that_of_the_whole(void **state)
{
    (void)state;
    PACS_AUTO(PacsSha256) hash = NULL;
    uint8_t digest[PACS_SHA256_SIZE];
    assert_int_equal(pacs_sha256_new(&hash, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_add(hash, "a", 1, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_add(hash, "bc", 2, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_finish(hash, digest, NULL), PACS_OK);
    assert_hex(digest, sizeof digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void sha1_is_that_of_fips_180(void **state)
{
    (void)state;
    uint8_t digest[PACS_SHA1_SIZE];
    assert_int_equal(pacs_sha1("abc", 3, digest, NULL), PACS_OK);
    assert_hex(digest, sizeof digest, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void hmac_is_that_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t digest[PACS_SHA256_SIZE];
    assert_int_equal(pacs_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest, NULL), PACS_OK);
    assert_hex(digest, sizeof digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[16];
    uint8_t b[16];
    assert_int_equal(pacs_random(a, sizeof a, NULL), PACS_OK);
    assert_int_equal(pacs_random(b, sizeof b, NULL), PACS_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_digest_equals_that_of_the_whole),
        cmocka_unit_test(sha1_is_that_of_fips_180),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
