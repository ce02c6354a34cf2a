#include "transcode/layout.h"

#include <string.h>

#include "pacs/dicom/tag.h"
#include "pacs/util/limits.h"

static const char *const names[] = {
    [TRANSCODE_MONOCHROME1] = "MONOCHROME1",
    [TRANSCODE_MONOCHROME2] = "MONOCHROME2",
    [TRANSCODE_PALETTE_COLOR] = "PALETTE COLOR",
    [TRANSCODE_RGB] = "RGB",
    [TRANSCODE_YBR_FULL] = "YBR_FULL",
    [TRANSCODE_YBR_FULL_422] = "YBR_FULL_422",
    [TRANSCODE_YBR_PARTIAL_422] = "YBR_PARTIAL_422",
    [TRANSCODE_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
    [TRANSCODE_YBR_ICT] = "YBR_ICT",
    [TRANSCODE_YBR_RCT] = "YBR_RCT",
    [TRANSCODE_XYB] = "XYB",
    [TRANSCODE_HSV] = "HSV",
    [TRANSCODE_ARGB] = "ARGB",
    [TRANSCODE_CMYK] = "CMYK",
    [TRANSCODE_OTHER] = "",
};

const char *transcode_photometric_name(TranscodePhotometric photometric)
{
    return names[photometric];
}

TranscodePhotometric transcode_photometric_parse(const char *name)
{
    for (size_t i = 0; i < TRANSCODE_OTHER; i++)
        if (strcmp(names[i], name) == 0)
            return (TranscodePhotometric)i;
    return TRANSCODE_OTHER;
}

static bool is_known_depth(const TranscodeLayout *layout)
{
    switch (layout->bits_allocated) {
    case 1:
        return layout->samples_per_pixel == 1;
    case 8:
    case 16:
    case 32:
    case 64:
        return true;
    default:
        return false;
    }
}

static PacsStatus check(const TranscodeLayout *layout, PacsError *err)
{
    if (layout->rows == 0 || layout->columns == 0)
        return pacs_fail(err, PACS_INVALID, "the image has %u rows and %u columns", layout->rows,
                         layout->columns);
    if (!is_known_depth(layout))
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "%u bits allocated for a sample, %u samples a pixel: no such layout",
                         layout->bits_allocated, layout->samples_per_pixel);
    if (layout->samples_per_pixel != 1 && layout->samples_per_pixel != 3 && layout->samples_per_pixel != 4)
        return pacs_fail(err, PACS_UNSUPPORTED, "%u samples a pixel: only 1, 3 and 4 have a meaning",
                         layout->samples_per_pixel);
    if (layout->bits_stored == 0 || layout->bits_stored > layout->bits_allocated ||
        layout->high_bit >= layout->bits_allocated || layout->high_bit + 1u < layout->bits_stored)
        return pacs_fail(err, PACS_INVALID, "%u bits stored up to bit %u do not fit into %u bits allocated",
                         layout->bits_stored, layout->high_bit, layout->bits_allocated);
    return PACS_OK;
}

PacsStatus transcode_layout_of(const PacsPixelDescription *pixels, PacsTag pixel_data_tag,
                               TranscodeLayout *ret_layout, PacsError *err)
{
    const bool is_float = pixel_data_tag == PACS_TAG(0x7FE0, 0x0008) ||
                          pixel_data_tag == PACS_TAG(0x7FE0, 0x0009);
    const uint16_t allocated = is_float ? (pixel_data_tag == PACS_TAG(0x7FE0, 0x0008) ? 32 : 64)
                                        : pixels->bits_allocated;
    /* Where they are missing, all bits are used. */
    const uint16_t stored = is_float || pixels->bits_stored == 0 ? allocated : pixels->bits_stored;
    const bool has_high_bit = !is_float && (pixels->high_bit > 0 || stored == 1);
    TranscodeLayout layout = {
        .rows = pixels->rows,
        .columns = pixels->columns,
        .samples_per_pixel = pixels->samples_per_pixel > 0 ? pixels->samples_per_pixel : 1,
        .bits_allocated = allocated,
        .bits_stored = stored,
        .high_bit = has_high_bit ? pixels->high_bit : (uint16_t)(stored - 1),
        .is_signed = pixels->pixel_representation == 1,
        .is_planar = pixels->samples_per_pixel > 1 && pixels->planar_configuration == 1,
        .is_float = is_float,
        .photometric = transcode_photometric_parse(pixels->photometric_interpretation),
    };

    PacsStatus status = check(&layout, err);
    if (status != PACS_OK)
        return status;
    *ret_layout = layout;
    return PACS_OK;
}

/* Of two columns that share their colour there are 4 samples. */
static uint64_t samples_of_row(const TranscodeLayout *layout)
{
    const bool is_422 = layout->photometric == TRANSCODE_YBR_FULL_422 ||
                        layout->photometric == TRANSCODE_YBR_PARTIAL_422;

    if (is_422 && layout->samples_per_pixel == 3)
        return ((uint64_t)layout->columns + 1) / 2 * 4;
    return (uint64_t)layout->columns * layout->samples_per_pixel;
}

PacsStatus transcode_layout_size(const TranscodeLayout *layout, size_t *ret_size, PacsError *err)
{
    PacsStatus status = check(layout, err);
    if (status != PACS_OK)
        return status;
    /* 2^32 columns, 4 samples, 64 bits: below 2^43; so rows and bytes are looked at one after the other */
    const uint64_t bits_of_row = samples_of_row(layout) * layout->bits_allocated;
    if (bits_of_row / 8 > PACS_MAX_FRAME_BYTES ||
        layout->rows > (uint64_t)PACS_MAX_FRAME_BYTES * 8 / bits_of_row)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "a frame of %u rows and %u columns: at most %u bytes are decoded", layout->rows,
                         layout->columns, PACS_MAX_FRAME_BYTES);
    *ret_size = (size_t)((bits_of_row * layout->rows + 7) / 8);
    return PACS_OK;
}

void transcode_layout_settle(TranscodeLayout *native, size_t frame_size)
{
    TranscodeLayout full = *native;
    size_t size = 0, full_size = 0;

    if (native->photometric != TRANSCODE_YBR_FULL_422 || native->samples_per_pixel != 3)
        return;
    full.photometric = TRANSCODE_YBR_FULL;
    if (transcode_layout_size(native, &size, NULL) == PACS_OK &&
        transcode_layout_size(&full, &full_size, NULL) == PACS_OK && full_size > size &&
        frame_size >= full_size)
        *native = full;
}

bool transcode_layout_same_shape(const TranscodeLayout *a, const TranscodeLayout *b)
{
    return a->rows == b->rows && a->columns == b->columns && a->samples_per_pixel == b->samples_per_pixel &&
           a->bits_allocated == b->bits_allocated && a->is_planar == b->is_planar &&
           a->is_float == b->is_float;
}

size_t transcode_sample_size(const TranscodeLayout *layout)
{
    return layout->bits_allocated / 8;
}
