#include "pacs/dicom/orthanc_tags.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/bulk_table.h"
#include "pacs/dicom/dictionary.h"
#include "pacs/dicom/orthanc_value.h"
#include "pacs/util/limits.h"

#define NAME_SIZE 128                                     /* keywords have up to 64 letters */
#define PATH_MAX_BYTES (PACS_MAX_SEQUENCE_DEPTH * 20 + 9) /* "gggggggg/item/" at every level, a tag */

/** The private creators (gggg,00bb) seen in the group at hand, for the elements (gggg,bbxx) behind them. */
typedef struct Creators {
    uint32_t group;
    uint32_t start;     /* of this data set's texts in Walk.creator_texts */
    uint32_t text[256]; /* by block: place of its text, NUL behind it; 0: none */
} Creators;

/**
 * Walks over the DICOM JSON once and writes as it goes. Sequences are walked by recursion: it is our own
 * JSON, which the reader has kept to PACS_MAX_SEQUENCE_DEPTH.
 */
typedef struct Walk {
    PacsJsonReader reader;
    PacsJson *json;
    const PacsOrthancTagsOptions *options;
    PacsBuffer value; /* the text of the value at hand */
    PacsBuffer scratch;
    PacsBuffer path; /* of the data set at hand, as the bulk table has it: "00081140/2/" */
    PacsBulkCharset charsets[PACS_MAX_CHARSETS];
    size_t charset_count;
    PacsError *err;

    /* Of the data set at hand; items begin with what stands around them. */
    PacsSlice charset_text; /* what Specific Character Set says, where the object has its own word for it */
    PacsCharset charset;
    Creators *creators;
    PacsBuffer creator_texts;
} Walk;

typedef struct Element {
    PacsTag tag;
    PacsVr vr;
    PacsVr unknown_vr; /* sent as UN, a text by the dictionary: its VR there; otherwise PACS_VR_NONE */
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

/* ---- Names ---- */

static bool is_private(PacsTag tag)
{
    return (tag >> 16 & 1) != 0;
}

static bool is_private_creator(PacsTag tag)
{
    return is_private(tag) && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF;
}

/** As DCMTK names it. */
static const char *name_of(PacsTag tag, char room[NAME_SIZE])
{
    const PacsDictionaryEntry *entry = pacs_dictionary_find(tag);

    if (entry && entry->keyword[0]) {
        (void)snprintf(room, NAME_SIZE, "%s%s", entry->retired ? "RETIRED_" : "", entry->keyword);
        return room;
    }
    if ((tag & 0xFFFF) == 0)
        return is_private(tag) ? "PrivateGroupLength" : "GenericGroupLength";
    return is_private_creator(tag) ? "PrivateCreator" : "Unknown Tag & Data";
}

static const char *creator_of(const Walk *walk, PacsTag tag)
{
    const Creators *creators = walk->creators;
    bool known = is_private(tag) && (tag & 0xFFFF) > 0xFF && creators->group == tag >> 16 &&
                 creators->text[tag >> 8 & 0xFF] > 0;

    return known ? pacs_buffer_text(&walk->creator_texts) + creators->text[tag >> 8 & 0xFF] - 1 : NULL;
}

static PacsStatus remember_creator(Walk *walk, PacsTag tag)
{
    Creators *creators = walk->creators;
    PacsBuffer *texts = &walk->creator_texts;

    if (creators->group != tag >> 16) {
        *creators = (Creators){.group = tag >> 16, .start = creators->start};
        texts->size = creators->start;
    }
    size_t at = texts->size;
    (void)pacs_buffer_add(texts, walk->value.bytes, walk->value.size);
    (void)pacs_buffer_add_char(texts, '\0');
    creators->text[tag & 0xFF] = (uint32_t)at + 1;
    return pacs_buffer_check(texts, walk->err);
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
    char room[NAME_SIZE];

    if (walk->options->format == PACS_ORTHANC_TAGS_SIMPLE) {
        pacs_json_key(walk->json, name_of(tag, room));
        return;
    }
    (void)snprintf(room, sizeof room, "%04x,%04x", tag >> 16, tag & 0xFFFF);
    pacs_json_key(walk->json, room);
}

static void begin_element(Walk *walk, const Element *element, const char *type)
{
    char room[NAME_SIZE];

    write_key(walk, element->tag);
    if (walk->options->format != PACS_ORTHANC_TAGS_FULL)
        return;
    const char *creator = element->vr == PACS_VR_SQ ? NULL : creator_of(walk, element->tag);
    pacs_json_object_begin(walk->json);
    pacs_json_member_string(walk->json, "Name", name_of(element->tag, room));
    if (creator)
        pacs_json_member_string(walk->json, "PrivateCreator", creator);
    pacs_json_member_string(walk->json, "Type", type);
    pacs_json_key(walk->json, "Value");
}

static void end_element(Walk *walk)
{
    if (walk->options->format == PACS_ORTHANC_TAGS_FULL)
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

/** Of the items of a sequence only these two things are their own, and end with them. */
static PacsStatus write_item(Walk *walk)
{
    PacsSlice charset_text = walk->charset_text;
    PacsCharset charset = walk->charset;

    PacsStatus status = write_data_set(walk);
    walk->charset_text = charset_text;
    walk->charset = charset;
    return status;
}

static PacsStatus write_items(Walk *walk, PacsTag sequence)
{
    size_t path_size = walk->path.size;
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = expect(walk, PACS_JSON_ARRAY_BEGIN, &text);
    for (unsigned item = 1; status == PACS_OK; item++) {
        status = pacs_json_next(&walk->reader, &token, &text, walk->err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        (void)pacs_buffer_add_format(&walk->path, "%08X/%u/", sequence, item);
        status = pacs_buffer_check(&walk->path, walk->err);
        if (status == PACS_OK)
            status = token == PACS_JSON_OBJECT_BEGIN ? write_item(walk) : corrupt(walk);
        walk->path.size = path_size;
    }
    return status;
}

static PacsStatus write_sequence(Walk *walk, const Element *element)
{
    bool at_end = false;
    PacsSlice key;
    PacsStatus status = next_key(walk, &key, &at_end);

    begin_element(walk, element, "Sequence");
    pacs_json_array_begin(walk->json);
    if (status == PACS_OK && !at_end) {
        status = pacs_slice_equal(key, "Value") ? write_items(walk, element->tag) : corrupt(walk);
        if (status == PACS_OK)
            status = expect(walk, PACS_JSON_OBJECT_END, &key);
    }
    pacs_json_array_end(walk->json);
    end_element(walk);
    return status;
}

/** From here on the data set is in the characters that the object names, not in those of the JSON. */
static PacsStatus read_charset(Walk *walk, const Element *element)
{
    (void)pacs_buffer_add_format(&walk->path, "%08X", element->tag);
    for (size_t i = 0; i < walk->charset_count; i++)
        if (pacs_slice_equal(walk->charsets[i].path, pacs_buffer_text(&walk->path))) {
            walk->charset_text = walk->charsets[i].text;
            walk->charset = pacs_charset_parse(walk->charset_text);
            break;
        }
    walk->path.size -= walk->path.failed ? 0 : 8;
    if (walk->charset_text.text) {
        pacs_buffer_reset(&walk->value);
        (void)pacs_buffer_add(&walk->value, walk->charset_text.text, walk->charset_text.size);
    }
    return pacs_buffer_check(&walk->path, walk->err);
}

/** What the members of an element behind its "vr" hold. */
typedef struct Content {
    bool value; /* in Walk.value */
    bool bulk;  /* elsewhere: BulkDataURI */
} Content;

static PacsStatus read_content(Walk *walk, const Element *element, Content *ret_content)
{
    *ret_content = (Content){0};
    pacs_buffer_reset(&walk->value);
    for (;;) {
        bool at_end = false;
        PacsSlice key;
        PacsStatus status = next_key(walk, &key, &at_end);
        if (status != PACS_OK || at_end)
            return status;
        ret_content->value = true;
        if (pacs_slice_equal(key, "Value")) {
            status = pacs_orthanc_read_values(&walk->reader, element->vr, &walk->value, walk->err);
        } else if (element->unknown_vr && pacs_slice_equal(key, "InlineBinary")) {
            status = pacs_orthanc_read_unknown_text(&walk->reader, &walk->charset, element->unknown_vr,
                                                    &walk->scratch, &walk->value, walk->err);
        } else {
            ret_content->bulk |= pacs_slice_equal(key, "BulkDataURI");
            status = pacs_json_skip(&walk->reader, walk->err);
        }
        if (status != PACS_OK)
            return status;
    }
}

/** An element that is no sequence. Texts may be empty; numbers that are not there are null. */
static PacsStatus write_leaf(Walk *walk, const Element *element)
{
    const PacsVrInfo *info = pacs_vr_info(element->vr);
    bool is_text = info->text || element->unknown_vr;
    Content content;
    PacsStatus status = read_content(walk, element, &content);

    if (status == PACS_OK && element->tag == PACS_TAG_SPECIFIC_CHARACTER_SET)
        status = read_charset(walk, element);
    if (status == PACS_OK && is_private_creator(element->tag))
        status = remember_creator(walk, element->tag);
    if (status != PACS_OK)
        return status;
    if (content.bulk && (is_text || !info->bulk))
        write_null(walk, element, "TooLong");
    else if (is_text || (content.value && !info->bulk))
        write_text(walk, element);
    else
        write_null(walk, element, "Null");
    return PACS_OK;
}

static PacsVr text_vr_of_unknown(PacsTag tag)
{
    PacsVr vr = is_private(tag) ? PACS_VR_NONE : pacs_dictionary_vr(tag);

    return pacs_vr_info(vr)->text ? vr : PACS_VR_NONE;
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
    element.vr = text.size == 2 ? pacs_vr_from_code(text.text) : PACS_VR_NONE;
    if (element.vr == PACS_VR_NONE)
        return corrupt(walk);
    if (element.vr == PACS_VR_UN)
        element.unknown_vr = text_vr_of_unknown(element.tag);
    return element.vr == PACS_VR_SQ ? write_sequence(walk, &element) : write_leaf(walk, &element);
}

/** From behind the opening brace to behind the closing one. */
static PacsStatus write_members(Walk *walk)
{
    bool at_end = false;
    PacsSlice key;

    for (;;) {
        PacsStatus status = next_key(walk, &key, &at_end);
        if (status != PACS_OK || at_end)
            return status;
        status = write_element(walk, key);
        if (status != PACS_OK)
            return status;
    }
}

static PacsStatus write_data_set(Walk *walk)
{
    Creators creators = {.start = (uint32_t)walk->creator_texts.size};
    Creators *outer = walk->creators;

    walk->creators = &creators;
    pacs_json_object_begin(walk->json);
    PacsStatus status = write_members(walk);
    pacs_json_object_end(walk->json);
    walk->creator_texts.size = creators.start;
    walk->creators = outer;
    return status;
}

static void init_walk(Walk *walk, PacsJson *json, PacsSlice text, const PacsOrthancTagsOptions *options,
                      PacsError *err)
{
    *walk = (Walk){
        .reader = pacs_json_reader(text.text, text.size), .json = json, .options = options, .err = err};
    pacs_buffer_init(&walk->value, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&walk->scratch, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&walk->path, PATH_MAX_BYTES);
    pacs_buffer_init(&walk->creator_texts, PACS_MAX_INSTANCE_JSON);
}

static void clear_walk(Walk *walk)
{
    pacs_buffer_clear(&walk->value);
    pacs_buffer_clear(&walk->scratch);
    pacs_buffer_clear(&walk->path);
    pacs_buffer_clear(&walk->creator_texts);
}

PacsStatus pacs_orthanc_tags_write(PacsJson *json, const PacsBuffer *dicom_json, PacsSlice bulk_table,
                                   const PacsOrthancTagsOptions *options, PacsError *err)
{
    PacsSlice text;
    Walk walk;

    init_walk(&walk, json, (PacsSlice){pacs_buffer_text(dicom_json), dicom_json->size}, options, err);
    PacsStatus status = pacs_bulk_table_charsets(bulk_table.text, bulk_table.size, walk.charsets,
                                                 &walk.charset_count, err);
    if (status == PACS_OK)
        status = expect(&walk, PACS_JSON_OBJECT_BEGIN, &text);
    if (status == PACS_OK)
        status = write_data_set(&walk);
    clear_walk(&walk);
    return status;
}

PacsStatus pacs_orthanc_tags_write_element(PacsJson *json, PacsTag tag, PacsSlice element,
                                           const PacsOrthancTagsOptions *options, PacsError *err)
{
    char key[PACS_TAG_HEX_SIZE];
    Creators creators = {0};
    Walk walk;

    init_walk(&walk, json, element, options, err);
    walk.creators = &creators;
    pacs_tag_format(tag, key);
    PacsStatus status = write_element(&walk, pacs_slice(key));
    clear_walk(&walk);
    return status;
}
