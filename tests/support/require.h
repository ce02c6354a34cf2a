#pragma once

#include <stdbool.h>

/**
 * What a test needs of the machine it runs on: where it is missing, the test fails on CI (CI=true) and is skipped
 * elsewhere, with a word that says what was missing. The cmocka twin of conftest.py's require().
 */
void test_require(bool present, const char *what);
