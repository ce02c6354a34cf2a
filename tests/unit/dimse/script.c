#include "tests/unit/dimse/script.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/util/text.h"

#define SCRIPT_MAX (16u << 20)

static PacsReadResult script_read(PacsTransport *self, const struct iovec parts[2], uint64_t deadline_ns,
                                  int wake_fd, size_t *ret_size)
{
    Script *script = (Script *)self;
    size_t left = script->said.size - script->at;
    size_t size = parts[0].iov_len + parts[1].iov_len;
    size_t given = left < size ? left : size;

    (void)deadline_ns; /* a script that has run out is out of time */
    (void)wake_fd;
    if (script->cut && given > script->cut)
        given = script->cut;
    if (given == 0 && script->drain_at_end) {
        pacs_drain_begin(script->drain_at_end, UINT64_MAX);
        script->drain_at_end = NULL;
        return PACS_READ_WOKEN;
    }
    if (given == 0)
        return script->end;
    size_t first = given < parts[0].iov_len ? given : parts[0].iov_len;
    memcpy(parts[0].iov_base, script->said.bytes + script->at, first);
    if (given > first)
        memcpy(parts[1].iov_base, script->said.bytes + script->at + first, given - first);
    script->at += given;
    *ret_size = given;
    return PACS_READ_BYTES;
}

static bool script_write(PacsTransport *self, const void *bytes, size_t size, uint64_t deadline_ns)
{
    Script *script = (Script *)self;

    (void)deadline_ns;
    script->writes++;
    return !script->deaf && pacs_buffer_add(&script->heard, bytes, size);
}

static void script_free(PacsTransport *self)
{
    (void)self; /* the test's own struct */
}

static const PacsTransportOps script_ops = {.read = script_read, .write = script_write, .free = script_free};

void script_init(Script *script)
{
    *script = (Script){.transport.ops = &script_ops, .end = PACS_READ_CLOSED};
    pacs_buffer_init(&script->said, SCRIPT_MAX);
    pacs_buffer_init(&script->heard, SCRIPT_MAX);
}

void script_clear(Script *script)
{
    pacs_buffer_clear(&script->said);
    pacs_buffer_clear(&script->heard);
}

/* ---- Sink ---- */

typedef struct FakeUpload {
    FakeSink *sink;
    size_t start; /* of its data set in `stored` */
    bool finished;
} FakeUpload;

static PacsStatus answer(const FakeSink *sink, PacsStatus status, PacsError *err)
{
    return status == PACS_OK ? PACS_OK : pacs_fail(err, status, "%s", sink->text ? sink->text : "as told");
}

static PacsStatus fake_begin(void *context, const PacsUploadRequest *request, void **ret_upload,
                             PacsError *err)
{
    FakeSink *sink = context;

    if (sink->begin_status != PACS_OK)
        return answer(sink, sink->begin_status, err);
    FakeUpload *upload = malloc(sizeof *upload);
    if (!upload)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory");
    *upload = (FakeUpload){.sink = sink, .start = sink->stored.size};
    sink->begun++;
    (void)pacs_text_copy(sink->class_uid, sizeof sink->class_uid, request->announced->sop_class_uid);
    (void)pacs_text_copy(sink->instance_uid, sizeof sink->instance_uid, request->announced->sop_instance_uid);
    (void)pacs_text_copy(sink->syntax_uid, sizeof sink->syntax_uid, request->announced->transfer_syntax_uid);
    (void)pacs_text_copy(sink->calling_aet, sizeof sink->calling_aet, request->origin->calling_aet);
    (void)pacs_text_copy(sink->traceparent, sizeof sink->traceparent,
                         request->traceparent ? request->traceparent : "");
    *ret_upload = upload;
    return PACS_OK;
}

static PacsStatus fake_feed(void *upload, const void *bytes, size_t size, PacsError *err)
{
    FakeSink *sink = ((FakeUpload *)upload)->sink;

    if (sink->feed_status == PACS_OK && !pacs_buffer_add(&sink->stored, bytes, size))
        return pacs_fail(err, PACS_TOO_LARGE, "the fake sink is full");
    return answer(sink, sink->feed_status, err);
}

/* Odd sizes, now and then none, as a store's blocks have them. */
static PacsStatus fake_room(void *upload, uint8_t **ret_room, size_t *ret_size, PacsError *err)
{
    FakeSink *sink = ((FakeUpload *)upload)->sink;

    *ret_room = sink->room;
    *ret_size = ++sink->rooms % 5 == 0 && !sink->is_roomy ? 0 : sizeof sink->room - sink->rooms % 7;
    return answer(sink, sink->feed_status, err);
}

static PacsStatus fake_filled(void *upload, size_t size, PacsError *err)
{
    FakeSink *sink = ((FakeUpload *)upload)->sink;

    sink->filled += size;
    return fake_feed(upload, sink->room, size, err);
}

static PacsStatus fake_finish(void *upload, PacsIngested *ret_ingested, PacsError *err)
{
    FakeUpload *fake = upload;

    if (fake->sink->finish_status != PACS_OK)
        return answer(fake->sink, fake->sink->finish_status, err);
    fake->finished = true;
    fake->sink->finished++;
    *ret_ingested = (PacsIngested){0};
    return PACS_OK;
}

static void fake_free(void *upload)
{
    FakeUpload *fake = upload;

    if (fake && !fake->finished) {
        fake->sink->stored.size = fake->start;
        fake->sink->taken_back++;
    }
    free(fake);
}

void fake_sink_init(FakeSink *sink)
{
    *sink = (FakeSink){0};
    pacs_buffer_init(&sink->stored, SCRIPT_MAX);
}

void fake_sink_clear(FakeSink *sink)
{
    pacs_buffer_clear(&sink->stored);
}

static PacsStatus fake_admit(void *context, PacsError *err)
{
    const FakeSink *sink = context;

    return sink->admit_status == PACS_OK ? PACS_OK : pacs_fail(err, sink->admit_status, "%s", sink->text);
}

PacsSink fake_sink_ops(FakeSink *sink)
{
    return (PacsSink){.context = sink,
                      .admit = fake_admit,
                      .begin = fake_begin,
                      .room = fake_room,
                      .filled = fake_filled,
                      .feed = fake_feed,
                      .finish = fake_finish,
                      .free = fake_free};
}
