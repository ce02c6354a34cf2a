#include "pacs/util/config_section.h"

#include <stdio.h>
#include <string.h>

#include "pacs/util/buffer.h"

#define KEY_MAX 256 /* a path; keys of ours are far shorter, longer ones of others are cut in warnings */

static PacsStatus fail_choice(const char *key, const char *const *choices, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer names = PACS_BUFFER(PACS_ERROR_TEXT_MAX);

    for (const char *const *choice = choices; *choice; choice++)
        (void)pacs_buffer_add_format(&names, "%s\"%s\"", choice == choices ? "" : ", ", *choice);
    return pacs_fail(err, PACS_INVALID, "'%s' must be one of %s", key, pacs_buffer_text(&names));
}

static PacsStatus read_choice(const PacsConfig *config, const char *key, const char *const *choices,
                              const char **field, PacsError *err)
{
    const char *text = NULL;

    PacsStatus status = pacs_config_text(config, key, &text, NULL);
    if (status == PACS_OK && !text)
        return PACS_OK;
    for (const char *const *choice = choices; status == PACS_OK && *choice; choice++) {
        if (strcmp(text, *choice) == 0) {
            *field = *choice;
            return PACS_OK;
        }
    }
    return fail_choice(key, choices, err);
}

static PacsStatus read_member(const PacsConfig *config, const char *key, const PacsConfigMember *member,
                              void *field, PacsError *err)
{
    switch (member->kind) {
    case PACS_MEMBER_TEXT:
        return pacs_config_text(config, key, field, err);
    case PACS_MEMBER_BOOL:
        return pacs_config_bool(config, key, field, err);
    case PACS_MEMBER_NUMBER:
        return pacs_config_u64(config, key, member->min, member->max, field, err);
    case PACS_MEMBER_CHOICE:
        return read_choice(config, key, member->choices, field, err);
    case PACS_MEMBER_JSON: {
        const json_t *value = pacs_config_value(config, key);
        if (value)
            *(const json_t **)field = value;
        return PACS_OK;
    }
    }
    return pacs_fail(err, PACS_INTERNAL, "setting %s has no kind", key);
}

static bool is_known(const PacsConfigMember *members, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i].key, key) == 0)
            return true;
    }
    return false;
}

static void warn_of_others(const json_t *section, const char *name, const PacsConfigMember *members,
                           size_t count, PacsConfigWarning *warn)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)section, key, value) /* jansson iterates non-const */
    {
        char path[KEY_MAX];
        if (is_known(members, count, key))
            continue;
        (void)snprintf(path, sizeof path, "%s.%s", name, key);
        warn(path, "unknown key, ignored");
    }
}

PacsStatus pacs_config_read_section(const PacsConfig *config, const char *section,
                                    const PacsConfigMember *members, size_t member_count, void *ret_fields,
                                    PacsConfigWarning *warn, PacsError *err)
{
    const json_t *value = pacs_config_value(config, section);

    if (!value)
        return PACS_OK;
    if (!json_is_object(value))
        return pacs_fail(err, PACS_INVALID, "'%s' must be an object", section);
    for (size_t i = 0; i < member_count; i++) {
        char key[KEY_MAX];
        (void)snprintf(key, sizeof key, "%s.%s", section, members[i].key);
        PacsStatus status = read_member(config, key, &members[i], (char *)ret_fields + members[i].offset,
                                        err);
        if (status != PACS_OK)
            return status;
    }
    if (warn)
        warn_of_others(value, section, members, member_count, warn);
    return PACS_OK;
}
