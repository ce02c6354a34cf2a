/* Whatever bytes stand where an A-ASSOCIATE-RQ or a PDV header should: parsed or refused, never
 * read beyond. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dimse/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_contexts(const PacsAssociateRequest *request)
{
    for (size_t i = 0; i < request->context_count; i++) {
        PacsSlice rest = request->contexts[i].transfer_syntaxes, uid;
        while (pacs_pdu_next_transfer_syntax(&rest, &uid))
            ;
    }
}

static void walk_user_items(const PacsAssociateRequest *request)
{
    PacsSlice rest = request->user_items;
    PacsPduItem item;
    PacsRoles roles;
    PacsExtendedNegotiation extended;

    while (rest.size && pacs_pdu_next_item(&rest, &item, NULL) == PACS_OK) {
        (void)!pacs_pdu_parse_roles(item.value, &roles, NULL);
        (void)!pacs_pdu_parse_extended_negotiation(item.value, &extended, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PacsAssociateRequest request;
    PacsPdvHeader pdv;

    if (pacs_pdu_parse_associate_request((PacsSlice){(const char *)data, size}, &request, NULL) == PACS_OK) {
        walk_contexts(&request);
        walk_user_items(&request);
    }
    if (size >= PACS_PDV_HEADER_SIZE && pacs_pdu_parse_pdv(data, (uint32_t)size, &pdv, NULL) == PACS_OK &&
        pdv.size > size - PACS_PDV_HEADER_SIZE)
        abort(); /* a fragment that reaches beyond its PDU */
    return 0;
}
