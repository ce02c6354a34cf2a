/* Negotiation of whatever can be parsed: the acceptance must always fit, and agree with what was decided. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pacs/dimse/associate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void accept(const PacsAssociateRequest *request, const PacsDimseOptions *options,
                   const PacsNegotiated *negotiated)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(PACS_ACCEPT_SIZE_MAX);

    if (pacs_associate_format_accept(request, options, negotiated, &out, NULL) != PACS_OK)
        abort();
    for (size_t i = 0; i < negotiated->context_count; i++)
        if ((negotiated->contexts[i].result == PACS_CONTEXT_ACCEPTED) !=
            (negotiated->contexts[i].transfer_syntax != NULL))
            abort();
}

/* The first byte chooses the settings, the rest is the request's body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const PacsModality modality = {.name = "ct", .aet = "PEER", .host = "192.0.2.7", .allow_echo = true};
    PacsDimseOptions options = pacs_dimse_default_options();
    PacsAssociateRequest request;
    PacsNegotiated negotiated;
    PacsReject reject;

    if (size == 0)
        return 0;
    options.check_called_aet = data[0] & 1;
    options.always_allow_store = !(data[0] & 2);
    options.always_allow_echo = !(data[0] & 4);
    options.unknown_sop_class_accepted = data[0] & 8;
    options.check_modality_host = data[0] & 16;
    options.modalities = &modality;
    options.modality_count = 1;
    if (pacs_pdu_parse_associate_request((PacsSlice){(const char *)data + 1, size - 1}, &request, NULL) ==
            PACS_OK &&
        pacs_associate_negotiate(&request, &options, "192.0.2.7", &negotiated, &reject))
        accept(&request, &options, &negotiated);
    return 0;
}
