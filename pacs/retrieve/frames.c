#include "pacs/retrieve/frames.h"

#include <stdlib.h>

#include "pacs/dicom/pixel_source.h"
#include "pacs/dicom/uid.h"
#include "pacs/retrieve/retrieve_private.h"

/* ---- Looking up ---- */

static PacsStatus look_up(PacsRetrieve *retrieve, const PacsUidPath *path, PacsArena *arena,
                          PacsRetrievedImage **ret_image, PacsError *err)
{
    PacsRetrievedImage *image = pacs_arena_alloc(arena, sizeof *image);
    PacsStoredObject *object = NULL;
    PacsInstanceBlobs blobs = {0};

    if (!image)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to look frames up");
    PacsStatus status = pacs_index_find_object_at(retrieve->index, path, PACS_BLOB_FRAMES, arena, &object,
                                                  &blobs, err);
    if (status != PACS_OK)
        return status;
    if (blobs.frame_table_size == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "the instance has no frames");
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(object->transfer_syntax_uid));
    *image = (PacsRetrievedImage){
        .path = *path,
        .object = object,
        .key = object->has_inflated ? &object->inflated_key : &object->key,
        .frame_table = blobs.frame_table,
        .frame_table_size = blobs.frame_table_size,
        .is_native = !syntax || !(syntax->flags & PACS_UID_ENCAPSULATED),
    };
    status = pacs_frame_table_count(image->frame_table, image->frame_table_size, &image->frame_count, err);
    if (status == PACS_OK)
        *ret_image = image;
    return status;
}

PacsStatus pacs_retrieve_image(PacsRetrieve *retrieve, const PacsUidPath *path, PacsArena *arena,
                               PacsRetrievedImage **ret_image, PacsError *err)
{
    uint64_t removals = 0;
    const bool may_keep = pacs_index_removals(retrieve->index, &removals);
    PacsRetrievedImage *kept = may_keep ? image_cache_find(retrieve->images, path, removals, arena) : NULL;

    if (kept) {
        kept->path = *path; /* whose texts live as long as the asker's */
        *ret_image = kept;
        return PACS_OK;
    }
    PacsStatus status = look_up(retrieve, path, arena, ret_image, err);
    if (status == PACS_OK && may_keep)
        image_cache_add(retrieve->images, path, removals, *ret_image);
    return status;
}

PacsStatus pacs_retrieve_frame(const PacsRetrievedImage *image, uint32_t frame_number,
                               PacsRetrievedFrame *ret_frame, PacsError *err)
{
    PacsFrame stored = {0};

    if (frame_number > image->frame_count)
        return pacs_fail(err, PACS_NOT_FOUND, "frame %u asked, instance has %u", frame_number,
                         image->frame_count);
    PacsStatus status = pacs_frame_table_find(image->frame_table, image->frame_table_size, frame_number,
                                              &stored, err);
    if (status != PACS_OK)
        return status;
    const bool is_made = pacs_pixel_source_needed(&stored);
    *ret_frame = (PacsRetrievedFrame){
        .image = image,
        .frame_number = frame_number,
        .size_bytes = is_made ? pacs_pixel_source_size(&stored) : stored.size_bytes,
        .is_ranges = !is_made,
        .stored = stored,
    };
    return PACS_OK;
}

PacsStatus pacs_retrieve_frame_run(const PacsRetrievedFrame *frame, uint32_t run_index, PacsRange *ret_range,
                                   PacsError *err)
{
    if (run_index == 0) {
        *ret_range = frame->stored.first;
        return PACS_OK;
    }
    return pacs_frame_table_run(frame->image->frame_table, frame->image->frame_table_size,
                                frame->frame_number, run_index, ret_range, err);
}

/* ---- Opening ---- */

PacsStatus pacs_retrieve_image_fd(PacsRetrieve *retrieve, const PacsRetrievedImage *image, int *ret_fd,
                                  PacsError *err)
{
    return pacs_retrieve_lost(image->object, pacs_store_open_fd(retrieve->store, image->key, ret_fd, err),
                              err);
}

/** A frame's runs, one after the other. */
typedef struct RunSource {
    PacsSource base;
    PacsRetrieve *retrieve;
    PacsRetrievedFrame frame;
    PacsSource *run; /* NULL: between two */
    uint32_t next;
    uint64_t skip; /* bytes of the runs before the first that is wanted */
} RunSource;

static PacsStatus open_run(RunSource *source, PacsError *err)
{
    const PacsRetrievedImage *image = source->frame.image;
    PacsRange range = {0};

    PacsStatus status = pacs_retrieve_frame_run(&source->frame, source->next++, &range, err);
    if (status != PACS_OK)
        return status;
    if (source->skip >= range.size) {
        source->skip -= range.size;
        return PACS_OK;
    }
    status = pacs_store_open(source->retrieve->store, image->key, range.offset + source->skip,
                             range.size - source->skip, &source->run, err);
    source->skip = 0;
    return pacs_retrieve_lost(image->object, status, err);
}

static PacsStatus run_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    RunSource *source = (RunSource *)self;

    for (;;) {
        PacsStatus status = PACS_OK;
        while (!source->run && source->next < source->frame.stored.run_count && status == PACS_OK)
            status = open_run(source, err);
        *ret_size = 0;
        if (status != PACS_OK || !source->run)
            return status;
        status = pacs_source_read(source->run, bytes, size, ret_size, err);
        if (status != PACS_OK || *ret_size > 0)
            return status;
        pacs_source_free(source->run);
        source->run = NULL;
    }
}

static void run_free(PacsSource *self)
{
    RunSource *source = (RunSource *)self;

    pacs_source_free(source->run);
    free(source);
}

static PacsStatus open_runs(PacsRetrieve *retrieve, const PacsRetrievedFrame *frame, uint64_t offset,
                            PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = run_read, .free = run_free};
    RunSource *source = malloc(sizeof *source);

    if (!source)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read a frame");
    *source = (RunSource){.base.ops = &ops, .retrieve = retrieve, .frame = *frame, .skip = offset};
    *ret_source = &source->base;
    return PACS_OK;
}

static PacsStatus drop(PacsSource *source, uint64_t size, PacsError *err)
{
    uint8_t waste[4096];

    while (size > 0) {
        size_t part = size < sizeof waste ? (size_t)size : sizeof waste;
        PacsStatus status = pacs_source_read_all(source, waste, part, err);
        if (status != PACS_OK)
            return status;
        size -= part;
    }
    return PACS_OK;
}

PacsStatus pacs_retrieve_frame_open(PacsRetrieve *retrieve, const PacsRetrievedFrame *frame, uint64_t offset,
                                    PacsSource **ret_source, PacsError *err)
{
    PACS_AUTO(PacsSource) source = NULL;

    if (frame->is_ranges)
        return open_runs(retrieve, frame, offset, ret_source, err);
    PacsStatus status = open_runs(retrieve, frame, 0, &source, err);
    if (status == PACS_OK)
        status = pacs_pixel_source(&frame->stored, PACS_STEAL(source), &source, err);
    if (status == PACS_OK)
        status = drop(source, offset, err);
    if (status == PACS_OK)
        *ret_source = PACS_STEAL(source);
    return status;
}
