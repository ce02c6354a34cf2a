#include "transcode/service_cache.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pacs/util/limits.h"
#include "transcode/service_files.h"
#include "transcode/service_writer.h"

#define LIST_EVERY_S 600 /* what other servers put into a shared folder counts towards its size */

/* ---- Results ---- */

struct TranscodeResult {
    atomic_uint references;
    uint8_t *bytes; /* NULL: in the file */
    uint64_t size;
    int fd;
};

/* Buffers grow by doubling: what is kept should not cost twice what it says. */
static void shrink(PacsBuffer *bytes)
{
    if (bytes->capacity - bytes->size <= bytes->size / 8)
        return;
    uint8_t *smaller = realloc(bytes->bytes, bytes->size + 1);
    if (!smaller)
        return;
    bytes->bytes = smaller;
    bytes->capacity = bytes->size;
}

TranscodeResult *transcode_result_new(PacsBuffer *bytes)
{
    TranscodeResult *result = malloc(sizeof *result);

    if (!result)
        return NULL;
    shrink(bytes);
    *result = (TranscodeResult){.bytes = bytes->bytes, .size = bytes->size, .fd = -1};
    atomic_init(&result->references, 1);
    const size_t max = bytes->max;
    pacs_buffer_init(bytes, max); /* its bytes are the result's now */
    return result;
}

TranscodeResult *transcode_result_ref(TranscodeResult *result)
{
    atomic_fetch_add(&result->references, 1);
    return result;
}

void transcode_result_unref(TranscodeResult *result)
{
    if (!result || atomic_fetch_sub(&result->references, 1) != 1)
        return;
    if (result->fd >= 0)
        (void)close(result->fd); /* only read from */
    free(result->bytes);
    free(result);
}

uint64_t transcode_result_size(const TranscodeResult *result)
{
    return result->size;
}

const uint8_t *transcode_result_bytes(const TranscodeResult *result)
{
    return result->bytes;
}

int transcode_result_fd(const TranscodeResult *result)
{
    return result->fd;
}

static TranscodeResult *new_file_result(int fd, uint64_t size)
{
    TranscodeResult *result = malloc(sizeof *result);

    if (!result) {
        (void)close(fd); /* only read from */
        return NULL;
    }
    *result = (TranscodeResult){.size = size, .fd = fd};
    atomic_init(&result->references, 1);
    return result;
}

/* ---- The cache ---- */

typedef struct Kept { /* in memory */
    TranscodeLruEntry base;
    TranscodeResult *result;
} Kept;

typedef struct Filed { /* on disk */
    TranscodeLruEntry base;
    bool is_checked; /* written or read in this run */
} Filed;

struct TranscodeCache {
    TranscodeMetrics *metrics;
    uint64_t memory_max, disk_max;
    TranscodeFiles *files;   /* NULL: nothing is kept on disk */
    TranscodeWriter *writer; /* where there are files */
    pthread_t lister;        /* has to be joined where has_lister */
    bool has_lister;
    pthread_mutex_t lock;  /* of what follows */
    pthread_cond_t ending; /* by the monotonic clock */
    bool is_ending;
    TranscodeLru memory, disk;
};

static void drop(TranscodeCache *cache, Kept *kept)
{
    transcode_lru_remove(&cache->memory, &kept->base);
    transcode_result_unref(kept->result);
    free(kept);
}

static void drop_file(TranscodeCache *cache, Filed *filed)
{
    transcode_lru_remove(&cache->disk, &filed->base);
    free(filed);
}

static void show_sizes(const TranscodeCache *cache)
{
    pacs_metric_set(cache->metrics->memory_bytes, (int64_t)cache->memory.bytes);
    pacs_metric_set(cache->metrics->disk_bytes, (int64_t)cache->disk.bytes);
}

/* ---- Room on the disk ---- */

static bool is_over(const TranscodeCache *cache)
{
    return cache->disk.count > 0 &&
           (cache->disk.bytes > cache->disk_max || cache->disk.count > PACS_MAX_TRANSCODE_FILES);
}

/* A file is removed without the lock, so that a slow disk holds up nobody who finds. */
static void make_room(TranscodeCache *cache)
{
    (void)pthread_mutex_lock(&cache->lock);
    while (is_over(cache)) {
        const TranscodeName name = cache->disk.oldest->name;
        drop_file(cache, (Filed *)cache->disk.oldest);
        pacs_metric_add(cache->metrics->evictions, 1);
        (void)pthread_mutex_unlock(&cache->lock);
        transcode_files_remove(cache->files, &name);
        (void)pthread_mutex_lock(&cache->lock);
    }
    show_sizes(cache);
    (void)pthread_mutex_unlock(&cache->lock);
}

static void note_file(TranscodeCache *cache, const TranscodeName *name, uint64_t size)
{
    Filed *filed = malloc(sizeof *filed);

    (void)pthread_mutex_lock(&cache->lock);
    TranscodeLruEntry *before = transcode_lru_find(&cache->disk, name);
    if (before)
        drop_file(cache, (Filed *)before);
    if (filed) { /* else the next start finds it */
        *filed = (Filed){.base = {.name = *name, .bytes = transcode_file_size(size)}, .is_checked = true};
        transcode_lru_add(&cache->disk, &filed->base);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

/* ---- What is there already ---- */

typedef struct Listing {
    TranscodeCache *cache;
    TranscodeFile *files;
    size_t count, room;
} Listing;

static bool add_to_listing(void *context, const TranscodeFile *file)
{
    Listing *listing = context;

    (void)pthread_mutex_lock(&listing->cache->lock);
    const bool is_known = transcode_lru_find(&listing->cache->disk, &file->name) != NULL;
    const bool is_ending = listing->cache->is_ending;
    (void)pthread_mutex_unlock(&listing->cache->lock);
    if (is_known || is_ending)
        return !is_ending;
    if (listing->count == listing->room) {
        const size_t room = listing->room ? listing->room * 2 : 1024;
        TranscodeFile *more = room <= 2 * (size_t)PACS_MAX_TRANSCODE_FILES
                                  ? realloc(listing->files, room * sizeof *more)
                                  : NULL;
        if (!more)
            return false;
        listing->files = more;
        listing->room = room;
    }
    listing->files[listing->count++] = *file;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t first = ((const TranscodeFile *)a)->used_s;
    const int64_t second = ((const TranscodeFile *)b)->used_s;

    return (first < second) - (first > second);
}

/* Behind what was used in this run. */
static void note_listed(TranscodeCache *cache, const TranscodeFile *file)
{
    Filed *filed = calloc(1, sizeof *filed);

    (void)pthread_mutex_lock(&cache->lock);
    if (filed && !transcode_lru_find(&cache->disk, &file->name)) {
        filed->base.name = file->name;
        filed->base.bytes = file->bytes;
        transcode_lru_add_oldest(&cache->disk, &filed->base);
        filed = NULL;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    free(filed);
}

static void list_files(TranscodeCache *cache)
{
    Listing listing = {.cache = cache};

    transcode_files_list(cache->files, add_to_listing, &listing);
    if (listing.count > 0)
        qsort(listing.files, listing.count, sizeof *listing.files, newest_first);
    for (size_t i = 0; i < listing.count; i++)
        note_listed(cache, &listing.files[i]);
    free(listing.files);
    make_room(cache);
}

static bool rests(TranscodeCache *cache)
{
    struct timespec until;
    int failed = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LIST_EVERY_S;
    (void)pthread_mutex_lock(&cache->lock);
    while (!cache->is_ending && failed == 0)
        failed = pthread_cond_timedwait(&cache->ending, &cache->lock, &until);
    const bool goes_on = !cache->is_ending;
    (void)pthread_mutex_unlock(&cache->lock);
    return goes_on;
}

/* What was there at the start, then what other servers put beside it. */
static void *run_lister(void *context)
{
    do {
        list_files(context);
    } while (rests(context));
    return NULL;
}

/* ---- Beginning and end ---- */

static void write_file(void *context, const TranscodeName *name, TranscodeResult *result)
{
    TranscodeCache *cache = context;

    if (!transcode_files_write(cache->files, name, result->bytes, result->size))
        return;
    note_file(cache, name, result->size);
    make_room(cache);
}

static PacsStatus start_lister(TranscodeCache *cache, PacsError *err)
{
    sigset_t all, before;

    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&cache->lister, NULL, run_lister, cache);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    cache->has_lister = failed == 0;
    return failed == 0
               ? PACS_OK
               : pacs_fail(err, PACS_UNAVAILABLE, "no thread to be had for the cache: %s", strerror(failed));
}

static PacsStatus open_files(TranscodeCache *cache, const TranscodeServiceOptions *options, PacsError *err)
{
    PacsStatus status = transcode_files_open(options->cache_folder, options->min_free_bytes, &cache->files,
                                             err);
    if (status == PACS_OK)
        status = transcode_writer_new(write_file, cache, &cache->writer, err);
    return status == PACS_OK ? start_lister(cache, err) : status;
}

static void init_locks(TranscodeCache *cache)
{
    pthread_condattr_t attributes;

    /* On Linux these allocate nothing and cannot fail with these attributes. */
    (void)pthread_mutex_init(&cache->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&cache->ending, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

PacsStatus transcode_cache_new(const TranscodeServiceOptions *options, TranscodeMetrics *metrics,
                               TranscodeCache **ret_cache, PacsError *err)
{
    PACS_AUTO(TranscodeCache) cache = calloc(1, sizeof *cache);

    if (!cache)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    cache->metrics = metrics;
    cache->memory_max = options->memory_bytes;
    cache->disk_max = options->cache_bytes;
    init_locks(cache);
    if (!transcode_lru_init(&cache->memory) || !transcode_lru_init(&cache->disk))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    PacsStatus status = options->cache_folder ? open_files(cache, options, err) : PACS_OK;
    if (status == PACS_OK)
        *ret_cache = PACS_STEAL(cache);
    return status;
}

static void stop_lister(TranscodeCache *cache)
{
    (void)pthread_mutex_lock(&cache->lock);
    cache->is_ending = true;
    (void)pthread_cond_signal(&cache->ending);
    (void)pthread_mutex_unlock(&cache->lock);
    (void)pthread_join(cache->lister, NULL);
}

void transcode_cache_free(TranscodeCache *cache)
{
    if (!cache)
        return;
    transcode_writer_free(cache->writer);
    if (cache->has_lister)
        stop_lister(cache);
    while (cache->memory.oldest)
        drop(cache, (Kept *)cache->memory.oldest);
    while (cache->disk.oldest)
        drop_file(cache, (Filed *)cache->disk.oldest);
    transcode_lru_clear(&cache->memory);
    transcode_lru_clear(&cache->disk);
    transcode_files_close(cache->files);
    (void)pthread_cond_destroy(&cache->ending);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- Finding ---- */

static TranscodeResult *open_result(TranscodeCache *cache, const TranscodeName *name, bool checks)
{
    uint64_t size = 0;
    const int fd = transcode_files_find(cache->files, name, checks, &size);

    if (fd < 0)
        return NULL;
    if (checks)
        note_file(cache, name, size);
    return new_file_result(fd, size);
}

/* *ret_filed: there is a file of it as well. */
static TranscodeResult *find_listed(TranscodeCache *cache, const TranscodeName *name, bool *ret_filed)
{
    TranscodeResult *result = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    TranscodeLruEntry *kept = transcode_lru_find(&cache->memory, name);
    TranscodeLruEntry *filed = transcode_lru_find(&cache->disk, name);
    if (kept) {
        transcode_lru_touch(&cache->memory, kept);
        result = transcode_result_ref(((Kept *)kept)->result);
    }
    if (filed)
        transcode_lru_touch(&cache->disk, filed);
    *ret_filed = filed && ((Filed *)filed)->is_checked;
    (void)pthread_mutex_unlock(&cache->lock);
    return result;
}

TranscodeResult *transcode_cache_find(TranscodeCache *cache, const TranscodeName *name)
{
    bool is_filed = false;

    TranscodeResult *result = find_listed(cache, name, &is_filed);
    if (result)
        return result;
    if (is_filed)
        return open_result(cache, name, false);
    /* Written between the two looks, it is not found: transcode_cache_load() does. */
    return cache->writer ? transcode_writer_find(cache->writer, name) : NULL;
}

TranscodeResult *transcode_cache_load(TranscodeCache *cache, const TranscodeName *name)
{
    TranscodeResult *result = transcode_cache_find(cache, name);

    return result || !cache->files ? result : open_result(cache, name, true);
}

/* ---- Keeping ---- */

static void keep_locked(TranscodeCache *cache, Kept *kept)
{
    TranscodeLruEntry *before = transcode_lru_find(&cache->memory, &kept->base.name);

    if (before)
        drop(cache, (Kept *)before);
    transcode_lru_add(&cache->memory, &kept->base);
    while (cache->memory.bytes > cache->memory_max)
        drop(cache, (Kept *)cache->memory.oldest);
    show_sizes(cache);
}

static void keep_in_memory(TranscodeCache *cache, const TranscodeName *name, TranscodeResult *result)
{
    if (result->size > PACS_MAX_TRANSCODE_HELD || result->size > cache->memory_max)
        return;
    Kept *kept = malloc(sizeof *kept);
    if (!kept)
        return;
    *kept = (Kept){.base = {.name = *name, .bytes = result->size + sizeof *kept},
                   .result = transcode_result_ref(result)};
    (void)pthread_mutex_lock(&cache->lock);
    keep_locked(cache, kept);
    (void)pthread_mutex_unlock(&cache->lock);
}

void transcode_cache_add(TranscodeCache *cache, const TranscodeName *name, TranscodeResult *result)
{
    keep_in_memory(cache, name, result);
    if (!cache->files || transcode_file_size(result->size) > cache->disk_max / 4)
        return;
    if (!transcode_writer_add(cache->writer, name, result))
        pacs_metric_add(cache->metrics->unwritten, 1);
}

void transcode_cache_flush(TranscodeCache *cache)
{
    if (cache->writer)
        transcode_writer_flush(cache->writer);
}

void transcode_cache_forget(TranscodeCache *cache, const TranscodeName *name)
{
    TranscodeLruEntry *entry;

    if (cache->writer)
        transcode_writer_forget(cache->writer, name); /* first, for what it writes is listed */
    (void)pthread_mutex_lock(&cache->lock);
    while ((entry = transcode_lru_find_object(&cache->memory, name)))
        drop(cache, (Kept *)entry);
    while ((entry = transcode_lru_find_object(&cache->disk, name)))
        drop_file(cache, (Filed *)entry);
    show_sizes(cache);
    (void)pthread_mutex_unlock(&cache->lock);
    if (cache->files)
        transcode_files_remove_object(cache->files, name);
}
