#include "pacs/dimse/association.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "pacs/dimse/command.h"
#include "pacs/dimse/wire.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"
#include "tests/unit/dimse/script.h"
#include "tests/unit/dimse/wire_build.h"

#define CT_IMAGE "1.2.840.10008.5.1.4.1.1.2"
#define INSTANCE "1.2.3.4.5"
#define ECHO 1 /* context ids of the usual request */
#define STORE 3

/* An association that runs when everything the peer says has been written down. */
typedef struct Case {
    Script script;
    FakeSink sink;
    PacsDrain drain;
    PacsDimseOptions options;
    PacsAssociationPeer peer;
} Case;

static int begin_case(void **state)
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

static int end_case(void **state)
{
    Case *c = *state;

    script_clear(&c->script);
    fake_sink_clear(&c->sink);
    pacs_drain_clear(&c->drain);
    return 0;
}

static PacsAssociationResult run(Case *c)
{
    PacsAssociationSetup setup = {
        .options = &c->options, .sink = fake_sink_ops(&c->sink), .drain = &c->drain};

    return pacs_association_serve(&setup, &c->script.transport, &c->peer);
}

static const WireContext usual_contexts[] = {
    {ECHO, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}},
    {STORE, CT_IMAGE, {PACS_UID_EXPLICIT_LITTLE}},
    {5, "1.2.840.10008.5.1.4.1.2.2.1", {PACS_UID_IMPLICIT_LITTLE}}, /* a query: not accepted */
};

static void say_request(Case *c)
{
    wire_request(&c->script.said, &(WireRequest){.contexts = usual_contexts, .context_count = 3});
}

static void say_release(Case *c)
{
    wire_short_pdu(&c->script.said, PACS_PDU_RELEASE_RQ);
}

/* ---- What the peer heard ---- */

typedef struct Heard {
    uint8_t type;
    const uint8_t *body;
    uint32_t length;
} Heard;

/* The PDU at *at; type 0 if there is none. */
static Heard next_heard(const Case *c, size_t *at)
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

static Heard last_heard(const Case *c)
{
    size_t at = 0;
    Heard last = {0};

    for (Heard pdu = next_heard(c, &at); pdu.type; pdu = next_heard(c, &at))
        last = pdu;
    return last;
}

static void expect_abort(const Case *c, uint8_t source, uint8_t reason)
{
    Heard last = last_heard(c);

    assert_int_equal(last.type, PACS_PDU_ABORT);
    assert_int_equal(last.body[2], source);
    assert_int_equal(last.body[3], reason);
}

typedef struct HeardResponse {
    uint16_t field, message_id, status;
    char comment[80];
    PacsTag offending;
} HeardResponse;

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

/* The response that is the which-th PDU after the acceptance, from 0. */
static HeardResponse response_heard(const Case *c, unsigned which)
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

static void expect_response(const Case *c, unsigned which, uint16_t field, uint16_t message_id,
                            uint16_t status)
{
    HeardResponse response = response_heard(c, which);

    assert_int_equal(response.field, field);
    assert_int_equal(response.message_id, message_id);
    assert_int_equal(response.status, status);
}

/* ---- The ordinary course ---- */

static void an_echo_is_answered_and_released(void **state)
{
    Case *c = *state;

    say_request(c);
    wire_echo(&c->script.said, ECHO, 9);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    expect_response(c, 0, 0x8030, 9, 0x0000);
    assert_int_equal(last_heard(c).type, PACS_PDU_RELEASE_RP);
    assert_int_equal(c->script.writes, 3); /* each answer leaves in one write */
}

static void a_stored_object_reaches_the_sink_with_what_was_announced(void **state)
{
    Case *c = *state;

    say_request(c);
    wire_store(&c->script.said, STORE, 2, CT_IMAGE, INSTANCE);
    wire_data(&c->script.said, STORE, 0, "data ", 5);
    wire_data(&c->script.said, STORE, WIRE_LAST, "set", 3);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    expect_response(c, 0, 0x8001, 2, 0x0000);
    assert_string_equal(pacs_buffer_text(&c->sink.stored), "data set");
    assert_int_equal(c->sink.finished, 1);
    assert_string_equal(c->sink.class_uid, CT_IMAGE);
    assert_string_equal(c->sink.instance_uid, INSTANCE);
    assert_string_equal(c->sink.syntax_uid, PACS_UID_EXPLICIT_LITTLE);
    assert_string_equal(c->sink.calling_aet, "PEER");
}

static void many_operations_share_an_association(void **state)
{
    Case *c = *state;

    say_request(c);
    for (uint16_t i = 0; i < 20; i++) {
        wire_store(&c->script.said, STORE, i, CT_IMAGE, INSTANCE);
        wire_data(&c->script.said, STORE, WIRE_LAST, "x", 1);
        wire_echo(&c->script.said, ECHO, (uint16_t)(100 + i));
    }
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    for (uint16_t i = 0; i < 20; i++) {
        expect_response(c, 2u * i, 0x8001, i, 0x0000);
        expect_response(c, 2u * i + 1, 0x8030, (uint16_t)(100 + i), 0x0000);
    }
    assert_int_equal(c->sink.stored.size, 20);
}

/* A whole conversation, whose fragments are spread over PDUs in many ways. */
static void say_conversation(Case *c)
{
    PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);

    say_request(c);

    /* Command in three PDVs of two PDUs; its last stands beside the first of the data set. */
    wire_command(&command, 0x0001, 5, 0x0102, CT_IMAGE, INSTANCE);
    wire_pdv(&body, STORE, WIRE_COMMAND, command.bytes, 1);
    wire_pdv(&body, STORE, WIRE_COMMAND, NULL, 0);
    wire_pdv(&body, STORE, WIRE_COMMAND, command.bytes + 1, 12);
    wire_pdu(&c->script.said, PACS_PDU_DATA, &body);
    pacs_buffer_reset(&body);
    wire_pdv(&body, STORE, WIRE_COMMAND | WIRE_LAST, command.bytes + 13, command.size - 13);
    wire_pdv(&body, STORE, 0, "a", 1);
    wire_pdv(&body, STORE, 0, "bcd", 3);
    wire_pdu(&c->script.said, PACS_PDU_DATA, &body);

    /* The end of the data set, the whole of the next command, and an empty data set, in one PDU. */
    pacs_buffer_reset(&body);
    wire_pdv(&body, STORE, WIRE_LAST, NULL, 0);
    pacs_buffer_reset(&command);
    wire_command(&command, 0x0030, 6, 0x0101, PACS_UID_VERIFICATION, NULL);
    wire_pdv(&body, ECHO, WIRE_COMMAND | WIRE_LAST, command.bytes, command.size);
    wire_pdu(&c->script.said, PACS_PDU_DATA, &body);
    say_release(c);
}

static void fragments_may_be_dealt_out_in_any_way(void **state)
{
    Case *c = *state;

    say_conversation(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    expect_response(c, 0, 0x8001, 5, 0x0000);
    expect_response(c, 1, 0x8030, 6, 0x0000);
    assert_string_equal(pacs_buffer_text(&c->sink.stored), "abcd");
}

static void the_cuts_of_the_stream_do_not_matter(void **state)
{
    Case *c = *state;

    for (size_t cut = 1; cut < 40; cut++) {
        c->script.cut = cut;
        say_conversation(c);
        assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
        assert_string_equal(pacs_buffer_text(&c->sink.stored), "abcd");
        assert_int_equal(last_heard(c).type, PACS_PDU_RELEASE_RP);
        (void)end_case(state);
        (void)begin_case(state);
    }
}

static void a_conversation_cut_off_anywhere_ends_in_order(void **state)
{
    Case *c = *state;

    say_conversation(c);
    for (size_t size = 0, whole = c->script.said.size; size < whole; size++) {
        (void)end_case(state);
        (void)begin_case(state);
        say_conversation(c);
        c->script.said.size = size;
        assert_int_equal(run(c), PACS_ASSOCIATION_PEER_LEFT);
        assert_int_equal(c->sink.begun, c->sink.finished + c->sink.taken_back);
    }
}

static void fragments_of_one_byte_and_none_at_all_are_data(void **state)
{
    Case *c = *state;

    say_request(c);
    wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
    for (char letter = 'a'; letter <= 'z'; letter++)
        wire_data(&c->script.said, STORE, letter == 'z' ? WIRE_LAST : 0, &letter, 1);
    wire_store(&c->script.said, STORE, 2, CT_IMAGE, INSTANCE);
    wire_data(&c->script.said, STORE, WIRE_LAST, NULL, 0);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    assert_string_equal(pacs_buffer_text(&c->sink.stored), "abcdefghijklmnopqrstuvwxyz");
    assert_int_equal(c->sink.finished, 2);
}

static void an_object_larger_than_all_buffers_passes_through(void **state)
{
    Case *c = *state;
    PACS_AUTO_BUFFER PacsBuffer piece = PACS_BUFFER(WIRE_MAX);
    const size_t pieces = 20;

    for (uint32_t i = 0; i < 131066 / 2; i++)
        wire_bytes(&piece, (uint8_t[]){(uint8_t)i, (uint8_t)(i >> 8)}, 2);
    say_request(c);
    wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
    for (size_t i = 0; i < pieces; i++)
        wire_data(&c->script.said, STORE, i + 1 == pieces ? WIRE_LAST : 0, piece.bytes, piece.size);
    say_release(c);
    c->script.cut = 99991;
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    assert_int_equal(c->sink.stored.size, pieces * piece.size);
    for (size_t i = 0; i < pieces; i++)
        assert_memory_equal(c->sink.stored.bytes + i * piece.size, piece.bytes, piece.size);
}

static void a_cancel_of_nothing_is_ignored(void **state)
{
    Case *c = *state;
    PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);

    wire_us(&command, 0x0100, 0x0FFF);
    wire_us(&command, 0x0120, 1);
    wire_us(&command, 0x0800, 0x0101);
    say_request(c);
    wire_data(&c->script.said, STORE, WIRE_COMMAND | WIRE_LAST, command.bytes, command.size);
    wire_echo(&c->script.said, ECHO, 3);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    expect_response(c, 0, 0x8030, 3, 0x0000);
}

static void a_small_peer_gets_its_answer_in_pieces(void **state)
{
    Case *c = *state;
    size_t at = 0;

    wire_request(&c->script.said,
                 &(WireRequest){.contexts = usual_contexts, .context_count = 3, .max_pdu = 32});
    wire_echo(&c->script.said, ECHO, 9);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    assert_int_equal(next_heard(c, &at).type, PACS_PDU_ASSOCIATE_AC);
    for (Heard pdu = next_heard(c, &at); pdu.type == PACS_PDU_DATA; pdu = next_heard(c, &at))
        assert_true(pdu.length <= 32);
    assert_int_equal(c->script.writes, 3);
}

/* ---- Refusals of operations ---- */

static void failures_of_the_sink_are_answered_after_the_data_set(void **state)
{
    static const struct {
        PacsStatus status;
        uint16_t dimse_status;
    } rows[] = {{PACS_NO_SPACE, 0xA700}, {PACS_MISMATCH, 0xA900},    {PACS_INVALID, 0xC000},
                {PACS_REFUSED, 0x0124},  {PACS_UNAVAILABLE, 0xA700}, {PACS_CORRUPT, 0x0110}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int where = 0; where < 3; where++) {
            Case *c = *state;
            c->sink.begin_status = where == 0 ? rows[i].status : PACS_OK;
            c->sink.feed_status = where == 1 ? rows[i].status : PACS_OK;
            c->sink.finish_status = where == 2 ? rows[i].status : PACS_OK;
            c->sink.text = "(0010,0010) claims 9 bytes";
            say_request(c);
            wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
            wire_data(&c->script.said, STORE, 0, "abc", 3);
            wire_data(&c->script.said, STORE, WIRE_LAST, "def", 3);
            wire_echo(&c->script.said, ECHO, 2); /* the association goes on */
            say_release(c);
            assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
            expect_response(c, 0, 0x8001, 1, rows[i].dimse_status);
            assert_string_equal(response_heard(c, 0).comment, "(0010,0010) claims 9 bytes");
            expect_response(c, 1, 0x8030, 2, 0x0000);
            assert_int_equal(c->sink.stored.size, 0);
            assert_int_equal(c->sink.begun, c->sink.taken_back);
            (void)end_case(state);
            (void)begin_case(state);
        }
    }
}

/* One request with a data set (if announced), and the status it is answered with. */
static HeardResponse response_to(void **state, uint8_t context_id, const PacsBuffer *command, bool data_set)
{
    Case *c = *state;

    (void)end_case(state);
    (void)begin_case(state);
    say_request(c);
    wire_data(&c->script.said, context_id, WIRE_COMMAND | WIRE_LAST, command->bytes, command->size);
    if (data_set)
        wire_data(&c->script.said, context_id, WIRE_LAST, "ignored", 7);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    assert_int_equal(c->sink.begun, 0);
    return response_heard(c, 0);
}

static void unsound_requests_are_refused_with_the_reason(void **state)
{
    static const struct {
        uint8_t context_id;
        uint16_t field, data_set_type;
        const char *sop_class_uid, *sop_instance_uid;
        uint16_t status;
        PacsTag offending;
    } rows[] = {
        {STORE, 0x0001, 0, "1.2.840.10008.5.1.4.1.1.4", INSTANCE, 0x0122, PACS_TAG_AFFECTED_SOP_CLASS_UID},
        {STORE, 0x0001, 0, NULL, INSTANCE, 0x0122, PACS_TAG_AFFECTED_SOP_CLASS_UID},
        {ECHO, 0x0001, 0, PACS_UID_VERIFICATION, INSTANCE, 0x0122, PACS_TAG_AFFECTED_SOP_CLASS_UID},
        {STORE, 0x0001, 0, CT_IMAGE, NULL, 0x0117, PACS_TAG_AFFECTED_SOP_INSTANCE_UID},
        {STORE, 0x0001, 0, CT_IMAGE, "../../etc", 0x0117, PACS_TAG_AFFECTED_SOP_INSTANCE_UID},
        {STORE, 0x0001, 0x0101, CT_IMAGE, INSTANCE, 0xC000, PACS_TAG_COMMAND_DATA_SET_TYPE},
        {STORE, 0x0030, 0x0101, CT_IMAGE, NULL, 0x0122, PACS_TAG_AFFECTED_SOP_CLASS_UID},
        {STORE, 0x0020, 0, CT_IMAGE, NULL, 0x0211, PACS_TAG_COMMAND_FIELD},
        {STORE, 0x0150, 0x0101, CT_IMAGE, NULL, 0x0211, PACS_TAG_COMMAND_FIELD},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);
        wire_command(&command, rows[i].field, 4, rows[i].data_set_type, rows[i].sop_class_uid,
                     rows[i].sop_instance_uid);
        HeardResponse heard = response_to(state, rows[i].context_id, &command,
                                          rows[i].data_set_type != 0x0101);
        assert_int_equal(heard.status, rows[i].status);
        assert_int_equal(heard.offending, rows[i].offending);
        assert_int_equal(heard.field, rows[i].field | 0x8000);
        assert_int_equal(heard.message_id, 4);
        assert_true(heard.comment[0] != '\0');
    }
}

static void an_echo_with_a_data_set_is_answered_after_it(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);

    wire_command(&command, 0x0030, 4, 0x0000, PACS_UID_VERIFICATION, NULL);
    assert_int_equal(response_to(state, ECHO, &command, true).status, 0x0000);
}

/* ---- Each PDU in each state ---- */

static void say_pdu(Case *c, uint8_t type)
{
    if (type == PACS_PDU_ASSOCIATE_RQ)
        say_request(c);
    else if (type == PACS_PDU_DATA)
        wire_echo(&c->script.said, ECHO, 1);
    else
        wire_short_pdu(&c->script.said, type);
}

static void before_a_request_every_other_pdu_ends_the_association(void **state)
{
    static const uint8_t types[] = {2, 3, 4, 5, 6, 0, 8, 'G', 0xFF};

    for (size_t i = 0; i < sizeof types; i++) {
        Case *c = *state;
        say_pdu(c, types[i]);
        assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
        expect_abort(c, PACS_ABORT_BY_USER, 0); /* AA-1 */
        (void)end_case(state);
        (void)begin_case(state);
    }
    say_pdu(*state, PACS_PDU_ABORT); /* AA-2 */
    assert_int_equal(run(*state), PACS_ASSOCIATION_PEER_ABORTED);
    assert_int_equal(((Case *)*state)->script.heard.size, 0);
}

static void during_an_association_unexpected_pdus_abort_it(void **state)
{
    static const struct {
        uint8_t type, reason;
    } rows[] = {{1, 2}, {2, 2}, {3, 2}, {6, 2}, {0, 1}, {8, 1}, {'G', 1}, {0xFF, 1}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Case *c = *state;
        say_request(c);
        say_pdu(c, rows[i].type);
        assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
        expect_abort(c, PACS_ABORT_BY_PROVIDER, rows[i].reason); /* AA-8 */
        (void)end_case(state);
        (void)begin_case(state);
    }
}

static void during_an_association_an_abort_ends_it_silently(void **state)
{
    Case *c = *state;

    say_request(c);
    wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
    wire_data(&c->script.said, STORE, 0, "abc", 3);
    say_pdu(c, PACS_PDU_ABORT);
    assert_int_equal(run(c), PACS_ASSOCIATION_PEER_ABORTED);
    assert_int_equal(last_heard(c).type, PACS_PDU_ASSOCIATE_AC);
    assert_int_equal(c->sink.taken_back, 1);
}

static void a_release_inside_of_a_message_drops_it(void **state)
{
    Case *c = *state;

    say_request(c);
    wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
    wire_data(&c->script.said, STORE, 0, "abc", 3);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    assert_int_equal(last_heard(c).type, PACS_PDU_RELEASE_RP);
    assert_int_equal(c->sink.taken_back, 1);
    assert_int_equal(c->sink.finished, 0);
}

static void after_the_end_nothing_the_peer_says_matters(void **state)
{
    for (uint8_t type = 0; type <= 8; type++) {
        Case *c = *state;
        say_request(c);
        say_release(c);
        say_pdu(c, type);
        assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
        assert_int_equal(last_heard(c).type, PACS_PDU_RELEASE_RP);
        assert_int_equal(c->script.at, c->script.said.size); /* it was read, so that closing does not reset */
        (void)end_case(state);
        (void)begin_case(state);
    }
}

static void a_release_of_the_wrong_length_is_no_release(void **state)
{
    Case *c = *state;

    say_request(c);
    wire_pdu_header(&c->script.said, PACS_PDU_RELEASE_RQ, 0x7FFFFFFF);
    assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
    expect_abort(c, PACS_ABORT_BY_PROVIDER, PACS_ABORT_INVALID_PARAMETER);
}

/* ---- Requests that are refused ---- */

static void a_malformed_request_is_aborted(void **state)
{
    Case *c = *state;

    wire_short_pdu(&c->script.said, PACS_PDU_ASSOCIATE_RQ);
    assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
    expect_abort(c, PACS_ABORT_BY_USER, 0);
}

static void a_request_that_claims_too_much_is_aborted_unread(void **state)
{
    Case *c = *state;

    wire_pdu_header(&c->script.said, PACS_PDU_ASSOCIATE_RQ, 0xFFFFFFFF);
    assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
    expect_abort(c, PACS_ABORT_BY_USER, 0);
}

static void a_rejected_request_hears_why(void **state)
{
    Case *c = *state;

    c->options.check_called_aet = true;
    say_request(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_REJECTED);
    Heard heard = last_heard(c);
    assert_int_equal(heard.type, PACS_PDU_ASSOCIATE_RJ);
    assert_memory_equal(heard.body, "\0\1\1\7", 4);
}

static void one_too_many_is_rejected_for_now(void **state)
{
    Case *c = *state;
    const PacsReject refusal = {2, 3, 2, "too-many-associations"};

    c->peer.refusal = &refusal;
    say_request(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_REJECTED);
    assert_memory_equal(last_heard(c).body, "\0\2\3\2", 4);
}

static void an_association_without_accepted_contexts_stands(void **state)
{
    Case *c = *state;

    wire_request(&c->script.said, &(WireRequest){.contexts = &usual_contexts[2], .context_count = 1});
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
}

/* ---- Messages that break the rules ---- */

typedef struct Pdv {
    uint8_t context_id, control;
} Pdv;

static void fragments_out_of_turn_abort(void **state)
{
    static const struct {
        Pdv pdv;
        uint8_t source, reason;
        bool in_message; /* after a C-STORE's command */
    } rows[] = {
        {{STORE, 0}, 0, 0, false},                       /* a data set without a command */
        {{7, WIRE_COMMAND}, 2, 6, false},                /* a context nobody proposed */
        {{5, WIRE_COMMAND}, 2, 6, false},                /* one we did not accept */
        {{STORE, WIRE_COMMAND | WIRE_LAST}, 0, 0, true}, /* a second command */
        {{ECHO, WIRE_LAST}, 0, 0, true},                 /* the data set on another context */
        {{7, WIRE_LAST}, 2, 6, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Case *c = *state;
        say_request(c);
        if (rows[i].in_message)
            wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
        wire_data(&c->script.said, rows[i].pdv.context_id, rows[i].pdv.control, "abcd", 4);
        assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
        expect_abort(c, rows[i].source, rows[i].reason);
        assert_int_equal(c->sink.taken_back, rows[i].in_message);
        (void)end_case(state);
        (void)begin_case(state);
    }
}

static void lengths_that_lie_abort(void **state)
{
    static const struct {
        uint32_t pdu, pdv;
    } rows[] = {{0, 0},           {5, 0},  {6, 0},           {6, 1},          {10, 7},
                {10, 0xFFFFFFFF}, {11, 6}, {131072 + 17, 4}, {0xFFFFFFFF, 4}, {10, 0x80000006}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Case *c = *state;
        uint8_t header[PACS_PDV_HEADER_SIZE + 8] = {[4] = ECHO, [5] = WIRE_COMMAND};
        say_request(c);
        wire_pdu_header(&c->script.said, PACS_PDU_DATA, rows[i].pdu);
        pacs_wire_put_u32_big(header, rows[i].pdv);
        wire_bytes(&c->script.said, header, sizeof header);
        assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
        expect_abort(c, PACS_ABORT_BY_PROVIDER, PACS_ABORT_INVALID_PARAMETER);
        (void)end_case(state);
        (void)begin_case(state);
    }
}

static void a_command_without_end_is_aborted(void **state)
{
    Case *c = *state;
    static const uint8_t nothing[16000];

    say_request(c);
    for (int i = 0; i < 5; i++)
        wire_data(&c->script.said, ECHO, WIRE_COMMAND, nothing, sizeof nothing);
    assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
    expect_abort(c, PACS_ABORT_BY_USER, 0);
}

static void commands_that_cannot_be_answered_abort(void **state)
{
    for (int row = 0; row < 4; row++) {
        Case *c = *state;
        PACS_AUTO_BUFFER PacsBuffer command = PACS_BUFFER(WIRE_MAX);
        if (row == 0) { /* a response to nothing */
            wire_command(&command, 0x8001, 1, 0x0101, CT_IMAGE, INSTANCE);
        } else if (row == 1) { /* no message id */
            wire_us(&command, 0x0100, 0x0030);
            wire_us(&command, 0x0800, 0x0101);
        } else if (row == 2) { /* no command field */
            wire_us(&command, 0x0110, 1);
            wire_us(&command, 0x0800, 0x0101);
        } /* else nothing at all */
        say_request(c);
        wire_data(&c->script.said, ECHO, WIRE_COMMAND | WIRE_LAST, command.bytes, command.size);
        assert_int_equal(run(c), PACS_ASSOCIATION_PROTOCOL);
        expect_abort(c, PACS_ABORT_BY_USER, 0);
        (void)end_case(state);
        (void)begin_case(state);
    }
}

/* ---- Time ---- */

static void a_peer_that_says_nothing_is_aborted(void **state)
{
    Case *c = *state;

    c->script.end = PACS_READ_TIMED_OUT; /* ARTIM */
    assert_int_equal(run(c), PACS_ASSOCIATION_TIMED_OUT);
    expect_abort(c, PACS_ABORT_BY_USER, 0);
}

static void an_idle_or_stuck_association_is_aborted(void **state)
{
    for (int in_message = 0; in_message < 2; in_message++) {
        Case *c = *state;
        c->script.end = PACS_READ_TIMED_OUT;
        say_request(c);
        if (in_message)
            wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
        assert_int_equal(run(c), PACS_ASSOCIATION_TIMED_OUT);
        expect_abort(c, PACS_ABORT_BY_USER, 0);
        assert_int_equal(c->sink.taken_back, in_message);
        (void)end_case(state);
        (void)begin_case(state);
    }
}

static void a_peer_that_takes_no_answer_ends_the_association(void **state)
{
    Case *c = *state;

    c->script.deaf = true;
    say_request(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_PEER_LEFT);
}

static void a_drain_rejects_new_associations(void **state)
{
    Case *c = *state;

    pacs_drain_begin(&c->drain, UINT64_MAX);
    say_request(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_REJECTED);
    assert_memory_equal(last_heard(c).body, "\0\2\3\1", 4);
}

static void a_drain_aborts_an_idle_association(void **state)
{
    Case *c = *state;

    c->script.drain_at_end = &c->drain;
    say_request(c);
    wire_echo(&c->script.said, ECHO, 1);
    assert_int_equal(run(c), PACS_ASSOCIATION_STOPPED);
    expect_response(c, 0, 0x8030, 1, 0x0000);
    expect_abort(c, PACS_ABORT_BY_USER, 0);
}

static void a_drain_lets_an_operation_wait_for_its_data(void **state)
{
    Case *c = *state;

    c->script.drain_at_end = &c->drain;
    c->script.end = PACS_READ_TIMED_OUT; /* the data set's end does not come in the time the drain gives */
    say_request(c);
    wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
    assert_int_equal(run(c), PACS_ASSOCIATION_TIMED_OUT);
    expect_abort(c, PACS_ABORT_BY_USER, 0);
    assert_int_equal(c->sink.taken_back, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_case, end_case)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_echo_is_answered_and_released),
        TEST(a_stored_object_reaches_the_sink_with_what_was_announced),
        TEST(many_operations_share_an_association),
        TEST(fragments_may_be_dealt_out_in_any_way),
        TEST(the_cuts_of_the_stream_do_not_matter),
        TEST(a_conversation_cut_off_anywhere_ends_in_order),
        TEST(fragments_of_one_byte_and_none_at_all_are_data),
        TEST(an_object_larger_than_all_buffers_passes_through),
        TEST(a_cancel_of_nothing_is_ignored),
        TEST(a_small_peer_gets_its_answer_in_pieces),
        TEST(failures_of_the_sink_are_answered_after_the_data_set),
        TEST(unsound_requests_are_refused_with_the_reason),
        TEST(an_echo_with_a_data_set_is_answered_after_it),
        TEST(before_a_request_every_other_pdu_ends_the_association),
        TEST(during_an_association_unexpected_pdus_abort_it),
        TEST(during_an_association_an_abort_ends_it_silently),
        TEST(a_release_inside_of_a_message_drops_it),
        TEST(after_the_end_nothing_the_peer_says_matters),
        TEST(a_release_of_the_wrong_length_is_no_release),
        TEST(a_malformed_request_is_aborted),
        TEST(a_request_that_claims_too_much_is_aborted_unread),
        TEST(a_rejected_request_hears_why),
        TEST(one_too_many_is_rejected_for_now),
        TEST(an_association_without_accepted_contexts_stands),
        TEST(fragments_out_of_turn_abort),
        TEST(lengths_that_lie_abort),
        TEST(a_command_without_end_is_aborted),
        TEST(commands_that_cannot_be_answered_abort),
        TEST(a_peer_that_says_nothing_is_aborted),
        TEST(an_idle_or_stuck_association_is_aborted),
        TEST(a_peer_that_takes_no_answer_ends_the_association),
        TEST(a_drain_rejects_new_associations),
        TEST(a_drain_aborts_an_idle_association),
        TEST(a_drain_lets_an_operation_wait_for_its_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
