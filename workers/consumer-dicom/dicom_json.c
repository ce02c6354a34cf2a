#include "workers/consumer-dicom/dicom_json.h"

#include "pacs/util/text.h"

static const json_t *value_at(const json_t *item, const char *tag, size_t index)
{
    return json_array_get(json_object_get(json_object_get(item, tag), "Value"), index);
}

const char *dicom_json_text(const json_t *item, const char *tag, PacsArena *arena)
{
    const char *text = json_string_value(value_at(item, tag, 0));
    return text && text[0] ? pacs_arena_strdup(arena, text) : NULL;
}

const char *dicom_json_texts(const json_t *item, const char *tag, PacsArena *arena)
{
    const json_t *values = json_object_get(json_object_get(item, tag), "Value");
    const char *joined = NULL;
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *text = json_string_value(json_array_get(values, i));
        if (text && text[0])
            joined = joined ? pacs_arena_printf(arena, "%s\\%s", joined, text)
                            : pacs_arena_strdup(arena, text);
    }
    return joined;
}

bool dicom_json_number(const json_t *item, const char *tag, int64_t *ret_number)
{
    const json_t *value = value_at(item, tag, 0);
    if (json_is_integer(value)) {
        *ret_number = json_integer_value(value);
        return true;
    }
    return json_is_string(value) && pacs_parse_i64(pacs_slice(json_string_value(value)), INT64_MIN, INT64_MAX,
                                                   ret_number, NULL) == PACS_OK;
}

const json_t *dicom_json_item(const json_t *item, const char *tag, size_t index)
{
    return value_at(item, tag, index);
}
