#pragma once

#include "pacs/http/http_server.h"
#include "workers/loop/loop.h"

/** What the platform asks a worker: GET /livez, /readyz, /metrics. */
typedef struct WorkerProbes {
    WorkerLoop *loop;
    PacsMetrics *metrics;
} WorkerProbes;

/** Answers until it is freed; `probes` outlives it. port 0: any. */
PACS_CHECKED PacsStatus worker_health_open(const WorkerProbes *probes, const char *address, uint16_t port,
                                           PacsHttpServer **ret_server, PacsError *err);
