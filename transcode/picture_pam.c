#include "transcode/picture_format.h"

/** Netpbm's arbitrary map: a head of lines, then samples, most significant byte first. Signed samples stay in two's
 *  complement, as Orthanc has them. */

static void add_swapped(PacsBuffer *out, const uint8_t *samples, size_t size)
{
    uint8_t *to = out->bytes + out->size;

    for (size_t i = 0; i < size; i += 2) {
        to[i] = samples[i + 1];
        to[i + 1] = samples[i];
    }
    out->size += size;
}

static const char *tuple_type(const TranscodePicture *picture)
{
    return picture->channels == 1 ? "GRAYSCALE" : picture->channels == 3 ? "RGB" : "RGB_ALPHA";
}

static PacsStatus write_picture(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out,
                                PacsError *err)
{
    const size_t size = transcode_picture_row_size(picture) * picture->height;

    (void)quality;
    pacs_buffer_add_format(out, "P7\nWIDTH %u\nHEIGHT %u\nDEPTH %u\nMAXVAL %u\nTUPLTYPE %s\nENDHDR\n",
                           picture->width, picture->height, picture->channels, (1u << picture->bits) - 1,
                           tuple_type(picture));
    PacsStatus status = pacs_buffer_check(out, err);
    if (status == PACS_OK)
        status = pacs_buffer_reserve(out, size, err);
    if (status != PACS_OK)
        return status;
    if (picture->bits == 16)
        add_swapped(out, picture->pixels, size);
    else
        pacs_buffer_add(out, picture->pixels, size);
    return pacs_buffer_check(out, err);
}

const TranscodePictureFormat transcode_picture_pam = {
    .media_type = "image/x-portable-arbitrarymap",
    .has_16_bits = true,
    .has_opacity = true,
    .write = write_picture,
};
