/* An ICC profile behind one byte for the space that its colours are to be in: refused, with the picture as it was, or
 * converted, with a profile that can be used again. */

#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"
#include "transcode/profile.h"

#define SIDE 4u
#define ARENA_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert_again(TranscodePicture *picture, PacsArena *arena)
{
    if (transcode_profile_convert(picture, TRANSCODE_SPACE_SRGB, arena, NULL) != PACS_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_MAX);
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    uint8_t before[SIDE * SIDE * 4];
    PacsError err = {0};

    if (!arena || size < 1)
        return 0;
    const uint8_t channels = data[0] & 0x80 ? 4 : 3;
    if (transcode_picture_init(&picture, SIDE, SIDE, channels, 8, NULL) != PACS_OK)
        return 0;
    for (size_t i = 0; i < sizeof before; i++)
        before[i] = (uint8_t)(i * 37);
    memcpy(picture.pixels, before, (size_t)SIDE * SIDE * channels);
    picture.icc_profile = data + 1;
    picture.icc_profile_size = size - 1;
    const PacsStatus status = transcode_profile_convert(
        &picture, (TranscodeSpace)((data[0] & 0x7F) % TRANSCODE_SPACE_COUNT), arena, &err);
    if (status == PACS_OK)
        convert_again(&picture, arena);
    else if (err.status != status || err.text[0] == '\0' || picture.icc_profile != data + 1 ||
             memcmp(picture.pixels, before, (size_t)SIDE * SIDE * channels) != 0)
        abort();
    return 0;
}
