#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/render_private.h"

/** Values as stored, for programs: clamped, not windowed. */

typedef struct Target {
    double least, most;
    uint8_t bits;
} Target;

static void write_values(const double *values, size_t count, const Target *target, uint8_t *to)
{
    for (size_t i = 0; i < count; i++) {
        const double value = values[i] >= target->least ? fmin(values[i], target->most)
                                                        : target->least; /* NAN: least */
        const int32_t whole = (int32_t)floor(value + 0.5);
        *to++ = (uint8_t)whole;
        if (target->bits == 16)
            *to++ = (uint8_t)((uint32_t)whole >> 8);
    }
}

static PacsStatus grey_values(const TranscodeFrame *frame, const Target *target, bool is_signed,
                              TranscodePicture *ret_picture, PacsError *err)
{
    const TranscodeLayout *layout = &frame->layout;
    PACS_AUTO_FREE double *values = malloc(layout->columns * sizeof *values);
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    if (!values)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a row of values");
    PacsStatus status = transcode_picture_init(&picture, layout->columns, layout->rows, 1, target->bits, err);
    if (status != PACS_OK)
        return status;
    for (uint32_t row = 0; row < layout->rows; row++) {
        render_samples_read(frame, (uint64_t)row * layout->columns, layout->columns, values);
        write_values(values, layout->columns, target,
                     picture.pixels + (size_t)row * layout->columns * target->bits / 8);
    }
    *ret_picture = picture;
    ret_picture->is_signed = is_signed;
    picture.pixels = NULL; /* the caller's now */
    return PACS_OK;
}

PacsStatus transcode_render_values(const TranscodeFrame *native, uint8_t bits, bool is_signed,
                                   TranscodePicture *ret_picture, PacsError *err)
{
    const TranscodeRendering plain = TRANSCODE_RENDERING_PLAIN;
    const TranscodeView all = {0};
    const double steps = bits == 8 ? 256 : 65536;
    const Target target = {
        .least = is_signed ? -steps / 2 : 0, .most = (is_signed ? steps / 2 : steps) - 1, .bits = bits};
    size_t size = 0;

    if (native->layout.samples_per_pixel > 1) {
        if (bits != 8 || is_signed)
            return pacs_fail(err, PACS_UNSUPPORTED, "colours are told in 8 bits, not in %u", bits);
        return transcode_render(native, &plain, &all, ret_picture, err);
    }
    PacsStatus status = transcode_layout_size(&native->layout, &size, err);
    if (status == PACS_OK && native->size < size)
        status = pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", native->size,
                           size);
    return status == PACS_OK ? grey_values(native, &target, is_signed, ret_picture, err) : status;
}
