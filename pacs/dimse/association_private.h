#pragma once

#include "pacs/dimse/associate.h"
#include "pacs/dimse/association.h"
#include "pacs/dimse/command.h"
#include "pacs/dimse/connection.h"
#include "pacs/util/trace.h"

/** The inside of an association, for association.c, message.c and the operations. */

typedef struct Association Association;

/** One DIMSE service. Slots get the association, whose `message` is the one in hand. */
typedef struct Operation {
    uint16_t field;
    const char *name; /* for the log */
    /** The command is complete; may set the response already, a data set that follows is taken all
     * the same. */
    void (*begin)(Association *association);
    /** A piece of the data set. NULL: thrown away. */
    void (*data)(Association *association, const uint8_t *bytes, size_t size);
    /** Room for the next bytes of the data set, *ret_size of them, to be read straight into; then data is called with
     *  room as its bytes. 0: there is none. NULL: never. */
    void (*room)(Association *association, uint8_t **ret_room, size_t *ret_size);
    /** Everything is here: the response has to be right afterwards. NULL: as begin left it. */
    void (*finish)(Association *association);
    /** After finish, or instead of it if the association ends before. NULL: nothing to let go of. */
    void (*clear)(Association *association);
    bool silent; /* gets no response */
} Operation;

extern const Operation operation_echo;
extern const Operation operation_store;

typedef enum MessageStage { MESSAGE_NONE, MESSAGE_COMMAND, MESSAGE_DATA_SET } MessageStage;

/** The message in hand. */
typedef struct Message {
    MessageStage stage;
    const PacsContext *context;
    PacsBuffer command_bytes; /* what `command` points into */
    PacsCommand command;
    const Operation *operation; /* NULL until the command is complete */
    PacsResponse response;
    uint64_t started_ns;
    uint64_t data_set_bytes;
} Message;

/** A C-STORE in hand. */
typedef struct Store {
    void *upload;      /* the sink's; NULL before and after */
    uint8_t *room;     /* what the upload offered last; NULL: none */
    PacsError failure; /* the first one; status PACS_OK while all is well */
    char sop_instance_uid[PACS_UID_SIZE];
} Store;

struct Association {
    const PacsAssociationSetup *setup;
    const PacsAssociationPeer *peer;
    PacsConnection connection;
    PacsNegotiated negotiated;
    char traceparent[PACS_TRACEPARENT_SIZE]; /* DICOM has none: each association is a trace; "": none */
    Message message;
    Store store;
    PacsBuffer reply; /* what is about to be written */

    PacsAssociationResult result;
    char reason[160]; /* for the log, "" where the result says all */
    uint64_t started_ns;
    uint64_t succeeded, failed; /* operations */
    uint64_t received_bytes;    /* of data sets */
};

/**
 * The end. Sets result and reason, and returns false, for `return end_...()`. The abort is the peer's to
 * hear: by the provider with a reason, where it broke the upper layer's rules, by the user otherwise
 * (PS3.8 9.3.8).
 */
bool end_silently(Association *association, PacsAssociationResult result, const char *fmt, ...)
    PACS_PRINTF(3, 4);
bool end_by_provider(Association *association, uint8_t abort_reason, const char *fmt, ...) PACS_PRINTF(3, 4);
bool end_by_user(Association *association, PacsAssociationResult result, const char *fmt, ...)
    PACS_PRINTF(3, 4);

/** The end that a failed read means. */
bool end_of_reading(Association *association, PacsReadResult read_result);

/** One write of `reply` or of a short PDU. False: the peer is gone (the association has its end). */
bool association_write(Association *association, const void *bytes, size_t size);

/** Takes a whole P-DATA-TF from the connection. False: the association has come to its end. */
bool message_take_pdu(Association *association, uint32_t pdu_length);

/** The association is over: let go of a message that is still in hand. */
void message_clear(Association *association);
