#include "pacs/retrieve/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/retrieve/array.h"
#include "pacs/retrieve/image_attributes.h"
#include "pacs/retrieve/native_frame.h"
#include "pacs/retrieve/picture_text.h"
#include "pacs/retrieve/placeholder.h"
#include "pacs/retrieve/presentation_state.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/retrieve/waveform.h"
#include "pacs/util/limits.h"
#include "transcode/annotation.h"
#include "transcode/profile.h"

#define RENDERER_VERSION                                                                                     \
    5 /* rises when other pixels come out of the same attributes: what was kept is made anew */
#define ANIMATION_SIDE 1024u /* of a cine nobody gave a size */
#define REPRESENTATIVE_FRAME PACS_TAG(0x0028, 0x6010)

/* ---- Finding ---- */

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture");
}

/** All that shapes the bytes. */
static const char *format_key(const PacsPicture *picture, PacsArena *arena)
{
    const PacsPictureWish *wish = &picture->wish;
    const TranscodeView *view = &wish->view;
    const TranscodeWindow window = view->window ? *view->window : (TranscodeWindow){0};
    const double *part = wish->relative_region;
    char object[PACS_KEY_HEX + 1], state[PACS_KEY_HEX + 1] = "-";

    pacs_key_format(&picture->object->key, object);
    if (picture->presentation_state)
        pacs_key_format(&picture->presentation_state->key, state);
    return pacs_arena_printf(
        arena,
        "%s picture %d look=%d format=%d quality=%u frame=%u%s%s region=%.17g,%.17g,%.17g,%.17g "
        "part=%.17g,%.17g,%.17g,%.17g viewport=%u,%u,%d,%d window=%d,%.17g,%.17g,%d overlays=%d text=%u icc=%d "
        "state=%s",
        object, RENDERER_VERSION, wish->look, wish->format, wish->quality, wish->frame_number,
        wish->is_animation ? " animated" : "", wish->is_thumbnail ? " thumbnail" : "", view->region_x,
        view->region_y, view->region_width, view->region_height, part[0], part[1], part[2], part[3],
        view->viewport_width, view->viewport_height, view->enlarges, view->is_rough, view->window != NULL,
        window.center, window.width, window.function, view->shows_overlays, wish->annotations, wish->profile,
        state);
}

static PacsStatus find_image(PacsPicture *picture, const PacsInstanceBlobs *blobs, PacsArena *arena,
                             PacsError *err)
{
    if (blobs->frame_table_size == 0)
        return PACS_OK;
    const PacsStoredObject *object = picture->object;
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(object->transfer_syntax_uid));
    PacsRetrievedImage *image = pacs_arena_alloc(arena, sizeof *image);
    if (!image)
        return no_memory(err);
    *image = (PacsRetrievedImage){
        .object = object,
        .key = object->has_inflated ? &object->inflated_key : &object->key,
        .frame_table = blobs->frame_table,
        .frame_table_size = blobs->frame_table_size,
        .is_native = !syntax || !(syntax->flags & PACS_UID_ENCAPSULATED),
    };
    picture->image = image;
    PacsStatus status = pacs_frame_table_count(image->frame_table, image->frame_table_size,
                                               &image->frame_count, err);
    picture->frame_count = image->frame_count;
    if (status == PACS_OK && picture->wish.frame_number > image->frame_count)
        return pacs_fail(err, PACS_NOT_FOUND, "frame %u asked, instance has %u", picture->wish.frame_number,
                         image->frame_count);
    return status;
}

static PacsStatus find_state(PacsRetrieve *retrieve, PacsPicture *picture, PacsArena *arena, PacsError *err)
{
    PacsStoredObject *state = NULL;
    PacsInstanceBlobs blobs = {0};

    if (!picture->wish.presentation_state)
        return PACS_OK;
    const PacsStatus status = pacs_index_find_object_at(retrieve->index, picture->wish.presentation_state,
                                                        PACS_BLOB_BULK, arena, &state, &blobs, err);
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "the presentation state: ");
    if (!pacs_is_presentation_state(state->sop_class_uid))
        return pacs_fail(err, PACS_INVALID, "the instance named as presentation state is none");
    picture->presentation_state = state;
    return PACS_OK;
}

/** A presentation state is shown on the first image that it speaks of. */
static PacsStatus turn_to_image_of_state(PacsRetrieve *retrieve, PacsInstanceName *name,
                                         PacsPictureWish *wish, PacsArena *arena, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsUidPath *image = pacs_arena_alloc(arena, sizeof *image);
    PacsUidPath *state = pacs_arena_alloc(arena, sizeof *state);
    PacsInstanceValues values = {0};

    if (!image || !state)
        return no_memory(err);
    PacsStatus status = pacs_instance_values_find(retrieve, name, arena, &json, &values, err);
    if (status != PACS_OK)
        return status;
    *state = (PacsUidPath){
        .study_uid = pacs_json_item_string(&values.item, PACS_TAG_STUDY_INSTANCE_UID, 0, arena),
        .series_uid = pacs_json_item_string(&values.item, PACS_TAG_SERIES_INSTANCE_UID, 0, arena),
        .sop_instance_uid = pacs_json_item_string(&values.item, PACS_TAG_SOP_INSTANCE_UID, 0, arena)};
    if (!state->study_uid || !state->series_uid || !state->sop_instance_uid)
        return no_memory(err);
    status = pacs_presentation_state_first(&values, image, &wish->frame_number, err);
    if (status != PACS_OK)
        return status;
    wish->presentation_state = state;
    *name = (PacsInstanceName){.path = image};
    return PACS_OK;
}

static PacsStatus find_object(PacsRetrieve *retrieve, PacsPicture *picture, PacsArena *arena, PacsError *err)
{
    PacsInstanceBlobs blobs = {0};
    PacsStoredObject *object = NULL;

    PacsStatus status = pacs_instance_find(retrieve, &picture->name, PACS_BLOB_FRAMES, arena, &object, &blobs,
                                           err);
    if (status != PACS_OK)
        return status;
    picture->object = object;
    return find_image(picture, &blobs, arena, err);
}

/** Without an image there is something to see all the same. */
static bool is_drawn(const PacsPicture *picture)
{
    return picture->wish.look == PACS_LOOK_RENDERED && picture->wish.frame_number == 0 && !picture->image &&
           pacs_is_waveform(picture->object->sop_class_uid);
}

PacsStatus pacs_picture_find(PacsRetrieve *retrieve, const PacsInstanceName *name,
                             const PacsPictureWish *wish, PacsArena *arena, PacsPicture **ret_picture,
                             PacsError *err)
{
    PacsPicture *picture = pacs_arena_alloc(arena, sizeof *picture);

    if (!picture)
        return no_memory(err);
    *picture = (PacsPicture){.name = *name, .wish = *wish};
    PacsStatus status = find_object(retrieve, picture, arena, err);
    if (status == PACS_OK && !picture->image && wish->look == PACS_LOOK_RENDERED &&
        !wish->presentation_state && pacs_is_presentation_state(picture->object->sop_class_uid)) {
        PacsError missing = {0}; /* an image that has not come, or was deleted: then the state is no image */
        status = turn_to_image_of_state(retrieve, &picture->name, &picture->wish, arena, &missing);
        if (status == PACS_OK)
            status = find_object(retrieve, picture, arena, &missing);
        if (status == PACS_NOT_FOUND) {
            *picture = (PacsPicture){.name = *name, .wish = *wish};
            status = find_object(retrieve, picture, arena, err);
        } else if (status != PACS_OK && err) {
            *err = missing;
        }
    }
    if (status == PACS_OK)
        status = find_state(retrieve, picture, arena, err);
    if (status == PACS_OK && !picture->image && !wish->is_thumbnail && !is_drawn(picture))
        status = pacs_fail(err, PACS_UNSUPPORTED, "the instance has no image");
    if (status != PACS_OK)
        return status;
    picture->key = format_key(picture, arena);
    if (!picture->key)
        return no_memory(err);
    *ret_picture = picture;
    return PACS_OK;
}

/* ---- Representatives ---- */

static bool is_image_of(const PacsListedObject *object, const char *series_uid)
{
    return object->has_pixel_data && strcmp(object->series_uid, series_uid) == 0;
}

static const PacsListedObject *choose(const PacsListedObject *objects, size_t count)
{
    size_t first = 0, of_series = 0;

    while (first < count && !objects[first].has_pixel_data)
        first++;
    if (first == count)
        return objects;
    for (size_t i = first; i < count; i++)
        of_series += is_image_of(&objects[i], objects[first].series_uid);
    const PacsListedObject *chosen = &objects[first];
    for (size_t i = first, passed = 0; i < count && passed <= of_series / 2; i++)
        if (is_image_of(&objects[i], objects[first].series_uid)) {
            chosen = &objects[i];
            passed++;
        }
    return chosen;
}

PacsStatus pacs_picture_representative(PacsRetrieve *retrieve, const PacsUidPath *path, PacsArena *arena,
                                       PacsUidPath *ret_path, PacsError *err)
{
    PacsListedObject *objects = NULL;
    size_t count = 0;

    if (path->sop_instance_uid) {
        *ret_path = *path;
        return PACS_OK;
    }
    const PacsStatus status = pacs_index_list_objects(retrieve->index, path, arena, &objects, &count, err);
    if (status != PACS_OK)
        return status;
    const PacsListedObject *chosen = choose(objects, count);
    *ret_path = (PacsUidPath){path->study_uid, chosen->series_uid, chosen->sop_instance_uid};
    return PACS_OK;
}

/* ---- Making ---- */

/** One picture, or one cine, while it is made. */
typedef struct Making {
    PacsRetrieve *retrieve;
    const PacsPicture *picture;
    TranscodeWork *work;
    PacsInstanceValues values; /* of the instance */
    PacsInstanceValues state;  /* of the presentation state; object NULL: none */
} Making;

static PacsStatus check_unchanged(const PacsStoredObject *found, const PacsStoredObject *now, PacsError *err)
{
    if (memcmp(&found->key, &now->key, sizeof now->key) == 0)
        return PACS_OK;
    return pacs_fail(err, PACS_UNAVAILABLE, "the instance was replaced meanwhile: ask again");
}

/** How many frames can be shown: as many as there are bytes of, and as many as the instance says. */
static uint32_t frames_of(const Making *making)
{
    return making->picture->frame_count;
}

static uint32_t choose_frame(const Making *making)
{
    int64_t number = (frames_of(making) + 1) / 2;

    if (making->picture->wish.frame_number > 0)
        return making->picture->wish.frame_number;
    (void)pacs_json_item_whole(&making->values.item, REPRESENTATIVE_FRAME, 1, frames_of(making), &number);
    return (uint32_t)number;
}

/** What the look leaves of an image's attributes. */
static void apply_look(PacsPictureLook look, PacsImageAttributes *attributes)
{
    TranscodeRendering *rendering = &attributes->rendering;
    const TranscodePalette *palette = attributes->is_palette ? NULL : rendering->palette;
    const double range = ldexp(1, attributes->layout.bits_stored);

    if (look == PACS_LOOK_RENDERED || look == PACS_LOOK_SAMPLES || look == PACS_LOOK_FLOATS)
        return;
    attributes->is_palette = false;
    TranscodeRendering plain = TRANSCODE_RENDERING_PLAIN;
    if (attributes->layout.photometric == TRANSCODE_PALETTE_COLOR)
        plain.palette = palette;
    if (look == PACS_LOOK_WINDOWED) {
        plain.rescale_slope = rendering->rescale_slope;
        plain.rescale_intercept = rendering->rescale_intercept;
        plain.has_window = true;
        plain.window = rendering->has_window ? rendering->window
                                             : (TranscodeWindow){range / 2, range, TRANSCODE_LINEAR_EXACT};
        plain.window.function = TRANSCODE_LINEAR_EXACT;
    }
    *rendering = plain;
}

static void place_region(const PacsPictureWish *wish, const TranscodeLayout *layout, TranscodeView *view)
{
    const double *part = wish->relative_region;

    if (part[2] <= part[0] || part[3] <= part[1])
        return;
    view->region_x = part[0] * layout->columns;
    view->region_y = part[1] * layout->rows;
    view->region_width = (part[2] - part[0]) * layout->columns;
    view->region_height = (part[3] - part[1]) * layout->rows;
}

static PacsStatus read_attributes(Making *making, uint32_t frame_number, PacsImageAttributes *attributes,
                                  TranscodeView *view, PacsError *err)
{
    const PacsPictureWish *wish = &making->picture->wish;

    *view = wish->view;
    PacsStatus status = pacs_image_attributes_read(&making->values, frame_number, attributes, err);
    if (status != PACS_OK)
        return status;
    place_region(wish, &attributes->layout, view);
    if (making->state.object)
        status = pacs_presentation_state_apply(&making->state, &making->values, frame_number, attributes,
                                               view, err);
    apply_look(wish->look, attributes);
    return status;
}

/** Nobody looks at the picture between drawing and writing it. (Profiles leave greys alone.) */
static bool is_written_only(const PacsPictureWish *wish)
{
    return transcode_format_takes_rows(wish->format) && !wish->annotations && !wish->is_animation;
}

static PacsStatus render(Making *making, const TranscodeFrame *native, const PacsImageAttributes *attributes,
                         const TranscodeView *view, TranscodePicture *ret_picture, PacsError *err)
{
    switch (making->picture->wish.look) {
    case PACS_LOOK_UINT8:
        return transcode_render_values(native, 8, false, ret_picture, err);
    case PACS_LOOK_UINT16:
        return transcode_render_values(native, 16, false, ret_picture, err);
    case PACS_LOOK_INT16:
        return transcode_render_values(native, 16, true, ret_picture, err);
    default:
        return is_written_only(&making->picture->wish)
                   ? transcode_render_rows(native, &attributes->rendering, view, ret_picture, err)
                   : transcode_render(native, &attributes->rendering, view, ret_picture, err);
    }
}

static PacsStatus annotate(Making *making, const TranscodeView *view, const PacsImageAttributes *attributes,
                           TranscodePicture *picture, PacsError *err)
{
    TranscodeAnnotation lines[PACS_PICTURE_TEXTS];
    size_t count = 0;

    if (!making->picture->wish.annotations)
        return PACS_OK;
    const TranscodeWindow *window = view->window                       ? view->window
                                    : attributes->rendering.has_window ? &attributes->rendering.window
                                                                       : NULL;
    const PacsStatus status = pacs_picture_texts(&making->values, making->picture->wish.annotations, window,
                                                 lines, &count, err);
    return status == PACS_OK ? transcode_annotate(picture, lines, count, err) : status;
}

/** A profile that cannot be used refuses this form of the picture alone: others are there to be asked for. */
static PacsStatus convert(const PacsPictureWish *wish, TranscodeSpace space, TranscodePicture *picture,
                          PacsArena *arena, PacsError *err)
{
    if (picture->channels >= 3 && space != TRANSCODE_SPACE_SRGB &&
        !transcode_format_has_profile(wish->format))
        return pacs_fail(err, PACS_UNSUPPORTED, "%s cannot say which colours it has: only sRGB's",
                         transcode_format_media_type(wish->format));
    const PacsStatus status = transcode_profile_convert(picture, space, arena, err);
    return status == PACS_INVALID || status == PACS_TOO_LARGE
               ? pacs_fail_context(err, PACS_UNSUPPORTED, "colours are not converted, iccprofile=yes or no: ")
               : status;
}

static PacsStatus apply_profile(const PacsPictureWish *wish, TranscodePicture *picture, PacsArena *arena,
                                PacsError *err)
{
    switch (wish->profile) {
    case PACS_PROFILE_IMAGE:
        return transcode_profile_settle(picture, arena, err);
    case PACS_PROFILE_SRGB:
        return convert(wish, TRANSCODE_SPACE_SRGB, picture, arena, err);
    case PACS_PROFILE_ADOBE_RGB:
        return convert(wish, TRANSCODE_SPACE_ADOBE_RGB, picture, arena, err);
    case PACS_PROFILE_ROMM_RGB:
        return convert(wish, TRANSCODE_SPACE_ROMM_RGB, picture, arena, err);
    default:
        picture->icc_profile = NULL;
        picture->icc_profile_size = 0;
        return PACS_OK;
    }
}

static PacsStatus read_frame(Making *making, uint32_t frame_number, PacsBuffer *pixels,
                             TranscodeFrame *ret_native, PacsImageAttributes *ret_attributes,
                             TranscodeView *ret_view, PacsError *err)
{
    PacsStatus status = transcode_work_check(making->work, err);
    TranscodeLayout stored;

    if (status == PACS_OK)
        status = read_attributes(making, frame_number, ret_attributes, ret_view, err);
    if (status == PACS_OK)
        status = pacs_retrieve_layout_from(&making->values.item, making->picture->object->pixel_data_tag,
                                           &stored, err);
    if (status == PACS_OK)
        status = pacs_retrieve_native_frame_of(making->retrieve, making->work, making->picture->image,
                                               &stored, frame_number, pixels, ret_native, err);
    return status;
}

/** Pixels of one frame, ready for a format. */
static PacsStatus draw_frame(Making *making, uint32_t frame_number, TranscodePicture *ret_picture,
                             PacsImageAttributes *ret_attributes, PacsError *err)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PacsBuffer *pixels = transcode_work_scratch(making->work);
    TranscodeFrame native = {0};
    TranscodeView view;

    pacs_buffer_reset(pixels); /* of a cine's frame before */
    PacsStatus status = read_frame(making, frame_number, pixels, &native, ret_attributes, &view, err);
    if (status != PACS_OK)
        return status;
    if (ret_attributes->is_palette)
        native.layout.photometric = TRANSCODE_PALETTE_COLOR;
    else if (native.layout.photometric == TRANSCODE_PALETTE_COLOR && !ret_attributes->rendering.palette)
        native.layout.photometric = TRANSCODE_MONOCHROME2; /* without colours there are still shapes to see */
    status = render(making, &native, ret_attributes, &view, &picture, err);
    if (status == PACS_OK)
        status = annotate(making, &view, ret_attributes, &picture, err);
    if (status == PACS_OK)
        status = apply_profile(&making->picture->wish, &picture, making->values.arena, err);
    if (status != PACS_OK)
        return status;
    *ret_picture = picture;
    picture = (TranscodePicture){0};
    return PACS_OK;
}

static PacsStatus draw_waveform(Making *making, TranscodePicture *picture, PacsError *err)
{
    const PacsPictureWish *wish = &making->picture->wish;
    const PacsStatus status = pacs_waveform_draw(&making->values, &wish->view, wish->annotations, picture,
                                                 err);

    return status == PACS_OK ? apply_profile(wish, picture, making->values.arena, err) : status;
}

static PacsStatus make_still(Making *making, PacsBuffer *out, PacsError *err)
{
    const PacsPictureWish *wish = &making->picture->wish;
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PacsImageAttributes attributes;
    PacsStatus status = PACS_UNSUPPORTED;

    if (making->picture->image)
        status = draw_frame(making, choose_frame(making), &picture, &attributes, err);
    else if (is_drawn(making->picture))
        status = draw_waveform(making, &picture, err);
    if (wish->is_thumbnail &&
        (status == PACS_UNSUPPORTED || status == PACS_INVALID || status == PACS_TOO_LARGE))
        status = pacs_placeholder_draw(&making->values, &wish->view, &picture, err);
    return status == PACS_OK ? transcode_picture_write_shared(&picture, wish->format, wish->quality,
                                                              transcode_work_hands(making->work), out, err)
                             : status;
}

static bool is_array(PacsPictureLook look)
{
    return look == PACS_LOOK_SAMPLES || look == PACS_LOOK_FLOATS;
}

static PacsStatus make_array(Making *making, PacsBuffer *out, PacsError *err)
{
    TranscodeFrame native = {0};
    PacsImageAttributes attributes;
    PacsArrayShape shape;
    TranscodeView view;

    PacsStatus status = read_frame(making, choose_frame(making), transcode_work_scratch(making->work),
                                   &native, &attributes, &view, err);
    if (status == PACS_OK)
        status = pacs_array_shape(&attributes, making->picture->wish.look == PACS_LOOK_FLOATS, &shape, err);
    return status == PACS_OK ? pacs_array_write(&native, &attributes, &shape, out, err) : status;
}

/* ---- Cines ---- */

static PacsStatus add_frame(Making *making, uint32_t frame_number, uint32_t step, PacsBuffer *out,
                            TranscodeAnimation **animation, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_PICTURE_ATTRIBUTES);
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    PacsImageAttributes attributes = {0};
    Making frame = *making;

    if (!arena)
        return no_memory(err);
    frame.values.arena = frame.state.arena = arena;
    PacsStatus status = draw_frame(&frame, frame_number, &picture, &attributes, err);
    if (status == PACS_OK && !*animation)
        status = transcode_animation_new(picture.width, picture.height, out, animation, err);
    return status == PACS_OK
               ? transcode_animation_add(*animation, &picture, attributes.frame_duration_ms * step, err)
               : status;
}

/** Of very long ones every n-th frame, for n times as long. */
static PacsStatus make_cine(Making *making, PacsBuffer *out, PacsError *err)
{
    const uint32_t count = frames_of(making);
    const uint32_t step = (count + PACS_MAX_ANIMATION_FRAMES - 1) / PACS_MAX_ANIMATION_FRAMES;
    PACS_AUTO(TranscodeAnimation) animation = NULL;
    PacsStatus status = PACS_OK;

    for (uint32_t number = 1; status == PACS_OK && number <= count; number += step)
        status = add_frame(making, number, step, out, &animation, err);
    return status == PACS_OK ? transcode_animation_finish(animation, err) : status;
}

/* ---- All of it ---- */

typedef struct PictureTask {
    PacsRetrieve *retrieve;
    const PacsPicture *picture;
} PictureTask;

static PacsStatus open_state(Making *making, PacsArena *arena, PacsBuffer *json, PacsError *err)
{
    const PacsPicture *picture = making->picture;
    const PacsInstanceName name = {.path = picture->wish.presentation_state};

    if (!picture->presentation_state)
        return PACS_OK;
    const PacsStatus status = pacs_instance_values_find(making->retrieve, &name, arena, json, &making->state,
                                                        err);
    return status == PACS_OK ? check_unchanged(picture->presentation_state, making->state.object, err)
                             : status;
}

static PacsStatus make(void *context, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    const PictureTask *task = context;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(2 * (size_t)PACS_MAX_PICTURE_ATTRIBUTES);
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PACS_AUTO_BUFFER PacsBuffer state_json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    Making making = {.retrieve = task->retrieve, .picture = task->picture, .work = work};

    if (!arena)
        return no_memory(err);
    PacsStatus status = pacs_instance_values_find(task->retrieve, &task->picture->name, arena, &json,
                                                  &making.values, err);
    if (status == PACS_OK)
        status = check_unchanged(task->picture->object, making.values.object, err);
    if (status == PACS_OK)
        status = open_state(&making, arena, &state_json, err);
    if (status != PACS_OK)
        return status;
    if (is_array(task->picture->wish.look))
        return make_array(&making, out, err);
    return task->picture->wish.is_animation && task->picture->image ? make_cine(&making, out, err)
                                                                    : make_still(&making, out, err);
}

TranscodeResult *pacs_picture_recall(PacsRetrieve *retrieve, const PacsPicture *picture)
{
    return retrieve->transcode ? transcode_service_find(retrieve->transcode, picture->key) : NULL;
}

PacsStatus pacs_picture_make(PacsRetrieve *retrieve, const PacsPicture *picture,
                             const PacsPictureWaiting *waiting, TranscodeResult **ret_result, PacsError *err)
{
    PictureTask context = {retrieve, picture};
    const TranscodeTask task = {.key = picture->key,
                                .make = make,
                                .context = &context,
                                .priority = waiting->priority,
                                .is_cancelled = waiting->is_cancelled,
                                .cancel_context = waiting->context};

    if (!retrieve->transcode)
        return pacs_fail(err, PACS_UNSUPPORTED, "pictures are not made here");
    return transcode_service_run(retrieve->transcode, &task, ret_result, err);
}
