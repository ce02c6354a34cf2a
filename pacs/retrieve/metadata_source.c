#include <stdlib.h>
#include <string.h>

#include "pacs/retrieve/metadata_private.h"
#include "pacs/retrieve/retrieve_private.h"
#include "pacs/util/gzip.h"
#include "pacs/util/limits.h"

/* The parts of the answer in their order; what is made on the way is handed out from `out`. */

#define JOIN_LEVEL 1 /* of instances joined on the way: half the time of level 6 for two thirds more bytes */
#define FIRST_SIZE (1u << 20) /* made before the first byte is handed out: until then all can begin anew */
#define TRIES 100 /* somebody deletes a series instance by instance; each takes some milliseconds */
#define JOIN_SIZE (128u << 10) /* text compressed before some of it is handed out */

typedef enum Step { STEP_BEGIN, STEP_SERIES, STEP_STREAM, STEP_JOIN, STEP_END, STEP_DONE } Step;

typedef struct MetadataSource {
    PacsSource base;
    PacsRetrieve *retrieve;
    const PacsMetadata *metadata;
    PacsArena *arena; /* of one that was found anew; or NULL */
    bool has_begun;   /* to hand out */
    Step step;
    size_t series;        /* the one whose turn it is */
    uint64_t stream_read; /* bytes of its stream */
    bool has_text;        /* an instance went before: a comma is due */
    PacsGzipSum sum;

    PacsBuffer out;
    size_t out_read;

    PacsMetadataWalk *walk; /* both made when the first instance is to be joined */
    PacsDeflater *deflater;
    PacsBuffer json;
} MetadataSource;

static const PacsSeriesMetadata *series_of(const MetadataSource *self)
{
    return &self->metadata->series[self->series];
}

/* ---- The stream as it is stored ---- */

static void begin_stream(MetadataSource *self)
{
    const PacsMetadataStream *stream = &series_of(self)->stream;

    if (self->has_text)
        pacs_gzip_text(&self->out, &self->sum, ",");
    self->stream_read = 0;
    self->step = STEP_STREAM;
    self->sum = pacs_gzip_sum_join(self->sum,
                                   (PacsGzipSum){.size = stream->text_size, .crc32 = stream->crc32});
    self->has_text = true;
}

/** Straight to where it is wanted. */
static PacsStatus read_stream(MetadataSource *self, void *bytes, size_t size, size_t *ret_size,
                              PacsError *err)
{
    const PacsMetadataStream *stream = &series_of(self)->stream;
    const uint64_t left = stream->deflate_size - self->stream_read;

    size = left < size ? (size_t)left : size;
    PacsStatus status = pacs_index_read_metadata_stream(self->retrieve->index, stream->id, self->stream_read,
                                                        bytes, size, err);
    self->stream_read += size;
    *ret_size = size;
    return status;
}

/* ---- Instances joined behind it ---- */

static PacsStatus begin_join(MetadataSource *self, int64_t after, PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (!self->walk)
        status = pacs_metadata_walk_new(self->retrieve, self->metadata, &self->walk, err);
    if (status == PACS_OK && !self->deflater)
        status = pacs_deflater_new(JOIN_LEVEL, &self->deflater, err);
    if (status == PACS_OK)
        status = pacs_deflater_begin(self->deflater, NULL, 0, err);
    if (status != PACS_OK)
        return status;
    metadata_walk_seek(self->walk, self->series, after);
    self->step = STEP_JOIN;
    return PACS_OK;
}

static PacsStatus join_one(MetadataSource *self, bool *ret_more, PacsError *err)
{
    pacs_buffer_reset(&self->json);
    if (self->has_text)
        (void)pacs_buffer_add_char(&self->json,
                                   ','); /* where it does not fit, what follows does not either */
    PacsStatus status = metadata_walk_next_of_series(self->walk, &self->json, ret_more, err);
    if (status != PACS_OK || !*ret_more)
        return status;
    self->has_text = true;
    self->sum = pacs_gzip_sum_join(self->sum, pacs_gzip_sum_of(self->json.bytes, self->json.size));
    return pacs_deflater_add(self->deflater, self->json.bytes, self->json.size, &self->out, err);
}

static void go_on_with_next_series(MetadataSource *self)
{
    self->series++;
    self->step = STEP_SERIES;
}

static PacsStatus join_some(MetadataSource *self, PacsError *err)
{
    const uint64_t before = self->sum.size;
    PacsStatus status = PACS_OK;
    bool more = true;

    while (status == PACS_OK && more && self->sum.size - before < JOIN_SIZE)
        status = join_one(self, &more, err);
    if (!more)
        go_on_with_next_series(self);
    return status == PACS_OK && self->sum.size > before ? pacs_deflater_flush(self->deflater, &self->out, err)
                                                        : status;
}

/* ---- One part after the other ---- */

static PacsStatus begin_series(MetadataSource *self, PacsError *err)
{
    if (self->series == self->metadata->series_count) {
        self->step = STEP_END;
        return PACS_OK;
    }
    if (!metadata_is_ready(self->metadata, series_of(self)))
        return begin_join(self, series_of(self)->after, err);
    begin_stream(self);
    return PACS_OK;
}

static PacsStatus end_stream(MetadataSource *self, PacsError *err)
{
    const PacsSeriesMetadata *series = series_of(self);

    if (series->stream.appended_to < series->last_instance)
        return begin_join(self, series->stream.appended_to, err);
    go_on_with_next_series(self);
    return PACS_OK;
}

/** Add what comes next to `out`, or read a stream's bytes to `bytes`. */
static PacsStatus take_step(MetadataSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    switch (self->step) {
    case STEP_BEGIN:
        pacs_gzip_begin(&self->out);
        pacs_gzip_text(&self->out, &self->sum, "[");
        self->step = STEP_SERIES;
        break;
    case STEP_SERIES:
        return begin_series(self, err);
    case STEP_STREAM:
        return self->stream_read < series_of(self)->stream.deflate_size
                   ? read_stream(self, bytes, size, ret_size, err)
                   : end_stream(self, err);
    case STEP_JOIN:
        return join_some(self, err);
    case STEP_END:
        pacs_gzip_text(&self->out, &self->sum, "]");
        pacs_gzip_end(&self->out, &self->sum);
        self->step = STEP_DONE;
        break;
    case STEP_DONE:
        break;
    }
    return PACS_OK;
}

static size_t hand_out(MetadataSource *self, void *bytes, size_t size)
{
    const size_t left = self->out.size - self->out_read;

    size = left < size ? left : size;
    if (size > 0)
        memcpy(bytes, self->out.bytes + self->out_read, size);
    self->out_read += size;
    if (self->out_read == self->out.size) {
        pacs_buffer_reset(&self->out);
        self->out_read = 0;
    }
    return size;
}

/** Into `out`, as long as it is short. */
static PacsStatus make_first(MetadataSource *self, PacsError *err)
{
    PacsStatus status = PACS_OK;

    while (status == PACS_OK && self->out.size < FIRST_SIZE && self->step != STEP_DONE) {
        size_t got = 0;
        status = pacs_buffer_reserve(&self->out, JOIN_SIZE, err);
        if (status == PACS_OK)
            status = take_step(self, self->out.bytes + self->out.size, JOIN_SIZE, &got, err);
        self->out.size += got;
    }
    return status;
}

static PacsStatus begin_anew(MetadataSource *self, PacsError *err)
{
    PacsMetadata *found = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_HTTP_REQUEST_ARENA);

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to find metadata");
    PacsStatus status = pacs_retrieve_find_metadata(self->retrieve, &self->metadata->path,
                                                    self->metadata->root, arena, &found, err);
    if (status != PACS_OK)
        return status;
    pacs_metadata_walk_free(PACS_STEAL(self->walk));
    pacs_buffer_reset(&self->out);
    pacs_arena_free(self->arena);
    self->arena = PACS_STEAL(arena);
    self->metadata = found;
    self->step = STEP_BEGIN;
    self->series = 0;
    self->has_text = false;
    self->sum = (PacsGzipSum){0};
    return PACS_OK;
}

static PacsStatus begin(MetadataSource *self, PacsError *err)
{
    PacsError trouble = {0};
    PacsStatus status = make_first(self, &trouble);

    for (int i = 1; status == PACS_UNAVAILABLE && i < TRIES; i++) {
        status = begin_anew(self, &trouble);
        if (status == PACS_OK)
            status = make_first(self, &trouble);
    }
    self->has_begun = true;
    if (status != PACS_OK && err)
        *err = trouble;
    return status;
}

static PacsStatus metadata_read(PacsSource *base, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    MetadataSource *self = (MetadataSource *)base;
    const bool is_slow = self->metadata->slow_count > 0;
    PacsStatus status = is_slow && !self->has_begun ? begin(self, err) : PACS_OK;
    size_t got = status == PACS_OK ? hand_out(self, bytes, size) : 0;

    while (status == PACS_OK && got == 0 && self->step != STEP_DONE) {
        status = take_step(self, bytes, size, &got, err);
        if (status == PACS_OK)
            status = pacs_buffer_check(&self->out, err);
        if (status == PACS_OK && got == 0)
            got = hand_out(self, bytes, size);
    }
    if (status == PACS_OK)
        *ret_size = got;
    return status;
}

static void metadata_free(PacsSource *base)
{
    MetadataSource *self = (MetadataSource *)base;

    pacs_metadata_walk_free(self->walk);
    pacs_deflater_free(self->deflater);
    pacs_buffer_clear(&self->json);
    pacs_buffer_clear(&self->out);
    pacs_arena_free(self->arena);
    free(self);
}

PacsStatus metadata_source_open(PacsRetrieve *retrieve, const PacsMetadata *metadata, PacsSource **ret_source,
                                PacsError *err)
{
    static const PacsSourceOps ops = {.read = metadata_read, .free = metadata_free};
    MetadataSource *self = calloc(1, sizeof *self);

    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read metadata");
    *self = (MetadataSource){.base.ops = &ops, .retrieve = retrieve, .metadata = metadata};
    pacs_buffer_init(&self->json, PACS_MAX_METADATA_TEXT);
    pacs_buffer_init(&self->out, (size_t)PACS_MAX_METADATA_TEXT + FIRST_SIZE);
    *ret_source = &self->base;
    return PACS_OK;
}
