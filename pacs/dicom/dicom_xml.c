#include "pacs/dicom/dicom_xml.h"

#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/util/xml.h"

#define HEADER                                                                                               \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                           \
    "<NativeDicomModel xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" xml:space=\"preserve\">"
#define FOOTER "</NativeDicomModel>"

#define CREATORS_MAX                                                                                         \
    (sizeof(Creator) * 256 * (PACS_MAX_SEQUENCE_DEPTH + 1)) /* one group's blocks of every level */

/** Who reserved (gggg,bb00-bbFF). The name is still escaped and borrowed from the JSON. */
typedef struct Creator {
    PacsTag tag; /* (gggg,00bb) */
    PacsSlice name;
} Creator;

void pacs_dicom_xml_init(PacsDicomXml *xml, PacsSlice json, const char *bulk_prefix)
{
    *xml = (PacsDicomXml){.reader = pacs_json_reader(json.text, json.size), .bulk_prefix = bulk_prefix};
    pacs_buffer_init(&xml->text, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&xml->creators, CREATORS_MAX);
}

void pacs_dicom_xml_clear(PacsDicomXml *xml)
{
    pacs_buffer_clear(&xml->text);
    pacs_buffer_clear(&xml->creators);
}

/* ---- the JSON ---- */

static PacsStatus unexpected(PacsError *err, const char *expected)
{
    return pacs_fail(err, PACS_CORRUPT, "DICOM JSON: expected %s", expected);
}

static PacsStatus expect(PacsDicomXml *xml, PacsJsonToken token, const char *name, PacsSlice *ret_text,
                         PacsError *err)
{
    PacsJsonToken found;
    PacsSlice text;

    PacsStatus status = pacs_json_next(&xml->reader, &found, &text, err);
    if (status != PACS_OK)
        return status;
    if (found != token)
        return unexpected(err, name);
    if (ret_text)
        *ret_text = text;
    return PACS_OK;
}

/** {"vr": ..., as far as the VR. */
static PacsStatus read_vr(PacsDicomXml *xml, PacsVr *ret_vr, PacsError *err)
{
    PacsSlice key = {0};
    PacsSlice code = {0};

    PacsStatus status = expect(xml, PACS_JSON_OBJECT_BEGIN, "an attribute's object", NULL, err);
    if (status == PACS_OK)
        status = expect(xml, PACS_JSON_KEY, "\"vr\"", &key, err);
    if (status == PACS_OK)
        status = expect(xml, PACS_JSON_STRING, "a VR", &code, err);
    if (status != PACS_OK)
        return status;
    PacsVr vr = code.size == 2 ? pacs_vr_from_code(code.text) : PACS_VR_NONE;
    if (!pacs_slice_equal(key, "vr") || vr == PACS_VR_NONE)
        return unexpected(err, "\"vr\" with a VR as an attribute's first member");
    *ret_vr = vr;
    return PACS_OK;
}

/* ---- text ---- */

static void add(PacsBuffer *out, const char *text)
{
    (void)pacs_buffer_add_text(out, text); /* checked at the end of each step */
}

/** An escaped JSON string as XML text. */
static PacsStatus add_string(PacsDicomXml *xml, PacsSlice escaped, PacsBuffer *out, PacsError *err)
{
    if (!memchr(escaped.text, '\\', escaped.size)) {
        (void)pacs_xml_escape(out, escaped.text, escaped.size);
        return PACS_OK;
    }
    pacs_buffer_reset(&xml->text);
    PacsStatus status = pacs_json_unescape(escaped, &xml->text, err);
    if (status == PACS_OK)
        (void)pacs_xml_escape(out, pacs_buffer_text(&xml->text), xml->text.size);
    return status;
}

/* ---- private creators (PS3.5 7.8.1, PS3.19 A.1.5) ---- */

static size_t creators_start(const PacsDicomXml *xml)
{
    return xml->levels[xml->depth].creators_start;
}

static void remember_creator(PacsDicomXml *xml, PacsTag tag, PacsSlice name)
{
    const Creator creator = {tag, name};
    Creator first;

    if (xml->creators.size > creators_start(xml)) {
        memcpy(&first, xml->creators.bytes + creators_start(xml), sizeof first);
        if (pacs_tag_group(first.tag) != pacs_tag_group(tag))
            xml->creators.size = creators_start(xml); /* tags rise: that group is over */
    }
    (void)pacs_buffer_add(&xml->creators, &creator, sizeof creator);
}

/** The name of who reserved a private element's block; an empty slice if nobody did. */
static PacsSlice find_creator(const PacsDicomXml *xml, PacsTag tag)
{
    PacsTag wanted = PACS_TAG(pacs_tag_group(tag), pacs_tag_element(tag) >> 8);

    for (size_t at = creators_start(xml); at < xml->creators.size; at += sizeof(Creator)) {
        Creator creator;
        memcpy(&creator, xml->creators.bytes + at, sizeof creator);
        if (creator.tag == wanted)
            return creator.name;
    }
    return (PacsSlice){"", 0};
}

/** After the VR: if all that follows is one string, as it should, remember it and pass over the attribute. */
static bool take_creator(PacsDicomXml *xml, PacsTag tag)
{
    static const PacsJsonToken shape[] = {PACS_JSON_KEY, PACS_JSON_ARRAY_BEGIN, PACS_JSON_STRING,
                                          PACS_JSON_ARRAY_END, PACS_JSON_OBJECT_END};
    PacsJsonReader ahead = xml->reader;
    PacsSlice texts[5] = {{0}};

    for (size_t i = 0; i < 5; i++) {
        PacsJsonToken token;
        if (pacs_json_next(&ahead, &token, &texts[i], NULL) != PACS_OK || token != shape[i])
            return false;
    }
    if (!pacs_slice_equal(texts[0], "Value") || texts[2].size == 0)
        return false;
    remember_creator(xml, tag, texts[2]);
    xml->reader = ahead;
    return true;
}

/* ---- values ---- */

/** Family, given, middle name, prefix, suffix; what stands behind a fifth ^ stays with the suffix. */
static void add_components(PacsSlice group, PacsBuffer *out)
{
    static const char *const names[] = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"};
    PacsSlice component;

    for (size_t i = 0; i < 5 && group.text; i++) {
        if (i == 4)
            component = group;
        else if (!pacs_slice_split(&group, '^', &component))
            break;
        if (component.size == 0)
            continue;
        (void)pacs_buffer_add_format(out, "<%s>", names[i]);
        (void)pacs_xml_escape(out, component.text, component.size);
        (void)pacs_buffer_add_format(out, "</%s>", names[i]);
    }
}

static PacsStatus add_name_group(PacsDicomXml *xml, PacsSlice key, PacsSlice value, PacsBuffer *out,
                                 PacsError *err)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};

    for (size_t i = 0; i < 3; i++) {
        if (!pacs_slice_equal(key, groups[i]))
            continue;
        pacs_buffer_reset(&xml->text);
        PacsStatus status = pacs_json_unescape(value, &xml->text, err);
        if (status != PACS_OK)
            return status;
        (void)pacs_buffer_add_format(out, "<%s>", groups[i]);
        add_components((PacsSlice){pacs_buffer_text(&xml->text), xml->text.size}, out);
        (void)pacs_buffer_add_format(out, "</%s>", groups[i]);
        return PACS_OK;
    }
    return unexpected(err, "a component group's name");
}

/** The rest of {"Alphabetic": ...}. */
static PacsStatus add_name(PacsDicomXml *xml, uint32_t number, PacsBuffer *out, PacsError *err)
{
    (void)pacs_buffer_add_format(out, "<PersonName number=\"%u\">", number);
    for (;;) {
        PacsJsonToken token;
        PacsSlice key;
        PacsSlice value;
        PacsStatus status = pacs_json_next(&xml->reader, &token, &key, err);
        if (status == PACS_OK && token == PACS_JSON_OBJECT_END)
            break;
        if (status == PACS_OK && token != PACS_JSON_KEY)
            status = unexpected(err, "a component group");
        if (status == PACS_OK)
            status = expect(xml, PACS_JSON_STRING, "a component group's text", &value, err);
        if (status == PACS_OK)
            status = add_name_group(xml, key, value, out, err);
        if (status != PACS_OK)
            return status;
    }
    add(out, "</PersonName>");
    return PACS_OK;
}

static PacsStatus add_value(PacsDicomXml *xml, PacsVr vr, PacsJsonToken token, PacsSlice text,
                            uint32_t number, PacsBuffer *out, PacsError *err)
{
    if (token == PACS_JSON_OBJECT_BEGIN && vr == PACS_VR_PN)
        return add_name(xml, number, out, err);
    if (token == PACS_JSON_NULL) {
        (void)pacs_buffer_add_format(out, "<%s number=\"%u\"/>", vr == PACS_VR_PN ? "PersonName" : "Value",
                                     number);
        return PACS_OK;
    }
    if (vr == PACS_VR_PN || (token != PACS_JSON_STRING && token != PACS_JSON_NUMBER))
        return unexpected(err, "a value of the attribute's VR");
    (void)pacs_buffer_add_format(out, "<Value number=\"%u\">", number);
    PacsStatus status = add_string(xml, text, out, err);
    add(out, "</Value>");
    return status;
}

/** The inside of "Value": [...] of anything but a sequence. */
static PacsStatus add_values(PacsDicomXml *xml, PacsVr vr, PacsBuffer *out, PacsError *err)
{
    for (uint32_t number = 1;; number++) {
        PacsJsonToken token;
        PacsSlice text;
        PacsStatus status = pacs_json_next(&xml->reader, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        status = add_value(xml, vr, token, text, number, out, err);
        if (status == PACS_OK)
            status = pacs_buffer_check(out, err);
        if (status != PACS_OK)
            return status;
    }
}

static bool is_relative(PacsSlice uri)
{
    return uri.size > 0 && uri.text[0] != '/' && !memmem(uri.text, uri.size, "://", 3);
}

static PacsStatus add_bulk(PacsDicomXml *xml, PacsSlice uri, PacsBuffer *out, PacsError *err)
{
    add(out, "<BulkData uri=\"");
    if (is_relative(uri))
        (void)pacs_xml_escape(out, xml->bulk_prefix, strlen(xml->bulk_prefix));
    PacsStatus status = add_string(xml, uri, out, err);
    add(out, "\"/>");
    return status;
}

static PacsStatus add_inline(PacsDicomXml *xml, PacsSlice base64, PacsBuffer *out, PacsError *err)
{
    add(out, "<InlineBinary>");
    PacsStatus status = add_string(xml, base64, out, err);
    add(out, "</InlineBinary>");
    return status;
}

/* ---- attributes, items, the document ---- */

/** What follows an attribute's VR. *ret_open: it is a sequence, whose items come next. */
static PacsStatus add_member(PacsDicomXml *xml, PacsVr vr, PacsSlice key, PacsBuffer *out, bool *ret_open,
                             PacsError *err)
{
    PacsSlice text = {0};

    if (pacs_slice_equal(key, "Value")) {
        PacsStatus status = expect(xml, PACS_JSON_ARRAY_BEGIN, "an array of values", NULL, err);
        *ret_open = vr == PACS_VR_SQ;
        return status != PACS_OK || vr == PACS_VR_SQ ? status : add_values(xml, vr, out, err);
    }
    PacsStatus status = expect(xml, PACS_JSON_STRING, "text", &text, err);
    if (status != PACS_OK)
        return status;
    if (pacs_slice_equal(key, "BulkDataURI"))
        return add_bulk(xml, text, out, err);
    if (pacs_slice_equal(key, "InlineBinary"))
        return add_inline(xml, text, out, err);
    return unexpected(err, "\"Value\", \"BulkDataURI\" or \"InlineBinary\"");
}

/** Members up to the attribute's end, or up to the items of its sequence. */
static PacsStatus add_members(PacsDicomXml *xml, PacsVr vr, PacsBuffer *out, PacsError *err)
{
    for (;;) {
        PacsJsonToken token;
        PacsSlice key;
        bool open = false;
        PacsStatus status = pacs_json_next(&xml->reader, &token, &key, err);
        if (status == PACS_OK && token == PACS_JSON_OBJECT_END)
            break;
        if (status == PACS_OK && token != PACS_JSON_KEY)
            status = unexpected(err, "the end of an attribute");
        if (status == PACS_OK)
            status = add_member(xml, vr, key, out, &open, err);
        if (status != PACS_OK)
            return status;
        if (open) {
            xml->levels[xml->depth].item_count = 0;
            xml->in_sequence = true;
            return PACS_OK;
        }
    }
    add(out, "</DicomAttribute>");
    return PACS_OK;
}

static PacsStatus add_start_tag(PacsDicomXml *xml, PacsTag tag, PacsVr vr, PacsBuffer *out, PacsError *err)
{
    bool in_block = pacs_tag_is_private(tag) && pacs_tag_element(tag) >= 0x1000;
    PacsSlice creator = in_block ? find_creator(xml, tag) : (PacsSlice){"", 0};
    char text[PACS_TAG_HEX_SIZE];

    pacs_tag_format(creator.size > 0 ? tag & 0xFFFF00FF : tag, text);
    (void)pacs_buffer_add_format(out, "<DicomAttribute tag=\"%s\" vr=\"%s\"", text, pacs_vr_code(vr));
    const char *keyword = pacs_dictionary_keyword(tag);
    if (keyword[0] != '\0')
        (void)pacs_buffer_add_format(out, " keyword=\"%s\"", keyword);
    PacsStatus status = PACS_OK;
    if (creator.size > 0) {
        add(out, " privateCreator=\"");
        status = add_string(xml, creator, out, err);
        add(out, "\"");
    }
    add(out, ">");
    return status;
}

static PacsStatus add_attribute(PacsDicomXml *xml, PacsSlice key, PacsBuffer *out, PacsError *err)
{
    PacsTag tag;
    PacsVr vr = PACS_VR_NONE;

    if (key.size != PACS_TAG_HEX_SIZE - 1 || pacs_tag_parse(key, &tag, NULL) != PACS_OK)
        return unexpected(err, "a tag of eight digits");
    PacsStatus status = read_vr(xml, &vr, err);
    if (status != PACS_OK)
        return status;
    if (vr == PACS_VR_LO && pacs_tag_is_private_creator(tag) && take_creator(xml, tag))
        return pacs_buffer_check(&xml->creators, err);
    status = add_start_tag(xml, tag, vr, out, err);
    return status == PACS_OK ? add_members(xml, vr, out, err) : status;
}

static PacsStatus begin_item(PacsDicomXml *xml, uint32_t number, PacsBuffer *out, PacsError *err)
{
    if (xml->depth == PACS_MAX_SEQUENCE_DEPTH)
        return pacs_fail(err, PACS_TOO_LARGE, "sequences nested more than %d deep", PACS_MAX_SEQUENCE_DEPTH);
    (void)pacs_buffer_add_format(out, "<Item number=\"%u\">", number);
    xml->depth++;
    xml->levels[xml->depth].creators_start = xml->creators.size;
    xml->in_sequence = false;
    return PACS_OK;
}

static PacsStatus next_of_sequence(PacsDicomXml *xml, PacsJsonToken token, PacsBuffer *out, PacsError *err)
{
    uint32_t number = ++xml->levels[xml->depth].item_count;

    switch (token) {
    case PACS_JSON_OBJECT_BEGIN:
        return begin_item(xml, number, out, err);
    case PACS_JSON_NULL:
        (void)pacs_buffer_add_format(out, "<Item number=\"%u\"/>", number);
        return PACS_OK;
    case PACS_JSON_ARRAY_END:
        xml->in_sequence = false;
        return add_members(xml, PACS_VR_SQ, out, err);
    default:
        return unexpected(err, "an item");
    }
}

static PacsStatus next_of_dataset(PacsDicomXml *xml, PacsJsonToken token, PacsSlice text, PacsBuffer *out,
                                  bool *ret_done, PacsError *err)
{
    if (token == PACS_JSON_KEY)
        return add_attribute(xml, text, out, err);
    if (token != PACS_JSON_OBJECT_END)
        return unexpected(err, "an attribute");
    if (xml->depth == 0) {
        add(out, FOOTER);
        *ret_done = true;
        return expect(xml, PACS_JSON_END, "the end of the data set", NULL, err);
    }
    xml->creators.size = creators_start(xml);
    xml->depth--;
    xml->in_sequence = true;
    add(out, "</Item>");
    return PACS_OK;
}

PacsStatus pacs_dicom_xml_next(PacsDicomXml *xml, PacsBuffer *out, bool *ret_done, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;
    bool done = false;

    PacsStatus status = pacs_json_next(&xml->reader, &token, &text, err);
    if (status != PACS_OK)
        return status;
    if (!xml->started) {
        xml->started = true;
        add(out, HEADER);
        status = token == PACS_JSON_OBJECT_BEGIN ? PACS_OK : unexpected(err, "a data set's object");
    } else if (xml->in_sequence) {
        status = next_of_sequence(xml, token, out, err);
    } else {
        status = next_of_dataset(xml, token, text, out, &done, err);
    }
    if (status == PACS_OK)
        status = pacs_buffer_check(out, err);
    if (status == PACS_OK)
        *ret_done = done;
    return status;
}

PacsStatus pacs_dicom_xml_write(PacsSlice json, const char *bulk_prefix, PacsBuffer *out, PacsError *err)
{
    PacsDicomXml xml;
    PacsStatus status = PACS_OK;

    pacs_dicom_xml_init(&xml, json, bulk_prefix);
    for (bool done = false; status == PACS_OK && !done;)
        status = pacs_dicom_xml_next(&xml, out, &done, err);
    pacs_dicom_xml_clear(&xml);
    return status;
}
