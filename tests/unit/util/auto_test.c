#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pacs/util/auto.h"

typedef struct Lamp {
    int *frees;
} Lamp;

static void lamp_free(Lamp *lamp)
{
    if (lamp)
        ++*lamp->frees;
}
PACS_DEFINE_AUTO(Lamp, lamp_free);

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static Lamp *light(Lamp *made, bool fail)
{
    PACS_AUTO(Lamp) lamp = made;
    if (fail)
        return NULL;
    return PACS_STEAL(lamp);
}

static void what_a_scope_owns_is_freed_once_when_it_ends(void **state)
{
    (void)state;
    int frees = 0;
    Lamp lamp = {&frees};

    assert_null(light(&lamp, true));
    assert_int_equal(frees, 1);
}

static void what_is_stolen_is_not_freed(void **state)
{
    (void)state;
    int frees = 0;
    Lamp lamp = {&frees};

    assert_ptr_equal(light(&lamp, false), &lamp);
    assert_int_equal(frees, 0);
}

static void memory_is_freed_when_the_scope_ends(void **state)
{
    (void)state;
    PACS_AUTO_FREE char *text = malloc(8); /* the leak checker is the judge */
    PACS_AUTO_FREE int *nothing = NULL;
    assert_non_null(text);
    assert_null(nothing);
}

static void a_descriptor_is_closed_when_the_scope_ends(void **state)
{
    (void)state;
    int seen;
    {
        PACS_AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        PACS_AUTO_CLOSE int none = -1;
        assert_int_equal(none, -1);
        assert_true(fd >= 0);
        seen = fd;
    }
    assert_false(is_open(seen));
}

static void a_stolen_descriptor_stays_open(void **state)
{
    (void)state;
    int seen;
    {
        PACS_AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        seen = pacs_steal_fd(&fd);
        assert_int_equal(fd, -1);
    }
    assert_true(is_open(seen));
    pacs_auto_close(&seen);
}

static void closing_keeps_errno(void **state)
{
    (void)state;
    errno = ENOSPC;
    int not_open = 1 << 20;
    pacs_auto_close(&not_open);
    assert_int_equal(errno, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_scope_owns_is_freed_once_when_it_ends),
        cmocka_unit_test(what_is_stolen_is_not_freed),
        cmocka_unit_test(memory_is_freed_when_the_scope_ends),
        cmocka_unit_test(a_descriptor_is_closed_when_the_scope_ends),
        cmocka_unit_test(a_stolen_descriptor_stays_open),
        cmocka_unit_test(closing_keeps_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
