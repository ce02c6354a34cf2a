#include "pacs/retrieve/array.h"

#include <string.h>

static bool is_grey(const PacsImageAttributes *attributes)
{
    const TranscodePhotometric photometric = attributes->layout.photometric;

    return attributes->layout.samples_per_pixel == 1 && photometric != TRANSCODE_PALETTE_COLOR;
}

PacsStatus pacs_array_shape(const PacsImageAttributes *attributes, bool rescales, PacsArrayShape *ret_shape,
                            PacsError *err)
{
    const TranscodeLayout *layout = &attributes->layout;
    PacsArrayShape shape = {.rows = layout->rows, .columns = layout->columns, .channels = 1};

    if (!is_grey(attributes)) {
        shape.channels = 3;
        shape.item_size = 1;
    } else if (rescales || layout->is_float) {
        shape.is_float = true;
        shape.item_size = 4;
    } else if (layout->bits_allocated > 32) {
        return pacs_fail(err, PACS_UNSUPPORTED, "whole numbers of %u bits are given rescaled only",
                         layout->bits_allocated);
    } else {
        shape.is_signed = layout->is_signed;
        shape.item_size = layout->bits_allocated < 8 ? 1 : (uint8_t)(layout->bits_allocated / 8);
    }
    *ret_shape = shape;
    return PACS_OK;
}

uint64_t pacs_array_frame_size(const PacsArrayShape *shape)
{
    return (uint64_t)shape->rows * shape->columns * shape->channels * shape->item_size;
}

/* ---- Samples ---- */

static uint64_t read_word(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;

    for (size_t i = size; i-- > 0;)
        word = word << 8 | bytes[i];
    return word;
}

/** A whole sample as stored, its sign extended. */
static int64_t read_whole(const TranscodeFrame *native, size_t index)
{
    const TranscodeLayout *layout = &native->layout;
    const size_t size = layout->bits_allocated / 8;
    const unsigned shift = layout->high_bit + 1u - layout->bits_stored;

    if (layout->bits_allocated == 1)
        return native->bytes[index / 8] >> (index % 8) & 1;
    const uint64_t word = read_word(native->bytes + index * size, size) >> shift;
    if (layout->bits_stored == 64)
        return (int64_t)word;
    const uint64_t range = 1ull << layout->bits_stored;
    const uint64_t value = word & (range - 1);
    return layout->is_signed && value >= range / 2 ? (int64_t)(value - range) : (int64_t)value;
}

static double read_sample(const TranscodeFrame *native, size_t index)
{
    float single;
    double whole;

    if (!native->layout.is_float)
        return (double)read_whole(native, index);
    if (native->layout.bits_allocated == 32) {
        memcpy(&single, native->bytes + index * sizeof single, sizeof single);
        return single;
    }
    memcpy(&whole, native->bytes + index * sizeof whole, sizeof whole);
    return whole;
}

static void write_grey(const TranscodeFrame *native, const PacsImageAttributes *attributes,
                       const PacsArrayShape *shape, uint8_t *out)
{
    const size_t count = (size_t)shape->rows * shape->columns;
    const double slope = attributes->rendering.rescale_slope,
                 intercept = attributes->rendering.rescale_intercept;

    for (size_t i = 0; i < count; i++) {
        if (shape->is_float) {
            const float value = (float)(read_sample(native, i) * slope + intercept);
            memcpy(out + i * sizeof value, &value, sizeof value);
            continue;
        }
        const uint64_t value = (uint64_t)read_whole(native, i);
        for (size_t byte = 0; byte < shape->item_size; byte++)
            out[i * shape->item_size + byte] = (uint8_t)(value >> (8 * byte));
    }
}

static PacsStatus write_color(const TranscodeFrame *native, const PacsImageAttributes *attributes,
                              const PacsArrayShape *shape, uint8_t *out, PacsError *err)
{
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;
    const TranscodeView view = {0};

    rendering.palette = attributes->rendering.palette;
    const PacsStatus status = transcode_render(native, &rendering, &view, &picture, err);
    if (status != PACS_OK)
        return status;
    const size_t pixels = (size_t)shape->rows * shape->columns;
    if ((size_t)picture.width * picture.height != pixels)
        return pacs_fail(err, PACS_INTERNAL, "a picture of another size than its frame");
    for (size_t i = 0; i < pixels; i++) /* a palette of greys gives a grey picture */
        for (size_t channel = 0; channel < 3; channel++)
            out[3 * i + channel] =
                picture.pixels[i * picture.channels + (picture.channels >= 3 ? channel : 0)];
    return PACS_OK;
}

PacsStatus pacs_array_write(const TranscodeFrame *native, const PacsImageAttributes *attributes,
                            const PacsArrayShape *shape, PacsBuffer *out, PacsError *err)
{
    const uint64_t size = pacs_array_frame_size(shape);

    if (native->layout.rows != shape->rows || native->layout.columns != shape->columns)
        return pacs_fail(err, PACS_INVALID, "frames of one array differ in size");
    PacsStatus status = pacs_buffer_reserve(out, (size_t)size, err);
    if (status != PACS_OK)
        return status;
    uint8_t *numbers = out->bytes + out->size;
    if (shape->channels == 1)
        write_grey(native, attributes, shape, numbers);
    else
        status = write_color(native, attributes, shape, numbers, err);
    if (status == PACS_OK)
        out->size += (size_t)size;
    return status;
}
