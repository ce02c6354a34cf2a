/* The ordinary course of an association, refusals of operations, and time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/trace.h"
#include "tests/unit/dimse/association_case.h"

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

static void a_long_data_set_is_read_to_where_it_stays(void **state)
{
    Case *c = *state;
    PACS_AUTO_BUFFER PacsBuffer piece = PACS_BUFFER(WIRE_MAX);

    for (uint32_t i = 0; i < 131060 / 2; i++)
        wire_bytes(&piece, (uint8_t[]){(uint8_t)i, (uint8_t)(i >> 8)}, 2);
    say_request(c);
    wire_store(&c->script.said, STORE, 1, CT_IMAGE, INSTANCE);
    for (size_t i = 0; i < 10; i++)
        wire_data(&c->script.said, STORE, i == 9 ? WIRE_LAST : 0, piece.bytes, piece.size);
    say_release(c);
    c->sink.is_roomy = true;
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED); /* all of it stood ready to be read at once */
    assert_int_equal(c->sink.stored.size, 10 * piece.size);
    assert_true(c->sink.filled > c->sink.stored.size / 100 * 95);
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

/* ---- Traces ---- */

static void each_association_is_a_trace_of_its_own(void **state)
{
    Case *c = *state;
    PacsTrace trace;
    char first[PACS_TRACEPARENT_SIZE];

    say_request(c);
    wire_store(&c->script.said, STORE, 2, CT_IMAGE, INSTANCE);
    wire_data(&c->script.said, STORE, WIRE_LAST, "x", 1);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    assert_true(pacs_trace_parse(pacs_slice(c->sink.traceparent), &trace));
    memcpy(first, c->sink.traceparent, sizeof first);
    (void)end_case(state);
    (void)begin_case(state);
    c = *state;
    say_request(c);
    wire_store(&c->script.said, STORE, 2, CT_IMAGE, INSTANCE);
    wire_data(&c->script.said, STORE, WIRE_LAST, "x", 1);
    assert_int_equal(run(c), PACS_ASSOCIATION_PEER_LEFT);
    assert_string_not_equal(c->sink.traceparent, first);
}

/* ---- Backlog ---- */

static void who_comes_to_store_is_asked_to_come_later_where_nothing_is_admitted(void **state)
{
    static const uint8_t local_limit[] = {0, 2, 3, 2}; /* transient, presentation related provider */
    Case *c = *state;

    c->sink.admit_status = PACS_UNAVAILABLE;
    c->sink.text = "a backlog";
    say_request(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_REJECTED);
    const Heard heard = last_heard(c);
    assert_int_equal(heard.type, PACS_PDU_ASSOCIATE_RJ);
    assert_memory_equal(heard.body, local_limit, sizeof local_limit);
}

static void a_verification_is_answered_where_nothing_is_admitted(void **state)
{
    static const WireContext echo[] = {{ECHO, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}}};
    Case *c = *state;

    c->sink.admit_status = PACS_UNAVAILABLE;
    wire_request(&c->script.said, &(WireRequest){.contexts = echo, .context_count = 1});
    wire_echo(&c->script.said, ECHO, 9);
    say_release(c);
    assert_int_equal(run(c), PACS_ASSOCIATION_RELEASED);
    expect_response(c, 0, 0x8030, 9, 0x0000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(an_echo_is_answered_and_released),
        CASE_TEST(a_stored_object_reaches_the_sink_with_what_was_announced),
        CASE_TEST(many_operations_share_an_association),
        CASE_TEST(fragments_may_be_dealt_out_in_any_way),
        CASE_TEST(the_cuts_of_the_stream_do_not_matter),
        CASE_TEST(a_conversation_cut_off_anywhere_ends_in_order),
        CASE_TEST(fragments_of_one_byte_and_none_at_all_are_data),
        CASE_TEST(an_object_larger_than_all_buffers_passes_through),
        CASE_TEST(a_long_data_set_is_read_to_where_it_stays),
        CASE_TEST(a_cancel_of_nothing_is_ignored),
        CASE_TEST(a_small_peer_gets_its_answer_in_pieces),
        CASE_TEST(failures_of_the_sink_are_answered_after_the_data_set),
        CASE_TEST(unsound_requests_are_refused_with_the_reason),
        CASE_TEST(an_echo_with_a_data_set_is_answered_after_it),
        CASE_TEST(a_peer_that_says_nothing_is_aborted),
        CASE_TEST(an_idle_or_stuck_association_is_aborted),
        CASE_TEST(a_peer_that_takes_no_answer_ends_the_association),
        CASE_TEST(a_drain_rejects_new_associations),
        CASE_TEST(a_drain_aborts_an_idle_association),
        CASE_TEST(a_drain_lets_an_operation_wait_for_its_data),
        CASE_TEST(each_association_is_a_trace_of_its_own),
        CASE_TEST(who_comes_to_store_is_asked_to_come_later_where_nothing_is_admitted),
        CASE_TEST(a_verification_is_answered_where_nothing_is_admitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
