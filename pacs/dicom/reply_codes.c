#include "pacs/dicom/reply_codes.h"

/* 0xA700 out of resources (worth a retry), 0xA900 data set does not match SOP class, 0xC000 cannot
 * understand, 0x0110 processing failure, 0x0122 SOP class not supported, 0x0124 not authorised. */
static const PacsReplyCodes codes[] = {
    [PACS_OK] = {200, 0x0000},        [PACS_NOT_FOUND] = {404, 0x0112},   [PACS_EXISTS] = {409, 0x0111},
    [PACS_INVALID] = {400, 0xC000},   [PACS_MISMATCH] = {409, 0xA900},    [PACS_UNSUPPORTED] = {415, 0x0122},
    [PACS_REFUSED] = {403, 0x0124},   [PACS_TOO_LARGE] = {413, 0xA700},   [PACS_NO_SPACE] = {507, 0xA700},
    [PACS_CORRUPT] = {500, 0x0110},   [PACS_UNAVAILABLE] = {503, 0xA700}, [PACS_CANCELLED] = {503, 0xA700},
    [PACS_NO_MEMORY] = {503, 0xA700}, [PACS_INTERNAL] = {500, 0x0110},
};

PacsReplyCodes pacs_reply_codes(PacsStatus status)
{
    if ((unsigned)status >= sizeof codes / sizeof codes[0])
        return codes[PACS_INTERNAL];
    return codes[status];
}
