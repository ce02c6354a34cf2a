#include "pacs/dimse/pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "tests/unit/dimse/wire_build.h"

#define CT_IMAGE "1.2.840.10008.5.1.4.1.1.2"

static const WireContext contexts[] = {
    {1, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}},
    {3, CT_IMAGE, {PACS_UID_JPEG_BASELINE, PACS_UID_EXPLICIT_LITTLE}},
};

static PacsSlice slice_of(const PacsBuffer *buffer)
{
    return (PacsSlice){(const char *)buffer->bytes, buffer->size};
}

/* Parses a request that has these user items behind the usual ones. */
static PacsStatus parse_with(const PacsBuffer *user_items, PacsAssociateRequest *ret_request)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);

    wire_request_body(&body,
                      &(WireRequest){.contexts = contexts, .context_count = 2, .user_items = user_items});
    PacsStatus status = pacs_pdu_parse_associate_request(slice_of(&body), ret_request, NULL);
    /* The slices die with the body. */
    memset(&ret_request->user_items, 0, sizeof ret_request->user_items);
    return status;
}

static PacsStatus parse_with_item(uint8_t type, const void *value, size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer items = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;

    wire_item(&items, type, value, size);
    return parse_with(&items, &request);
}

static void a_request_gives_what_the_peer_said(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;
    PacsSlice rest, uid;

    wire_request_body(&body, &(WireRequest){.contexts = contexts, .context_count = 2, .max_pdu = 28672});
    assert_int_equal(pacs_pdu_parse_associate_request(slice_of(&body), &request, NULL), PACS_OK);

    assert_int_equal(request.protocol_version, 1);
    assert_memory_equal(request.called_aet.text, "ANY-SCP         ", 16);
    assert_memory_equal(request.calling_aet.text, "PEER            ", 16);
    assert_true(pacs_slice_equal(request.application_context, PACS_UID_APPLICATION_CONTEXT));
    assert_int_equal(request.max_pdu, 28672);
    assert_int_equal(request.context_count, 2);
    assert_int_equal(request.contexts[1].id, 3);
    assert_true(pacs_slice_equal(request.contexts[1].abstract_syntax, CT_IMAGE));
    rest = request.contexts[1].transfer_syntaxes;
    assert_true(pacs_pdu_next_transfer_syntax(&rest, &uid));
    assert_true(pacs_slice_equal(uid, PACS_UID_JPEG_BASELINE));
    assert_true(pacs_pdu_next_transfer_syntax(&rest, &uid));
    assert_true(pacs_slice_equal(uid, PACS_UID_EXPLICIT_LITTLE));
    assert_false(pacs_pdu_next_transfer_syntax(&rest, &uid));
}

static void a_request_cut_anywhere_is_refused_or_whole_items(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;
    size_t accepted = 0;

    wire_request_body(&body, &(WireRequest){.contexts = contexts, .context_count = 2});
    for (size_t size = 0; size < body.size; size++) {
        /* An exact copy, so that the address sanitizer sees one byte too far. */
        PACS_AUTO_BUFFER PacsBuffer copy = PACS_BUFFER(WIRE_MAX);
        wire_bytes(&copy, body.bytes, size);
        PacsStatus status = pacs_pdu_parse_associate_request(slice_of(&copy), &request, NULL);
        assert_true(status == PACS_OK || status == PACS_INVALID);
        accepted += status == PACS_OK;
    }
    assert_int_equal(accepted, 2); /* after the first context, and after the second */
}

static void context_ids_are_odd_and_differ(void **state)
{
    (void)state;
    PacsAssociateRequest request;

    for (uint8_t id = 0; id < 4; id++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
        WireContext pair[] = {{1, CT_IMAGE, {PACS_UID_IMPLICIT_LITTLE}},
                              {id, CT_IMAGE, {PACS_UID_IMPLICIT_LITTLE}}};
        wire_request_body(&body, &(WireRequest){.contexts = pair, .context_count = 2});
        assert_int_equal(pacs_pdu_parse_associate_request(slice_of(&body), &request, NULL),
                         id == 3 ? PACS_OK : PACS_INVALID);
    }
}

static void all_128_contexts_fit(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;
    WireContext many[PACS_MAX_CONTEXTS];

    for (size_t i = 0; i < PACS_MAX_CONTEXTS; i++)
        many[i] = (WireContext){(uint8_t)(2 * i + 1), CT_IMAGE, {PACS_UID_IMPLICIT_LITTLE}};
    wire_request_body(&body, &(WireRequest){.contexts = many, .context_count = PACS_MAX_CONTEXTS});
    assert_int_equal(pacs_pdu_parse_associate_request(slice_of(&body), &request, NULL), PACS_OK);
    assert_int_equal(request.context_count, PACS_MAX_CONTEXTS);
    assert_int_equal(request.contexts[127].id, 255);
}

static void a_request_without_contexts_is_refused(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;

    wire_request_body(&body, &(WireRequest){0});
    assert_int_equal(pacs_pdu_parse_associate_request(slice_of(&body), &request, NULL), PACS_INVALID);
}

static void unknown_items_and_sub_items_are_skipped(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
    PACS_AUTO_BUFFER PacsBuffer items = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;

    wire_item(&items, 0xEE, "anything", 8);
    wire_item(&items, 0x5F, "", 0);
    wire_request_body(&body, &(WireRequest){.contexts = contexts, .context_count = 2, .user_items = &items});
    wire_item(&body, 0x99, "more", 4);
    assert_int_equal(pacs_pdu_parse_associate_request(slice_of(&body), &request, NULL), PACS_OK);
    assert_int_equal(request.context_count, 2);
}

static void of_items_that_stand_once_the_first_counts(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer items = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;

    wire_item(&items, PACS_ITEM_MAXIMUM_LENGTH, (uint8_t[]){0, 0, 0x20, 0}, 4); /* after the usual 16384 */
    wire_item(&items, PACS_ITEM_USER_IDENTITY, "\1\1\0\3abc\0\0", 9);
    wire_item(&items, PACS_ITEM_USER_IDENTITY, "\2\0\0\1x\0\1y", 8);
    assert_int_equal(parse_with(&items, &request), PACS_OK);
    assert_int_equal(request.max_pdu, 16384);
    assert_int_equal(request.identity.type, 1);
    assert_true(request.identity.wants_answer);
    assert_int_equal(request.identity.primary.size, 3);
}

static void every_type_of_user_identity_is_taken(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= 5; type++) {
        uint8_t value[] = {type, 0, 0, 2, 'h', 'i', 0, 1, '!'};
        PACS_AUTO_BUFFER PacsBuffer items = PACS_BUFFER(WIRE_MAX);
        PacsAssociateRequest request;

        wire_item(&items, PACS_ITEM_USER_IDENTITY, value, sizeof value);
        assert_int_equal(parse_with(&items, &request), PACS_OK);
        assert_int_equal(request.identity.type, type);
        assert_int_equal(request.identity.secondary.size, 1);
    }
}

/* Each known sub-item, cut at every length short of the whole. */
static void sub_items_that_end_early_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint8_t value[12];
        size_t size;
        size_t also_whole; /* a shorter form that is whole, 0: none */
    } rows[] = {
        {PACS_ITEM_MAXIMUM_LENGTH, {0, 0, 0x40, 0}, 4, 0},
        {PACS_ITEM_ASYNCHRONOUS_WINDOW, {0, 1, 0, 1}, 4, 0},
        {PACS_ITEM_ROLE_SELECTION, {0, 3, '1', '.', '2', 1, 0}, 7, 0},
        {PACS_ITEM_EXTENDED_NEGOTIATION, {0, 3, '1', '.', '2'}, 5, 0},
        {PACS_ITEM_COMMON_EXTENDED_NEGOTIATION, {0, 1, '1', 0, 1, '2', 0, 3, 0, 1, '3'}, 11, 6},
        {PACS_ITEM_USER_IDENTITY, {1, 0, 0, 2, 'h', 'i', 0, 1, '!'}, 9, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(parse_with_item(rows[i].type, rows[i].value, rows[i].size), PACS_OK);
        for (size_t size = 0; size < rows[i].size; size++)
            if (size != rows[i].also_whole || size == 0)
                assert_int_equal(parse_with_item(rows[i].type, rows[i].value, size), PACS_INVALID);
    }
}

static void a_peer_that_takes_nothing_is_refused(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WIRE_MAX);
    PacsAssociateRequest request;

    wire_request_body(&body, &(WireRequest){.contexts = contexts, .context_count = 2, .max_pdu = 15});
    assert_int_equal(pacs_pdu_parse_associate_request(slice_of(&body), &request, NULL), PACS_INVALID);
}

static void a_pdv_must_fit_into_its_pdu(void **state)
{
    (void)state;
    PacsPdvHeader header;
    uint8_t bytes[PACS_PDV_HEADER_SIZE] = {0, 0, 0, 10, 5, 3};

    assert_int_equal(pacs_pdu_parse_pdv(bytes, 14, &header, NULL), PACS_OK);
    assert_int_equal(header.size, 8);
    assert_int_equal(header.context_id, 5);
    assert_true(header.is_command && header.is_last);
    assert_int_equal(pacs_pdu_parse_pdv(bytes, 13, &header, NULL), PACS_INVALID);
    assert_int_equal(pacs_pdu_parse_pdv(bytes, 3, &header, NULL), PACS_INVALID);

    bytes[3] = 1; /* shorter than its own header */
    assert_int_equal(pacs_pdu_parse_pdv(bytes, 14, &header, NULL), PACS_INVALID);
    memset(bytes, 0xFF, 4); /* 32 bits of it */
    assert_int_equal(pacs_pdu_parse_pdv(bytes, 14, &header, NULL), PACS_INVALID);
}

static void short_pdus_have_the_standards_bytes(void **state)
{
    (void)state;
    uint8_t bytes[PACS_SHORT_PDU_SIZE];

    pacs_pdu_format_reject(&(PacsReject){2, 3, 1, ""}, bytes);
    assert_memory_equal(bytes, "\x03\0\0\0\0\x04\0\x02\x03\x01", sizeof bytes);
    pacs_pdu_format_release_reply(bytes);
    assert_memory_equal(bytes, "\x06\0\0\0\0\x04\0\0\0\0", sizeof bytes);
    pacs_pdu_format_abort(2, 6, bytes);
    assert_memory_equal(bytes, "\x07\0\0\0\0\x04\0\0\x02\x06", sizeof bytes);
}

static void a_command_is_cut_to_what_the_peer_takes(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(WIRE_MAX);

    pacs_pdu_format_command(7, "0123456789abcdef", 16, 16, &out);
    assert_int_equal(out.size, 16 + 2 * 12);
    assert_memory_equal(out.bytes,
                        "\x04\0\0\0\0\x10\0\0\0\x0C\x07\x01"
                        "0123456789"
                        "\x04\0\0\0\0\x0C\0\0\0\x08\x07\x03"
                        "abcdef",
                        out.size);

    pacs_buffer_reset(&out);
    pacs_pdu_format_command(7, "0123456789abcdef", 16, 0, &out);
    assert_int_equal(out.size, 16 + 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gives_what_the_peer_said),
        cmocka_unit_test(a_request_cut_anywhere_is_refused_or_whole_items),
        cmocka_unit_test(context_ids_are_odd_and_differ),
        cmocka_unit_test(all_128_contexts_fit),
        cmocka_unit_test(a_request_without_contexts_is_refused),
        cmocka_unit_test(unknown_items_and_sub_items_are_skipped),
        cmocka_unit_test(of_items_that_stand_once_the_first_counts),
        cmocka_unit_test(every_type_of_user_identity_is_taken),
        cmocka_unit_test(sub_items_that_end_early_are_refused),
        cmocka_unit_test(a_peer_that_takes_nothing_is_refused),
        cmocka_unit_test(a_pdv_must_fit_into_its_pdu),
        cmocka_unit_test(short_pdus_have_the_standards_bytes),
        cmocka_unit_test(a_command_is_cut_to_what_the_peer_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
