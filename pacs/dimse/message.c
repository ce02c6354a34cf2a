#include <stdio.h>
#include <string.h>

#include "pacs/dimse/association_private.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

/* The maximum we announce is that of the PDU's body (PS3.8 D.1.1); some senders count its header as well, or
 * leave the header of the PDV out, so a little more is let pass. */
#define MAX_PDU_TOLERANCE 16

/* ---- Operations nobody needs a file for ---- */

static void refuse_operation(Association *association)
{
    char comment[PACS_ERROR_COMMENT_MAX + 1];

    (void)snprintf(comment, sizeof comment, "no such operation here: %04X",
                   association->message.command.field);
    pacs_response_set(&association->message.response, PACS_DIMSE_UNRECOGNISED_OPERATION,
                      PACS_TAG_COMMAND_FIELD, comment);
}

static void ignore_operation(Association *association)
{
    (void)association; /* what a C-CANCEL is about has been answered already: operations come one at a time */
}

static const Operation operation_unknown = {.name = "unknown", .begin = refuse_operation};
static const Operation operation_cancel = {
    .field = PACS_COMMAND_C_CANCEL, .name = "cancel", .begin = ignore_operation, .silent = true};

static const Operation *const operations[] = {&operation_store, &operation_echo, &operation_cancel};

static const Operation *find_operation(uint16_t field)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (operations[i]->field == field)
            return operations[i];
    return &operation_unknown;
}

/* ---- The end of a message ---- */

static void log_operation(const Association *association)
{
    const Message *message = &association->message;
    uint16_t status = message->response.status;
    PacsLogLevel level = status == PACS_DIMSE_SUCCESS ? PACS_LOG_DEBUG : PACS_LOG_WARNING;
    char class_uid[PACS_UID_SIZE] = "", status_hex[7];

    if (!pacs_log_enabled(level))
        return;
    PacsSlice uid = message->command.affected_sop_class_uid;
    if (uid.size <= PACS_UID_MAX && uid.size)
        memcpy(class_uid, uid.text, uid.size);
    (void)snprintf(status_hex, sizeof status_hex, "0x%04X", status);
    PACS_LOG(
        level, "dimse", message->operation->name, PACS_F_U64("assoc_id", association->peer->number),
        PACS_F_TEXT("calling_aet", association->negotiated.calling_aet), PACS_F_TEXT("status", status_hex),
        PACS_F_TEXT("reason", message->response.error_comment[0] ? message->response.error_comment : NULL),
        PACS_F_TEXT("sop_class_uid", class_uid),
        PACS_F_TEXT("sop_instance_uid",
                    association->store.sop_instance_uid[0] ? association->store.sop_instance_uid : NULL),
        PACS_F_TEXT("transfer_syntax_uid", message->context->transfer_syntax->uid),
        PACS_F_U64("bytes", message->data_set_bytes),
        PACS_F_U64("ms", (pacs_monotonic_ns() - message->started_ns) / 1000000));
}

static bool respond(Association *association)
{
    Message *message = &association->message;
    uint8_t command[PACS_RESPONSE_SIZE_MAX];
    size_t size = pacs_response_format(&message->command, &message->response, command);

    pacs_buffer_reset(&association->reply);
    pacs_pdu_format_command(message->context->id, command, size, association->negotiated.peer_max_pdu,
                            &association->reply);
    if (pacs_buffer_check(&association->reply, NULL) != PACS_OK)
        return end_by_user(association, PACS_ASSOCIATION_FAILED, "no memory for an answer");
    return association_write(association, association->reply.bytes, association->reply.size);
}

static void forget_message(Association *association)
{
    Message *message = &association->message;

    if (message->operation && message->operation->clear)
        message->operation->clear(association);
    pacs_buffer_reset(&message->command_bytes);
    *message = (Message){.command_bytes = message->command_bytes};
}

static bool finish_message(Association *association)
{
    Message *message = &association->message;
    bool go_on = true;

    if (message->operation->finish)
        message->operation->finish(association);
    if (!message->operation->silent) {
        go_on = respond(association);
        if (message->response.status == PACS_DIMSE_SUCCESS)
            association->succeeded++;
        else
            association->failed++;
        log_operation(association);
    }
    forget_message(association);
    return go_on;
}

void message_clear(Association *association)
{
    Message *message = &association->message;

    if (message->operation) {
        association->failed++;
        pacs_response_set(&message->response, PACS_DIMSE_CANNOT_UNDERSTAND, 0,
                          "the association ended in the middle of the data set");
        log_operation(association);
    }
    forget_message(association);
}

/* ---- Fragments ---- */

static bool finish_command(Association *association)
{
    Message *message = &association->message;
    PacsSlice bytes = {(const char *)message->command_bytes.bytes, message->command_bytes.size};
    PacsCommand *command = &message->command;
    PacsError err = {0};

    if (pacs_command_parse(bytes, command, &err) != PACS_OK)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "%s", err.text);
    if (command->field & PACS_COMMAND_RESPONSE)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "response %04X to nothing we asked",
                           command->field);
    const Operation *operation = find_operation(command->field);
    if (!command->has_message_id && !operation->silent)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL,
                           "request %04X without message id (0000,0110)", command->field);

    message->operation = operation;
    message->stage = MESSAGE_DATA_SET;
    operation->begin(association);
    return command->has_data_set || finish_message(association);
}

static bool take_bytes(Association *association, const uint8_t *bytes, size_t size)
{
    Message *message = &association->message;

    if (message->stage == MESSAGE_COMMAND) {
        if (!pacs_buffer_add(&message->command_bytes, bytes, size))
            return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "command set of more than %u bytes",
                               PACS_MAX_COMMAND_SET);
        return true;
    }
    message->data_set_bytes += size;
    association->received_bytes += size;
    if (message->operation->data)
        message->operation->data(association, bytes, size);
    return true;
}

static const PacsContext *find_context(const Association *association, uint8_t id)
{
    const PacsNegotiated *negotiated = &association->negotiated;

    for (size_t i = 0; i < negotiated->context_count; i++)
        if (negotiated->contexts[i].id == id && negotiated->contexts[i].result == PACS_CONTEXT_ACCEPTED)
            return &negotiated->contexts[i];
    return NULL;
}

/* Fragments of a message come in order and unmixed: its command, then its data set, on one context
 * (PS3.7 6.3.1, PS3.8 E.1). How they are dealt out over PDVs and PDUs is the sender's affair. */
static bool begin_fragment(Association *association, const PacsPdvHeader *header)
{
    Message *message = &association->message;
    const PacsContext *context = find_context(association, header->context_id);

    if (!context)
        return end_by_provider(association, PACS_ABORT_INVALID_PARAMETER,
                               "presentation context %u was not accepted", header->context_id);
    if (message->stage == MESSAGE_NONE) {
        message->stage = MESSAGE_COMMAND;
        message->context = context;
        message->started_ns = pacs_monotonic_ns();
    }
    if (context != message->context)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL,
                           "fragment for context %u inside of a message on %u", context->id,
                           message->context->id);
    if (header->is_command != (message->stage == MESSAGE_COMMAND))
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "%s fragment out of turn",
                           header->is_command ? "command" : "data set");
    return true;
}

/* Large pieces are read to where they are to be stored. */
#define STRAIGHT_BYTES 4096

/* What stands in the buffer, or else is read straight to where the operation wants it. *ret_taken 0: ended. */
static bool take_some(Association *association, size_t left, size_t *ret_taken)
{
    PacsConnection *connection = &association->connection;
    const Message *message = &association->message;
    uint8_t *room = NULL;
    size_t size = 0;

    if (pacs_connection_available(connection) == 0 && left >= STRAIGHT_BYTES &&
        message->stage == MESSAGE_DATA_SET && message->operation->room)
        message->operation->room(association, &room, &size);
    if (size > 0) {
        PacsReadResult result = pacs_connection_read(connection, room, left < size ? left : size, ret_taken);
        return result == PACS_READ_BYTES ? take_bytes(association, room, *ret_taken)
                                         : end_of_reading(association, result);
    }
    PacsReadResult result = pacs_connection_need_any(connection, left < STRAIGHT_BYTES ? left : SIZE_MAX);
    if (result != PACS_READ_BYTES)
        return end_of_reading(association, result);
    size_t available = pacs_connection_available(connection);
    *ret_taken = available < left ? available : left;
    const uint8_t *bytes = connection->buffer + connection->start;
    connection->start += *ret_taken;
    return take_bytes(association, bytes, *ret_taken);
}

static bool take_fragment(Association *association, const PacsPdvHeader *header)
{
    uint32_t left = header->size;

    if (!begin_fragment(association, header))
        return false;
    while (left) {
        size_t taken = 0;
        if (!take_some(association, left, &taken))
            return false;
        left -= (uint32_t)taken;
    }
    if (!header->is_last)
        return true;
    return header->is_command ? finish_command(association) : finish_message(association);
}

bool message_take_pdu(Association *association, uint32_t pdu_length)
{
    PacsConnection *connection = &association->connection;
    uint32_t left = pdu_length;
    PacsPdvHeader header = {0};
    PacsError err = {0};

    if (pdu_length < PACS_PDV_HEADER_SIZE ||
        pdu_length > association->setup->options->max_pdu_bytes + MAX_PDU_TOLERANCE)
        return end_by_provider(association, PACS_ABORT_INVALID_PARAMETER, "P-DATA-TF of %u bytes",
                               pdu_length);
    while (left) {
        PacsReadResult result = pacs_connection_need(connection,
                                                     left < PACS_PDV_HEADER_SIZE ? 1 : PACS_PDV_HEADER_SIZE);
        if (result != PACS_READ_BYTES)
            return end_of_reading(association, result);
        if (left < PACS_PDV_HEADER_SIZE)
            return end_by_provider(association, PACS_ABORT_INVALID_PARAMETER,
                                   "P-DATA-TF with %u bytes left over", left);
        if (pacs_pdu_parse_pdv(connection->buffer + connection->start, left, &header, &err) != PACS_OK)
            return end_by_provider(association, PACS_ABORT_INVALID_PARAMETER, "%s", err.text);
        connection->start += PACS_PDV_HEADER_SIZE;
        if (!take_fragment(association, &header))
            return false;
        left -= PACS_PDV_HEADER_SIZE + header.size;
    }
    return true;
}
