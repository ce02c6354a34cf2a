#include "pacs/util/json_items.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/buffer.h"
#include "pacs/util/json.h"

typedef enum State {
    STATE_VALUE,       /* a value has to come */
    STATE_FIRST_VALUE, /* or the end of the array */
    STATE_KEY,
    STATE_FIRST_KEY, /* or the end of the object */
    STATE_COLON,
    STATE_AFTER_VALUE,
    STATE_STRING,
    STATE_ESCAPE,
    STATE_HEX,
    STATE_WORD,
    STATE_NUMBER,
    STATE_END,
} State;

/* How far a number has come (RFC 8259 6). It may end where a digit stood. */
typedef enum Number {
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_WHOLE,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_SIGN,
    NUMBER_EXPONENT,
    NUMBER_BROKEN,
} Number;

struct PacsJsonItems {
    PacsJsonItem handle;
    void *context;
    PacsBuffer item; /* the object at hand, as far as it has come */
    bool in_item;
    uint32_t item_depth; /* objects and arrays open around an item: 1 in an array, else 0 */

    State state;
    bool is_key; /* the string at hand */
    Number number;
    const char *word; /* what is left of true, false or null */
    uint32_t hex_left;
    uint32_t depth;
    uint64_t objects[PACS_JSON_DEPTH_MAX / 64]; /* bit per depth: an object is open, not an array */
    uint64_t offset;
    PacsError failure;
};

PacsStatus pacs_json_items_new(size_t max_bytes, PacsJsonItem handle, void *context,
                               PacsJsonItems **ret_items, PacsError *err)
{
    PacsJsonItems *items = calloc(1, sizeof *items);
    if (!items)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for JSON");

    items->handle = handle;
    items->context = context;
    pacs_buffer_init(&items->item, max_bytes);
    *ret_items = items;
    return PACS_OK;
}

void pacs_json_items_free(PacsJsonItems *items)
{
    if (!items)
        return;
    pacs_buffer_clear(&items->item);
    free(items);
}

static PacsStatus fail(const PacsJsonItems *items, const char *expected, PacsError *err)
{
    return pacs_fail(err, PACS_INVALID, "JSON: %s expected at byte %" PRIu64, expected, items->offset);
}

/* ---- Objects and arrays ---- */

static bool in_object(const PacsJsonItems *items)
{
    uint32_t top = items->depth - 1;

    return items->depth > 0 && (items->objects[top / 64] >> (top % 64) & 1);
}

static PacsStatus open_level(PacsJsonItems *items, bool object, PacsError *err)
{
    if (items->depth == PACS_JSON_DEPTH_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "JSON: more than %d levels", PACS_JSON_DEPTH_MAX);
    uint64_t bit = UINT64_C(1) << (items->depth % 64);
    uint64_t *word = &items->objects[items->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    items->depth++;
    items->state = object ? STATE_FIRST_KEY : STATE_FIRST_VALUE;
    return PACS_OK;
}

static void close_level(PacsJsonItems *items)
{
    items->depth--;
    items->state = items->depth == 0 ? STATE_END : STATE_AFTER_VALUE;
}

/* ---- Values ---- */

static PacsStatus begin_word(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    items->word = c == 't' ? "rue" : c == 'f' ? "alse" : c == 'n' ? "ull" : NULL;
    items->state = STATE_WORD;
    return items->word ? PACS_OK : fail(items, "a value", err);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static PacsStatus begin_inner_value(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    if (c == '{' || c == '[')
        return open_level(items, c == '{', err);
    if (c == '"') {
        items->is_key = false;
        items->state = STATE_STRING;
        return PACS_OK;
    }
    if (c == '-' || is_digit(c)) {
        items->number = c == '-' ? NUMBER_MINUS : c == '0' ? NUMBER_ZERO : NUMBER_WHOLE;
        items->state = STATE_NUMBER;
        return PACS_OK;
    }
    return begin_word(items, c, err);
}

static PacsStatus begin_value(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    if (items->in_item)
        return begin_inner_value(items, c, err);
    if (c == '{') {
        items->in_item = true;
        items->item_depth = items->depth;
        return open_level(items, true, err);
    }
    if (c == '[' && items->depth == 0)
        return open_level(items, false, err);
    return fail(items, items->depth == 0 ? "an array of objects, or one object," : "an object", err);
}

static Number number_step(Number number, uint8_t c)
{
    switch (number) {
    case NUMBER_MINUS:
        return c == '0' ? NUMBER_ZERO : is_digit(c) ? NUMBER_WHOLE : NUMBER_BROKEN;
    case NUMBER_ZERO:
    case NUMBER_WHOLE:
        if (c == '.')
            return NUMBER_POINT;
        if (c == 'e' || c == 'E')
            return NUMBER_E;
        return number == NUMBER_WHOLE && is_digit(c) ? NUMBER_WHOLE : NUMBER_BROKEN;
    case NUMBER_POINT:
        return is_digit(c) ? NUMBER_FRACTION : NUMBER_BROKEN;
    case NUMBER_FRACTION:
        return c == 'e' || c == 'E' ? NUMBER_E : is_digit(c) ? NUMBER_FRACTION : NUMBER_BROKEN;
    case NUMBER_E:
        if (c == '+' || c == '-')
            return NUMBER_SIGN;
        return is_digit(c) ? NUMBER_EXPONENT : NUMBER_BROKEN;
    default:
        return is_digit(c) ? NUMBER_EXPONENT : NUMBER_BROKEN;
    }
}

static bool number_may_end(Number number)
{
    return number == NUMBER_ZERO || number == NUMBER_WHOLE || number == NUMBER_FRACTION ||
           number == NUMBER_EXPONENT;
}

/* ---- One byte ---- */

static PacsStatus step_string(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    switch (items->state) {
    case STATE_STRING:
        if (c < ' ')
            return fail(items, "an escape for a control character", err);
        if (c == '"')
            items->state = items->is_key ? STATE_COLON : STATE_AFTER_VALUE;
        else if (c == '\\')
            items->state = STATE_ESCAPE;
        return PACS_OK;
    case STATE_ESCAPE:
        if (!c || !strchr("\"\\/bfnrtu", c))
            return fail(items, "an escape of JSON", err);
        items->hex_left = 4;
        items->state = c == 'u' ? STATE_HEX : STATE_STRING;
        return PACS_OK;
    default:
        if (!is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
            return fail(items, "a hexadecimal digit", err);
        if (--items->hex_left == 0)
            items->state = STATE_STRING;
        return PACS_OK;
    }
}

static PacsStatus step_word(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    if (c != (uint8_t)*items->word)
        return fail(items, "true, false or null", err);
    if (*++items->word == '\0')
        items->state = STATE_AFTER_VALUE;
    return PACS_OK;
}

static PacsStatus step_after_value(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    bool object = in_object(items);

    if (c == ',')
        items->state = object ? STATE_KEY : STATE_VALUE;
    else if (c == (object ? '}' : ']'))
        close_level(items);
    else
        return fail(items, object ? "a comma or a closing brace" : "a comma or a closing bracket", err);
    return PACS_OK;
}

static PacsStatus step_key(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    if (c == '}' && items->state == STATE_FIRST_KEY) {
        close_level(items);
        return PACS_OK;
    }
    if (c != '"')
        return fail(items, "a key", err);
    items->is_key = true;
    items->state = STATE_STRING;
    return PACS_OK;
}

/** Between values: white space means nothing. */
static PacsStatus step_structure(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return PACS_OK;
    switch (items->state) {
    case STATE_FIRST_KEY:
    case STATE_KEY:
        return step_key(items, c, err);
    case STATE_COLON:
        items->state = STATE_VALUE;
        return c == ':' ? PACS_OK : fail(items, "a colon", err);
    case STATE_AFTER_VALUE:
        return step_after_value(items, c, err);
    case STATE_END:
        return fail(items, "nothing more", err);
    case STATE_FIRST_VALUE:
        if (c == ']') {
            close_level(items);
            return PACS_OK;
        }
        return begin_value(items, c, err);
    default:
        return begin_value(items, c, err);
    }
}

static PacsStatus step(PacsJsonItems *items, uint8_t c, PacsError *err)
{
    switch (items->state) {
    case STATE_STRING:
    case STATE_ESCAPE:
    case STATE_HEX:
        return step_string(items, c, err);
    case STATE_WORD:
        return step_word(items, c, err);
    case STATE_NUMBER: {
        Number next = number_step(items->number, c);
        if (next == NUMBER_BROKEN && !number_may_end(items->number))
            return fail(items, "a digit", err);
        if (next == NUMBER_BROKEN) { /* the number has ended: the byte is what comes behind it */
            items->state = STATE_AFTER_VALUE;
            return step_structure(items, c, err);
        }
        items->number = next;
        return PACS_OK;
    }
    default:
        return step_structure(items, c, err);
    }
}

/* ---- Feeding ---- */

static PacsStatus keep(PacsJsonItems *items, const uint8_t *bytes, size_t size, PacsError *err)
{
    if (pacs_buffer_add(&items->item, bytes, size))
        return PACS_OK;
    return pacs_fail(err, items->item.failure, "JSON: an object is over %zu bytes", items->item.max);
}

static PacsStatus hand_on(PacsJsonItems *items, PacsError *err)
{
    const PacsSlice object = {pacs_buffer_text(&items->item), items->item.size};
    PacsStatus status = items->handle(items->context, object, err);

    items->in_item = false;
    pacs_buffer_reset(&items->item);
    return status;
}

/** Bytes at the start that only go on with the string at hand: most of most documents. */
static size_t string_run(const PacsJsonItems *items, const uint8_t *bytes, size_t size)
{
    size_t run = 0;

    while (items->state == STATE_STRING && run < size && bytes[run] >= ' ' && bytes[run] != '"' &&
           bytes[run] != '\\')
        run++;
    return run;
}

static PacsStatus feed(PacsJsonItems *items, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = PACS_OK;
    size_t kept = 0; /* bytes in front of this one are in items->item, or in no item */

    for (size_t i = 0; status == PACS_OK && i < size; i++, items->offset++) {
        const size_t run = string_run(items, bytes + i, size - i);
        i += run;
        items->offset += run;
        if (i == size)
            break;
        bool was_in_item = items->in_item;
        status = step(items, bytes[i], err);
        if (!was_in_item)
            kept = i;
        if (status != PACS_OK || !items->in_item || items->depth > items->item_depth)
            continue;
        status = keep(items, bytes + kept, i + 1 - kept, err);
        kept = i + 1;
        if (status == PACS_OK)
            status = hand_on(items, err);
    }
    if (status == PACS_OK && items->in_item && kept < size)
        status = keep(items, bytes + kept, size - kept, err);
    return status;
}

static PacsStatus settle(PacsJsonItems *items, PacsStatus status, PacsError *err)
{
    items->failure.status = status;
    if (err && status != PACS_OK)
        *err = items->failure;
    return status;
}

PacsStatus pacs_json_items_feed(PacsJsonItems *items, const uint8_t *bytes, size_t size, PacsError *err)
{
    PacsStatus status = items->failure.status;

    if (status == PACS_OK)
        status = feed(items, bytes, size, &items->failure);
    return settle(items, status, err);
}

PacsStatus pacs_json_items_finish(PacsJsonItems *items, PacsError *err)
{
    PacsStatus status = items->failure.status;

    if (status == PACS_OK && items->state != STATE_END)
        status = pacs_fail(&items->failure, PACS_INVALID, "JSON: cut off at byte %" PRIu64, items->offset);
    return settle(items, status, err);
}

size_t pacs_json_items_held(const PacsJsonItems *items)
{
    return items->item.capacity;
}
