#include "pacs/retrieve/values.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/retrieve/retrieve_private.h"

PacsRetrievedValue pacs_retrieve_value(const PacsStoredObject *object, const PacsBulkValue *value)
{
    return (PacsRetrievedValue){
        .key = object->has_inflated ? object->inflated_key : object->key,
        .range = value->range,
        .swap_size = value->big_endian ? pacs_vr_info(value->vr)->swap_size : 1,
    };
}

/* ---- Words turned round ---- */

#define WORDS_SIZE 4096 /* of any word's size a multiple */

typedef struct SwapSource {
    PacsSource base;
    PacsSource *stored; /* from a word's first byte on */
    uint64_t left;      /* bytes of it */
    size_t swap_size;
    size_t at, size; /* of the words not yet given out */
    uint8_t words[WORDS_SIZE];
} SwapSource;

static void swap(uint8_t *bytes, size_t size, size_t swap_size)
{
    for (size_t word = 0; word + swap_size <= size; word += swap_size) /* what is no whole word stays */
        for (size_t i = 0; i < swap_size / 2; i++) {
            const uint8_t kept = bytes[word + i];
            bytes[word + i] = bytes[word + swap_size - 1 - i];
            bytes[word + swap_size - 1 - i] = kept;
        }
}

static PacsStatus read_words(SwapSource *source, PacsError *err)
{
    const size_t size = source->left < WORDS_SIZE ? (size_t)source->left : WORDS_SIZE;

    const PacsStatus status = pacs_source_read_all(source->stored, source->words, size, err);
    if (status != PACS_OK)
        return status;
    swap(source->words, size, source->swap_size);
    source->left -= size;
    source->at = 0;
    source->size = size;
    return PACS_OK;
}

static PacsStatus swap_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    SwapSource *source = (SwapSource *)self;

    if (source->at == source->size && source->left > 0) {
        const PacsStatus status = read_words(source, err);
        if (status != PACS_OK)
            return status;
    }
    if (size > source->size - source->at)
        size = source->size - source->at;
    memcpy(bytes, source->words + source->at, size);
    source->at += size;
    *ret_size = size;
    return PACS_OK;
}

static void swap_free(PacsSource *self)
{
    SwapSource *source = (SwapSource *)self;

    pacs_source_free(source->stored);
    free(source);
}

static PacsStatus open_swapped(PacsRetrieve *retrieve, const PacsRetrievedValue *value, uint64_t offset,
                               PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = swap_read, .free = swap_free};
    const uint64_t first = offset - offset % value->swap_size;
    uint8_t skipped[8];
    SwapSource *source = calloc(1, sizeof *source);

    if (!source)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to read a value");
    *source = (SwapSource){
        .base.ops = &ops, .left = value->range.size - first, .swap_size = value->swap_size};
    PACS_AUTO(PacsSource) opened = &source->base;
    PacsStatus status = pacs_store_open(retrieve->store, &value->key, value->range.offset + first,
                                        source->left, &source->stored, err);
    if (status == PACS_OK && offset > first)
        status = pacs_source_read_all(opened, skipped, (size_t)(offset - first), err);
    if (status == PACS_OK)
        *ret_source = PACS_STEAL(opened);
    return status;
}

PacsStatus pacs_retrieve_value_open(PacsRetrieve *retrieve, const PacsRetrievedValue *value, uint64_t offset,
                                    uint64_t size, PacsRetrievedBytes *ret_bytes, PacsError *err)
{
    PacsSource *source = NULL;

    if (value->swap_size == 1)
        return pacs_retrieve_open(retrieve, &value->key, value->range.offset + offset, size, ret_bytes, err);
    const PacsStatus status = open_swapped(retrieve, value, offset, &source, err);
    if (status == PACS_OK)
        *ret_bytes = (PacsRetrievedBytes){.fd = -1, .source = source};
    return status;
}
