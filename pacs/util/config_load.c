#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs/util/config_clean.h"
#include "pacs/util/config_file.h"
#include "pacs/util/config_names.h"
#include "pacs/util/config_tree.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

#define DOCUMENT_VARIABLE "ORTHANC_JSON"
#define SECRET_SUFFIX "_SECRET" /* ORTHANC__A_SECRET=f: the secrets folder's file f holds ORTHANC__A */

static bool is_setting(const char *variable)
{
    return strncmp(variable, PACS_CONFIG_PREFIX, sizeof PACS_CONFIG_PREFIX - 1) == 0;
}

static bool names_secret(PacsSlice name)
{
    size_t suffix = sizeof SECRET_SUFFIX - 1;
    return name.size > sizeof PACS_CONFIG_PREFIX - 1 + suffix &&
           memcmp(name.text + name.size - suffix, SECRET_SUFFIX, suffix) == 0;
}

/* ---- the variables in name order, so that ORTHANC__A comes before ORTHANC__A__B which refines it ---- */

typedef struct Variables {
    const char **items; /* "NAME=value", those of settings */
    size_t count;
} Variables;

static void free_variables(Variables *variables)
{
    free(variables->items);
}

static PacsSlice name_of(const char *variable)
{
    return (PacsSlice){variable, strcspn(variable, "=")};
}

static int compare_variables(const void *a, const void *b)
{
    PacsSlice x = name_of(*(const char *const *)a);
    PacsSlice y = name_of(*(const char *const *)b);
    int order = memcmp(x.text, y.text, x.size < y.size ? x.size : y.size);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static PacsStatus collect_variables(const char *const *environment, Variables *ret_variables, PacsError *err)
{
    size_t count = 0;
    while (environment && environment[count])
        count++;
    Variables found = {.items = calloc(count + 1, sizeof *found.items)};
    if (!found.items)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the environment");
    for (size_t i = 0; i < count; i++)
        if (is_setting(environment[i]) && strchr(environment[i], '='))
            found.items[found.count++] = environment[i];
    qsort(found.items, found.count, sizeof *found.items, compare_variables);
    *ret_variables = found;
    return PACS_OK;
}

/* ---- applying them ---- */

static PacsStatus set(PacsConfig *config, const char *name, const char *text, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer path = PACS_BUFFER(PACS_MAX_CONFIG_FILE);
    PacsStatus status = pacs_config_setting_of(name, &path, err);
    if (status == PACS_OK)
        status = pacs_config_tree_set(config, pacs_buffer_text(&path), text, name, err);
    return status;
}

/* What stands in a secret's file; the line end that editors put there is not part of it. */
static PacsStatus set_from_file(PacsConfig *config, const char *name, const char *folder, const char *file,
                                PacsError *err)
{
    if (!folder)
        return pacs_fail(err, PACS_INVALID, "%s: there is no folder of secrets", name);
    char path[PATH_MAX];
    if (strchr(file, '/') || snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return pacs_fail(err, PACS_INVALID, "%s: not the name of a file in '%s'", name, folder);

    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_CONFIG_FILE);
    PacsStatus status = pacs_config_read_file(path, &text, err);
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "%s: ", name);
    while (text.size > 0 && (text.bytes[text.size - 1] == '\n' || text.bytes[text.size - 1] == '\r'))
        text.size--;
    if (text.size > 0 && memchr(text.bytes, '\0', text.size))
        return pacs_fail(err, PACS_INVALID, "%s: a secret with a zero byte", name);
    return set(config, name, pacs_buffer_text(&text), err);
}

static PacsStatus apply_document(PacsConfig *config, const PacsConfigInput *input, PacsError *err)
{
    const char *text = pacs_config_variable(input->environment, PACS_SLICE(DOCUMENT_VARIABLE));
    if (!text)
        return PACS_OK;
    return pacs_config_merge_text(config, input, pacs_slice(text), DOCUMENT_VARIABLE, true, err);
}

/* Either the plain variables or those that name a secret. */
static PacsStatus apply_variables(PacsConfig *config, const PacsConfigInput *input, bool secrets,
                                  const Variables *variables, PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < variables->count; i++) {
        PacsSlice name = name_of(variables->items[i]);
        if (names_secret(name) != secrets)
            continue;
        const char *value = name.text + name.size + 1;
        PACS_AUTO_FREE char *copy = strndup(name.text, name.size - (secrets ? sizeof SECRET_SUFFIX - 1 : 0));
        if (!copy)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the environment");
        status = secrets ? set_from_file(config, copy, input->secrets_folder, value, err)
                         : set(config, copy, value, err);
    }
    return status;
}

static int is_setting_file(const struct dirent *entry)
{
    return is_setting(entry->d_name) && !pacs_config_is_json_file(entry);
}

static PacsStatus apply_secret_files(PacsConfig *config, const char *folder, PacsError *err)
{
    PACS_AUTO_CONFIG_NAMES PacsConfigNames names = {0};
    PacsStatus status = pacs_config_list_folder(folder, is_setting_file, &names, err);
    for (int i = 0; status == PACS_OK && i < names.count; i++)
        status = set_from_file(config, names.entries[i]->d_name, folder, names.entries[i]->d_name, err);
    return status;
}

/* ---- all of it, later wins ---- */

static PacsStatus load_files(PacsConfig *config, const PacsConfigInput *input, PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < input->path_count; i++)
        status = pacs_config_merge_path(config, input, input->paths[i], false, err);
    return status;
}

static PacsStatus load_environment(PacsConfig *config, const PacsConfigInput *input, PacsError *err)
{
    __attribute__((cleanup(free_variables))) Variables variables = {0};
    PacsStatus status = apply_document(config, input, err);
    if (status == PACS_OK)
        status = collect_variables(input->environment, &variables, err);
    if (status == PACS_OK)
        status = apply_variables(config, input, false, &variables, err);
    if (status == PACS_OK)
        status = apply_variables(config, input, true, &variables, err);
    return status;
}

static bool has_secrets(const PacsConfigInput *input)
{
    return input->secrets_folder && access(input->secrets_folder, F_OK) == 0;
}

PacsStatus pacs_config_load(const PacsConfigInput *input, PacsConfig **ret_config, PacsError *err)
{
    PACS_AUTO(PacsConfig) config = pacs_config_tree_new();
    if (!config)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the configuration");

    PacsStatus status = load_files(config, input, err);
    if (status == PACS_OK && has_secrets(input))
        status = pacs_config_merge_path(config, input, input->secrets_folder, true, err);
    if (status == PACS_OK)
        status = load_environment(config, input, err);
    if (status == PACS_OK && has_secrets(input))
        status = apply_secret_files(config, input->secrets_folder, err);
    if (status != PACS_OK)
        return status;
    *ret_config = PACS_STEAL(config);
    return PACS_OK;
}
