#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "pacs/dicom/reader.h"
#include "pacs/util/limits.h"

/* What the reader told, one line for each call: the tests say which lines they expect. */

static PacsStatus tell_dataset(void *context, const PacsDatasetStart *start, PacsError *err)
{
    (void)err;
    (void)pacs_buffer_add_format(context, "dataset %s%s%s\n", start->transfer_syntax_uid,
                                 start->deflated ? " deflated" : "", start->guessed ? " guessed" : "");
    return PACS_OK;
}

static PacsStatus tell_element(void *context, const PacsElement *element, PacsError *err)
{
    (void)err;
    if (pacs_tag_group(element->tag) != 2)
        (void)pacs_buffer_add_format(context, "%08X %s%s ", element->tag, pacs_vr_code(element->vr),
                                     element->big_endian ? " big" : "");
    return PACS_OK;
}

static PacsStatus tell_value(void *context, const PacsElement *element, const uint8_t *bytes, size_t size,
                             PacsError *err)
{
    (void)err;
    for (size_t i = 0; i < size && pacs_tag_group(element->tag) != 2; i++)
        (void)pacs_buffer_add_format(context, bytes[i] > ' ' && bytes[i] < 127 ? "%c" : "<%02x>", bytes[i]);
    return PACS_OK;
}

static PacsStatus tell_end(void *context, const PacsElement *element, PacsError *err)
{
    (void)err;
    if (pacs_tag_group(element->tag) != 2)
        (void)pacs_buffer_add_text(context, "\n");
    return PACS_OK;
}

static PacsStatus tell_sequence(void *context, const PacsElement *element, PacsError *err)
{
    (void)err;
    (void)pacs_buffer_add_format(context, "%08X SQ {\n", element->tag);
    return PACS_OK;
}

static PacsStatus tell_item(void *context, PacsTag sequence, uint32_t item_number, PacsError *err)
{
    (void)err;
    (void)sequence;
    (void)pacs_buffer_add_format(context, "item %u\n", item_number);
    return PACS_OK;
}

static PacsStatus tell_sequence_end(void *context, PacsTag sequence, PacsError *err)
{
    (void)err;
    (void)sequence;
    (void)pacs_buffer_add_text(context, "}\n");
    return PACS_OK;
}

static PacsStatus tell_pixels(void *context, const PacsElement *element, PacsError *err)
{
    (void)err;
    (void)pacs_buffer_add_format(context, "%08X fragments\n", element->tag);
    return PACS_OK;
}

static PacsStatus tell_fragment(void *context, const PacsElement *element, uint64_t fragment_index,
                                uint64_t offset, uint64_t size, PacsError *err)
{
    (void)err;
    (void)pacs_buffer_add_format(context, "%u at %u: %u ", (unsigned)fragment_index,
                                 (unsigned)(offset - element->value_offset), (unsigned)size);
    return PACS_OK;
}

static PacsStatus tell_pixels_end(void *context, const PacsElement *element, uint64_t end_offset,
                                  PacsError *err)
{
    (void)err;
    (void)pacs_buffer_add_format(context, "end at %u\n", (unsigned)(end_offset - element->value_offset));
    return PACS_OK;
}

static const PacsReaderHandler teller = {
    .dataset_begin = tell_dataset,
    .element_begin = tell_element,
    .value = tell_value,
    .element_end = tell_end,
    .sequence_begin = tell_sequence,
    .item_begin = tell_item,
    .sequence_end = tell_sequence_end,
    .pixels_begin = tell_pixels,
    .fragment_begin = tell_fragment,
    .fragment = tell_value,
    .fragment_end = tell_end,
    .pixels_end = tell_pixels_end,
};

static PacsStatus read_in_pieces(const Bytes *bytes, size_t piece, PacsBuffer *told, PacsError *err)
{
    PACS_AUTO(PacsReader) reader = NULL;
    pacs_buffer_reset(told);
    assert_int_equal(pacs_reader_new(&teller, told, &reader, err), PACS_OK);
    for (size_t at = 0; at < bytes->buffer.size; at += piece) {
        size_t size = bytes->buffer.size - at < piece ? bytes->buffer.size - at : piece;
        PacsStatus status = pacs_reader_feed(reader, bytes->buffer.bytes + at, size, err);
        if (status != PACS_OK)
            return status;
    }
    return pacs_reader_finish(reader, err);
}

/* Reads in one piece and byte by byte, which must not differ, and checks the outcome. */
static void expect(const Bytes *bytes, PacsStatus expected_status, const char *expected)
{
    PacsError err = {0};
    PacsError cut_err = {0};
    PACS_AUTO_BUFFER PacsBuffer told = PACS_BUFFER(1u << 20);
    PACS_AUTO_BUFFER PacsBuffer cut_told = PACS_BUFFER(1u << 20);

    PacsStatus status = read_in_pieces(bytes, SIZE_MAX, &told, &err);
    assert_int_equal(read_in_pieces(bytes, 1, &cut_told, &cut_err), status);
    assert_string_equal(err.text, cut_err.text);
    if (status == PACS_OK)
        assert_string_equal(pacs_buffer_text(&told), pacs_buffer_text(&cut_told));

    if (status != expected_status)
        fail_msg("%s: %s", pacs_status_name(status), err.text);
    if (status == PACS_OK)
        assert_string_equal(pacs_buffer_text(&told), expected);
    else if (!strstr(err.text, expected))
        fail_msg("'%s' is not in '%s'", expected, err.text);
}

#define EXPLICIT "dataset 1.2.840.10008.1.2.1\n"
#define IMPLICIT "dataset 1.2.840.10008.1.2\n"

static void reads_explicit_little_endian(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_element(&bytes, PACS_TAG(0x0009, 0x1001), "OB", "ab", 2);
    expect(&bytes, PACS_OK, EXPLICIT "00080060 CS CT\n00091001 OB ab\n");
}

static void reads_implicit_vr_by_the_dictionary(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    bytes.implicit = true;
    add_meta(&bytes, PACS_UID_IMPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_text(&bytes, PACS_TAG(0x0009, 0x0010), "LO", "ME");
    add_text(&bytes, PACS_TAG(0x0009, 0x1001), "UN", "ab");
    expect(&bytes, PACS_OK, IMPLICIT "00080060 CS CT\n00090010 LO ME\n00091001 UN ab\n");
}

static void reads_numbers_as_signed_where_implicit_pixels_are(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    bytes.implicit = true;
    add_meta(&bytes, PACS_UID_IMPLICIT_LITTLE);
    add_number(&bytes, PACS_TAG_PIXEL_REPRESENTATION, 1);
    add_number(&bytes, PACS_TAG(0x0028, 0x0106), 0x4141);
    add_number(&bytes, PACS_TAG(0x0028, 0x1101), 0x4141);
    expect(&bytes, PACS_OK, IMPLICIT "00280103 US <01><00>\n00280106 SS AA\n00281101 US AA\n");
}

static void reads_big_endian(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    bytes.big_endian = true;
    add_meta(&bytes, PACS_UID_EXPLICIT_BIG);
    add_number(&bytes, PACS_TAG_ROWS, 0x4142);
    expect(&bytes, PACS_OK, "dataset 1.2.840.10008.1.2.2\n00280010 US big AB\n");
}

static void add_deflated(Bytes *out, const Bytes *plain, int window_bits)
{
    z_stream stream = {0};
    uint8_t deflated[4096];
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = plain->buffer.bytes;
    stream.avail_in = (uInt)plain->buffer.size;
    stream.next_out = deflated;
    stream.avail_out = sizeof deflated;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    add_raw(out, deflated, sizeof deflated - stream.avail_out);
    deflateEnd(&stream);
}

static void inflates_a_data_set(int window_bits, size_t cut_off, PacsStatus status, const char *expected)
{
    AUTO_BYTES plain;
    AUTO_BYTES bytes;
    bytes_init(&plain);
    bytes_init(&bytes);
    add_text(&plain, PACS_TAG_MODALITY, "CS", "CT");
    add_meta(&bytes, PACS_UID_DEFLATED_EXPLICIT_LITTLE);
    add_deflated(&bytes, &plain, window_bits);
    bytes.buffer.size -= cut_off;
    expect(&bytes, status, expected);
}

static void inflates_a_deflated_data_set(void **state)
{
    (void)state;
    inflates_a_data_set(-15, 0, PACS_OK, "dataset 1.2.840.10008.1.2.1.99 deflated\n00080060 CS CT\n");
}

static void inflates_a_zlib_wrapper_as_well(void **state)
{
    (void)state;
    inflates_a_data_set(15, 0, PACS_OK, "dataset 1.2.840.10008.1.2.1.99 deflated\n00080060 CS CT\n");
}

static void refuses_a_deflated_data_set_that_is_cut_off(void **state)
{
    (void)state;
    inflates_a_data_set(-15, 2, PACS_INVALID, "the deflated data set is cut off");
}

static void add_bomb(Bytes *bytes, uint32_t zeros)
{
    AUTO_BYTES plain;
    bytes_init(&plain);
    add_header(&plain, PACS_TAG_PIXEL_DATA, "OB", zeros);
    static const uint8_t nothing[4096];
    for (uint32_t i = 0; i < zeros; i += sizeof nothing)
        add_raw(&plain, nothing, sizeof nothing);
    uint8_t *out = malloc(zeros);
    assert_non_null(out);
    z_stream stream = {.next_in = plain.buffer.bytes,
                       .avail_in = (uInt)plain.buffer.size,
                       .next_out = out,
                       .avail_out = zeros};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    add_raw(bytes, out, zeros - stream.avail_out);
    deflateEnd(&stream);
    free(out);
}

static void inflates_what_is_very_compressible(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_DEFLATED_EXPLICIT_LITTLE);
    add_bomb(&bytes, 8u << 20);
    PacsError err = {0};
    PACS_AUTO(PacsReader) reader = NULL;
    static const PacsReaderHandler nobody = {0};
    assert_int_equal(pacs_reader_new(&nobody, NULL, &reader, &err), PACS_OK);
    assert_int_equal(pacs_reader_feed(reader, bytes.buffer.bytes, bytes.buffer.size, &err), PACS_OK);
    assert_int_equal(pacs_reader_finish(reader, &err), PACS_OK);
}

static void reads_sequences_of_both_kinds_of_length(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, SEQUENCE, "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "ab");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE000, 10);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "cd");
    add_marker(&bytes, 0xE0DD, 0);
    add_header(&bytes, PACS_TAG_CONTENT_SEQUENCE, "SQ", 8);
    add_marker(&bytes, 0xE000, 0);
    add_header(&bytes, PACS_TAG_REFERENCED_SOP_SEQUENCE, "SQ", 0);
    expect(&bytes, PACS_OK,
           EXPLICIT "00081140 SQ {\nitem 1\n00080100 SH ab\nitem 2\n00080100 SH cd\n}\n"
                    "0040A730 SQ {\nitem 1\n}\n00081199 SQ {\n}\n");
}

static void takes_superfluous_delimiters_where_lengths_are_given(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, SEQUENCE, "SQ", 8 + 18 + 8);
    add_marker(&bytes, 0xE000, 18);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "ab");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    expect(&bytes, PACS_OK, EXPLICIT "00081140 SQ {\nitem 1\n00080100 SH ab\n}\n");
}

static void reads_fragments_with_their_offsets(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_RLE_LOSSLESS);
    add_header(&bytes, PACS_TAG_PIXEL_DATA, "OB", UNDEFINED);
    add_fragment(&bytes, "", 0);
    add_fragment(&bytes, "abcd", 4);
    add_fragment(&bytes, "ef", 2);
    add_marker(&bytes, 0xE0DD, 0);
    expect(
        &bytes, PACS_OK,
        "dataset 1.2.840.10008.1.2.5\n7FE00010 fragments\n0 at 8: 0 \n1 at 16: 4 abcd\n2 at 28: 2 ef\nend at 30\n");
}

static void guesses_the_syntax_of_a_bare_data_set(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_text(&bytes, PACS_TAG_SOP_CLASS_UID, "UI", "1.2.3");
    expect(&bytes, PACS_OK, "dataset 1.2.840.10008.1.2.1 guessed\n00080016 UI 1.2.3<00>\n");

    AUTO_BYTES implicit;
    bytes_init(&implicit);
    implicit.implicit = true;
    add_text(&implicit, PACS_TAG_SOP_CLASS_UID, "UI", "1.2.3");
    expect(&implicit, PACS_OK, "dataset 1.2.840.10008.1.2 guessed\n00080016 UI 1.2.3<00>\n");

    AUTO_BYTES big;
    bytes_init(&big);
    big.big_endian = true;
    add_text(&big, PACS_TAG_SOP_CLASS_UID, "UI", "1.2.3");
    expect(&big, PACS_OK, "dataset 1.2.840.10008.1.2.2 guessed\n00080016 UI big 1.2.3<00>\n");
}

static void reads_a_meta_header_without_preamble(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_text(&bytes, PACS_TAG_TRANSFER_SYNTAX_UID, "UI", PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    expect(&bytes, PACS_OK, EXPLICIT "00080060 CS CT\n");
}

static void ignores_the_group_length_of_the_meta_header(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    static const uint8_t preamble[128];
    add_raw(&bytes, preamble, sizeof preamble);
    add_raw(&bytes, "DICM", 4);
    add_element(&bytes, PACS_TAG_FILE_META_INFORMATION_GROUP_LENGTH, "UL", "\xFF\xFF\x00\x00", 4);
    add_text(&bytes, PACS_TAG_TRANSFER_SYNTAX_UID, "UI", PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    expect(&bytes, PACS_OK, EXPLICIT "00080060 CS CT\n");
}

static void reads_a_meta_header_in_implicit_vr(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    static const uint8_t preamble[128];
    add_raw(&bytes, preamble, sizeof preamble);
    add_raw(&bytes, "DICM", 4);
    bytes.implicit = true;
    add_text(&bytes, PACS_TAG_TRANSFER_SYNTAX_UID, "UI", PACS_UID_IMPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    expect(&bytes, PACS_OK, IMPLICIT "00080060 CS CT\n");
}

static void believes_the_bytes_when_the_declared_syntax_is_another(void **state)
{
    (void)state;
    AUTO_BYTES implicit;
    bytes_init(&implicit);
    implicit.implicit = true;
    add_meta(&implicit, PACS_UID_EXPLICIT_LITTLE);
    add_text(&implicit, PACS_TAG_MODALITY, "CS", "CT");
    expect(&implicit, PACS_OK, "dataset 1.2.840.10008.1.2 guessed\n00080060 CS CT\n");

    AUTO_BYTES explicit_vr;
    bytes_init(&explicit_vr);
    add_meta(&explicit_vr, PACS_UID_IMPLICIT_LITTLE);
    add_text(&explicit_vr, PACS_TAG_MODALITY, "CS", "CT");
    expect(&explicit_vr, PACS_OK, "dataset 1.2.840.10008.1.2.1 guessed\n00080060 CS CT\n");

    AUTO_BYTES big;
    bytes_init(&big);
    big.big_endian = true;
    add_meta(&big, PACS_UID_EXPLICIT_LITTLE);
    add_text(&big, PACS_TAG_MODALITY, "CS", "CT");
    expect(&big, PACS_OK, "dataset 1.2.840.10008.1.2.2 guessed\n00080060 CS big CT\n");
}

static void keeps_the_name_of_a_compression_when_the_vrs_are_missing(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    bytes.implicit = true;
    add_meta(&bytes, PACS_UID_JPEG_BASELINE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_header(&bytes, PACS_TAG_PIXEL_DATA, "OB", UNDEFINED);
    add_marker(&bytes, 0xE0DD, 0);
    expect(&bytes, PACS_OK, "dataset 1.2.840.10008.1.2.4.50\n00080060 CS CT\n7FE00010 fragments\nend at 0\n");
}

static void knows_ges_big_endian_pixels_in_implicit_little_endian(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    bytes.implicit = true;
    add_meta(&bytes, "1.2.840.113619.5.2");
    add_number(&bytes, PACS_TAG_ROWS, 0x4142);
    add_text(&bytes, PACS_TAG_PIXEL_DATA, "OW", "ab");
    expect(&bytes, PACS_OK, "dataset 1.2.840.113619.5.2\n00280010 US BA\n7FE00010 OW big ab\n");
}

static void refuses_a_syntax_that_nobody_defined(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, "1.2.3.4");
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    expect(&bytes, PACS_UNSUPPORTED, "transfer syntax 1.2.3.4 is not one that DICOM defines");
}

static void reads_unknown_sequences_as_implicit_vr(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, PACS_TAG(0x0009, 0x1001), "UN", UNDEFINED);
    bytes.implicit = true;
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "ab");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    bytes.implicit = false;
    add_text(&bytes, PACS_TAG_PATIENT_ID, "LO", "id");
    expect(&bytes, PACS_OK, EXPLICIT "00091001 SQ {\nitem 1\n00080100 SH ab\n}\n00100020 LO id\n");
}

static void reads_unknown_sequences_that_were_left_explicit(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, PACS_TAG(0x0009, 0x1001), "UN", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "ab");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    expect(&bytes, PACS_OK, EXPLICIT "00091001 SQ {\nitem 1\n00080100 SH ab\n}\n");
}

static void reads_implicit_items_in_an_explicit_data_set(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, SEQUENCE, "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    bytes.implicit = true;
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "ab");
    bytes.implicit = false;
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "cd");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    expect(&bytes, PACS_OK, EXPLICIT "00081140 SQ {\nitem 1\n00080100 SH ab\nitem 2\n00080100 SH cd\n}\n");
}

static void keeps_unknown_values_of_known_length_as_bytes(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_element(&bytes, PACS_TAG(0x0009, 0x1001), "UN", "abc", 3);
    add_raw(&bytes, "\x09\x00\x02\x10ZZ\x00\x00\x02\x00\x00\x00xy",
            14);                                         /* letters of a VR to come: long header */
    add_raw(&bytes, "\x09\x00\x03\x10??\x02\x00vw", 10); /* no letters: short header */
    expect(&bytes, PACS_OK, EXPLICIT "00091001 UN abc\n00091002 UN xy\n00091003 UN vw\n");
}

static void add_nested(Bytes *bytes, int depth)
{
    for (int i = 0; i < depth; i++) {
        add_header(bytes, SEQUENCE, "SQ", UNDEFINED);
        add_marker(bytes, 0xE000, UNDEFINED);
    }
    for (int i = 0; i < depth; i++) {
        add_marker(bytes, 0xE00D, 0);
        add_marker(bytes, 0xE0DD, 0);
    }
}

static void reads_sequences_as_deep_as_the_limit(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_nested(&bytes, PACS_MAX_SEQUENCE_DEPTH);
    PacsError err = {0};
    PACS_AUTO_BUFFER PacsBuffer told = PACS_BUFFER(1u << 20);
    assert_int_equal(read_in_pieces(&bytes, SIZE_MAX, &told, &err), PACS_OK);
}

static void refuses_ten_thousand_nested_sequences(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_nested(&bytes, 10000);
    expect(&bytes, PACS_TOO_LARGE, "sequence (0008,1140) at offset 1474 is nested deeper than 64");
}

static void refuses_what_runs_over_the_end_of_what_is_around_it(void **state)
{
    (void)state;
    AUTO_BYTES item;
    bytes_init(&item);
    add_meta(&item, PACS_UID_EXPLICIT_LITTLE);
    add_header(&item, SEQUENCE, "SQ", 24);
    add_marker(&item, 0xE000, 17);
    expect(&item, PACS_INVALID, "item 1 of (0008,1140) at offset 206 runs over the end of its sequence");

    AUTO_BYTES value;
    bytes_init(&value);
    add_meta(&value, PACS_UID_EXPLICIT_LITTLE);
    add_header(&value, SEQUENCE, "SQ", UNDEFINED);
    add_marker(&value, 0xE000, 10);
    add_header(&value, PACS_TAG_CODE_VALUE, "SH", 4);
    expect(&value, PACS_INVALID, "(0008,0100) at offset 214 has a value that runs over the end of its item");

    AUTO_BYTES fragment;
    bytes_init(&fragment);
    add_meta(&fragment, PACS_UID_JPEG_BASELINE);
    add_header(&fragment, SEQUENCE, "SQ", 36);
    add_marker(&fragment, 0xE000, 28);
    add_header(&fragment, PACS_TAG_PIXEL_DATA, "OB", UNDEFINED);
    add_marker(&fragment, 0xE000, 16);
    expect(&fragment, PACS_INVALID, "has an impossible length");
}

static void refuses_what_stands_in_the_wrong_place(void **state)
{
    (void)state;
    AUTO_BYTES no_item;
    bytes_init(&no_item);
    add_meta(&no_item, PACS_UID_EXPLICIT_LITTLE);
    add_header(&no_item, SEQUENCE, "SQ", UNDEFINED);
    add_text(&no_item, PACS_TAG_CODE_VALUE, "SH", "ab");
    expect(&no_item, PACS_INVALID, "(0008,0100) at offset 206 where an item of (0008,1140) should begin");

    AUTO_BYTES stray;
    bytes_init(&stray);
    add_meta(&stray, PACS_UID_EXPLICIT_LITTLE);
    add_text(&stray, PACS_TAG_MODALITY, "CS", "CT");
    add_marker(&stray, 0xE0DD, 0);
    expect(&stray, PACS_INVALID, "(FFFE,E0DD) at offset 204 where an element should begin");

    AUTO_BYTES text;
    bytes_init(&text);
    add_meta(&text, PACS_UID_EXPLICIT_LITTLE);
    add_header(&text, PACS_TAG(0x0040, 0xA160), "UT", UNDEFINED);
    expect(&text, PACS_INVALID, "has no length, which its VR does not allow");
}

static void takes_zeros_behind_the_data_set(void **state)
{
    (void)state;
    for (size_t zeros = 1; zeros < 40; zeros++) {
        static const uint8_t nothing[40];
        AUTO_BYTES bytes;
        bytes_init(&bytes);
        add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
        add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
        add_raw(&bytes, nothing, zeros);
        expect(&bytes, PACS_OK, EXPLICIT "00080060 CS CT\n");
    }
}

static void refuses_other_bytes_behind_the_data_set(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_raw(&bytes, "\0\0\0\0\0\0\0\0garbage", 15);
    expect(&bytes, PACS_INVALID, "neither elements nor padding, at offset 212");
}

static void refuses_what_is_cut_off_wherever_it_is_cut(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    size_t dataset = bytes.buffer.size;
    add_header(&bytes, SEQUENCE, "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "ab");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    size_t size = bytes.buffer.size;
    for (size_t cut = 0; cut < size; cut++) {
        bytes.buffer.size = cut;
        if (cut == dataset)
            expect(&bytes, PACS_INVALID, "cut off in front of the data set, at offset 194");
        else
            expect(&bytes, PACS_INVALID, cut == 0 ? "empty" : cut < 132 ? "not DICOM" : "cut off");
    }
}

static void says_how_much_of_a_value_is_missing(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, PACS_TAG_PIXEL_DATA, "OW", 0xFFFFFFFE);
    add_raw(&bytes, "abcd", 4);
    expect(&bytes, PACS_INVALID,
           "cut off: 4294967290 bytes are missing from the value of (7FE0,0010) at offset 194");
}

static void refuses_what_is_not_dicom(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_raw(&bytes, "%PDF-1.7 is what this is, and long enough to look at it", 55);
    expect(&bytes, PACS_INVALID, "not DICOM");
}

static void fails_again_after_a_failure(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, "1.2.3.4");
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    PacsError first = {0};
    PacsError second = {0};
    PACS_AUTO_BUFFER PacsBuffer told = PACS_BUFFER(1u << 20);
    PACS_AUTO(PacsReader) reader = NULL;
    assert_int_equal(pacs_reader_new(&teller, &told, &reader, &first), PACS_OK);
    assert_int_equal(pacs_reader_feed(reader, bytes.buffer.bytes, bytes.buffer.size, &first),
                     PACS_UNSUPPORTED);
    assert_int_equal(pacs_reader_finish(reader, &second), PACS_UNSUPPORTED);
    assert_string_equal(first.text, second.text);
}

static void reads_another_object_after_a_reset(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    PacsError err = {0};
    PACS_AUTO_BUFFER PacsBuffer told = PACS_BUFFER(1u << 20);
    PACS_AUTO(PacsReader) reader = NULL;
    assert_int_equal(pacs_reader_new(&teller, &told, &reader, &err), PACS_OK);
    assert_int_equal(pacs_reader_feed(reader, "%PDF-1.7", 8, &err), PACS_OK);
    assert_int_equal(pacs_reader_finish(reader, &err), PACS_INVALID);
    pacs_reader_reset(reader);
    assert_int_equal(pacs_reader_feed(reader, bytes.buffer.bytes, bytes.buffer.size, &err), PACS_OK);
    assert_int_equal(pacs_reader_finish(reader, &err), PACS_OK);
    assert_string_equal(pacs_buffer_text(&told), EXPLICIT "00080060 CS CT\n");
}

static PacsStatus refuse_element(void *context, const PacsElement *element, PacsError *err)
{
    (void)context;
    return pacs_tag_group(element->tag) == 2 ? PACS_OK : pacs_fail(err, PACS_NO_SPACE, "the disk is full");
}

static void stops_where_the_handler_fails(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    static const PacsReaderHandler full = {.element_begin = refuse_element};
    PacsError err = {0};
    PACS_AUTO(PacsReader) reader = NULL;
    assert_int_equal(pacs_reader_new(&full, NULL, &reader, &err), PACS_OK);
    assert_int_equal(pacs_reader_feed(reader, bytes.buffer.bytes, bytes.buffer.size, &err), PACS_NO_SPACE);
    assert_string_equal(err.text, "the disk is full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_explicit_little_endian),
        cmocka_unit_test(reads_implicit_vr_by_the_dictionary),
        cmocka_unit_test(reads_numbers_as_signed_where_implicit_pixels_are),
        cmocka_unit_test(reads_big_endian),
        cmocka_unit_test(inflates_a_deflated_data_set),
        cmocka_unit_test(inflates_a_zlib_wrapper_as_well),
        cmocka_unit_test(refuses_a_deflated_data_set_that_is_cut_off),
        cmocka_unit_test(inflates_what_is_very_compressible),
        cmocka_unit_test(reads_sequences_of_both_kinds_of_length),
        cmocka_unit_test(takes_superfluous_delimiters_where_lengths_are_given),
        cmocka_unit_test(reads_fragments_with_their_offsets),
        cmocka_unit_test(guesses_the_syntax_of_a_bare_data_set),
        cmocka_unit_test(reads_a_meta_header_without_preamble),
        cmocka_unit_test(ignores_the_group_length_of_the_meta_header),
        cmocka_unit_test(reads_a_meta_header_in_implicit_vr),
        cmocka_unit_test(believes_the_bytes_when_the_declared_syntax_is_another),
        cmocka_unit_test(keeps_the_name_of_a_compression_when_the_vrs_are_missing),
        cmocka_unit_test(knows_ges_big_endian_pixels_in_implicit_little_endian),
        cmocka_unit_test(refuses_a_syntax_that_nobody_defined),
        cmocka_unit_test(reads_unknown_sequences_as_implicit_vr),
        cmocka_unit_test(reads_unknown_sequences_that_were_left_explicit),
        cmocka_unit_test(reads_implicit_items_in_an_explicit_data_set),
        cmocka_unit_test(keeps_unknown_values_of_known_length_as_bytes),
        cmocka_unit_test(reads_sequences_as_deep_as_the_limit),
        cmocka_unit_test(refuses_ten_thousand_nested_sequences),
        cmocka_unit_test(refuses_what_runs_over_the_end_of_what_is_around_it),
        cmocka_unit_test(refuses_what_stands_in_the_wrong_place),
        cmocka_unit_test(takes_zeros_behind_the_data_set),
        cmocka_unit_test(refuses_other_bytes_behind_the_data_set),
        cmocka_unit_test(refuses_what_is_cut_off_wherever_it_is_cut),
        cmocka_unit_test(says_how_much_of_a_value_is_missing),
        cmocka_unit_test(refuses_what_is_not_dicom),
        cmocka_unit_test(fails_again_after_a_failure),
        cmocka_unit_test(reads_another_object_after_a_reset),
        cmocka_unit_test(stops_where_the_handler_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
