#include "pacs/dimse/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"
#include "tests/unit/dimse/wire_build.h"

static PacsStatus parse(const PacsBuffer *bytes, PacsCommand *ret_command)
{
    return pacs_command_parse((PacsSlice){(const char *)bytes->bytes, bytes->size}, ret_command, NULL);
}

static void a_store_request_gives_its_fields(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(WIRE_MAX);
    PacsCommand command;

    wire_command(&bytes, 0x0001, 77, 0x0000, "1.2.3", "1.2.3.4");
    assert_int_equal(parse(&bytes, &command), PACS_OK);
    assert_int_equal(command.field, PACS_COMMAND_C_STORE);
    assert_true(command.has_message_id);
    assert_int_equal(command.message_id, 77);
    assert_true(command.has_data_set);
    assert_true(pacs_slice_equal(command.affected_sop_class_uid, "1.2.3"));
    assert_true(pacs_slice_equal(command.affected_sop_instance_uid, "1.2.3.4"));
}

static void a_command_cut_anywhere_is_refused_or_whole_elements(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(WIRE_MAX);
    PacsCommand command;
    size_t accepted = 0;

    wire_command(&bytes, 0x0001, 77, 0x0000, "1.2.3", "1.2.3.4");
    for (size_t size = 0; size < bytes.size; size++) {
        PACS_AUTO_BUFFER PacsBuffer copy = PACS_BUFFER(WIRE_MAX);
        wire_bytes(&copy, bytes.bytes, size);
        accepted += parse(&copy, &command) == PACS_OK;
    }
    assert_int_equal(accepted, 1); /* without the instance UID */
}

static void lies_and_strays_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"\0\0\0\1\2\0\0\0\x30", 9},            /* one byte of two */
        {"\0\0\0\1\xFF\xFF\xFF\xFF\x30\0", 10}, /* all the address space */
        {"\0\0\0\1\1\0\0\0\x30", 9},            /* a number of one byte */
        {"\x08\0\x20\0\0\0\0\0", 8},            /* an element of the data set */
        {"\0\0\x10\1\2\0\0\0\1\0", 10},         /* no command field */
        {"\0\0\0\1\2\0\0\0\x30\0", 10},         /* no data set type */
    };
    PacsCommand command;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer copy = PACS_BUFFER(WIRE_MAX);
        wire_bytes(&copy, rows[i].bytes, rows[i].size);
        assert_int_equal(parse(&copy, &command), PACS_INVALID);
    }
}

static void a_response_has_the_standards_bytes(void **state)
{
    (void)state;
    static const char request_class[] = PACS_UID_VERIFICATION;
    uint8_t bytes[PACS_RESPONSE_SIZE_MAX];
    PacsCommand request = {
        .field = PACS_COMMAND_C_ECHO, .message_id = 7, .affected_sop_class_uid = PACS_SLICE(request_class)};
    PacsResponse response = {.status = 0};

    size_t size = pacs_response_format(&request, &response, bytes);
    static const char expected[] = "\0\0\0\0\4\0\0\0\x42\0\0\0"
                                   "\0\0\2\0\x12\0\0\0"
                                   "1.2.840.10008.1.1\0"
                                   "\0\0\0\1\2\0\0\0\x30\x80"
                                   "\0\0\x20\1\2\0\0\0\7\0"
                                   "\0\0\0\x08\2\0\0\0\1\1"
                                   "\0\0\0\x09\2\0\0\0\0\0";
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(bytes, expected, size);
}

static void a_failure_names_element_and_reason(void **state)
{
    (void)state;
    uint8_t bytes[PACS_RESPONSE_SIZE_MAX];
    PacsCommand request = {.field = PACS_COMMAND_C_STORE, .message_id = 1};
    PacsResponse response = {0};

    pacs_response_set(&response, 0x0122, PACS_TAG_AFFECTED_SOP_CLASS_UID, "odd");
    size_t size = pacs_response_format(&request, &response, bytes);
    static const char tail[] = "\0\0\0\x09\2\0\0\0\x22\1"
                               "\0\0\1\x09\4\0\0\0\0\0\2\0"
                               "\0\0\2\x09\4\0\0\0odd ";
    assert_memory_equal(bytes + size - (sizeof tail - 1), tail, sizeof tail - 1);
}

static void a_comment_is_made_an_lo(void **state)
{
    (void)state;
    PacsResponse response = {0};
    char wordy[200];

    memset(wordy, 'x', sizeof wordy - 1);
    wordy[sizeof wordy - 1] = '\0';
    memcpy(wordy, "a\\b\n\xC3\xA4", 6);
    pacs_response_set(&response, 0xC000, 0, wordy);
    assert_int_equal(strlen(response.error_comment), PACS_ERROR_COMMENT_MAX);
    assert_memory_equal(response.error_comment, "a?b???xx", 8);
}

static void the_longest_response_fits(void **state)
{
    (void)state;
    char uid[PACS_UID_MAX];
    uint8_t bytes[PACS_RESPONSE_SIZE_MAX];
    PacsResponse response = {0};
    PacsCommand request = {.affected_sop_class_uid = {uid, sizeof uid},
                           .affected_sop_instance_uid = {uid, sizeof uid}};

    memset(uid, '1', sizeof uid);
    pacs_response_set(&response, 0xC000, PACS_TAG_STATUS,
                      "................................................................");
    assert_true(pacs_response_format(&request, &response, bytes) <= PACS_RESPONSE_SIZE_MAX);

    /* What the peer called a UID and is none does not come back. */
    static const char long_uid[80] = {0};
    request.affected_sop_class_uid = (PacsSlice){long_uid, sizeof long_uid};
    request.affected_sop_instance_uid = (PacsSlice){long_uid, sizeof long_uid};
    response = (PacsResponse){0};
    assert_int_equal(pacs_response_format(&request, &response, bytes), 12 + 4 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_request_gives_its_fields),
        cmocka_unit_test(a_command_cut_anywhere_is_refused_or_whole_elements),
        cmocka_unit_test(lies_and_strays_are_refused),
        cmocka_unit_test(a_response_has_the_standards_bytes),
        cmocka_unit_test(a_failure_names_element_and_reason),
        cmocka_unit_test(a_comment_is_made_an_lo),
        cmocka_unit_test(the_longest_response_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
