#include "pacs/dimse/pdu.h"

#include <string.h>

#include "pacs/dimse/wire.h"

#define ITEM_HEADER_SIZE 4

PacsPduHeader pacs_pdu_parse_header(const uint8_t bytes[PACS_PDU_HEADER_SIZE])
{
    return (PacsPduHeader){.type = bytes[0], .length = pacs_wire_u32_big(bytes + 2)};
}

bool pacs_pdu_type_known(uint8_t type)
{
    return type >= PACS_PDU_ASSOCIATE_RQ && type <= PACS_PDU_ABORT;
}

PacsStatus pacs_pdu_parse_pdv(const uint8_t bytes[PACS_PDV_HEADER_SIZE], uint32_t left,
                              PacsPdvHeader *ret_header, PacsError *err)
{
    uint32_t length = pacs_wire_u32_big(bytes); /* counts the context id and the control header too */
    uint8_t control = bytes[5];

    if (left < PACS_PDV_HEADER_SIZE || length < 2 || length > left - 4)
        return pacs_fail(err, PACS_INVALID, "PDV of %u bytes where the PDU has %u left", length, left);
    *ret_header = (PacsPdvHeader){
        .size = length - 2,
        .context_id = bytes[4],
        .is_command = control & 1, /* the other six bits are reserved and not tested (PS3.8 E.2) */
        .is_last = control & 2,
    };
    return PACS_OK;
}

PacsStatus pacs_pdu_next_item(PacsSlice *rest, PacsPduItem *ret_item, PacsError *err)
{
    const uint8_t *bytes = (const uint8_t *)rest->text;

    if (rest->size < ITEM_HEADER_SIZE)
        return pacs_fail(err, PACS_INVALID, "%zu bytes left over where an item should begin", rest->size);
    size_t length = pacs_wire_u16_big(bytes + 2);
    if (length > rest->size - ITEM_HEADER_SIZE)
        return pacs_fail(err, PACS_INVALID, "item %02X claims %zu bytes, %zu are there", bytes[0], length,
                         rest->size - ITEM_HEADER_SIZE);

    *ret_item = (PacsPduItem){bytes[0], {rest->text + ITEM_HEADER_SIZE, length}};
    rest->text += ITEM_HEADER_SIZE + length;
    rest->size -= ITEM_HEADER_SIZE + length;
    return PACS_OK;
}

void pacs_pdu_format_reject(const PacsReject *reject, uint8_t ret_bytes[PACS_SHORT_PDU_SIZE])
{
    memcpy(
        ret_bytes,
        (uint8_t[]){PACS_PDU_ASSOCIATE_RJ, 0, 0, 0, 0, 4, 0, reject->result, reject->source, reject->reason},
        PACS_SHORT_PDU_SIZE);
}

void pacs_pdu_format_release_reply(uint8_t ret_bytes[PACS_SHORT_PDU_SIZE])
{
    memcpy(ret_bytes, (uint8_t[]){PACS_PDU_RELEASE_RP, 0, 0, 0, 0, 4, 0, 0, 0, 0}, PACS_SHORT_PDU_SIZE);
}

void pacs_pdu_format_abort(uint8_t source, uint8_t reason, uint8_t ret_bytes[PACS_SHORT_PDU_SIZE])
{
    memcpy(ret_bytes, (uint8_t[]){PACS_PDU_ABORT, 0, 0, 0, 0, 4, 0, 0, source, reason}, PACS_SHORT_PDU_SIZE);
}

static void add_command_fragment(uint8_t context_id, const void *bytes, uint32_t size, bool is_last,
                                 PacsBuffer *out)
{
    uint8_t header[PACS_PDU_HEADER_SIZE + PACS_PDV_HEADER_SIZE] = {PACS_PDU_DATA};

    pacs_wire_put_u32_big(header + 2, size + PACS_PDV_HEADER_SIZE);
    pacs_wire_put_u32_big(header + 6, size + 2);
    header[10] = context_id;
    header[11] = is_last ? 3 : 1;
    (void)pacs_buffer_add(out, header, sizeof header); /* the buffer remembers; the caller checks once */
    (void)pacs_buffer_add(out, bytes, size);
}

void pacs_pdu_format_command(uint8_t context_id, const void *command, size_t size, uint32_t peer_max_pdu,
                             PacsBuffer *out)
{
    const uint8_t *bytes = command;
    size_t room = peer_max_pdu ? peer_max_pdu - PACS_PDV_HEADER_SIZE : size;

    do {
        size_t part = size < room ? size : room;
        add_command_fragment(context_id, bytes, (uint32_t)part, part == size, out);
        bytes += part;
        size -= part;
    } while (size);
}

void pacs_pdu_add_item_header(PacsBuffer *out, uint8_t type, size_t value_size)
{
    uint8_t header[ITEM_HEADER_SIZE] = {type};

    pacs_wire_put_u16_big(header + 2, (uint16_t)value_size);
    (void)pacs_buffer_add(out, header, sizeof header); /* the buffer remembers; the caller checks once */
}
