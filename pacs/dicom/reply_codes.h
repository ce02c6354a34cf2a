#pragma once

#include <stdint.h>

#include "pacs/util/status.h"

/**
 * The one table that turns a status into the words of the two protocols. Surfaces look it up and never
 * choose a code of their own for an error that came from below.
 *
 * Source: PS3.7 annex C and PS3.4 B.2.3 (C-STORE), RFC 9110; 507 is RFC 4918.
 */
typedef struct PacsReplyCodes {
    uint16_t http;
    uint16_t dimse_store; /* status of a C-STORE response */
} PacsReplyCodes;

PacsReplyCodes pacs_reply_codes(PacsStatus status);
