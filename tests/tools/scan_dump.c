/* scan_dump [--any] [--xml] FILE [PIECE]: what a scan knows of a file, as one JSON object on stdout; fed PIECE bytes at
 * a time. --xml: only its data set, as the Native DICOM Model, beside its JSON. Exits with 1 and the refusal's text on stderr where the file is refused. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/bulk_table.h"
#include "pacs/dicom/dicom_xml.h"
#include "pacs/dicom/scan.h"
#include "pacs/util/json.h"

#define FRAMES_SHOWN_MAX 100000u

static PacsStatus feed_file(PacsScan *scan, FILE *file, size_t piece, PacsError *err)
{
    PACS_AUTO_FREE char *bytes = malloc(piece);
    if (!bytes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory");
    size_t size = 0;
    while ((size = fread(bytes, 1, piece, file)) > 0) {
        PacsStatus status = pacs_scan_feed(scan, bytes, size, err);
        if (status != PACS_OK)
            return status;
    }
    return pacs_scan_finish(scan, err);
}

static void write_tags(PacsJson *json, const PacsInstance *instance)
{
    pacs_json_key(json, "tags");
    pacs_json_object_begin(json);
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        pacs_json_key(json, pacs_level_name((PacsLevel)level));
        pacs_json_object_begin(json);
        for (size_t i = 0; i < instance->tag_count[level]; i++) {
            char text[PACS_TAG_HEX_SIZE];
            pacs_tag_format(instance->tags[level][i].tag, text);
            pacs_json_member_string(json, text, instance->tags[level][i].value);
        }
        pacs_json_object_end(json);
    }
    pacs_json_object_end(json);
}

/* Each frame as [bit offset, offset, size, offset, size, ...]. */
static PacsStatus write_frames(PacsJson *json, const PacsBuffer *table, PacsError *err)
{
    uint32_t frames = 0;
    PacsStatus status = table->size > 0 ? pacs_frame_table_count(table->bytes, table->size, &frames, err)
                                        : PACS_OK;
    pacs_json_key(json, "frames");
    pacs_json_array_begin(json);
    for (uint32_t number = 1; status == PACS_OK && number <= frames && number <= FRAMES_SHOWN_MAX; number++) {
        PacsFrame frame;
        status = pacs_frame_table_find(table->bytes, table->size, number, &frame, err);
        pacs_json_array_begin(json);
        pacs_json_u64(json, status == PACS_OK ? frame.bit_offset : 0);
        for (uint32_t run = 0; status == PACS_OK && run < frame.run_count; run++) {
            PacsRange range;
            status = pacs_frame_table_run(table->bytes, table->size, number, run, &range, err);
            if (status != PACS_OK)
                break;
            pacs_json_u64(json, range.offset);
            pacs_json_u64(json, range.size);
        }
        pacs_json_array_end(json);
    }
    pacs_json_array_end(json);
    return status;
}

static void write_pixels(PacsJson *json, const PacsInstance *instance)
{
    const PacsPixelDescription *pixels = &instance->pixels;
    pacs_json_key(json, "pixels");
    pacs_json_object_begin(json);
    pacs_json_member_u64(json, "rows", pixels->rows);
    pacs_json_member_u64(json, "columns", pixels->columns);
    pacs_json_member_u64(json, "frames", pixels->number_of_frames);
    pacs_json_member_u64(json, "samples", pixels->samples_per_pixel);
    pacs_json_member_u64(json, "bitsAllocated", pixels->bits_allocated);
    pacs_json_member_string(json, "photometric", pixels->photometric_interpretation);
    pacs_json_member_string(json, "vr", pacs_vr_code(instance->pixel_data_vr));
    pacs_json_member_u64(json, "offset", instance->pixel_data_offset);
    pacs_json_object_end(json);
}

/* "bulk": {"7FE00010": [offset, size, "OW", encapsulated, big endian]}, of the paths asked for on stdin. */
static PacsStatus write_bulk(PacsJson *json, const PacsBuffer *table, PacsError *err)
{
    char path[2048];
    pacs_json_key(json, "bulk");
    pacs_json_object_begin(json);
    while (fgets(path, sizeof path, stdin)) {
        PacsBulkValue value;
        PacsSlice trimmed = pacs_slice_trim(pacs_slice(path));
        path[trimmed.size] = 0;
        PacsStatus status = pacs_bulk_table_find(table->bytes, table->size, path, &value, err);
        if (status != PACS_OK)
            return status;
        pacs_json_key(json, path);
        pacs_json_array_begin(json);
        pacs_json_u64(json, value.range.offset);
        pacs_json_u64(json, value.range.size);
        pacs_json_string(json, pacs_vr_code(value.vr));
        pacs_json_bool(json, value.encapsulated);
        pacs_json_bool(json, value.big_endian);
        pacs_json_array_end(json);
    }
    pacs_json_object_end(json);
    return PACS_OK;
}

static PacsStatus dump(const PacsInstance *instance, PacsBuffer *out, PacsError *err)
{
    PacsJson json;
    pacs_json_init(&json, out, false);
    pacs_json_object_begin(&json);
    pacs_json_member_string(&json, "transferSyntax", instance->transfer_syntax_uid);
    pacs_json_member_string(&json, "sopClass", instance->sop_class_uid);
    pacs_json_member_string(&json, "sopInstance", instance->sop_instance_uid);
    pacs_json_member_u64(&json, "datasetOffset", instance->dataset_offset);
    pacs_json_member_u64(&json, "size", instance->size_bytes);
    pacs_json_member_bool(&json, "deflated", instance->deflated);
    pacs_json_member_bool(&json, "hasPixelData", instance->has_pixel_data);
    write_pixels(&json, instance);
    write_tags(&json, instance);
    PacsStatus status = write_frames(&json, instance->frame_table, err);
    pacs_json_member_u64(&json, "frameTableBytes", instance->frame_table->size);
    if (status == PACS_OK)
        status = write_bulk(&json, instance->bulk_table, err);
    pacs_json_key(&json, "json");
    pacs_json_raw(&json, pacs_buffer_text(instance->json), instance->json->size);
    pacs_json_object_end(&json);
    return status == PACS_OK ? pacs_buffer_check(out, err) : status;
}

typedef struct Arguments {
    const char *path;
    uint64_t piece;
    bool any;
    bool xml;
} Arguments;

static bool parse_arguments(int argc, char **argv, Arguments *ret_arguments)
{
    Arguments arguments = {.piece = 128u << 10};
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        arguments.any = arguments.any || strcmp(argv[at], "--any") == 0;
        arguments.xml = arguments.xml || strcmp(argv[at], "--xml") == 0;
    }
    if (at >= argc)
        return false;
    arguments.path = argv[at++];
    if (at < argc && pacs_parse_u64(pacs_slice(argv[at]), 1u << 30, &arguments.piece, NULL) != PACS_OK)
        return false;
    *ret_arguments = arguments;
    return arguments.piece > 0;
}

/* {"json": {...}, "xml": "<?xml ..."} */
static PacsStatus dump_xml(const PacsInstance *instance, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer xml = PACS_BUFFER(SIZE_MAX / 2);
    PacsJson json;
    PacsStatus status = pacs_dicom_xml_write(
        (PacsSlice){pacs_buffer_text(instance->json), instance->json->size}, "", &xml, err);
    if (status != PACS_OK)
        return status;
    pacs_json_init(&json, out, false);
    pacs_json_object_begin(&json);
    pacs_json_key(&json, "json");
    pacs_json_raw(&json, pacs_buffer_text(instance->json), instance->json->size);
    pacs_json_key(&json, "xml");
    pacs_json_string_n(&json, pacs_buffer_text(&xml), xml.size);
    pacs_json_object_end(&json);
    return pacs_buffer_check(out, err);
}

static PacsStatus run(const Arguments *arguments, FILE *file, PacsError *err)
{
    PACS_AUTO(PacsScan) scan = NULL;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(SIZE_MAX / 2);
    const PacsScanOptions options = {.any_dataset = arguments->any};
    PacsStatus status = pacs_scan_new(&options, &scan, err);
    if (status == PACS_OK)
        status = feed_file(scan, file, (size_t)arguments->piece, err);
    if (status == PACS_OK)
        status = (arguments->xml ? dump_xml : dump)(pacs_scan_instance(scan), &out, err);
    if (status == PACS_OK)
        (void)fwrite(out.bytes, 1, out.size, stdout);
    return status;
}

int main(int argc, char **argv)
{
    Arguments arguments;
    if (!parse_arguments(argc, argv, &arguments)) {
        (void)fprintf(stderr, "usage: scan_dump [--any] [--xml] FILE [PIECE] < PATHS\n");
        return 2;
    }
    FILE *file = fopen(arguments.path, "rb");
    if (!file) {
        perror(arguments.path);
        return 2;
    }
    PacsError err = {0};
    PacsStatus status = run(&arguments, file, &err);
    (void)fclose(file);
    if (status != PACS_OK)
        (void)fprintf(stderr, "%s: %s\n", pacs_status_name(status), err.text);
    return status == PACS_OK ? 0 : 1;
}
