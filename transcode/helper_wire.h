#pragma once

#include "transcode/layout.h"

/* Between the service and its helpers: one message each way for every frame. Both are the same binary. */

#define HELPER_SOCKET 3 /* the helper's end */

typedef struct HelperRequest {
    TranscodeLayout stored, native;
    char transfer_syntax_uid[65];
    uint32_t timeout_ms; /* after which it ends itself, should the server be gone; 0: never */
    uint64_t memory;     /* address space beyond what it has; 0: any */
    uint64_t shared; /* bytes of the shared memory, whose descriptor comes with the message where it is new */
    uint64_t size;   /* of the codestream, at 0 */
    uint64_t out, out_size;
} HelperRequest;

typedef struct HelperReply {
    uint32_t status;
    char text[PACS_ERROR_TEXT_MAX];
} HelperReply;
