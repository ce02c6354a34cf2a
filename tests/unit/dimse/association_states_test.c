/* Peers that break the rules: each PDU in each state, requests and messages that are unsound. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/dimse/wire.h"
#include "tests/unit/dimse/association_case.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(before_a_request_every_other_pdu_ends_the_association),
        CASE_TEST(during_an_association_unexpected_pdus_abort_it),
        CASE_TEST(during_an_association_an_abort_ends_it_silently),
        CASE_TEST(a_release_inside_of_a_message_drops_it),
        CASE_TEST(after_the_end_nothing_the_peer_says_matters),
        CASE_TEST(a_release_of_the_wrong_length_is_no_release),
        CASE_TEST(a_malformed_request_is_aborted),
        CASE_TEST(a_request_that_claims_too_much_is_aborted_unread),
        CASE_TEST(a_rejected_request_hears_why),
        CASE_TEST(one_too_many_is_rejected_for_now),
        CASE_TEST(an_association_without_accepted_contexts_stands),
        CASE_TEST(fragments_out_of_turn_abort),
        CASE_TEST(lengths_that_lie_abort),
        CASE_TEST(a_command_without_end_is_aborted),
        CASE_TEST(commands_that_cannot_be_answered_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
