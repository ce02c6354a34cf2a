#include "pacs/util/config_tree.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/util/buffer.h"
#include "pacs/util/config_clean.h"
#include "pacs/util/limits.h"

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

/* --- merging ---------------------------------------------------------------------------------------- */

typedef struct Merge {
    PacsConfig *config;
    const char *source;
    bool override;
    PacsBuffer path; /* of the member at hand, levels separated by dots */
} Merge;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the configuration");
}

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
    (void)json_object_del(merge->config->texts,
                          path); /* it told of the value that is replaced here, if any */
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

/* --- one value -------------------------------------------------------------------------------------- */

/* NULL if `text` is no JSON, or nests too deep to be taken for it. */
static json_t *parse_value(const char *text)
{
    PacsSlice slice = pacs_slice(text);
    return pacs_config_is_shallow(slice) ? json_loadb(slice.text, slice.size, JSON_DECODE_ANY, NULL) : NULL;
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
    json_t *value = parse_value(text);
    if (!value && !pacs_utf8_valid(text, strlen(text)))
        return pacs_fail(err, PACS_INVALID, "%s is not UTF-8", source);
    if (!value)
        value = json_string(text);
    bool keep_text = json_is_number(value) || json_is_boolean(value);

    json_t *document = value ? wrap(pacs_slice(path), value) : NULL;
    if (!document)
        return no_memory(err);
    PacsStatus status = pacs_config_tree_merge(config, document, source, true, err);
    json_decref(document);
    if (status == PACS_OK && keep_text && json_object_set_new(config->texts, path, json_string(text)) != 0)
        return no_memory(err);
    return status;
}
