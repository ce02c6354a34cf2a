#pragma once

#include "workers/http_client/http_client.h"

/**
 * An answer that does not end: read as it comes, without waiting longer than the caller wants to.
 *
 * Memory:  what the caller's buffer holds; when it is full the server is slowed down.
 * Threads: one at a time; the client may be used for calls meanwhile, by the same thread.
 * Errors:  as of a call; PACS_UNAVAILABLE also where not a byte came for `idle_ms`, and at the answer's end.
 */
typedef struct WorkerHttpStream WorkerHttpStream;

PACS_CHECKED PacsStatus worker_http_stream_open(WorkerHttpClient *client, const WorkerHttpCall *call,
                                                uint32_t idle_ms, WorkerHttpStream **ret_stream,
                                                PacsError *err);
void worker_http_stream_free(WorkerHttpStream *stream);
PACS_DEFINE_AUTO(WorkerHttpStream, worker_http_stream_free);

/** Add what came to `out`, which has room for at least 64 KiB; waits at most timeout_ms for the first byte. */
PACS_CHECKED PacsStatus worker_http_stream_read(WorkerHttpStream *stream, uint32_t timeout_ms,
                                                PacsBuffer *out, PacsError *err);
