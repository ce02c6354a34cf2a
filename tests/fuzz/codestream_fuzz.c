/* The head of a compressed image: told or not, never read beyond. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pacs/dicom/codestream.h"
#include "pacs/dicom/uid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t length = 0;
    uint64_t start = pacs_codestream_start(data, size, &length);
    const char *uid = NULL;

    if (start > size)
        abort();
    uid = pacs_codestream_transfer_syntax(data + start, size - start);
    if (uid && !pacs_uid_find_transfer_syntax(pacs_slice(uid)))
        abort();
    return 0;
}
