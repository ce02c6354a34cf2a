#include "pacs/retrieve/converted_frame.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/limits.h"

#define KEY_SIZE 256

PacsStatus pacs_retrieve_conversion_layout(PacsRetrieve *retrieve, const PacsRetrievedImage *image,
                                           const TranscodeTarget *target, TranscodeLayout *ret_layout,
                                           PacsError *err)
{
    TranscodeLayout stored;

    PacsStatus status = pacs_retrieve_layout(retrieve, image, &stored, err);
    return status == PACS_OK
               ? transcode_layout_after(pacs_retrieve_frame_syntax(image), &stored, target, ret_layout, err)
               : status;
}

static void format_key(const PacsFrameConversion *conversion, char key[KEY_SIZE])
{
    char object[PACS_KEY_HEX + 1];

    pacs_key_format(&conversion->image->object->key, object);
    (void)snprintf(key, KEY_SIZE, "%s frame %u %s quality %u near %u by %s", object, conversion->frame_number,
                   conversion->target.transfer_syntax_uid, conversion->target.quality,
                   conversion->target.near, PACS_CONVERSION_VERSION);
}

TranscodeResult *pacs_retrieve_find_converted(PacsRetrieve *retrieve, const PacsFrameConversion *conversion)
{
    char key[KEY_SIZE];

    if (!retrieve->transcode)
        return NULL;
    format_key(conversion, key);
    return transcode_service_find(retrieve->transcode, key);
}

typedef struct Maker {
    PacsRetrieve *retrieve;
    const PacsFrameConversion *conversion;
} Maker;

static PacsStatus make(void *context, TranscodeWork *work, PacsBuffer *out, PacsError *err)
{
    const Maker *maker = context;
    const PacsFrameConversion *conversion = maker->conversion;
    TranscodeFrame native;

    /* Pixels are the result itself, or what it is made of. */
    if (strcmp(conversion->target.transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE) == 0)
        return pacs_retrieve_native_frame(maker->retrieve, work, conversion->image, conversion->frame_number,
                                          out, &native, err);
    PacsStatus status = pacs_retrieve_native_frame(maker->retrieve, work, conversion->image,
                                                   conversion->frame_number, transcode_work_scratch(work),
                                                   &native, err);
    return status == PACS_OK ? transcode_work_encode(work, &native, &conversion->target, out, err) : status;
}

PacsStatus pacs_retrieve_convert(PacsRetrieve *retrieve, const PacsFrameConversion *conversion,
                                 TranscodeResult **ret_result, PacsError *err)
{
    Maker maker = {.retrieve = retrieve, .conversion = conversion};
    char key[KEY_SIZE];

    if (!retrieve->transcode)
        return pacs_fail(err, PACS_UNSUPPORTED, "this server converts no frames");
    format_key(conversion, key);
    const TranscodeTask task = {.key = key,
                                .make = make,
                                .context = &maker,
                                .priority = conversion->priority,
                                .is_cancelled = conversion->is_cancelled,
                                .cancel_context = conversion->cancel_context};
    return transcode_service_run(retrieve->transcode, &task, ret_result, err);
}
