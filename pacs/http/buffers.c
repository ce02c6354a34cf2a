#include "pacs/http/buffers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pacs/util/limits.h"

#define KEPT_PER_SIZE 8

/* The last one holds PACS_HTTP_READ_WHOLE. */
static const size_t capacities[] = {64u << 10, 256u << 10, 768u << 10, PACS_HTTP_READ_WHOLE};

#define CAPACITY_COUNT (sizeof capacities / sizeof capacities[0])

/** In front of the bytes that are given out; a cache line. */
typedef struct Header {
    PacsHttpBuffers *home;
    size_t capacity_index;
    _Alignas(64) uint8_t bytes[];
} Header;

typedef struct Stack {
    Header *kept[KEPT_PER_SIZE];
    size_t count;
} Stack;

struct PacsHttpBuffers {
    pthread_mutex_t lock;
    uint64_t held, max_held;
    Stack stacks[CAPACITY_COUNT];
};

PacsHttpBuffers *pacs_http_buffers_new(uint64_t max_held)
{
    PacsHttpBuffers *buffers = calloc(1, sizeof *buffers);

    if (!buffers)
        return NULL;
    buffers->max_held = max_held;
    (void)pthread_mutex_init(&buffers->lock, NULL); /* cannot fail without attributes */
    return buffers;
}

void pacs_http_buffers_free(PacsHttpBuffers *buffers)
{
    if (!buffers)
        return;
    for (size_t i = 0; i < CAPACITY_COUNT; i++)
        while (buffers->stacks[i].count > 0)
            free(buffers->stacks[i].kept[--buffers->stacks[i].count]);
    (void)pthread_mutex_destroy(&buffers->lock);
    free(buffers);
}

/* CAPACITY_COUNT: larger than all. */
static size_t capacity_for(size_t size)
{
    size_t i = 0;

    while (i < CAPACITY_COUNT && size > capacities[i])
        i++;
    return i;
}

/* False: too much is out. *ret_header NULL: none of this size is kept. */
static bool take_kept(PacsHttpBuffers *buffers, size_t index, Header **ret_header)
{
    Stack *stack = &buffers->stacks[index];

    (void)pthread_mutex_lock(&buffers->lock);
    const bool has_room = buffers->held + capacities[index] <= buffers->max_held;
    if (has_room) {
        buffers->held += capacities[index];
        *ret_header = stack->count > 0 ? stack->kept[--stack->count] : NULL;
    }
    (void)pthread_mutex_unlock(&buffers->lock);
    return has_room;
}

uint8_t *pacs_http_buffers_take(PacsHttpBuffers *buffers, size_t size)
{
    size_t index = capacity_for(size);
    Header *header = NULL;

    if (index == CAPACITY_COUNT || !take_kept(buffers, index, &header))
        return NULL;
    if (header)
        return header->bytes;
    header = aligned_alloc(_Alignof(Header), sizeof *header + capacities[index]);
    if (!header) {
        (void)pthread_mutex_lock(&buffers->lock);
        buffers->held -= capacities[index];
        (void)pthread_mutex_unlock(&buffers->lock);
        return NULL;
    }
    header->home = buffers;
    header->capacity_index = index;
    return header->bytes;
}

void pacs_http_buffer_give_back(void *bytes)
{
    if (!bytes)
        return;
    Header *header = (Header *)((uint8_t *)bytes - offsetof(Header, bytes));
    PacsHttpBuffers *buffers = header->home;
    Stack *stack = &buffers->stacks[header->capacity_index];

    (void)pthread_mutex_lock(&buffers->lock);
    buffers->held -= capacities[header->capacity_index];
    if (stack->count < KEPT_PER_SIZE) {
        stack->kept[stack->count++] = header;
        header = NULL;
    }
    (void)pthread_mutex_unlock(&buffers->lock);
    free(header);
}
