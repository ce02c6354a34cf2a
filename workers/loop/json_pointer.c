#include "workers/loop/json_pointer.h"

#include <string.h>

#include "pacs/util/text.h"

bool worker_pointer_valid(const char *pointer)
{
    size_t depth = 0;

    if ((*pointer && *pointer != '/') || strlen(pointer) > WORKER_POINTER_MAX)
        return false;
    for (const char *at = pointer; *at; at++) {
        depth += *at == '/';
        if (*at == '~' && at[1] != '0' && at[1] != '1')
            return false;
    }
    return depth <= WORKER_POINTER_DEPTH;
}

/* The next step of a valid pointer, unescaped; false at its end. */
static bool next_step(const char **pointer, char step[WORKER_POINTER_MAX + 1])
{
    const char *at = *pointer;
    size_t size = 0;

    if (*at != '/')
        return false;
    for (at++; *at && *at != '/' && size < WORKER_POINTER_MAX; at++) {
        if (*at == '~')
            step[size++] = *++at == '1' ? '/' : '~';
        else
            step[size++] = *at;
    }
    step[size] = '\0';
    *pointer = at;
    return true;
}

static json_t *member(const json_t *value, const char *step)
{
    uint64_t index;

    if (json_is_object(value))
        return json_object_get(value, step);
    if (!json_is_array(value) || (step[0] == '0' && step[1]) ||
        pacs_parse_u64(pacs_slice(step), SIZE_MAX - 1, &index, NULL) != PACS_OK)
        return NULL;
    return json_array_get(value, index);
}

json_t *worker_pointer_get(const json_t *root, const char *pointer)
{
    char step[WORKER_POINTER_MAX + 1];
    union { /* borrowed from root, which others hold; jansson's own getters give what may be changed, too */
        const json_t *in;
        json_t *out;
    } value = {.in = root};

    while (value.in && next_step(&pointer, step))
        value.out = member(value.in, step);
    return value.out;
}

static json_t *object_at(json_t *parent, const char *step)
{
    json_t *child = json_object_get(parent, step);

    if (!child && json_object_set_new(parent, step, json_object()) == 0)
        child = json_object_get(parent, step);
    return child;
}

PacsStatus worker_pointer_set(json_t *root, const char *pointer, json_t *value, PacsError *err)
{
    char step[WORKER_POINTER_MAX + 1];
    const char *rest = pointer;

    bool has_step = next_step(&rest, step);
    while (has_step && json_is_object(root) && *rest) {
        root = object_at(root, step);
        has_step = next_step(&rest, step);
    }
    if (has_step && json_is_object(root))
        return json_object_set_new(root, step, value) == 0
                   ? PACS_OK
                   : pacs_fail(err, PACS_NO_MEMORY, "no memory for the member '%s'", pointer);
    json_decref(value);
    return pacs_fail(err, PACS_INVALID, "'%s' cannot be set: no object is there", pointer);
}
