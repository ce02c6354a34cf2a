#include "dicomweb/qido_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pacs/dicom/dicom_json.h"
#include "pacs/index/index.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

void qido_row_writer_init(QidoRowWriter *writer, const QidoFields *fields, const char *root)
{
    *writer = (QidoRowWriter){.fields = fields, .root = root};
    pacs_buffer_init(&writer->text, PACS_MAX_INSTANCE_JSON);
    pacs_buffer_init(&writer->scratch, PACS_MAX_INSTANCE_JSON);
}

void qido_row_writer_clear(QidoRowWriter *writer)
{
    pacs_buffer_clear(&writer->text);
    pacs_buffer_clear(&writer->scratch);
}

/* ---- what the row says itself ---- */

static PacsStatus write_text(QidoRowWriter *writer, const QidoField *field, const char *values,
                             PacsJson *json, PacsError *err)
{
    if (!field->is_required && (!values || values[0] == '\0'))
        return PACS_OK;
    return pacs_dicom_json_attribute(json, field->tag, pacs_dictionary_vr(field->tag), values,
                                     &writer->scratch, err);
}

/** 0 is "not known" where the attribute need not be shown. */
static PacsStatus write_number(QidoRowWriter *writer, const QidoField *field, uint64_t number, PacsJson *json,
                               PacsError *err)
{
    char text[24] = "";

    if (number > 0 || field->is_required)
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
    return write_text(writer, field, text, json, err);
}

static PacsStatus write_retrieve_url(QidoRowWriter *writer, const QidoField *field, const PacsSearchRow *row,
                                     PacsJson *json, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer url = PACS_BUFFER(PACS_MAX_HTTP_HEADER);

    (void)pacs_buffer_add_format(&url, "%s/studies/%s", writer->root, row->study_instance_uid);
    if (writer->fields->level >= PACS_LEVEL_SERIES)
        (void)pacs_buffer_add_format(&url, "/series/%s", row->series_instance_uid);
    if (writer->fields->level >= PACS_LEVEL_INSTANCE)
        (void)pacs_buffer_add_format(&url, "/instances/%s", row->sop_instance_uid);
    PacsStatus status = pacs_buffer_check(&url, err);
    return status == PACS_OK ? write_text(writer, field, pacs_buffer_text(&url), json, err) : status;
}

static PacsStatus write_computed(QidoRowWriter *writer, const QidoField *field, const PacsSearchRow *row,
                                 PacsJson *json, PacsError *err)
{
    switch (field->tag) {
    case PACS_TAG_SPECIFIC_CHARACTER_SET:
        return write_text(writer, field, "ISO_IR 192", json, err);
    case PACS_TAG_INSTANCE_AVAILABILITY:
        return write_text(writer, field, "ONLINE", json, err);
    case PACS_TAG_RETRIEVE_URL:
        return write_retrieve_url(writer, field, row, json, err);
    case PACS_TAG_NUMBER_OF_PATIENT_RELATED_STUDIES:
        return write_number(writer, field, row->patient_studies, json, err);
    case PACS_TAG_MODALITIES_IN_STUDY:
        return write_text(writer, field, row->modalities_in_study, json, err);
    case PACS_TAG_SOP_CLASSES_IN_STUDY:
        return write_text(writer, field, row->sop_classes_in_study, json, err);
    case PACS_TAG_STUDY_INSTANCE_UID:
        return write_text(writer, field, row->study_instance_uid, json, err);
    case PACS_TAG_NUMBER_OF_STUDY_RELATED_SERIES:
        return write_number(writer, field, row->study_series, json, err);
    case PACS_TAG_NUMBER_OF_STUDY_RELATED_INSTANCES:
        return write_number(writer, field, row->study_instances, json, err);
    case PACS_TAG_SERIES_INSTANCE_UID:
        return write_text(writer, field, row->series_instance_uid, json, err);
    case PACS_TAG_NUMBER_OF_SERIES_RELATED_INSTANCES:
        return write_number(writer, field, row->series_instances, json, err);
    case PACS_TAG_SOP_CLASS_UID:
        return write_text(writer, field, row->sop_class_uid, json, err);
    case PACS_TAG_SOP_INSTANCE_UID:
        return write_text(writer, field, row->sop_instance_uid, json, err);
    case PACS_TAG_AVAILABLE_TRANSFER_SYNTAX_UID:
        return write_text(writer, field, row->transfer_syntax_uid, json, err);
    case PACS_TAG_NUMBER_OF_FRAMES:
        return write_number(writer, field, row->number_of_frames, json, err);
    case PACS_TAG_ROWS:
        return write_number(writer, field, row->rows, json, err);
    case PACS_TAG_COLUMNS:
        return write_number(writer, field, row->columns, json, err);
    case PACS_TAG_BITS_ALLOCATED:
        return write_number(writer, field, row->bits_allocated, json, err);
    default:
        return pacs_fail(err, PACS_INTERNAL, "an attribute that nobody computes");
    }
}

/** As the nearest level keeps it: a series' time zone, or else its study's. */
static PacsStatus write_kept(QidoRowWriter *writer, const QidoField *field, const PacsSearchRow *row,
                             PacsJson *json, PacsError *err)
{
    const char *values = NULL;

    for (int level = (int)writer->fields->level; level >= PACS_LEVEL_PATIENT && !values; level--)
        values = pacs_index_tags_get(row->tags[level], row->tag_count[level], field->tag);
    return write_text(writer, field, values, json, err);
}

/* ---- what the stored JSON says ---- */

#define BULK_KEY "\"BulkDataURI\":\"" /* cannot stand inside a string: its quotes would be escaped */

/** The members of one JSON object, in its order, which is that of tags. */
typedef struct Members {
    PacsJsonReader reader;
    PacsTag tag; /* of the member at hand */
    bool is_open;
} Members;

static PacsStatus next_member(Members *members, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice key;

    PacsStatus status = pacs_json_next(&members->reader, &token, &key, err);
    if (status != PACS_OK)
        return status;
    members->is_open = token == PACS_JSON_KEY;
    if (token == PACS_JSON_OBJECT_END)
        return PACS_OK;
    if (token != PACS_JSON_KEY || pacs_tag_parse(key, &members->tag, NULL) != PACS_OK)
        return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected an attribute");
    return PACS_OK;
}

/** The text of the member's value; the reader goes past it. */
static PacsStatus take_value(Members *members, PacsSlice *ret_value, PacsError *err)
{
    const char *start = members->reader.at;

    PacsStatus status = pacs_json_skip(&members->reader, err);
    if (status != PACS_OK)
        return status;
    while (start < members->reader.at && *start != '{')
        start++;
    *ret_value = (PacsSlice){start, (size_t)(members->reader.at - start)};
    return PACS_OK;
}

/** A value with its BulkDataURIs put below the instance's URL. */
static PacsStatus place_bulk(QidoRowWriter *writer, const PacsSearchRow *row, PacsSlice value, PacsError *err)
{
    PacsBuffer *out = &writer->scratch;
    const char *end = value.text + value.size;
    const char *at = value.text;
    const char *found;

    pacs_buffer_reset(out);
    while ((found = memmem(at, (size_t)(end - at), BULK_KEY, sizeof BULK_KEY - 1))) {
        found += sizeof BULK_KEY - 1;
        (void)pacs_buffer_add(out, at, (size_t)(found - at)); /* checked at the end */
        (void)pacs_buffer_add_format(out, "%s/studies/%s/series/%s/instances/%s/", writer->root,
                                     row->study_instance_uid, row->series_instance_uid,
                                     row->sop_instance_uid);
        at = found;
    }
    (void)pacs_buffer_add(out, at, (size_t)(end - at));
    return pacs_buffer_check(out, err);
}

static PacsStatus copy_value(QidoRowWriter *writer, const PacsSearchRow *row, PacsTag tag, PacsSlice value,
                             PacsJson *json, PacsError *err)
{
    bool has_bulk = memmem(value.text, value.size, BULK_KEY, sizeof BULK_KEY - 1);
    char key[PACS_TAG_HEX_SIZE];
    PacsStatus status = PACS_OK;

    if (has_bulk && writer->fields->level < PACS_LEVEL_INSTANCE)
        return PACS_OK;
    pacs_tag_format(tag, key);
    pacs_json_key(json, key);
    if (has_bulk) {
        status = place_bulk(writer, row, value, err);
        value = (PacsSlice){pacs_buffer_text(&writer->scratch), writer->scratch.size};
    }
    pacs_json_raw(json, value.text, value.size);
    return status;
}

static PacsStatus copy_sequence(QidoRowWriter *writer, const PacsSearchRow *row, const QidoPath *paths,
                                size_t count, size_t depth, PacsSlice value, PacsJson *json, PacsError *err);

/** How many of the paths have this tag at this depth; *first: where they begin. Sorted, so they stand together. */
static size_t find_paths(const QidoPath *paths, size_t count, size_t depth, PacsTag tag, size_t *first)
{
    size_t at = 0;
    size_t end;

    while (at < count && qido_path_tag(&paths[at], depth) != tag)
        at++;
    for (end = at; end < count && qido_path_tag(&paths[end], depth) == tag; end++)
        ;
    *first = at;
    return end - at;
}

/** Of an item's members those that a path goes to or through. */
static PacsStatus copy_item(QidoRowWriter *writer, const PacsSearchRow *row, const QidoPath *paths,
                            size_t count, size_t depth, Members *members, PacsJson *json, PacsError *err)
{
    PacsStatus status = next_member(members, err);

    pacs_json_object_begin(json);
    while (status == PACS_OK && members->is_open) {
        PacsSlice value;
        size_t first;
        size_t through = find_paths(paths, count, depth, members->tag, &first);
        status = take_value(members, &value, err);
        if (status == PACS_OK && through > 0 && paths[first].depth == depth)
            status = copy_value(writer, row, members->tag, value, json, err);
        else if (status == PACS_OK && through > 0)
            status = copy_sequence(writer, row, paths + first, through, depth, value, json, err);
        if (status == PACS_OK)
            status = next_member(members, err);
    }
    pacs_json_object_end(json);
    return status;
}

/** The items of {"vr":"SQ","Value":[...]}, the reader behind its bracket. */
static PacsStatus copy_items(QidoRowWriter *writer, const PacsSearchRow *row, const QidoPath *paths,
                             size_t count, size_t depth, PacsJsonReader *reader, PacsJson *json,
                             PacsError *err)
{
    for (;;) {
        PacsJsonToken token;
        PacsSlice text;
        Members members;
        PacsStatus status = pacs_json_next(reader, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END)
            return status;
        if (token != PACS_JSON_OBJECT_BEGIN)
            return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected an item");
        members = (Members){.reader = *reader};
        status = copy_item(writer, row, paths, count, depth, &members, json, err);
        if (status != PACS_OK)
            return status;
        *reader = members.reader;
    }
}

/** A sequence of which the paths want some attributes; what turns out to be no sequence is left out. The recursion
 *  is as deep as the paths are. */
static PacsStatus copy_sequence(QidoRowWriter *writer, const PacsSearchRow *row, const QidoPath *paths,
                                size_t count, size_t depth, PacsSlice value, PacsJson *json, PacsError *err)
{
    static const char start[] = "{\"vr\":\"SQ\"";
    static const char items[] = ",\"Value\":[";
    char key[PACS_TAG_HEX_SIZE];
    PacsSlice rest = {value.text + sizeof start - 1, value.size - (sizeof start - 1)};
    PacsStatus status = PACS_OK;

    if (value.size < sizeof start || memcmp(value.text, start, sizeof start - 1) != 0)
        return PACS_OK;
    pacs_tag_format(qido_path_tag(&paths[0], depth), key);
    pacs_json_key(json, key);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "vr", "SQ");
    if (rest.size > sizeof items && memcmp(rest.text, items, sizeof items - 1) == 0) {
        PacsJsonReader reader = pacs_json_reader(rest.text + sizeof items - 1, rest.size - sizeof items + 1);
        pacs_json_key(json, "Value");
        pacs_json_array_begin(json);
        status = copy_items(writer, row, paths, count, depth + 1, &reader, json, err);
        pacs_json_array_end(json);
    }
    pacs_json_object_end(json);
    return status;
}

static PacsStatus copy_member(QidoRowWriter *writer, const PacsSearchRow *row, const QidoField *field,
                              Members *members, PacsJson *json, PacsError *err)
{
    PacsSlice value;

    PacsStatus status = take_value(members, &value, err);
    if (status != PACS_OK)
        return status;
    if (field && field->path_count > 0)
        return copy_sequence(writer, row, field->paths, field->path_count, 0, value, json, err);
    return copy_value(writer, row, members->tag, value, json, err);
}

/** A sequence that the index keeps, or what the paths want of it. */
static PacsStatus write_sequence(QidoRowWriter *writer, const QidoField *field, const PacsSearchRow *row,
                                 PacsJson *json, PacsError *err)
{
    const PacsLevel level = writer->fields->level;
    const char *element = pacs_index_tags_get(row->tags[level], row->tag_count[level], field->tag);

    if (!element || element[0] == '\0')
        return PACS_OK;
    if (field->path_count > 0)
        return copy_sequence(writer, row, field->paths, field->path_count, 0, pacs_slice(element), json, err);
    return copy_value(writer, row, field->tag, pacs_slice(element), json, err);
}

/* ---- the row ---- */

static PacsStatus open_members(QidoRowWriter *writer, const PacsSearchRow *row, Members *members,
                               PacsError *err)
{
    PacsJsonToken token = PACS_JSON_END;
    PacsSlice text;

    *members = (Members){.is_open = false};
    if (!writer->fields->needs_json || !row->json)
        return PACS_OK;
    pacs_buffer_reset(&writer->text);
    PacsStatus status = pacs_index_unpack_json(row->json, &writer->text, err);
    if (status != PACS_OK)
        return status;
    members->reader = pacs_json_reader(pacs_buffer_text(&writer->text), writer->text.size);
    status = pacs_json_next(&members->reader, &token, &text, err);
    return status == PACS_OK ? next_member(members, err) : status;
}

/** Members in front of the next field (or up to the end, with NULL): passed over, or copied if all are wanted. */
static PacsStatus pass_members(QidoRowWriter *writer, const PacsSearchRow *row, const QidoField *next,
                               Members *members, PacsJson *json, PacsError *err)
{
    PacsStatus status = PACS_OK;

    while (status == PACS_OK && members->is_open && (!next || members->tag < next->tag)) {
        status = writer->fields->shows_json ? copy_member(writer, row, NULL, members, json, err)
                                            : pacs_json_skip(&members->reader, err);
        if (status == PACS_OK)
            status = next_member(members, err);
    }
    return status;
}

static PacsStatus write_field(QidoRowWriter *writer, const PacsSearchRow *row, const QidoField *field,
                              Members *members, PacsJson *json, PacsError *err)
{
    bool is_there = members->is_open && members->tag == field->tag;
    PacsStatus status = PACS_OK;

    if (field->source == QIDO_COMPUTED)
        status = write_computed(writer, field, row, json, err);
    else if (field->source == QIDO_KEPT)
        status = write_kept(writer, field, row, json, err);
    else if (field->source == QIDO_SEQUENCE)
        status = write_sequence(writer, field, row, json, err);
    else if (is_there)
        status = copy_member(writer, row, field, members, json, err);
    if (status == PACS_OK && is_there && field->source != QIDO_JSON)
        status = pacs_json_skip(&members->reader, err);
    return status == PACS_OK && is_there ? next_member(members, err) : status;
}

PacsStatus qido_row_write(QidoRowWriter *writer, const PacsSearchRow *row, PacsJson *json, PacsError *err)
{
    const QidoFields *fields = writer->fields;
    Members members;

    PacsStatus status = open_members(writer, row, &members, err);
    if (status != PACS_OK)
        return status;
    pacs_json_object_begin(json);
    for (size_t i = 0; status == PACS_OK && i < fields->count; i++) {
        status = pass_members(writer, row, &fields->fields[i], &members, json, err);
        if (status == PACS_OK)
            status = write_field(writer, row, &fields->fields[i], &members, json, err);
    }
    if (status == PACS_OK && fields->shows_json)
        status = pass_members(writer, row, NULL, &members, json, err);
    pacs_json_object_end(json);
    return status;
}
