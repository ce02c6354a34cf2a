#include "pacs/util/config_tree.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/util/buffer.h"
#include "pacs/util/config_clean.h"
#include "pacs/util/limits.h"

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the configuration");
}

PacsConfig *pacs_config_tree_new(void)
{
    PACS_AUTO(PacsConfig) config = calloc(1, sizeof *config);
    if (!config)
        return NULL;
    config->root = json_object();
    config->origins = json_object();
    config->texts = json_object();
    return config->root && config->origins && config->texts ? PACS_STEAL(config) : NULL;
}

void pacs_config_free(PacsConfig *config)
{
    if (!config)
        return;
    json_decref(config->root);
    json_decref(config->origins);
    json_decref(config->texts);
    free(config);
}

PacsStatus pacs_config_parse(PacsSlice text, size_t flags, json_t **ret_value, PacsError *err)
{
    json_error_t error;
    json_t *value = json_loadb(text.text, text.size, flags, &error);
    if (value) {
        *ret_value = value;
        return PACS_OK;
    }
    /* jansson says what is wrong with the text, and mostly nothing where memory ran out. */
    if (error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory)
        return no_memory(err);
    return pacs_fail(err, PACS_INVALID, "line %d: %s", error.line, error.text);
}

/* ---- merging ---- */

typedef struct Merge {
    PacsConfig *config;
    const char *source;
    bool override;
    PacsBuffer path; /* of the member at hand, levels separated by dots */
} Merge;

static const char *origin(const Merge *merge)
{
    const char *name = json_string_value(
        json_object_get(merge->config->origins, pacs_buffer_text(&merge->path)));
    return name ? name : "the same place";
}

static PacsStatus merge_object(Merge *merge, json_t *into, json_t *from, PacsError *err);

static PacsStatus put(Merge *merge, json_t *into, const char *key, json_t *value, PacsError *err)
{
    const char *path = pacs_buffer_text(&merge->path);
    if (json_object_set_new(merge->config->origins, path, json_string(merge->source)) != 0)
        return no_memory(err);
    (void)json_object_del(merge->config->texts, path); /* if any: it told of the value replaced here */
    if (!json_is_object(value))
        return json_object_set(into, key, value) == 0 ? PACS_OK : no_memory(err);

    /* A section of the tree's own, filled one by one, so that each member has its origin. */
    json_t *section = json_object();
    if (json_object_set_new(into, key, section) != 0)
        return no_memory(err);
    return merge_object(merge, section, value, err);
}

static PacsStatus merge_member(Merge *merge, json_t *into, const char *key, json_t *value, PacsError *err)
{
    json_t *present = json_object_get(into, key);
    if (json_is_object(present) && json_is_object(value))
        return merge_object(merge, present, value, err);
    if (present && !merge->override)
        return pacs_fail(err, PACS_INVALID, "'%s' is given in %s and again in %s",
                         pacs_buffer_text(&merge->path), origin(merge), merge->source);
    return put(merge, into, key, value, err);
}

/* As deep as JSON nests, which cleaning has limited. */
static PacsStatus merge_object(Merge *merge, json_t *into, json_t *from, PacsError *err)
{
    size_t base = merge->path.size;
    const char *key;
    json_t *value;
    json_object_foreach(from, key, value)
    {
        merge->path.size = base; /* the next addition ends the text here */
        (void)pacs_buffer_add_format(&merge->path, "%s%s", base > 0 ? "." : "", key);
        PacsStatus status = pacs_buffer_check(&merge->path, err);
        if (status == PACS_OK)
            status = merge_member(merge, into, key, value, err);
        if (status != PACS_OK)
            return status;
    }
    merge->path.size = base;
    return PACS_OK;
}

PacsStatus pacs_config_tree_merge(PacsConfig *config, json_t *from, const char *source, bool override,
                                  PacsError *err)
{
    Merge merge = {.config = config, .source = source, .override = override};
    pacs_buffer_init(&merge.path, PACS_MAX_CONFIG_FILE);
    PacsStatus status = merge_object(&merge, config->root, from, err);
    pacs_buffer_clear(&merge.path);
    return status;
}

/* ---- one value ---- */

/* What is no JSON, or nests too deep to be taken for it, is a string. */
static PacsStatus parse_value(const char *text, const char *source, json_t **ret_value, PacsError *err)
{
    PacsSlice slice = pacs_slice(text);
    if (pacs_config_is_shallow(slice)) {
        PacsStatus status = pacs_config_parse(slice, JSON_DECODE_ANY, ret_value, NULL);
        if (status != PACS_INVALID)
            return status == PACS_OK ? PACS_OK : no_memory(err);
    }
    if (!pacs_utf8_valid(slice.text, slice.size))
        return pacs_fail(err, PACS_INVALID, "%s is not UTF-8", source);
    *ret_value = json_string(text);
    return *ret_value ? PACS_OK : no_memory(err);
}

/* `{"A": {"B": value}}` for "A.B"; takes value. */
static json_t *wrap(PacsSlice path, json_t *value)
{
    for (;;) {
        size_t start = path.size;
        while (start > 0 && path.text[start - 1] != '.')
            start--;
        json_t *object = json_object();
        if (json_object_setn_new(object, path.text + start, path.size - start, value) != 0) {
            json_decref(object);
            return NULL;
        }
        if (start == 0)
            return object;
        path.size = start - 1;
        value = object;
    }
}

PacsStatus pacs_config_tree_set(PacsConfig *config, const char *path, const char *text, const char *source,
                                PacsError *err)
{
    json_t *value = NULL;
    PacsStatus status = parse_value(text, source, &value, err);
    if (status != PACS_OK)
        return status;
    bool keep_text = json_is_number(value) || json_is_boolean(value);

    json_t *document = wrap(pacs_slice(path), value);
    if (!document)
        return no_memory(err);
    status = pacs_config_tree_merge(config, document, source, true, err);
    json_decref(document);
    if (status == PACS_OK && keep_text && json_object_set_new(config->texts, path, json_string(text)) != 0)
        return no_memory(err);
    return status;
}
