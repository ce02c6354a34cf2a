#include "workers/loop/mapping_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/text.h"
#include "workers/loop/json_pointer.h"

#define RFC3339_SIZE 40
#define MS_FROM 100000000000 /* of a number of seconds or milliseconds: the year 5138, or March 1973 */

PacsSlice mapping_header(const WorkerRecord *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    return (PacsSlice){0};
}

/* ---- What a field asks for ---- */

static bool is_pointer(const json_t *value)
{
    return json_is_string(value) && worker_pointer_valid(json_string_value(value));
}

static bool is_one_of(const char *text, const char *const *choices)
{
    for (; *choices; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

/* "+07:00", "-03:30", "Z" */
static bool is_zone(const char *text)
{
    const bool is_offset = strlen(text) == 6 && (text[0] == '+' || text[0] == '-') &&
                           strspn(text + 1, "0123456789") == 2 && text[3] == ':' &&
                           strspn(text + 4, "0123456789") == 2;
    return is_offset || strcmp(text, "Z") == 0;
}

static PacsStatus check_items(const json_t *items, const char *name, PacsError *err)
{
    const char *member;
    json_t *field;

    json_object_foreach((json_t *)items, member, field)
    {
        if (!*member || !worker_pointer_valid(member) || json_object_get(field, "Items"))
            return pacs_fail(err, PACS_INVALID, "'%s': 'Items' are pointers to fields, one level deep", name);
        const PacsStatus status = mapping_field_check(field, name, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

PacsStatus mapping_field_check(const json_t *field, const char *name, PacsError *err)
{
    static const char *const known[] = {"Pointer", "Header", "Value", "Default", "As",
                                        "Zone",    "Map",    "Items", NULL};
    static const char *const conversions[] = {"text", "integer", "time", NULL};
    const char *member;
    json_t *value;

    if (is_pointer(field))
        return PACS_OK;
    if (!json_is_object(field))
        return pacs_fail(err, PACS_INVALID, "'%s' is to be a JSON pointer (\"/a/b\") or an object", name);
    json_object_foreach((json_t *)field, member, value)
    {
        const bool is_valid = strcmp(member, "Pointer") == 0  ? is_pointer(value)
                              : strcmp(member, "Header") == 0 ? json_is_string(value)
                              : strcmp(member, "As") == 0
                                  ? json_is_string(value) && is_one_of(json_string_value(value), conversions)
                              : strcmp(member, "Zone") == 0
                                  ? json_is_string(value) && is_zone(json_string_value(value))
                              : strcmp(member, "Map") == 0 || strcmp(member, "Items") == 0
                                  ? json_is_object(value)
                                  : is_one_of(member, known);
        if (!is_valid)
            return pacs_fail(err, PACS_INVALID, "'%s': '%s' is unknown or has no such value", name, member);
    }
    const size_t sources = (json_object_get(field, "Pointer") ? 1u : 0u) +
                           (json_object_get(field, "Header") ? 1u : 0u) +
                           (json_object_get(field, "Value") ? 1u : 0u);
    if (sources != 1)
        return pacs_fail(err, PACS_INVALID, "'%s' needs one of 'Pointer', 'Header' and 'Value'", name);
    const json_t *items = json_object_get(field, "Items");
    return items ? check_items(items, name, err) : PACS_OK;
}

/* ---- Conversions: each takes the value over ---- */

static PacsStatus wrong(json_t *value, const char *name, const char *expected, PacsError *err)
{
    json_decref(value);
    return pacs_fail(err, PACS_INVALID, "%s is no %s", name, expected);
}

static PacsStatus as_text(json_t *value, const char *name, json_t **ret_value, PacsError *err)
{
    char text[64];

    if (json_is_string(value)) {
        *ret_value = value;
        return PACS_OK;
    }
    if (json_is_integer(value))
        (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(text, sizeof text, "%.15g", json_real_value(value));
    else if (json_is_boolean(value))
        (void)snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
    else
        return wrong(value, name, "text", err);
    json_decref(value);
    *ret_value = json_string(text);
    return PACS_OK;
}

static PacsStatus as_integer(json_t *value, const char *name, json_t **ret_value, PacsError *err)
{
    int64_t number = 0;

    if (json_is_integer(value)) {
        *ret_value = value;
        return PACS_OK;
    }
    const char *text = json_string_value(value);
    const bool is_whole_real = json_is_real(value) &&
                               floor(json_real_value(value)) == json_real_value(value) &&
                               fabs(json_real_value(value)) < 9007199254740992.0;
    if (is_whole_real)
        number = (int64_t)json_real_value(value);
    else if (!text || pacs_parse_i64(pacs_slice_trim(pacs_slice(text)), INT64_MIN, INT64_MAX, &number,
                                     NULL) != PACS_OK)
        return wrong(value, name, "whole number", err);
    json_decref(value);
    *ret_value = json_integer(number);
    return PACS_OK;
}

/* "2026-11-21 10:05[:09[.25]]" with what it lacks; false: something else. */
static bool complete_time(const char *text, const char *zone, char out[RFC3339_SIZE])
{
    static const char shape[] = "0000-00-00 00:00";
    const size_t size = strlen(text);

    if (size < sizeof shape - 1 || size > 32)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9'
            : i == 10       ? text[i] != ' ' && text[i] != 'T'
                            : text[i] != shape[i])
            return false;
    const char *rest = text + sizeof shape - 1;
    const size_t seconds = strspn(rest, ":.0123456789");
    const bool has_zone = rest[seconds] != '\0'; /* its reader looks at it closely */
    (void)snprintf(out, RFC3339_SIZE, "%.10sT%.5s%.*s%s", text, text + 11, seconds > 0 ? (int)seconds : 3,
                   seconds > 0 ? rest : ":00", has_zone ? rest + seconds : zone);
    return true;
}

static PacsStatus as_time(json_t *value, const char *name, const char *zone, json_t **ret_value,
                          PacsError *err)
{
    char text[RFC3339_SIZE];

    if (json_is_number(value)) {
        const double number = json_number_value(value);
        if (!(fabs(number) < 253402300800000.0)) /* the year 10000 */
            return wrong(value, name, "time", err);
        pacs_time_format_rfc3339((int64_t)(fabs(number) < MS_FROM ? number * 1000 : number), text);
    } else if (!json_is_string(value) || !complete_time(json_string_value(value), zone, text))
        return wrong(value, name, "time", err);
    json_decref(value);
    *ret_value = json_string(text);
    return PACS_OK;
}

static PacsStatus convert(const json_t *field, const char *name, json_t *value, json_t **ret_value,
                          PacsError *err)
{
    const char *as = json_string_value(json_object_get(field, "As"));
    const char *zone = json_string_value(json_object_get(field, "Zone"));

    if (as && strcmp(as, "text") == 0)
        return as_text(value, name, ret_value, err);
    if (as && strcmp(as, "integer") == 0)
        return as_integer(value, name, ret_value, err);
    if (as && strcmp(as, "time") == 0)
        return as_time(value, name, zone ? zone : "Z", ret_value, err);
    *ret_value = value;
    return PACS_OK;
}

/* ---- Reading ---- */

static PacsStatus read_items(const json_t *fields, const char *name, const WorkerRecord *record, json_t *list,
                             json_t **ret_value, PacsError *err)
{
    json_t *items = json_array();
    PacsStatus status = PACS_OK;

    if (!json_is_array(list)) {
        json_decref(items);
        return wrong(list, name, "list", err);
    }
    for (size_t i = 0; status == PACS_OK && i < json_array_size(list); i++) {
        json_t *item = json_object();
        const char *member;
        json_t *field;
        json_object_foreach((json_t *)fields, member, field)
        {
            json_t *value = NULL;
            if (status == PACS_OK)
                status = mapping_field_read(field, name, record, json_array_get(list, i), &value, err);
            if (status == PACS_OK && value)
                status = worker_pointer_set(item, member, value, err);
        }
        (void)json_array_append_new(items, item);
    }
    json_decref(list);
    if (status == PACS_OK)
        *ret_value = items;
    else
        json_decref(items);
    return status;
}

/* What the field names, or its default; a new reference, NULL for nothing. */
static json_t *find(const json_t *field, const WorkerRecord *record, const json_t *message)
{
    const char *pointer = json_string_value(json_is_string(field) ? field
                                                                  : json_object_get(field, "Pointer"));
    const char *header = json_string_value(json_object_get(field, "Header"));
    json_t *value = NULL;

    if (pointer)
        value = json_incref(worker_pointer_get(message, pointer));
    else if (header && mapping_header(record, header).text)
        value = json_stringn(mapping_header(record, header).text, mapping_header(record, header).size);
    else if (!header)
        value = json_incref(json_object_get(field, "Value"));
    if (json_is_null(value))
        value = NULL; /* null is one for all, not counted */
    return value ? value : json_incref(json_object_get(field, "Default"));
}

PacsStatus mapping_field_read(const json_t *field, const char *name, const WorkerRecord *record,
                              const json_t *message, json_t **ret_value, PacsError *err)
{
    json_t *value = find(field, record, message);
    const json_t *map = json_object_get(field, "Map");
    const json_t *items = json_object_get(field, "Items");

    *ret_value = NULL;
    if (!value)
        return PACS_OK;
    if (items)
        return read_items(items, name, record, value, ret_value, err);
    json_t *other = json_is_string(value) ? json_object_get(map, json_string_value(value)) : NULL;
    if (other) {
        json_decref(value);
        value = json_incref(other);
    }
    return convert(field, name, value, ret_value, err);
}
