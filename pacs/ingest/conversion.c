#include "pacs/ingest/conversion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/frame_table.h"
#include "pacs/dicom/pixel_source.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "transcode/object.h"
#include "transcode/service.h"

#define KEY_SIZE (PACS_KEY_HEX + 64)

typedef struct Conversion {
    PacsIngest *ingest;
    IngestStored stored;
    TranscodeObjectForm form;
    TranscodeLayout layout; /* of stored frames */
    uint32_t frame_number;  /* that is being made */
} Conversion;

static uint32_t flags_of(const char *uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(uid));

    return entry ? entry->flags : PACS_UID_NO_DATA_SET;
}

static bool is_encapsulated(const char *uid)
{
    return flags_of(uid) & PACS_UID_ENCAPSULATED;
}

bool ingest_wants_conversion(const PacsIngest *ingest, const PacsInstance *instance)
{
    const PacsIngestOptions *options = &ingest->options;
    const char *from = instance->transfer_syntax_uid, *to = options->transcode_to;

    if (!to || !ingest->transcode || strcmp(from, to) == 0)
        return false;
    if ((flags_of(from) | flags_of(to)) & (PACS_UID_REFERENCED | PACS_UID_NO_DATA_SET | PACS_UID_VIDEO))
        return false;
    if (!instance->has_pixel_data && is_encapsulated(to))
        return false; /* nothing in it to compress */
    return is_encapsulated(from) ? options->transcodes_compressed : options->transcodes_uncompressed;
}

/* ---- A frame ---- */

static PacsStatus add_run(const Conversion *conversion, PacsRange range, PacsBuffer *bytes, PacsError *err)
{
    PACS_AUTO(PacsSource) source = NULL;

    if (range.size > PACS_MAX_FRAME_BYTES)
        return pacs_fail(err, PACS_TOO_LARGE, "a frame of %llu bytes", (unsigned long long)range.size);
    PacsStatus status = pacs_buffer_reserve(bytes, (size_t)range.size, err);
    if (status == PACS_OK)
        status = pacs_store_open(conversion->ingest->store, conversion->stored.frames_key, range.offset,
                                 range.size, &source, err);
    if (status == PACS_OK)
        status = pacs_source_read_all(source, bytes->bytes + bytes->size, (size_t)range.size, err);
    if (status == PACS_OK)
        bytes->size += (size_t)range.size;
    return status;
}

/* Pixels that are not as explicit little endian has them. */
static PacsStatus straighten(const PacsFrame *frame, PacsBuffer *bytes, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer stored = *bytes;
    const uint64_t size = pacs_pixel_source_size(frame);
    PacsSource *run = NULL, *opened = NULL;

    pacs_buffer_init(bytes, stored.max);
    PacsStatus status = pacs_source_memory(stored.bytes, stored.size, &run, err);
    if (status == PACS_OK)
        status = pacs_pixel_source(frame, run, &opened, err);
    PACS_AUTO(PacsSource) source = opened;
    if (status == PACS_OK)
        status = pacs_buffer_reserve(bytes, (size_t)size, err);
    if (status == PACS_OK)
        status = pacs_source_read_all(source, bytes->bytes, (size_t)size, err);
    if (status == PACS_OK)
        bytes->size = (size_t)size;
    return status;
}

static PacsStatus read_stored(const Conversion *conversion, PacsBuffer *bytes, PacsError *err)
{
    const PacsBuffer *table = conversion->stored.instance->frame_table;
    PacsFrame frame;

    PacsStatus status = pacs_frame_table_find(table->bytes, table->size, conversion->frame_number, &frame,
                                              err);
    for (uint32_t i = 0; status == PACS_OK && i < frame.run_count; i++) {
        PacsRange range;
        status = pacs_frame_table_run(table->bytes, table->size, conversion->frame_number, i, &range, err);
        if (status == PACS_OK)
            status = add_run(conversion, range, bytes, err);
    }
    if (status == PACS_OK && frame.bits > 0 && pacs_pixel_source_needed(&frame))
        status = straighten(&frame, bytes, err);
    return status;
}

static const char *stored_frame_syntax(const Conversion *conversion)
{
    const char *uid = conversion->stored.instance->transfer_syntax_uid;

    return is_encapsulated(uid) ? uid : PACS_UID_EXPLICIT_LITTLE;
}

static TranscodeTarget target_of(const char *uid)
{
    return (TranscodeTarget){.transfer_syntax_uid = is_encapsulated(uid) ? uid : PACS_UID_EXPLICIT_LITTLE};
}

static PacsStatus decode(const Conversion *conversion, TranscodeWork *work, PacsBuffer *pixels,
                         TranscodeFrame *ret_native, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    const TranscodeTarget native = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    TranscodeFrame frame = {.transfer_syntax_uid = stored_frame_syntax(conversion),
                            .layout = conversion->layout};
    TranscodeFrame pixel_frame = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    size_t size = 0;

    PacsStatus status = read_stored(conversion, &bytes, err);
    frame.bytes = bytes.bytes;
    frame.size = bytes.size;
    if (status == PACS_OK)
        status = transcode_layout_after(frame.transfer_syntax_uid, &frame.layout, &native,
                                        &pixel_frame.layout, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&pixel_frame.layout, &size, err);
    if (status == PACS_OK)
        status = pacs_buffer_reserve(pixels, size, err);
    if (status == PACS_OK)
        status = transcode_work_decode(work, &frame, &pixel_frame.layout, pixels->bytes, size, err);
    if (status != PACS_OK)
        return status;
    pixels->size = size;
    pixel_frame.bytes = pixels->bytes;
    pixel_frame.size = size;
    *ret_native = pixel_frame;
    return PACS_OK;
}

/* TranscodeTask.make */
static PacsStatus make(void *context, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer pixels = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    const Conversion *conversion = context;
    const TranscodeTarget target = target_of(conversion->form.transfer_syntax_uid);
    TranscodeFrame native;

    if (strcmp(target.transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE) == 0)
        return decode(conversion, work, out, &native, err);
    PacsStatus status = decode(conversion, work, &pixels, &native, err);
    return status == PACS_OK ? transcode_work_encode(work, &native, &target, out, err) : status;
}

static void format_key(const PacsKey *key, uint32_t frame_number, char text[KEY_SIZE])
{
    char hex[PACS_KEY_HEX + 1];

    pacs_key_format(key, hex);
    (void)snprintf(text, KEY_SIZE, "%s ingest frame %u", hex, frame_number);
}

/* ---- The object ---- */

static void release_frame(void *context, TranscodeObjectFrame *frame)
{
    (void)context;
    transcode_result_unref(frame->owner);
}

static PacsStatus read_frame(void *context, uint32_t frame_number, TranscodeObjectFrame *ret_frame,
                             PacsError *err)
{
    Conversion *conversion = context;
    TranscodeResult *result = NULL;
    char key[KEY_SIZE];

    conversion->frame_number = frame_number;
    format_key(conversion->stored.key, frame_number, key);
    const TranscodeTask task = {
        .key = key, .make = make, .context = conversion, .priority = TRANSCODE_PREFETCH, .is_passing = true};
    PacsStatus status = transcode_service_run(conversion->ingest->transcode, &task, &result, err);
    if (status != PACS_OK)
        return status;
    *ret_frame = (TranscodeObjectFrame){.bytes = transcode_result_bytes(result),
                                        .size = (size_t)transcode_result_size(result),
                                        .owner = result};
    return PACS_OK;
}

static PacsStatus prepare(Conversion *conversion, PacsError *err)
{
    const PacsInstance *instance = conversion->stored.instance;
    const TranscodeTarget target = target_of(conversion->form.transfer_syntax_uid);

    PacsStatus status = transcode_layout_of(&instance->pixels, instance->pixel_data_tag, &conversion->layout,
                                            err);
    if (status == PACS_OK)
        status = transcode_layout_after(stored_frame_syntax(conversion), &conversion->layout, &target,
                                        &conversion->form.layout, err);
    if (status == PACS_OK && transcode_is_lossy(stored_frame_syntax(conversion), &target))
        status = pacs_fail(err, PACS_UNSUPPORTED, "what loses information would be another instance");
    return status;
}

PacsStatus ingest_convert(PacsIngest *ingest, const IngestStored *stored, PacsSource **ret_source,
                          PacsError *err)
{
    const PacsInstance *instance = stored->instance;
    const bool touches_pixels = instance->has_pixel_data && (is_encapsulated(instance->transfer_syntax_uid) ||
                                                             is_encapsulated(ingest->options.transcode_to));
    Conversion *conversion = calloc(1, sizeof *conversion);
    TranscodeObjectFrames frames = {.read = touches_pixels ? read_frame : NULL,
                                    .release = release_frame,
                                    .free = free,
                                    .context = conversion};
    PacsSource *source = NULL;

    if (!conversion)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to convert an object");
    *conversion = (Conversion){.ingest = ingest,
                               .stored = *stored,
                               .form = {.transfer_syntax_uid = ingest->options.transcode_to,
                                        .sop_class_uid = instance->sop_class_uid,
                                        .sop_instance_uid = instance->sop_instance_uid}};
    PacsStatus status = touches_pixels ? prepare(conversion, err) : PACS_OK;
    if (status == PACS_OK && touches_pixels)
        status = pacs_frame_table_count(instance->frame_table->bytes, instance->frame_table->size,
                                        &frames.count, err);
    if (status == PACS_OK)
        status = pacs_store_open(ingest->store, stored->key, 0, stored->size_bytes, &source, err);
    if (status != PACS_OK) {
        free(conversion);
        return status;
    }
    return transcode_object(&conversion->form, &frames, source, ret_source, err);
}
