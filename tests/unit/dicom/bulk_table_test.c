#include "scanning.h"

#include "pacs/dicom/bulk_table.h"

static PacsScan *scan_waveforms(Bytes *bytes)
{
    static const char large[PACS_SCAN_INLINE_MAX_DEFAULT + 2] = {0};
    add_meta(bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(bytes);
    add_header(bytes, PACS_TAG(0x5400, 0x0100), "SQ", UNDEFINED);
    for (int item = 0; item < 2; item++) {
        add_marker(bytes, 0xE000, UNDEFINED);
        add_element(bytes, PACS_TAG_WAVEFORM_DATA, "OW", large, sizeof large - (size_t)item);
        add_marker(bytes, 0xE00D, 0);
    }
    add_marker(bytes, 0xE0DD, 0);
    return scan_bytes(bytes, NULL);
}

static void finds_a_value_in_an_item(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    PACS_AUTO(PacsScan) scan = scan_waveforms(&bytes);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    PacsBulkValue value;
    PacsError err = {0};
    assert_int_equal(pacs_bulk_table_find(table->bytes, table->size, "54000100/2/54001010", &value, &err),
                     PACS_OK);
    assert_int_equal(value.range.size, PACS_SCAN_INLINE_MAX_DEFAULT + 1);
    assert_int_equal(value.range.offset + value.range.size + 16, bytes.buffer.size);
    assert_int_equal(value.vr, PACS_VR_OW);
    assert_false(value.encapsulated);
    assert_false(value.big_endian);
}

static void says_that_a_path_is_not_there(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    PACS_AUTO(PacsScan) scan = scan_waveforms(&bytes);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    PacsBulkValue value;
    PacsError err = {0};
    assert_int_equal(pacs_bulk_table_find(table->bytes, table->size, "54000100/3/54001010", &value, &err),
                     PACS_NOT_FOUND);
    assert_int_equal(pacs_bulk_table_find(table->bytes, table->size, "5400010", &value, &err),
                     PACS_NOT_FOUND);
    assert_int_equal(pacs_bulk_table_find(NULL, 0, "7FE00010", &value, &err), PACS_NOT_FOUND);
}

static void walks_over_all_values(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    PACS_AUTO(PacsScan) scan = scan_waveforms(&bytes);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    static const char *const paths[] = {"54000100/1/54001010", "54000100/2/54001010"};
    PacsBulkValue value;
    PacsSlice path;
    size_t cursor = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pacs_bulk_table_next(table->bytes, table->size, &cursor, &path, &value, NULL),
                         PACS_OK);
        assert_true(pacs_slice_equal(path, paths[i]));
    }
    assert_int_equal(pacs_bulk_table_next(table->bytes, table->size, &cursor, &path, &value, NULL),
                     PACS_NOT_FOUND);
    cursor = 0;
    assert_int_equal(pacs_bulk_table_next(table->bytes, 7, &cursor, &path, &value, NULL), PACS_CORRUPT);
}

static void spans_all_fragments_behind_the_offset_table(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_JPEG_BASELINE);
    add_identity(&bytes);
    add_header(&bytes, PACS_TAG_PIXEL_DATA, "OB", UNDEFINED);
    add_fragment(&bytes, "\0\0\0\0", 4);
    size_t first = bytes.buffer.size;
    add_fragment(&bytes, "abcd", 4);
    add_fragment(&bytes, "ef", 2);
    size_t end = bytes.buffer.size;
    add_marker(&bytes, 0xE0DD, 0);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    PacsBulkValue value;
    PacsError err = {0};
    assert_int_equal(pacs_bulk_table_find(table->bytes, table->size, "7FE00010", &value, &err), PACS_OK);
    assert_true(value.encapsulated);
    assert_int_equal(value.range.offset, first);
    assert_int_equal(value.range.offset + value.range.size, end);
}

static void finds_damage_wherever_the_table_is_cut(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    PACS_AUTO(PacsScan) scan = scan_waveforms(&bytes);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    PacsBulkValue value;
    PacsError err = {0};
    assert_int_equal(pacs_bulk_table_find("LBF1", 4, "7FE00010", &value, &err), PACS_CORRUPT);
    for (size_t size = 1; size < table->size; size++) {
        PacsStatus status = pacs_bulk_table_find(table->bytes, size, "none", &value, &err);
        assert_true(status == PACS_CORRUPT || status == PACS_NOT_FOUND);
    }
    assert_int_equal(pacs_bulk_table_find(table->bytes, table->size - 1, "none", &value, &err), PACS_CORRUPT);
}

static void tells_the_character_sets_of_the_object(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "\\ISO 2022 IR 87");
    add_identity(&bytes);
    add_header(&bytes, PACS_TAG(0x5400, 0x0100), "SQ", UNDEFINED);
    for (int item = 0; item < 3; item++) {
        add_marker(&bytes, 0xE000, UNDEFINED);
        if (item > 0) /* the second says what is said around it */
            add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS",
                     item == 1 ? "\\ISO 2022 IR 87" : "ISO_IR 126");
        add_marker(&bytes, 0xE00D, 0);
    }
    add_marker(&bytes, 0xE0DD, 0);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    PacsBulkCharset charsets[PACS_MAX_CHARSETS];
    size_t count = 0;
    assert_int_equal(pacs_bulk_table_charsets(table->bytes, table->size, charsets, &count, NULL), PACS_OK);
    assert_int_equal(count, 2);
    assert_true(pacs_slice_equal(charsets[0].path, "00080005"));
    assert_true(pacs_slice_equal(charsets[0].text, "\\ISO 2022 IR 87"));
    assert_true(pacs_slice_equal(charsets[1].path, "54000100/3/00080005"));
    assert_true(pacs_slice_equal(charsets[1].text, "ISO_IR 126"));
    PacsBulkValue value;
    assert_int_equal(pacs_bulk_table_find(table->bytes, table->size, "00080005", &value, NULL),
                     PACS_NOT_FOUND);
    assert_int_equal(pacs_bulk_table_charsets(table->bytes, table->size - 1, charsets, &count, NULL),
                     PACS_CORRUPT);
}

static void tells_no_more_character_sets_than_its_readers_take(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_header(&bytes, PACS_TAG(0x5400, 0x0100), "SQ", UNDEFINED);
    for (int item = 0; item < 2 * PACS_MAX_CHARSETS; item++) {
        add_marker(&bytes, 0xE000, UNDEFINED);
        add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 126");
        add_marker(&bytes, 0xE00D, 0);
    }
    add_marker(&bytes, 0xE0DD, 0);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsBuffer *table = pacs_scan_instance(scan)->bulk_table;
    PacsBulkCharset charsets[PACS_MAX_CHARSETS];
    size_t count = 0;
    assert_int_equal(pacs_bulk_table_charsets(table->bytes, table->size, charsets, &count, NULL), PACS_OK);
    assert_int_equal(count, PACS_MAX_CHARSETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_character_sets_of_the_object),
        cmocka_unit_test(tells_no_more_character_sets_than_its_readers_take),
        cmocka_unit_test(finds_a_value_in_an_item),
        cmocka_unit_test(says_that_a_path_is_not_there),
        cmocka_unit_test(walks_over_all_values),
        cmocka_unit_test(spans_all_fragments_behind_the_offset_table),
        cmocka_unit_test(finds_damage_wherever_the_table_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
