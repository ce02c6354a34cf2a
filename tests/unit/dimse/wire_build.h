#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"

/**
 * What a peer would send, built by hand so that tests can also build what no peer should send.
 * Buffers are the caller's; what does not fit asserts.
 */
#define WIRE_MAX (4u << 20)

void wire_bytes(PacsBuffer *out, const void *bytes, size_t size);

/** Header with `body`'s length in front of it. */
void wire_pdu(PacsBuffer *out, uint8_t type, const PacsBuffer *body);
/** Header that claims any length; nothing after it. */
void wire_pdu_header(PacsBuffer *out, uint8_t type, uint32_t length);
/** A PDU with a body of four zeros: release and abort. */
void wire_short_pdu(PacsBuffer *out, uint8_t type);

void wire_item(PacsBuffer *out, uint8_t type, const void *value, size_t size);
void wire_text_item(PacsBuffer *out, uint8_t type, const char *text);

/** A user sub-item's text field with its 16-bit length in front. */
void wire_counted(PacsBuffer *out, const char *text);

typedef struct WireContext {
    uint8_t id;
    const char *abstract_syntax;
    const char *transfer_syntaxes[6]; /* up to the first NULL */
} WireContext;

typedef struct WireRequest {
    const char *called, *calling;    /* NULL: "ANY-SCP", "PEER" */
    const char *application_context; /* NULL: DICOM's; "" leaves it out */
    uint16_t version;                /* 0: 1 */
    const WireContext *contexts;
    size_t context_count;
    uint32_t max_pdu;             /* 0: 16384 */
    const PacsBuffer *user_items; /* more of them; NULL for none */
} WireRequest;

/** The body of an A-ASSOCIATE-RQ, and the whole. */
void wire_request_body(PacsBuffer *out, const WireRequest *request);
void wire_request(PacsBuffer *out, const WireRequest *request);

#define WIRE_COMMAND 1
#define WIRE_LAST 2
/** A PDV, to be put into a PDU. */
void wire_pdv(PacsBuffer *out, uint8_t context_id, uint8_t control, const void *bytes, size_t size);
/** One P-DATA-TF of one PDV. */
void wire_data(PacsBuffer *out, uint8_t context_id, uint8_t control, const void *bytes, size_t size);

/* Command elements. */
void wire_us(PacsBuffer *out, uint16_t element, uint16_t value);
void wire_ui(PacsBuffer *out, uint16_t element, const char *uid);
/** Group length is added; data_set_type 0x0101 is none. Texts may be NULL. */
void wire_command(PacsBuffer *out, uint16_t field, uint16_t message_id, uint16_t data_set_type,
                  const char *sop_class_uid, const char *sop_instance_uid);
/** A whole C-ECHO-RQ. */
void wire_echo(PacsBuffer *out, uint8_t context_id, uint16_t message_id);
/** The command of a C-STORE-RQ in one PDU, without its data set. */
void wire_store(PacsBuffer *out, uint8_t context_id, uint16_t message_id, const char *sop_class_uid,
                const char *sop_instance_uid);
