#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"
#include "workers/http_client/http_stream.h"
#include "workers/loop/inbox.h"
#include "workers/loop/source.h"
#include "workers/loop/sse.h"

#define PATH "/events"
#define IDLE_MS 90000 /* without a byte: three heartbeats of the archive missed */
#define READ_MAX (256u << 10)
#define RECONNECT_FIRST_MS 200
#define RECONNECT_MAX_MS 10000
#define POSITION_ARENA_MAX (64u << 10)
#define NS_PER_MS 1000000u

/** The archive's own stream of events: for installations without Kafka. The place is kept in the worker's database, written with
 *  each effect. */
typedef struct SourceHttp {
    WorkerSource base;
    WorkerHttpClient *client;
    WorkerDatabase *database;
    const char *consumer;
    char *name; /* of the place: the archive's address */

    WorkerHttpStream *stream; /* NULL: not connected */
    uint64_t reconnect_ns;
    uint32_t reconnect_ms;
    bool has_position;
    int64_t position; /* behind the last event that was done */

    PacsBuffer bytes; /* read and not parsed */
    size_t at;
    WorkerSse sse;
    EventsHeader header;
    WorkerRecord record; /* the one that is out */
    bool is_out;

    pthread_mutex_t lock;
    PacsError trouble; /* status PACS_OK: none */
} SourceHttp;

static SourceHttp *self_of(WorkerSource *source)
{
    return (SourceHttp *)source; /* base is the first member */
}

static void set_trouble(SourceHttp *self, const PacsError *trouble)
{
    pthread_mutex_lock(&self->lock);
    self->trouble = trouble ? *trouble : (PacsError){0};
    pthread_mutex_unlock(&self->lock);
}

static bool http_trouble(WorkerSource *source, PacsError *ret_trouble)
{
    SourceHttp *self = self_of(source);
    pthread_mutex_lock(&self->lock);
    const bool has = self->trouble.status != PACS_OK;
    if (has)
        *ret_trouble = self->trouble;
    pthread_mutex_unlock(&self->lock);
    return has;
}

/* ---- The connection ---- */

static void disconnect(SourceHttp *self, const PacsError *why)
{
    worker_http_stream_free(self->stream);
    self->stream = NULL;
    pacs_buffer_reset(&self->bytes);
    self->at = 0;
    worker_sse_reset(&self->sse);
    self->reconnect_ns = pacs_monotonic_ns() + (uint64_t)self->reconnect_ms * NS_PER_MS;
    self->reconnect_ms = self->reconnect_ms * 2 < RECONNECT_MAX_MS ? self->reconnect_ms * 2
                                                                   : RECONNECT_MAX_MS;
    set_trouble(self, why);
}

static PacsStatus read_position(SourceHttp *self, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(POSITION_ARENA_MAX);
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a place");
    PacsStatus status = worker_begin(self->database, &transaction, err);
    if (status == PACS_OK)
        status = worker_position_read(transaction, self->consumer, self->name, arena, &self->position, err);
    self->has_position = status == PACS_OK;
    return status;
}

static PacsStatus connect_stream(SourceHttp *self, PacsError *err)
{
    char path[64];
    PacsStatus status = self->has_position ? PACS_OK : read_position(self, err);
    if (status != PACS_OK)
        return status;
    (void)snprintf(path, sizeof path, PATH "?since=%" PRId64, self->position);
    const WorkerHttpCall call = {.path = path, .accept = "text/event-stream"};
    return worker_http_stream_open(self->client, &call, IDLE_MS, &self->stream, err);
}

/** Read more of the stream; a connection that fails is made anew later, and that is no error here. */
static void read_more(SourceHttp *self, uint32_t timeout_ms)
{
    PacsError err = {0};
    const uint64_t now = pacs_monotonic_ns();
    PacsStatus status = PACS_OK;
    if (!self->stream && now < self->reconnect_ns) {
        const uint64_t left_ms = (self->reconnect_ns - now) / NS_PER_MS + 1;
        (void)usleep((useconds_t)(left_ms < timeout_ms ? left_ms : timeout_ms) * 1000);
        return;
    }
    if (!self->stream)
        status = connect_stream(self, &err);
    pacs_buffer_reset(&self->bytes);
    self->at = 0;
    if (status == PACS_OK)
        status = worker_http_stream_read(self->stream, timeout_ms, &self->bytes, &err);
    if (status != PACS_OK) {
        disconnect(self, &err);
    } else if (self->bytes.size > 0) {
        self->reconnect_ms = RECONNECT_FIRST_MS;
        set_trouble(self, NULL);
    }
}

/* ---- Events ---- */

/** What stood between the two places is not retained any more. */
static void tell_gap(const SourceHttp *self, int64_t position)
{
    PACS_LOG(PACS_LOG_ERROR, self->consumer, "events-missed", PACS_F_I64("after", self->position),
             PACS_F_I64("until", position));
}

/** True: the event is a record. Others only say where the stream stands. */
static bool take_event(SourceHttp *self, const WorkerSseEvent *event)
{
    uint64_t id = 0;
    if (pacs_parse_u64(pacs_slice(event->id), INT64_MAX, &id, NULL) != PACS_OK)
        return false; /* not from an archive of ours */
    if (strcmp(event->type, "reset") == 0) {
        tell_gap(self, (int64_t)id);
        self->position = (int64_t)id;
        return false;
    }
    if (!event->data.text) {
        self->position = (int64_t)id;
        return false;
    }
    self->header = (EventsHeader){.name = "content-type",
                                  .value = PACS_SLICE("application/cloudevents+json")};
    self->record = (WorkerRecord){.topic = PATH,
                                  .offset = (int64_t)id,
                                  .timestamp_ms = pacs_now_ms(),
                                  .value = event->data,
                                  .headers = &self->header,
                                  .header_count = 1};
    return true;
}

/** The next record of what was read; false if more has to be read. */
static bool next_record(SourceHttp *self, PacsError *err)
{
    WorkerSseEvent event;
    bool found = true;
    while (found) {
        const char *bytes = pacs_buffer_text(&self->bytes) + self->at;
        size_t size = self->bytes.size - self->at;
        if (worker_sse_read(&self->sse, &bytes, &size, &found, &event, err) != PACS_OK) {
            disconnect(self, err);
            return false;
        }
        self->at = self->bytes.size - size;
        if (found && take_event(self, &event))
            return true;
    }
    return false;
}

static PacsStatus http_poll(WorkerSource *source, uint32_t timeout_ms, const WorkerRecord **ret_record,
                            PacsError *err)
{
    SourceHttp *self = self_of(source);
    PacsError trouble = {0};
    (void)err; /* whatever happens, it is tried again */
    if (!self->is_out)
        self->is_out = next_record(self, &trouble);
    if (!self->is_out) {
        read_more(self, timeout_ms);
        self->is_out = next_record(self, &trouble);
    }
    *ret_record = self->is_out ? &self->record : NULL;
    return PACS_OK;
}

static void http_done(WorkerSource *source)
{
    SourceHttp *self = self_of(source);
    self->position = self->record.offset;
    self->is_out = false;
}

static PacsStatus http_note(WorkerSource *source, const WorkerRecord *record, WorkerTransaction *transaction,
                            PacsError *err)
{
    const SourceHttp *self = self_of(source);
    return worker_position_write(transaction, self->consumer, self->name, record->offset, err);
}

/* ---- Life ---- */

static PacsStatus http_close(WorkerSource *source, uint32_t deadline_ms, PacsError *err)
{
    SourceHttp *self = self_of(source);
    (void)deadline_ms; /* hanging up takes no time */
    (void)err;
    worker_http_stream_free(self->stream);
    worker_http_client_free(self->client);
    pacs_buffer_clear(&self->bytes);
    worker_sse_clear(&self->sse);
    (void)pthread_mutex_destroy(&self->lock);
    free(self->name);
    free(self);
    return PACS_OK;
}

static const WorkerSourceOps http_ops = {.name = "http",
                                         .poll = http_poll,
                                         .done = http_done,
                                         .note = http_note,
                                         .trouble = http_trouble,
                                         .close = http_close};

PacsStatus worker_source_http_open(const WorkerHttpSourceOptions *options, WorkerSource **ret_source,
                                   PacsError *err)
{
    SourceHttp *self = calloc(1, sizeof *self);
    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a source");
    self->base.ops = &http_ops;
    self->database = options->database;
    self->consumer = options->consumer;
    self->reconnect_ms = RECONNECT_FIRST_MS;
    pacs_buffer_init(&self->bytes, READ_MAX);
    worker_sse_init(&self->sse, (size_t)2 * PACS_MAX_CLOUD_EVENT);
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)pacs_fail(&self->trouble, PACS_UNAVAILABLE, "not connected to the archive yet");
    PacsStatus status = worker_http_client_new(options->archive, &self->client, err);
    if (status == PACS_OK && asprintf(&self->name, "%s%s", options->archive->base_url, PATH) < 0)
        status = pacs_fail(err, PACS_NO_MEMORY, "no memory for a source");
    if (status != PACS_OK) {
        pacs_ignore(http_close(&self->base, 0, NULL));
        return status;
    }
    *ret_source = &self->base;
    return PACS_OK;
}
