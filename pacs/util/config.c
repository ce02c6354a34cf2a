#include "pacs/util/config.h"

#include "pacs/util/config_tree.h"
#include "pacs/util/text.h"

const json_t *pacs_config_root(const PacsConfig *config)
{
    return config->root;
}

const json_t *pacs_config_value(const PacsConfig *config, const char *key)
{
    const json_t *value = config->root;
    PacsSlice rest = pacs_slice(key);
    PacsSlice level;
    while (value && pacs_slice_split(&rest, '.', &level))
        value = json_object_getn(value, level.text, level.size); /* NULL too where value is no section */
    return value;
}

PacsStatus pacs_config_text(const PacsConfig *config, const char *key, const char **ret_value, PacsError *err)
{
    const json_t *value = pacs_config_value(config, key);
    if (!value)
        return PACS_OK;
    if (!json_is_string(value))
        value = json_object_get(config->texts, key);
    if (!value)
        return pacs_fail(err, PACS_INVALID, "'%s' must be a text in quotes", key);
    *ret_value = json_string_value(value);
    return PACS_OK;
}

PacsStatus pacs_config_bool(const PacsConfig *config, const char *key, bool *ret_value, PacsError *err)
{
    const json_t *value = pacs_config_value(config, key);
    if (!value)
        return PACS_OK;
    PacsSlice text = pacs_slice(json_string_value(value));
    bool yes = json_is_true(value) || pacs_slice_equal(text, "true");
    bool no = json_is_false(value) || pacs_slice_equal(text, "false");
    if (!yes && !no)
        return pacs_fail(err, PACS_INVALID, "'%s' must be true or false", key);
    *ret_value = yes;
    return PACS_OK;
}

static bool read_number(const json_t *value, uint64_t *ret_number)
{
    if (json_is_string(value))
        return pacs_parse_u64(pacs_slice(json_string_value(value)), UINT64_MAX, ret_number, NULL) == PACS_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

PacsStatus pacs_config_u64(const PacsConfig *config, const char *key, uint64_t min, uint64_t max,
                           uint64_t *ret_value, PacsError *err)
{
    const json_t *value = pacs_config_value(config, key);
    if (!value)
        return PACS_OK;
    uint64_t number;
    if (!read_number(value, &number) || number < min || number > max)
        return pacs_fail(err, PACS_INVALID, "'%s' must be a whole number from %llu to %llu", key,
                         (unsigned long long)min, (unsigned long long)max);
    *ret_value = number;
    return PACS_OK;
}
