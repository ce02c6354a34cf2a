#include "tests/support/stored_frame.h"

#include <stdio.h>
#include <string.h>

#include "pacs/dicom/frame_table.h"
#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

static PacsStatus keep(void *context, const void *bytes, size_t size, PacsError *err)
{
    pacs_buffer_add(context, bytes, size);
    return pacs_buffer_check(context, err);
}

static PacsStatus read_all(const char *path, PacsBuffer *out, PacsError *err)
{
    static uint8_t piece[1u << 20];
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    if (!file)
        return pacs_fail(err, PACS_NOT_FOUND, "cannot open '%s'", path);
    while ((size = fread(piece, 1, sizeof piece, file)) > 0)
        pacs_buffer_add(out, piece, size);
    (void)fclose(file);
    return pacs_buffer_check(out, err);
}

static PacsStatus scan_file(const char *path, TestStored *stored, PacsBuffer *inflated, PacsError *err)
{
    const PacsScanOptions options = {.on_inflated = keep, .context = inflated, .any_dataset = true};

    PacsStatus status = read_all(path, &stored->bytes, err);
    if (status == PACS_OK)
        status = pacs_scan_new(&options, &stored->scan, err);
    if (status == PACS_OK)
        status = pacs_scan_feed(stored->scan, stored->bytes.bytes, stored->bytes.size, err);
    if (status == PACS_OK)
        status = pacs_scan_finish(stored->scan, err);
    return status;
}

static PacsStatus describe(TestStored *stored, PacsError *err)
{
    const PacsBuffer *table = stored->instance->frame_table;

    if (!stored->instance->has_pixel_data || table->size == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "the object has no frames");
    PacsStatus status = transcode_layout_of(&stored->instance->pixels, stored->instance->pixel_data_tag,
                                            &stored->layout, err);
    if (status == PACS_OK)
        status = pacs_frame_table_count(table->bytes, table->size, &stored->frame_count, err);
    return status;
}

PacsStatus test_stored_open(const char *path, TestStored *ret_stored, PacsError *err)
{
    TestStored stored = {.bytes = PACS_BUFFER(4ull << 30)};
    PacsBuffer inflated = PACS_BUFFER(4ull << 30);

    PacsStatus status = scan_file(path, &stored, &inflated, err);
    if (status == PACS_OK) {
        stored.instance = pacs_scan_instance(stored.scan);
        status = describe(&stored, err);
    }
    if (status == PACS_OK && stored.instance->deflated) {
        const PacsBuffer deflated = stored.bytes;

        stored.bytes = inflated;
        inflated = deflated;
    }
    pacs_buffer_clear(&inflated);
    if (status == PACS_OK)
        *ret_stored = stored;
    else
        test_stored_close(&stored);
    return status;
}

void test_stored_close(TestStored *stored)
{
    pacs_scan_free(stored->scan);
    pacs_buffer_clear(&stored->bytes);
    *stored = (TestStored){0};
}

static void swap_bytes(uint8_t *bytes, size_t size, size_t unit)
{
    for (size_t i = 0; i + unit <= size; i += unit)
        for (size_t k = 0; k < unit / 2; k++) {
            const uint8_t byte = bytes[i + k];

            bytes[i + k] = bytes[i + unit - 1 - k];
            bytes[i + unit - 1 - k] = byte;
        }
}

/* To the front, and without what follows it. */
static void align_bits(PacsBuffer *out, size_t begin, const PacsFrame *place)
{
    const size_t size = (size_t)((place->bits + 7) / 8);
    uint8_t *bytes = out->bytes + begin + place->bit_offset / 8;
    const size_t left = out->size - begin - place->bit_offset / 8;
    const unsigned shift = place->bit_offset % 8;

    for (size_t i = 0; i < size; i++) {
        const unsigned next = i + 1 < left ? bytes[i + 1] : 0;
        out->bytes[begin + i] = (uint8_t)((bytes[i] | next << 8) >> shift);
    }
    out->size = begin + size;
}

PacsStatus test_stored_frame(const TestStored *stored, uint32_t frame_number, PacsBuffer *out,
                             TranscodeFrame *ret_frame, PacsError *err)
{
    const PacsBuffer *table = stored->instance->frame_table;
    const size_t begin = out->size;
    PacsFrame place;

    PacsStatus status = pacs_frame_table_find(table->bytes, table->size, frame_number, &place, err);
    for (uint32_t i = 0; status == PACS_OK && i < place.run_count; i++) {
        PacsRange range;

        status = pacs_frame_table_run(table->bytes, table->size, frame_number, i, &range, err);
        if (status == PACS_OK &&
            (range.size > stored->bytes.size || range.offset > stored->bytes.size - range.size))
            status = pacs_fail(err, PACS_CORRUPT, "the table of frames points outside of the object");
        if (status == PACS_OK)
            pacs_buffer_add(out, stored->bytes.bytes + range.offset, (size_t)range.size);
    }
    if (status == PACS_OK)
        status = pacs_buffer_check(out, err);
    if (status != PACS_OK)
        return status;
    swap_bytes(out->bytes + begin, out->size - begin, place.swap_size);
    if (place.bits > 0)
        align_bits(out, begin, &place);
    /* Native frames stand also in objects that say they are compressed. */
    const char *uid = place.bits > 0 ? PACS_UID_EXPLICIT_LITTLE : stored->instance->transfer_syntax_uid;
    *ret_frame = (TranscodeFrame){uid, stored->layout, out->bytes + begin, out->size - begin};
    return PACS_OK;
}

PacsStatus test_stored_decode(const TranscodeFrame *frame, PacsBuffer *out, TranscodeFrame *ret_native,
                              PacsError *err)
{
    const TranscodeTarget target = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    TranscodeFrame stored = *frame, native = {.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};

    if (strcmp(frame->transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE) == 0)
        transcode_layout_settle(&stored.layout, stored.size);
    PacsStatus status = transcode_layout_after(stored.transfer_syntax_uid, &stored.layout, &target,
                                               &native.layout, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&native.layout, &native.size, err);
    if (status == PACS_OK)
        status = pacs_buffer_reserve(out, native.size, err);
    if (status == PACS_OK)
        status = transcode_decode(&stored, &native.layout, out->bytes + out->size, native.size, err);
    if (status != PACS_OK)
        return status;
    native.bytes = out->bytes + out->size;
    out->size += native.size;
    *ret_native = native;
    return PACS_OK;
}
