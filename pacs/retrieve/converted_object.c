#include "pacs/retrieve/converted_object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs/dicom/json_item.h"
#include "pacs/dicom/uid.h"
#include "pacs/retrieve/converted_frame.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/limits.h"
#include "transcode/object.h"

#define ARENA_MAX ((size_t)256 << 20) /* a frame table of 64 MiB, and texts */

/** An object being converted: what its source asks for frames. */
typedef struct Conversion {
    PacsRetrieve *retrieve;
    PacsArena *arena;
    PacsFrameConversion frames;
    PacsStoredObject *object;
    PacsRetrievedImage *image; /* NULL: the object has no frames */
    TranscodeObjectForm form;
    bool makes_frames; /* else pixel data are a value like others */
} Conversion;

/** A frame's bytes, from wherever the service keeps them. */
typedef struct FrameOwner {
    TranscodeResult *result;
    uint8_t *read; /* out of a file; or NULL */
} FrameOwner;

static void conversion_free(void *context)
{
    Conversion *conversion = context;

    if (conversion)
        pacs_arena_free(conversion->arena);
    free(conversion);
}
PACS_DEFINE_AUTO(Conversion, conversion_free);

/* ---- Frames ---- */

static PacsStatus read_file(FrameOwner *owner, size_t size, PacsError *err)
{
    PACS_AUTO_CLOSE int fd = dup(transcode_result_fd(owner->result));
    PacsSource *opened = NULL;

    owner->read = malloc(size > 0 ? size : 1);
    if (!owner->read)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame");
    if (fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "no descriptor to read a frame");
    PacsStatus status = pacs_source_fd(pacs_steal_fd(&fd), 0, size, &opened, err);
    PACS_AUTO(PacsSource) source = opened;
    return status == PACS_OK ? pacs_source_read_all(source, owner->read, size, err) : status;
}

static void release_frame(void *context, TranscodeObjectFrame *frame)
{
    FrameOwner *owner = frame->owner;

    (void)context;
    transcode_result_unref(owner->result);
    free(owner->read);
    free(owner);
}

static PacsStatus read_frame(void *context, uint32_t frame_number, TranscodeObjectFrame *ret_frame,
                             PacsError *err)
{
    Conversion *conversion = context;
    FrameOwner *owner = calloc(1, sizeof *owner);
    TranscodeObjectFrame frame = {.owner = owner};

    if (!owner)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame");
    conversion->frames.frame_number = frame_number;
    PacsStatus status = pacs_retrieve_convert(conversion->retrieve, &conversion->frames, &owner->result, err);
    if (status == PACS_OK) {
        frame.size = (size_t)transcode_result_size(owner->result);
        frame.bytes = transcode_result_bytes(owner->result);
    }
    if (status == PACS_OK && !frame.bytes) {
        status = read_file(owner, frame.size, err);
        frame.bytes = owner->read;
    }
    if (status == PACS_OK)
        *ret_frame = frame;
    else
        release_frame(context, &frame);
    return status;
}

/* ---- What it becomes ---- */

static uint32_t flags_of(const char *uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(uid));

    return entry ? entry->flags : PACS_UID_NO_DATA_SET;
}

static bool is_encapsulated(const char *uid)
{
    return flags_of(uid) & PACS_UID_ENCAPSULATED;
}

/** What frames of an object in that syntax are in: native ones are the same in all of them but for their bytes' order,
 *  which the writer of the object sees to. */
const char *converted_frame_syntax(const char *uid)
{
    return is_encapsulated(uid) ? uid : PACS_UID_EXPLICIT_LITTLE;
}

bool pacs_retrieve_may_convert(const PacsRetrieve *retrieve, const char *stored_uid, bool has_pixel_data,
                               const char *target_uid)
{
    static const TranscodeLayout any = {.rows = 1,
                                        .columns = 1,
                                        .samples_per_pixel = 1,
                                        .bits_allocated = 8,
                                        .bits_stored = 8,
                                        .high_bit = 7,
                                        .photometric = TRANSCODE_MONOCHROME2};
    const uint32_t from = flags_of(stored_uid), to = flags_of(target_uid);

    if ((from | to) & (PACS_UID_NO_DATA_SET | PACS_UID_REFERENCED))
        return false;
    if (!((from | to) & PACS_UID_ENCAPSULATED))
        return true; /* native to native */
    if (!has_pixel_data)
        return !(to & PACS_UID_ENCAPSULATED); /* nothing in it to compress */
    return retrieve->transcode && transcode_can_decode(converted_frame_syntax(stored_uid)) &&
           transcode_can_encode(converted_frame_syntax(target_uid), &any);
}

static PacsStatus find_object(Conversion *conversion, const PacsUidPath *path, PacsError *err)
{
    PacsRetrieve *retrieve = conversion->retrieve;
    PacsInstanceBlobs blobs = {0};

    PacsStatus status = pacs_index_find_object_at(retrieve->index, path, 0, conversion->arena,
                                                  &conversion->object, &blobs, err);
    if (status != PACS_OK || conversion->object->pixel_data_tag == 0)
        return status;
    status = pacs_retrieve_image(retrieve, path, conversion->arena, &conversion->image, err);
    return status == PACS_NOT_FOUND ? PACS_OK
                                    : status; /* pixel data without a frame are a value like others */
}

static PacsStatus find_form(Conversion *conversion, const TranscodeTarget *target, PacsError *err)
{
    const PacsStoredObject *object = conversion->object;
    TranscodeObjectForm *form = &conversion->form;
    const bool touches_pixels = is_encapsulated(object->transfer_syntax_uid) ||
                                is_encapsulated(target->transfer_syntax_uid);

    form->sop_class_uid = object->sop_class_uid;
    form->sop_instance_uid = object->sop_instance_uid;
    if (!pacs_retrieve_may_convert(conversion->retrieve, object->transfer_syntax_uid,
                                   conversion->image != NULL, target->transfer_syntax_uid))
        return pacs_fail(err, PACS_UNSUPPORTED, "an object in transfer syntax %s is not made into %s",
                         object->transfer_syntax_uid, target->transfer_syntax_uid);
    conversion->makes_frames = conversion->image && touches_pixels;
    if (!conversion->makes_frames)
        return PACS_OK;
    conversion->frames.image = conversion->image;
    conversion->frames.target = *target;
    conversion->frames.target.transfer_syntax_uid = converted_frame_syntax(form->transfer_syntax_uid);
    form->is_lossy = transcode_is_lossy(object->transfer_syntax_uid, &conversion->frames.target);
    form->lossy_method = transcode_lossy_method(form->transfer_syntax_uid);
    return pacs_retrieve_conversion_layout(conversion->retrieve, conversion->image,
                                           &conversion->frames.target, &form->layout, err);
}

static PacsStatus copy_texts(Conversion *conversion, const PacsObjectConversion *asked, PacsUidPath *ret_path,
                             PacsError *err)
{
    PacsArena *arena = conversion->arena;
    TranscodeObjectForm *form = &conversion->form;

    *ret_path = (PacsUidPath){.study_uid = pacs_arena_strdup(arena, asked->path.study_uid),
                              .series_uid = pacs_arena_strdup(arena, asked->path.series_uid),
                              .sop_instance_uid = pacs_arena_strdup(arena, asked->path.sop_instance_uid)};
    form->transfer_syntax_uid = pacs_arena_strdup(arena, asked->target.transfer_syntax_uid);
    form->new_sop_instance_uid = pacs_arena_strdup(arena, asked->new_sop_instance_uid);
    const bool is_whole = ret_path->study_uid && ret_path->series_uid && ret_path->sop_instance_uid &&
                          form->transfer_syntax_uid &&
                          !form->new_sop_instance_uid == !asked->new_sop_instance_uid;
    return is_whole ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory to convert an object");
}

static PacsStatus prepare(PacsRetrieve *retrieve, const PacsObjectConversion *asked,
                          Conversion **ret_conversion, PacsError *err)
{
    PACS_AUTO(Conversion) conversion = calloc(1, sizeof *conversion);
    PacsUidPath path;

    if (!conversion)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to convert an object");
    conversion->retrieve = retrieve;
    conversion->frames = (PacsFrameConversion){.priority = asked->priority,
                                               .is_cancelled = asked->is_cancelled,
                                               .cancel_context = asked->cancel_context};
    conversion->arena = pacs_arena_new(ARENA_MAX);
    if (!conversion->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to convert an object");
    PacsStatus status = copy_texts(conversion, asked, &path, err);
    if (status == PACS_OK)
        status = find_object(conversion, &path, err);
    if (status == PACS_OK)
        status = find_form(conversion, &asked->target, err);
    if (status == PACS_OK)
        *ret_conversion = PACS_STEAL(conversion);
    return status;
}

PacsStatus pacs_retrieve_check_conversion(PacsRetrieve *retrieve, const PacsObjectConversion *conversion,
                                          PacsError *err)
{
    PACS_AUTO(Conversion) prepared = NULL;

    return prepare(retrieve, conversion, &prepared, err);
}

/* ---- By Orthanc's id ---- */

static PacsStatus check_path(PacsRetrieve *retrieve, const char *instance_id, const PacsUidPath *path,
                             PacsArena *arena, PacsError *err)
{
    PacsStoredObject *meant = NULL, *found = NULL;
    PacsInstanceBlobs blobs = {0};

    PacsStatus status = pacs_index_find_object(retrieve->index, instance_id, arena, &meant, err);
    if (status == PACS_OK)
        status = pacs_index_find_object_at(retrieve->index, path, 0, arena, &found, &blobs, err);
    if (status == PACS_OK && pacs_key_compare(&meant->key, &found->key) != 0)
        return pacs_fail(err, PACS_UNSUPPORTED, "another patient's instance has the same UIDs");
    return status;
}

PacsStatus pacs_retrieve_path(PacsRetrieve *retrieve, const char *instance_id, PacsArena *arena,
                              PacsUidPath *ret_path, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsJsonItem item;

    PacsStatus status = pacs_retrieve_json(retrieve, instance_id, &json, err);
    if (status == PACS_OK)
        status = pacs_json_item_parse((PacsSlice){pacs_buffer_text(&json), json.size}, arena, &item, err);
    if (status != PACS_OK)
        return status;
    const PacsUidPath path = {
        .study_uid = pacs_json_item_string(&item, PACS_TAG_STUDY_INSTANCE_UID, 0, arena),
        .series_uid = pacs_json_item_string(&item, PACS_TAG_SERIES_INSTANCE_UID, 0, arena),
        .sop_instance_uid = pacs_json_item_string(&item, PACS_TAG_SOP_INSTANCE_UID, 0, arena)};
    if (!path.study_uid || !path.series_uid || !path.sop_instance_uid)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the UIDs of an instance");
    status = check_path(retrieve, instance_id, &path, arena, err);
    if (status == PACS_OK)
        *ret_path = path;
    return status;
}

/* ---- The stream ---- */

PacsStatus pacs_retrieve_convert_object(PacsRetrieve *retrieve, const PacsObjectConversion *asked,
                                        PacsSource **ret_source, PacsError *err)
{
    PACS_AUTO(Conversion) conversion = NULL;
    PacsSource *stored = NULL;

    PacsStatus status = prepare(retrieve, asked, &conversion, err);
    if (status != PACS_OK)
        return status;
    const PacsStoredObject *object = conversion->object;
    status = pacs_retrieve_lost(
        object, pacs_store_open(retrieve->store, &object->key, 0, object->size_bytes, &stored, err), err);
    if (status != PACS_OK)
        return status;
    const TranscodeObjectForm *form = &conversion->form;
    const TranscodeObjectFrames frames = {.count = conversion->image ? conversion->image->frame_count : 0,
                                          .read = conversion->makes_frames ? read_frame : NULL,
                                          .release = release_frame,
                                          .free = conversion_free,
                                          .context = conversion};
    conversion = NULL; /* the source's */
    return transcode_object(form, &frames, stored, ret_source, err);
}
