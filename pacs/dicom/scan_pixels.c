#include <string.h>

#include "pacs/dicom/scan_internal.h"

/* The Image Pixel module (PS3.3 C.7.6.3), and from it and the fragments the table of frames. */

static uint16_t read_u16(const PacsElement *element, const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    return (uint16_t)(element->big_endian ? bytes[0] << 8 | bytes[1] : bytes[1] << 8 | bytes[0]);
}

/* US by the standard; UL where a writer took it for one. */
static uint32_t read_size(const PacsElement *element, const uint8_t *bytes, size_t size)
{
    if (element->vr != PACS_VR_UL || size < 4)
        return read_u16(element, bytes, size);
    uint32_t first = read_u16(element, bytes, 2);
    uint32_t second = read_u16(element, bytes + 2, 2);
    return element->big_endian ? first << 16 | second : second << 16 | first;
}

static PacsSlice first_value(const uint8_t *bytes, size_t size)
{
    PacsSlice rest = {(const char *)bytes, size};
    PacsSlice value = {0};
    (void)pacs_slice_split(&rest, '\\', &value);
    while (value.size > 0 && value.text[value.size - 1] == 0)
        value.size--;
    return pacs_slice_trim(value);
}

static void note_frames(PacsScan *scan, const uint8_t *bytes, size_t size)
{
    uint64_t frames = 0;
    if (scan->has_number_of_frames)
        return;
    scan->has_number_of_frames = true;
    /* 0 and nonsense are written for single frames. */
    bool known = pacs_parse_u64(first_value(bytes, size), UINT32_MAX, &frames, NULL) == PACS_OK;
    scan->pixels.number_of_frames = known ? (uint32_t)frames : 0;
}

static void note_photometric(PacsScan *scan, const uint8_t *bytes, size_t size)
{
    char *text = scan->pixels.photometric_interpretation;
    PacsSlice value = first_value(bytes, size);
    size_t room = sizeof scan->pixels.photometric_interpretation - 1;
    if (text[0] == 0)
        memcpy(text, value.text, value.size < room ? value.size : room);
}

/* The first of duplicates stays: 0 is what none of these has where it matters. */
static void note_u16(uint16_t *field, uint16_t value)
{
    if (*field == 0)
        *field = value;
}

void scan_pixels_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size)
{
    PacsPixelDescription *pixels = &scan->pixels;
    switch (element->tag) {
    case PACS_TAG_NUMBER_OF_FRAMES:
        note_frames(scan, bytes, size);
        break;
    case PACS_TAG_PHOTOMETRIC_INTERPRETATION:
        note_photometric(scan, bytes, size);
        break;
    case PACS_TAG_ROWS:
        pixels->rows = pixels->rows ? pixels->rows : read_size(element, bytes, size);
        break;
    case PACS_TAG_COLUMNS:
        pixels->columns = pixels->columns ? pixels->columns : read_size(element, bytes, size);
        break;
    case PACS_TAG_SAMPLES_PER_PIXEL:
        note_u16(&pixels->samples_per_pixel, read_u16(element, bytes, size));
        break;
    case PACS_TAG_BITS_ALLOCATED:
        note_u16(&pixels->bits_allocated, read_u16(element, bytes, size));
        break;
    case PACS_TAG_BITS_STORED:
        note_u16(&pixels->bits_stored, read_u16(element, bytes, size));
        break;
    case PACS_TAG_HIGH_BIT:
        note_u16(&pixels->high_bit, read_u16(element, bytes, size));
        break;
    case PACS_TAG_PIXEL_REPRESENTATION:
        note_u16(&pixels->pixel_representation, read_u16(element, bytes, size));
        break;
    case PACS_TAG_PLANAR_CONFIGURATION:
        note_u16(&pixels->planar_configuration, read_u16(element, bytes, size));
        break;
    default:
        break;
    }
}

static uint64_t bits_allocated(const PacsScan *scan)
{
    switch (scan->pixel_data.tag) {
    case PACS_TAG_FLOAT_PIXEL_DATA:
        return 32;
    case PACS_TAG_DOUBLE_FLOAT_PIXEL_DATA:
        return 64;
    default:
        return scan->pixels.bits_allocated;
    }
}

/* Bits of one native frame: frames follow each other without gaps, even inside a byte (PS3.5 8.1.1). At most
 * 2^64 as the factors have 32, 32 (16 by the standard) and 16 bits and more: so checked. 0: not known. */
static uint64_t native_frame_bits(const PacsScan *scan)
{
    const PacsPixelDescription *pixels = &scan->pixels;
    uint64_t samples = pixels->samples_per_pixel ? pixels->samples_per_pixel : 1;
    uint64_t bits = 0;
    if (__builtin_mul_overflow((uint64_t)pixels->rows * pixels->columns, samples, &bits) ||
        __builtin_mul_overflow(bits, bits_allocated(scan), &bits))
        return 0;
    /* Two pixels share their chrominance (PS3.3 C.7.6.3.1.2), unless the writer meant YBR_FULL. */
    bool subsampled = samples == 3 && (strcmp(pixels->photometric_interpretation, "YBR_FULL_422") == 0 ||
                                       strcmp(pixels->photometric_interpretation, "YBR_PARTIAL_422") == 0);
    uint64_t full_bytes = 0;
    bool full_fits = !__builtin_mul_overflow(bits / 8, (uint64_t)pixels->number_of_frames, &full_bytes) &&
                     full_bytes <= scan->pixel_data.length;
    return subsampled && !full_fits ? bits / 3 * 2 : bits;
}

static FrameMapping mapping(const PacsScan *scan)
{
    const char *uid = scan->dataset.transfer_syntax_uid;
    if (scan->dataset.flags & PACS_UID_VIDEO)
        return FRAME_MAPPING_ONE_STREAM;
    bool one_each = strcmp(uid, PACS_UID_RLE_LOSSLESS) == 0 || strcmp(uid, PACS_UID_DEFLATED_FRAMES) == 0 ||
                    strcmp(uid, PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE) == 0;
    return one_each ? FRAME_MAPPING_ONE_EACH : FRAME_MAPPING_CODESTREAMS;
}

PacsStatus scan_pixels_write_frames(PacsScan *scan, PacsError *err)
{
    if (scan->pixel_data.tag == 0) {
        scan->pixels = (PacsPixelDescription){0};
        return PACS_OK;
    }
    if (scan->pixels.number_of_frames == 0)
        scan->pixels.number_of_frames = 1;
    uint32_t frames = scan->pixels.number_of_frames;
    if (scan->pixel_data.encapsulated)
        return frame_collector_write(&scan->frames, mapping(scan), frames, &scan->frame_table, err);
    const PacsElement *element = &scan->pixel_data;
    const FrameNative native = {
        .offset = element->value_offset,
        .size_bytes = element->length,
        .frame_bits = native_frame_bits(scan),
        .swap_size = element->big_endian ? pacs_vr_info(element->vr)->swap_size : 1,
        .number_of_frames = frames,
    };
    return frame_table_write_native(&native, &scan->frame_table, err);
}
