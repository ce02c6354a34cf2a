#include "tests/support/require.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void test_require(bool present, const char *what)
{
    const char *ci = getenv("CI");

    if (present)
        return;
    if (ci && strcmp(ci, "true") == 0)
        fail_msg("missing: %s", what);
    print_message("SKIPPED, missing: %s\n", what);
    skip();
}
