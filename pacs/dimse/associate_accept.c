#include <string.h>

#include "pacs/dicom/part10.h"
#include "pacs/dimse/associate.h"
#include "pacs/dimse/wire.h"

/* Writing the A-ASSOCIATE-AC. The buffer remembers what did not fit, pacs_buffer_check() at the end
 * says it. */

static void add_bytes(PacsBuffer *out, const void *bytes, size_t size)
{
    (void)pacs_buffer_add(out, bytes, size);
}

static void add_text_item(PacsBuffer *out, uint8_t type, const char *text)
{
    pacs_pdu_add_item_header(out, type, strlen(text));
    add_bytes(out, text, strlen(text));
}

static void add_context(PacsBuffer *out, const PacsContext *context)
{
    /* Of a context that was not accepted the syntax means nothing, but peers expect to find one. */
    const char *syntax = context->transfer_syntax ? context->transfer_syntax->uid : PACS_UID_IMPLICIT_LITTLE;

    pacs_pdu_add_item_header(out, PACS_ITEM_ANSWERED_CONTEXT, 4 + 4 + strlen(syntax));
    add_bytes(out, (uint8_t[]){context->id, 0, (uint8_t)context->result, 0}, 4);
    add_text_item(out, PACS_ITEM_TRANSFER_SYNTAX, syntax);
}

static void add_sop_class(PacsBuffer *out, PacsSlice uid)
{
    uint8_t length[2];

    pacs_wire_put_u16_big(length, (uint16_t)uid.size);
    add_bytes(out, length, sizeof length);
    add_bytes(out, uid.text, uid.size);
}

/* ---- Answers about single SOP classes ---- */

/* The accepted context of a SOP class, NULL if there is none or if `answered` says that it has its answer. */
static const PacsContext *find_unanswered(const PacsNegotiated *negotiated, PacsSlice uid,
                                          bool answered[PACS_MAX_CONTEXTS])
{
    for (size_t i = 0; i < negotiated->context_count; i++) {
        const PacsContext *context = &negotiated->contexts[i];
        if (context->result == PACS_CONTEXT_ACCEPTED && pacs_slice_equal(uid, context->sop_class_uid)) {
            bool first = !answered[i];
            answered[i] = true;
            return first ? context : NULL;
        }
    }
    return NULL;
}

/* The peer may send to us, as without any negotiation; we do not send to it over its own association yet. */
static void answer_roles(PacsBuffer *out, PacsSlice value, const PacsNegotiated *negotiated,
                         bool answered[PACS_MAX_CONTEXTS])
{
    PacsRoles roles;

    if (pacs_pdu_parse_roles(value, &roles, NULL) != PACS_OK ||
        !find_unanswered(negotiated, roles.sop_class_uid, answered))
        return;
    pacs_pdu_add_item_header(out, PACS_ITEM_ROLE_SELECTION, 2 + roles.sop_class_uid.size + 2);
    add_sop_class(out, roles.sop_class_uid);
    add_bytes(out, (uint8_t[]){roles.scu, 0}, 2);
}

/* PS3.4 table B.3-2: we keep every attribute (level 2), every bit (signature level 3), and coerce nothing. */
static void answer_extended(PacsBuffer *out, PacsSlice value, const PacsNegotiated *negotiated,
                            bool answered[PACS_MAX_CONTEXTS])
{
    static const uint8_t storage_answer[] = {2, 0, 3, 0, 0, 0};
    PacsExtendedNegotiation extended;

    if (pacs_pdu_parse_extended_negotiation(value, &extended, NULL) != PACS_OK)
        return;
    const PacsContext *context = find_unanswered(negotiated, extended.sop_class_uid, answered);
    if (!context || context->service != PACS_SERVICE_STORE)
        return;
    pacs_pdu_add_item_header(out, PACS_ITEM_EXTENDED_NEGOTIATION,
                             2 + extended.sop_class_uid.size + sizeof storage_answer);
    add_sop_class(out, extended.sop_class_uid);
    add_bytes(out, storage_answer, sizeof storage_answer);
}

static void answer_class_items(PacsBuffer *out, const PacsAssociateRequest *request,
                               const PacsNegotiated *negotiated)
{
    bool roles_answered[PACS_MAX_CONTEXTS] = {0}, extended_answered[PACS_MAX_CONTEXTS] = {0};
    PacsSlice rest = request->user_items;
    PacsPduItem item;

    while (rest.size && pacs_pdu_next_item(&rest, &item, NULL) == PACS_OK) {
        if (item.type == PACS_ITEM_ROLE_SELECTION)
            answer_roles(out, item.value, negotiated, roles_answered);
        else if (item.type == PACS_ITEM_EXTENDED_NEGOTIATION)
            answer_extended(out, item.value, negotiated, extended_answered);
    }
}

/* ---- The whole ---- */

/* A name, with or without passcode, is taken as given; its answer is empty (PS3.7 D.3.3.7.2). Tickets and
 * assertions would have to be answered with what only their verifier can make, and we are none: no answer,
 * which the standard defines as "not supported". */
static void answer_identity(PacsBuffer *out, const PacsUserIdentity *identity)
{
    if (!identity->wants_answer || (identity->type != 1 && identity->type != 2))
        return;
    pacs_pdu_add_item_header(out, PACS_ITEM_USER_IDENTITY_ANSWER, 2);
    add_bytes(out, (uint8_t[]){0, 0}, 2);
}

static void add_user_items(PacsBuffer *out, const PacsAssociateRequest *request,
                           const PacsDimseOptions *options, const PacsNegotiated *negotiated)
{
    uint8_t max_pdu[4];

    pacs_wire_put_u32_big(max_pdu, options->max_pdu_bytes);
    pacs_pdu_add_item_header(out, PACS_ITEM_MAXIMUM_LENGTH, sizeof max_pdu);
    add_bytes(out, max_pdu, sizeof max_pdu);
    add_text_item(out, PACS_ITEM_IMPLEMENTATION_CLASS, PACS_IMPLEMENTATION_CLASS_UID);
    if (request->has_asynchronous_window) { /* one operation at a time, in both directions */
        pacs_pdu_add_item_header(out, PACS_ITEM_ASYNCHRONOUS_WINDOW, 4);
        add_bytes(out, (uint8_t[]){0, 1, 0, 1}, 4);
    }
    answer_class_items(out, request, negotiated);
    add_text_item(out, PACS_ITEM_IMPLEMENTATION_VERSION, PACS_IMPLEMENTATION_VERSION_NAME);
    answer_identity(out, &request->identity);
}

PacsStatus pacs_associate_format_accept(const PacsAssociateRequest *request, const PacsDimseOptions *options,
                                        const PacsNegotiated *negotiated, PacsBuffer *out, PacsError *err)
{
    static const uint8_t head[] = {PACS_PDU_ASSOCIATE_AC, 0, 0, 0, 0, 0, /* length below */ 0, 1, 0, 0};
    size_t start = out->size;

    add_bytes(out, head, sizeof head);
    add_bytes(out, request->called_aet.text, request->called_aet.size);
    add_bytes(out, request->calling_aet.text, request->calling_aet.size);
    add_bytes(out, request->reserved.text, request->reserved.size);
    add_text_item(out, PACS_ITEM_APPLICATION_CONTEXT, PACS_UID_APPLICATION_CONTEXT);
    for (size_t i = 0; i < negotiated->context_count; i++)
        add_context(out, &negotiated->contexts[i]);

    pacs_pdu_add_item_header(out, PACS_ITEM_USER_INFORMATION, 0); /* length when known */
    size_t items_start = out->size;
    add_user_items(out, request, options, negotiated);

    PacsStatus status = pacs_buffer_check(out, err);
    if (status != PACS_OK)
        return status;
    pacs_wire_put_u16_big(out->bytes + items_start - 2, (uint16_t)(out->size - items_start));
    pacs_wire_put_u32_big(out->bytes + start + 2, (uint32_t)(out->size - start - PACS_PDU_HEADER_SIZE));
    return PACS_OK;
}
