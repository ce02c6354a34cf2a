/* A layout, what a rendering is told, a view, and pixels, all from the input: refused, or a picture of the size that was
 * told beforehand. Its values reach the drawing code as strangers' attributes do. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/rendering.h"

#define SIDE_MAX 64u
#define VIEWPORT_MAX 512u
#define ENTRIES 64
#define NUMBERS 16

typedef struct Input {
    const uint8_t *bytes;
    size_t size;
} Input;

static void take(Input *input, void *to, size_t size)
{
    const size_t given = size < input->size ? size : input->size;

    memset(to, 0, size);
    if (given > 0)
        memcpy(to, input->bytes, given);
    input->bytes += given;
    input->size -= given;
}

#define TAKE(type)                                                                                           \
    __extension__({                                                                                          \
        type taken;                                                                                          \
        take(input, &taken, sizeof taken);                                                                   \
        taken;                                                                                               \
    })

static bool flag(Input *input)
{
    return TAKE(uint8_t) & 1;
}

typedef struct Everything {
    uint16_t entries[ENTRIES];
    double numbers[NUMBERS];
    int32_t vertices[NUMBERS];
    TranscodeLut luts[6];
    TranscodePalette palette;
    TranscodeOverlay overlay;
    TranscodeShutter shutter;
    TranscodeGraphic graphic;
    TranscodeWindow window;
    TranscodeRendering rendering;
    TranscodeView view;
    TranscodeLayout layout;
} Everything;

static TranscodeLayout take_layout(Input *input)
{
    static const uint16_t depths[] = {1, 8, 16, 32, 64};

    return (TranscodeLayout){
        .rows = TAKE(uint8_t) % SIDE_MAX + 1,
        .columns = TAKE(uint8_t) % SIDE_MAX + 1,
        .samples_per_pixel = (uint16_t)(TAKE(uint8_t) % 5),
        .bits_allocated = depths[TAKE(uint8_t) % 5],
        .bits_stored = TAKE(uint8_t),
        .high_bit = TAKE(uint8_t),
        .is_signed = flag(input),
        .is_planar = flag(input),
        .is_float = flag(input),
        .photometric = (TranscodePhotometric)(TAKE(uint8_t) % (TRANSCODE_OTHER + 1)),
    };
}

static TranscodeLut take_lut(Input *input, const uint16_t *entries)
{
    return (TranscodeLut){.values = entries,
                          .count = TAKE(uint8_t) % (ENTRIES + 1u),
                          .first_mapped = TAKE(int32_t),
                          .bits = TAKE(uint8_t)};
}

static TranscodeWindow take_window(Input *input)
{
    return (TranscodeWindow){.center = TAKE(double),
                             .width = TAKE(double),
                             .function = (TranscodeWindowFunction)(TAKE(uint8_t) % 3)};
}

static void take_color(Input *input, uint16_t color[3])
{
    for (size_t i = 0; i < 3; i++)
        color[i] = TAKE(uint16_t);
}

static void take_overlay(Input *input, Everything *all)
{
    all->overlay = (TranscodeOverlay){.bits = flag(input) ? (const uint8_t *)all->entries : NULL,
                                      .size = sizeof all->entries,
                                      .first_bit = TAKE(uint16_t),
                                      .rows = TAKE(uint32_t),
                                      .columns = TAKE(uint32_t),
                                      .first_row = TAKE(int32_t),
                                      .first_column = TAKE(int32_t),
                                      .embedded_bit = TAKE(uint8_t)};
    take_color(input, all->overlay.color);
}

static void take_shutter(Input *input, Everything *all)
{
    all->shutter = (TranscodeShutter){.has_rectangle = flag(input),
                                      .has_circle = flag(input),
                                      .has_polygon = flag(input),
                                      .left = TAKE(int32_t),
                                      .right = TAKE(int32_t),
                                      .top = TAKE(int32_t),
                                      .bottom = TAKE(int32_t),
                                      .center_row = TAKE(int32_t),
                                      .center_column = TAKE(int32_t),
                                      .radius = TAKE(uint32_t),
                                      .vertices = all->vertices,
                                      .vertex_count = TAKE(uint8_t) % (NUMBERS / 2 + 1),
                                      .bitmap = flag(input) ? &all->overlay : NULL};
    take_color(input, all->shutter.color);
}

static void take_graphic(Input *input, Everything *all)
{
    static const char text[] = "a\xC3\n";

    all->graphic = (TranscodeGraphic){.kind = (TranscodeGraphicKind)(TAKE(uint8_t) % (TRANSCODE_TEXT + 1)),
                                      .is_filled = flag(input),
                                      .is_display = flag(input),
                                      .points = all->numbers,
                                      .point_count = TAKE(uint8_t) % (NUMBERS / 2 + 1),
                                      .text = text};
    take_color(input, all->graphic.color);
}

static void take_rendering(Input *input, Everything *all)
{
    all->rendering = (TranscodeRendering){
        .rescale_slope = TAKE(double),
        .rescale_intercept = TAKE(double),
        .modality_lut = flag(input) ? &all->luts[0] : NULL,
        .has_padding = flag(input),
        .padding_first = TAKE(double),
        .padding_last = TAKE(double),
        .has_window = flag(input),
        .window = take_window(input),
        .voi_lut = flag(input) ? &all->luts[1] : NULL,
        .polarity = (TranscodePolarity)(TAKE(uint8_t) % 3),
        .presentation_lut = flag(input) ? &all->luts[2] : NULL,
        .palette = flag(input) ? &all->palette : NULL,
        .is_palette_supplemental = flag(input),
        .overlays = &all->overlay,
        .overlay_count = flag(input),
        .shutter = flag(input) ? &all->shutter : NULL,
        .graphics = &all->graphic,
        .graphic_count = flag(input),
        .pixel_aspect = TAKE(double),
        .rotation = TAKE(uint16_t),
        .is_flipped = flag(input),
    };
    all->palette = (TranscodePalette){all->luts[3], all->luts[4], all->luts[5]};
}

static void take_view(Input *input, Everything *all)
{
    all->window = take_window(input);
    all->view = (TranscodeView){
        .region_x = TAKE(double),
        .region_y = TAKE(double),
        .region_width = TAKE(double),
        .region_height = TAKE(double),
        .viewport_width = TAKE(uint16_t) % VIEWPORT_MAX,
        .viewport_height = TAKE(uint16_t) % VIEWPORT_MAX,
        .enlarges = flag(input),
        .is_rough = flag(input),
        .window = flag(input) ? &all->window : NULL,
        .shows_overlays = true,
    };
}

static void take_everything(Input *input, Everything *all)
{
    all->layout = take_layout(input);
    take(input, all->entries, sizeof all->entries);
    take(input, all->numbers, sizeof all->numbers);
    take(input, all->vertices, sizeof all->vertices);
    for (size_t i = 0; i < 6; i++)
        all->luts[i] = take_lut(input, all->entries);
    take_overlay(input, all);
    take_shutter(input, all);
    take_graphic(input, all);
    take_rendering(input, all);
    take_view(input, all);
}

static void render(const Everything *all, const TranscodeFrame *frame)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    uint32_t width = 0;
    uint32_t height = 0;

    if (transcode_render(frame, &all->rendering, &all->view, &picture, NULL) != PACS_OK)
        return;
    if (transcode_render_size(&all->layout, &all->rendering, &all->view, &width, &height, NULL) != PACS_OK ||
        width != picture.width || height != picture.height)
        abort();
}

static void render_values(const TranscodeFrame *frame)
{
    for (uint8_t bits = 8; bits <= 16; bits = (uint8_t)(bits + 8)) {
        TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
        pacs_ignore(
            transcode_render_values(frame, bits, bits == 16, &picture, NULL)); /* refused is well, too */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input input = {data, size};
    Everything all;

    take_everything(&input, &all);
    const TranscodeFrame frame = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                                  .layout = all.layout,
                                  .bytes = input.bytes,
                                  .size = input.size};
    render(&all, &frame);
    render_values(&frame);
    return 0;
}
