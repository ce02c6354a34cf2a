#pragma once

#include <stdint.h>

#include "pacs/util/config.h"

/** A folder of configuration files for one test, and loading from it; made and removed around each test. */
extern char *config_fixture_folder;
/** What the last load said. */
extern PacsError config_fixture_error;

int config_fixture_make(void **state);
int config_fixture_remove(void **state);

/** A file in the folder. Its path stands until the next call. */
const char *config_fixture_file(const char *name, const char *text);

/* NULL if it failed; the caller's else. */
PacsConfig *config_fixture_load(const PacsConfigInput *input);
PacsConfig *config_fixture_load_text(const char *text, const char *const *environment); /* as one.json */
PacsConfig *config_fixture_load_environment(const char *const *environment);

void assert_config_text(const PacsConfig *config, const char *key, const char *expected);
void assert_config_number(const PacsConfig *config, const char *key, uint64_t expected);
