#include "workers/http_client/http_stream.h"

#include <stdlib.h>
#include <string.h>

#include "workers/http_client/http_client_private.h"

struct WorkerHttpStream {
    CURLM *multi;
    CURL *handle;
    struct curl_slist *headers;
    char *path;
    PacsBuffer *out; /* the caller's, while he reads */
    size_t taken;    /* bytes, in this reading */
    bool is_paused;
    char message[CURL_ERROR_SIZE];
};

/** Called within curl_multi_perform(), which is within a reading. Nothing of an error's page is kept. */
static size_t take_bytes(char *bytes, size_t one, size_t size, void *context)
{
    WorkerHttpStream *stream = context;
    long code = 0;
    (void)one; /* always 1 */
    (void)curl_easy_getinfo(stream->handle, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200 || code > 299)
        return 0;
    if (stream->out->max - stream->out->size < size) {
        stream->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    stream->taken += size;
    return pacs_buffer_add(stream->out, bytes, size) ? size : 0;
}

static PacsStatus set_up(WorkerHttpClient *client, const WorkerHttpCall *call, uint32_t idle_ms,
                         WorkerHttpStream *stream, PacsError *err)
{
    const PacsStatus status = worker_http_set_up(client, stream->handle, call, &stream->headers, err);
    if (status != PACS_OK)
        return status;
    (void)curl_easy_setopt(stream->handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(stream->handle, CURLOPT_LOW_SPEED_TIME, (long)(idle_ms / 1000));
    (void)curl_easy_setopt(stream->handle, CURLOPT_ERRORBUFFER, stream->message);
    (void)curl_easy_setopt(stream->handle, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(stream->handle, CURLOPT_WRITEDATA, stream);
    return curl_multi_add_handle(stream->multi, stream->handle) == CURLM_OK
               ? PACS_OK
               : pacs_fail(err, PACS_NO_MEMORY, "no memory for an HTTP request");
}

PacsStatus worker_http_stream_open(WorkerHttpClient *client, const WorkerHttpCall *call, uint32_t idle_ms,
                                   WorkerHttpStream **ret_stream, PacsError *err)
{
    PACS_AUTO(WorkerHttpStream) stream = calloc(1, sizeof *stream);
    if (!stream)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an HTTP request");
    stream->multi = curl_multi_init();
    stream->handle = curl_easy_init();
    stream->path = strdup(call->path);
    if (!stream->multi || !stream->handle || !stream->path)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an HTTP request");
    const PacsStatus status = set_up(client, call, idle_ms, stream, err);
    if (status == PACS_OK)
        *ret_stream = PACS_STEAL(stream);
    return status;
}

void worker_http_stream_free(WorkerHttpStream *stream)
{
    if (!stream)
        return;
    if (stream->multi && stream->handle)
        (void)curl_multi_remove_handle(stream->multi,
                                       stream->handle); /* one that was never added is fine too */
    curl_easy_cleanup(stream->handle);
    (void)curl_multi_cleanup(stream->multi);
    curl_slist_free_all(stream->headers);
    free(stream->path);
    free(stream);
}

/** PACS_OK while the answer goes on. */
static PacsStatus check_end(WorkerHttpStream *stream, PacsError *err)
{
    const WorkerHttpCall call = {.path = stream->path};
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(stream->multi, &left);
    long code = 0;
    if (!message || message->msg != CURLMSG_DONE)
        return PACS_OK;
    (void)curl_easy_getinfo(stream->handle, CURLINFO_RESPONSE_CODE, &code);
    if (code != 0) {
        const PacsStatus status = worker_http_check_code(&call, (uint32_t)code, err);
        if (status != PACS_OK)
            return status;
    }
    if (message->data.result != CURLE_OK)
        return worker_http_fail(&call, message->data.result, stream->message, err);
    return pacs_fail(err, PACS_UNAVAILABLE, "GET %s: the answer ended", stream->path);
}

PacsStatus worker_http_stream_read(WorkerHttpStream *stream, uint32_t timeout_ms, PacsBuffer *out,
                                   PacsError *err)
{
    int running = 0;
    stream->out = out;
    stream->taken = 0;
    if (stream->is_paused) {
        stream->is_paused = false;
        (void)curl_easy_pause(stream->handle, CURLPAUSE_CONT);
    }
    (void)curl_multi_perform(stream->multi, &running); /* what goes wrong is told by the transfer's end */
    PacsStatus status = check_end(stream, err);
    if (status == PACS_OK && stream->taken == 0) {
        (void)curl_multi_poll(stream->multi, NULL, 0, (int)timeout_ms, NULL);
        (void)curl_multi_perform(stream->multi, &running);
        status = check_end(stream, err);
    }
    stream->out = NULL;
    return stream->taken > 0 ? PACS_OK : status; /* an end is told again by the next reading */
}
