/* make_transcode_corpus FOLDER: seeds for transcode_fuzz, one file for each syntax and kind of image, by our own encoders
 * and, for the retired kinds of JPEG that we only read, by libjpeg-turbo. Run after a codec was added. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "pacs/dicom/uid.h"
#include "tests/fuzz/transcode_frame.h"

#define ROWS 11
#define COLUMNS 13

typedef struct Kind {
    const char *name;
    TranscodeFuzzHead head;
} Kind;

static const Kind kinds[] = {
    {"grey8", {0, ROWS, COLUMNS, 0, 0, 7, 0, TRANSCODE_MONOCHROME2}},
    {"rgb8", {0, ROWS, COLUMNS, 1, 0, 7, 0, TRANSCODE_RGB}},
    {"grey12", {0, ROWS, COLUMNS, 0, 1, 11, 0, TRANSCODE_MONOCHROME2}},
    {"signed16", {0, ROWS, COLUMNS, 0, 1, 15, 0, TRANSCODE_MONOCHROME2 | 0x80}},
};

static void write_seed(const char *folder, const char *syntax, const Kind *kind, unsigned index,
                       const uint8_t *bytes, size_t size)
{
    TranscodeFuzzHead head = kind->head;
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s-%s", folder, syntax, kind->name);
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    head.syntax = (uint8_t)index;
    (void)fwrite(&head, 1, sizeof head, file);
    (void)fwrite(bytes, 1, size, file);
    (void)fclose(file);
}

/* A slope: small codestreams, with something of everything in them. */
static void fill(const TranscodeLayout *layout, uint8_t *samples, size_t size)
{
    const size_t word = transcode_sample_size(layout);

    for (size_t i = 0; i < size / word; i++) {
        const uint32_t value = (uint32_t)(i * 37 % (1u << layout->bits_stored));

        for (size_t k = 0; k < word; k++)
            samples[i * word + k] = (uint8_t)(value >> 8 * k);
    }
}

static void make(const char *folder, unsigned index, const Kind *kind)
{
    const TranscodeTarget target = {.transfer_syntax_uid = transcode_fuzz_syntaxes[index]};
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(target.transfer_syntax_uid));
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1u << 20);
    uint8_t head[TRANSCODE_FUZZ_HEAD], samples[ROWS * COLUMNS * 6];
    TranscodeFrame native;

    memcpy(head, &kind->head, sizeof head);
    native = transcode_fuzz_frame(head, sizeof head);
    native.bytes = samples;
    if (!transcode_can_encode(target.transfer_syntax_uid, &native.layout) ||
        transcode_layout_size(&native.layout, &native.size, NULL) != PACS_OK)
        return;
    fill(&native.layout, samples, native.size);
    if (transcode_encode(&native, &target, &out, NULL) == PACS_OK)
        write_seed(folder, entry->keyword, kind, index, out.bytes, out.size);
}

static void make_retired(const char *folder, unsigned index, bool is_arithmetic)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = COLUMNS;
    jpeg.image_height = ROWS;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    if (!is_arithmetic)
        jpeg_simple_progression(&jpeg);
    jpeg.arith_code = is_arithmetic;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < ROWS) {
        uint8_t row[COLUMNS * 3];
        JSAMPROW rows = row;

        for (unsigned i = 0; i < sizeof row; i++)
            row[i] = (uint8_t)(i * 5 + jpeg.next_scanline * 7);
        (void)jpeg_write_scanlines(&jpeg, &rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    write_seed(folder, is_arithmetic ? "arithmetic" : "progressive", &kinds[1], index, bytes, size);
    free(bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_transcode_corpus FOLDER\n");
        return 2;
    }
    for (unsigned i = 0; i < transcode_fuzz_syntax_count; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            make(argv[1], i, &kinds[k]);
        if (strcmp(transcode_fuzz_syntaxes[i], "1.2.840.10008.1.2.4.55") == 0)
            make_retired(argv[1], i, false);
        if (strcmp(transcode_fuzz_syntaxes[i], "1.2.840.10008.1.2.4.52") == 0)
            make_retired(argv[1], i, true);
    }
    return 0;
}
