#pragma once

#include <dirent.h>

#include "pacs/util/buffer.h"
#include "pacs/util/config.h"
#include "pacs/util/text.h"

/** Entries of a folder, sorted bytewise by name, so that the order does not hang on a locale. */
typedef struct PacsConfigNames {
    struct dirent **entries;
    int count;
} PacsConfigNames;

void pacs_config_names_clear(PacsConfigNames *names);
#define PACS_AUTO_CONFIG_NAMES __attribute__((cleanup(pacs_config_names_clear)))

/** Those for which `wanted` is not 0. Errors: PACS_NOT_FOUND, PACS_UNAVAILABLE. */
PACS_CHECKED PacsStatus pacs_config_list_folder(const char *folder, int (*wanted)(const struct dirent *entry),
                                                PacsConfigNames *ret_names, PacsError *err);

/** *.json, but not the hidden ones: editors and Kubernetes keep their own things so. */
int pacs_config_is_json_file(const struct dirent *entry);

/** A whole file as text. Errors: PACS_NOT_FOUND, PACS_UNAVAILABLE, PACS_TOO_LARGE (from `out`). */
PACS_CHECKED PacsStatus pacs_config_read_file(const char *path, PacsBuffer *out, PacsError *err);

/**
 * Clean, parse and merge one document, file or folder of files (*.json, by name). `override` as for
 * pacs_config_tree_merge(). Errors name source and line.
 */
PACS_CHECKED PacsStatus pacs_config_merge_text(PacsConfig *config, const PacsConfigInput *input,
                                               PacsSlice text, const char *source, bool override,
                                               PacsError *err);
PACS_CHECKED PacsStatus pacs_config_merge_path(PacsConfig *config, const PacsConfigInput *input,
                                               const char *path, bool override, PacsError *err);
