#include "workers/imaging-report/attributes.h"

#include "pacs/util/text.h"

const json_t *attribute_values(const json_t *data_set, const char *tag)
{
    const json_t *values = json_object_get(json_object_get(data_set, tag), "Value");

    return json_is_array(values) ? values : NULL;
}

const json_t *attribute_first(const json_t *data_set, const char *tag)
{
    return json_array_get(attribute_values(data_set, tag), 0);
}

const char *attribute_text(const json_t *data_set, const char *tag, PacsArena *arena)
{
    const json_t *value = attribute_first(data_set, tag);

    if (json_is_object(value)) /* a name: its letters, or else how it is written or spoken */
        value = json_object_get(value, "Alphabetic")    ? json_object_get(value, "Alphabetic")
                : json_object_get(value, "Ideographic") ? json_object_get(value, "Ideographic")
                                                        : json_object_get(value, "Phonetic");
    const char *text = json_is_string(value) ? pacs_arena_strdup(arena, json_string_value(value)) : NULL;
    return text ? text : "";
}

int64_t attribute_number(const json_t *data_set, const char *tag, int64_t max, int64_t otherwise)
{
    const json_t *value = attribute_first(data_set, tag);
    int64_t number = otherwise;

    if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= max)
        return json_integer_value(value);
    if (json_is_string(value))
        pacs_ignore(pacs_parse_i64(pacs_slice_trim(pacs_slice(json_string_value(value))), 0, max, &number,
                                   NULL)); /* no number: otherwise */
    return number;
}
