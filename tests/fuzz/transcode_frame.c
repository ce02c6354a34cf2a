#include "tests/fuzz/transcode_frame.h"

#include "pacs/dicom/uid.h"

const char *const transcode_fuzz_syntaxes[] = {
    PACS_UID_RLE_LOSSLESS,
    PACS_UID_DEFLATED_FRAMES,
    PACS_UID_JPEG_BASELINE,
    PACS_UID_JPEG_EXTENDED,
    PACS_UID_JPEG_LOSSLESS,
    PACS_UID_JPEG_LOSSLESS_SV1,
    PACS_UID_JPEG_LS_LOSSLESS,
    PACS_UID_JPEG_LS_NEAR_LOSSLESS,
    PACS_UID_JPEG_2000_LOSSLESS,
    PACS_UID_JPEG_2000,
    PACS_UID_HTJ2K_LOSSLESS,
    PACS_UID_HTJ2K_LOSSLESS_RPCL,
    PACS_UID_HTJ2K,
    "1.2.840.10008.1.2.4.110", /* JPEG XL */
    "1.2.840.10008.1.2.4.112",
    "1.2.840.10008.1.2.4.55", /* progressive JPEG, retired */
    "1.2.840.10008.1.2.4.52", /* arithmetic, retired */
    PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
};
const unsigned transcode_fuzz_syntax_count = sizeof transcode_fuzz_syntaxes / sizeof *transcode_fuzz_syntaxes;

TranscodeFrame transcode_fuzz_frame(const uint8_t *data, size_t size)
{
    static const uint16_t samples[] = {1, 3, 4}, allocations[] = {8, 16, 32, 1};
    const uint16_t allocated = allocations[data[4] % 4];
    const uint16_t stored = (uint16_t)(data[5] % allocated + 1);
    const TranscodeLayout layout = {
        .rows = data[1],
        .columns = data[2],
        .samples_per_pixel = samples[data[3] % 3],
        .bits_allocated = allocated,
        .bits_stored = stored,
        .high_bit = (uint16_t)(stored - 1 + data[6] % (allocated - stored + 1)),
        .is_signed = data[7] & 0x80,
        .photometric = (TranscodePhotometric)((data[7] & 0x7F) % (TRANSCODE_OTHER + 1)),
    };

    return (TranscodeFrame){transcode_fuzz_syntaxes[data[0] % transcode_fuzz_syntax_count], layout,
                            data + TRANSCODE_FUZZ_HEAD, size - TRANSCODE_FUZZ_HEAD};
}
