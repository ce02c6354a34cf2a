#include "tests/support/rendered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"

TranscodeLayout grey_layout(uint32_t columns, uint32_t rows, uint16_t bits_allocated, uint16_t bits_stored,
                            bool is_signed)
{
    return (TranscodeLayout){.rows = rows,
                             .columns = columns,
                             .samples_per_pixel = 1,
                             .bits_allocated = bits_allocated,
                             .bits_stored = bits_stored,
                             .high_bit = (uint16_t)(bits_stored - 1),
                             .is_signed = is_signed,
                             .photometric = TRANSCODE_MONOCHROME2};
}

TranscodeLayout colour_layout(uint32_t columns, uint32_t rows, TranscodePhotometric photometric)
{
    TranscodeLayout layout = grey_layout(columns, rows, 8, 8, false);

    layout.samples_per_pixel = 3;
    layout.photometric = photometric;
    return layout;
}

static TranscodeFrame frame_of(const TranscodeLayout *layout, const void *bytes, size_t size)
{
    return (TranscodeFrame){
        .transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE, .layout = *layout, .bytes = bytes, .size = size};
}

TranscodePicture rendered(const TranscodeLayout *layout, const void *bytes, size_t size,
                          const TranscodeRendering *rendering, const TranscodeView *view)
{
    const TranscodeFrame frame = frame_of(layout, bytes, size);
    TranscodePicture picture = {0};
    PacsError err = {0};

    if (transcode_render(&frame, rendering, view, &picture, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return picture;
}

PacsStatus rendering_status(const TranscodeLayout *layout, const void *bytes, size_t size,
                            const TranscodeRendering *rendering, const TranscodeView *view)
{
    const TranscodeFrame frame = frame_of(layout, bytes, size);
    TranscodePicture picture = {0};

    PacsStatus status = transcode_render(&frame, rendering, view, &picture, NULL);
    transcode_picture_clear(&picture);
    return status;
}

void assert_pixels(const TranscodePicture *picture, uint32_t width, uint32_t height, const uint8_t *expected,
                   size_t size)
{
    assert_int_equal(picture->width, width);
    assert_int_equal(picture->height, height);
    assert_int_equal((size_t)picture->width * picture->height * picture->channels * picture->bits / 8, size);
    for (size_t i = 0; i < size; i++)
        if (picture->pixels[i] != expected[i])
            fail_msg("byte %zu is %u, expected %u", i, picture->pixels[i], expected[i]);
}
