#include "pacs/store/store_backend.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/buffer.h"

/* Bytes of one object. Readers keep it alive after a removal, as an open file does. */
typedef struct Blob {
    PacsKey key;
    PacsBuffer bytes; /* the writer's alone until commit, nobody's to change after */
    bool committed;
    unsigned references; /* the store's, the writer's, each source's */
} Blob;

typedef struct StoreMemory {
    PacsStore base;
    pthread_mutex_t lock; /* over all below, references and committed of blobs */
    Blob **blobs;         /* in key order, which is the order they were made in */
    size_t count, capacity;
    uint64_t used_bytes, max_bytes;
    uint64_t last_object;
} StoreMemory;

typedef struct MemoryWriter {
    PacsStoreWriter base;
    Blob *blob;
} MemoryWriter;

typedef struct MemorySource {
    PacsSource base;
    StoreMemory *memory;
    Blob *blob;
    const uint8_t *bytes;
    uint64_t left;
} MemorySource;

static void lock(StoreMemory *memory)
{
    (void)pthread_mutex_lock(&memory->lock); /* fails for misuse only */
}

static void unlock(StoreMemory *memory)
{
    (void)pthread_mutex_unlock(&memory->lock);
}

/* ---- blobs; the lock is held ---- */

static void blob_unref(StoreMemory *memory, Blob *blob)
{
    if (--blob->references > 0)
        return;
    memory->used_bytes -= blob->bytes.size;
    pacs_buffer_clear(&blob->bytes);
    free(blob);
}

/* Index of the first blob whose key is not below `key`. */
static size_t place_of(const StoreMemory *memory, const PacsKey *key)
{
    size_t low = 0, high = memory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pacs_key_compare(&memory->blobs[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static Blob *find_blob(const StoreMemory *memory, const PacsKey *key)
{
    size_t place = place_of(memory, key);
    if (place == memory->count || pacs_key_compare(&memory->blobs[place]->key, key) != 0)
        return NULL;
    return memory->blobs[place];
}

static bool drop_blob(StoreMemory *memory, const PacsKey *key)
{
    Blob *blob = find_blob(memory, key);
    if (!blob)
        return false;
    size_t place = place_of(memory, key);
    memory->count--;
    memmove(memory->blobs + place, memory->blobs + place + 1, (memory->count - place) * sizeof(Blob *));
    blob_unref(memory, blob);
    return true;
}

static bool grow(StoreMemory *memory)
{
    if (memory->count < memory->capacity)
        return true;
    size_t capacity = memory->capacity ? memory->capacity * 2 : 64;
    Blob **blobs = reallocarray(memory->blobs, capacity, sizeof(Blob *));
    if (!blobs)
        return false;
    memory->blobs = blobs;
    memory->capacity = capacity;
    return true;
}

static Blob *add_blob(StoreMemory *memory)
{
    Blob *blob = grow(memory) ? calloc(1, sizeof *blob) : NULL;
    if (!blob)
        return NULL;
    pacs_store_key_make(1, ++memory->last_object, &blob->key);
    pacs_buffer_init(&blob->bytes, SIZE_MAX);
    blob->references = 2; /* the list's and the writer's */
    memory->blobs[memory->count++] = blob;
    return blob;
}

/* ---- writing ---- */

static PacsStatus memory_create(PacsStore *self, uint64_t size_hint, PacsStoreWriter **ret_writer,
                                PacsError *err)
{
    (void)size_hint;
    StoreMemory *memory = (StoreMemory *)self;
    MemoryWriter *writer = calloc(1, sizeof *writer);
    if (!writer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a new object");

    lock(memory);
    writer->blob = add_blob(memory);
    unlock(memory);
    if (!writer->blob) {
        free(writer);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a new object");
    }
    writer->base.key = writer->blob->key;
    *ret_writer = &writer->base;
    return PACS_OK;
}

static PacsStatus memory_write(PacsStoreWriter *self, const void *bytes, size_t size, PacsError *err)
{
    MemoryWriter *writer = (MemoryWriter *)self;
    StoreMemory *memory = (StoreMemory *)self->store;
    PacsStatus status = PACS_OK;

    lock(memory); /* also so that a walk reads a settled size */
    if (size > memory->max_bytes - memory->used_bytes)
        status = pacs_fail(err, PACS_NO_SPACE, "the store in memory is full");
    else if (!pacs_buffer_add(&writer->blob->bytes, bytes, size))
        status = pacs_fail(err, PACS_NO_MEMORY, "no memory for an object's bytes");
    else
        memory->used_bytes += size;
    unlock(memory);
    return status;
}

static PacsStatus memory_commit(PacsStoreWriter *self, PacsError *err)
{
    MemoryWriter *writer = (MemoryWriter *)self;
    StoreMemory *memory = (StoreMemory *)self->store;

    lock(memory);
    bool there = find_blob(memory, &self->key) != NULL;
    writer->blob->committed = there;
    unlock(memory);
    if (!there)
        return pacs_fail(err, PACS_UNAVAILABLE, "the object was removed while it was written");
    return PACS_OK;
}

static void memory_writer_free(PacsStoreWriter *self)
{
    MemoryWriter *writer = (MemoryWriter *)self;
    StoreMemory *memory = (StoreMemory *)self->store;

    lock(memory);
    if (!self->committed)
        (void)drop_blob(memory, &self->key); /* not there if somebody removed it */
    blob_unref(memory, writer->blob);
    unlock(memory);
    free(writer);
}

/* ---- reading ---- */

static PacsStatus source_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    (void)err;
    MemorySource *source = (MemorySource *)self;
    if (size > source->left)
        size = (size_t)source->left;
    if (size > 0) {
        memcpy(bytes, source->bytes, size);
        source->bytes += size;
        source->left -= size;
    }
    *ret_size = size;
    return PACS_OK;
}

static void release(StoreMemory *memory, Blob *blob)
{
    lock(memory);
    blob_unref(memory, blob);
    unlock(memory);
}

static void source_free(PacsSource *self)
{
    MemorySource *source = (MemorySource *)self;
    release(source->memory, source->blob);
    free(source);
}

static const PacsSourceOps source_ops = {.read = source_read, .free = source_free};

static PacsStatus not_found(const PacsKey *key, PacsError *err)
{
    char hex[PACS_KEY_HEX + 1];
    pacs_key_format(key, hex);
    return pacs_fail(err, PACS_NOT_FOUND, "no stored object %s", hex);
}

static Blob *ref_committed(StoreMemory *memory, const PacsKey *key)
{
    lock(memory);
    Blob *blob = find_blob(memory, key);
    if (blob && blob->committed)
        blob->references++;
    else
        blob = NULL;
    unlock(memory);
    return blob;
}

static PacsStatus memory_open(PacsStore *self, const PacsKey *key, uint64_t offset, uint64_t *size,
                              PacsSource **ret_source, PacsError *err)
{
    StoreMemory *memory = (StoreMemory *)self;
    Blob *blob = ref_committed(memory, key);
    if (!blob)
        return not_found(key, err);

    PacsStatus status = pacs_store_clip_range(blob->bytes.size, offset, size, err);
    MemorySource *source = status == PACS_OK ? calloc(1, sizeof *source) : NULL;
    if (!source) {
        release(memory, blob);
        return status != PACS_OK ? status : pacs_fail(err, PACS_NO_MEMORY, "no memory for a stream");
    }
    *source = (MemorySource){.base.ops = &source_ops, .memory = memory, .blob = blob, .left = *size};
    if (*size > 0) /* an empty object has no bytes to point into */
        source->bytes = blob->bytes.bytes + offset;
    *ret_source = &source->base;
    return PACS_OK;
}

static PacsStatus memory_size(PacsStore *self, const PacsKey *key, uint64_t *ret_bytes, PacsError *err)
{
    StoreMemory *memory = (StoreMemory *)self;
    lock(memory);
    const Blob *blob = find_blob(memory, key);
    uint64_t size = blob ? blob->bytes.size : 0;
    unlock(memory);
    if (!blob)
        return not_found(key, err);
    *ret_bytes = size;
    return PACS_OK;
}

static PacsStatus memory_remove(PacsStore *self, const PacsKey *key, PacsError *err)
{
    StoreMemory *memory = (StoreMemory *)self;
    lock(memory);
    bool there = drop_blob(memory, key);
    unlock(memory);
    return there ? PACS_OK : not_found(key, err);
}

static PacsStatus memory_list(PacsStore *self, const PacsKey *from, PacsStoreVisit *visit, void *context,
                              PacsError *err)
{
    StoreMemory *memory = (StoreMemory *)self;
    uint64_t folder, object;
    pacs_store_key_split(from, &folder, &object);

    /* Looked up anew for each object, because the visitor may remove. */
    for (PacsKey next = *from;; pacs_store_key_make(folder, object + 1, &next)) {
        lock(memory);
        size_t place = place_of(memory, &next);
        bool more = place < memory->count;
        PacsKey key = more ? memory->blobs[place]->key : next;
        uint64_t size = more ? memory->blobs[place]->bytes.size : 0;
        unlock(memory);
        if (!more)
            return PACS_OK;

        PacsStatus status = visit(context, &key, size, err);
        if (status != PACS_OK)
            return status;
        pacs_store_key_split(&key, &folder, &object);
    }
}

static void memory_free(PacsStore *self)
{
    StoreMemory *memory = (StoreMemory *)self;
    for (size_t i = 0; i < memory->count; i++)
        blob_unref(memory, memory->blobs[i]);
    free(memory->blobs);
    (void)pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static const PacsStoreOps memory_ops = {
    .name = "memory",
    .create = memory_create,
    .write = memory_write,
    .commit = memory_commit,
    .writer_free = memory_writer_free,
    .open = memory_open,
    .size = memory_size,
    .remove = memory_remove,
    .list = memory_list,
    .free = memory_free,
};

PacsStatus pacs_store_memory_open(uint64_t max_bytes, PacsStore **ret_store, PacsError *err)
{
    StoreMemory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the object store");
    pacs_store_init(&memory->base, &memory_ops, NULL);
    memory->max_bytes = max_bytes;
    (void)pthread_mutex_init(&memory->lock, NULL); /* cannot fail with default attributes on Linux */
    *ret_store = &memory->base;
    return PACS_OK;
}
