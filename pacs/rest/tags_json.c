#include "pacs/rest/tags_json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

/**
 * Walks over the DICOM JSON once and writes as it goes. Sequences are walked by recursion: it is our own
 * JSON, which the reader has kept to PACS_MAX_SEQUENCE_DEPTH.
 */
typedef struct Walk {
    PacsJsonReader reader;
    PacsJson *json;
    const RestTagsOptions *options;
    PacsBuffer value;   /* the text of the value at hand */
    PacsBuffer creator; /* of the private block at hand, and the tag that declared it */
    PacsTag creator_tag;
    PacsError *err;
} Walk;

typedef struct Element {
    PacsTag tag;
    char vr[3];
    bool is_sequence;
    bool is_binary;
} Element;

static PacsStatus write_data_set(Walk *walk);

static PacsStatus corrupt(Walk *walk)
{
    return pacs_fail(walk->err, PACS_CORRUPT, "stored DICOM JSON has another shape than expected");
}

static PacsStatus expect(Walk *walk, PacsJsonToken expected, PacsSlice *ret_text)
{
    PacsJsonToken token;

    PacsStatus status = pacs_json_next(&walk->reader, &token, ret_text, walk->err);
    if (status != PACS_OK)
        return status;
    return token == expected ? PACS_OK : corrupt(walk);
}

/** The next key of the object being read, or its end. */
static PacsStatus next_key(Walk *walk, PacsSlice *ret_key, bool *ret_end)
{
    PacsJsonToken token;

    PacsStatus status = pacs_json_next(&walk->reader, &token, ret_key, walk->err);
    if (status != PACS_OK)
        return status;
    *ret_end = token == PACS_JSON_OBJECT_END;
    return *ret_end || token == PACS_JSON_KEY ? PACS_OK : corrupt(walk);
}

/* ---- Values ---- */

/** {"Alphabetic": "A", "Ideographic": "B"} as "A=B". */
static PacsStatus add_person_name(Walk *walk)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    size_t written = 0; /* groups whose place has been passed */
    PacsJsonToken token;
    PacsSlice text;

    for (;;) {
        PacsStatus status = pacs_json_next(&walk->reader, &token, &text, walk->err);
        if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
            return status;
        if (token != PACS_JSON_KEY)
            return corrupt(walk);
        size_t group = 0;
        while (group < 3 && !pacs_slice_equal(text, groups[group]))
            group++;
        for (; written < group; written++)
            (void)pacs_buffer_add_char(&walk->value, '='); /* `failed` is checked in unescape */
        status = expect(walk, PACS_JSON_STRING, &text);
        if (status == PACS_OK)
            status = pacs_json_unescape(text, &walk->value, walk->err);
        if (status != PACS_OK)
            return status;
    }
}

/** AT stands in DICOM JSON as "3004000C", in Orthanc's answers as "3004,000c". */
static PacsStatus add_string(Walk *walk, const Element *element, PacsSlice text)
{
    if (strcmp(element->vr, "AT") == 0 && text.size == 8) {
        for (size_t i = 0; i < text.size; i++) {
            if (i == 4)
                (void)pacs_buffer_add_char(&walk->value, ',');
            (void)pacs_buffer_add_char(&walk->value, (char)tolower((unsigned char)text.text[i]));
        }
        return pacs_buffer_check(&walk->value, walk->err);
    }
    return pacs_json_unescape(text, &walk->value, walk->err);
}

/** All values of an element that is no sequence, joined by backslash, into walk->value. */
static PacsStatus read_values(Walk *walk, const Element *element)
{
    PacsSlice text;
    PacsJsonToken token;

    PacsStatus status = expect(walk, PACS_JSON_ARRAY_BEGIN, &text);
    for (bool first = true; status == PACS_OK; first = false) {
        status = pacs_json_next(&walk->reader, &token, &text, walk->err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        if (!first)
            (void)pacs_buffer_add_char(&walk->value, '\\');
        if (token == PACS_JSON_OBJECT_BEGIN)
            status = add_person_name(walk);
        else if (token == PACS_JSON_STRING)
            status = add_string(walk, element, text);
        else if (token == PACS_JSON_NUMBER)
            (void)pacs_buffer_add(&walk->value, text.text, text.size);
        else if (token != PACS_JSON_NULL)
            status = corrupt(walk);
    }
    return status;
}

/* ---- Names ---- */

static bool is_private(PacsTag tag)
{
    return (tag >> 16 & 1) != 0;
}

static bool is_private_creator(PacsTag tag)
{
    return is_private(tag) && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF;
}

static const char *name_of(PacsTag tag)
{
    const char *keyword = pacs_dictionary_keyword(tag);

    if (keyword[0])
        return keyword;
    if ((tag & 0xFFFF) == 0)
        return is_private(tag) ? "PrivateGroupLength" : "GenericGroupLength";
    return is_private_creator(tag) ? "PrivateCreator" : "Unknown Tag & Data"; /* DCMTK's words */
}

/** A creator (gggg,00bb) speaks for the elements (gggg,bbxx) that follow it. */
static const char *creator_of(const Walk *walk, PacsTag tag)
{
    bool ours = is_private(tag) && walk->creator_tag >> 16 == tag >> 16 &&
                (walk->creator_tag & 0xFF) == (tag >> 8 & 0xFF) && (tag & 0xFFFF) > 0xFF;

    return ours ? pacs_buffer_text(&walk->creator) : NULL;
}

static void remember_creator(Walk *walk, PacsTag tag)
{
    walk->creator_tag = tag;
    pacs_buffer_reset(&walk->creator);
    (void)pacs_buffer_add(&walk->creator, walk->value.bytes, walk->value.size);
}

/** Length of the first name in a list; the comma inside "0010,0020" does not end it. */
static size_t name_size(PacsSlice list)
{
    uint8_t group[2];
    size_t start = list.size >= 9 && list.text[4] == ',' &&
                           pacs_hex_parse((PacsSlice){list.text, 4}, group, 2, NULL) == PACS_OK
                       ? 9
                       : 0;
    size_t size = start;

    while (size < list.size && list.text[size] != ';' && list.text[size] != ',')
        size++;
    return size;
}

static bool ignores_length(const Walk *walk, PacsTag tag)
{
    PacsSlice rest = pacs_slice(walk->options->ignore_length);

    while (rest.size > 0) {
        size_t size = name_size(rest);
        PacsTag named;
        if (pacs_dictionary_parse_tag((PacsSlice){rest.text, size}, &named, NULL) == PACS_OK && named == tag)
            return true;
        size_t step = size < rest.size ? size + 1 : size;
        rest = (PacsSlice){rest.text + step, rest.size - step};
    }
    return false;
}

/* ---- Writing ---- */

static void write_key(Walk *walk, PacsTag tag)
{
    char digits[16];

    if (walk->options->format == REST_TAGS_SIMPLE) {
        pacs_json_key(walk->json, name_of(tag));
        return;
    }
    (void)snprintf(digits, sizeof digits, "%04x,%04x", tag >> 16, tag & 0xFFFF);
    pacs_json_key(walk->json, digits);
}

static void begin_element(Walk *walk, const Element *element, const char *type)
{
    write_key(walk, element->tag);
    if (walk->options->format != REST_TAGS_FULL)
        return;
    const char *creator = element->is_sequence ? NULL : creator_of(walk, element->tag);
    pacs_json_object_begin(walk->json);
    pacs_json_member_string(walk->json, "Name", name_of(element->tag));
    if (creator)
        pacs_json_member_string(walk->json, "PrivateCreator", creator);
    pacs_json_member_string(walk->json, "Type", type);
    pacs_json_key(walk->json, "Value");
}

static void end_element(Walk *walk)
{
    if (walk->options->format == REST_TAGS_FULL)
        pacs_json_object_end(walk->json);
}

static void write_null(Walk *walk, const Element *element, const char *type)
{
    begin_element(walk, element, type);
    pacs_json_null(walk->json);
    end_element(walk);
}

static void write_text(Walk *walk, const Element *element)
{
    uint32_t max = walk->options->max_length;

    if (max > 0 && walk->value.size > max && !ignores_length(walk, element->tag)) {
        write_null(walk, element, "TooLong");
        return;
    }
    begin_element(walk, element, "String");
    pacs_json_string_n(walk->json, pacs_buffer_text(&walk->value), walk->value.size);
    end_element(walk);
}

static PacsStatus write_items(Walk *walk)
{
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = expect(walk, PACS_JSON_ARRAY_BEGIN, &text);
    while (status == PACS_OK) {
        status = pacs_json_next(&walk->reader, &token, &text, walk->err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        status = token == PACS_JSON_OBJECT_BEGIN ? write_data_set(walk) : corrupt(walk);
    }
    return status;
}

/** "Value", "InlineBinary" or "BulkDataURI" of the element; the rest of its members. */
static PacsStatus write_element_value(Walk *walk, Element *element)
{
    bool written = false;
    bool at_end = false;
    PacsSlice text;

    pacs_buffer_reset(&walk->value);
    for (;;) {
        PacsStatus status = next_key(walk, &text, &at_end);
        if (status != PACS_OK)
            return status;
        if (at_end)
            break;
        if (pacs_slice_equal(text, "Value") && element->is_sequence) {
            begin_element(walk, element, "Sequence");
            pacs_json_array_begin(walk->json);
            status = write_items(walk);
            pacs_json_array_end(walk->json);
            end_element(walk);
            written = true;
        } else if (pacs_slice_equal(text, "Value")) {
            status = read_values(walk, element);
        } else {
            element->is_binary = true;
            status = pacs_json_skip(&walk->reader, walk->err);
        }
        if (status != PACS_OK)
            return status;
    }
    if (element->is_sequence && !written) {
        begin_element(walk, element, "Sequence");
        pacs_json_array_begin(walk->json);
        pacs_json_array_end(walk->json);
        end_element(walk);
    } else if (element->is_binary) {
        write_null(walk, element, "Null");
    } else if (!element->is_sequence) {
        if (is_private_creator(element->tag))
            remember_creator(walk, element->tag);
        write_text(walk, element);
    }
    return PACS_OK;
}

static bool is_binary_vr(const char *vr)
{
    static const char names[] = "OB OD OF OL OV OW UN";

    return strstr(names, vr) != NULL;
}

/** "00080020": {"vr": "DA", ...: our JSON has the VR first. */
static PacsStatus write_element(Walk *walk, PacsSlice key)
{
    Element element = {0};
    PacsSlice text;

    PacsStatus status = pacs_tag_parse(key, &element.tag, walk->err);
    if (status == PACS_OK)
        status = expect(walk, PACS_JSON_OBJECT_BEGIN, &text);
    if (status == PACS_OK)
        status = expect(walk, PACS_JSON_KEY, &text);
    if (status == PACS_OK && !pacs_slice_equal(text, "vr"))
        return corrupt(walk);
    if (status == PACS_OK)
        status = expect(walk, PACS_JSON_STRING, &text);
    if (status != PACS_OK)
        return status;
    if (text.size != 2)
        return corrupt(walk);
    memcpy(element.vr, text.text, 2);
    element.is_sequence = strcmp(element.vr, "SQ") == 0;
    element.is_binary = is_binary_vr(element.vr);
    return write_element_value(walk, &element);
}

/** From behind the opening brace to behind the closing one. */
static PacsStatus write_data_set(Walk *walk)
{
    bool at_end = false;
    PacsSlice text;

    pacs_json_object_begin(walk->json);
    for (;;) {
        PacsStatus status = next_key(walk, &text, &at_end);
        if (status != PACS_OK)
            return status;
        if (at_end)
            break;
        status = write_element(walk, text);
        if (status != PACS_OK)
            return status;
    }
    pacs_json_object_end(walk->json);
    return PACS_OK;
}

PacsStatus rest_write_instance_tags(PacsJson *json, const PacsBuffer *dicom_json,
                                    const RestTagsOptions *options, PacsError *err)
{
    PacsSlice text;
    Walk walk = {.reader = pacs_json_reader(pacs_buffer_text(dicom_json), dicom_json->size),
                 .json = json,
                 .options = options,
                 .err = err};

    pacs_buffer_init(&walk.value, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&walk.creator, 1024);
    PacsStatus status = expect(&walk, PACS_JSON_OBJECT_BEGIN, &text);
    if (status == PACS_OK)
        status = write_data_set(&walk);
    pacs_buffer_clear(&walk.value);
    pacs_buffer_clear(&walk.creator);
    return status;
}
