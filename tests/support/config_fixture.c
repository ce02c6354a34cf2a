#include "tests/support/config_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/temporary.h"

char *config_fixture_folder;

int config_fixture_make(void **state)
{
    (void)state;
    config_fixture_folder = temporary_folder_new();
    return config_fixture_folder ? 0 : -1;
}

int config_fixture_remove(void **state)
{
    (void)state;
    temporary_folder_free(config_fixture_folder);
    return 0;
}

/* A file in the test's folder; its path stands until the next call. */
const char *config_fixture_file(const char *name, const char *text)
{
    static char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", config_fixture_folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return path;
}

PacsError config_fixture_error;

PacsConfig *config_fixture_load(const PacsConfigInput *input)
{
    PacsConfig *config = NULL;
    config_fixture_error = (PacsError){0};
    PacsStatus status = pacs_config_load(input, &config, &config_fixture_error);
    assert_int_equal(status, config_fixture_error.status);
    assert_true((status == PACS_OK) == (config != NULL));
    return config;
}

PacsConfig *config_fixture_load_text(const char *text, const char *const *environment)
{
    const char *path = config_fixture_file("one.json", text);
    return config_fixture_load(
        &(PacsConfigInput){.paths = &path, .path_count = 1, .environment = environment});
}

PacsConfig *config_fixture_load_environment(const char *const *environment)
{
    return config_fixture_load(&(PacsConfigInput){.environment = environment});
}

void assert_config_text(const PacsConfig *config, const char *key, const char *expected)
{
    const char *value = "absent";
    assert_non_null(config);
    assert_int_equal(pacs_config_text(config, key, &value, &config_fixture_error), PACS_OK);
    assert_string_equal(value, expected);
}

void assert_config_number(const PacsConfig *config, const char *key, uint64_t expected)
{
    uint64_t value = 424242;
    assert_non_null(config);
    assert_int_equal(pacs_config_u64(config, key, 0, UINT64_MAX, &value, &config_fixture_error), PACS_OK);
    assert_int_equal(value, expected);
}
