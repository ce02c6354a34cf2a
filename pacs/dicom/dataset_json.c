#include "pacs/dicom/dataset_json.h"

#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

/** Where a data set's walk stands: before an attribute, among a sequence's items, or behind them. */
typedef enum Place {
    PLACE_ATTRIBUTES,
    PLACE_ITEMS,
    PLACE_BEHIND_ITEMS,
} Place;

typedef struct Walk {
    PacsJsonReader reader;
    PacsDatasetWriter *writer;
    PacsBuffer text; /* a value, unescaped */
    PacsBuffer name; /* a person name, put together */
    Place places[PACS_MAX_SEQUENCE_DEPTH + 1];
    uint32_t depth;
    PacsTag tag; /* of the attribute at hand */
} Walk;

static PacsStatus fail(const Walk *walk, const char *what, PacsError *err)
{
    return pacs_fail(err, PACS_INVALID, "(%04X,%04X) %s", pacs_tag_group(walk->tag),
                     pacs_tag_element(walk->tag), what);
}

static PacsStatus next(Walk *walk, PacsJsonToken *ret_token, PacsSlice *ret_text, PacsError *err)
{
    PacsStatus status = pacs_json_next(&walk->reader, ret_token, ret_text, err);

    return status == PACS_CORRUPT ? PACS_INVALID : status; /* the text is not ours */
}

static PacsStatus skip(Walk *walk, PacsError *err)
{
    PacsStatus status = pacs_json_skip(&walk->reader, err);

    return status == PACS_CORRUPT ? PACS_INVALID : status;
}

static PacsStatus unescape(Walk *walk, PacsSlice escaped, PacsSlice *ret_text, PacsError *err)
{
    *ret_text = escaped;
    if (escaped.size == 0 || !memchr(escaped.text, '\\', escaped.size))
        return PACS_OK;
    pacs_buffer_reset(&walk->text);
    PacsStatus status = pacs_json_unescape(escaped, &walk->text, err);
    *ret_text = (PacsSlice){pacs_buffer_text(&walk->text), walk->text.size};
    return status == PACS_CORRUPT ? PACS_INVALID : status;
}

/* ---- Values ---- */

static int name_group(PacsSlice key)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};

    for (int i = 0; i < 3; i++) {
        if (pacs_slice_equal(key, groups[i]))
            return i;
    }
    return -1;
}

/** {"Alphabetic": ..., "Ideographic": ..., "Phonetic": ...} in any order; the brace has been read. */
static PacsStatus read_name_groups(Walk *walk, PacsSlice ret_groups[3], PacsError *err)
{
    for (;;) {
        PacsJsonToken token;
        PacsSlice key;
        PacsSlice value;
        PacsStatus status = next(walk, &token, &key, err);
        if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
            return status;
        int group = name_group(key);
        status = next(walk, &token, &value, err);
        if (status != PACS_OK)
            return status;
        if (group < 0 || (token != PACS_JSON_STRING && token != PACS_JSON_NULL))
            return fail(walk, "has a name that is not made of component groups", err);
        ret_groups[group] = value;
    }
}

static PacsStatus write_name(Walk *walk, PacsError *err)
{
    PacsSlice groups[3] = {{0}};
    int last = -1;

    pacs_buffer_reset(&walk->name);
    PacsStatus status = read_name_groups(walk, groups, err);
    for (int i = 0; i < 3; i++)
        last = groups[i].size > 0 ? i : last;
    for (int i = 0; status == PACS_OK && i <= last; i++) {
        PacsSlice text = {0};
        status = unescape(walk, groups[i], &text, err);
        if (i > 0)
            (void)pacs_buffer_add_char(&walk->name, '=');
        (void)pacs_buffer_add(&walk->name, text.text, text.size);
    }
    if (status == PACS_OK)
        status = pacs_buffer_check(&walk->name, err);
    if (status != PACS_OK)
        return status;
    return pacs_dataset_writer_value(walk->writer,
                                     (PacsSlice){pacs_buffer_text(&walk->name), walk->name.size}, err);
}

static PacsStatus write_value(Walk *walk, PacsVr vr, PacsJsonToken token, PacsSlice text, PacsError *err)
{
    if (token == PACS_JSON_OBJECT_BEGIN && vr == PACS_VR_PN)
        return write_name(walk, err);
    if (token == PACS_JSON_NULL)
        return pacs_dataset_writer_value(walk->writer, PACS_SLICE(""), err);
    if (token != PACS_JSON_STRING && token != PACS_JSON_NUMBER)
        return fail(walk, "has a value that its VR does not allow", err);
    PacsStatus status = token == PACS_JSON_STRING ? unescape(walk, text, &text, err) : PACS_OK;
    return status == PACS_OK ? pacs_dataset_writer_value(walk->writer, text, err) : status;
}

/** "Value": [...]; null for an empty one. */
static PacsStatus write_values(Walk *walk, PacsVr vr, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = next(walk, &token, &text, err);
    if (status != PACS_OK || token == PACS_JSON_NULL)
        return status;
    if (token != PACS_JSON_ARRAY_BEGIN)
        return fail(walk, "has a Value that is no array", err);
    while (status == PACS_OK) {
        status = next(walk, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        status = write_value(walk, vr, token, text, err);
    }
    return status;
}

static PacsStatus write_string(Walk *walk,
                               PacsStatus (*write)(PacsDatasetWriter *writer, PacsSlice text, PacsError *err),
                               PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = next(walk, &token, &text, err);
    if (status != PACS_OK || token == PACS_JSON_NULL)
        return status;
    if (token != PACS_JSON_STRING)
        return fail(walk, "has an InlineBinary or BulkDataURI that is no string", err);
    status = unescape(walk, text, &text, err);
    return status == PACS_OK ? write(walk->writer, text, err) : status;
}

/* ---- Attributes ---- */

/** The VR, which may stand behind the value; the reader stays where it is, behind the attribute's brace. */
static PacsStatus find_vr(const Walk *walk, PacsVr *ret_vr, PacsError *err)
{
    Walk ahead = {.reader = walk->reader, .tag = walk->tag};

    for (;;) {
        PacsJsonToken token;
        PacsSlice text;
        PacsStatus status = next(&ahead, &token, &text, err);
        if (status != PACS_OK)
            return status;
        if (token != PACS_JSON_KEY) { /* the end: no vr */
            *ret_vr = pacs_dictionary_vr(walk->tag);
            return *ret_vr == PACS_VR_NONE ? fail(walk, "has no VR", err) : PACS_OK;
        }
        bool found = pacs_slice_equal(text, "vr");
        status = found ? next(&ahead, &token, &text, err) : skip(&ahead, err);
        if (status != PACS_OK)
            return status;
        if (!found)
            continue;
        *ret_vr = token == PACS_JSON_STRING && text.size == 2 ? pacs_vr_from_code(text.text) : PACS_VR_NONE;
        return *ret_vr == PACS_VR_NONE ? fail(walk, "has a VR that is none", err) : PACS_OK;
    }
}

/** A member of an attribute that is no sequence; the key has been read. */
static PacsStatus write_member(Walk *walk, PacsVr vr, PacsSlice key, PacsError *err)
{
    if (pacs_slice_equal(key, "Value"))
        return write_values(walk, vr, err);
    if (pacs_slice_equal(key, "InlineBinary"))
        return write_string(walk, pacs_dataset_writer_base64, err);
    if (pacs_slice_equal(key, "BulkDataURI"))
        return write_string(walk, pacs_dataset_writer_bulk, err);
    return skip(walk, err);
}

static PacsStatus write_attribute(Walk *walk, PacsVr vr, PacsError *err)
{
    PacsStatus status = pacs_dataset_writer_begin(walk->writer, walk->tag, vr, err);

    while (status == PACS_OK) {
        PacsJsonToken token;
        PacsSlice key;
        status = next(walk, &token, &key, err);
        if (status == PACS_OK && token == PACS_JSON_OBJECT_END)
            return pacs_dataset_writer_end(walk->writer, err);
        if (status == PACS_OK)
            status = write_member(walk, vr, key, err);
    }
    return status;
}

/* ---- Sequences ---- */

static PacsStatus end_sequence(Walk *walk, PacsError *err)
{
    walk->places[walk->depth] = PLACE_BEHIND_ITEMS;
    return pacs_dataset_writer_sequence_end(walk->writer, err);
}

/** As far as the first item, or the end of a sequence that has none. */
static PacsStatus begin_sequence(Walk *walk, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = pacs_dataset_writer_sequence_begin(walk->writer, walk->tag, err);
    while (status == PACS_OK) {
        status = next(walk, &token, &text, err);
        if (status != PACS_OK)
            break;
        if (token == PACS_JSON_OBJECT_END) {
            walk->places[walk->depth] = PLACE_ATTRIBUTES;
            return pacs_dataset_writer_sequence_end(walk->writer, err);
        }
        if (!pacs_slice_equal(text, "Value")) {
            status = skip(walk, err);
            continue;
        }
        status = next(walk, &token, &text, err);
        if (status != PACS_OK)
            break;
        if (token == PACS_JSON_NULL)
            return end_sequence(walk, err);
        walk->places[walk->depth] = PLACE_ITEMS;
        return token == PACS_JSON_ARRAY_BEGIN ? PACS_OK : fail(walk, "has a Value that is no array", err);
    }
    return status;
}

static PacsStatus step_items(Walk *walk, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = next(walk, &token, &text, err);
    if (status != PACS_OK)
        return status;
    if (token == PACS_JSON_ARRAY_END)
        return end_sequence(walk, err);
    if (token != PACS_JSON_OBJECT_BEGIN && token != PACS_JSON_NULL)
        return fail(walk, "has an item that is no object", err);
    status = pacs_dataset_writer_item_begin(walk->writer, err); /* counts the depth */
    if (status == PACS_OK && token == PACS_JSON_NULL)
        return pacs_dataset_writer_item_end(walk->writer, err);
    if (status == PACS_OK)
        walk->places[++walk->depth] = PLACE_ATTRIBUTES;
    return status;
}

static PacsStatus step_behind_items(Walk *walk, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = next(walk, &token, &text, err);
    if (status != PACS_OK)
        return status;
    if (token == PACS_JSON_OBJECT_END) {
        walk->places[walk->depth] = PLACE_ATTRIBUTES;
        return PACS_OK;
    }
    return pacs_slice_equal(text, "Value") ? fail(walk, "has two Values", err) : skip(walk, err);
}

static PacsStatus begin_attribute(Walk *walk, PacsSlice key, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;
    PacsVr vr = PACS_VR_NONE;

    if (pacs_tag_parse(key, &walk->tag, NULL) != PACS_OK)
        return pacs_fail(err, PACS_INVALID, "an attribute is named by something else than eight digits");
    PacsStatus status = next(walk, &token, &text, err);
    if (status == PACS_OK && token != PACS_JSON_OBJECT_BEGIN)
        status = fail(walk, "is no object", err);
    if (status == PACS_OK)
        status = find_vr(walk, &vr, err);
    if (status != PACS_OK)
        return status;
    return vr == PACS_VR_SQ ? begin_sequence(walk, err) : write_attribute(walk, vr, err);
}

/** An attribute, or the end of the data set: at the top *ret_done then. */
static PacsStatus step_attributes(Walk *walk, bool *ret_done, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = next(walk, &token, &text, err);
    if (status != PACS_OK)
        return status;
    if (token == PACS_JSON_KEY)
        return begin_attribute(walk, text, err);
    if (token != PACS_JSON_OBJECT_END)
        return pacs_fail(err, PACS_INVALID, "JSON: an attribute expected");
    if (walk->depth == 0) {
        *ret_done = true;
        return PACS_OK;
    }
    walk->depth--;
    return pacs_dataset_writer_item_end(walk->writer, err);
}

static PacsStatus step(Walk *walk, bool *ret_done, PacsError *err)
{
    switch (walk->places[walk->depth]) {
    case PLACE_ITEMS:
        return step_items(walk, err);
    case PLACE_BEHIND_ITEMS:
        return step_behind_items(walk, err);
    default:
        return step_attributes(walk, ret_done, err);
    }
}

PacsStatus pacs_dataset_json_read(PacsSlice object, PacsDatasetWriter *writer, PacsError *err)
{
    Walk walk = {.reader = pacs_json_reader(object.text, object.size), .writer = writer};
    PacsJsonToken token;
    PacsSlice text;
    bool done = false;

    pacs_buffer_init(&walk.text, object.size);
    pacs_buffer_init(&walk.name, object.size + 2);
    PacsStatus status = next(&walk, &token, &text, err);
    if (status == PACS_OK && token != PACS_JSON_OBJECT_BEGIN)
        status = pacs_fail(err, PACS_INVALID, "JSON: an object expected");
    while (status == PACS_OK && !done)
        status = step(&walk, &done, err);
    pacs_buffer_clear(&walk.text);
    pacs_buffer_clear(&walk.name);
    return status;
}
