#include "pacs/dicom/report_html.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/json_item.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/arena.h"
#include "pacs/util/limits.h"
#include "pacs/util/xml.h"

typedef struct Page {
    const PacsReportLinks *links;
    const PacsJsonItem *document;
    PacsArena *arena;
    PacsBuffer *out;
} Page;

/* ---- Text ---- */

static void add(Page *page, const char *markup)
{
    (void)pacs_buffer_add_text(page->out, markup); /* checked at the end */
}

static void add_escaped(Page *page, const char *text)
{
    (void)pacs_xml_escape(page->out, text, strlen(text));
}

/* Runs of text keep their lines, which pacs_xml_escape() would write as references. */
static void add_lines(Page *page, const char *text)
{
    for (;;) {
        const size_t size = strcspn(text, "\r\n");
        (void)pacs_xml_escape(page->out, text, size);
        text += size;
        if (!*text)
            return;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
        add(page, "\n");
    }
}

static const char *string_of(const Page *page, const PacsJsonItem *item, PacsTag tag)
{
    const char *text = item ? pacs_json_item_string(item, tag, 0, page->arena) : NULL;

    return text ? text : "";
}

/** 20261121 as 2026-11-21, 101530.25 as 10:15:30, a date with a time as both; what is neither stays. */
static void add_date(Page *page, const char *text)
{
    const size_t digits = strspn(text, "0123456789");

    if (digits < 8 ||
        (text[digits] != '\0' && text[digits] != '.' && text[digits] != '+' && text[digits] != '-')) {
        add_escaped(page, text);
        return;
    }
    (void)pacs_buffer_add_format(page->out, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
    if (digits >= 12)
        (void)pacs_buffer_add_format(page->out, " %.2s:%.2s", text + 8, text + 10);
    if (digits >= 14)
        (void)pacs_buffer_add_format(page->out, ":%.2s", text + 12);
}

static void add_time(Page *page, const char *text)
{
    const size_t digits = strspn(text, "0123456789");

    if (digits != 4 && digits != 6) {
        add_escaped(page, text);
        return;
    }
    (void)pacs_buffer_add_format(page->out, "%.2s:%.2s", text, text + 2);
    if (digits == 6)
        (void)pacs_buffer_add_format(page->out, ":%.2s", text + 4);
}

/** "Doe^Jane^M" as "Doe, Jane M". */
static void add_name(Page *page, const char *name)
{
    PacsSlice rest = pacs_slice(name), part;

    for (unsigned i = 0; pacs_slice_split(&rest, '^', &part); i++) {
        part = pacs_slice_trim(part);
        if (part.size == 0)
            continue;
        if (i > 0)
            add(page, i == 1 ? ", " : " ");
        (void)pacs_xml_escape(page->out, part.text, part.size);
    }
}

/* ---- Codes ---- */

/** Item `index` of a sequence; false for none. */
static bool find_item(const Page *page, const PacsJsonItem *item, PacsTag sequence, size_t index,
                      PacsJsonItem *ret_item)
{
    return pacs_json_item_of(item, sequence, index, page->arena, ret_item, NULL) == PACS_OK;
}

/** The meaning of a coded concept, or its value; "" for none. */
static const char *meaning_of(const Page *page, const PacsJsonItem *item, PacsTag sequence)
{
    PacsJsonItem code;

    if (!find_item(page, item, sequence, 0, &code))
        return "";
    const char *meaning = string_of(page, &code, PACS_TAG_CODE_MEANING);
    return meaning[0] ? meaning : string_of(page, &code, PACS_TAG_CODE_VALUE);
}

/* ---- Images ---- */

typedef struct Place {
    const char *study_uid, *series_uid;
} Place;

static bool holds_object(const Page *page, const PacsJsonItem *series, const char *uid)
{
    const PacsJsonAttribute *objects = pacs_json_item_find(series, PACS_TAG_REFERENCED_SOP_SEQUENCE);
    PacsSlice cursor = {0}, text;
    PacsJsonItem object;

    while (objects && pacs_json_item_next(objects, &cursor, &text))
        if (pacs_json_item_parse(text, page->arena, &object, NULL) == PACS_OK &&
            strcmp(string_of(page, &object, PACS_TAG_REFERENCED_SOP_INSTANCE_UID), uid) == 0)
            return true;
    return false;
}

static bool find_in_study(const Page *page, const PacsJsonItem *study, const char *uid, Place *ret_place)
{
    PacsJsonItem series;

    for (size_t i = 0; find_item(page, study, PACS_TAG_REFERENCED_SERIES_SEQUENCE, i, &series); i++)
        if (holds_object(page, &series, uid)) {
            *ret_place = (Place){string_of(page, study, PACS_TAG_STUDY_INSTANCE_UID),
                                 string_of(page, &series, PACS_TAG_SERIES_INSTANCE_UID)};
            return true;
        }
    return false;
}

/** Where an object stands, by the lists of evidence that come with the document. */
static bool find_place(const Page *page, const char *uid, Place *ret_place)
{
    static const PacsTag lists[] = {PACS_TAG_CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
                                    PACS_TAG_PERTINENT_OTHER_EVIDENCE_SEQUENCE};
    PacsJsonItem study;

    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++)
        for (size_t i = 0; find_item(page, page->document, lists[list], i, &study); i++)
            if (find_in_study(page, &study, uid, ret_place))
                return true;
    return false;
}

static bool is_uid(const char *text)
{
    return pacs_uid_acceptable(pacs_slice(text));
}

static void add_picture(Page *page, const Place *place, const char *uid, const char *frame)
{
    const char *base = pacs_arena_printf(page->arena, "%s/studies/%s/series/%s/instances/%s",
                                         page->links->root, place->study_uid, place->series_uid, uid);
    const bool is_frame = frame[0] != '\0' && strspn(frame, "0123456789") == strlen(frame);

    if (!base)
        return;
    add(page, "<a href=\"");
    add_escaped(page, base);
    if (is_frame)
        (void)pacs_buffer_add_format(page->out, "/frames/%s", frame);
    add(page, "/rendered\"><img loading=\"lazy\" alt=\"");
    add_escaped(page, "Image");
    add(page, "\" src=\"");
    add_escaped(page, base);
    if (is_frame)
        (void)pacs_buffer_add_format(page->out, "/frames/%s", frame);
    add(page, "/thumbnail\"></a>");
}

static void add_object(Page *page, const PacsJsonItem *item, bool is_image)
{
    PacsJsonItem reference;
    Place place;

    if (!find_item(page, item, PACS_TAG_REFERENCED_SOP_SEQUENCE, 0, &reference))
        return;
    const char *uid = string_of(page, &reference, PACS_TAG_REFERENCED_SOP_INSTANCE_UID);
    const char *frame = string_of(page, &reference, PACS_TAG_REFERENCED_FRAME_NUMBER);
    if (is_image && page->links->root && is_uid(uid) && find_place(page, uid, &place) &&
        is_uid(place.study_uid) && is_uid(place.series_uid)) {
        add_picture(page, &place, uid, frame);
        return;
    }
    const PacsUidEntry *entry = pacs_uid_find(
        pacs_slice(string_of(page, &reference, PACS_TAG_REFERENCED_SOP_CLASS_UID)));
    add_escaped(page, entry ? entry->name : "Object");
    add(page, " <code>");
    add_escaped(page, uid);
    add(page, "</code>");
}

/* ---- Values ---- */

static void add_number(Page *page, const PacsJsonItem *item)
{
    PacsJsonItem measured, units;

    if (!find_item(page, item, PACS_TAG_MEASURED_VALUE_SEQUENCE, 0, &measured)) {
        add_escaped(page, meaning_of(page, item, PACS_TAG_NUMERIC_VALUE_QUALIFIER_CODE_SEQUENCE));
        return;
    }
    const PacsSlice number = pacs_json_item_text(&measured, PACS_TAG_NUMERIC_VALUE, 0);
    (void)pacs_xml_escape(page->out, number.text ? number.text : "", number.size);
    if (!find_item(page, &measured, PACS_TAG_MEASUREMENT_UNITS_CODE_SEQUENCE, 0, &units))
        return;
    const char *unit = string_of(page, &units, PACS_TAG_CODE_VALUE);
    if (unit[0] == '\0' || strcmp(unit, "1") == 0)
        return;
    add(page, " ");
    if (unit[0] == '{') /* an annotation of UCUM: the meaning reads better */
        unit = string_of(page, &units, PACS_TAG_CODE_MEANING);
    add_escaped(page, unit);
}

static void add_coordinates(Page *page, const PacsJsonItem *item)
{
    const PacsJsonAttribute *points = pacs_json_item_find(item, PACS_TAG_GRAPHIC_DATA);

    add_escaped(page, string_of(page, item, PACS_TAG_GRAPHIC_TYPE));
    add(page, " <code>");
    if (points)
        (void)pacs_xml_escape(page->out, points->values.text ? points->values.text : "",
                              points->values.size < 400 ? points->values.size : 400);
    add(page, "</code>");
}

static void add_value(Page *page, const PacsJsonItem *item, const char *type)
{
    if (strcmp(type, "TEXT") == 0)
        add_lines(page, string_of(page, item, PACS_TAG_TEXT_VALUE));
    else if (strcmp(type, "CODE") == 0)
        add_escaped(page, meaning_of(page, item, PACS_TAG_CONCEPT_CODE_SEQUENCE));
    else if (strcmp(type, "NUM") == 0)
        add_number(page, item);
    else if (strcmp(type, "PNAME") == 0)
        add_name(page, string_of(page, item, PACS_TAG_PERSON_NAME));
    else if (strcmp(type, "DATETIME") == 0)
        add_date(page, string_of(page, item, PACS_TAG_DATE_TIME));
    else if (strcmp(type, "DATE") == 0)
        add_date(page, string_of(page, item, PACS_TAG_DATE));
    else if (strcmp(type, "TIME") == 0)
        add_time(page, string_of(page, item, PACS_TAG_TIME));
    else if (strcmp(type, "UIDREF") == 0)
        add_escaped(page, string_of(page, item, PACS_TAG_UID));
    else if (strcmp(type, "IMAGE") == 0)
        add_object(page, item, true);
    else if (strcmp(type, "COMPOSITE") == 0 || strcmp(type, "WAVEFORM") == 0)
        add_object(page, item, false);
    else if (strcmp(type, "SCOORD") == 0 || strcmp(type, "SCOORD3D") == 0)
        add_coordinates(page, item);
    else if (strcmp(type, "TCOORD") == 0)
        add_escaped(page, string_of(page, item, PACS_TAG_TEMPORAL_RANGE_TYPE));
}

/* ---- The content tree ---- */

static PacsStatus add_children(Page *page, const PacsJsonItem *item, unsigned level, PacsError *err);

static PacsStatus add_section(Page *page, const PacsJsonItem *item, const char *name, unsigned level,
                              PacsError *err)
{
    const unsigned heading = level < 6 ? level : 6;

    add(page, "<section>\n");
    if (name[0]) {
        (void)pacs_buffer_add_format(page->out, "<h%u>", heading);
        add_escaped(page, name);
        (void)pacs_buffer_add_format(page->out, "</h%u>\n", heading);
    }
    const PacsStatus status = add_children(page, item, level + 1, err);
    add(page, "</section>\n");
    return status;
}

/* Items of an observation's context or properties say less than the item they belong to. */
static const char *class_of(const char *relationship)
{
    return strcmp(relationship, "CONTAINS") == 0 ? "item" : "item detail";
}

static PacsStatus add_item(Page *page, const PacsJsonItem *item, unsigned level, PacsError *err)
{
    const char *type = string_of(page, item, PACS_TAG_VALUE_TYPE);
    const char *name = meaning_of(page, item, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE);

    if (strcmp(type, "CONTAINER") == 0)
        return add_section(page, item, name, level, err);
    (void)pacs_buffer_add_format(page->out, "<div class=\"%s\">",
                                 class_of(string_of(page, item, PACS_TAG_RELATIONSHIP_TYPE)));
    if (name[0]) {
        add(page, "<span class=\"name\">");
        add_escaped(page, name);
        add(page, "</span> ");
    }
    add(page, "<span class=\"value\" dir=\"auto\">");
    if (pacs_json_item_find(item, PACS_TAG_REFERENCED_CONTENT_ITEM_IDENTIFIER))
        add(page, "see above");
    else
        add_value(page, item, type);
    add(page, "</span>\n");
    const PacsStatus status = add_children(page, item, level, err);
    add(page, "</div>\n");
    return status;
}

/* As deep as sequences are read (PACS_MAX_SEQUENCE_DEPTH). */
static PacsStatus add_children(Page *page, const PacsJsonItem *item, unsigned level, PacsError *err)
{
    const PacsJsonAttribute *content = pacs_json_item_find(item, PACS_TAG_CONTENT_SEQUENCE);
    PacsSlice cursor = {0}, text;
    PacsStatus status = PACS_OK;

    while (content && status == PACS_OK && !page->out->failed &&
           pacs_json_item_next(content, &cursor, &text)) {
        PacsJsonItem child;
        status = pacs_json_item_parse(text, page->arena, &child, err);
        if (status == PACS_OK)
            status = add_item(page, &child, level, err);
    }
    return status;
}

/* ---- The head ---- */

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.25rem}h3{font-size:1.1rem}"
    "h2,h3,h4,h5,h6{margin:1.25em 0 .4em}h4,h5,h6{font-size:1rem}\n"
    "table{border-collapse:collapse;margin:0 0 1.5rem;font-size:.9rem}"
    "th{text-align:left;font-weight:600;padding:.1rem 1.5rem .1rem 0;color:#555;vertical-align:top}"
    "td{padding:.1rem 0}\n"
    ".item{margin:.25rem 0}.item .item{margin-left:1.5rem}.detail{font-size:.9rem;color:#444}\n"
    ".name{font-weight:600}.name::after{content:\":\"}.value{white-space:pre-wrap}\n"
    "img{max-width:256px;max-height:256px;background:#000;vertical-align:top;border-radius:3px}\n"
    "code{font-size:.85em;overflow-wrap:anywhere}.state{color:#8a4b00}\n"
    "@media print{body{margin:0;max-width:none}}\n";

typedef enum RowKind { ROW_TEXT, ROW_NAME, ROW_DATE } RowKind;

static void add_row(Page *page, const char *title, PacsTag tag, RowKind kind)
{
    const char *text = string_of(page, page->document, tag);

    if (!text[0])
        return;
    (void)pacs_buffer_add_format(page->out, "<tr><th scope=\"row\">%s</th><td dir=\"auto\">", title);
    if (kind == ROW_NAME)
        add_name(page, text);
    else if (kind == ROW_DATE)
        add_date(page, text);
    else
        add_escaped(page, text);
    add(page, "</td></tr>\n");
}

static void add_observers(Page *page)
{
    PacsJsonItem observer;

    for (size_t i = 0; find_item(page, page->document, PACS_TAG_VERIFYING_OBSERVER_SEQUENCE, i, &observer);
         i++) {
        add(page, "<tr><th scope=\"row\">Verified by</th><td dir=\"auto\">");
        add_name(page, string_of(page, &observer, PACS_TAG_VERIFYING_OBSERVER_NAME));
        const char *organization = string_of(page, &observer, PACS_TAG_VERIFYING_ORGANIZATION);
        if (organization[0]) {
            add(page, ", ");
            add_escaped(page, organization);
        }
        const char *when = string_of(page, &observer, PACS_TAG_VERIFICATION_DATE_TIME);
        if (when[0]) {
            add(page, ", ");
            add_date(page, when);
        }
        add(page, "</td></tr>\n");
    }
}

static void add_head(Page *page, const char *title)
{
    add(page, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    add_escaped(page, title);
    add(page, "</title>\n<style>\n");
    add(page, style);
    add(page, "</style>\n</head>\n<body>\n<h1>");
    add_escaped(page, title);
    add(page, "</h1>\n<table>\n");
    add_row(page, "Patient", PACS_TAG_PATIENT_NAME, ROW_NAME);
    add_row(page, "Patient ID", PACS_TAG_PATIENT_ID, ROW_TEXT);
    add_row(page, "Born", PACS_TAG_PATIENT_BIRTH_DATE, ROW_DATE);
    add_row(page, "Sex", PACS_TAG_PATIENT_SEX, ROW_TEXT);
    add_row(page, "Study", PACS_TAG_STUDY_DESCRIPTION, ROW_TEXT);
    add_row(page, "Study date", PACS_TAG_STUDY_DATE, ROW_DATE);
    add_row(page, "Accession number", PACS_TAG_ACCESSION_NUMBER, ROW_TEXT);
    add_row(page, "Referred by", PACS_TAG_REFERRING_PHYSICIAN_NAME, ROW_NAME);
    add_row(page, "Institution", PACS_TAG_INSTITUTION_NAME, ROW_TEXT);
    add_row(page, "Written", PACS_TAG_CONTENT_DATE, ROW_DATE);
    add_observers(page);
    add(page, "</table>\n");
}

/* What is not final is not to be taken for it. */
static void add_state(Page *page)
{
    const bool is_partial = pacs_json_item_is(page->document, PACS_TAG_COMPLETION_FLAG, "PARTIAL");
    const bool is_unverified = pacs_json_item_is(page->document, PACS_TAG_VERIFICATION_FLAG, "UNVERIFIED");

    if (is_partial || is_unverified)
        (void)pacs_buffer_add_format(page->out, "<p class=\"state\">%s%s%s</p>\n",
                                     is_partial ? "Not complete" : "",
                                     is_partial && is_unverified ? ", " : "",
                                     is_unverified ? (is_partial ? "not verified" : "Not verified") : "");
}

PacsStatus pacs_report_html_write(PacsSlice json, const PacsReportLinks *links, PacsBuffer *out,
                                  PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_REPORT_ARENA);
    PacsJsonItem document;

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a report");
    Page page = {.links = links, .document = &document, .arena = arena, .out = out};
    PacsStatus status = pacs_json_item_parse(json, arena, &document, err);
    if (status != PACS_OK)
        return status;
    if (!pacs_json_item_find(&document, PACS_TAG_CONTENT_SEQUENCE) &&
        !pacs_json_item_is(&document, PACS_TAG_VALUE_TYPE, "CONTAINER"))
        return pacs_fail(err, PACS_UNSUPPORTED, "the instance is no document with content items");
    const char *title = meaning_of(&page, &document, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE);
    add_head(&page, title[0] ? title : "Report");
    add_state(&page);
    add(&page, "<main>\n");
    status = add_children(&page, &document, 2, err);
    add(&page, "</main>\n</body>\n</html>\n");
    return status == PACS_OK ? pacs_buffer_check(out, err) : status;
}
