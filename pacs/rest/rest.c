#include "pacs/rest/rest_private.h"

#include <stdlib.h>
#include <string.h>

PacsStatus pacs_rest_new(const PacsRestOptions *options, PacsIngest *ingest, PacsRetrieve *retrieve,
                         PacsIndex *index, PacsStore *store, PacsMetrics *metrics, PacsRest **ret_rest,
                         PacsError *err)
{
    PacsRest *rest = calloc(1, sizeof *rest);
    if (!rest)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the REST API");

    rest->options = *options;
    rest->ingest = ingest;
    rest->retrieve = retrieve;
    rest->index = index;
    rest->store = store;
    rest->metrics = metrics;
    rest->mount = (PacsHttpMount){.prefix = "",
                                  .routes = rest_routes,
                                  .route_count = rest_route_count,
                                  .context = rest,
                                  .error = rest_render_error};
    const RestEventHubOptions hub = {.compose = options->events,
                                     .heartbeat_ms = options->event_heartbeat_ms,
                                     .max_listeners = options->max_event_listeners};
    const PacsStatus status = rest_event_hub_new(&hub, index, metrics, &rest->event_hub, err);
    if (status != PACS_OK) {
        free(rest);
        return status;
    }
    *ret_rest = rest;
    return PACS_OK;
}

void pacs_rest_free(PacsRest *rest)
{
    if (!rest)
        return;
    rest_event_hub_free(rest->event_hub);
    free(rest);
}

const PacsHttpMount *pacs_rest_mount(const PacsRest *rest)
{
    return &rest->mount;
}

void pacs_rest_set_ports(PacsRest *rest, uint16_t dicom_port, uint16_t http_port)
{
    rest->options.dicom_port = dicom_port;
    rest->options.http_port = http_port;
}

void pacs_rest_set_draining(PacsRest *rest)
{
    atomic_store(&rest->draining, true);
}

/* ---- What several handlers use ---- */

static const char *const level_paths[] = {
    [PACS_LEVEL_PATIENT] = "patients",
    [PACS_LEVEL_STUDY] = "studies",
    [PACS_LEVEL_SERIES] = "series",
    [PACS_LEVEL_INSTANCE] = "instances",
};

const char *rest_level_path(PacsLevel level)
{
    return level_paths[level];
}

PacsLevel rest_path_level(const PacsHttpRequest *request)
{
    const char *segment = pacs_http_path(request) + 1;

    for (int level = PACS_LEVEL_PATIENT; level < PACS_LEVEL_INSTANCE; level++) {
        size_t size = strlen(level_paths[level]);
        if (strncmp(segment, level_paths[level], size) == 0)
            return (PacsLevel)level;
    }
    return PACS_LEVEL_INSTANCE;
}

PacsStatus rest_query_u64(const PacsHttpRequest *request, const char *name, uint64_t max, uint64_t *ret_value,
                          PacsError *err)
{
    const char *text = pacs_http_query(request, name);

    if (!text)
        return PACS_OK;
    PacsStatus status = pacs_parse_u64(pacs_slice(text), max, ret_value, NULL);
    return status == PACS_OK ? PACS_OK
                             : pacs_fail(err, PACS_INVALID, "'%s' is to be a number from 0 to %llu", name,
                                         (unsigned long long)max);
}

bool rest_query_flag(const PacsHttpRequest *request, const char *name)
{
    const char *text = pacs_http_query(request, name);

    return text && strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

void rest_reply_json(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply, PacsBuffer *json)
{
    PacsError err = {0};

    if (pacs_buffer_check(json, &err) != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        pacs_http_reply_buffer(reply, "application/json", json);
}
