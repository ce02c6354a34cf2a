#pragma once

#include <curl/curl.h>

#include "workers/http_client/http_client.h"

/* What a call and a stream share. */

struct WorkerHttpClient {
    CURL *handle;   /* of calls; keeps the connections */
    char *base_url; /* without a slash at the end */
    char *username, *password;
    char *authorization; /* "Authorization: Bearer ...": the header; NULL: none */
    char *ca_file, *certificate_file, *key_file;
    bool public_addresses_only;
    bool has_refused_address; /* during this request */
    uint32_t connect_timeout_ms, timeout_ms;
    char message[CURL_ERROR_SIZE];
};

/** Everything of a request but its body and its deadline, on a fresh or reset handle. *ret_headers is the caller's to
 *  curl_slist_free_all() once the request has ended. */
PACS_CHECKED PacsStatus worker_http_set_up(WorkerHttpClient *client, CURL *handle, const WorkerHttpCall *call,
                                           struct curl_slist **ret_headers, PacsError *err);

/** What a failure of libcurl means, told with the call's method and path. */
PACS_CHECKED PacsStatus worker_http_fail(const WorkerHttpCall *call, CURLcode code, const char *message,
                                         PacsError *err);
/** PACS_OK for 200 to 299. */
PACS_CHECKED PacsStatus worker_http_check_code(const WorkerHttpCall *call, uint32_t code, PacsError *err);
