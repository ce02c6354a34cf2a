/* What pictures need, out of DICOM JSON with any values in it: of an image, of the same as a presentation state, and as a
 * waveform, which is drawn. */

#include <stddef.h>
#include <stdint.h>

#include "pacs/retrieve/presentation_state.h"
#include "pacs/retrieve/waveform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAX (64u << 20)

static void draw_waveform(const PacsInstanceValues *values)
{
    const TranscodeView view = {.viewport_width = 48, .viewport_height = 48};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    if (pacs_json_item_find(&values->item, PACS_TAG_WAVEFORM_SEQUENCE))
        pacs_ignore(pacs_waveform_draw(values, &view, 0, &picture, NULL)); /* broken ones fail */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_MAX);
    PacsInstanceValues values = {.arena = arena};
    PacsImageAttributes attributes;
    TranscodeView view = {0};
    TranscodeWindow windows[4];
    PacsError err = {0};

    if (!arena ||
        pacs_json_item_parse((PacsSlice){(const char *)data, size}, arena, &values.item, &err) != PACS_OK)
        return 0;
    for (uint32_t frame = 1; frame <= 2; frame++) {
        if (pacs_image_attributes_read(&values, frame, &attributes, &err) != PACS_OK)
            continue;
        (void)pacs_image_windows(&values, frame, windows, 4);
        pacs_ignore(pacs_presentation_state_apply(&values, &values, frame, &attributes, &view, &err));
    }
    draw_waveform(&values);
    return 0;
}
