#include "scanning.h"

#include "pacs/dicom/part10.h"

static const PacsFileMeta meta = {.sop_class_uid = UID_CT,
                                  .sop_instance_uid = "1.2.3.3",
                                  .transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                                  .source_application_entity_title = "SENDER"};

static void writes_what_a_reader_reads(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    PacsError err = {0};
    bytes_init(&bytes);
    assert_int_equal(pacs_part10_format_header(&meta, &bytes.buffer, &err), PACS_OK);
    size_t size = bytes.buffer.size;
    add_identity(&bytes);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_int_equal(pacs_scan_instance(scan)->dataset_offset, size);
    assert_string_equal(pacs_scan_instance(scan)->transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE);
}

static void counts_the_group_behind_its_length(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    PacsError err = {0};
    bytes_init(&bytes);
    assert_int_equal(pacs_part10_format_header(&meta, &bytes.buffer, &err), PACS_OK);
    const uint8_t *at = bytes.buffer.bytes + 128;
    assert_memory_equal(at, "DICM\x02\x00\x00\x00UL\x04\x00", 12);
    uint32_t length = (uint32_t)at[12] | (uint32_t)at[13] << 8 | (uint32_t)at[14] << 16 |
                      (uint32_t)at[15] << 24;
    assert_int_equal(144 + length, bytes.buffer.size);
    assert_int_equal(bytes.buffer.size % 2, 0);
}

static void leaves_out_a_sender_that_is_not_known(void **state)
{
    (void)state;
    AUTO_BYTES with;
    AUTO_BYTES without;
    PacsError err = {0};
    bytes_init(&with);
    bytes_init(&without);
    PacsFileMeta anonymous = meta;
    anonymous.source_application_entity_title = NULL;
    assert_int_equal(pacs_part10_format_header(&meta, &with.buffer, &err), PACS_OK);
    assert_int_equal(pacs_part10_format_header(&anonymous, &without.buffer, &err), PACS_OK);
    assert_int_equal(with.buffer.size - without.buffer.size, 14);
}

static void refuses_what_is_no_uid_and_writes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "1.2.x",
                                        "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO_BYTES bytes;
        PacsError err = {0};
        bytes_init(&bytes);
        PacsFileMeta bad = meta;
        bad.sop_instance_uid = wrong[i];
        assert_int_equal(pacs_part10_format_header(&bad, &bytes.buffer, &err), PACS_INVALID);
        assert_int_equal(bytes.buffer.size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_a_reader_reads),
        cmocka_unit_test(counts_the_group_behind_its_length),
        cmocka_unit_test(leaves_out_a_sender_that_is_not_known),
        cmocka_unit_test(refuses_what_is_no_uid_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
