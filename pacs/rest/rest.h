#pragma once

#include "events/contract/compose.h"
#include "pacs/http/http.h"
#include "pacs/index/index.h"
#include "pacs/ingest/ingest.h"
#include "pacs/retrieve/retrieve.h"
#include "pacs/store/store.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * Orthanc's REST API, and the probes of those who operate the server (/livez, /readyz, /metrics).
 *
 * Threads: handlers run on any HTTP or pool thread.
 * Source:  shared facts about Orthanc 1.13's API; its error bodies and field names are kept to the letter.
 */
typedef struct PacsRest PacsRest;

typedef struct PacsRestOptions {
    const char *name; /* Name */
    const char *dicom_aet;
    uint16_t dicom_port; /* 0 where the DICOM door is closed */
    uint16_t http_port;
    uint64_t maximum_storage_size_mb;
    PacsOverwrite overwrite;
    const char *ingest_transcoding; /* a transfer syntax; "" for none */
    uint32_t lossy_quality;         /* DicomLossyTranscodingQuality */
    PacsExtraTags extra_tags;
    EventsComposeOptions events; /* how GET /events tells them */
    uint32_t event_heartbeat_ms; /* 0: as proxies need it */
    size_t max_event_listeners;  /* 0: PACS_MAX_EVENT_LISTENERS */
    bool http_secure;            /* IsHttpServerSecure: who asks from afar has to say who he is */
    bool read_only;
    bool describe_errors; /* HttpDescribeErrors */
} PacsRestOptions;

/** Texts in options are borrowed, like all the others; metrics may be NULL. */
PACS_CHECKED PacsStatus pacs_rest_new(const PacsRestOptions *options, PacsIngest *ingest,
                                      PacsRetrieve *retrieve, PacsIndex *index, PacsStore *store,
                                      PacsMetrics *metrics, PacsRest **ret_rest, PacsError *err);
void pacs_rest_free(PacsRest *rest);
PACS_DEFINE_AUTO(PacsRest, pacs_rest_free);

/** What pacs/http/http_server.h mounts at "". Borrowed from rest. */
const PacsHttpMount *pacs_rest_mount(const PacsRest *rest);

/** Ports that were 0 in the options are known once the doors are open. Before the first request. */
void pacs_rest_set_ports(PacsRest *rest, uint16_t dicom_port, uint16_t http_port);

/** From now on /readyz answers 503: the server is going away. Any thread. */
void pacs_rest_set_draining(PacsRest *rest);
