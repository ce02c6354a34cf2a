#include <stdint.h>
#include <stdlib.h>

#include "dicomweb/accept.h"
#include "pacs/dicom/uid.h"

/* The text of an Accept header. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const DicomwebOffer offers[] = {
    {.media_type = DICOMWEB_TYPE_DICOM, .transfer_syntax_uid = PACS_UID_JPEG_BASELINE, .is_multipart = true},
    {.media_type = "image/jpeg", .transfer_syntax_uid = PACS_UID_JPEG_LOSSLESS_SV1},
    {.media_type = DICOMWEB_TYPE_JSON},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const PacsSlice accept = {(const char *)data, size};

    const DicomwebOffer *chosen = dicomweb_accept_choose(accept, offers, 3);
    if (chosen && (chosen < offers || chosen >= offers + 3))
        abort();
    for (size_t i = 0; i < 3; i++) /* what is chosen among all would have been taken alone */
        if (chosen == &offers[i] && !dicomweb_accept_choose(accept, chosen, 1))
            abort();
    return 0;
}
