#include "pacs/ingest/lane.h"

#include "pacs/dicom/json_item.h"
#include "pacs/util/arena.h"
#include "pacs/util/limits.h"

static bool matches_any(const EventsTextList *patterns, PacsSlice text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (pacs_slice_matches(text, patterns->items[i]))
            return true;
    return false;
}

/** Any of several values, joined by backslash; no pattern matches a value that is not there (NULL). */
static bool matches_values(const EventsTextList *patterns, const char *values)
{
    PacsSlice rest = pacs_slice(values);
    PacsSlice value;

    while (values && pacs_slice_split(&rest, '\\', &value))
        if (matches_any(patterns, pacs_slice_trim(value)))
            return true;
    return false;
}

static const char *indexed_value(const PacsInstance *instance, PacsTag tag)
{
    for (int level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++)
        for (size_t i = 0; i < instance->tag_count[level]; i++)
            if (instance->tags[level][i].tag == tag)
                return instance->tags[level][i].value;
    return NULL;
}

/** What is not indexed is looked for in the whole data set; rules that need it are rare, and asked last. */
static bool matches_dataset(const EventsLaneTag *wanted, const PacsInstance *instance)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    PacsJsonItem dataset;

    if (!arena || !instance->json ||
        pacs_json_item_parse((PacsSlice){pacs_buffer_text(instance->json), instance->json->size}, arena,
                             &dataset, NULL) != PACS_OK)
        return false;
    const PacsJsonAttribute *attribute = pacs_json_item_find(&dataset, wanted->tag);
    if (!attribute || attribute->values.size == 0)
        return false;
    for (size_t i = 0; pacs_json_item_text(&dataset, wanted->tag, i).size > 0; i++) {
        const char *value = pacs_json_item_string(&dataset, wanted->tag, i, arena);
        if (value && matches_any(&wanted->values, pacs_slice(value)))
            return true;
    }
    return false;
}

static bool matches_tags(const EventsLaneRule *rule, const PacsInstance *instance)
{
    for (size_t i = 0; i < rule->tag_count; i++) {
        const char *value = indexed_value(instance, rule->tags[i].tag);
        if (value ? !matches_values(&rule->tags[i].values, value)
                  : !matches_dataset(&rule->tags[i], instance))
            return false;
    }
    return true;
}

static bool matches(const EventsLaneRule *rule, const PacsOrigin *origin, const PacsInstance *instance)
{
    if (rule->calling_aets.count > 0 && !matches_values(&rule->calling_aets, origin->calling_aet))
        return false;
    if (rule->called_aets.count > 0 && !matches_values(&rule->called_aets, origin->called_aet))
        return false;
    if (rule->modalities.count > 0 &&
        !matches_values(&rule->modalities, indexed_value(instance, PACS_TAG_MODALITY)))
        return false;
    return matches_tags(rule, instance);
}

const char *ingest_lane_of(const EventsLaneRule *rules, size_t count, const PacsOrigin *origin,
                           const PacsInstance *instance)
{
    for (size_t i = 0; i < count; i++)
        if (matches(&rules[i], origin, instance))
            return rules[i].lane;
    return NULL;
}
