#include "pacs/dimse/associate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/part10.h"
#include "pacs/dimse/wire.h"
#include "tests/unit/dimse/wire_build.h"

#define CT_IMAGE "1.2.840.10008.5.1.4.1.1.2"
#define STUDY_ROOT_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define PRIVATE_CLASS "1.3.46.670589.11.0.0.12.1"

/* One negotiation; the body has to live as long as the request. */
typedef struct Case {
    PacsDimseOptions options;
    PacsBuffer body;
    PacsAssociateRequest request;
    PacsNegotiated negotiated;
    PacsReject reject;
    const char *remote_ip;
} Case;

static void case_init(Case *c)
{
    memset(c, 0, sizeof *c);
    c->options = pacs_dimse_default_options();
    c->remote_ip = "192.0.2.7";
    pacs_buffer_init(&c->body, WIRE_MAX);
}

static void case_clear(Case *c)
{
    pacs_buffer_clear(&c->body);
}

#define AUTO_CASE __attribute__((cleanup(case_clear))) Case

static bool negotiate(Case *c, const WireRequest *request)
{
    pacs_buffer_reset(&c->body);
    wire_request_body(&c->body, request);
    PacsSlice body = {(const char *)c->body.bytes, c->body.size};
    assert_int_equal(pacs_pdu_parse_associate_request(body, &c->request, NULL), PACS_OK);
    return pacs_associate_negotiate(&c->request, &c->options, c->remote_ip, &c->negotiated, &c->reject);
}

/* What becomes of one context. */
static PacsContext answer_to(Case *c, const char *abstract_syntax, const char *first, const char *second)
{
    WireContext context = {1, abstract_syntax, {first, second}};

    assert_true(negotiate(c, &(WireRequest){.contexts = &context, .context_count = 1}));
    assert_int_equal(c->negotiated.context_count, 1);
    return c->negotiated.contexts[0];
}

static const WireContext echo_context = {1, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}};
static const WireContext two_contexts[] = {
    {1, PACS_UID_VERIFICATION, {PACS_UID_IMPLICIT_LITTLE}},
    {3, CT_IMAGE, {PACS_UID_EXPLICIT_LITTLE}},
};

static void expect_reject(Case *c, const WireRequest *request, uint8_t result, uint8_t source, uint8_t reason)
{
    assert_false(negotiate(c, request));
    assert_int_equal(c->reject.result, result);
    assert_int_equal(c->reject.source, source);
    assert_int_equal(c->reject.reason, reason);
}

/* ---- Whole associations ---- */

static void a_stranger_may_verify_and_store_by_default(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    assert_true(negotiate(&c, &(WireRequest){.contexts = two_contexts, .context_count = 2}));
    assert_int_equal(c.negotiated.contexts[0].result, PACS_CONTEXT_ACCEPTED);
    assert_int_equal(c.negotiated.contexts[0].service, PACS_SERVICE_ECHO);
    assert_int_equal(c.negotiated.contexts[1].result, PACS_CONTEXT_ACCEPTED);
    assert_int_equal(c.negotiated.contexts[1].service, PACS_SERVICE_STORE);
    assert_string_equal(c.negotiated.contexts[1].sop_class_uid, CT_IMAGE);
    assert_string_equal(c.negotiated.calling_aet, "PEER");
    assert_string_equal(c.negotiated.permissions.label, "other");
}

static void another_protocol_version_is_rejected(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    expect_reject(&c, &(WireRequest){.contexts = &echo_context, .context_count = 1, .version = 2}, 1, 2, 2);
    assert_true(negotiate(&c, &(WireRequest){.contexts = &echo_context, .context_count = 1, .version = 3}));
}

static void another_application_context_is_rejected(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    expect_reject(
        &c, &(WireRequest){.contexts = &echo_context, .context_count = 1, .application_context = "1.2.3"}, 1,
        1, 2);
    expect_reject(&c,
                  &(WireRequest){.contexts = &echo_context, .context_count = 1, .application_context = ""}, 1,
                  1, 2);
}

static void the_called_title_counts_only_if_told(void **state)
{
    (void)state;
    AUTO_CASE c;
    WireRequest request = {.contexts = &echo_context, .context_count = 1, .called = "SOMEBODY"};

    case_init(&c);
    assert_true(negotiate(&c, &request));
    c.options.check_called_aet = true;
    expect_reject(&c, &request, 1, 1, 7);
    request.called = " lightbox";
    assert_true(negotiate(&c, &request));
    c.options.strict_aet_comparison = true;
    expect_reject(&c, &request, 1, 1, 7);
}

static void titles_with_impossible_characters_are_rejected(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    expect_reject(&c, &(WireRequest){.contexts = &echo_context, .context_count = 1, .called = "A\\B"}, 1, 1,
                  7);
    expect_reject(&c, &(WireRequest){.contexts = &echo_context, .context_count = 1, .calling = "A\nB"}, 1, 1,
                  3);
    assert_string_equal(c.negotiated.calling_aet, "A?B");
    expect_reject(&c, &(WireRequest){.contexts = &echo_context, .context_count = 1, .calling = "\xC3\x84"}, 1,
                  1, 3);
}

static void a_stranger_is_rejected_where_only_modalities_are_let_in(void **state)
{
    (void)state;
    AUTO_CASE c;
    const PacsModality modality = {.name = "ct", .aet = "CT1", .host = "192.0.2.9", .allow_echo = true};

    case_init(&c);
    c.options.always_allow_echo = c.options.always_allow_store = false;
    c.options.modalities = &modality;
    c.options.modality_count = 1;
    expect_reject(&c, &(WireRequest){.contexts = two_contexts, .context_count = 2}, 1, 1, 3);

    assert_true(
        negotiate(&c, &(WireRequest){.contexts = two_contexts, .context_count = 2, .calling = "ct1"}));
    assert_int_equal(c.negotiated.contexts[0].result, PACS_CONTEXT_ACCEPTED);
    assert_int_equal(c.negotiated.contexts[1].result, PACS_CONTEXT_REFUSED);
    assert_string_equal(c.negotiated.permissions.label, "CT1");
}

static void the_modalitys_host_counts_only_if_told(void **state)
{
    (void)state;
    AUTO_CASE c;
    const PacsModality modalities[] = {
        {.name = "old", .aet = "CT1", .host = "192.0.2.9", .allow_echo = true, .allow_store = true},
        {.name = "new", .aet = "CT1", .host = "192.0.2.7", .allow_echo = true},
    };
    WireRequest request = {.contexts = two_contexts, .context_count = 2, .calling = "CT1"};

    case_init(&c);
    c.options.always_allow_echo = c.options.always_allow_store = false;
    c.options.modalities = modalities;
    c.options.modality_count = 2;
    assert_true(negotiate(&c, &request));
    assert_int_equal(c.negotiated.contexts[1].result, PACS_CONTEXT_ACCEPTED);

    c.options.check_modality_host = true; /* only the second is at this address, and it may not store */
    assert_true(negotiate(&c, &request));
    assert_int_equal(c.negotiated.contexts[0].result, PACS_CONTEXT_ACCEPTED);
    assert_int_equal(c.negotiated.contexts[1].result, PACS_CONTEXT_REFUSED);

    c.remote_ip = "2001:db8::1";
    expect_reject(&c, &request, 1, 1, 3);
}

/* ---- Contexts ---- */

static void the_senders_first_known_syntax_is_taken(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    PacsContext context = answer_to(&c, CT_IMAGE, PACS_UID_HTJ2K_LOSSLESS_RPCL, PACS_UID_IMPLICIT_LITTLE);
    assert_string_equal(context.transfer_syntax->uid, PACS_UID_HTJ2K_LOSSLESS_RPCL);
    context = answer_to(&c, CT_IMAGE, "1.2.840.113619.5.2", PACS_UID_EXPLICIT_BIG);
    assert_string_equal(context.transfer_syntax->uid, PACS_UID_EXPLICIT_BIG);
}

static void a_context_without_a_syntax_we_take_says_so(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    assert_int_equal(answer_to(&c, CT_IMAGE, "1.2.3", NULL).result, PACS_CONTEXT_NO_TRANSFER_SYNTAX);
    assert_int_equal(answer_to(&c, CT_IMAGE, NULL, NULL).result, PACS_CONTEXT_NO_TRANSFER_SYNTAX);
    /* A live stream, PS3.22, is no stored object. */
    assert_int_equal(answer_to(&c, CT_IMAGE, "1.2.840.10008.1.2.7.1", NULL).result,
                     PACS_CONTEXT_NO_TRANSFER_SYNTAX);
}

static void accepted_transfer_syntaxes_are_patterns(void **state)
{
    (void)state;
    AUTO_CASE c;
    const char *patterns[] = {"1.2.840.10008.1.2.4.9?", "*.5"};

    case_init(&c);
    c.options.accepted_transfer_syntaxes = (PacsTextList){patterns, 2};
    assert_string_equal(
        answer_to(&c, CT_IMAGE, PACS_UID_IMPLICIT_LITTLE, PACS_UID_JPEG_2000).transfer_syntax->uid,
        PACS_UID_JPEG_2000);
    assert_string_equal(answer_to(&c, CT_IMAGE, PACS_UID_RLE_LOSSLESS, NULL).transfer_syntax->uid,
                        PACS_UID_RLE_LOSSLESS);
    assert_int_equal(answer_to(&c, CT_IMAGE, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_TRANSFER_SYNTAX);
    assert_int_equal(answer_to(&c, PACS_UID_VERIFICATION, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_ACCEPTED);
}

static void every_registered_storage_class_is_taken(void **state)
{
    (void)state;
    AUTO_CASE c;
    size_t count;
    const PacsUidEntry *entries = pacs_uid_others(&count);

    case_init(&c);
    for (size_t i = 0; i < count; i++) {
        bool wanted = entries[i].flags & PACS_UID_STORAGE ||
                      strcmp(entries[i].uid, PACS_UID_VERIFICATION) == 0;
        assert_int_equal(answer_to(&c, entries[i].uid, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                         wanted ? PACS_CONTEXT_ACCEPTED : PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
    }
}

static void unknown_classes_are_taken_only_if_told(void **state)
{
    (void)state;
    AUTO_CASE c;

    case_init(&c);
    assert_int_equal(answer_to(&c, PRIVATE_CLASS, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
    c.options.unknown_sop_class_accepted = true;
    assert_int_equal(answer_to(&c, PRIVATE_CLASS, PACS_UID_IMPLICIT_LITTLE, NULL).service,
                     PACS_SERVICE_STORE);
    assert_int_equal(answer_to(&c, STUDY_ROOT_FIND, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
    assert_int_equal(answer_to(&c, "no uid", PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
    assert_int_equal(answer_to(&c, NULL, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
}

static void sop_classes_can_be_accepted_and_rejected_by_pattern(void **state)
{
    (void)state;
    AUTO_CASE c;
    const char *accepted[] = {"1.2.840.10008.5.1.4.1.1.*"};
    const char *rejected[] = {CT_IMAGE};

    case_init(&c);
    c.options.accepted_sop_classes = (PacsTextList){accepted, 1};
    c.options.rejected_sop_classes = (PacsTextList){rejected, 1};
    assert_int_equal(answer_to(&c, CT_IMAGE, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
    assert_int_equal(answer_to(&c, "1.2.840.10008.5.1.4.1.1.4", PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_ACCEPTED);
    accepted[0] = "1.2.3";
    assert_int_equal(answer_to(&c, "1.2.840.10008.5.1.4.1.1.4", PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_NO_ABSTRACT_SYNTAX);
    assert_int_equal(answer_to(&c, PACS_UID_VERIFICATION, PACS_UID_IMPLICIT_LITTLE, NULL).result,
                     PACS_CONTEXT_ACCEPTED);
}

static void patterns_match_as_people_expect(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"*", "", true},        {"*", "1.2", true},
        {"1.*", "1.2.3", true}, {"1.*3", "1.2.3", true},
        {"1.?", "1.2", true},   {"1.?", "1.", false},
        {"1.?", "1.22", false}, {"", "", true},
        {"", "1", false},       {"*.2.*.4", "1.2.2.3.4", true},
        {"1.*", "2.1", false},  {"**", "x", true},
        {"*a*b", "aab", true},  {"*a*b", "aba", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(pacs_matches_any(&(PacsTextList){&rows[i].pattern, 1}, pacs_slice(rows[i].text)),
                         rows[i].matches);
}

/* ---- The answer's bytes ---- */

/* The item of a type in a run of items; `which` from 0. Fails the test if there is none. */
static bool find_item(PacsSlice rest, uint8_t type, unsigned which, PacsSlice *ret_value)
{
    PacsPduItem item;

    while (rest.size) {
        assert_int_equal(pacs_pdu_next_item(&rest, &item, NULL), PACS_OK);
        if (item.type == type && which-- == 0) {
            *ret_value = item.value;
            return true;
        }
    }
    return false;
}

/* Formats the acceptance, and gives its items and its user items. */
static void accept(Case *c, PacsBuffer *out, PacsSlice *ret_items, PacsSlice *ret_user_items)
{
    pacs_buffer_init(out, PACS_ACCEPT_SIZE_MAX);
    assert_int_equal(pacs_associate_format_accept(&c->request, &c->options, &c->negotiated, out, NULL),
                     PACS_OK);
    assert_int_equal(out->bytes[0], PACS_PDU_ASSOCIATE_AC);
    assert_int_equal(pacs_wire_u32_big(out->bytes + 2), out->size - PACS_PDU_HEADER_SIZE);
    *ret_items = (PacsSlice){(const char *)out->bytes + 74, out->size - 74};
    assert_true(find_item(*ret_items, PACS_ITEM_USER_INFORMATION, 0, ret_user_items));
}

static void an_acceptance_answers_every_context(void **state)
{
    (void)state;
    AUTO_CASE c;
    PACS_AUTO_BUFFER PacsBuffer out;
    PacsSlice items, user_items, value;
    WireContext contexts[] = {two_contexts[0], {3, STUDY_ROOT_FIND, {PACS_UID_IMPLICIT_LITTLE}}};

    case_init(&c);
    assert_true(negotiate(&c, &(WireRequest){.contexts = contexts, .context_count = 2}));
    accept(&c, &out, &items, &user_items);
    assert_memory_equal(out.bytes + 6, "\0\1\0\0ANY-SCP         PEER            ", 36);
    assert_true(find_item(items, PACS_ITEM_APPLICATION_CONTEXT, 0, &value));
    assert_true(pacs_slice_equal(value, PACS_UID_APPLICATION_CONTEXT));
    assert_true(find_item(items, PACS_ITEM_ANSWERED_CONTEXT, 0, &value));
    assert_memory_equal(value.text, "\1\0\0\0\x40\0\0\x11" PACS_UID_IMPLICIT_LITTLE, value.size);
    assert_true(find_item(items, PACS_ITEM_ANSWERED_CONTEXT, 1, &value));
    assert_memory_equal(value.text, "\3\0\3\0", 4);

    assert_true(find_item(user_items, PACS_ITEM_MAXIMUM_LENGTH, 0, &value));
    assert_int_equal(pacs_wire_u32_big((const uint8_t *)value.text), 131072);
    assert_true(find_item(user_items, PACS_ITEM_IMPLEMENTATION_CLASS, 0, &value));
    assert_true(pacs_slice_equal(value, PACS_IMPLEMENTATION_CLASS_UID));
    assert_true(find_item(user_items, PACS_ITEM_IMPLEMENTATION_VERSION, 0, &value));
    assert_false(find_item(user_items, PACS_ITEM_ASYNCHRONOUS_WINDOW, 0, &value));
    assert_false(find_item(user_items, PACS_ITEM_USER_IDENTITY_ANSWER, 0, &value));
}

static void add_roles(PacsBuffer *items, const char *sop_class_uid, uint8_t scu, uint8_t scp)
{
    PACS_AUTO_BUFFER PacsBuffer value = PACS_BUFFER(WIRE_MAX);

    wire_counted(&value, sop_class_uid);
    wire_bytes(&value, (uint8_t[]){scu, scp}, 2);
    wire_item(items, PACS_ITEM_ROLE_SELECTION, value.bytes, value.size);
}

static void add_extended(PacsBuffer *items, const char *sop_class_uid)
{
    PACS_AUTO_BUFFER PacsBuffer value = PACS_BUFFER(WIRE_MAX);

    wire_counted(&value, sop_class_uid);
    wire_bytes(&value, (uint8_t[]){3, 0, 0, 0, 2, 0}, 6);
    wire_item(items, PACS_ITEM_EXTENDED_NEGOTIATION, value.bytes, value.size);
}

static void roles_and_extensions_are_answered_for_accepted_classes_once(void **state)
{
    (void)state;
    AUTO_CASE c;
    PACS_AUTO_BUFFER PacsBuffer out;
    PACS_AUTO_BUFFER PacsBuffer asked = PACS_BUFFER(WIRE_MAX);
    PacsSlice items, user_items, value;
    PacsRoles roles;
    PacsExtendedNegotiation extended;

    case_init(&c);
    add_roles(&asked, STUDY_ROOT_FIND, 1, 0); /* not proposed */
    add_roles(&asked, CT_IMAGE, 1, 1);
    add_roles(&asked, CT_IMAGE, 0, 1);
    add_extended(&asked, CT_IMAGE);
    add_extended(&asked, CT_IMAGE);
    add_extended(&asked, PACS_UID_VERIFICATION);
    assert_true(
        negotiate(&c, &(WireRequest){.contexts = two_contexts, .context_count = 2, .user_items = &asked}));
    accept(&c, &out, &items, &user_items);

    assert_true(find_item(user_items, PACS_ITEM_ROLE_SELECTION, 0, &value));
    assert_int_equal(pacs_pdu_parse_roles(value, &roles, NULL), PACS_OK);
    assert_true(pacs_slice_equal(roles.sop_class_uid, CT_IMAGE));
    assert_true(roles.scu);
    assert_false(roles.scp);
    assert_false(find_item(user_items, PACS_ITEM_ROLE_SELECTION, 1, &value));

    assert_true(find_item(user_items, PACS_ITEM_EXTENDED_NEGOTIATION, 0, &value));
    assert_int_equal(pacs_pdu_parse_extended_negotiation(value, &extended, NULL), PACS_OK);
    assert_int_equal(extended.information.size, 6);
    assert_memory_equal(extended.information.text, "\2\0\3\0\0\0", 6);
    assert_false(find_item(user_items, PACS_ITEM_EXTENDED_NEGOTIATION, 1, &value));
}

static void window_and_identity_are_answered_when_asked(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= 5; type++) {
        AUTO_CASE c;
        PACS_AUTO_BUFFER PacsBuffer out;
        PACS_AUTO_BUFFER PacsBuffer asked = PACS_BUFFER(WIRE_MAX);
        PacsSlice items, user_items, value;
        uint8_t identity[] = {type, 1, 0, 2, 'h', 'i', 0, 0};

        case_init(&c);
        wire_item(&asked, PACS_ITEM_ASYNCHRONOUS_WINDOW, "\0\0\0\0", 4); /* unlimited, both ways */
        wire_item(&asked, PACS_ITEM_USER_IDENTITY, identity, sizeof identity);
        assert_true(negotiate(
            &c, &(WireRequest){.contexts = two_contexts, .context_count = 2, .user_items = &asked}));
        accept(&c, &out, &items, &user_items);
        assert_true(find_item(user_items, PACS_ITEM_ASYNCHRONOUS_WINDOW, 0, &value));
        assert_memory_equal(value.text, "\0\1\0\1", 4);
        assert_int_equal(find_item(user_items, PACS_ITEM_USER_IDENTITY_ANSWER, 0, &value), type <= 2);
    }
}

static void the_largest_acceptance_fits(void **state)
{
    (void)state;
    AUTO_CASE c;
    PACS_AUTO_BUFFER PacsBuffer out;
    PACS_AUTO_BUFFER PacsBuffer asked = PACS_BUFFER(WIRE_MAX);
    PacsSlice items, user_items;
    static char uids[PACS_MAX_CONTEXTS][PACS_UID_SIZE];
    WireContext contexts[PACS_MAX_CONTEXTS];

    case_init(&c);
    c.options.unknown_sop_class_accepted = true;
    for (size_t i = 0; i < PACS_MAX_CONTEXTS; i++) {
        memset(uids[i], '1', PACS_UID_MAX);
        memcpy(uids[i], "1.2.3.", 6);
        uids[i][10] = (char)('0' + i % 10);
        uids[i][11] = (char)('0' + i / 10 % 10);
        uids[i][12] = (char)('0' + i / 100);
        contexts[i] = (WireContext){(uint8_t)(2 * i + 1), uids[i], {PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE}};
        add_roles(&asked, uids[i], 1, 1);
        add_extended(&asked, uids[i]);
    }
    assert_true(negotiate(
        &c, &(WireRequest){.contexts = contexts, .context_count = PACS_MAX_CONTEXTS, .user_items = &asked}));
    accept(&c, &out, &items, &user_items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_may_verify_and_store_by_default),
        cmocka_unit_test(another_protocol_version_is_rejected),
        cmocka_unit_test(another_application_context_is_rejected),
        cmocka_unit_test(the_called_title_counts_only_if_told),
        cmocka_unit_test(titles_with_impossible_characters_are_rejected),
        cmocka_unit_test(a_stranger_is_rejected_where_only_modalities_are_let_in),
        cmocka_unit_test(the_modalitys_host_counts_only_if_told),
        cmocka_unit_test(the_senders_first_known_syntax_is_taken),
        cmocka_unit_test(a_context_without_a_syntax_we_take_says_so),
        cmocka_unit_test(accepted_transfer_syntaxes_are_patterns),
        cmocka_unit_test(every_registered_storage_class_is_taken),
        cmocka_unit_test(unknown_classes_are_taken_only_if_told),
        cmocka_unit_test(sop_classes_can_be_accepted_and_rejected_by_pattern),
        cmocka_unit_test(patterns_match_as_people_expect),
        cmocka_unit_test(an_acceptance_answers_every_context),
        cmocka_unit_test(roles_and_extensions_are_answered_for_accepted_classes_once),
        cmocka_unit_test(window_and_identity_are_answered_when_asked),
        cmocka_unit_test(the_largest_acceptance_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
