#include <ctype.h>
#include <string.h>

#include "dicomweb/bulk_parts.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/document.h"
#include "dicomweb/inline_value.h"
#include "dicomweb/media_types.h"
#include "dicomweb/url.h"
#include "pacs/dicom/uid.h"

/**
 * WADO-RS of bulk data (PS3.18 10.4.1.1.4): a value by the path that metadata give it, all values of an instance, a
 * series or a study, and pixel data alone. Native pixels are one part, in explicit little endian; encapsulated ones
 * are a part a frame, as they are stored. Where patients share UIDs, the first one's objects are meant.
 */

#define ENCAPSULATED_DOCUMENT "00420011"

typedef struct BulkRequest {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsUidPath path;
    const char *value; /* path of one value; NULL: all */
    bool pixels_only;
    const char *root;
    DicomwebBulkParts parts;
} BulkRequest;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
}

static const char *locate(const BulkRequest *asked, const PacsUidPath *path, const char *what,
                          PacsSlice which)
{
    return pacs_arena_printf(asked->parts.arena, "%s/studies/%s/series/%s/instances/%s/%s/%.*s", asked->root,
                             path->study_uid, path->series_uid, path->sop_instance_uid, what, (int)which.size,
                             which.text);
}

/* ---- Gathering ---- */

static PacsStatus add_frame(BulkRequest *asked, const PacsUidPath *path, const PacsRetrievedImage *image,
                            uint32_t number, PacsError *err)
{
    const char *digits = pacs_arena_printf(asked->parts.arena, "%u", number);
    DicomwebBulkPart *part = NULL;

    PacsStatus status = dicomweb_bulk_parts_add(&asked->parts, &part, err);
    if (status == PACS_OK)
        status = pacs_retrieve_frame(image, number, &part->frame, err);
    if (status != PACS_OK)
        return status;
    part->is_frame = true;
    part->size_bytes = part->frame.size_bytes;
    part->transfer_syntax_uid = image->object->transfer_syntax_uid;
    part->media_type = dicomweb_pixel_media_type(part->transfer_syntax_uid);
    part->location = locate(asked, path, "frames", pacs_slice(digits));
    return part->location && digits ? PACS_OK : no_memory(err);
}

static PacsStatus add_frames(BulkRequest *asked, const PacsUidPath *path, PacsError *err)
{
    PacsRetrievedImage *image = NULL;

    PacsStatus status = pacs_retrieve_image(asked->dicomweb->retrieve, path, asked->parts.arena, &image, err);
    if (status == PACS_NOT_FOUND && !asked->value)
        return PACS_OK; /* pixel data without a fragment: nothing of it among others */
    for (uint32_t number = 1; status == PACS_OK && number <= image->frame_count; number++)
        status = add_frame(asked, path, image, number, err);
    return status;
}

static bool is_pixel_path(PacsSlice path)
{
    return pacs_slice_equal(path, "7FE00010") || pacs_slice_equal(path, "7FE00008") ||
           pacs_slice_equal(path, "7FE00009");
}

/** A document says itself what it is, and how long: without the byte that made it even. */
static PacsStatus describe_document(BulkRequest *asked, const PacsUidPath *path, DicomwebBulkPart *part,
                                    PacsError *err)
{
    DicomwebDocument document = {0};

    const PacsStatus status = dicomweb_document_find(asked->dicomweb->index, path, asked->parts.arena,
                                                     &document, err);
    if (status != PACS_OK)
        return status;
    if (document.media_type)
        part->media_type = document.media_type;
    if (document.size_bytes + 1 == part->size_bytes)
        part->size_bytes = document.size_bytes;
    return PACS_OK;
}

static PacsStatus add_value(BulkRequest *asked, const PacsUidPath *path, const PacsStoredObject *object,
                            PacsSlice value_path, const PacsBulkValue *value, PacsError *err)
{
    DicomwebBulkPart *part = NULL;

    PacsStatus status = dicomweb_bulk_parts_add(&asked->parts, &part, err);
    if (status != PACS_OK)
        return status;
    part->value = pacs_retrieve_value(object, value);
    part->size_bytes = value->range.size;
    part->media_type = DICOMWEB_TYPE_BYTES;
    part->transfer_syntax_uid = is_pixel_path(value_path) ? PACS_UID_EXPLICIT_LITTLE : NULL;
    part->location = locate(asked, path, "bulkdata", value_path);
    if (!part->location)
        return no_memory(err);
    if (pacs_slice_equal(value_path, ENCAPSULATED_DOCUMENT))
        status = describe_document(asked, path, part, err);
    return status;
}

/** A value too small for the bulk table stands in the metadata. */
static PacsStatus add_inline_value(BulkRequest *asked, const PacsUidPath *path, PacsError *err)
{
    const void *bytes = NULL;
    size_t size = 0;
    DicomwebBulkPart *part = NULL;

    PacsStatus status = dicomweb_inline_value_find(asked->dicomweb->index, path, asked->value,
                                                   asked->parts.arena, &bytes, &size, err);
    if (status == PACS_OK)
        status = dicomweb_bulk_parts_add(&asked->parts, &part, err);
    if (status != PACS_OK)
        return status;
    part->bytes = bytes;
    part->size_bytes = size;
    part->media_type = DICOMWEB_TYPE_BYTES;
    part->location = locate(asked, path, "bulkdata", pacs_slice(asked->value));
    if (!part->location)
        return no_memory(err);
    return strcmp(asked->value, ENCAPSULATED_DOCUMENT) == 0 ? describe_document(asked, path, part, err)
                                                            : PACS_OK;
}

static bool is_wanted(const BulkRequest *asked, PacsSlice value_path)
{
    return asked->value ? pacs_slice_equal(value_path, asked->value)
                        : !asked->pixels_only || is_pixel_path(value_path);
}

static PacsStatus add_instance(BulkRequest *asked, const PacsUidPath *path, PacsError *err)
{
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};
    PacsBulkValue value;
    PacsSlice value_path;
    size_t cursor = 0;

    PacsStatus status = pacs_index_find_object_at(asked->dicomweb->index, path, PACS_BLOB_BULK,
                                                  asked->parts.arena, &object, &blobs, err);
    while (status == PACS_OK) {
        status = pacs_bulk_table_next(blobs.bulk_table, blobs.bulk_table_size, &cursor, &value_path, &value,
                                      err);
        if (status == PACS_NOT_FOUND) /* that was all */
            return asked->value ? add_inline_value(asked, path, err) : PACS_OK;
        if (status != PACS_OK || !is_wanted(asked, value_path))
            continue;
        if (!value.encapsulated)
            status = add_value(asked, path, object, value_path, &value, err);
        else if (is_pixel_path(value_path))
            status = add_frames(asked, path, err);
        else if (asked->value) /* of an icon, say: its fragments are in no table */
            status = pacs_fail(err, PACS_UNSUPPORTED, "encapsulated pixel data in a sequence are not served");
        if (asked->value)
            return status; /* the first of a path counts */
    }
    return status;
}

static PacsStatus gather(BulkRequest *asked, PacsListedObject *objects, size_t count, PacsError *err)
{
    PacsStatus status = PACS_OK;

    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        const PacsUidPath path = {asked->path.study_uid, objects[i].series_uid, objects[i].sop_instance_uid};
        if (objects[i].patient_index == 0)
            status = add_instance(asked, &path, err);
    }
    if (status == PACS_OK && asked->parts.count == 0)
        return pacs_fail(err, PACS_NOT_FOUND,
                         asked->value ? "no bulk value has this path" : "no bulk data here");
    return status;
}

/* ---- Answers ---- */

static PacsStatus reply_bulk(BulkRequest *asked, PacsHttpReply *reply, PacsError *err)
{
    PacsArena *arena = pacs_http_arena(asked->request);
    PacsListedObject *objects = NULL;
    size_t count = 0;

    asked->parts.arena = arena;
    asked->root = dicomweb_public_path(&asked->dicomweb->options, asked->request);
    if (!asked->root)
        return no_memory(err);
    PacsStatus status = pacs_index_list_objects(asked->dicomweb->index, &asked->path, arena, &objects, &count,
                                                err);
    if (status == PACS_OK)
        status = gather(asked, objects, count, err);
    if (status != PACS_OK)
        return status;
    const char *form = pacs_arena_printf(arena, "%s %s",
                                         asked->value         ? asked->value
                                         : asked->pixels_only ? "pixels"
                                                              : "all",
                                         asked->root);
    return form ? dicomweb_bulk_parts_reply(asked->dicomweb, &asked->parts, objects, count, form,
                                            asked->request, reply, err)
                : no_memory(err);
}

static void reply_asked(BulkRequest *asked, PacsHttpReply *reply)
{
    PacsError err = {0};

    const PacsStatus status = reply_bulk(asked, reply, &err);
    if (status == PACS_UNSUPPORTED)
        pacs_http_reply_error(asked->request, reply, 406, &err);
    else if (status != PACS_OK)
        dicomweb_reply_failure(asked->request, reply, &err);
}

static void reply_or_fail(Dicomweb *dicomweb, PacsLevel level, const char *value, bool pixels_only,
                          PacsHttpRequest *request, PacsHttpReply *reply)
{
    BulkRequest asked = {.dicomweb = dicomweb,
                         .request = request,
                         .path = dicomweb_path(request, level),
                         .value = value,
                         .pixels_only = pixels_only};

    reply_asked(&asked, reply);
}

void dicomweb_reply_bulk_value(Dicomweb *dicomweb, const PacsUidPath *path, const char *value,
                               PacsHttpRequest *request, PacsHttpReply *reply)
{
    BulkRequest asked = {.dicomweb = dicomweb, .request = request, .path = *path, .value = value};

    reply_asked(&asked, reply);
}

/** Orthanc writes tags in small letters. Nothing after the slash: all values. */
static const char *value_path_of(PacsHttpRequest *request)
{
    char *path = pacs_arena_strdup(pacs_http_arena(request), pacs_http_capture(request, "path"));

    for (char *c = path; c && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return path && path[0] ? path : NULL;
}

void dicomweb_retrieve_bulk_value(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_or_fail(context, PACS_LEVEL_INSTANCE, value_path_of(request), false, request, reply);
}

void dicomweb_retrieve_study_bulk(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_or_fail(context, PACS_LEVEL_STUDY, NULL, false, request, reply);
}

void dicomweb_retrieve_series_bulk(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_or_fail(context, PACS_LEVEL_SERIES, NULL, false, request, reply);
}

void dicomweb_retrieve_study_pixels(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_or_fail(context, PACS_LEVEL_STUDY, NULL, true, request, reply);
}

void dicomweb_retrieve_series_pixels(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_or_fail(context, PACS_LEVEL_SERIES, NULL, true, request, reply);
}

void dicomweb_retrieve_instance_pixels(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_or_fail(context, PACS_LEVEL_INSTANCE, NULL, true, request, reply);
}
