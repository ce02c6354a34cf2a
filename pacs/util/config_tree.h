#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "pacs/util/config.h"
#include "pacs/util/text.h"

/** What config_load.c builds and config.c reads. */
struct PacsConfig {
    json_t *root;    /* the merged document */
    json_t *origins; /* "DicomWeb.Root" -> name of what gave it, for messages */
    json_t *texts;   /* "PostgreSQL.Password" -> "0123": what variables said, where it parsed as no text */
};

PacsConfig *pacs_config_tree_new(void); /* NULL: no memory */

/**
 * JSON text into a value, the caller's to json_decref(). `flags` are jansson's.
 *
 * Errors: PACS_INVALID ("line 2: ..."), PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus pacs_config_parse(PacsSlice text, size_t flags, json_t **ret_value, PacsError *err);

/**
 * Merge the object `from` into the tree, which `source` (a file or variable) gave. Sections are merged member
 * by member. What is there already is replaced if `override`, else an error that names both sources.
 *
 * Errors: PACS_INVALID, PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus pacs_config_tree_merge(PacsConfig *config, json_t *from, const char *source,
                                               bool override, PacsError *err);

/**
 * Set one value by its path ("DicomWeb.Root"): a text that parses as JSON counts as JSON, any other as a
 * string. Objects are merged as above, with override.
 */
PACS_CHECKED PacsStatus pacs_config_tree_set(PacsConfig *config, const char *path, const char *text,
                                             const char *source, PacsError *err);
