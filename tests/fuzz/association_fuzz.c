/* A whole association with a peer that says whatever the input has, after a sound request or instead
 * of one. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/log.h"
#include "tests/unit/dimse/script.h"
#include "tests/unit/dimse/wire_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_request(PacsBuffer *said)
{
    static const WireContext contexts[] = {
        {1, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}},
        {3, "1.2.840.10008.5.1.4.1.1.2", {PACS_UID_EXPLICIT_LITTLE}},
    };

    wire_request(said, &(WireRequest){.contexts = contexts, .context_count = 2, .max_pdu = 64});
}

static void serve(Script *script, FakeSink *sink, PacsDrain *drain)
{
    PacsDimseOptions options = pacs_dimse_default_options();
    PacsAssociationSetup setup = {.options = &options, .sink = fake_sink_ops(sink), .drain = drain};
    PacsAssociationPeer peer = {.number = 1, .remote_ip = "192.0.2.7"};

    (void)pacs_association_serve(&setup, &script->transport, &peer);
    if (sink->begun != sink->finished + sink->taken_back)
        abort(); /* an upload that nobody ended */
}

/* Two bytes of settings: whether a request is made for the input, how reads are cut, what the
 * sink refuses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Script script;
    FakeSink sink;
    PacsDrain drain;

    pacs_log_setup(PACS_LOG_ERROR, PACS_LOG_AS_TEXT, 2);
    if (size < 2 || pacs_drain_init(&drain, NULL) != PACS_OK)
        return 0;
    script_init(&script);
    fake_sink_init(&sink);
    script.cut = data[0] >> 2;
    script.end = data[0] & 2 ? PACS_READ_TIMED_OUT : PACS_READ_CLOSED;
    script.drain_at_end = data[1] & 8 ? &drain : NULL;
    sink.begin_status = data[1] & 1 ? PACS_NO_SPACE : PACS_OK;
    sink.feed_status = data[1] & 2 ? PACS_INVALID : PACS_OK;
    sink.finish_status = data[1] & 4 ? PACS_MISMATCH : PACS_OK;
    if (data[0] & 1)
        say_request(&script.said);
    wire_bytes(&script.said, data + 2, size - 2);
    serve(&script, &sink, &drain);
    script_clear(&script);
    fake_sink_clear(&sink);
    pacs_drain_clear(&drain);
    return 0;
}
