#include "pacs/util/config_clean.h"

#include <string.h>

#include "pacs/util/json.h"
#include "pacs/util/limits.h"

typedef struct Cleaning {
    PacsSlice text;
    size_t at;
    uint64_t line;
    const char *const *environment;
    PacsBuffer *out; /* `failed` is looked at once, at the end */
    char last;       /* character outside strings that was no white space; 0 at the start */
} Cleaning;

const char *pacs_config_variable(const char *const *environment, PacsSlice name)
{
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name.text, name.size) == 0 && (*environment)[name.size] == '=')
            return *environment + name.size + 1;
    return NULL;
}

static char peek(const Cleaning *c, size_t ahead)
{
    return (char)(ahead < c->text.size - c->at ? c->text.text[c->at + ahead] : '\0');
}

static void copy_one(Cleaning *c)
{
    char next = c->text.text[c->at++];
    c->line += next == '\n';
    (void)pacs_buffer_add_char(c->out, next);
}

/* ---- variables ---- */

typedef struct Variable {
    PacsSlice name;
    PacsSlice standard; /* what stands behind ":-"; still escaped where it stands in a string */
    size_t size;        /* of the whole `${...}` */
} Variable;

static bool is_name_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Where the default ends: before a "}" on the same line; quotes would end the string it may stand in. */
static size_t default_size(PacsSlice text)
{
    size_t size = 0;
    while (size < text.size && text.text[size] != '}' && text.text[size] != '\n' && text.text[size] != '"')
        size++;
    return size;
}

static bool find_variable(PacsSlice text, Variable *ret_variable)
{
    if (text.size < 4 || text.text[0] != '$' || text.text[1] != '{')
        return false;
    size_t at = 2;
    while (at < text.size && is_name_character(text.text[at]))
        at++;
    Variable variable = {.name = {text.text + 2, at - 2}, .standard = {"", 0}};
    if (text.size - at >= 2 && text.text[at] == ':' && text.text[at + 1] == '-') {
        at += 2;
        PacsSlice rest = {text.text + at, text.size - at};
        variable.standard = (PacsSlice){rest.text, default_size(rest)};
        at += variable.standard.size;
    }
    if (variable.name.size == 0 || at >= text.size || text.text[at] != '}')
        return false;
    variable.size = at + 1;
    *ret_variable = variable;
    return true;
}

/* Outside strings, a value's line ends would move all lines below. */
static void add_on_one_line(PacsBuffer *out, const char *value)
{
    for (; *value; value++)
        (void)pacs_buffer_add_char(out, (char)(*value == '\n' ? ' ' : *value));
}

/* True if a variable stood here. */
static bool substitute(Cleaning *c, bool in_string)
{
    Variable variable;
    if (!find_variable((PacsSlice){c->text.text + c->at, c->text.size - c->at}, &variable))
        return false;

    const char *value = pacs_config_variable(c->environment, variable.name);
    if (!value)
        (void)pacs_buffer_add(c->out, variable.standard.text, variable.standard.size);
    else if (in_string)
        pacs_json_escape(c->out, value, strlen(value));
    else
        add_on_one_line(c->out, value);
    c->at += variable.size;
    return true;
}

/* ---- tokens ---- */

static void take_string(Cleaning *c)
{
    copy_one(c); /* the quote */
    while (c->at < c->text.size && peek(c, 0) != '"' && peek(c, 0) != '\n') {
        if (peek(c, 0) == '$' && substitute(c, true))
            continue;
        if (peek(c, 0) == '\\' && c->text.size - c->at > 1)
            copy_one(c);
        copy_one(c);
    }
    if (c->at < c->text.size)
        copy_one(c); /* the other quote, or a line end that the parser complains of */
}

static void take_line_comment(Cleaning *c)
{
    while (c->at < c->text.size && peek(c, 0) != '\n')
        c->at++;
}

static bool take_block_comment(Cleaning *c)
{
    (void)pacs_buffer_add_char(c->out, ' ');
    for (c->at += 2; c->at < c->text.size; c->at++) {
        if (peek(c, 0) == '*' && peek(c, 1) == '/') {
            c->at += 2;
            return true;
        }
        if (peek(c, 0) == '\n') {
            c->line++;
            (void)pacs_buffer_add_char(c->out, '\n');
        }
    }
    return false;
}

static PacsStatus take_character(Cleaning *c, PacsError *err)
{
    char next = peek(c, 0);
    if ((next == '}' || next == ']') && c->last == ',')
        return pacs_fail(err, PACS_INVALID, "a comma before '%c'", next);
    if (!strchr(" \t\r\n", next) || next == '\0')
        c->last = next;
    copy_one(c);
    return PACS_OK;
}

static PacsStatus take(Cleaning *c, PacsError *err)
{
    uint64_t first_line = c->line;
    switch (peek(c, 0)) {
    case '"':
        c->last = '"';
        take_string(c);
        return PACS_OK;
    case '/':
        if (peek(c, 1) == '/') {
            take_line_comment(c);
            return PACS_OK;
        }
        if (peek(c, 1) == '*') {
            if (take_block_comment(c))
                return PACS_OK;
            c->line = first_line;
            return pacs_fail(err, PACS_INVALID, "a comment that does not end");
        }
        return take_character(c, err);
    case '$':
        if (substitute(c, false)) {
            c->last = '$';
            return PACS_OK;
        }
        return take_character(c, err);
    default:
        return take_character(c, err);
    }
}

bool pacs_config_is_shallow(PacsSlice text)
{
    uint64_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > PACS_MAX_CONFIG_DEPTH)
            return false;
    }
    return true;
}

static PacsSlice without_byte_order_mark(PacsSlice text)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* Windows editors write it */
    if (text.size >= 3 && memcmp(text.text, mark, 3) == 0)
        return (PacsSlice){text.text + 3, text.size - 3};
    return text;
}

PacsStatus pacs_config_clean(PacsSlice text, const char *const *environment, PacsBuffer *out,
                             uint64_t *ret_line, PacsError *err)
{
    Cleaning c = {.text = without_byte_order_mark(text), .line = 1, .environment = environment, .out = out};
    PacsStatus status = PACS_OK;
    while (status == PACS_OK && c.at < c.text.size)
        status = take(&c, err);
    if (status == PACS_OK)
        status = pacs_buffer_check(out, err);
    if (status == PACS_OK && !pacs_config_is_shallow((PacsSlice){pacs_buffer_text(out), out->size}))
        status = pacs_fail(err, PACS_INVALID, "brackets nest deeper than %d", PACS_MAX_CONFIG_DEPTH);
    if (status != PACS_OK)
        *ret_line = c.line;
    return status;
}
