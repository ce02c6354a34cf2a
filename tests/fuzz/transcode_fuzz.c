/* A stored frame in any syntax, through our own door: decoded whole or refused; what is decoded goes through RLE and comes
 * back as it was.
 *
 * TRANSCODE_FUZZ_FIRST=6 keeps to the first six syntaxes (RLE, deflate and JPEG): some of the libraries behind the others
 * end the process by assertions (OpenJPH 0.9) or take seconds for a few bytes (CharLS 2.4), which is why the server
 * decodes in processes that may die, and would leave the rest no time. */

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "tests/fuzz/transcode_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const TranscodeFrame *native)
{
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS};
    PACS_AUTO_BUFFER PacsBuffer encoded = PACS_BUFFER(PACS_MAX_FRAME_BYTES);

    if (!transcode_can_encode(PACS_UID_RLE_LOSSLESS, &native->layout) ||
        native->layout.photometric == TRANSCODE_YBR_FULL_422)
        return;
    if (transcode_encode(native, &target, &encoded, NULL) != PACS_OK)
        abort();
    const TranscodeFrame frame = {PACS_UID_RLE_LOSSLESS, native->layout, encoded.bytes, encoded.size};
    PACS_AUTO_FREE uint8_t *back = malloc(native->size);
    if (!back || transcode_decode(&frame, &native->layout, back, native->size, NULL) != PACS_OK ||
        memcmp(back, native->bytes, native->size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    TranscodeFrame native = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    PacsError err = {0};

    if (size < TRANSCODE_FUZZ_HEAD)
        return 0;
    const char *first = getenv("TRANSCODE_FUZZ_FIRST");
    if (first && data[0] % transcode_fuzz_syntax_count >= (unsigned)atoi(first))
        return 0;
    const TranscodeFrame frame = transcode_fuzz_frame(data, size);
    if (transcode_layout_after(frame.transfer_syntax_uid, &frame.layout, &target, &native.layout, NULL) !=
            PACS_OK ||
        transcode_layout_size(&native.layout, &native.size, NULL) != PACS_OK)
        return 0;
    PACS_AUTO_FREE uint8_t *out = malloc(native.size);
    if (!out)
        return 0;
    memset(out, 0xA5, native.size);
    const PacsStatus status = transcode_decode(&frame, &native.layout, out, native.size, &err);
    if (status != PACS_OK && (err.status != status || err.text[0] == '\0'))
        abort();
    native.bytes = out;
    if (status == PACS_OK)
        check_round_trip(&native);
    return 0;
}
