#pragma once

#include "pacs/index/index.h"

/**
 * A duty that one of several processes over the same index has at a time, by name ("metadata"). Work under a lease must
 * bear that another has taken over meanwhile: a lease saves double work, it locks nothing. Where that is not enough, a write
 * carries a fence: it is refused once another has had the lease.
 */

typedef struct PacsFence {
    const char *name; /* of the lease */
    uint64_t epoch;   /* as pacs_index_take_lease() told it */
} PacsFence;

/**
 * Take the lease or keep it for `ttl_ms` from now; *ret_held false while another holder has it. *ret_epoch (may be NULL)
 * is set with it: it rises whenever the lease changes hands, for ever.
 */
PACS_CHECKED PacsStatus pacs_index_take_lease(PacsIndex *index, const char *name, const char *holder,
                                              uint32_t ttl_ms, bool *ret_held, uint64_t *ret_epoch,
                                              PacsError *err);
/** Let others have it at once; nothing happens if it is somebody else's. */
PACS_CHECKED PacsStatus pacs_index_drop_lease(PacsIndex *index, const char *name, const char *holder,
                                              PacsError *err);
