/* What a search shows of stored JSON: a query, a NUL, and the JSON of an instance. Damaged JSON is refused; whatever is
 * shown is JSON again, with tags that rise. */

#include <jansson.h>
#include <libdeflate.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicomweb/qido_row.h"
#include "pacs/http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const PacsUidPath path = {.study_uid = "1.2"};

static bool choose(PacsSlice text, PacsLevel level, PacsArena *arena, QidoFields *ret_fields)
{
    PacsHttpPair *pairs = NULL;
    size_t count = 0;
    QidoQuery query;

    return pacs_http_query_parse(arena, text, &pairs, &count, NULL) == PACS_OK &&
           qido_query_parse(level, &path, pairs, count, false, arena, &query, NULL) == PACS_OK &&
           qido_fields_choose(&query, &path, arena, ret_fields, NULL) == PACS_OK;
}

static PacsInstanceBlobs pack(PacsSlice json, PacsArena *arena)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(1);
    size_t room = libdeflate_deflate_compress_bound(compressor, json.size);
    void *packed = pacs_arena_alloc(arena, room);
    PacsInstanceBlobs blobs = {.json_size = json.size,
                               .json_crc32 = libdeflate_crc32(0, json.text, json.size)};

    if (!compressor || !packed)
        abort();
    blobs.json_deflate = packed;
    blobs.json_deflate_size = libdeflate_deflate_compress(compressor, json.text, json.size, packed, room);
    libdeflate_free_compressor(compressor);
    return blobs;
}

/** What is written is JSON if what it was copied from was. */
static void check(PacsSlice source, const PacsBuffer *shown)
{
    json_t *before = json_loadb(source.text, source.size, 0, NULL);
    json_t *after = json_loadb(pacs_buffer_text(shown), shown->size, 0, NULL);

    if (before && !after)
        abort();
    json_decref(before);
    json_decref(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *end = size > 0 ? memchr(data, '\0', size) : NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(64u << 20);
    PACS_AUTO_BUFFER PacsBuffer shown = PACS_BUFFER(32u << 20);
    PacsSearchRow row = {
        .study_instance_uid = "1.2", .series_instance_uid = "1.3", .sop_instance_uid = "1.4"};
    QidoFields fields;
    QidoRowWriter writer;
    PacsJson json;

    if (!arena || !end || size > 1u << 18)
        return 0;
    PacsSlice query = {(const char *)data, (size_t)(end - (const char *)data)};
    PacsSlice source = {end + 1, size - query.size - 1};
    if (!choose(query, PACS_LEVEL_STUDY + query.size % 3, arena, &fields))
        return 0;
    const PacsInstanceBlobs blobs = pack(source, arena);
    row.json = &blobs;
    pacs_json_init(&json, &shown, false);
    qido_row_writer_init(&writer, &fields, "http://h/dicom-web");
    if (qido_row_write(&writer, &row, &json, NULL) == PACS_OK && !shown.failed)
        check(source, &shown);
    qido_row_writer_clear(&writer);
    return 0;
}
