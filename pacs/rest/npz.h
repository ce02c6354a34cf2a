#pragma once

#include "pacs/http/http.h"
#include "transcode/service.h"

/** An array as numpy's savez_compressed writes it: a ZIP of one deflated member, made while it is sent. */
typedef struct RestNpz {
    const void *header;
    size_t header_size;
    const PacsHttpOpener *opener; /* of what follows the header */
    const void *const *items;
    size_t count;
    uint64_t item_size;
} RestNpz;

/** npz and all in it are borrowed until the answer has been sent. */
PACS_CHECKED PacsStatus rest_npz_reply(const RestNpz *npz, PacsHttpReply *reply, PacsError *err);

/** A result's bytes from `offset` on; *takes* result. */
PACS_CHECKED PacsStatus rest_result_source(TranscodeResult *result, uint64_t offset, PacsSource **ret_source,
                                           PacsError *err);
