#include <string.h>

#include "pacs/dicom/reply_codes.h"
#include "pacs/dimse/association_private.h"
#include "pacs/util/clock.h"

/* C-STORE (PS3.7 9.1.1, PS3.4 B): the data set goes into the sink piece by piece as it comes from the socket,
 * and is durable there when the answer says so. After a failure the rest of it is read and thrown away: the
 * sender hears the reason instead of finding the connection gone. */

static void refuse(Message *message, uint16_t status, PacsTag offending_element, const char *comment)
{
    pacs_response_set(&message->response, status, offending_element, comment);
}

/* False: refused, the response is set. */
static bool command_is_sound(Message *message)
{
    const PacsCommand *command = &message->command;

    if (message->context->service != PACS_SERVICE_STORE ||
        !pacs_slice_equal(command->affected_sop_class_uid, message->context->sop_class_uid)) {
        refuse(message, PACS_DIMSE_CLASS_NOT_SUPPORTED, PACS_TAG_AFFECTED_SOP_CLASS_UID,
               "SOP class is not that of the presentation context");
    } else if (!pacs_uid_acceptable(command->affected_sop_instance_uid)) {
        refuse(message, PACS_DIMSE_INVALID_INSTANCE, PACS_TAG_AFFECTED_SOP_INSTANCE_UID,
               "SOP instance UID is missing or is no UID");
    } else if (!command->has_data_set) {
        refuse(message, PACS_DIMSE_CANNOT_UNDERSTAND, PACS_TAG_COMMAND_DATA_SET_TYPE,
               "C-STORE without a data set");
    } else {
        return true;
    }
    return false;
}

/* Remembers the failure as the response; what was stored of the object is taken back. */
static void fail(Association *association)
{
    Store *store = &association->store;

    refuse(&association->message, pacs_reply_codes(store->failure.status).dimse_store, 0,
           store->failure.text);
    association->setup->sink.free(store->upload);
    store->upload = NULL;
}

static void store_begin(Association *association)
{
    Message *message = &association->message;
    Store *store = &association->store;
    const PacsSink *sink = &association->setup->sink;
    const char *calling_aet = association->negotiated.calling_aet;

    memset(store, 0, sizeof *store);
    if (!command_is_sound(message))
        return;

    PacsSlice uid = message->command.affected_sop_instance_uid;
    memcpy(store->sop_instance_uid, uid.text, uid.size); /* acceptable: at most PACS_UID_MAX */
    PacsOrigin origin = {.door = PACS_ORIGIN_DICOM,
                         .remote_ip = association->peer->remote_ip,
                         .calling_aet = calling_aet,
                         .called_aet = association->negotiated.called_aet};
    PacsFileMeta announced = {.sop_class_uid = message->context->sop_class_uid,
                              .sop_instance_uid = store->sop_instance_uid,
                              .transfer_syntax_uid = message->context->transfer_syntax->uid,
                              .source_application_entity_title = calling_aet[0] ? calling_aet : NULL};
    PacsUploadRequest request = {.origin = &origin,
                                 .announced = &announced,
                                 .traceparent = association->traceparent[0] ? association->traceparent
                                                                            : NULL};
    if (sink->begin(sink->context, &request, &store->upload, &store->failure) != PACS_OK)
        fail(association);
}

static void store_room(Association *association, uint8_t **ret_room, size_t *ret_size)
{
    Store *store = &association->store;
    const PacsSink *sink = &association->setup->sink;

    *ret_size = 0;
    store->room = NULL;
    if (!store->upload || !sink->room)
        return;
    if (sink->room(store->upload, ret_room, ret_size, &store->failure) != PACS_OK) {
        *ret_size = 0;
        fail(association);
    } else if (*ret_size > 0) {
        store->room = *ret_room;
    }
}

static void store_data(Association *association, const uint8_t *bytes, size_t size)
{
    Store *store = &association->store;
    const PacsSink *sink = &association->setup->sink;
    PacsStatus status = PACS_OK;

    if (!store->upload)
        return;
    if (bytes == store->room)
        status = sink->filled(store->upload, size, &store->failure);
    else
        status = sink->feed(store->upload, bytes, size, &store->failure);
    if (status != PACS_OK)
        fail(association);
}

static void store_finish(Association *association)
{
    Store *store = &association->store;
    PacsIngested ingested;

    if (!store->upload)
        return; /* refused or failed before: the response says why */
    if (association->setup->sink.finish(store->upload, &ingested, &store->failure) != PACS_OK)
        fail(association);
    else /* a duplicate too: what the sender wants kept is kept */
        pacs_response_set(&association->message.response, PACS_DIMSE_SUCCESS, 0, "");
    pacs_metric_observe_ns(association->setup->metrics.store_seconds,
                           pacs_monotonic_ns() - association->message.started_ns);
}

static void store_clear(Association *association)
{
    association->setup->sink.free(association->store.upload);
    memset(&association->store, 0, sizeof association->store);
}

const Operation operation_store = {.field = PACS_COMMAND_C_STORE,
                                   .name = "store",
                                   .begin = store_begin,
                                   .room = store_room,
                                   .data = store_data,
                                   .finish = store_finish,
                                   .clear = store_clear};
