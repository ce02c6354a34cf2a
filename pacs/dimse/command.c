#include "pacs/dimse/command.h"

#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/wire.h"

#define ELEMENT_HEADER_SIZE 8 /* group, element, 32-bit length */

/* What was met of the elements without which a command means nothing. */
typedef struct Met {
    bool field, data_set_type;
} Met;

typedef struct Element {
    PacsTag tag;
    PacsSlice value;
} Element;

static PacsStatus next_element(PacsSlice *rest, Element *ret_element, PacsError *err)
{
    const uint8_t *bytes = (const uint8_t *)rest->text;

    if (rest->size < ELEMENT_HEADER_SIZE)
        return pacs_fail(err, PACS_INVALID, "command set ends inside of an element");
    PacsTag tag = PACS_TAG(pacs_wire_u16_little(bytes), pacs_wire_u16_little(bytes + 2));
    uint32_t length = pacs_wire_u32_little(bytes + 4);
    if (pacs_tag_group(tag) != 0)
        return pacs_fail(err, PACS_INVALID, "(%04X,%04X) in a command set", pacs_tag_group(tag),
                         pacs_tag_element(tag));
    if (length > rest->size - ELEMENT_HEADER_SIZE)
        return pacs_fail(err, PACS_INVALID, "command element %04X claims %u bytes, %zu are there",
                         pacs_tag_element(tag), length, rest->size - ELEMENT_HEADER_SIZE);

    *ret_element = (Element){tag, {rest->text + ELEMENT_HEADER_SIZE, length}};
    rest->text += ELEMENT_HEADER_SIZE + length;
    rest->size -= ELEMENT_HEADER_SIZE + length;
    return PACS_OK;
}

static PacsStatus read_number(const Element *element, uint16_t *ret_number, bool *ret_met, PacsError *err)
{
    if (element->value.size != 2)
        return pacs_fail(err, PACS_INVALID, "command element %04X has %zu bytes, 2 are due",
                         pacs_tag_element(element->tag), element->value.size);
    *ret_number = pacs_wire_u16_little((const uint8_t *)element->value.text);
    *ret_met = true;
    return PACS_OK;
}

static PacsStatus take_element(const Element *element, PacsCommand *command, Met *met, PacsError *err)
{
    uint16_t data_set_type = 0;
    PacsStatus status;

    switch (element->tag) {
    case PACS_TAG_COMMAND_FIELD:
        return read_number(element, &command->field, &met->field, err);
    case PACS_TAG_MESSAGE_ID:
        return read_number(element, &command->message_id, &command->has_message_id, err);
    case PACS_TAG_COMMAND_DATA_SET_TYPE:
        status = read_number(element, &data_set_type, &met->data_set_type, err);
        if (status == PACS_OK)
            command->has_data_set = data_set_type != PACS_COMMAND_NO_DATA_SET;
        return status;
    case PACS_TAG_AFFECTED_SOP_CLASS_UID:
        command->affected_sop_class_uid = pacs_uid_trim(element->value);
        return PACS_OK;
    case PACS_TAG_AFFECTED_SOP_INSTANCE_UID:
        command->affected_sop_instance_uid = pacs_uid_trim(element->value);
        return PACS_OK;
    case PACS_TAG_MOVE_ORIGINATOR_APPLICATION_ENTITY_TITLE:
        command->move_originator_aet = pacs_slice_trim(element->value);
        return PACS_OK;
    default:
        return PACS_OK;
    }
}

PacsStatus pacs_command_parse(PacsSlice bytes, PacsCommand *ret_command, PacsError *err)
{
    PacsCommand command = {0};
    Met met = {0};

    while (bytes.size) {
        Element element = {0};
        PacsStatus status = next_element(&bytes, &element, err);
        if (status == PACS_OK)
            status = take_element(&element, &command, &met, err);
        if (status != PACS_OK)
            return status;
    }
    if (!met.field || !met.data_set_type)
        return pacs_fail(err, PACS_INVALID, "command set without %s",
                         met.field ? "data set type (0000,0800)" : "command field (0000,0100)");
    *ret_command = command;
    return PACS_OK;
}

void pacs_response_set(PacsResponse *response, uint16_t status, PacsTag offending_element,
                       const char *comment)
{
    size_t size = 0;

    for (; comment[size] && size < PACS_ERROR_COMMENT_MAX; size++) {
        response->error_comment[size] = comment[size];
        if (!pacs_wire_is_text(comment[size]))
            response->error_comment[size] = '?';
    }
    response->error_comment[size] = '\0';
    response->status = status;
    response->offending_element = offending_element;
}

/* ---- Writing ---- */

typedef struct Writer {
    uint8_t *bytes;
    size_t size;
} Writer;

static void put_header(Writer *writer, PacsTag tag, size_t length)
{
    uint8_t *at = writer->bytes + writer->size;

    pacs_wire_put_u16_little(at, pacs_tag_group(tag));
    pacs_wire_put_u16_little(at + 2, pacs_tag_element(tag));
    pacs_wire_put_u32_little(at + 4, (uint32_t)length);
    writer->size += ELEMENT_HEADER_SIZE;
}

static void put_number(Writer *writer, PacsTag tag, uint16_t number)
{
    put_header(writer, tag, 2);
    pacs_wire_put_u16_little(writer->bytes + writer->size, number);
    writer->size += 2;
}

static void put_tag(Writer *writer, PacsTag tag, PacsTag value)
{
    put_header(writer, tag, 4);
    pacs_wire_put_u16_little(writer->bytes + writer->size, pacs_tag_group(value));
    pacs_wire_put_u16_little(writer->bytes + writer->size + 2, pacs_tag_element(value));
    writer->size += 4;
}

/* Values are even long (PS3.5 7.1.1). */
static void put_text(Writer *writer, PacsTag tag, PacsSlice text, char padding)
{
    size_t odd = text.size & 1;

    put_header(writer, tag, text.size + odd);
    memcpy(writer->bytes + writer->size, text.text, text.size);
    writer->size += text.size;
    if (odd)
        writer->bytes[writer->size++] = (uint8_t)padding;
}

static void put_uid(Writer *writer, PacsTag tag, PacsSlice uid)
{
    if (uid.size && uid.size <= PACS_UID_MAX)
        put_text(writer, tag, uid, '\0');
}

size_t pacs_response_format(const PacsCommand *request, const PacsResponse *response,
                            uint8_t ret_bytes[PACS_RESPONSE_SIZE_MAX])
{
    const size_t group_length_size = ELEMENT_HEADER_SIZE + 4;
    Writer writer = {ret_bytes, group_length_size};

    put_uid(&writer, PACS_TAG_AFFECTED_SOP_CLASS_UID, request->affected_sop_class_uid);
    put_number(&writer, PACS_TAG_COMMAND_FIELD, request->field | PACS_COMMAND_RESPONSE);
    put_number(&writer, PACS_TAG_MESSAGE_ID_BEING_RESPONDED_TO, request->message_id);
    put_number(&writer, PACS_TAG_COMMAND_DATA_SET_TYPE, PACS_COMMAND_NO_DATA_SET);
    put_number(&writer, PACS_TAG_STATUS, response->status);
    if (response->offending_element)
        put_tag(&writer, PACS_TAG_OFFENDING_ELEMENT, response->offending_element);
    if (response->error_comment[0])
        put_text(&writer, PACS_TAG_ERROR_COMMENT, pacs_slice(response->error_comment), ' ');
    put_uid(&writer, PACS_TAG_AFFECTED_SOP_INSTANCE_UID, request->affected_sop_instance_uid);

    Writer group_length = {ret_bytes, 0};
    put_header(&group_length, PACS_TAG_COMMAND_GROUP_LENGTH, 4);
    pacs_wire_put_u32_little(ret_bytes + ELEMENT_HEADER_SIZE, (uint32_t)(writer.size - group_length_size));
    return writer.size;
}
