#include "tests/unit/dimse/association_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/wire.h"
#include "pacs/util/log.h"

int begin_case(void **state)
{
    static Case c;

    pacs_log_setup(PACS_LOG_ERROR, PACS_LOG_AS_TEXT, 2);
    memset(&c, 0, sizeof c);
    script_init(&c.script);
    fake_sink_init(&c.sink);
    c.options = pacs_dimse_default_options();
    c.peer = (PacsAssociationPeer){.number = 1, .remote_ip = "127.0.0.1"};
    assert_int_equal(pacs_drain_init(&c.drain, NULL), PACS_OK);
    *state = &c;
    return 0;
}

int end_case(void **state)
{
    Case *c = *state;

    script_clear(&c->script);
    fake_sink_clear(&c->sink);
    pacs_drain_clear(&c->drain);
    return 0;
}

PacsAssociationResult run(Case *c)
{
    PacsAssociationSetup setup = {
        .options = &c->options, .sink = fake_sink_ops(&c->sink), .drain = &c->drain};

    return pacs_association_serve(&setup, &c->script.transport, &c->peer);
}

const WireContext usual_contexts[] = {
    {ECHO, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}},
    {STORE, CT_IMAGE, {PACS_UID_EXPLICIT_LITTLE}},
    {5, "1.2.840.10008.5.1.4.1.2.2.1", {PACS_UID_IMPLICIT_LITTLE}}, /* a query: not accepted */
};

void say_request(Case *c)
{
    wire_request(&c->script.said, &(WireRequest){.contexts = usual_contexts, .context_count = 3});
}

void say_release(Case *c)
{
    wire_short_pdu(&c->script.said, PACS_PDU_RELEASE_RQ);
}

/* ---- What the peer heard ---- */

Heard next_heard(const Case *c, size_t *at)
{
    const PacsBuffer *heard = &c->script.heard;

    if (*at + PACS_PDU_HEADER_SIZE > heard->size)
        return (Heard){0};
    PacsPduHeader header = pacs_pdu_parse_header(heard->bytes + *at);
    Heard pdu = {header.type, heard->bytes + *at + PACS_PDU_HEADER_SIZE, header.length};
    *at += PACS_PDU_HEADER_SIZE + header.length;
    assert_true(*at <= heard->size);
    return pdu;
}

Heard last_heard(const Case *c)
{
    size_t at = 0;
    Heard last = {0};

    for (Heard pdu = next_heard(c, &at); pdu.type; pdu = next_heard(c, &at))
        last = pdu;
    return last;
}

void expect_abort(const Case *c, uint8_t source, uint8_t reason)
{
    Heard last = last_heard(c);

    assert_int_equal(last.type, PACS_PDU_ABORT);
    assert_int_equal(last.body[2], source);
    assert_int_equal(last.body[3], reason);
}

static void take_response_element(HeardResponse *response, uint16_t element, const uint8_t *value,
                                  uint32_t size)
{
    if (element == 0x0100)
        response->field = pacs_wire_u16_little(value);
    else if (element == 0x0120)
        response->message_id = pacs_wire_u16_little(value);
    else if (element == 0x0900)
        response->status = pacs_wire_u16_little(value);
    else if (element == 0x0901)
        response->offending = PACS_TAG(pacs_wire_u16_little(value), pacs_wire_u16_little(value + 2));
    else if (element == 0x0902)
        memcpy(response->comment, value, size);
}

HeardResponse response_heard(const Case *c, unsigned which)
{
    size_t at = 0;
    HeardResponse response = {0};

    assert_int_equal(next_heard(c, &at).type, PACS_PDU_ASSOCIATE_AC);
    while (which--)
        assert_int_equal(next_heard(c, &at).type, PACS_PDU_DATA);
    Heard pdu = next_heard(c, &at);
    assert_int_equal(pdu.type, PACS_PDU_DATA);
    for (uint32_t i = 6; i + 8 <= pdu.length;) {
        uint32_t size = pacs_wire_u32_little(pdu.body + i + 4);
        take_response_element(&response, pacs_wire_u16_little(pdu.body + i + 2), pdu.body + i + 8, size);
        i += 8 + size;
    }
    return response;
}

void expect_response(const Case *c, unsigned which, uint16_t field, uint16_t message_id, uint16_t status)
{
    HeardResponse response = response_heard(c, which);

    assert_int_equal(response.field, field);
    assert_int_equal(response.message_id, message_id);
    assert_int_equal(response.status, status);
}
