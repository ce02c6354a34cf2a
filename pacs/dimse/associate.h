#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/options.h"
#include "pacs/dimse/pdu.h"
#include "pacs/dimse/permissions.h"

/**
 * What an association is going to be: from the peer's request and our options to an acceptance or a
 * rejection.
 *
 * Threads: any. Decides, and formats; neither sends nor keeps.
 * Source:  PS3.8 9.3.3 and 9.3.4; PS3.7 annex D; PS3.4 A.4 and B.3.
 */

typedef enum PacsContextResult {
    PACS_CONTEXT_ACCEPTED = 0,
    PACS_CONTEXT_REFUSED = 1, /* "user rejection": this peer may not do this here */
    PACS_CONTEXT_NO_ABSTRACT_SYNTAX = 3,
    PACS_CONTEXT_NO_TRANSFER_SYNTAX = 4,
} PacsContextResult;

typedef enum PacsService { PACS_SERVICE_NONE, PACS_SERVICE_ECHO, PACS_SERVICE_STORE } PacsService;

typedef struct PacsContext {
    uint8_t id;
    PacsContextResult result;
    PacsService service; /* what an accepted context is for */
    char sop_class_uid[PACS_UID_SIZE];
    const PacsUidEntry *transfer_syntax; /* NULL unless accepted */
} PacsContext;

/** About 12 kB. */
typedef struct PacsNegotiated {
    char calling_aet[PACS_AET_SIZE]; /* trimmed; "?" stands for each byte that cannot be in an AE title */
    char called_aet[PACS_AET_SIZE];
    PacsPermissions permissions;
    uint32_t peer_max_pdu;
    PacsContext contexts[PACS_MAX_CONTEXTS];
    size_t context_count;
} PacsNegotiated;

/**
 * True: accepted, *ret_negotiated is whole (it keeps nothing of the request). False: *ret_reject says how,
 * and *ret_negotiated holds the AE titles for the log.
 *
 * An association is accepted even if none of its contexts is, as the standard and all peers have it.
 */
bool pacs_associate_negotiate(const PacsAssociateRequest *request, const PacsDimseOptions *options,
                              const char *remote_ip, PacsNegotiated *ret_negotiated, PacsReject *ret_reject);

/** Adds the A-ASSOCIATE-AC. Errors: those of the buffer; PACS_ACCEPT_SIZE_MAX is always enough. */
PACS_CHECKED PacsStatus pacs_associate_format_accept(const PacsAssociateRequest *request,
                                                     const PacsDimseOptions *options,
                                                     const PacsNegotiated *negotiated, PacsBuffer *out,
                                                     PacsError *err);

/* 128 contexts of 76 bytes, 128 roles of 72, 128 extended negotiations of 76, and the fixed part. */
#define PACS_ACCEPT_SIZE_MAX (32u << 10)
