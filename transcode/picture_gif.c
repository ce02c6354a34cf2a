#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "transcode/picture_format.h"
#include "transcode/quantise.h"

/** GIF by giflib: greys as they are, colour in 256 colours of each picture's own. */

#define SIDE_MAX 65535u
#define DURATION_MIN_MS 20 /* browsers show shorter ones for 100 ms */

struct TranscodeAnimation {
    GifFileType *gif;
    PacsBuffer *out;
    uint32_t width, height;
};

static int take(GifFileType *gif, const GifByteType *bytes, int size)
{
    const TranscodeAnimation *animation = gif->UserData;

    return pacs_buffer_add(animation->out, bytes, (size_t)size) ? size : 0;
}

static PacsStatus fail(const TranscodeAnimation *animation, int code, PacsError *err)
{
    PacsStatus status = pacs_buffer_check(animation->out, err);
    if (status != PACS_OK)
        return status;
    const char *text = GifErrorString(code);
    return pacs_fail(err, code == E_GIF_ERR_NOT_ENOUGH_MEM ? PACS_NO_MEMORY : PACS_INTERNAL, "giflib: %s",
                     text ? text : "no reason given");
}

static PacsStatus begin(uint32_t width, uint32_t height, PacsBuffer *out, TranscodeAnimation **ret_animation,
                        PacsError *err)
{
    PACS_AUTO(TranscodeAnimation) animation = calloc(1, sizeof *animation);
    int code = E_GIF_ERR_NOT_ENOUGH_MEM;

    if (!animation)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a GIF");
    *animation = (TranscodeAnimation){.out = out, .width = width, .height = height};
    animation->gif = EGifOpen(animation, take, &code);
    if (!animation->gif)
        return fail(animation, code, err);
    EGifSetGifVersion(animation->gif, true);
    if (EGifPutScreenDesc(animation->gif, (int)width, (int)height, 8, 0, NULL) != GIF_OK)
        return fail(animation, animation->gif->Error, err);
    *ret_animation = PACS_STEAL(animation);
    return PACS_OK;
}

/* ---- One picture ---- */

static ColorMapObject *color_map(const TranscodeQuantiser *quantiser)
{
    ColorMapObject *map = GifMakeMapObject(256, NULL);

    for (int i = 0; map && i < 256; i++)
        map->Colors[i] = quantiser ? (GifColorType){quantiser->palette[i][0], quantiser->palette[i][1],
                                                    quantiser->palette[i][2]}
                                   : (GifColorType){(uint8_t)i, (uint8_t)i, (uint8_t)i};
    return map;
}

static PacsStatus add_rows(TranscodeAnimation *animation, const TranscodePicture *picture,
                           const TranscodeQuantiser *quantiser, PacsError *err)
{
    const size_t row_size = transcode_picture_row_size(picture);
    PACS_AUTO_FREE uint8_t *indices = malloc(picture->width); /* giflib wants to write there */

    if (!indices)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a GIF");
    for (uint32_t row = 0; row < picture->height; row++) {
        const uint8_t *pixels = picture->pixels + row * row_size;
        if (quantiser)
            transcode_quantise(quantiser, pixels, picture->width, indices);
        else
            memcpy(indices, pixels, picture->width);
        if (EGifPutLine(animation->gif, indices, (int)picture->width) != GIF_OK)
            return fail(animation, animation->gif->Error, err);
    }
    return PACS_OK;
}

static PacsStatus add_indexed(TranscodeAnimation *animation, const TranscodePicture *picture,
                              const TranscodeQuantiser *quantiser, PacsError *err)
{
    ColorMapObject *map = color_map(quantiser);

    if (!map)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a GIF");
    const int code = EGifPutImageDesc(animation->gif, 0, 0, (int)picture->width, (int)picture->height, false,
                                      map);
    GifFreeMapObject(map);
    if (code != GIF_OK)
        return fail(animation, animation->gif->Error, err);
    return add_rows(animation, picture, quantiser, err);
}

static PacsStatus add(TranscodeAnimation *animation, const TranscodePicture *picture, PacsError *err)
{
    TranscodeQuantiser quantiser;

    if (picture->channels == 1)
        return add_indexed(animation, picture, NULL, err);
    PacsStatus status = transcode_quantiser_init(&quantiser, picture, err);
    if (status != PACS_OK)
        return status;
    status = add_indexed(animation, picture, &quantiser, err);
    transcode_quantiser_clear(&quantiser);
    return status;
}

static PacsStatus write_picture(const TranscodePicture *picture, uint32_t quality, PacsBuffer *out,
                                PacsError *err)
{
    PACS_AUTO(TranscodeAnimation) single = NULL;

    (void)quality;
    PacsStatus status = begin(picture->width, picture->height, out, &single, err);
    if (status == PACS_OK)
        status = add(single, picture, err);
    return status == PACS_OK ? transcode_animation_finish(single, err) : status;
}

const TranscodePictureFormat transcode_picture_gif = {
    .media_type = "image/gif",
    .max_side = SIDE_MAX,
    .write = write_picture,
};

/* ---- Several ---- */

/* Netscape's application extension: for how often it is played, 0 is for ever. */
static int put_loop(GifFileType *gif)
{
    if (EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) != GIF_OK ||
        EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") != GIF_OK ||
        EGifPutExtensionBlock(gif, 3, "\1\0\0") != GIF_OK)
        return GIF_ERROR;
    return EGifPutExtensionTrailer(gif);
}

static int put_duration(GifFileType *gif, uint32_t duration_ms)
{
    const uint32_t hundredths = (duration_ms < DURATION_MIN_MS ? DURATION_MIN_MS : duration_ms) / 10;
    const GraphicsControlBlock control = {.DisposalMode = DISPOSE_DO_NOT,
                                          .DelayTime = hundredths > UINT16_MAX ? UINT16_MAX : (int)hundredths,
                                          .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType bytes[4];

    (void)EGifGCBToExtension(&control, bytes); /* its size, 4 */
    return EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof bytes, bytes);
}

PacsStatus transcode_animation_new(uint32_t width, uint32_t height, PacsBuffer *out,
                                   TranscodeAnimation **ret_animation, PacsError *err)
{
    PACS_AUTO(TranscodeAnimation) animation = NULL;

    if (width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX)
        return pacs_fail(err, PACS_TOO_LARGE, "%u by %u pixels: a side of image/gif ends at %u", width,
                         height, SIDE_MAX);
    PacsStatus status = begin(width, height, out, &animation, err);
    if (status != PACS_OK)
        return status;
    if (put_loop(animation->gif) != GIF_OK)
        return fail(animation, animation->gif->Error, err);
    *ret_animation = PACS_STEAL(animation);
    return PACS_OK;
}

PacsStatus transcode_animation_add(TranscodeAnimation *animation, const TranscodePicture *picture,
                                   uint32_t duration_ms, PacsError *err)
{
    if (picture->bits != 8 || picture->channels == 4)
        return pacs_fail(err, PACS_UNSUPPORTED, "image/gif has no pictures of %u channels with %u bits",
                         picture->channels, picture->bits);
    if (picture->width != animation->width || picture->height != animation->height)
        return pacs_fail(err, PACS_INVALID, "a picture of %u by %u in an animation of %u by %u",
                         picture->width, picture->height, animation->width, animation->height);
    if (put_duration(animation->gif, duration_ms) != GIF_OK)
        return fail(animation, animation->gif->Error, err);
    return add(animation, picture, err);
}

PacsStatus transcode_animation_finish(TranscodeAnimation *animation, PacsError *err)
{
    int code = 0;
    GifFileType *gif = PACS_STEAL(animation->gif);

    if (EGifCloseFile(gif, &code) != GIF_OK)
        return fail(animation, code, err);
    return pacs_buffer_check(animation->out, err);
}

void transcode_animation_free(TranscodeAnimation *animation)
{
    if (!animation)
        return;
    if (animation->gif)
        (void)EGifCloseFile(animation->gif, NULL); /* half a file: nobody reads it */
    free(animation);
}
