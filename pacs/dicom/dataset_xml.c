#include "pacs/dicom/dataset_xml.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/util/limits.h"

/* Expat looks at an unfinished piece of markup from its start each time it gets more: so it gets much at once. */
#define BLOCK_SIZE (64u << 10)

/** What an open element of the document is. */
typedef enum Kind {
    KIND_MODEL,
    KIND_ATTRIBUTE,
    KIND_SEQUENCE, /* an attribute that is one */
    KIND_ITEM,
    KIND_VALUE,
    KIND_INLINE_BINARY,
    KIND_BULK_DATA,
    KIND_NAME,
    KIND_GROUP,
    KIND_COMPONENT,
} Kind;

#define KINDS_MAX (2 * PACS_MAX_SEQUENCE_DEPTH + 8)
#define CREATOR_MAX 260 /* LO has 64 characters */
#define CREATORS_MAX 1024
#define GAP_MAX 1024 /* values left out in front of one that is there */
#define NAME_GROUPS 3
#define NAME_COMPONENTS 5

/** Who reserved (gggg,bb00-bbFF) in an open data set. */
typedef struct Creator {
    uint16_t group;
    uint8_t block;
    char name[CREATOR_MAX];
} Creator;

typedef struct Part {
    size_t offset; /* in xml->name */
    size_t size;
} Part;

struct PacsDatasetXml {
    XML_Parser parser;
    PacsDatasetWriter *writer;
    uint64_t fed;
    uint8_t block[BLOCK_SIZE];
    size_t block_size;

    Kind kinds[KINDS_MAX];
    uint32_t depth;
    uint32_t ignored; /* open elements that the model does not have */

    PacsTag tag; /* of the attribute at hand, which is no sequence */
    PacsVr vr;
    uint32_t values;
    bool is_creator;
    PacsBuffer text; /* of the value at hand */
    PacsBuffer name; /* components of the person name at hand */
    Part parts[NAME_GROUPS][NAME_COMPONENTS];
    int name_group, name_component;

    PacsBuffer creators; /* Creator, of all open data sets */
    size_t creators_start[PACS_MAX_SEQUENCE_DEPTH + 1];
    uint32_t level; /* data sets around */

    PacsError failure;
};

/* ---- Failures ---- */

static void settle(PacsDatasetXml *xml, PacsStatus status)
{
    if (status == PACS_OK)
        return;
    xml->failure.status = status;
    (void)XML_StopParser(xml->parser, XML_FALSE);
}

static void fail(PacsDatasetXml *xml, const char *what)
{
    settle(xml, pacs_fail(&xml->failure, PACS_INVALID, "XML line %lu: %s",
                          (unsigned long)XML_GetCurrentLineNumber(xml->parser), what));
}

static void fail_tag(PacsDatasetXml *xml, const char *what)
{
    settle(xml, pacs_fail(&xml->failure, PACS_INVALID, "(%04X,%04X) %s", pacs_tag_group(xml->tag),
                          pacs_tag_element(xml->tag), what));
}

/* ---- Private creators (PS3.5 7.8.1, PS3.19 A.1.5) ---- */

static Creator *creators(const PacsDatasetXml *xml, size_t *ret_count)
{
    size_t start = xml->creators_start[xml->level];

    *ret_count = xml->creators.size / sizeof(Creator) - start;
    return xml->creators.bytes ? (Creator *)(void *)xml->creators.bytes + start : NULL;
}

static Creator *find_block(const PacsDatasetXml *xml, uint16_t group, uint8_t block)
{
    size_t count;
    Creator *creator = creators(xml, &count);

    for (size_t i = 0; i < count; i++) {
        if (creator[i].group == group && creator[i].block == block)
            return &creator[i];
    }
    return NULL;
}

static PacsStatus write_creator(PacsDatasetXml *xml, const Creator *creator)
{
    PacsTag tag = PACS_TAG(creator->group, creator->block);

    PacsStatus status = pacs_dataset_writer_begin(xml->writer, tag, PACS_VR_LO, &xml->failure);
    if (status == PACS_OK)
        status = pacs_dataset_writer_value(xml->writer, pacs_slice(creator->name), &xml->failure);
    return status == PACS_OK ? pacs_dataset_writer_end(xml->writer, &xml->failure) : status;
}

/** A block is somebody's: told by the element that reserves it, or by the first attribute in it. */
static void reserve(PacsDatasetXml *xml, uint16_t group, uint8_t block, const char *name)
{
    Creator creator = {.group = group, .block = block};
    const Creator *known = find_block(xml, group, block);

    if (!pacs_text_copy(creator.name, sizeof creator.name, name) || !*name) {
        fail_tag(xml, "has a private creator that is none");
        return;
    }
    if (known && strcmp(known->name, name) != 0) {
        fail_tag(xml, "has another private creator than its block");
        return;
    }
    if (known)
        return;
    (void)pacs_buffer_add(&xml->creators, &creator, sizeof creator);
    PacsStatus status = pacs_buffer_check(&xml->creators, &xml->failure);
    settle(xml, status == PACS_OK ? write_creator(xml, &creator) : status);
}

/** The block of a creator who has one, or the first that is free; 0 if none is. */
static uint8_t block_of(const PacsDatasetXml *xml, uint16_t group, const char *name)
{
    size_t count;
    const Creator *creator = creators(xml, &count);

    for (size_t i = 0; i < count; i++) {
        if (creator[i].group == group && strcmp(creator[i].name, name) == 0)
            return creator[i].block;
    }
    for (unsigned block = 0x10; block <= 0xFF; block++) {
        if (!find_block(xml, group, (uint8_t)block))
            return (uint8_t)block;
    }
    return 0;
}

/** The tag of a private attribute whose creator is given. */
static void place_private(PacsDatasetXml *xml, const char *name)
{
    uint16_t group = pacs_tag_group(xml->tag);
    uint16_t element = pacs_tag_element(xml->tag);
    uint8_t block = element > 0xFF ? (uint8_t)(element >> 8) : block_of(xml, group, name);

    if (block < 0x10) {
        fail_tag(xml, "is in no block of a private creator");
        return;
    }
    reserve(xml, group, block, name);
    xml->tag = PACS_TAG(group, block << 8 | (element & 0xFF));
}

/* ---- Attributes ---- */

static const char *find(const XML_Char **attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

static void push(PacsDatasetXml *xml, Kind kind)
{
    if (xml->depth == KINDS_MAX)
        settle(xml, pacs_fail(&xml->failure, PACS_TOO_LARGE, "XML: more than %d elements inside each other",
                              KINDS_MAX));
    else
        xml->kinds[xml->depth++] = kind;
}

static bool read_attribute(PacsDatasetXml *xml, const XML_Char **attributes)
{
    const char *tag = find(attributes, "tag");
    const char *vr = find(attributes, "vr");
    const char *creator = find(attributes, "privateCreator");

    if (!tag || pacs_tag_parse(pacs_slice(tag), &xml->tag, NULL) != PACS_OK) {
        fail(xml, "a DicomAttribute has no tag of eight digits");
        return false;
    }
    if (creator && *creator && pacs_tag_is_private(xml->tag))
        place_private(xml, creator);
    xml->vr = !vr ? pacs_dictionary_vr(xml->tag) : strlen(vr) == 2 ? pacs_vr_from_code(vr) : PACS_VR_NONE;
    xml->is_creator = !creator && pacs_tag_is_private_creator(xml->tag);
    if (xml->vr == PACS_VR_NONE)
        fail_tag(xml, "has a VR that is none");
    return xml->failure.status == PACS_OK;
}

static void begin_attribute(PacsDatasetXml *xml, const XML_Char **attributes)
{
    if (!read_attribute(xml, attributes))
        return;
    xml->values = 0;
    if (xml->vr == PACS_VR_SQ) {
        push(xml, KIND_SEQUENCE);
        settle(xml, pacs_dataset_writer_sequence_begin(xml->writer, xml->tag, &xml->failure));
        return;
    }
    push(xml, KIND_ATTRIBUTE);
    if (!xml->is_creator)
        settle(xml, pacs_dataset_writer_begin(xml->writer, xml->tag, xml->vr, &xml->failure));
}

static void end_attribute(PacsDatasetXml *xml)
{
    if (!xml->is_creator)
        settle(xml, pacs_dataset_writer_end(xml->writer, &xml->failure));
}

static void begin_item(PacsDatasetXml *xml)
{
    push(xml, KIND_ITEM);
    PacsStatus status = pacs_dataset_writer_item_begin(xml->writer, &xml->failure); /* counts the depth */
    settle(xml, status);
    if (status == PACS_OK)
        xml->creators_start[++xml->level] = xml->creators.size / sizeof(Creator);
}

static void end_item(PacsDatasetXml *xml)
{
    xml->creators.size = xml->creators_start[xml->level--] * sizeof(Creator);
    settle(xml, pacs_dataset_writer_item_end(xml->writer, &xml->failure));
}

/* ---- Values ---- */

static void write_value(PacsDatasetXml *xml, const PacsBuffer *text)
{
    if (xml->is_creator)
        reserve(xml, pacs_tag_group(xml->tag), (uint8_t)pacs_tag_element(xml->tag), pacs_buffer_text(text));
    else
        settle(xml, pacs_dataset_writer_value(xml->writer, (PacsSlice){pacs_buffer_text(text), text->size},
                                              &xml->failure));
}

/** Empty values in front of one whose number is not the next. */
static void fill_values(PacsDatasetXml *xml, const XML_Char **attributes)
{
    const char *text = find(attributes, "number");
    uint64_t number = 0;

    if (!text)
        return;
    if (pacs_parse_u64(pacs_slice(text), UINT32_MAX, &number, NULL) != PACS_OK || number <= xml->values ||
        number - xml->values > GAP_MAX) {
        fail_tag(xml, "has values whose numbers do not rise one by one");
        return;
    }
    for (; xml->values + 1 < number && xml->failure.status == PACS_OK; xml->values++)
        settle(xml, pacs_dataset_writer_value(xml->writer, PACS_SLICE(""), &xml->failure));
}

static void begin_value(PacsDatasetXml *xml, Kind kind, const XML_Char **attributes)
{
    push(xml, kind);
    pacs_buffer_reset(&xml->text);
    pacs_buffer_reset(&xml->name);
    memset(xml->parts, 0, sizeof xml->parts);
    if (!xml->is_creator && (kind == KIND_VALUE || kind == KIND_NAME))
        fill_values(xml, attributes);
    xml->values++;
}

static void begin_bulk_data(PacsDatasetXml *xml, const XML_Char **attributes)
{
    const char *uri = find(attributes, "uri");

    push(xml, KIND_BULK_DATA);
    if (!uri)
        uri = find(attributes, "uuid");
    if (!uri)
        fail_tag(xml, "has BulkData without uri");
    else
        settle(xml, pacs_dataset_writer_bulk(xml->writer, pacs_slice(uri), &xml->failure));
}

static void end_inline_binary(PacsDatasetXml *xml)
{
    PacsBuffer *text = &xml->text;
    size_t size = 0;

    for (size_t i = 0; i < text->size; i++) { /* xs:base64Binary may be broken into lines */
        if (!strchr(" \t\r\n", text->bytes[i]))
            text->bytes[size++] = text->bytes[i];
    }
    settle(xml, pacs_dataset_writer_base64(xml->writer, (PacsSlice){(const char *)text->bytes, size},
                                           &xml->failure));
}

/* ---- Person names ---- */

static int index_of(const char *name, const char *const names[], int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

static void begin_group(PacsDatasetXml *xml, const char *name)
{
    static const char *const names[] = {"Alphabetic", "Ideographic", "Phonetic"};

    xml->name_group = index_of(name, names, NAME_GROUPS);
    push(xml, KIND_GROUP);
    if (xml->name_group < 0)
        fail_tag(xml, "has a name that is not made of component groups");
}

static void begin_component(PacsDatasetXml *xml, const char *name)
{
    static const char *const names[] = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"};

    xml->name_component = index_of(name, names, NAME_COMPONENTS);
    push(xml, KIND_COMPONENT);
    pacs_buffer_reset(&xml->text);
    if (xml->name_component < 0)
        fail_tag(xml, "has a name with a component that is none");
}

static void end_component(PacsDatasetXml *xml)
{
    xml->parts[xml->name_group][xml->name_component] = (Part){xml->name.size, xml->text.size};
    (void)pacs_buffer_add(&xml->name, xml->text.bytes, xml->text.size);
    settle(xml, pacs_buffer_check(&xml->name, &xml->failure));
}

static int last_component(const Part parts[NAME_COMPONENTS])
{
    int last = -1;

    for (int i = 0; i < NAME_COMPONENTS; i++)
        last = parts[i].size > 0 ? i : last;
    return last;
}

/** "A^B=C^D" into xml->text. */
static void end_name(PacsDatasetXml *xml)
{
    PacsBuffer *out = &xml->text;
    int last_group = -1;

    pacs_buffer_reset(out);
    for (int group = 0; group < NAME_GROUPS; group++)
        last_group = last_component(xml->parts[group]) >= 0 ? group : last_group;
    for (int group = 0; group <= last_group; group++) {
        int last = last_component(xml->parts[group]);
        if (group > 0)
            (void)pacs_buffer_add_char(out, '=');
        for (int i = 0; i <= last; i++) {
            if (i > 0)
                (void)pacs_buffer_add_char(out, '^');
            (void)pacs_buffer_add(out, xml->name.bytes + xml->parts[group][i].offset,
                                  xml->parts[group][i].size);
        }
    }
    settle(xml, pacs_buffer_check(out, &xml->failure));
    if (xml->failure.status == PACS_OK)
        write_value(xml, out);
}

/* ---- What Expat calls ---- */

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void begin_in_attribute(PacsDatasetXml *xml, const char *name, const XML_Char **attributes)
{
    if (strcmp(name, "Value") == 0)
        begin_value(xml, KIND_VALUE, attributes);
    else if (strcmp(name, "PersonName") == 0)
        begin_value(xml, KIND_NAME, attributes);
    else if (strcmp(name, "InlineBinary") == 0 && !xml->is_creator)
        begin_value(xml, KIND_INLINE_BINARY, attributes);
    else if (strcmp(name, "BulkData") == 0 && !xml->is_creator)
        begin_bulk_data(xml, attributes);
    else
        xml->ignored++;
}

static void begin_inner(PacsDatasetXml *xml, const char *name, const XML_Char **attributes)
{
    switch (xml->kinds[xml->depth - 1]) {
    case KIND_MODEL:
    case KIND_ITEM:
        if (strcmp(name, "DicomAttribute") == 0) {
            begin_attribute(xml, attributes);
            return;
        }
        break;
    case KIND_ATTRIBUTE:
        begin_in_attribute(xml, name, attributes);
        return;
    case KIND_SEQUENCE:
        if (strcmp(name, "Item") == 0) {
            begin_item(xml);
            return;
        }
        break;
    case KIND_NAME:
        begin_group(xml, name);
        return;
    case KIND_GROUP:
        begin_component(xml, name);
        return;
    default:
        break;
    }
    xml->ignored++;
}

static void XMLCALL on_start(void *context, const XML_Char *full_name, const XML_Char **attributes)
{
    PacsDatasetXml *xml = context;
    const char *name = local_name(full_name);

    if (xml->failure.status != PACS_OK)
        return;
    if (xml->ignored > 0) {
        xml->ignored++;
    } else if (xml->depth > 0) {
        begin_inner(xml, name, attributes);
    } else if (strcmp(name, "NativeDicomModel") == 0) {
        push(xml, KIND_MODEL);
    } else {
        fail(xml, "a NativeDicomModel expected");
    }
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    PacsDatasetXml *xml = context;

    (void)name; /* Expat has matched it */
    if (xml->failure.status != PACS_OK)
        return;
    if (xml->ignored > 0) {
        xml->ignored--;
        return;
    }
    switch (xml->kinds[--xml->depth]) {
    case KIND_ATTRIBUTE:
        end_attribute(xml);
        break;
    case KIND_SEQUENCE:
        settle(xml, pacs_dataset_writer_sequence_end(xml->writer, &xml->failure));
        break;
    case KIND_ITEM:
        end_item(xml);
        break;
    case KIND_VALUE:
        write_value(xml, &xml->text);
        break;
    case KIND_INLINE_BINARY:
        end_inline_binary(xml);
        break;
    case KIND_NAME:
        end_name(xml);
        break;
    case KIND_COMPONENT:
        end_component(xml);
        break;
    default:
        break;
    }
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    PacsDatasetXml *xml = context;
    Kind kind = xml->depth > 0 ? xml->kinds[xml->depth - 1] : KIND_MODEL;

    if (xml->failure.status != PACS_OK || xml->ignored > 0)
        return;
    if (kind != KIND_VALUE && kind != KIND_COMPONENT && kind != KIND_INLINE_BINARY)
        return;
    (void)pacs_buffer_add(&xml->text, text, (size_t)size);
    settle(xml, pacs_buffer_check(&xml->text, &xml->failure));
}

/** A document type could define entities, and name files to read. */
static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    fail(context, "document types are not read");
}

/* ---- Feeding ---- */

PacsStatus pacs_dataset_xml_new(PacsDatasetWriter *writer, PacsDatasetXml **ret_xml, PacsError *err)
{
    PACS_AUTO(PacsDatasetXml) xml = calloc(1, sizeof *xml);
    if (!xml)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for XML");

    xml->writer = writer;
    pacs_buffer_init(&xml->text, PACS_MAX_STOW_METADATA);
    pacs_buffer_init(&xml->name, PACS_MAX_STOW_METADATA);
    pacs_buffer_init(&xml->creators, CREATORS_MAX * sizeof(Creator));
    xml->parser = XML_ParserCreate(NULL);
    if (!xml->parser)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for XML");
    XML_SetUserData(xml->parser, xml);
    XML_SetElementHandler(xml->parser, on_start, on_end);
    XML_SetCharacterDataHandler(xml->parser, on_text);
    XML_SetStartDoctypeDeclHandler(xml->parser, on_doctype);
    *ret_xml = PACS_STEAL(xml);
    return PACS_OK;
}

void pacs_dataset_xml_free(PacsDatasetXml *xml)
{
    if (!xml)
        return;
    if (xml->parser)
        XML_ParserFree(xml->parser);
    pacs_buffer_clear(&xml->text);
    pacs_buffer_clear(&xml->name);
    pacs_buffer_clear(&xml->creators);
    free(xml);
}

/** Expat keeps what it has begun to read: a tag or comment of gigabytes must not become memory. */
static void check_token(PacsDatasetXml *xml)
{
    XML_Index at = XML_GetCurrentByteIndex(xml->parser);

    if (at >= 0 && xml->fed - (uint64_t)at > PACS_MAX_XML_TOKEN)
        settle(xml,
               pacs_fail(&xml->failure, PACS_TOO_LARGE, "XML line %lu: a piece of markup is over %u bytes",
                         (unsigned long)XML_GetCurrentLineNumber(xml->parser), PACS_MAX_XML_TOKEN));
}

static void parse_block(PacsDatasetXml *xml, bool is_last)
{
    xml->fed += xml->block_size;
    enum XML_Status status = XML_Parse(xml->parser, (const char *)xml->block, (int)xml->block_size, is_last);

    xml->block_size = 0;
    if (xml->failure.status != PACS_OK)
        return;
    if (status == XML_STATUS_ERROR) {
        enum XML_Error code = XML_GetErrorCode(xml->parser);
        xml->failure.status = pacs_fail(
            &xml->failure, code == XML_ERROR_NO_MEMORY ? PACS_NO_MEMORY : PACS_INVALID, "XML line %lu: %s",
            (unsigned long)XML_GetCurrentLineNumber(xml->parser), XML_ErrorString(code));
        return;
    }
    if (!is_last)
        check_token(xml);
}

static PacsStatus result(const PacsDatasetXml *xml, PacsError *err)
{
    if (err && xml->failure.status != PACS_OK)
        *err = xml->failure;
    return xml->failure.status;
}

PacsStatus pacs_dataset_xml_feed(PacsDatasetXml *xml, const uint8_t *bytes, size_t size, PacsError *err)
{
    while (size > 0 && xml->failure.status == PACS_OK) {
        size_t room = BLOCK_SIZE - xml->block_size;
        size_t now = size < room ? size : room;
        memcpy(xml->block + xml->block_size, bytes, now);
        xml->block_size += now;
        bytes += now;
        size -= now;
        if (xml->block_size == BLOCK_SIZE)
            parse_block(xml, false);
    }
    return result(xml, err);
}

PacsStatus pacs_dataset_xml_finish(PacsDatasetXml *xml, PacsError *err)
{
    if (xml->failure.status == PACS_OK)
        parse_block(xml, true);
    return result(xml, err);
}

size_t pacs_dataset_xml_held(const PacsDatasetXml *xml)
{
    return sizeof *xml + PACS_MAX_XML_TOKEN + xml->text.capacity + xml->name.capacity +
           xml->creators.capacity;
}
