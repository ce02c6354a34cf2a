#include "transcode/jpeg2000.h"

#include <string.h>

#include "pacs/dicom/codestream.h"
#include "pacs/util/limits.h"
#include "transcode/samples.h"

#define MARKER_SOC 0xFF4F
#define MARKER_CAP 0xFF50
#define MARKER_SIZ 0xFF51
#define MARKER_COD 0xFF52
#define MARKER_SOT 0xFF90
#define SIZ_FIXED 36 /* bytes of its payload in front of the components */
#define SIZ_COMPONENT 3
#define COD_PROGRESSION 1 /* OpenJPH ends the program at one that it does not know */
#define COD_DECOMPOSITIONS 5
#define COD_BLOCK_WIDTH 6
#define COD_BLOCK_HEIGHT 7
#define COD_PRECINCTS 10
#define CAP_PART_15 (1u << 17)

static uint32_t u16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t u32(const uint8_t *bytes)
{
    return u16(bytes) << 16 | u16(bytes + 2);
}

static uint64_t divided_up(uint64_t value, uint64_t by)
{
    return (value + by - 1) / by;
}

/* ---- Reading ---- */

static PacsStatus read_component(const uint8_t *bytes, uint64_t x1, uint64_t y1, TranscodeJpeg2000 *header,
                                 TranscodeJpeg2000Component *component, PacsError *err)
{
    *component = (TranscodeJpeg2000Component){
        .precision = (bytes[0] & 0x7Fu) + 1,
        .is_signed = bytes[0] & 0x80,
        .dx = bytes[1],
        .dy = bytes[2],
    };
    if (component->dx == 0 || component->dy == 0 || component->precision > 38)
        return pacs_fail(err, PACS_INVALID,
                         "a JPEG 2000 component of %u bits, one sample for %u columns and %u rows",
                         component->precision, component->dx, component->dy);
    component->columns = (uint32_t)(divided_up(x1, component->dx) - divided_up(header->x0, component->dx));
    component->rows = (uint32_t)(divided_up(y1, component->dy) - divided_up(header->y0, component->dy));
    if (component->columns == 0 || component->rows == 0)
        return pacs_fail(err, PACS_INVALID,
                         "a JPEG 2000 component without samples: one for %u columns and %u rows",
                         component->dx, component->dy);
    return PACS_OK;
}

static PacsStatus read_tiles(const uint8_t *siz, uint64_t x1, uint64_t y1, TranscodeJpeg2000 *header,
                             PacsError *err)
{
    const uint64_t width = u32(siz + 18), height = u32(siz + 22);
    const uint64_t left = u32(siz + 26), top = u32(siz + 30);

    if (width == 0 || height == 0 || left > header->x0 || top > header->y0 || left + width <= header->x0 ||
        top + height <= header->y0)
        return pacs_fail(err, PACS_INVALID, "the tiles of the JPEG 2000 codestream do not cover its image");
    if (x1 + width > UINT32_MAX || y1 + height > UINT32_MAX) /* OpenJPH adds them up in 32 bits */
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "JPEG 2000 tiles of %llu columns and %llu rows are not decoded",
                         (unsigned long long)width, (unsigned long long)height);
    const uint64_t count = divided_up(x1 - left, width) * divided_up(y1 - top, height);
    if (count > PACS_MAX_JPEG_2000_TILES)
        return pacs_fail(err, PACS_TOO_LARGE, "%llu JPEG 2000 tiles: at most %u are decoded",
                         (unsigned long long)count, PACS_MAX_JPEG_2000_TILES);
    header->tile_count = (uint32_t)count;
    return PACS_OK;
}

static PacsStatus read_siz(const uint8_t *siz, size_t size, TranscodeJpeg2000 *header, PacsError *err)
{
    if (size < SIZ_FIXED || size < SIZ_FIXED + (size_t)u16(siz + 34) * SIZ_COMPONENT)
        return pacs_fail(err, PACS_INVALID,
                         "the SIZ marker segment of the JPEG 2000 codestream is too short");
    const uint64_t x1 = u32(siz + 2), y1 = u32(siz + 6);
    header->x0 = u32(siz + 10);
    header->y0 = u32(siz + 14);
    header->component_count = u16(siz + 34);
    if (x1 <= header->x0 || y1 <= header->y0 || header->component_count == 0)
        return pacs_fail(err, PACS_INVALID, "the JPEG 2000 codestream says it has no pixels");
    header->columns = (uint32_t)x1 - header->x0;
    header->rows = (uint32_t)y1 - header->y0;
    for (uint32_t i = 0; i < header->component_count && i < JPEG2000_MAX_COMPONENTS; i++) {
        PacsStatus status = read_component(siz + SIZ_FIXED + (size_t)i * SIZ_COMPONENT, x1, y1, header,
                                           &header->components[i], err);
        if (status != PACS_OK)
            return status;
    }
    return read_tiles(siz, x1, y1, header, err);
}

/* Libraries hold a tree for each precinct and a record for each code-block, however small. */
static PacsStatus check_pieces(const uint8_t *cod, size_t size, const TranscodeJpeg2000 *header,
                               PacsError *err)
{
    const bool has_precincts = size > 0 && (cod[0] & 1);
    uint64_t count = 0;

    if (size < COD_PRECINCTS || cod[COD_PROGRESSION] > 4 || cod[COD_DECOMPOSITIONS] > 32 ||
        (has_precincts && size < COD_PRECINCTS + 1u + cod[COD_DECOMPOSITIONS]) || cod[COD_BLOCK_WIDTH] > 8 ||
        cod[COD_BLOCK_HEIGHT] > 8)
        return pacs_fail(err, PACS_INVALID,
                         "the COD marker segment of the JPEG 2000 codestream has no meaning");
    count += divided_up(header->columns, 4ull << cod[COD_BLOCK_WIDTH]) *
             divided_up(header->rows, 4ull << cod[COD_BLOCK_HEIGHT]);
    const uint32_t decompositions = cod[COD_DECOMPOSITIONS];
    for (uint32_t i = 0; has_precincts && i <= decompositions; i++) { /* from the lowest resolution on */
        const uint32_t down = decompositions - i;
        const uint64_t width = 1ull << ((cod[COD_PRECINCTS + i] & 15) + down);
        const uint64_t height = 1ull << ((cod[COD_PRECINCTS + i] >> 4) + down);
        count += divided_up(header->columns, width) * divided_up(header->rows, height);
    }
    if (count > PACS_MAX_JPEG_2000_BLOCKS)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "%llu JPEG 2000 code-blocks and precincts: at most %u are decoded",
                         (unsigned long long)count, PACS_MAX_JPEG_2000_BLOCKS);
    return PACS_OK;
}

/* SIZ comes first (T.800 A.5.1), the others in any order. */
static PacsStatus read_main_header(TranscodeJpeg2000 *header, PacsError *err)
{
    const uint8_t *bytes = header->bytes;
    PacsStatus status = PACS_OK;
    bool has_cod = false;

    if (header->size < 6 || u16(bytes) != MARKER_SOC || u16(bytes + 2) != MARKER_SIZ)
        return pacs_fail(err, PACS_INVALID, "this is no JPEG 2000 codestream");
    for (size_t at = 2; status == PACS_OK; at += 2 + u16(bytes + at + 2)) {
        if (header->size - at < 4 || u16(bytes + at + 2) < 2 || header->size - at - 2 < u16(bytes + at + 2))
            return pacs_fail(err, PACS_INVALID, "the JPEG 2000 codestream ends in its main header");
        const uint32_t marker = u16(bytes + at);
        const uint8_t *payload = bytes + at + 4;
        const size_t size = u16(bytes + at + 2) - 2;
        if (marker == MARKER_SOT) {
            header->first_tile_part = at;
            break;
        }
        if (marker == MARKER_SIZ && at == 2)
            status = read_siz(payload, size, header, err);
        else if (marker == MARKER_COD)
            status = check_pieces(payload, size, header, err), has_cod = true;
        else if (marker == MARKER_CAP && size >= 4)
            header->is_high_throughput = u32(payload) & CAP_PART_15;
    }
    if (status == PACS_OK && !has_cod)
        status = pacs_fail(err, PACS_INVALID, "the JPEG 2000 codestream does not say how it is coded");
    return status;
}

/* ---- Against the attributes ---- */

/* Part 2 lets the components of one codestream be several frames (PS3.5 A.4.4): not one frame for us. */
static bool holds_several_frames(const char *transfer_syntax_uid)
{
    return strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.4.92") == 0 ||
           strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.4.93") == 0;
}

static PacsStatus check(const TranscodeFrame *frame, const TranscodeJpeg2000 *header,
                        const TranscodeLayout *native, PacsError *err)
{
    const uint32_t samples = native->samples_per_pixel;
    /* one component more is opacity, which DICOM has no place for */
    const bool has_samples = header->component_count == samples || header->component_count == samples + 1;

    if (!has_samples && holds_several_frames(frame->transfer_syntax_uid))
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "a JPEG 2000 Part 2 codestream of %u components for %u samples a pixel",
                         header->component_count, samples);
    if (header->rows != native->rows || header->columns != native->columns || !has_samples)
        return pacs_fail(
            err, PACS_INVALID,
            "the JPEG 2000 codestream has %u rows, %u columns, %u samples a pixel; the attributes say "
            "%u, %u, %u",
            header->rows, header->columns, header->component_count, native->rows, native->columns, samples);
    for (uint32_t i = 0; i < samples; i++)
        if (header->components[i].precision > native->bits_allocated || header->components[i].precision > 32)
            return pacs_fail(err, PACS_INVALID,
                             "the JPEG 2000 codestream has %u bits a sample; the attributes allocate %u",
                             header->components[i].precision, native->bits_allocated);
    return PACS_OK;
}

static TranscodeJpeg2000 without_boxes(const TranscodeFrame *frame)
{
    uint64_t size = 0;
    const uint64_t start = pacs_codestream_start(frame->bytes, frame->size, &size);
    TranscodeJpeg2000 header = {.bytes = frame->bytes, .size = frame->size};

    if (start > 0 && start < frame->size) {
        header.bytes += start;
        header.size -= (size_t)start;
        if (size > 0 && size < header.size)
            header.size = (size_t)size;
    }
    return header;
}

PacsStatus transcode_jpeg2000_read(const TranscodeFrame *frame, const TranscodeLayout *native,
                                   TranscodeJpeg2000 *ret_header, PacsError *err)
{
    TranscodeJpeg2000 header = without_boxes(frame);

    PacsStatus status = read_main_header(&header, err);
    if (status == PACS_OK)
        status = check(frame, &header, native, err);
    if (status == PACS_OK)
        *ret_header = header;
    return status;
}

#define SOT_SIZE 12
#define SOT_LENGTH 6 /* Psot: of the tile-part with this header; 0: to the end */

PacsStatus transcode_jpeg2000_check_whole(const TranscodeJpeg2000 *header, PacsError *err)
{
    const uint8_t *bytes = header->bytes;
    size_t at = header->first_tile_part;
    uint32_t parts = 0;

    while (header->size - at >= SOT_SIZE && u16(bytes + at) == MARKER_SOT) {
        const size_t length = u32(bytes + at + SOT_LENGTH) ? u32(bytes + at + SOT_LENGTH) : header->size - at;
        if (length < SOT_SIZE || length > header->size - at)
            return pacs_fail(err, PACS_INVALID, "the JPEG 2000 codestream ends in its tile-part %u",
                             parts + 1);
        at += length;
        parts++;
    }
    if (parts < header->tile_count)
        return pacs_fail(err, PACS_INVALID, "the JPEG 2000 codestream has %u tile-parts for %u tiles", parts,
                         header->tile_count);
    return PACS_OK;
}

bool transcode_jpeg2000_is_high_throughput(const TranscodeFrame *frame)
{
    TranscodeJpeg2000 header = without_boxes(frame);

    return read_main_header(&header, NULL) == PACS_OK && header.is_high_throughput;
}

/* ---- Lines ---- */

static void clamp(const TranscodeJpeg2000Component *component, int32_t *values)
{
    if (component->precision >= 32)
        return;
    const int64_t steps = (int64_t)1 << component->precision;
    const int32_t low = component->is_signed ? (int32_t)(-steps / 2) : 0;
    const int64_t top = low + steps - 1;
    const int32_t high = top > INT32_MAX ? INT32_MAX : (int32_t)top;

    for (uint32_t i = 0; i < component->columns; i++) {
        const int32_t value = values[i] < low ? low : values[i];
        values[i] = value > high ? high : value;
    }
}

/* The component's sample at a place of the reference grid; in front of the first one that one. */
static uint32_t sample_at(uint32_t start, uint32_t place, uint32_t step, uint32_t count)
{
    const uint64_t first = divided_up(start, step);
    const uint64_t sample = ((uint64_t)start + place) / step;
    const uint64_t index = sample > first ? sample - first : 0;

    return index < count ? (uint32_t)index : count - 1;
}

/* Of the rows that a subsampled line stands for. */
static uint32_t first_row(const TranscodeJpeg2000 *header, const TranscodeJpeg2000Component *component,
                          uint32_t line)
{
    const uint64_t row = (divided_up(header->y0, component->dy) + line) * component->dy - header->y0;

    return line == 0 ? 0 : row < header->rows ? (uint32_t)row : header->rows;
}

static void put_spread(const TranscodeJpeg2000 *header, const TranscodeLayout *native, uint32_t component,
                       const int32_t *values, uint8_t *row)
{
    const TranscodeJpeg2000Component *of = &header->components[component];
    const size_t step = native->samples_per_pixel * transcode_sample_size(native);

    for (uint32_t x = 0; x < header->columns; x++)
        transcode_samples_from_ints(
            native, of->precision, &values[sample_at(header->x0, x, of->dx, of->columns)], 1, row + x * step);
}

void transcode_jpeg2000_put_line(const TranscodeJpeg2000 *header, const TranscodeLayout *native,
                                 uint32_t component, uint32_t line, int32_t *values, uint8_t *out)
{
    const size_t row_size = (size_t)native->columns * native->samples_per_pixel *
                            transcode_sample_size(native);

    if (component >= native->samples_per_pixel || line >= header->components[component].rows)
        return; /* opacity */
    const TranscodeJpeg2000Component *of = &header->components[component];
    uint8_t *first = out + component * transcode_sample_size(native);
    clamp(of, values);
    if (of->dx == 1 && of->dy == 1) {
        transcode_samples_from_ints(native, of->precision, values, of->columns, first + line * row_size);
        return;
    }
    const uint32_t end = line + 1 == of->rows ? header->rows : first_row(header, of, line + 1);
    for (uint32_t row = first_row(header, of, line); row < end; row++)
        put_spread(header, native, component, values, first + row * row_size);
}

uint32_t transcode_jpeg2000_decompositions(const TranscodeLayout *layout)
{
    const uint32_t longest = layout->rows > layout->columns ? layout->rows : layout->columns;
    uint32_t count = 0;

    while (divided_up(longest, 1ull << count) > 64)
        count++;
    return count;
}

double transcode_jpeg2000_psnr(const TranscodeTarget *target)
{
    return 30 + (target->quality ? target->quality : 90) / 4.0;
}

double transcode_jpeg2000_range(const TranscodeFrame *native)
{
    int64_t smallest = 0, largest = 0;

    transcode_samples_range(&native->layout, native->bytes, native->size, &smallest, &largest);
    return largest > smallest ? (double)(largest - smallest) : 1;
}
