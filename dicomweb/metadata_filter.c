#include "dicomweb/metadata_filter.h"

#include <stdlib.h>
#include <string.h>

#include "dicomweb/qido_path.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

/* ---- The query ---- */

static const PacsTag always[] = {PACS_TAG_SOP_CLASS_UID, PACS_TAG_SOP_INSTANCE_UID,
                                 PACS_TAG_STUDY_INSTANCE_UID, PACS_TAG_SERIES_INSTANCE_UID};
#define ALWAYS_COUNT (sizeof always / sizeof always[0])
#define TAGS_MAX 1024 /* a list of so many fills a request's line */

typedef struct Parser {
    PacsArena *arena;
    bool strict;
    bool wants_all;
    PacsTag *tags;
    size_t count;
} Parser;

static PacsStatus add_field(Parser *parser, PacsSlice text, PacsError *err)
{
    QidoPath path;

    if (text.size == 0)
        return PACS_OK;
    if (pacs_slice_equal_case(text, "all")) {
        parser->wants_all = true;
        return PACS_OK;
    }
    PacsStatus status = qido_path_parse(text, parser->arena, &path, err);
    if (status == PACS_INVALID && !parser->strict)
        return PACS_OK; /* nothing has it */
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "includefield: ");
    if (parser->count == TAGS_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %d attributes", TAGS_MAX);
    parser->tags[parser->count++] = qido_path_tag(&path, 0);
    return PACS_OK;
}

static PacsStatus add_fields(Parser *parser, const char *value, PacsError *err)
{
    PacsSlice rest = pacs_slice(value);
    PacsSlice part;
    PacsStatus status = PACS_OK;

    while (status == PACS_OK && pacs_slice_split(&rest, ',', &part))
        status = add_field(parser, pacs_slice_trim(part), err);
    return status;
}

static int compare_tags(const void *a, const void *b)
{
    const PacsTag x = *(const PacsTag *)a;
    const PacsTag y = *(const PacsTag *)b;

    return (x > y) - (x < y);
}

static PacsStatus parse_syntax(DicomwebMetadataFilter *filter, PacsSlice uid, PacsError *err)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(uid);

    if (!entry && !pacs_slice_equal(uid, "*"))
        return pacs_fail(err, PACS_INVALID, "transfer-syntax is to be * or the UID of a transfer syntax");
    filter->transfer_syntax_uid = entry ? entry->uid : NULL;
    return PACS_OK;
}

static PacsStatus parse_parameter(Parser *parser, const PacsHttpPair *pair, DicomwebMetadataFilter *filter,
                                  PacsError *err)
{
    const PacsSlice value = pacs_slice(pair->value);

    if (pacs_slice_equal_case(pacs_slice(pair->name), "excludeprivate")) {
        filter->excludes_private = pacs_slice_equal_case(value, "true");
        if (!filter->excludes_private && value.size > 0 && !pacs_slice_equal_case(value, "false"))
            return pacs_fail(err, PACS_INVALID, "excludeprivate is to be true or false");
        return PACS_OK;
    }
    if (pacs_slice_equal_case(pacs_slice(pair->name), "transfer-syntax"))
        return parse_syntax(filter, value, err);
    if (!pacs_slice_equal_case(pacs_slice(pair->name), "includefield"))
        return PACS_OK;
    filter->is_restricted = filter->is_restricted || value.size > 0;
    return add_fields(parser, pair->value, err);
}

PacsStatus dicomweb_metadata_filter_parse(const PacsHttpRequest *request, bool strict, PacsArena *arena,
                                          DicomwebMetadataFilter *ret_filter, PacsError *err)
{
    DicomwebMetadataFilter filter = {.is_active = false};
    Parser parser = {.arena = arena, .strict = strict};
    const size_t count = pacs_http_query_count(request);
    PacsStatus status = PACS_OK;

    if (count > 0)
        parser.tags = pacs_arena_array(arena, TAGS_MAX + ALWAYS_COUNT, sizeof *parser.tags);
    if (count > 0 && !parser.tags)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query");
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        const PacsHttpPair pair = pacs_http_query_at(request, i);
        status = parse_parameter(&parser, &pair, &filter, err);
    }
    if (status != PACS_OK)
        return status;
    filter.is_restricted = filter.is_restricted && !parser.wants_all;
    filter.is_active = filter.is_restricted || filter.excludes_private || filter.transfer_syntax_uid;
    if (filter.is_restricted) {
        memcpy(parser.tags + parser.count, always, sizeof always);
        filter.tags = parser.tags;
        filter.tag_count = parser.count + ALWAYS_COUNT;
        qsort(parser.tags, filter.tag_count, sizeof *parser.tags, compare_tags);
    }
    *ret_filter = filter;
    return PACS_OK;
}

/* ---- One instance ---- */

static bool passes(const DicomwebMetadataFilter *filter, PacsTag tag, bool in_item)
{
    if (filter->excludes_private && pacs_tag_is_private(tag))
        return false;
    return in_item || !filter->is_restricted ||
           bsearch(&tag, filter->tags, filter->tag_count, sizeof tag, compare_tags);
}

static PacsStatus copy_object(const DicomwebMetadataFilter *filter, bool in_item, PacsJsonReader *reader,
                              PacsBuffer *out, PacsError *err);

/** The items of {"vr":"SQ","Value":[...]}, from behind its bracket to the end of the element. As deep as sequences nest:
 *  at most PACS_MAX_SEQUENCE_DEPTH, in JSON that we made. */
static PacsStatus copy_items(const DicomwebMetadataFilter *filter, PacsSlice items, PacsBuffer *out,
                             PacsError *err)
{
    PacsJsonReader reader = pacs_json_reader(items.text, items.size);

    for (bool first = true;; first = false) {
        PacsJsonToken token;
        PacsSlice text;
        PacsStatus status = pacs_json_next(&reader, &token, &text, err);
        if (status != PACS_OK || token == PACS_JSON_ARRAY_END) {
            (void)pacs_buffer_add_text(out, "]}"); /* `failed` is looked at once, at the end */
            return status;
        }
        if (token != PACS_JSON_OBJECT_BEGIN)
            return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected an item");
        if (!first)
            (void)pacs_buffer_add_char(out, ',');
        status = copy_object(filter, true, &reader, out, err);
        if (status != PACS_OK)
            return status;
    }
}

/** The element behind a key that was read; the reader goes past it. */
static PacsStatus copy_element(const DicomwebMetadataFilter *filter, PacsJsonReader *reader, PacsBuffer *out,
                               PacsError *err)
{
    static const char sequence[] = "{\"vr\":\"SQ\",\"Value\":[";
    const size_t head = sizeof sequence - 1;
    const char *start = reader->at;

    PacsStatus status = pacs_json_skip(reader, err);
    if (status != PACS_OK)
        return status;
    while (start < reader->at && *start != '{')
        start++;
    const PacsSlice element = {start, (size_t)(reader->at - start)};
    if (!filter->excludes_private || element.size <= head || memcmp(element.text, sequence, head) != 0) {
        (void)pacs_buffer_add(out, element.text, element.size);
        return PACS_OK;
    }
    (void)pacs_buffer_add(out, sequence, head);
    return copy_items(filter, (PacsSlice){element.text + head, element.size - head}, out, err);
}

/** An open object, to its end. */
static PacsStatus copy_object(const DicomwebMetadataFilter *filter, bool in_item, PacsJsonReader *reader,
                              PacsBuffer *out, PacsError *err)
{
    (void)pacs_buffer_add_char(out, '{');
    for (bool first = true;;) {
        PacsJsonToken token;
        PacsSlice key;
        PacsTag tag;
        PacsStatus status = pacs_json_next(reader, &token, &key, err);
        if (status == PACS_OK && token == PACS_JSON_OBJECT_END)
            break;
        if (status == PACS_OK && (token != PACS_JSON_KEY || pacs_tag_parse(key, &tag, NULL) != PACS_OK))
            return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected an attribute");
        if (status == PACS_OK && !passes(filter, tag, in_item)) {
            status = pacs_json_skip(reader, err);
        } else if (status == PACS_OK) {
            (void)pacs_buffer_add_format(out, "%s\"%.*s\":", first ? "" : ",", (int)key.size, key.text);
            first = false;
            status = copy_element(filter, reader, out, err);
        }
        if (status != PACS_OK)
            return status;
    }
    (void)pacs_buffer_add_char(out, '}');
    return pacs_buffer_check(out, err);
}

PacsStatus dicomweb_metadata_filter_apply(const DicomwebMetadataFilter *filter, PacsSlice json,
                                          PacsBuffer *out, PacsError *err)
{
    PacsJsonReader reader = pacs_json_reader(json.text, json.size);
    PacsJsonToken token;
    PacsSlice text;

    PacsStatus status = pacs_json_next(&reader, &token, &text, err);
    if (status == PACS_OK && token != PACS_JSON_OBJECT_BEGIN)
        return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected a data set");
    return status == PACS_OK ? copy_object(filter, false, &reader, out, err) : status;
}

/* ---- All of them, as a stream ---- */

PacsStatus dicomweb_metadata_filter_walk(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                         const DicomwebMetadataFilter *filter, PacsMetadataWalk **ret_walk,
                                         PacsError *err)
{
    PacsMetadataWalk *made = NULL;

    PacsStatus status = pacs_metadata_walk_new(retrieve, metadata, &made, err);
    PACS_AUTO(PacsMetadataWalk) walk = made;
    if (status == PACS_OK && filter->transfer_syntax_uid)
        status = pacs_metadata_walk_describe(walk, filter->transfer_syntax_uid, err);
    if (status == PACS_OK)
        *ret_walk = PACS_STEAL(walk);
    return status;
}

typedef struct FilterSource {
    PacsSource base;
    PacsMetadataWalk *walk;
    const DicomwebMetadataFilter *filter;
    bool is_begun, at_end;
    PacsBuffer json; /* of the instance at hand */
    PacsBuffer out;
    size_t out_read;
} FilterSource;

static PacsStatus add_instance(FilterSource *self, PacsError *err)
{
    bool more = false;

    pacs_buffer_reset(&self->json);
    PacsStatus status = pacs_metadata_walk_next(self->walk, &self->json, &more, err);
    if (status != PACS_OK)
        return status;
    if (!more) {
        self->at_end = true;
        (void)pacs_buffer_add_text(&self->out, self->is_begun ? "]" : "[]");
        return pacs_buffer_check(&self->out, err);
    }
    (void)pacs_buffer_add_char(&self->out, self->is_begun ? ',' : '[');
    self->is_begun = true;
    return dicomweb_metadata_filter_apply(
        self->filter, (PacsSlice){pacs_buffer_text(&self->json), self->json.size}, &self->out, err);
}

static PacsStatus filter_read(PacsSource *base, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    FilterSource *self = (FilterSource *)base;
    PacsStatus status = PACS_OK;

    if (self->out_read == self->out.size) {
        pacs_buffer_reset(&self->out);
        self->out_read = 0;
    }
    while (status == PACS_OK && self->out.size - self->out_read < size && !self->at_end)
        status = add_instance(self, err);
    if (status != PACS_OK)
        return status;
    const size_t left = self->out.size - self->out_read;
    *ret_size = left < size ? left : size;
    if (*ret_size > 0)
        memcpy(bytes, self->out.bytes + self->out_read, *ret_size);
    self->out_read += *ret_size;
    return PACS_OK;
}

static void filter_free(PacsSource *base)
{
    FilterSource *self = (FilterSource *)base;

    pacs_metadata_walk_free(self->walk);
    pacs_buffer_clear(&self->json);
    pacs_buffer_clear(&self->out);
    free(self);
}

PacsStatus dicomweb_metadata_filter_open(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                         const DicomwebMetadataFilter *filter, PacsSource **ret_source,
                                         PacsError *err)
{
    static const PacsSourceOps ops = {.read = filter_read, .free = filter_free};
    FilterSource *self = calloc(1, sizeof *self);

    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to choose metadata");
    *self = (FilterSource){.base.ops = &ops, .filter = filter};
    pacs_buffer_init(&self->json, PACS_MAX_METADATA_TEXT);
    pacs_buffer_init(&self->out, PACS_MAX_METADATA_TEXT); /* in fact a read and the largest instance */
    PacsStatus status = dicomweb_metadata_filter_walk(retrieve, metadata, filter, &self->walk, err);
    if (status != PACS_OK) {
        filter_free(&self->base);
        return status;
    }
    *ret_source = &self->base;
    return PACS_OK;
}
