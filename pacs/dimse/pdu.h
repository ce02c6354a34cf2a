#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Protocol data units of the upper layer: bytes to structs and back, nothing else. No socket, no allocation;
 * slices in the structs point into the bytes that were parsed and live as long as these.
 *
 * Threads: any.
 * Errors:  PACS_INVALID where a length points outside of what contains it or a rule of the standard is
 * broken. Source:  PS3.8 9.3, annex D; PS3.7 annex D.3.3.
 */

typedef enum PacsPduType {
    PACS_PDU_ASSOCIATE_RQ = 0x01,
    PACS_PDU_ASSOCIATE_AC = 0x02,
    PACS_PDU_ASSOCIATE_RJ = 0x03,
    PACS_PDU_DATA = 0x04,
    PACS_PDU_RELEASE_RQ = 0x05,
    PACS_PDU_RELEASE_RP = 0x06,
    PACS_PDU_ABORT = 0x07,
} PacsPduType;

#define PACS_PDU_HEADER_SIZE 6 /* type, reserved, 32-bit length of what follows */
#define PACS_PDV_HEADER_SIZE 6 /* 32-bit length, context id, message control header */
#define PACS_MAX_CONTEXTS 128  /* the odd numbers of one byte */
#define PACS_AET_SIZE 17       /* 16 characters and a NUL */

typedef struct PacsPduHeader {
    uint8_t type; /* any byte; see pacs_pdu_type_known() */
    uint32_t length;
} PacsPduHeader;

PacsPduHeader pacs_pdu_parse_header(const uint8_t bytes[PACS_PDU_HEADER_SIZE]);
bool pacs_pdu_type_known(uint8_t type);

/** A presentation data value: one fragment of a command or of a data set. */
typedef struct PacsPdvHeader {
    uint32_t size; /* of the fragment itself, which follows */
    uint8_t context_id;
    bool is_command;
    bool is_last;
} PacsPdvHeader;

/** `left` is what the P-DATA-TF PDU still holds, from this header on. PACS_INVALID if the PDV does not fit
 * into it. */
PACS_CHECKED PacsStatus pacs_pdu_parse_pdv(const uint8_t bytes[PACS_PDV_HEADER_SIZE], uint32_t left,
                                           PacsPdvHeader *ret_header, PacsError *err);

/** An item or sub-item: type, reserved byte, 16-bit length, value. */
typedef struct PacsPduItem {
    uint8_t type;
    PacsSlice value;
} PacsPduItem;

typedef enum PacsPduItemType {
    PACS_ITEM_APPLICATION_CONTEXT = 0x10,
    PACS_ITEM_PROPOSED_CONTEXT = 0x20,
    PACS_ITEM_ANSWERED_CONTEXT = 0x21,
    PACS_ITEM_ABSTRACT_SYNTAX = 0x30,
    PACS_ITEM_TRANSFER_SYNTAX = 0x40,
    PACS_ITEM_USER_INFORMATION = 0x50,
    PACS_ITEM_MAXIMUM_LENGTH = 0x51,
    PACS_ITEM_IMPLEMENTATION_CLASS = 0x52,
    PACS_ITEM_ASYNCHRONOUS_WINDOW = 0x53,
    PACS_ITEM_ROLE_SELECTION = 0x54,
    PACS_ITEM_IMPLEMENTATION_VERSION = 0x55,
    PACS_ITEM_EXTENDED_NEGOTIATION = 0x56,
    PACS_ITEM_COMMON_EXTENDED_NEGOTIATION = 0x57,
    PACS_ITEM_USER_IDENTITY = 0x58,
    PACS_ITEM_USER_IDENTITY_ANSWER = 0x59,
} PacsPduItemType;

/** The next item of `rest`, which must not be empty; `rest` moves behind it. */
PACS_CHECKED PacsStatus pacs_pdu_next_item(PacsSlice *rest, PacsPduItem *ret_item, PacsError *err);

/** A presentation context as the requestor proposes it. */
typedef struct PacsProposedContext {
    uint8_t id;                  /* odd */
    PacsSlice abstract_syntax;   /* trimmed; may be empty or no UID at all */
    PacsSlice transfer_syntaxes; /* whole sub-items, checked: see pacs_pdu_next_transfer_syntax() */
} PacsProposedContext;

/** Moves through a proposed context's transfer syntaxes in the requestor's order; false at the end. */
bool pacs_pdu_next_transfer_syntax(PacsSlice *rest, PacsSlice *ret_uid);

/** SCP/SCU role selection (PS3.7 D.3.3.4). */
typedef struct PacsRoles {
    PacsSlice sop_class_uid;
    bool scu, scp;
} PacsRoles;

/** SOP class extended negotiation (PS3.7 D.3.3.5). */
typedef struct PacsExtendedNegotiation {
    PacsSlice sop_class_uid;
    PacsSlice information;
} PacsExtendedNegotiation;

PACS_CHECKED PacsStatus pacs_pdu_parse_roles(PacsSlice value, PacsRoles *ret_roles, PacsError *err);
PACS_CHECKED PacsStatus pacs_pdu_parse_extended_negotiation(PacsSlice value,
                                                            PacsExtendedNegotiation *ret_extended,
                                                            PacsError *err);

/** User identity (PS3.7 D.3.3.7): 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JWT. */
typedef struct PacsUserIdentity {
    uint8_t type; /* 0: none was sent */
    bool wants_answer;
    PacsSlice primary, secondary;
} PacsUserIdentity;

/**
 * A-ASSOCIATE-RQ. Of items that may stand only once the first counts; unknown items are skipped, as
 * PS3.8 9.3.1 asks. About 5 kB.
 */
typedef struct PacsAssociateRequest {
    uint16_t protocol_version;
    PacsSlice called_aet, calling_aet; /* 16 bytes each, as they came */
    PacsSlice reserved;                /* 32 bytes that the answer repeats */
    PacsSlice application_context;     /* empty if absent */
    PacsProposedContext contexts[PACS_MAX_CONTEXTS];
    size_t context_count;
    bool has_max_pdu;
    uint32_t max_pdu; /* what the peer takes in one P-DATA-TF; 0: no limit */
    PacsSlice implementation_class_uid;
    PacsSlice implementation_version;
    bool has_asynchronous_window;
    PacsUserIdentity identity;
    /* All sub-items of the user information, checked: for walking the ones that may stand more than once with
     * pacs_pdu_next_item() and the parse functions above. */
    PacsSlice user_items;
} PacsAssociateRequest;

/** `body` is what follows the PDU header. *ret_request is filled as far as the parser came, also
 * on failure. */
PACS_CHECKED PacsStatus pacs_pdu_parse_associate_request(PacsSlice body, PacsAssociateRequest *ret_request,
                                                         PacsError *err);

/* A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source and reason travel together. */
typedef struct PacsReject {
    uint8_t result; /* 1 permanent, 2 transient */
    uint8_t source; /* 1 service user, 2 provider (ACSE), 3 provider (presentation) */
    uint8_t reason;
    const char *text; /* for the log; static */
} PacsReject;

/* A-ABORT (PS3.8 9.3.8) */
#define PACS_ABORT_BY_USER 0
#define PACS_ABORT_BY_PROVIDER 2
#define PACS_ABORT_NOT_SPECIFIED 0
#define PACS_ABORT_UNRECOGNISED_PDU 1
#define PACS_ABORT_UNEXPECTED_PDU 2
#define PACS_ABORT_INVALID_PARAMETER 6

#define PACS_SHORT_PDU_SIZE 10 /* A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP, A-ABORT */
void pacs_pdu_format_reject(const PacsReject *reject, uint8_t ret_bytes[PACS_SHORT_PDU_SIZE]);
void pacs_pdu_format_release_reply(uint8_t ret_bytes[PACS_SHORT_PDU_SIZE]);
void pacs_pdu_format_abort(uint8_t source, uint8_t reason, uint8_t ret_bytes[PACS_SHORT_PDU_SIZE]);

/** Below this a peer's maximum leaves no useful room for a fragment: such a request is malformed. */
#define PACS_PDU_MIN_PEER_MAX 16u

/**
 * One command set as P-DATA-TF PDUs of at most `peer_max_pdu` bytes (0: no limit, else PACS_PDU_MIN_PEER_MAX
 * or more), one PDV each, added to `out`, so that all of it leaves in one write.
 */
void pacs_pdu_format_command(uint8_t context_id, const void *command, size_t size, uint32_t peer_max_pdu,
                             PacsBuffer *out);

/** Adds type, reserved byte and length of an item or sub-item, whose value the caller adds next. */
void pacs_pdu_add_item_header(PacsBuffer *out, uint8_t type, size_t value_size);
