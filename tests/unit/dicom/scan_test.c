#include "scanning.h"

#include <stdlib.h>
#include <zlib.h>

#include "pacs/dicom/bulk_table.h"
#include "pacs/dicom/frame_table.h"
#include "pacs/util/limits.h"

static const char *tag_of(const PacsInstance *instance, PacsLevel level, PacsTag tag)
{
    for (size_t i = 0; i < instance->tag_count[level]; i++) {
        if (instance->tags[level][i].tag == tag)
            return instance->tags[level][i].value;
    }
    return "(absent)";
}

static void knows_what_identifies_an_object(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SOP_CLASS_UID, "UI", UID_CT);
    add_text(&bytes, PACS_TAG_SOP_INSTANCE_UID, "UI", "1.2.3.3");
    add_text(&bytes, PACS_TAG_PATIENT_ID, "LO", " P 1 ");
    add_text(&bytes, PACS_TAG_STUDY_INSTANCE_UID, "UI", "1.2.3.1");
    add_text(&bytes, PACS_TAG_SERIES_INSTANCE_UID, "UI", "1.2.3.2");
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsInstance *instance = pacs_scan_instance(scan);
    assert_string_equal(instance->patient_id, " P 1"); /* the space in front is hashed into Orthanc ids */
    assert_string_equal(instance->study_instance_uid, "1.2.3.1");
    assert_string_equal(instance->series_instance_uid, "1.2.3.2");
    assert_string_equal(instance->sop_instance_uid, "1.2.3.3");
    assert_string_equal(instance->sop_class_uid, UID_CT);
    assert_string_equal(instance->transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE);
    assert_int_equal(instance->dataset_offset, 194);
    assert_int_equal(instance->size_bytes, bytes.buffer.size);
    assert_false(instance->has_pixel_data);
    assert_int_equal(instance->frame_table->size, 0);
}

static void keeps_main_tags_of_each_level_in_order(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 100");
    add_identity(&bytes);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_text(&bytes, PACS_TAG_STUDY_DATE, "DA", "20240229");
    add_text(&bytes, PACS_TAG_PATIENT_NAME, "PN", "M\xFCller^Jo ");
    add_text(&bytes, PACS_TAG_IMAGE_ORIENTATION_PATIENT, "DS", "1\\0\\0\\0\\1\\0");
    add_number(&bytes, PACS_TAG_NUMBER_OF_SLICES, 40);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsInstance *instance = pacs_scan_instance(scan);
    assert_string_equal(tag_of(instance, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME), "Müller^Jo");
    assert_string_equal(tag_of(instance, PACS_LEVEL_STUDY, PACS_TAG_STUDY_DATE), "20240229");
    assert_string_equal(tag_of(instance, PACS_LEVEL_SERIES, PACS_TAG_MODALITY), "CT");
    assert_string_equal(tag_of(instance, PACS_LEVEL_SERIES, PACS_TAG_NUMBER_OF_SLICES), "40");
    assert_string_equal(tag_of(instance, PACS_LEVEL_SERIES, PACS_TAG_IMAGE_ORIENTATION_PATIENT),
                        "1\\0\\0\\0\\1\\0");
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        for (size_t i = 1; i < instance->tag_count[level]; i++)
            assert_true(instance->tags[level][i - 1].tag < instance->tags[level][i].tag);
    }
}

static void the_first_of_two_elements_counts_and_items_do_not(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_header(&bytes, SEQUENCE, "SQ", 18 + 8);
    add_marker(&bytes, 0xE000, 18);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "IN AN ITEM");
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "MR");
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_string_equal(tag_of(pacs_scan_instance(scan), PACS_LEVEL_SERIES, PACS_TAG_MODALITY), "CT");
}

static void reads_main_tags_that_were_written_as_unknown(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_element(&bytes, PACS_TAG_PATIENT_ID, "UN", "P1", 2);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_string_equal(pacs_scan_instance(scan)->patient_id, "P1");
}

static void keeps_further_tags_where_asked(void **state)
{
    (void)state;
    static const PacsTag extra[] = {PACS_TAG_SLICE_THICKNESS};
    PacsScanOptions options = {.extra_tags[PACS_LEVEL_INSTANCE] = extra,
                               .extra_tag_count[PACS_LEVEL_INSTANCE] = 1};
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_text(&bytes, PACS_TAG_SLICE_THICKNESS, "DS", "2.5");
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, &options);
    assert_string_equal(tag_of(pacs_scan_instance(scan), PACS_LEVEL_INSTANCE, PACS_TAG_SLICE_THICKNESS),
                        "2.5");
}

static void add_request(Bytes *bytes, const char *step)
{
    const uint32_t length = 8 + (uint32_t)strlen(step);
    add_header(bytes, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, "SQ", length + 8);
    add_marker(bytes, 0xE000, length);
    add_text(bytes, PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID, "SH", step);
}

static void keeps_a_main_sequence_as_its_json(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_request(&bytes, "S1");
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT"); /* behind it, though its tag is less */
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_string_equal(
        tag_of(pacs_scan_instance(scan), PACS_LEVEL_SERIES, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE),
        "{\"vr\":\"SQ\",\"Value\":[{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S1\"]}}]}");
}

static void a_sequence_that_is_too_long_is_not_kept(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    static char step[PACS_MAX_MAIN_SEQUENCE + 1];
    memset(step, 'x', sizeof step - 1);
    add_request(&bytes, step);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_string_equal(
        tag_of(pacs_scan_instance(scan), PACS_LEVEL_SERIES, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE),
        "(absent)");
}

static void cuts_a_long_list_behind_a_value(void **state)
{
    (void)state;
    enum { VALUES = 900 };
    char list[VALUES * 6];
    for (int i = 0; i < VALUES; i++)
        memcpy(list + i * 6, "12345\\", 6);
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_element(&bytes, PACS_TAG_IMAGE_ORIENTATION_PATIENT, "DS", list, sizeof list - 1);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const char *value = tag_of(pacs_scan_instance(scan), PACS_LEVEL_SERIES,
                               PACS_TAG_IMAGE_ORIENTATION_PATIENT);
    assert_true(strlen(value) <= PACS_MAX_MAIN_TAG_VALUE);
    assert_int_equal(strlen(value) % 6, 5);
}

static void refuses_what_an_index_cannot_do_without(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SOP_INSTANCE_UID, "UI", "1.2.3.3");
    expect_refusal(&bytes, PACS_INVALID, "StudyInstanceUID (0020,000D) is missing");
    add_text(&bytes, PACS_TAG_STUDY_INSTANCE_UID, "UI", "../../etc");
    expect_refusal(&bytes, PACS_INVALID, "StudyInstanceUID (0020,000D) is no UID");
}

static void refuses_a_media_directory_with_its_name(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, PACS_TAG_DIRECTORY_RECORD_SEQUENCE, "SQ", 0);
    expect_refusal(&bytes, PACS_INVALID, "DICOMDIR");
}

static void takes_the_sop_class_of_the_meta_header_where_the_data_set_has_none(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SOP_INSTANCE_UID, "UI", "1.2.3.3");
    add_text(&bytes, PACS_TAG_STUDY_INSTANCE_UID, "UI", "1.2.3.1");
    add_text(&bytes, PACS_TAG_SERIES_INSTANCE_UID, "UI", "1.2.3.2");
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_string_equal(pacs_scan_instance(scan)->sop_class_uid, UID_CT);
}

static void describes_the_pixels(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_number(&bytes, PACS_TAG_SAMPLES_PER_PIXEL, 1);
    add_text(&bytes, PACS_TAG_PHOTOMETRIC_INTERPRETATION, "CS", "MONOCHROME2");
    add_number(&bytes, PACS_TAG_ROWS, 2);
    add_number(&bytes, PACS_TAG_COLUMNS, 3);
    add_number(&bytes, PACS_TAG_BITS_ALLOCATED, 16);
    add_number(&bytes, PACS_TAG_BITS_STORED, 12);
    add_number(&bytes, PACS_TAG_HIGH_BIT, 11);
    add_number(&bytes, PACS_TAG_PIXEL_REPRESENTATION, 1);
    size_t offset = bytes.buffer.size;
    add_element(&bytes, PACS_TAG_PIXEL_DATA, "OW", "0123456789ab", 12);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsInstance *instance = pacs_scan_instance(scan);
    assert_true(instance->has_pixel_data);
    assert_int_equal(instance->pixel_data_tag, PACS_TAG_PIXEL_DATA);
    assert_int_equal(instance->pixel_data_vr, PACS_VR_OW);
    assert_int_equal(instance->pixel_data_offset, offset);
    assert_int_equal(instance->pixels.rows, 2);
    assert_int_equal(instance->pixels.columns, 3);
    assert_int_equal(instance->pixels.number_of_frames, 1);
    assert_int_equal(instance->pixels.bits_stored, 12);
    assert_int_equal(instance->pixels.pixel_representation, 1);
    assert_string_equal(instance->pixels.photometric_interpretation, "MONOCHROME2");
}

static PacsStatus keep(void *context, const void *bytes, size_t size, PacsError *err)
{
    PacsBuffer *kept = context;
    return pacs_buffer_add(kept, bytes, size) ? PACS_OK : pacs_buffer_check(kept, err);
}

static void add_deflated(Bytes *out, const Bytes *plain)
{
    uint8_t deflated[4096];
    z_stream stream = {.next_in = plain->buffer.bytes,
                       .avail_in = (uInt)plain->buffer.size,
                       .next_out = deflated,
                       .avail_out = sizeof deflated};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    add_raw(out, deflated, sizeof deflated - stream.avail_out);
    deflateEnd(&stream);
}

static void offsets_of_a_deflated_object_count_in_the_inflated_stream(void **state)
{
    (void)state;
    AUTO_BYTES plain;
    AUTO_BYTES bytes;
    bytes_init(&plain);
    bytes_init(&bytes);
    add_identity(&plain);
    add_element(&plain, PACS_TAG_PIXEL_DATA, "OW", "pixels", 6);
    add_meta(&bytes, PACS_UID_DEFLATED_EXPLICIT_LITTLE);
    add_deflated(&bytes, &plain);
    PACS_AUTO_BUFFER PacsBuffer inflated = PACS_BUFFER(1u << 20);
    const PacsScanOptions options = {.on_inflated = keep, .context = &inflated};
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, &options);
    const PacsInstance *instance = pacs_scan_instance(scan);
    assert_true(instance->deflated);
    assert_int_equal(instance->size_bytes, bytes.buffer.size);
    assert_memory_equal(inflated.bytes, bytes.buffer.bytes, instance->dataset_offset);
    PacsBulkValue value;
    PacsError err = {0};
    assert_int_equal(pacs_bulk_table_find(instance->bulk_table->bytes, instance->bulk_table->size, "7FE00010",
                                          &value, &err),
                     PACS_OK);
    assert_memory_equal(inflated.bytes + value.range.offset, "pixels", 6);
    assert_int_equal(inflated.size, instance->dataset_offset + plain.buffer.size);
}

static void scans_the_next_object_after_a_reset(void **state)
{
    (void)state;
    AUTO_BYTES first;
    AUTO_BYTES second;
    bytes_init(&first);
    bytes_init(&second);
    add_meta(&first, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&first);
    add_text(&first, PACS_TAG_PATIENT_ID, "LO", "P1");
    add_element(&first, PACS_TAG_PIXEL_DATA, "OW", "pixels", 6);
    add_meta(&second, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&second);
    PACS_AUTO(PacsScan) scan = scan_bytes(&first, NULL);
    PACS_AUTO(PacsScan) fresh = scan_bytes(&second, NULL);
    PacsError err = {0};
    pacs_scan_reset(scan);
    assert_int_equal(pacs_scan_feed(scan, second.buffer.bytes, second.buffer.size, &err), PACS_OK);
    assert_int_equal(pacs_scan_finish(scan, &err), PACS_OK);
    const PacsInstance *again = pacs_scan_instance(scan);
    assert_string_equal(pacs_buffer_text(again->json), pacs_buffer_text(pacs_scan_instance(fresh)->json));
    assert_string_equal(again->patient_id, "");
    assert_false(again->has_pixel_data);
    assert_int_equal(again->bulk_table->size, 0);
}

static void fails_again_after_a_failure(void **state)
{
    (void)state;
    PACS_AUTO(PacsScan) scan = NULL;
    PacsError err = {0};
    assert_int_equal(pacs_scan_new(NULL, &scan, &err), PACS_OK);
    assert_int_equal(pacs_scan_finish(scan, &err), PACS_INVALID);
    assert_int_equal(pacs_scan_feed(scan, "x", 1, &err), PACS_INVALID);
    assert_string_equal(err.text, "empty: no bytes at all");
}

/* 10,000 frames of an enhanced object: what the functional groups cost in memory is the JSON alone. */
static void holds_the_functional_groups_of_ten_thousand_frames(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_header(&bytes, PACS_TAG(0x5200, 0x9230), "SQ", UNDEFINED);
    for (int frame = 0; frame < 10000; frame++) {
        add_marker(&bytes, 0xE000, UNDEFINED);
        add_header(&bytes, PACS_TAG(0x0020, 0x9113), "SQ", UNDEFINED);
        add_marker(&bytes, 0xE000, UNDEFINED);
        add_text(&bytes, PACS_TAG_IMAGE_POSITION_PATIENT, "DS", "-125.000\\-125.000\\1.25");
        add_marker(&bytes, 0xE00D, 0);
        add_marker(&bytes, 0xE0DD, 0);
        add_marker(&bytes, 0xE00D, 0);
    }
    add_marker(&bytes, 0xE0DD, 0);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    assert_in_range(pacs_scan_instance(scan)->json->size, 10000 * 90, 10000 * 100);
}

/* 4 GiB of pixels go through in pieces; what stays is the header's JSON and a table of 28 bytes. */
static void passes_four_gibibytes_of_pixels_through(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20, FRAMES = 8191, FRAME = 1 << 19 };
    static const uint8_t piece[PIECE];
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_identity(&bytes);
    add_text(&bytes, PACS_TAG_NUMBER_OF_FRAMES, "IS", "8191");
    add_number(&bytes, PACS_TAG_ROWS, 512);
    add_number(&bytes, PACS_TAG_COLUMNS, 512);
    add_number(&bytes, PACS_TAG_BITS_ALLOCATED, 16);
    add_header(&bytes, PACS_TAG_PIXEL_DATA, "OW", (uint32_t)FRAMES * FRAME);
    PACS_AUTO(PacsScan) scan = NULL;
    PacsError err = {0};
    assert_int_equal(pacs_scan_new(NULL, &scan, &err), PACS_OK);
    assert_int_equal(pacs_scan_feed(scan, bytes.buffer.bytes, bytes.buffer.size, &err), PACS_OK);
    for (uint64_t left = (uint64_t)FRAMES * FRAME; left > 0;) {
        size_t size = left < PIECE ? (size_t)left : PIECE;
        assert_int_equal(pacs_scan_feed(scan, piece, size, &err), PACS_OK);
        left -= size;
    }
    assert_int_equal(pacs_scan_finish(scan, &err), PACS_OK);
    const PacsInstance *instance = pacs_scan_instance(scan);
    PacsFrame frame;
    assert_int_equal(instance->frame_table->size, 28);
    assert_int_equal(pacs_frame_table_find(instance->frame_table->bytes, instance->frame_table->size, FRAMES,
                                           &frame, &err),
                     PACS_OK);
    assert_int_equal(frame.first.offset + frame.first.size, instance->size_bytes);
    assert_in_range(instance->json->size, 1, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_identifies_an_object),
        cmocka_unit_test(keeps_main_tags_of_each_level_in_order),
        cmocka_unit_test(the_first_of_two_elements_counts_and_items_do_not),
        cmocka_unit_test(reads_main_tags_that_were_written_as_unknown),
        cmocka_unit_test(keeps_further_tags_where_asked),
        cmocka_unit_test(keeps_a_main_sequence_as_its_json),
        cmocka_unit_test(a_sequence_that_is_too_long_is_not_kept),
        cmocka_unit_test(cuts_a_long_list_behind_a_value),
        cmocka_unit_test(refuses_what_an_index_cannot_do_without),
        cmocka_unit_test(refuses_a_media_directory_with_its_name),
        cmocka_unit_test(takes_the_sop_class_of_the_meta_header_where_the_data_set_has_none),
        cmocka_unit_test(describes_the_pixels),
        cmocka_unit_test(offsets_of_a_deflated_object_count_in_the_inflated_stream),
        cmocka_unit_test(scans_the_next_object_after_a_reset),
        cmocka_unit_test(fails_again_after_a_failure),
        cmocka_unit_test(holds_the_functional_groups_of_ten_thousand_frames),
        cmocka_unit_test(passes_four_gibibytes_of_pixels_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
