#include "scanning.h"

#include <stdio.h>

#include "pacs/dicom/frame_collector.h"
#include "pacs/dicom/frame_table.h"

/* Fragments are written as words; a capital J begins a codestream and is stored as a JPEG's first bytes. */

static void add_word(Bytes *bytes, const char *word)
{
    char value[16] = {0};
    size_t size = strlen(word);
    memcpy(value, word, size);
    if (word[0] == 'J')
        memcpy(value, "\xFF\xD8\xFF", 3);
    add_fragment(bytes, value, size);
}

typedef struct Object {
    const char *transfer_syntax_uid;
    int frames; /* 0: Number of Frames is left out */
    const uint32_t *offsets;
    size_t offset_count;
    const uint64_t *extended;
    size_t extended_count;
    const uint64_t *lengths;
    size_t length_count;
    const char *const *fragments; /* up to NULL */
} Object;

static void write_object(const Object *object, Bytes *bytes)
{
    add_meta(bytes, object->transfer_syntax_uid);
    add_identity(bytes);
    char frames[12];
    (void)snprintf(frames, sizeof frames, "%d", object->frames);
    if (object->frames)
        add_text(bytes, PACS_TAG_NUMBER_OF_FRAMES, "IS", frames);
    if (object->extended)
        add_element(bytes, PACS_TAG_EXTENDED_OFFSET_TABLE, "OV", object->extended,
                    object->extended_count * 8);
    if (object->lengths)
        add_element(bytes, PACS_TAG_EXTENDED_OFFSET_TABLE_LENGTHS, "OV", object->lengths,
                    object->length_count * 8);
    add_header(bytes, PACS_TAG_PIXEL_DATA, "OB", UNDEFINED);
    add_fragment(bytes, object->offsets, object->offset_count * 4);
    for (size_t i = 0; object->fragments[i]; i++)
        add_word(bytes, object->fragments[i]);
    add_marker(bytes, 0xE0DD, 0);
}

/* The sizes of all runs of all frames: "4+2 6" for two frames, the first of two runs. */
static void expect_frames(const Object *object, const char *expected)
{
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    write_object(object, &bytes);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsBuffer *table = pacs_scan_instance(scan)->frame_table;
    char text[256] = "";
    uint32_t frames = 0;
    PacsError err = {0};
    if (table->size > 0)
        assert_int_equal(pacs_frame_table_count(table->bytes, table->size, &frames, &err), PACS_OK);
    for (uint32_t number = 1; number <= frames; number++) {
        PacsFrame frame;
        uint64_t total = 0;
        assert_int_equal(pacs_frame_table_find(table->bytes, table->size, number, &frame, &err), PACS_OK);
        for (uint32_t run = 0; run < frame.run_count; run++) {
            PacsRange range;
            assert_int_equal(pacs_frame_table_run(table->bytes, table->size, number, run, &range, &err),
                             PACS_OK);
            if (run == 0)
                assert_memory_equal(&range, &frame.first, sizeof range);
            total += range.size;
            const char *between = run > 0 ? "+" : number > 1 ? " " : "";
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%u", between,
                           (unsigned)range.size);
        }
        assert_int_equal(total, frame.size_bytes);
    }
    assert_string_equal(text, expected);
}

#define FRAGMENTS(...)                                                                                       \
    .fragments = (const char *const[])                                                                       \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
#define OFFSETS(...)                                                                                         \
    .offsets = (const uint32_t[]){__VA_ARGS__},                                                              \
    .offset_count = sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)
#define EXTENDED(...)                                                                                        \
    .extended = (const uint64_t[]){__VA_ARGS__},                                                             \
    .extended_count = sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)
#define LENGTHS(...)                                                                                         \
    .lengths = (const uint64_t[]){__VA_ARGS__},                                                              \
    .length_count = sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

static void one_fragment_a_frame(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 3, FRAGMENTS("Jaaa", "Jbbbbb", "Jcccc.")}, "4 6 6");
}

static void one_frame_has_all_fragments(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 0, FRAGMENTS("Jaaa", "bb", "cc")}, "4+2+2");
}

static void the_offset_table_says_where_frames_begin(void **state)
{
    (void)state;
    expect_frames(
        &(Object){"1.2.840.10008.1.2.4.80", 2, OFFSETS(0, 22), FRAGMENTS("aaaa", "bb", "cccc", "dd", "ee")},
        "4+2 4+2+2");
}

static void the_extended_offset_table_goes_before_the_basic_one(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_2000, 2, EXTENDED(0, 22), FRAGMENTS("aaaa", "bb", "cccc")},
                  "4+2 4");
}

static void lengths_beside_the_extended_table_leave_the_padding_out(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_2000, 3, EXTENDED(0, 14, 26), LENGTHS(5, 4, 1),
                            FRAGMENTS("aaaaa0", "bbbb", "c0")},
                  "5 4 1");
}

static void lengths_that_lie_are_not_believed(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_2000, 3, EXTENDED(0, 14, 26), LENGTHS(4, 5, UINT64_MAX),
                            FRAGMENTS("aaaaa0", "bbbb", "")},
                  "6 4 0");
    expect_frames(&(Object){PACS_UID_JPEG_2000, 2, EXTENDED(0, 14), LENGTHS(5), FRAGMENTS("aaaaa0", "bbb0")},
                  "6 4");
}

static void lengths_of_frames_in_many_fragments_are_not_used(void **state)
{
    (void)state;
    expect_frames(
        &(Object){PACS_UID_JPEG_2000, 2, EXTENDED(0, 22), LENGTHS(5, 3), FRAGMENTS("aaaa", "a0", "bbb0")},
        "4+2 4");
}

static void codestreams_say_it_where_no_table_does(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 2, FRAGMENTS("Jaaa", "bb", "Jccc", "dd")}, "4+2 4+2");
}

static void codestreams_correct_a_table_that_lies(void **state)
{
    (void)state;
    expect_frames(
        &(Object){PACS_UID_JPEG_BASELINE, 2, OFFSETS(0, 5000), FRAGMENTS("Jaaa", "bb", "Jccc", "dd")},
        "4+2 4+2");
}

static void a_table_of_all_fragments_of_one_frame_is_not_believed(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 1, OFFSETS(0, 12), FRAGMENTS("Jaaa", "bb")}, "4+2");
}

static void every_rle_fragment_is_a_frame(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_RLE_LOSSLESS, 5, FRAGMENTS("aaaa", "bb")}, "4 2");
}

static void a_number_of_frames_that_lies_yields_to_what_is_there(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 9, FRAGMENTS("Jaaa", "bb", "Jccc", "dd")}, "4+2 4+2");
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 9, FRAGMENTS("aaaa", "bb")}, "4 2");
}

static void video_is_one_stream(void **state)
{
    (void)state;
    expect_frames(&(Object){"1.2.840.10008.1.2.4.102", 3, FRAGMENTS("aaaa", "bb", "cc")}, "4+2+2");
}

static void no_fragments_are_no_frames(void **state)
{
    (void)state;
    expect_frames(&(Object){PACS_UID_JPEG_BASELINE, 1, .fragments = (const char *const[]){NULL}}, "");
}

static void finds_any_of_ten_thousand_frames(void **state)
{
    (void)state;
    FrameCollector collector;
    PACS_AUTO_BUFFER PacsBuffer table = PACS_BUFFER(1u << 20);
    PacsError err = {0};
    frame_collector_init(&collector);
    uint64_t offset = 5ull << 30; /* over 4 GiB */
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(frame_collector_begin(&collector, offset, 70000 + i, &err), PACS_OK);
        assert_int_equal(frame_collector_end(&collector, &err), PACS_OK);
        offset += 70000 + i + 8;
    }
    assert_int_equal(frame_collector_write(&collector, FRAME_MAPPING_CODESTREAMS, 10000, &table, &err),
                     PACS_OK);
    frame_collector_clear(&collector);
    assert_in_range(table.size, 1, 33000);

    offset = 5ull << 30;
    for (uint32_t i = 0; i < 10000; i++) {
        PacsFrame frame;
        assert_int_equal(pacs_frame_table_find(table.bytes, table.size, i + 1, &frame, &err), PACS_OK);
        assert_int_equal(frame.first.offset, offset);
        assert_int_equal(frame.first.size, 70000 + i);
        offset += 70000 + i + 8;
    }
}

static PacsFrame native_frame_of(const FrameNative *native, uint32_t number)
{
    PACS_AUTO_BUFFER PacsBuffer table = PACS_BUFFER(1u << 20);
    PacsFrame frame;
    PacsError err = {0};
    assert_int_equal(frame_table_write_native(native, &table, &err), PACS_OK);
    assert_int_equal(pacs_frame_table_find(table.bytes, table.size, number, &frame, &err), PACS_OK);
    return frame;
}

static PacsFrame native_frame(uint64_t offset, uint64_t size, uint64_t bits, uint32_t frames, uint32_t number)
{
    const FrameNative native = {
        .offset = offset, .size_bytes = size, .frame_bits = bits, .swap_size = 1, .number_of_frames = frames};
    return native_frame_of(&native, number);
}

static void native_frames_follow_from_their_size(void **state)
{
    (void)state;
    PacsFrame frame = native_frame(1000, 3ull << 32, 512 * 512 * 16, 20000, 20000);
    assert_int_equal(frame.first.offset, 1000 + 19999ull * 524288);
    assert_int_equal(frame.first.size, 524288);
    assert_int_equal(frame.run_count, 1);
    assert_int_equal(frame.bit_offset, 0);
}

static void frames_of_single_bits_begin_inside_bytes(void **state)
{
    (void)state;
    PacsFrame frame = native_frame(100, 4, 9, 3, 2); /* 3x3 pixels of one bit: bits 9 to 17 */
    assert_int_equal(frame.first.offset, 101);
    assert_int_equal(frame.bit_offset, 1);
    assert_int_equal(frame.first.size, 2);
}

static void big_endian_frames_are_runs_of_whole_words(void **state)
{
    (void)state;
    const FrameNative native = {
        .offset = 100, .size_bytes = 30, .frame_bits = 72, .swap_size = 2, .number_of_frames = 3};
    PacsFrame frame = native_frame_of(&native, 2); /* bytes 9 to 17 of the swapped stream */
    assert_int_equal(frame.swap_size, 2);
    assert_int_equal(frame.first.offset, 108);
    assert_int_equal(frame.first.size, 10);
    assert_int_equal(frame.bit_offset, 8);
    assert_int_equal(frame.bits, 72);
    assert_int_equal(native_frame(100, 30, 72, 3, 2).swap_size, 1);
}

static void has_only_native_frames_that_are_there(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer table = PACS_BUFFER(1u << 20);
    PacsError err = {0};
    uint32_t frames = 0;
    assert_int_equal(
        frame_table_write_native(
            &(FrameNative){.size_bytes = 25, .frame_bits = 80, .swap_size = 1, .number_of_frames = 9}, &table,
            &err),
        PACS_OK);
    assert_int_equal(pacs_frame_table_count(table.bytes, table.size, &frames, &err), PACS_OK);
    assert_int_equal(frames, 2);
}

static void says_which_frame_was_asked_and_how_many_there_are(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer table = PACS_BUFFER(1u << 20);
    PacsFrame frame;
    PacsError err = {0};
    assert_int_equal(
        frame_table_write_native(
            &(FrameNative){.size_bytes = 100, .frame_bits = 80, .swap_size = 1, .number_of_frames = 10},
            &table, &err),
        PACS_OK);
    assert_int_equal(pacs_frame_table_find(table.bytes, table.size, 12, &frame, &err), PACS_INVALID);
    assert_string_equal(err.text, "frame 12 asked, instance has 10");
    assert_int_equal(pacs_frame_table_find(table.bytes, table.size, 0, &frame, &err), PACS_INVALID);
}

static void a_damaged_table_is_found_out(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    const Object object = {PACS_UID_JPEG_BASELINE, 2, FRAGMENTS("Jaaa", "bb", "Jccc", "dd")};
    write_object(&object, &bytes);
    PACS_AUTO(PacsScan) scan = scan_bytes(&bytes, NULL);
    const PacsBuffer *table = pacs_scan_instance(scan)->frame_table;
    PacsFrame frame;
    PacsRange range;
    PacsError err = {0};
    for (size_t size = 0; size < table->size; size++)
        assert_int_equal(pacs_frame_table_find(table->bytes, size, 2, &frame, &err), PACS_CORRUPT);
    /* Whatever a byte of it becomes, nothing outside the table is read (the sanitizer would tell). */
    for (size_t at = 0; at < table->size; at++) {
        table->bytes[at] ^= 0xFF;
        PacsStatus found = pacs_frame_table_find(table->bytes, table->size, 2, &frame, &err);
        PacsStatus run = pacs_frame_table_run(table->bytes, table->size, 2, 1, &range, &err);
        assert_true(found == PACS_OK || found == PACS_CORRUPT || found == PACS_INVALID);
        assert_true(run == PACS_OK || run == PACS_CORRUPT || run == PACS_INVALID);
        table->bytes[at] ^= 0xFF;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_fragment_a_frame),
        cmocka_unit_test(one_frame_has_all_fragments),
        cmocka_unit_test(the_offset_table_says_where_frames_begin),
        cmocka_unit_test(the_extended_offset_table_goes_before_the_basic_one),
        cmocka_unit_test(lengths_beside_the_extended_table_leave_the_padding_out),
        cmocka_unit_test(lengths_that_lie_are_not_believed),
        cmocka_unit_test(lengths_of_frames_in_many_fragments_are_not_used),
        cmocka_unit_test(codestreams_say_it_where_no_table_does),
        cmocka_unit_test(codestreams_correct_a_table_that_lies),
        cmocka_unit_test(a_table_of_all_fragments_of_one_frame_is_not_believed),
        cmocka_unit_test(every_rle_fragment_is_a_frame),
        cmocka_unit_test(a_number_of_frames_that_lies_yields_to_what_is_there),
        cmocka_unit_test(video_is_one_stream),
        cmocka_unit_test(no_fragments_are_no_frames),
        cmocka_unit_test(finds_any_of_ten_thousand_frames),
        cmocka_unit_test(native_frames_follow_from_their_size),
        cmocka_unit_test(frames_of_single_bits_begin_inside_bytes),
        cmocka_unit_test(big_endian_frames_are_runs_of_whole_words),
        cmocka_unit_test(has_only_native_frames_that_are_there),
        cmocka_unit_test(says_which_frame_was_asked_and_how_many_there_are),
        cmocka_unit_test(a_damaged_table_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
