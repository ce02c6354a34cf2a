#include <string.h>

#include <webp/encode.h>
#include <webp/mux.h>

#include "transcode/picture_format.h"

/** WebP by libwebp: lossy, lossless at quality 100. */

#define METHOD 2          /* of 0, fast, to 6, small: CT 512 x 512 takes 7 ms with 2, 12 with 4 */
#define LOSSLESS_EFFORT 1 /* likewise, of 0 to 9 */

static int take(const uint8_t *bytes, size_t size, const WebPPicture *webp)
{
    return pacs_buffer_add(webp->custom_ptr, bytes, size);
}

/* Luma from 16 to 235, as video has it. */
static void import_grey(const TranscodePicture *picture, WebPPicture *webp)
{
    uint8_t luma[256];

    for (unsigned i = 0; i < 256; i++)
        luma[i] = (uint8_t)(16 + (i * 219 + 127) / 255);
    for (size_t y = 0; y < picture->height; y++)
        for (size_t x = 0; x < picture->width; x++)
            webp->y[y * (size_t)webp->y_stride + x] = luma[picture->pixels[y * picture->width + x]];
    for (size_t y = 0; y < (picture->height + 1u) / 2; y++) {
        memset(webp->u + y * (size_t)webp->uv_stride, 128, (picture->width + 1u) / 2);
        memset(webp->v + y * (size_t)webp->uv_stride, 128, (picture->width + 1u) / 2);
    }
}

static void import_grey_lossless(const TranscodePicture *picture, WebPPicture *webp)
{
    for (size_t y = 0; y < picture->height; y++)
        for (size_t x = 0; x < picture->width; x++)
            webp->argb[y * (size_t)webp->argb_stride + x] = 0xFF000000u |
                                                            picture->pixels[y * picture->width + x] *
                                                                0x010101u;
}

static bool import_pixels(const TranscodePicture *picture, WebPPicture *webp)
{
    const int row_size = (int)transcode_picture_row_size(picture);

    if (picture->channels == 3)
        return WebPPictureImportRGB(webp, picture->pixels, row_size);
    if (picture->channels == 4)
        return WebPPictureImportRGBA(webp, picture->pixels, row_size);
    if (!WebPPictureAlloc(webp))
        return false;
    (webp->use_argb ? import_grey_lossless : import_grey)(picture, webp);
    return true;
}

static PacsStatus encode(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out, PacsError *err)
{
    WebPConfig config;
    WebPPicture webp;

    if (!WebPConfigPreset(&config, WEBP_PRESET_PICTURE, (float)quality) || !WebPPictureInit(&webp))
        return pacs_fail(err, PACS_INTERNAL, "libwebp is another version than was built for");
    config.method = METHOD;
    if (quality == 100 && !WebPConfigLosslessPreset(&config, LOSSLESS_EFFORT))
        return pacs_fail(err, PACS_INTERNAL, "libwebp does not know its effort %d", LOSSLESS_EFFORT);
    webp.use_argb = config.lossless;
    webp.width = (int)picture->width;
    webp.height = (int)picture->height;
    webp.writer = take;
    webp.custom_ptr = out;
    const bool is_imported = import_pixels(picture, &webp);
    const bool is_done = is_imported && WebPEncode(&config, &webp);
    const WebPEncodingError error = webp.error_code;
    WebPPictureFree(&webp);
    if (is_done)
        return PACS_OK;
    if (error == VP8_ENC_ERROR_BAD_WRITE)
        return pacs_buffer_check(out, err);
    if (!is_imported || error == VP8_ENC_ERROR_OUT_OF_MEMORY ||
        error == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a WebP picture");
    if (error == VP8_ENC_ERROR_PARTITION0_OVERFLOW || error == VP8_ENC_ERROR_PARTITION_OVERFLOW ||
        error == VP8_ENC_ERROR_FILE_TOO_BIG)
        return pacs_fail(err, PACS_TOO_LARGE, "the picture is too large for WebP at quality %u", quality);
    return pacs_fail(err, PACS_INTERNAL, "libwebp: error %d", (int)error);
}

static PacsStatus add_with_profile(const TranscodePicture *picture, const PacsBuffer *plain, PacsBuffer *out,
                                   PacsError *err)
{
    const WebPData image = {plain->bytes, plain->size};
    const WebPData profile = {picture->icc_profile, picture->icc_profile_size};
    WebPData joined = {0};
    WebPMux *mux = WebPMuxNew();

    const bool is_done = mux && WebPMuxSetImage(mux, &image, 0) == WEBP_MUX_OK &&
                         WebPMuxSetChunk(mux, "ICCP", &profile, 0) == WEBP_MUX_OK &&
                         WebPMuxAssemble(mux, &joined) == WEBP_MUX_OK;
    if (is_done)
        pacs_buffer_add(out, joined.bytes, joined.size);
    WebPDataClear(&joined);
    WebPMuxDelete(mux);
    return is_done ? pacs_buffer_check(out, err)
                   : pacs_fail(err, PACS_NO_MEMORY, "no memory for a WebP picture");
}

static PacsStatus write_picture(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out,
                                PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer plain = PACS_BUFFER(out->max);

    if (!transcode_picture_has_profile(picture))
        return encode(picture, quality, out, err);
    PacsStatus status = encode(picture, quality, &plain, err);
    return status == PACS_OK ? add_with_profile(picture, &plain, out, err) : status;
}

const TranscodePictureFormat transcode_picture_webp = {
    .media_type = "image/webp",
    .has_opacity = true,
    .has_profile = true,
    .max_side = WEBP_MAX_DIMENSION,
    .write = write_picture,
};
