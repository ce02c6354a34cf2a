#include "pacs/retrieve/converted_metadata.h"

#include <string.h>

#include "pacs/dicom/json_item.h"
#include "pacs/retrieve/converted_object.h"
#include "pacs/retrieve/native_frame.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/json_read.h"
#include "transcode/object_changes.h"

/* ---- What changes ---- */

static PacsStatus find_changes(PacsRetrieve *retrieve, const PacsRetrievedImage *image, const char *uid,
                               const PacsJsonItem *attributes, TranscodeChange *changes, size_t *ret_count,
                               PacsError *err)
{
    const PacsStoredObject *object = image->object;
    const TranscodeTarget target = {.transfer_syntax_uid = converted_frame_syntax(uid)};
    TranscodeObjectForm form = {.is_lossy = transcode_is_lossy(object->transfer_syntax_uid, &target),
                                .lossy_method = transcode_lossy_method(uid)};
    TranscodeLayout stored;

    if (!pacs_retrieve_may_convert(retrieve, object->transfer_syntax_uid, true, uid))
        return pacs_fail(err, PACS_UNSUPPORTED, "an object in transfer syntax %s is not made into %s",
                         object->transfer_syntax_uid, uid);
    PacsStatus status = pacs_retrieve_layout_from(attributes, object->pixel_data_tag, &stored, err);
    if (status == PACS_OK)
        status = transcode_layout_after(pacs_retrieve_frame_syntax(image), &stored, &target, &form.layout,
                                        err);
    if (status == PACS_OK)
        *ret_count = transcode_object_changes(&form, true, 0, changes);
    return status;
}

/** None where nothing is converted. */
static PacsStatus choose_changes(PacsRetrieve *retrieve, const PacsUidPath *path, const char *uid,
                                 const PacsJsonItem *attributes, PacsArena *arena, TranscodeChange *changes,
                                 size_t *ret_count, PacsError *err)
{
    PacsRetrievedImage *image = NULL;

    *ret_count = 0;
    PacsStatus status = pacs_retrieve_image(retrieve, path, arena, &image, err);
    if (status == PACS_OK && strcmp(image->object->transfer_syntax_uid, uid) != 0)
        status = find_changes(retrieve, image, uid, attributes, changes, ret_count, err);
    const bool is_as_stored = status == PACS_NOT_FOUND || status == PACS_UNSUPPORTED ||
                              status == PACS_INVALID || status == PACS_TOO_LARGE;
    return is_as_stored ? PACS_OK : status;
}

/* ---- Written into the JSON: what fails to fit is seen at the end ---- */

static void add_values(PacsBuffer *out, const TranscodeChange *change, PacsSlice stored)
{
    PacsJsonReader reader = pacs_json_reader(stored.text, stored.size);

    if (change->vr == PACS_VR_US) {
        (void)pacs_buffer_add_format(out, "%u", change->number);
        return;
    }
    if (change->how == TRANSCODE_CHANGE_APPEND && stored.size > 0)
        (void)pacs_buffer_add_format(out, "%.*s,", (int)stored.size, stored.text);
    (void)pacs_buffer_add_format(out, change->vr == PACS_VR_DS ? "%s" : "\"%s\"", change->text);
    if (change->how == TRANSCODE_CHANGE_FIRST && pacs_json_skip(&reader, NULL) == PACS_OK)
        (void)pacs_buffer_add(out, reader.at, (size_t)(reader.end - reader.at));
}

static void add_change(PacsBuffer *out, const TranscodeChange *change, const PacsJsonItem *attributes)
{
    const PacsJsonAttribute *stored = pacs_json_item_find(attributes, change->tag);

    (void)pacs_buffer_add_format(out, "\"%08X\":{\"vr\":\"%s\",\"Value\":[", change->tag,
                                 pacs_vr_info(change->vr)->code);
    add_values(out, change, stored ? stored->values : pacs_slice(""));
    (void)pacs_buffer_add_text(out, "]},");
}

/** The next member's tag and text; *ret_tag UINT32_MAX: there is none. */
static PacsStatus next_member(PacsJsonReader *reader, PacsTag *ret_tag, PacsSlice *ret_member, PacsError *err)
{
    PacsJsonToken token;
    PacsSlice key;

    PacsStatus status = pacs_json_next(reader, &token, &key, err);
    *ret_tag = UINT32_MAX;
    if (status != PACS_OK || token == PACS_JSON_OBJECT_END)
        return status;
    if (token != PACS_JSON_KEY || pacs_tag_parse(key, ret_tag, NULL) != PACS_OK)
        return pacs_fail(err, PACS_CORRUPT, "stored DICOM JSON: expected an attribute");
    status = pacs_json_skip(reader, err);
    const char *begin = key.text - 1; /* its quote */
    *ret_member = (PacsSlice){begin, (size_t)(reader->at - begin)};
    return status;
}

/** Members and changes, both by rising tag, each with a comma behind it. */
static PacsStatus merge(PacsJsonReader *reader, const PacsJsonItem *attributes,
                        const TranscodeChange *changes, size_t count, PacsBuffer *out, PacsError *err)
{
    PacsTag tag = 0;
    size_t next = 0;

    while (tag != UINT32_MAX) {
        PacsSlice member = {0};
        PacsStatus status = next_member(reader, &tag, &member, err);
        if (status != PACS_OK)
            return status;
        while (next < count && changes[next].tag < tag)
            add_change(out, &changes[next++], attributes);
        if (next < count && changes[next].tag == tag)
            add_change(out, &changes[next++], attributes);
        else if (tag != UINT32_MAX)
            (void)pacs_buffer_add_format(out, "%.*s,", (int)member.size, member.text);
    }
    return PACS_OK;
}

PacsStatus pacs_retrieve_describe_converted(PacsRetrieve *retrieve, const PacsUidPath *path,
                                            const char *transfer_syntax_uid, PacsSlice json, PacsArena *arena,
                                            PacsBuffer *out, PacsError *err)
{
    TranscodeChange changes[TRANSCODE_CHANGES_MAX];
    PacsJsonReader reader = pacs_json_reader(json.text, json.size);
    PacsJsonItem attributes;
    PacsJsonToken token;
    PacsSlice text;
    size_t count = 0;

    PacsStatus status = pacs_json_item_parse(json, arena, &attributes, err);
    if (status == PACS_OK)
        status = choose_changes(retrieve, path, transfer_syntax_uid, &attributes, arena, changes, &count,
                                err);
    if (status == PACS_OK && count == 0) {
        (void)pacs_buffer_add(out, json.text, json.size);
        return pacs_buffer_check(out, err);
    }
    if (status == PACS_OK)
        status = pacs_json_next(&reader, &token, &text, err); /* its brace: item_parse saw it */
    if (status != PACS_OK)
        return status;
    (void)pacs_buffer_add_char(out, '{');
    status = merge(&reader, &attributes, changes, count, out, err);
    if (status != PACS_OK || out->failed)
        return status == PACS_OK ? pacs_buffer_check(out, err) : status;
    out->bytes[out->size - 1] = '}'; /* for the last comma: there is a change at least */
    return PACS_OK;
}
