#include "pacs/http/media_type.h"

#include <string.h>

#define WHITE_SPACE " \t"

PacsSlice pacs_media_type_name(const char *header)
{
    if (!header)
        return PACS_SLICE("");
    return pacs_slice_trim((PacsSlice){header, strcspn(header, ";")});
}

typedef struct Parameter {
    PacsSlice name;
    PacsSlice value; /* as written: with the quotes, if it has some */
} Parameter;

/* Up to the ";" behind a value, which quotes may hide; NULL if a quote is not closed. */
static const char *skip_value(const char *at)
{
    bool quoted = false;

    for (; *at && (quoted || *at != ';'); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (*at == '\\' && quoted && at[1])
            at++;
    }
    return quoted ? NULL : at;
}

/* *rest is at a ";" or at the end. False at the end; *rest becomes NULL where a quote is not closed. */
static bool next_parameter(const char **rest, Parameter *ret_parameter)
{
    const char *at = *rest + strspn(*rest, ";" WHITE_SPACE);
    if (!*at)
        return false;

    size_t name_size = strcspn(at, "=;");
    ret_parameter->name = pacs_slice_trim((PacsSlice){at, name_size});
    at += name_size;
    const char *value = *at == '=' ? at + 1 : at;
    *rest = skip_value(value);
    if (!*rest)
        return false;
    ret_parameter->value = pacs_slice_trim((PacsSlice){value, (size_t)(*rest - value)});
    return true;
}

static PacsStatus unquote(PacsSlice value, char *out, size_t size, PacsError *err)
{
    bool quoted = value.size >= 2 && value.text[0] == '"';
    const char *at = value.text + quoted;
    const char *end = value.text + value.size - quoted;
    size_t used = 0;

    for (; at < end; at++) {
        if (quoted && *at == '\\' && at + 1 < end)
            at++;
        if (used + 1 >= size)
            return pacs_fail(err, PACS_TOO_LARGE, "a parameter of the Content-Type is longer than %zu bytes",
                             size - 1);
        out[used++] = *at;
    }
    out[used] = '\0';
    return PACS_OK;
}

PacsStatus pacs_media_type_parameter(const char *header, const char *name, char *value, size_t size,
                                     PacsError *err)
{
    const char *rest = header ? header + strcspn(header, ";") : "";
    Parameter parameter;

    while (next_parameter(&rest, &parameter)) {
        if (pacs_slice_equal_case(parameter.name, name))
            return unquote(parameter.value, value, size, err);
    }
    if (!rest)
        return pacs_fail(err, PACS_INVALID, "the Content-Type has a quote that is not closed");
    return pacs_fail(err, PACS_NOT_FOUND, "the Content-Type has no parameter '%s'", name);
}
