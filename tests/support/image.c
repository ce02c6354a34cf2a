#include "tests/support/image.h"

#include <libdeflate.h>
#include <stdio.h>

#include "tests/unit/dicom/bytes.h"

static void add_fragments(Bytes *bytes, const char *fragments)
{
    PacsSlice rest = pacs_slice(fragments), part;

    add_header(bytes, PACS_TAG_PIXEL_DATA, "OB", UNDEFINED);
    add_marker(bytes, 0xE000, 0); /* an empty offset table */
    while (pacs_slice_split(&rest, '|', &part)) {
        char value[256];
        size_t lead = part.size > 0 && part.text[0] == '#' ? 3 : 0;
        memcpy(value, "\xFF\xD8\xFF", 3);
        memcpy(value + lead, part.text + (lead ? 1 : 0), part.size - (lead ? 1 : 0));
        add_fragment(bytes, value, part.size - (lead ? 1 : 0) + lead);
    }
    add_marker(bytes, 0xE0DD, 0);
}

static void add_image(const TestImage *image, Bytes *bytes)
{
    char frames[12];

    add_identity(bytes);
    (void)snprintf(frames, sizeof frames, "%u", image->frames);
    add_number(bytes, PACS_TAG_SAMPLES_PER_PIXEL, 1);
    add_text(bytes, PACS_TAG_PHOTOMETRIC_INTERPRETATION, "CS", "MONOCHROME2");
    add_text(bytes, PACS_TAG_NUMBER_OF_FRAMES, "IS", frames);
    add_number(bytes, PACS_TAG_ROWS, image->rows);
    add_number(bytes, PACS_TAG_COLUMNS, image->columns);
    add_number(bytes, PACS_TAG_BITS_ALLOCATED, image->bits_allocated);
    if (image->fragments)
        add_fragments(bytes, image->fragments);
    else
        add_element(bytes, PACS_TAG_PIXEL_DATA, image->vr ? image->vr : "OW", image->pixels, image->size);
}

static void add_deflated(const Bytes *data_set, Bytes *bytes)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    uint8_t packed[65536];

    assert_non_null(compressor);
    size_t size = libdeflate_deflate_compress(compressor, data_set->buffer.bytes, data_set->buffer.size,
                                              packed, sizeof packed);
    libdeflate_free_compressor(compressor);
    assert_true(size > 0);
    add_raw(bytes, packed, size);
}

void test_image_file(const TestImage *image, PacsBuffer *out)
{
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(image->transfer_syntax_uid));
    AUTO_BYTES data_set;
    AUTO_BYTES bytes;

    bytes_init(&data_set);
    bytes_init(&bytes);
    assert_non_null(syntax);
    data_set.implicit = !(syntax->flags & PACS_UID_EXPLICIT);
    data_set.big_endian = syntax->flags & PACS_UID_BIG_ENDIAN;
    add_image(image, &data_set);
    add_meta(&bytes, image->transfer_syntax_uid);
    if (syntax->flags & PACS_UID_DEFLATED)
        add_deflated(&data_set, &bytes);
    else
        add_raw(&bytes, data_set.buffer.bytes, data_set.buffer.size);
    assert_true(pacs_buffer_add(out, bytes.buffer.bytes, bytes.buffer.size));
}
