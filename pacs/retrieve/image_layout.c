#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/retrieve/native_frame.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/limits.h"

#define ATTRIBUTES_ARENA_MAX ((size_t)PACS_MAX_INSTANCE_JSON * 2)

/* ---- From attributes ---- */

static uint16_t number(const PacsJsonItem *attributes, PacsTag tag, uint16_t otherwise)
{
    int64_t value = otherwise;

    (void)pacs_json_item_whole(attributes, tag, 0, UINT16_MAX, &value); /* broken is as good as absent */
    return (uint16_t)value;
}

static PacsPixelDescription describe(const PacsJsonItem *attributes)
{
    const PacsSlice photometric = pacs_json_item_text(attributes, PACS_TAG_PHOTOMETRIC_INTERPRETATION, 0);
    PacsPixelDescription pixels = {
        .rows = number(attributes, PACS_TAG_ROWS, 0),
        .columns = number(attributes, PACS_TAG_COLUMNS, 0),
        .samples_per_pixel = number(attributes, PACS_TAG_SAMPLES_PER_PIXEL, 1),
        .bits_allocated = number(attributes, PACS_TAG_BITS_ALLOCATED, 0),
        .pixel_representation = number(attributes, PACS_TAG_PIXEL_REPRESENTATION, 0),
        .planar_configuration = number(attributes, PACS_TAG_PLANAR_CONFIGURATION, 0),
    };

    pixels.bits_stored = number(attributes, PACS_TAG_BITS_STORED, pixels.bits_allocated);
    pixels.high_bit = number(attributes, PACS_TAG_HIGH_BIT, (uint16_t)(pixels.bits_stored - 1));
    if (photometric.size < sizeof pixels.photometric_interpretation)
        memcpy(pixels.photometric_interpretation, photometric.text, photometric.size);
    return pixels;
}

PacsStatus pacs_retrieve_layout_from(const PacsJsonItem *attributes, PacsTag pixel_data_tag,
                                     TranscodeLayout *ret_layout, PacsError *err)
{
    const PacsPixelDescription pixels = describe(attributes);

    return transcode_layout_of(&pixels, pixel_data_tag, ret_layout, err);
}

static PacsStatus read(PacsRetrieve *retrieve, const PacsRetrievedImage *image, TranscodeLayout *ret_layout,
                       PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ATTRIBUTES_ARENA_MAX);
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};
    PacsJsonItem attributes;

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read attributes");
    PacsStatus status = pacs_index_find_object_at(retrieve->index, &image->path, PACS_BLOB_JSON, arena,
                                                  &object, &blobs, err);
    if (status == PACS_OK)
        status = pacs_index_unpack_json(&blobs, &json, err);
    if (status == PACS_OK)
        status = pacs_json_item_parse((PacsSlice){pacs_buffer_text(&json), json.size}, arena, &attributes,
                                      err);
    if (status == PACS_OK)
        status = pacs_retrieve_layout_from(&attributes, image->object->pixel_data_tag, ret_layout, err);
    return status;
}

/* ---- Remembered ---- */

/**
 * An enhanced object has megabytes of JSON, and its frames are asked for one by one. Each key has one place, which the
 * next key that falls there takes: a collision costs a look into the index.
 */

static LayoutPlace *place_of(PacsRetrieve *retrieve, const PacsKey *key)
{
    /* The end of a key is random. */
    const size_t at = key->bytes[PACS_KEY_BYTES - 1] | (size_t)key->bytes[PACS_KEY_BYTES - 2] << 8;

    return &retrieve->layouts[at % LAYOUT_PLACES];
}

static bool recall(PacsRetrieve *retrieve, const PacsKey *key, TranscodeLayout *ret_layout)
{
    LayoutPlace *place = place_of(retrieve, key);

    (void)pthread_mutex_lock(&retrieve->layouts_lock);
    const bool is_known = place->layout.rows > 0 && pacs_key_compare(&place->key, key) == 0;
    if (is_known)
        *ret_layout = place->layout;
    (void)pthread_mutex_unlock(&retrieve->layouts_lock);
    return is_known;
}

static void remember(PacsRetrieve *retrieve, const PacsKey *key, const TranscodeLayout *layout)
{
    LayoutPlace *place = place_of(retrieve, key);

    (void)pthread_mutex_lock(&retrieve->layouts_lock);
    *place = (LayoutPlace){.key = *key, .layout = *layout};
    (void)pthread_mutex_unlock(&retrieve->layouts_lock);
}

PacsStatus pacs_retrieve_layout(PacsRetrieve *retrieve, const PacsRetrievedImage *image,
                                TranscodeLayout *ret_layout, PacsError *err)
{
    TranscodeLayout layout;

    if (recall(retrieve, &image->object->key, ret_layout))
        return PACS_OK;
    PacsStatus status = read(retrieve, image, &layout, err);
    if (status != PACS_OK)
        return status;
    remember(retrieve, &image->object->key, &layout);
    *ret_layout = layout;
    return PACS_OK;
}
