#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Configuration in Orthanc's format: JSON with comments (both kinds; trailing commas are refused), read from
 * files and folders, merged, `${NAME}` and `${NAME:-default}` substituted, then overridden by
 * `ORTHANC__A_B__C_D` from the environment (COMPAT.md section 3).
 *
 * Variables:   replaced inside strings and, as Orthanc does, outside (`"HttpPort": ${PORT:-8042}`); empty if
 *              neither set nor given a default.
 * Merging:     a section (object) given twice is merged member by member; any other key given twice in two
 *              files is an error that names both files, as in Orthanc. (Twice in one file: the last counts,
 *              as there.)
 * Folders:     every *.json in it, in name order, hidden ones left out.
 * Environment: `ORTHANC__DICOM_PORT` is "DicomPort", `__` goes one section down; known special spellings
 *              (POSTGRESQL -> PostgreSQL, OHIF, MYSQL, MB ...) come from a table; a value that parses as
 *              JSON is taken as JSON, else as a string; `ORTHANC_JSON` is merged as a whole document.
 * Secrets:     a file of a variable's name in the secrets folder (/run/secrets) counts as that variable, and
 *              `ORTHANC__A__B_SECRET=file` makes a file of any name count as `ORTHANC__A__B`.
 * Order:       later wins: files, *.json of the secrets folder, ORTHANC_JSON, environment, secrets.
 * Errors:      PACS_INVALID with file and line; PACS_NOT_FOUND for a missing file or named secret (a missing
 *              folder of secrets is none).
 */
typedef struct PacsConfig PacsConfig;

typedef struct PacsConfigInput {
    const char *const *paths; /* files and folders */
    size_t path_count;
    const char *const *environment; /* NULL-terminated "NAME=value"; NULL for none */
    const char *secrets_folder;     /* NULL for none */
} PacsConfigInput;

PACS_CHECKED PacsStatus pacs_config_load(const PacsConfigInput *input, PacsConfig **ret_config,
                                         PacsError *err);
void pacs_config_free(PacsConfig *config);
PACS_DEFINE_AUTO(PacsConfig, pacs_config_free);

/** The merged document, an object. Borrowed from the configuration. */
const json_t *pacs_config_root(const PacsConfig *config);

/**
 * One setting by its path, levels separated by dots ("DicomWeb.Root"). Absent keys leave *ret_value as it
 * is and return PACS_OK, so a caller sets the default first.
 * Errors: PACS_INVALID naming the key if the type or the range is wrong. A number in a string counts as a
 *         number and "true"/"false" as a bool (environment variables), as Orthanc's containers have it. A
 *         text that a variable gave and that happens to be a number ("0123" as a password) counts as that
 *         text.
 */
PACS_CHECKED PacsStatus pacs_config_text(const PacsConfig *config, const char *key, const char **ret_value,
                                         PacsError *err);
PACS_CHECKED PacsStatus pacs_config_bool(const PacsConfig *config, const char *key, bool *ret_value,
                                         PacsError *err);
PACS_CHECKED PacsStatus pacs_config_u64(const PacsConfig *config, const char *key, uint64_t min, uint64_t max,
                                        uint64_t *ret_value, PacsError *err);
/** The raw value or NULL. Borrowed from the configuration, like texts. */
const json_t *pacs_config_value(const PacsConfig *config, const char *key);
