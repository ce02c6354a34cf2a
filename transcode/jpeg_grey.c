#include "transcode/jpeg_grey.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/jpeg_blocks.h"
#include "transcode/processor.h"

#define STRIP_BLOCKS                                                                                         \
    1024 /* at least, but in the last one: some 50 microseconds, and 3 bytes of 10,000 and more */
#define ICC_PART 65519 /* ICC.1 B.4: what a marker holds beside its name and its number */

/* ---- Tables ---- */

/* T.81 K.1, row by row. */
static const uint8_t luminance[JPEG_COEFFICIENTS] = {
    16, 11, 10, 16, 24,  40,  51,  61,  /**/
    12, 12, 14, 19, 26,  58,  60,  55,  /**/
    14, 13, 16, 24, 40,  57,  69,  56,  /**/
    14, 17, 22, 29, 51,  87,  80,  62,  /**/
    18, 22, 37, 56, 68,  109, 103, 77,  /**/
    24, 35, 55, 64, 81,  104, 113, 92,  /**/
    49, 64, 78, 87, 103, 121, 120, 101, /**/
    72, 92, 95, 98, 112, 100, 103, 99,
};

/* T.81 K.3.1 and K.3.2 as DHT has them: how many codes of 1 to 16 bits, then what they stand for. */
static const uint8_t dc_table[] = {0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0,  0, 0, 0, 0, 0, /**/
                                   0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const uint8_t ac_table[] = {
    0,    2,    1,    3,    3,    2,    4,    3,    5,    5,    4,    4,    0,    0,    1,    125,  /**/
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, /**/
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, /**/
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, /**/
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, /**/
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, /**/
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, /**/
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, /**/
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, /**/
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, /**/
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, /**/
    0xF9, 0xFA,
};

/* T.81 A.3.6: along the diagonals, every other one upwards. */
static void make_order(uint8_t order[JPEG_COEFFICIENTS])
{
    int count = 0;

    for (int diagonal = 0; diagonal < 2 * JPEG_BLOCK - 1; diagonal++)
        for (int i = 0; i <= diagonal; i++) {
            const int x = diagonal % 2 ? diagonal - i : i;
            const int y = diagonal - x;
            if (x < JPEG_BLOCK && y < JPEG_BLOCK)
                order[count++] = (uint8_t)(y * JPEG_BLOCK + x);
        }
}

static void make_places(JpegTables *tables)
{
    for (int i = 0; i < JPEG_COEFFICIENTS; i++) {
        const uint8_t at = tables->order[i];
        uint64_t *places = tables->places[at / JPEG_BLOCK];
        for (uint32_t row = 0; row < 256; row++)
            if (row >> at % JPEG_BLOCK & 1)
                places[row] |= (uint64_t)1 << i;
    }
}

/* T.81 C.2: codes of one length follow each other, a longer one begins with what comes after the last. */
static void make_codes(const uint8_t *table, uint32_t codes[256])
{
    const uint8_t *symbol = table + 16;
    uint32_t code = 0;

    for (uint32_t length = 1; length <= 16; length++, code <<= 1)
        for (uint32_t i = 0; i < table[length - 1]; i++)
            codes[*symbol++] = code++ * JPEG_LENGTHS + length;
}

/* The code of `zeros` and of a value's size, then the value: negative ones in one's complement. */
static uint32_t with_value(const uint32_t codes[256], uint32_t zeros, int32_t value)
{
    const uint32_t magnitude = (uint32_t)abs(value);
    const uint32_t size = magnitude ? 32 - (uint32_t)__builtin_clz(magnitude) : 0;
    const uint32_t code = codes[zeros << 4 | size];
    const uint32_t bits = (uint32_t)(value < 0 ? value - 1 : value) & ((1u << size) - 1);

    return (code / JPEG_LENGTHS << size | bits) * JPEG_LENGTHS + code % JPEG_LENGTHS + size;
}

static JpegTables tables; /* only ever read once they are made */

static void make_tables(void)
{
    uint32_t codes[256] = {0};

    make_order(tables.order);
    make_places(&tables);
    make_codes(dc_table, codes);
    for (int32_t value = -JPEG_DC_MOST; value <= JPEG_DC_MOST; value++)
        tables.dc[value + JPEG_DC_MOST] = with_value(codes, 0, value);
    make_codes(ac_table, codes);
    for (uint32_t zeros = 0; zeros < 16; zeros++)
        for (int32_t value = -JPEG_AC_MOST; value <= JPEG_AC_MOST; value++)
            tables.ac[zeros][value + JPEG_AC_MOST] = with_value(codes, zeros, value);
    tables.sixteen_zeros = codes[0xF0];
    tables.end_of_block = codes[0x00];
}

const JpegTables *jpeg_tables(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_tables); /* cannot fail */
    return &tables;
}

/* libjpeg's scale of quality: 50 is annex K. */
static uint8_t step_of(uint8_t basic, uint32_t quality)
{
    const uint32_t percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    const uint32_t scaled = (basic * percent + 50) / 100;

    return (uint8_t)(scaled < 1 ? 1 : scaled > 255 ? 255 : scaled);
}

static void make_quantisers(JpegGrey *grey, uint32_t quality)
{
    const uint8_t *order = jpeg_tables()->order;

    for (int i = 0; i < JPEG_COEFFICIENTS; i++) {
        const uint8_t at = order[i];
        grey->steps[i] = step_of(luminance[at], quality);
        const int step = grey->steps[i] * 8; /* so much larger the transform makes its coefficients */
        grey->quantisers.reciprocals[at] = 1 / (float)step;
        grey->quantisers.halves[at] = ((float)(step >> 1) + 0.5f) / (float)step;
    }
}

void jpeg_grey_init(JpegGrey *grey, uint32_t width, uint32_t height, uint32_t quality)
{
    *grey = (JpegGrey){.width = width,
                       .height = height,
                       .across = (width + JPEG_BLOCK - 1) / JPEG_BLOCK,
                       .down = (height + JPEG_BLOCK - 1) / JPEG_BLOCK};
    grey->strip_down = (STRIP_BLOCKS + grey->across - 1) / grey->across;
    grey->strip_count = (grey->down + grey->strip_down - 1) / grey->strip_down;
    make_quantisers(grey, quality);
}

/* ---- The head ---- */

static void add_marker(PacsBuffer *out, uint8_t marker, size_t size)
{
    const uint8_t bytes[] = {0xFF, marker, (uint8_t)((size + 2) >> 8), (uint8_t)(size + 2)};

    (void)pacs_buffer_add(out, bytes, sizeof bytes); /* the buffer remembers */
}

static void add_profile(const uint8_t *profile, size_t size, PacsBuffer *out)
{
    const size_t count = (size + ICC_PART - 1) / ICC_PART;

    for (size_t i = 0; i < count && count <= 255; i++) {
        const size_t part = i + 1 < count ? ICC_PART : size - i * ICC_PART;
        add_marker(out, 0xE2, part + 14);
        (void)pacs_buffer_add(out, "ICC_PROFILE", 12);
        (void)pacs_buffer_add_char(out, (char)(i + 1));
        (void)pacs_buffer_add_char(out, (char)count);
        (void)pacs_buffer_add(out, profile + i * ICC_PART, part);
    }
}

static void add_codes(uint8_t which, const uint8_t *table, size_t size, PacsBuffer *out)
{
    add_marker(out, 0xC4, size + 1);
    (void)pacs_buffer_add(out, &which, 1);
    (void)pacs_buffer_add(out, table, size);
}

static void add_intervals(const JpegGrey *grey, PacsBuffer *out)
{
    const uint32_t blocks = grey->across * grey->strip_down; /* below 2^14 */
    const uint8_t bytes[] = {(uint8_t)(blocks >> 8), (uint8_t)blocks};

    if (grey->strip_count == 1)
        return;
    add_marker(out, 0xDD, sizeof bytes);
    (void)pacs_buffer_add(out, bytes, sizeof bytes);
}

PacsStatus jpeg_grey_write_head(const JpegGrey *grey, const uint8_t *icc_profile, size_t icc_profile_size,
                                PacsBuffer *out, PacsError *err)
{
    static const uint8_t jfif[] = {'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0}; /* square pixels */
    static const uint8_t scan[] = {1, 1, 0, 0, JPEG_COEFFICIENTS - 1, 0};             /* all of component 1 */
    const uint8_t frame[] = {8,                                                       /* bits */
                             (uint8_t)(grey->height >> 8),
                             (uint8_t)grey->height,
                             (uint8_t)(grey->width >> 8),
                             (uint8_t)grey->width,
                             1, /* component: number 1, not subsampled, quantisers 0 */
                             1,
                             0x11,
                             0};

    (void)pacs_buffer_add(out, "\xFF\xD8", 2);
    add_marker(out, 0xE0, sizeof jfif);
    (void)pacs_buffer_add(out, jfif, sizeof jfif);
    if (icc_profile)
        add_profile(icc_profile, icc_profile_size, out);
    add_marker(out, 0xDB, 1 + sizeof grey->steps);
    (void)pacs_buffer_add_char(out, 0);
    (void)pacs_buffer_add(out, grey->steps, sizeof grey->steps);
    add_marker(out, 0xC0, sizeof frame);
    (void)pacs_buffer_add(out, frame, sizeof frame);
    add_codes(0x00, dc_table, sizeof dc_table, out);
    add_codes(0x10, ac_table, sizeof ac_table, out);
    add_intervals(grey, out);
    add_marker(out, 0xDA, sizeof scan);
    (void)pacs_buffer_add(out, scan, sizeof scan);
    return pacs_buffer_check(out, err);
}

PacsStatus jpeg_grey_write_end(PacsBuffer *out, PacsError *err)
{
    (void)pacs_buffer_add(out, "\xFF\xD9", 2);
    return pacs_buffer_check(out, err);
}

/* ---- Strips ---- */

static JpegBlocks *blocks_of_this_machine(void)
{
#ifdef __x86_64__
    if (transcode_has_v3())
        return jpeg_blocks_v3;
#endif
    return jpeg_blocks_plain;
}

/* Eight rows; beyond the picture's edges its last column and row again. */
static void read_rows(const JpegGrey *grey, uint32_t first, const JpegRows *rows, uint8_t *scratch,
                      const uint8_t *ret_rows[JPEG_BLOCK])
{
    const size_t full = (size_t)grey->across * JPEG_BLOCK;

    for (uint32_t i = 0; i < JPEG_BLOCK; i++) {
        uint8_t *place = scratch + i * full;
        if (i > 0 && first + i >= grey->height) {
            ret_rows[i] = ret_rows[i - 1];
            continue;
        }
        ret_rows[i] = rows->read(rows->context, first + i, place);
        if (full == grey->width)
            continue;
        if (ret_rows[i] != place)
            memcpy(place, ret_rows[i], grey->width);
        memset(place + grey->width, place[grey->width - 1], full - grey->width);
        ret_rows[i] = place;
    }
}

/* What is left of a strip, filled up with ones. */
static void finish_bits(JpegBits *bits)
{
    if (bits->count > 0)
        *bits->at++ = (uint8_t)(bits->held << (8 - bits->count) | 0xFFu >> bits->count);
    bits->count = 0;
}

/* T.81 F.1.2.3: FF is followed by 00. */
static PacsStatus add_stuffed(const uint8_t *bytes, size_t size, PacsBuffer *out, PacsError *err)
{
    PacsStatus status = pacs_buffer_reserve(out, 2 * size, err);

    while (status == PACS_OK && size > 0) {
        const uint8_t *mark = memchr(bytes, 0xFF, size);
        const size_t part = mark ? (size_t)(mark - bytes) + 1 : size;
        memcpy(out->bytes + out->size, bytes, part);
        out->size += part;
        if (mark)
            out->bytes[out->size++] = 0;
        bytes += part;
        size -= part;
    }
    return status;
}

/* Memory of one strip. */
typedef struct Scratch {
    uint8_t *rows;
    uint8_t *bits; /* of one row of blocks */
} Scratch;

static PacsStatus write_blocks(const JpegGrey *grey, uint32_t strip, const JpegRows *rows,
                               const Scratch *scratch, PacsBuffer *out, PacsError *err)
{
    JpegBlocks *const blocks = blocks_of_this_machine();
    const uint32_t first = strip * grey->strip_down;
    const uint32_t end = strip + 1 < grey->strip_count ? first + grey->strip_down : grey->down;
    const uint8_t *of_blocks[JPEG_BLOCK];
    PacsStatus status = PACS_OK;
    JpegBits bits = {0};

    for (uint32_t y = first; status == PACS_OK && y < end; y++) {
        read_rows(grey, y * JPEG_BLOCK, rows, scratch->rows, of_blocks);
        bits.at = scratch->bits;
        blocks(&grey->quantisers, jpeg_tables(), of_blocks, grey->across, &bits);
        if (y + 1 == end)
            finish_bits(&bits);
        status = add_stuffed(scratch->bits, (size_t)(bits.at - scratch->bits), out, err);
    }
    return status;
}

PacsStatus jpeg_grey_write_strip(const JpegGrey *grey, uint32_t strip, const JpegRows *rows, PacsBuffer *out,
                                 PacsError *err)
{
    const uint8_t restart[] = {0xFF, (uint8_t)(0xD0 + (strip - 1) % 8)};
    const size_t rows_size = (size_t)grey->across * JPEG_BLOCK * JPEG_BLOCK;
    PACS_AUTO_FREE uint8_t *memory = malloc(rows_size + (size_t)grey->across * JPEG_BLOCK_BYTES +
                                            JPEG_BITS_SLACK);

    if (!memory)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to write a JPEG");
    const Scratch scratch = {memory, memory + rows_size};
    if (strip > 0)
        (void)pacs_buffer_add(out, restart, sizeof restart);
    const PacsStatus status = pacs_buffer_check(out, err);
    return status == PACS_OK ? write_blocks(grey, strip, rows, &scratch, out, err) : status;
}
