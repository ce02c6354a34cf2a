#include "tests/unit/dimse/wire_build.h"

#include <assert.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/pdu.h"
#include "pacs/dimse/wire.h"

void wire_bytes(PacsBuffer *out, const void *bytes, size_t size)
{
    bool added = pacs_buffer_add(out, bytes, size);

    assert(added);
    (void)added;
}

void wire_pdu_header(PacsBuffer *out, uint8_t type, uint32_t length)
{
    uint8_t header[PACS_PDU_HEADER_SIZE] = {type};

    pacs_wire_put_u32_big(header + 2, length);
    wire_bytes(out, header, sizeof header);
}

void wire_pdu(PacsBuffer *out, uint8_t type, const PacsBuffer *body)
{
    wire_pdu_header(out, type, (uint32_t)body->size);
    wire_bytes(out, body->bytes, body->size);
}

void wire_short_pdu(PacsBuffer *out, uint8_t type)
{
    wire_pdu_header(out, type, 4);
    wire_bytes(out, (uint8_t[4]){0}, 4);
}

void wire_item(PacsBuffer *out, uint8_t type, const void *value, size_t size)
{
    pacs_pdu_add_item_header(out, type, size);
    wire_bytes(out, value, size);
}

void wire_text_item(PacsBuffer *out, uint8_t type, const char *text)
{
    wire_item(out, type, text, strlen(text));
}

void wire_counted(PacsBuffer *out, const char *text)
{
    uint8_t length[2];

    pacs_wire_put_u16_big(length, (uint16_t)strlen(text));
    wire_bytes(out, length, 2);
    wire_bytes(out, text, strlen(text));
}

static void add_aet(PacsBuffer *out, const char *aet)
{
    char padded[16];

    memset(padded, ' ', sizeof padded);
    memcpy(padded, aet, strlen(aet) < sizeof padded ? strlen(aet) : sizeof padded);
    wire_bytes(out, padded, sizeof padded);
}

static void add_context(PacsBuffer *out, const WireContext *context)
{
    PACS_AUTO_BUFFER PacsBuffer value = PACS_BUFFER(WIRE_MAX);

    wire_bytes(&value, (uint8_t[]){context->id, 0, 0, 0}, 4);
    if (context->abstract_syntax)
        wire_text_item(&value, PACS_ITEM_ABSTRACT_SYNTAX, context->abstract_syntax);
    for (size_t i = 0; i < 6 && context->transfer_syntaxes[i]; i++)
        wire_text_item(&value, PACS_ITEM_TRANSFER_SYNTAX, context->transfer_syntaxes[i]);
    wire_item(out, PACS_ITEM_PROPOSED_CONTEXT, value.bytes, value.size);
}

static void add_user_information(PacsBuffer *out, const WireRequest *request)
{
    PACS_AUTO_BUFFER PacsBuffer value = PACS_BUFFER(WIRE_MAX);
    uint8_t max_pdu[4];

    pacs_wire_put_u32_big(max_pdu, request->max_pdu ? request->max_pdu : 16384);
    wire_item(&value, PACS_ITEM_MAXIMUM_LENGTH, max_pdu, sizeof max_pdu);
    wire_text_item(&value, PACS_ITEM_IMPLEMENTATION_CLASS, "1.2.3.4");
    if (request->user_items)
        wire_bytes(&value, request->user_items->bytes, request->user_items->size);
    wire_item(out, PACS_ITEM_USER_INFORMATION, value.bytes, value.size);
}

void wire_request_body(PacsBuffer *out, const WireRequest *request)
{
    uint8_t version[4] = {0};
    const char *application_context = request->application_context;

    pacs_wire_put_u16_big(version, request->version ? request->version : 1);
    wire_bytes(out, version, sizeof version);
    add_aet(out, request->called ? request->called : "ANY-SCP");
    add_aet(out, request->calling ? request->calling : "PEER");
    wire_bytes(out, (uint8_t[32]){0}, 32);
    if (!application_context)
        application_context = PACS_UID_APPLICATION_CONTEXT;
    if (application_context[0])
        wire_text_item(out, PACS_ITEM_APPLICATION_CONTEXT, application_context);
    for (size_t i = 0; i < request->context_count; i++)
        add_context(out, &request->contexts[i]);
    add_user_information(out, request);
}

void wire_request(PacsBuffer *out, const WireRequest *request)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);

    wire_request_body(&body, request);
    wire_pdu(out, PACS_PDU_ASSOCIATE_RQ, &body);
}

void wire_pdv(PacsBuffer *out, uint8_t context_id, uint8_t control, const void *bytes, size_t size)
{
    uint8_t header[PACS_PDV_HEADER_SIZE];

    pacs_wire_put_u32_big(header, (uint32_t)size + 2);
    header[4] = context_id;
    header[5] = control;
    wire_bytes(out, header, sizeof header);
    wire_bytes(out, bytes, size);
}

void wire_data(PacsBuffer *out, uint8_t context_id, uint8_t control, const void *bytes, size_t size)
{
    wire_pdu_header(out, PACS_PDU_DATA, (uint32_t)size + PACS_PDV_HEADER_SIZE);
    wire_pdv(out, context_id, control, bytes, size);
}

static void add_element(PacsBuffer *out, uint16_t element, const void *value, size_t size)
{
    uint8_t header[8] = {0};

    pacs_wire_put_u16_little(header + 2, element);
    pacs_wire_put_u32_little(header + 4, (uint32_t)size);
    wire_bytes(out, header, sizeof header);
    wire_bytes(out, value, size);
}

void wire_us(PacsBuffer *out, uint16_t element, uint16_t value)
{
    uint8_t bytes[2];

    pacs_wire_put_u16_little(bytes, value);
    add_element(out, element, bytes, sizeof bytes);
}

void wire_ui(PacsBuffer *out, uint16_t element, const char *uid)
{
    size_t size = strlen(uid);

    add_element(out, element, uid, size + (size & 1)); /* the NUL is the padding */
}

void wire_command(PacsBuffer *out, uint16_t field, uint16_t message_id, uint16_t data_set_type,
                  const char *sop_class_uid, const char *sop_instance_uid)
{
    PACS_AUTO_BUFFER PacsBuffer rest = PACS_BUFFER(WIRE_MAX);
    uint8_t length[4];

    if (sop_class_uid)
        wire_ui(&rest, 0x0002, sop_class_uid);
    wire_us(&rest, 0x0100, field);
    wire_us(&rest, 0x0110, message_id);
    wire_us(&rest, 0x0700, 0);
    wire_us(&rest, 0x0800, data_set_type);
    if (sop_instance_uid)
        wire_ui(&rest, 0x1000, sop_instance_uid);
    pacs_wire_put_u32_little(length, (uint32_t)rest.size);
    add_element(out, 0x0000, length, sizeof length);
    wire_bytes(out, rest.bytes, rest.size);
}

static void add_command_pdu(PacsBuffer *out, uint8_t context_id, const PacsBuffer *command)
{
    wire_data(out, context_id, WIRE_COMMAND | WIRE_LAST, command->bytes, command->size);
}

void wire_echo(PacsBuffer *out, uint8_t context_id, uint16_t message_id)
{
    PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);

    wire_command(&command, 0x0030, message_id, 0x0101, PACS_UID_VERIFICATION, NULL);
    add_command_pdu(out, context_id, &command);
}

void wire_store(PacsBuffer *out, uint8_t context_id, uint16_t message_id, const char *sop_class_uid,
                const char *sop_instance_uid)
{
    PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);

    wire_command(&command, 0x0001, message_id, 0x0000, sop_class_uid, sop_instance_uid);
    add_command_pdu(out, context_id, &command);
}
