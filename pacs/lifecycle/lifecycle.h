#pragma once

#include <stdint.h>

#include "pacs/index/index_write.h"
#include "pacs/ingest/ingest.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * What happens to objects by the clock: patients, studies and series become stable (and `study.arrived` goes
 * to the outbox), old events are purged, a backlog of them is noticed, bytes of deleted objects are removed, the sweep's mark moves on, what a power loss brought
 * back goes again, metadata of what arrived is made ready. One thread of its own.
 *
 * Errors: what fails is logged once per kind of failure and tried again on the next tick.
 */
typedef struct PacsLifecycle PacsLifecycle;

typedef struct PacsLifecycleOptions {
    uint32_t stable_age_s;
    uint32_t tick_ms; /* 0: default, one second */
    /** What BulkDataURIs in ready-made metadata begin with (pacs/lifecycle/append.h); NULL: it is not made. */
    const char *metadata_root;
    uint32_t event_retention_days; /* 0: events are kept for ever */
    bool events_are_sent;          /* by a relay: what is not sent yet is kept, however old */
} PacsLifecycleOptions;

/** Starts the thread. index and ingest are borrowed and outlive it. */
PACS_CHECKED PacsStatus pacs_lifecycle_new(const PacsLifecycleOptions *options, PacsIndex *index,
                                           PacsIngest *ingest, PacsMetrics *metrics,
                                           PacsLifecycle **ret_lifecycle, PacsError *err);
/** Ends the thread after the tick it is in. */
void pacs_lifecycle_free(PacsLifecycle *lifecycle);
PACS_DEFINE_AUTO(PacsLifecycle, pacs_lifecycle_free);
