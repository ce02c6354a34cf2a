#pragma once

#include <stddef.h>
#include <stdint.h>

#include "transcode/rendering.h"

/** A layout of one sample a pixel, MONOCHROME2, as wide as it stores. */
TranscodeLayout grey_layout(uint32_t columns, uint32_t rows, uint16_t bits_allocated, uint16_t bits_stored,
                            bool is_signed);
/** Three samples a pixel. */
TranscodeLayout colour_layout(uint32_t columns, uint32_t rows, TranscodePhotometric photometric);

/** The picture of a frame; the test fails where there is none. The caller clears it. */
TranscodePicture rendered(const TranscodeLayout *layout, const void *bytes, size_t size,
                          const TranscodeRendering *rendering, const TranscodeView *view);
/** The status of an attempt. */
PacsStatus rendering_status(const TranscodeLayout *layout, const void *bytes, size_t size,
                            const TranscodeRendering *rendering, const TranscodeView *view);

/** The picture's pixels are these, and no others. */
void assert_pixels(const TranscodePicture *picture, uint32_t width, uint32_t height, const uint8_t *expected,
                   size_t size);

/** Rendered, compared, cleared. `...` are the expected bytes. */
#define assert_rendered(layout, bytes, rendering, view, width, height, ...)                                  \
    do {                                                                                                     \
        const uint8_t expected_pixels[] = {__VA_ARGS__};                                                     \
        TranscodePicture rendered_picture = rendered(layout, bytes, sizeof(bytes), rendering, view);         \
        assert_pixels(&rendered_picture, width, height, expected_pixels, sizeof expected_pixels);            \
        transcode_picture_clear(&rendered_picture);                                                          \
    } while (0)
