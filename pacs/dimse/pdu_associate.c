#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/pdu.h"
#include "pacs/dimse/wire.h"

/* Protocol version, reserved, called and calling AE title, 32 reserved bytes (PS3.8 table 9-11). */
#define FIXED_PART_SIZE 68
#define AET_WIRE_SIZE 16

/* A value that begins with a 16-bit length and that many bytes: the shape inside most user sub-items. */
static PacsStatus take_counted(PacsSlice *rest, PacsSlice *ret_bytes, PacsError *err)
{
    if (rest->size < 2)
        return pacs_fail(err, PACS_INVALID, "user sub-item ends before a length");
    size_t length = pacs_wire_u16_big((const uint8_t *)rest->text);
    if (length > rest->size - 2)
        return pacs_fail(err, PACS_INVALID, "user sub-item field claims %zu bytes, %zu are there", length,
                         rest->size - 2);

    *ret_bytes = (PacsSlice){rest->text + 2, length};
    rest->text += 2 + length;
    rest->size -= 2 + length;
    return PACS_OK;
}

static PacsStatus take_uid(PacsSlice *rest, PacsSlice *ret_uid, PacsError *err)
{
    PacsSlice bytes = {0};
    PacsStatus status = take_counted(rest, &bytes, err);

    if (status == PACS_OK)
        *ret_uid = pacs_uid_trim(bytes);
    return status;
}

PacsStatus pacs_pdu_parse_roles(PacsSlice value, PacsRoles *ret_roles, PacsError *err)
{
    PacsRoles roles = {0};
    PacsStatus status = take_uid(&value, &roles.sop_class_uid, err);

    if (status != PACS_OK)
        return status;
    if (value.size < 2)
        return pacs_fail(err, PACS_INVALID, "role selection without its two roles");
    roles.scu = value.text[0] != 0;
    roles.scp = value.text[1] != 0;
    *ret_roles = roles;
    return PACS_OK;
}

PacsStatus pacs_pdu_parse_extended_negotiation(PacsSlice value, PacsExtendedNegotiation *ret_extended,
                                               PacsError *err)
{
    PacsExtendedNegotiation extended = {0};
    PacsStatus status = take_uid(&value, &extended.sop_class_uid, err);

    if (status != PACS_OK)
        return status;
    extended.information = value;
    *ret_extended = extended;
    return PACS_OK;
}

/* PS3.7 D.3.3.6: SOP class, its service class, and a counted list of related general SOP classes. We accept
 * classes we never heard of by setting, not by what a peer says of them, so the form is all we look at. */
static PacsStatus check_common_extended_negotiation(PacsSlice value, PacsError *err)
{
    PacsSlice uid = {0}, related = {0};
    PacsStatus status = take_uid(&value, &uid, err);

    if (status == PACS_OK)
        status = take_uid(&value, &uid, err);
    if (status != PACS_OK || value.size == 0)
        return status; /* without the list: written before it was made mandatory */
    status = take_counted(&value, &related, err);
    while (status == PACS_OK && related.size)
        status = take_uid(&related, &uid, err);
    return status;
}

static PacsStatus parse_identity(PacsSlice value, PacsUserIdentity *ret_identity, PacsError *err)
{
    if (value.size < 2)
        return pacs_fail(err, PACS_INVALID, "user identity without type");
    PacsUserIdentity identity = {.type = (uint8_t)value.text[0], .wants_answer = value.text[1] != 0};
    value.text += 2;
    value.size -= 2;

    PacsStatus status = take_counted(&value, &identity.primary, err);
    if (status == PACS_OK)
        status = take_counted(&value, &identity.secondary, err);
    if (status == PACS_OK && ret_identity->type == 0)
        *ret_identity = identity;
    return status;
}

static PacsStatus parse_maximum_length(PacsSlice value, PacsAssociateRequest *request, PacsError *err)
{
    if (value.size != 4)
        return pacs_fail(err, PACS_INVALID, "maximum length sub-item of %zu bytes", value.size);
    uint32_t max_pdu = pacs_wire_u32_big((const uint8_t *)value.text);
    if (max_pdu && max_pdu < PACS_PDU_MIN_PEER_MAX)
        return pacs_fail(err, PACS_INVALID, "the peer takes PDUs of at most %u bytes, no message fits",
                         max_pdu);
    if (!request->has_max_pdu)
        request->max_pdu = max_pdu;
    request->has_max_pdu = true;
    return PACS_OK;
}

static PacsStatus parse_user_item(const PacsPduItem *item, PacsAssociateRequest *request, PacsError *err)
{
    PacsRoles roles;
    PacsExtendedNegotiation extended;

    switch (item->type) {
    case PACS_ITEM_MAXIMUM_LENGTH:
        return parse_maximum_length(item->value, request, err);
    case PACS_ITEM_IMPLEMENTATION_CLASS:
        if (!request->implementation_class_uid.text)
            request->implementation_class_uid = pacs_uid_trim(item->value);
        return PACS_OK;
    case PACS_ITEM_IMPLEMENTATION_VERSION:
        if (!request->implementation_version.text)
            request->implementation_version = item->value;
        return PACS_OK;
    case PACS_ITEM_ASYNCHRONOUS_WINDOW:
        request->has_asynchronous_window = true; /* whatever was proposed, the answer is one at a time */
        return item->value.size == 4
                   ? PACS_OK
                   : pacs_fail(err, PACS_INVALID, "asynchronous operations window of %zu bytes",
                               item->value.size);
    case PACS_ITEM_ROLE_SELECTION:
        return pacs_pdu_parse_roles(item->value, &roles, err);
    case PACS_ITEM_EXTENDED_NEGOTIATION:
        return pacs_pdu_parse_extended_negotiation(item->value, &extended, err);
    case PACS_ITEM_COMMON_EXTENDED_NEGOTIATION:
        return check_common_extended_negotiation(item->value, err);
    case PACS_ITEM_USER_IDENTITY:
        return parse_identity(item->value, &request->identity, err);
    default:
        return PACS_OK;
    }
}

static PacsStatus parse_user_items(PacsSlice value, PacsAssociateRequest *request, PacsError *err)
{
    PacsPduItem item = {0};

    if (request->user_items.text)
        return PACS_OK;
    request->user_items = value;
    while (value.size) {
        PacsStatus status = pacs_pdu_next_item(&value, &item, err);
        if (status == PACS_OK)
            status = parse_user_item(&item, request, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

bool pacs_pdu_next_transfer_syntax(PacsSlice *rest, PacsSlice *ret_uid)
{
    PacsPduItem item = {0};

    while (rest->size && pacs_pdu_next_item(rest, &item, NULL) == PACS_OK) {
        if (item.type == PACS_ITEM_TRANSFER_SYNTAX) {
            *ret_uid = pacs_uid_trim(item.value);
            return true;
        }
    }
    return false;
}

static PacsStatus check_context_id(const PacsAssociateRequest *request, uint8_t id, PacsError *err)
{
    if (id % 2 == 0)
        return pacs_fail(err, PACS_INVALID, "presentation context id %u is even", id);
    for (size_t i = 0; i < request->context_count; i++)
        if (request->contexts[i].id == id)
            return pacs_fail(err, PACS_INVALID, "presentation context id %u stands twice", id);
    return PACS_OK;
}

static PacsStatus parse_context(PacsSlice value, PacsAssociateRequest *request, PacsError *err)
{
    if (value.size < 4)
        return pacs_fail(err, PACS_INVALID, "presentation context of %zu bytes", value.size);
    PacsProposedContext context = {.id = (uint8_t)value.text[0]};
    PacsStatus status = check_context_id(request, context.id, err);
    if (status != PACS_OK)
        return status;

    PacsSlice rest = {value.text + 4, value.size - 4};
    context.transfer_syntaxes = rest;
    while (rest.size) {
        PacsPduItem item = {0};
        status = pacs_pdu_next_item(&rest, &item, err);
        if (status != PACS_OK)
            return status;
        if (item.type == PACS_ITEM_ABSTRACT_SYNTAX && !context.abstract_syntax.text)
            context.abstract_syntax = pacs_uid_trim(item.value);
    }
    /* Distinct odd ids: there can be no more than PACS_MAX_CONTEXTS. */
    request->contexts[request->context_count++] = context;
    return PACS_OK;
}

static PacsStatus parse_item(const PacsPduItem *item, PacsAssociateRequest *request, PacsError *err)
{
    switch (item->type) {
    case PACS_ITEM_APPLICATION_CONTEXT:
        if (!request->application_context.text)
            request->application_context = pacs_uid_trim(item->value);
        return PACS_OK;
    case PACS_ITEM_PROPOSED_CONTEXT:
        return parse_context(item->value, request, err);
    case PACS_ITEM_USER_INFORMATION:
        return parse_user_items(item->value, request, err);
    default:
        return PACS_OK;
    }
}

PacsStatus pacs_pdu_parse_associate_request(PacsSlice body, PacsAssociateRequest *ret_request, PacsError *err)
{
    if (body.size < FIXED_PART_SIZE)
        return pacs_fail(err, PACS_INVALID, "association request of %zu bytes", body.size);

    memset(ret_request, 0, sizeof *ret_request);
    ret_request->protocol_version = pacs_wire_u16_big((const uint8_t *)body.text);
    ret_request->called_aet = (PacsSlice){body.text + 4, AET_WIRE_SIZE};
    ret_request->calling_aet = (PacsSlice){body.text + 4 + AET_WIRE_SIZE, AET_WIRE_SIZE};
    ret_request->reserved = (PacsSlice){body.text + 4 + AET_WIRE_SIZE + AET_WIRE_SIZE, 32};

    PacsSlice rest = {body.text + FIXED_PART_SIZE, body.size - FIXED_PART_SIZE};
    while (rest.size) {
        PacsPduItem item = {0};
        PacsStatus status = pacs_pdu_next_item(&rest, &item, err);
        if (status == PACS_OK)
            status = parse_item(&item, ret_request, err);
        if (status != PACS_OK)
            return status;
    }
    if (ret_request->context_count == 0)
        return pacs_fail(err, PACS_INVALID, "association request without presentation contexts");
    return PACS_OK;
}
