#pragma once

#include "pacs/http/mapped.h"
#include "pacs/util/auto.h"

/**
 * Mapped bodies that were asked for a moment ago, by the name of their content (http.h, pacs_http_reply_recall()). One
 * that nobody asks for goes after PACS_HTTP_MAPPED_IDLE_MS, so that the file of a deleted object leaves the disk soon after
 * its name.
 *
 * Threads: any.
 */
typedef struct PacsHttpMappedBodies PacsHttpMappedBodies;

/** NULL: no memory. */
PacsHttpMappedBodies *pacs_http_mapped_bodies_new(void);
void pacs_http_mapped_bodies_free(PacsHttpMappedBodies *bodies);
PACS_DEFINE_AUTO(PacsHttpMappedBodies, pacs_http_mapped_bodies_free);

/** The caller's to unref; NULL: none of this name. */
PacsHttpMapped *pacs_http_mapped_bodies_find(PacsHttpMappedBodies *bodies, const char *name);
/** Whether one of this name is worth mapping: not where it is asked for once, since mapping costs what reading does. A guess,
 *  from some thousand names that are remembered: false the first time. */
bool pacs_http_mapped_bodies_wants(PacsHttpMappedBodies *bodies, const char *name);
void pacs_http_mapped_bodies_add(PacsHttpMappedBodies *bodies, const char *name, PacsHttpMapped *mapped);
/** To be called now and then. */
void pacs_http_mapped_bodies_expire(PacsHttpMappedBodies *bodies);
