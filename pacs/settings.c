#include "pacs/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct PacsSettingsDefaults {
    json_t *values; /* an array, one value per row of the table */
};

void pacs_settings_defaults_free(PacsSettingsDefaults *defaults)
{
    if (!defaults)
        return;
    json_decref(defaults->values);
    free(defaults);
}

/* ---- Defaults ---- */

static PacsStatus parse_defaults(PacsSettingsDefaults **ret_defaults, PacsError *err)
{
    PACS_AUTO(PacsSettingsDefaults) defaults = calloc(1, sizeof *defaults);
    if (!defaults)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the settings");
    defaults->values = json_array();

    for (size_t i = 0; i < pacs_settings_count; i++) {
        json_t *value = json_loads(pacs_settings_table[i].default_json, JSON_DECODE_ANY, NULL);
        if (!value || json_array_append_new(defaults->values, value) != 0)
            return pacs_fail(err, PACS_INTERNAL, "the default of %s is not JSON", pacs_settings_table[i].key);
    }
    *ret_defaults = PACS_STEAL(defaults);
    return PACS_OK;
}

/* ---- Reading ---- */

static PacsStatus read_number(const PacsConfig *config, const PacsSetting *row, const json_t *standard,
                              void *field, PacsError *err)
{
    uint64_t *number = field;

    *number = (uint64_t)json_integer_value(standard);
    return pacs_config_u64(config, row->key, row->min, row->max, number, err);
}

static PacsStatus read_row(const PacsConfig *config, const PacsSetting *row, const json_t *standard,
                           void *field, PacsError *err)
{
    switch (row->kind) {
    case PACS_SETTING_TEXT:
        *(const char **)field = json_string_value(standard);
        return pacs_config_text(config, row->key, field, err);
    case PACS_SETTING_BOOL:
        *(bool *)field = json_is_true(standard);
        return pacs_config_bool(config, row->key, field, err);
    case PACS_SETTING_NUMBER:
        return read_number(config, row, standard, field, err);
    case PACS_SETTING_JSON: {
        const json_t *given = pacs_config_value(config, row->key);
        *(const json_t **)field = given ? given : standard;
        return PACS_OK;
    }
    }
    return pacs_fail(err, PACS_INTERNAL, "setting %s has no kind", row->key);
}

static bool is_known(const char *key)
{
    for (size_t i = 0; i < pacs_settings_count; i++) {
        if (strcmp(pacs_settings_table[i].key, key) == 0)
            return true;
    }
    return false;
}

static bool is_without_effect(const char *key)
{
    for (const char *const *name = pacs_settings_without_effect; *name; name++) {
        if (strcmp(*name, key) == 0)
            return true;
    }
    return false;
}

static void warn_of_others(const PacsConfig *config, void (*warn)(const char *key, const char *text))
{
    json_t *root = (json_t *)pacs_config_root(config); /* jansson iterates non-const */
    const char *key;
    json_t *value;

    json_object_foreach(root, key, value)
    {
        if (is_known(key))
            continue;
        warn(key, is_without_effect(key) ? "this key of Orthanc has no effect here" : "unknown key, ignored");
    }
}

PacsStatus pacs_settings_read(const PacsConfig *config, PacsSettings *ret_settings,
                              PacsSettingsDefaults **ret_defaults,
                              void (*warn)(const char *key, const char *text), PacsError *err)
{
    PacsSettings settings = {0};
    PACS_AUTO(PacsSettingsDefaults) defaults = NULL;

    PacsStatus status = parse_defaults(&defaults, err);
    for (size_t i = 0; status == PACS_OK && i < pacs_settings_count; i++) {
        const PacsSetting *row = &pacs_settings_table[i];
        status = read_row(config, row, json_array_get(defaults->values, i), (char *)&settings + row->offset,
                          err);
    }
    if (status != PACS_OK)
        return status;

    if (warn)
        warn_of_others(config, warn);
    settings.config = config;
    *ret_settings = settings;
    *ret_defaults = PACS_STEAL(defaults);
    return PACS_OK;
}

/* ---- The default file ---- */

static void write_comment(FILE *out, const char *text)
{
    while (*text) {
        size_t line = strcspn(text, "\n");
        (void)fprintf(out, "  // %.*s\n", (int)line, text);
        text += line + (text[line] == '\n');
    }
}

static void write_default(FILE *out)
{
    (void)fputs(
        "{\n  // Configuration of Lightbox, in Orthanc's format: JSON with comments. Every key may be left "
        "out.\n"
        "  // ${NAME} and ${NAME:-default} are replaced from the environment, and ORTHANC__DICOM_PORT=104\n"
        "  // in the environment stands for \"DicomPort\": 104.\n",
        out);
    for (size_t i = 0; i < pacs_settings_count; i++) {
        const PacsSetting *row = &pacs_settings_table[i];

        if (row->section)
            (void)fprintf(out, "\n  /* %s */\n", row->section);
        (void)fputc('\n', out);
        write_comment(out, row->help);
        (void)fprintf(out, "  \"%s\": %s%s\n", row->key, row->default_json,
                      i + 1 < pacs_settings_count ? "," : "");
    }
    (void)fputs("}\n", out);
}

bool pacs_settings_write_default_file(const char *path)
{
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(path, "wx");

    if (out) {
        write_default(out);
        bool failed = ferror(out) != 0;
        if ((is_stdout ? fflush(out) : fclose(out)) == 0 && !failed)
            return true;
    }
    (void)fprintf(stderr, "lightbox: cannot write %s: %s\n", path, strerror(errno));
    return false;
}
