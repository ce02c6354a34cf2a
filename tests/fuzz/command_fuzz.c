/* Command sets: what was understood can always be answered. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pacs/dimse/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PacsCommand command;
    PacsResponse response = {0};
    uint8_t bytes[PACS_RESPONSE_SIZE_MAX];

    if (pacs_command_parse((PacsSlice){(const char *)data, size}, &command, NULL) != PACS_OK)
        return 0;
    pacs_response_set(&response, PACS_DIMSE_CANNOT_UNDERSTAND, PACS_TAG_COMMAND_FIELD,
                      "a comment of sixty-four characters and of some more than these");
    size_t written = pacs_response_format(&command, &response, bytes);
    if (written > sizeof bytes || written % 2)
        abort();
    if (pacs_command_parse((PacsSlice){(const char *)bytes, written}, &command, NULL) != PACS_OK)
        abort(); /* ours must be understood by ourselves */
    return 0;
}
