#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/http/http.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Which pages from elsewhere may use this server: Cross-Origin Resource Sharing. Off unless origins are given.
 *
 * Origins that are named may send credentials; "*" admits every page, but none with credentials.
 *
 * Threads: any, after it was made.
 * Source:  fetch.spec.whatwg.org, 3.2 (CORS protocol).
 */
typedef struct PacsHttpCors PacsHttpCors;

/** PACS_INVALID: an origin is not "scheme://host[:port]" and not "*". */
PACS_CHECKED PacsStatus pacs_http_cors_new(const char *const *origins, size_t count, PacsHttpCors **ret_cors,
                                           PacsError *err);
void pacs_http_cors_free(PacsHttpCors *cors);
PACS_DEFINE_AUTO(PacsHttpCors, pacs_http_cors_free);

/** Whether the request is a preflight of a page that may use the server: then the reply is complete. Preflights carry no
 *  credentials, so they are answered before rights are checked, the same for every path. */
bool pacs_http_cors_preflight(const PacsHttpCors *cors, const PacsHttpRequest *request, PacsHttpReply *reply);

/** Any other reply, errors too: lets the page see it, and some of its headers. */
void pacs_http_cors_mark(const PacsHttpCors *cors, const PacsHttpRequest *request, PacsHttpReply *reply);
