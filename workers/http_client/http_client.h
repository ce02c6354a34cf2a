#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * A careful HTTP client for workers: one server, known by its address, asked within a deadline and a size.
 *
 * Safety:  http and https only, no redirects, no proxy of the environment unless asked for, certificates checked, an
 *          answer larger than its maximum is given up as it arrives. Credentials go to this server alone.
 * Threads: one at a time; connections are kept open between requests.
 * Errors:  PACS_UNAVAILABLE (no connection, a timeout, 408, 429, 5xx), PACS_REFUSED (401, 403), PACS_NOT_FOUND (404, 410),
 *          PACS_TOO_LARGE (an answer over the maximum; 413), PACS_INVALID (other 4xx), PACS_UNSUPPORTED (a redirect, 406, 415).
 *          The text names method, path and code, never credentials.
 */
typedef struct WorkerHttpClient WorkerHttpClient;

typedef struct WorkerHttpClientOptions {
    const char *base_url; /* "http://archive:8042" or with a path: "https://host/pacs" */
    const char *username; /* NULL: no basic authentication */
    const char *password;
    const char *bearer_token;                /* NULL: none */
    const char *ca_file;                     /* NULL: the system's */
    const char *certificate_file, *key_file; /* NULL: the client shows none */
    bool public_addresses_only;              /* loopback, link-local and private addresses are PACS_REFUSED */
    uint32_t connect_timeout_ms;             /* 0: 5,000 */
    uint32_t timeout_ms;                     /* 0: 60,000; of a whole exchange */
} WorkerHttpClientOptions;

/** Everything is copied. PACS_INVALID: no http or https URL, or one with credentials in it. */
PACS_CHECKED PacsStatus worker_http_client_new(const WorkerHttpClientOptions *options,
                                               WorkerHttpClient **ret_client, PacsError *err);
void worker_http_client_free(WorkerHttpClient *client);
PACS_DEFINE_AUTO(WorkerHttpClient, worker_http_client_free);

typedef struct WorkerHttpCall {
    const char *method; /* NULL: GET */
    const char *path; /* below the base URL, percent-encoded, with its query: "/dicom-web/studies?limit=1" */
    const char *accept;       /* NULL: no such header */
    const char *content_type; /* of the body */
    const void *body;         /* NULL: none */
    size_t body_size;
    const char *traceparent; /* NULL: none */
    bool is_any_code;        /* every answer is a result, also 404 and 503: the caller looks at its code */
} WorkerHttpCall;

#define WORKER_HTTP_TYPE_SIZE 128

typedef struct WorkerHttpResult {
    uint32_t code;                            /* 200 to 299, unless is_any_code was asked for */
    char content_type[WORKER_HTTP_TYPE_SIZE]; /* "" if there was none */
} WorkerHttpResult;

/** Ask, and read the answer's body into `body`, whose maximum is the answer's. ret_result may be NULL. */
PACS_CHECKED PacsStatus worker_http_call(WorkerHttpClient *client, const WorkerHttpCall *call,
                                         PacsBuffer *body, WorkerHttpResult *ret_result, PacsError *err);

/** `text` percent-encoded as one segment of a path or value of a query. */
bool worker_http_escape(PacsBuffer *out, const char *text);
