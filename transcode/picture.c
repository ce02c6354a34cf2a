#include "transcode/picture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "transcode/picture_format.h"

#define DEFAULT_QUALITY 90
#define QUALITY_MAX 100

static const TranscodePictureFormat *const formats[TRANSCODE_FORMAT_COUNT] = {
    [TRANSCODE_JPEG] = &transcode_picture_jpeg, [TRANSCODE_PNG] = &transcode_picture_png,
    [TRANSCODE_WEBP] = &transcode_picture_webp, [TRANSCODE_GIF] = &transcode_picture_gif,
    [TRANSCODE_PAM] = &transcode_picture_pam,
};

PacsStatus transcode_picture_init(TranscodePicture *picture, uint32_t width, uint32_t height,
                                  uint8_t channels, uint8_t bits, PacsError *err)
{
    const uint64_t row = (uint64_t)width * channels * bits / 8; /* below 2^38 */

    assert((channels == 1 || channels == 3 || channels == 4) && (bits == 8 || (bits == 16 && channels == 1)));
    if (width == 0 || height == 0)
        return pacs_fail(err, PACS_INVALID, "a picture of %u by %u pixels", width, height);
    if (width > PACS_MAX_PICTURE_SIDE || height > PACS_MAX_PICTURE_SIDE || row > PACS_MAX_FRAME_BYTES ||
        height > PACS_MAX_FRAME_BYTES / row)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "a picture of %u by %u pixels: a side ends at %u, all at %u bytes", width, height,
                         PACS_MAX_PICTURE_SIDE, PACS_MAX_FRAME_BYTES);
    uint8_t *pixels = calloc(height, (size_t)row);
    if (!pixels)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a picture of %u by %u pixels", width, height);
    *picture = (TranscodePicture){
        .width = width, .height = height, .channels = channels, .bits = bits, .pixels = pixels};
    return PACS_OK;
}

void transcode_picture_clear(TranscodePicture *picture)
{
    free(picture->pixels);
    if (picture->rows)
        picture->rows->ops->free(picture->rows);
    *picture = (TranscodePicture){0};
}

size_t transcode_picture_row_size(const TranscodePicture *picture)
{
    return (size_t)picture->width * picture->channels * picture->bits / 8;
}

/* ICC.1 7.2: a header of 128 bytes, the colour space at 16, "acsp" at 36. */
bool transcode_picture_has_profile(const TranscodePicture *picture)
{
    const uint8_t *profile = picture->icc_profile;

    return profile && picture->icc_profile_size > 128 && memcmp(profile + 36, "acsp", 4) == 0 &&
           memcmp(profile + 16, picture->channels == 1 ? "GRAY" : "RGB ", 4) == 0;
}

const char *transcode_format_media_type(TranscodeFormat format)
{
    return formats[format]->media_type;
}

bool transcode_format_has_profile(TranscodeFormat format)
{
    return formats[format]->has_profile;
}

bool transcode_format_takes_rows(TranscodeFormat format)
{
    return formats[format]->write_shared != NULL;
}

static PacsStatus check(const TranscodePicture *picture, const TranscodePictureFormat *format, PacsError *err)
{
    assert(picture->pixels || (picture->rows && format->write_shared));
    if ((picture->bits == 16 && !format->has_16_bits) || (picture->channels == 4 && !format->has_opacity))
        return pacs_fail(err, PACS_UNSUPPORTED, "%s has no pictures of %u channels with %u bits",
                         format->media_type, picture->channels, picture->bits);
    if (format->max_side && (picture->width > format->max_side || picture->height > format->max_side))
        return pacs_fail(err, PACS_TOO_LARGE, "%u by %u pixels: a side of %s ends at %u", picture->width,
                         picture->height, format->media_type, format->max_side);
    return PACS_OK;
}

PacsStatus transcode_picture_write_shared(const TranscodePicture *picture, TranscodeFormat format,
                                          uint32_t quality, TranscodeHands hands, PacsBuffer *out,
                                          PacsError *err)
{
    const size_t before = out->size;

    PacsStatus status = check(picture, formats[format], err);
    if (status != PACS_OK)
        return status;
    quality = quality == 0 ? DEFAULT_QUALITY : quality > QUALITY_MAX ? QUALITY_MAX : quality;
    status = formats[format]->write_shared ? formats[format]->write_shared(picture, quality, hands, out, err)
                                           : formats[format]->write(picture, quality, out, err);
    if (status != PACS_OK)
        out->size = before;
    return status;
}

PacsStatus transcode_picture_write(const TranscodePicture *picture, TranscodeFormat format, uint32_t quality,
                                   PacsBuffer *out, PacsError *err)
{
    return transcode_picture_write_shared(picture, format, quality, (TranscodeHands){0}, out, err);
}
