#include "pacs/dimse/association.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dimse/association_private.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

static const PacsReject congestion = {2, 3, 1, "stopping"};
static const PacsReject backlog = {2, 3, 2, "local-limit-exceeded"};

static const char *const result_names[] = {
    [PACS_ASSOCIATION_RELEASED] = "released",         [PACS_ASSOCIATION_REJECTED] = "rejected",
    [PACS_ASSOCIATION_PEER_ABORTED] = "peer-aborted", [PACS_ASSOCIATION_PEER_LEFT] = "peer-left",
    [PACS_ASSOCIATION_PROTOCOL] = "protocol-error",   [PACS_ASSOCIATION_TIMED_OUT] = "timeout",
    [PACS_ASSOCIATION_STOPPED] = "stopped",           [PACS_ASSOCIATION_FAILED] = "failed",
};

const char *pacs_association_result_name(PacsAssociationResult result)
{
    return result_names[result];
}

/* ---- Ends ---- */

static void set_end(Association *association, PacsAssociationResult result, const char *fmt,
                    va_list arguments)
{
    association->result = result;
    (void)vsnprintf(association->reason, sizeof association->reason, fmt, arguments); /* cut if too long */
}

static void send_abort(Association *association, uint8_t source, uint8_t reason)
{
    uint8_t bytes[PACS_SHORT_PDU_SIZE];
    PacsTransport *transport = association->connection.transport;

    pacs_pdu_format_abort(source, reason, bytes);
    pacs_connection_set_timeout(&association->connection, association->setup->options->artim_timeout_ms);
    /* A peer that does not take it will notice in its own time. */
    (void)transport->ops->write(transport, bytes, sizeof bytes, association->connection.deadline_ns);
}

bool end_silently(Association *association, PacsAssociationResult result, const char *fmt, ...)
{
    va_list arguments;

    va_start(arguments, fmt);
    set_end(association, result, fmt, arguments);
    va_end(arguments);
    return false;
}

bool end_by_provider(Association *association, uint8_t abort_reason, const char *fmt, ...)
{
    va_list arguments;

    va_start(arguments, fmt);
    set_end(association, PACS_ASSOCIATION_PROTOCOL, fmt, arguments);
    va_end(arguments);
    send_abort(association, PACS_ABORT_BY_PROVIDER, abort_reason);
    return false;
}

bool end_by_user(Association *association, PacsAssociationResult result, const char *fmt, ...)
{
    va_list arguments;

    va_start(arguments, fmt);
    set_end(association, result, fmt, arguments);
    va_end(arguments);
    send_abort(association, PACS_ABORT_BY_USER, PACS_ABORT_NOT_SPECIFIED);
    return false;
}

bool end_of_reading(Association *association, PacsReadResult read_result)
{
    switch (read_result) {
    case PACS_READ_TIMED_OUT:
        return end_by_user(association, PACS_ASSOCIATION_TIMED_OUT, "nothing came in time");
    case PACS_READ_WOKEN:
        return end_by_user(association, PACS_ASSOCIATION_STOPPED, "%s", "");
    default:
        return end_silently(association, PACS_ASSOCIATION_PEER_LEFT, "%s", "");
    }
}

bool association_write(Association *association, const void *bytes, size_t size)
{
    PacsTransport *transport = association->connection.transport;

    pacs_connection_set_timeout(&association->connection, association->setup->options->transfer_timeout_ms);
    if (transport->ops->write(transport, bytes, size, association->connection.deadline_ns))
        return true;
    return end_silently(association, PACS_ASSOCIATION_PEER_LEFT, "the peer does not take an answer");
}

static bool read_header(Association *association, PacsPduHeader *ret_header)
{
    PacsConnection *connection = &association->connection;
    PacsReadResult result = pacs_connection_need(connection, PACS_PDU_HEADER_SIZE);

    if (result != PACS_READ_BYTES)
        return end_of_reading(association, result);
    *ret_header = pacs_pdu_parse_header(connection->buffer + connection->start);
    connection->start += PACS_PDU_HEADER_SIZE;
    return true;
}

/* ---- State 2: the request ---- */

/* Grows with what has come, never with what was announced. */
static bool read_body(Association *association, uint32_t length, PacsBuffer *body)
{
    PacsConnection *connection = &association->connection;

    while (body->size < length) {
        PacsReadResult result = pacs_connection_need_any(connection, SIZE_MAX);
        if (result != PACS_READ_BYTES)
            return end_of_reading(association, result);
        size_t available = pacs_connection_available(connection);
        size_t wanted = length - body->size;
        size_t taken = available < wanted ? available : wanted;
        if (!pacs_buffer_add(body, connection->buffer + connection->start, taken))
            return end_by_user(association, PACS_ASSOCIATION_FAILED, "no memory for the request");
        connection->start += taken;
    }
    return true;
}

/* Table 9-10: whatever is not a request ends with AA-1, an abort by the service user, or AA-2 for
 * an abort. */
static bool read_request(Association *association, PacsBuffer *body)
{
    PacsPduHeader header = {0};

    if (!read_header(association, &header))
        return false;
    if (header.type == PACS_PDU_ABORT)
        return end_silently(association, PACS_ASSOCIATION_PEER_ABORTED, "before any request");
    if (header.type != PACS_PDU_ASSOCIATE_RQ)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "PDU type %02X instead of a request",
                           header.type);
    if (header.length > PACS_MAX_ASSOCIATE_PDU)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "request of %u bytes", header.length);
    return read_body(association, header.length, body);
}

static bool reject(Association *association, const PacsReject *how)
{
    uint8_t bytes[PACS_SHORT_PDU_SIZE];

    pacs_pdu_format_reject(how, bytes);
    if (!association_write(association, bytes, sizeof bytes))
        return false;
    return end_silently(association, PACS_ASSOCIATION_REJECTED, "%s", how->text);
}

/* Whoever comes to store is asked to come again later; a verification is nothing to wait for. */
static bool may_come_in(const Association *association)
{
    const PacsNegotiated *negotiated = &association->negotiated;
    const PacsSink *sink = &association->setup->sink;

    for (size_t i = 0; i < negotiated->context_count; i++) {
        const PacsContext *context = &negotiated->contexts[i];
        if (context->result == PACS_CONTEXT_ACCEPTED && context->service == PACS_SERVICE_STORE)
            return !sink->admit || sink->admit(sink->context, NULL) == PACS_OK;
    }
    return true;
}

/* State 3: the answer. */
static bool answer_request(Association *association, const PacsAssociateRequest *request)
{
    const PacsDimseOptions *options = association->setup->options;
    PacsReject how;
    PacsError err = {0};

    bool accepted = pacs_associate_negotiate(request, options, association->peer->remote_ip,
                                             &association->negotiated, &how);
    if (pacs_connection_draining(&association->connection))
        return reject(association, &congestion);
    if (association->peer->refusal)
        return reject(association, association->peer->refusal);
    if (!accepted)
        return reject(association, &how);
    if (!may_come_in(association))
        return reject(association, &backlog);

    pacs_buffer_reset(&association->reply);
    if (pacs_associate_format_accept(request, options, &association->negotiated, &association->reply, &err) !=
        PACS_OK)
        return end_by_user(association, PACS_ASSOCIATION_FAILED, "%s", err.text);
    return association_write(association, association->reply.bytes, association->reply.size);
}

static bool establish(Association *association)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(PACS_MAX_ASSOCIATE_PDU);
    PacsAssociateRequest request;
    PacsError err = {0};

    pacs_connection_set_timeout(&association->connection, association->setup->options->artim_timeout_ms);
    if (!read_request(association, &body))
        return false;
    PacsSlice bytes = {(const char *)body.bytes, body.size};
    if (pacs_pdu_parse_associate_request(bytes, &request, &err) != PACS_OK)
        return end_by_user(association, PACS_ASSOCIATION_PROTOCOL, "%s", err.text);
    return answer_request(association, &request);
}

/* ---- State 6: messages ---- */

static bool confirm_release(Association *association)
{
    uint8_t bytes[PACS_SHORT_PDU_SIZE];

    pacs_pdu_format_release_reply(bytes);
    if (!association_write(association, bytes, sizeof bytes))
        return false;
    return end_silently(association, PACS_ASSOCIATION_RELEASED, "%s", "");
}

/* A-RELEASE-RQ and A-ABORT have four bytes, of which nothing matters but that they come. */
static bool skip_short_body(Association *association, const PacsPduHeader *header)
{
    PacsConnection *connection = &association->connection;

    if (header->length != PACS_SHORT_PDU_SIZE - PACS_PDU_HEADER_SIZE)
        return end_by_provider(association, PACS_ABORT_INVALID_PARAMETER, "PDU type %02X of %u bytes",
                               header->type, header->length);
    PacsReadResult result = pacs_connection_need(connection, header->length);
    if (result != PACS_READ_BYTES)
        return end_of_reading(association, result);
    connection->start += header->length;
    return true;
}

static bool handle_pdu(Association *association, const PacsPduHeader *header)
{
    switch (header->type) {
    case PACS_PDU_DATA:
        return message_take_pdu(association, header->length);
    case PACS_PDU_RELEASE_RQ:
        return skip_short_body(association, header) && confirm_release(association);
    case PACS_PDU_ABORT:
        return end_silently(association, PACS_ASSOCIATION_PEER_ABORTED, "%s", "");
    default:
        return end_by_provider(association,
                               pacs_pdu_type_known(header->type) ? PACS_ABORT_UNEXPECTED_PDU
                                                                 : PACS_ABORT_UNRECOGNISED_PDU,
                               "PDU type %02X during the association", header->type);
    }
}

static void set_waiting(Association *association)
{
    PacsConnection *connection = &association->connection;
    const PacsDimseOptions *options = association->setup->options;

    connection->interruptible = association->message.stage == MESSAGE_NONE;
    if (!connection->interruptible)
        pacs_connection_set_timeout(connection, options->transfer_timeout_ms);
    else if (options->idle_timeout_ms)
        pacs_connection_set_timeout(connection, options->idle_timeout_ms);
    else
        connection->deadline_ns = UINT64_MAX;
}

static bool take_pdu(Association *association)
{
    PacsConnection *connection = &association->connection;
    PacsPduHeader header = {0};

    set_waiting(association);
    if (connection->interruptible && pacs_connection_draining(connection))
        return end_of_reading(association, PACS_READ_WOKEN);
    if (!read_header(association, &header))
        return false;
    connection->interruptible = false;
    pacs_connection_set_timeout(connection, association->setup->options->transfer_timeout_ms);
    return handle_pdu(association, &header);
}

/* ---- State 13: waiting for the peer to hang up ---- */

/* Reading on until it does: closing with bytes unread would make the kernel reset the connection, which can
 * overtake our last PDU. What comes is not looked at. (Table 9-10 would have us repeat the abort if a request
 * came; the peer has an abort, a rejection or its release already.) */
static void await_hang_up(Association *association)
{
    PacsConnection *connection = &association->connection;

    pacs_connection_set_timeout(connection, association->setup->options->artim_timeout_ms);
    connection->interruptible = false;
    do
        connection->start = connection->end;
    while (pacs_connection_need_any(connection, SIZE_MAX) == PACS_READ_BYTES);
}

/* ---- The whole ---- */

/* Load balancers and probes connect and leave all day long. */
static PacsLogLevel level_of_end(const Association *association)
{
    bool asked = association->negotiated.permissions.label != NULL;

    if (association->result == PACS_ASSOCIATION_PEER_LEFT && !asked)
        return PACS_LOG_DEBUG;
    return association->result == PACS_ASSOCIATION_RELEASED ? PACS_LOG_INFO : PACS_LOG_WARNING;
}

static void log_end(const Association *association)
{
    uint64_t ms = (pacs_monotonic_ns() - association->started_ns) / 1000000;
    const char *reason = association->reason[0] ? association->reason : NULL;

    PACS_LOG(level_of_end(association), "dimse", "association",
             PACS_F_U64("assoc_id", association->peer->number),
             PACS_F_TEXT("result", pacs_association_result_name(association->result)),
             PACS_F_TEXT("reason", reason), PACS_F_TEXT("calling_aet", association->negotiated.calling_aet),
             PACS_F_TEXT("called_aet", association->negotiated.called_aet),
             PACS_F_TEXT("remote_ip", association->peer->remote_ip),
             PACS_F_TEXT("traceparent", association->traceparent),
             PACS_F_U64("succeeded", association->succeeded), PACS_F_U64("failed", association->failed),
             PACS_F_U64("bytes", association->received_bytes), PACS_F_U64("ms", ms));
}

static void count_end(const Association *association)
{
    const PacsDimseMetrics *metrics = &association->setup->metrics;
    const char *label = association->negotiated.permissions.label;

    if (metrics->associations)
        pacs_metric_add(pacs_metric(metrics->associations, label ? label : "other",
                                    pacs_association_result_name(association->result), NULL),
                        1);
}

/* Random bytes that cannot be had are no reason to turn a sender away. */
static void begin_trace(Association *association)
{
    PacsTrace trace;

    if (pacs_trace_mint(&trace, NULL) == PACS_OK)
        pacs_trace_format(&trace, association->traceparent);
}

static Association *association_new(const PacsAssociationSetup *setup, PacsTransport *transport,
                                    const PacsAssociationPeer *peer)
{
    Association *association = calloc(1, sizeof *association);

    if (!association)
        return NULL;
    association->setup = setup;
    association->peer = peer;
    association->started_ns = pacs_monotonic_ns();
    begin_trace(association);
    pacs_buffer_init(&association->message.command_bytes, PACS_MAX_COMMAND_SET);
    pacs_buffer_init(&association->reply, PACS_ACCEPT_SIZE_MAX);
    if (pacs_connection_init(&association->connection, transport, setup->drain, NULL) != PACS_OK) {
        free(association);
        return NULL;
    }
    return association;
}

static void association_free(Association *association)
{
    pacs_connection_clear(&association->connection);
    pacs_buffer_clear(&association->message.command_bytes);
    pacs_buffer_clear(&association->reply);
    free(association);
}

PacsAssociationResult pacs_association_serve(const PacsAssociationSetup *setup, PacsTransport *transport,
                                             const PacsAssociationPeer *peer)
{
    Association *association = association_new(setup, transport, peer);

    if (!association) {
        PACS_LOG(PACS_LOG_ERROR, "dimse", "association", PACS_F_TEXT("result", "failed"),
                 PACS_F_TEXT("reason", "no memory"));
        return PACS_ASSOCIATION_FAILED;
    }
    pacs_metric_shift(setup->metrics.active, 1);
    if (establish(association)) {
        while (take_pdu(association))
            ;
    }
    message_clear(association);
    log_end(association); /* before the wait for the peer, which may take its time */
    count_end(association);
    if (association->result != PACS_ASSOCIATION_PEER_LEFT &&
        association->result != PACS_ASSOCIATION_PEER_ABORTED)
        await_hang_up(association);

    PacsAssociationResult result = association->result;
    association_free(association);
    pacs_metric_shift(setup->metrics.active, -1);
    return result;
}
