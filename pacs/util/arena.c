#include "pacs/util/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)
#define BLOCK_SIZE (8u << 10) /* most requests fit in one */

typedef struct Block {
    struct Block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) char bytes[];
} Block;

struct PacsArena {
    Block *first;   /* kept over a reset */
    Block *current; /* where small things go; the newest block */
    size_t max_bytes;
    size_t given; /* rounded up to ALIGNMENT */
};

static Block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(Block))
        return NULL;
    Block *block = malloc(sizeof *block + size);
    if (block)
        *block = (Block){.size = size};
    return block;
}

static void free_blocks(Block *block)
{
    while (block) {
        Block *next = block->next;
        free(block);
        block = next;
    }
}

PacsArena *pacs_arena_new(size_t max_bytes)
{
    PacsArena *arena = calloc(1, sizeof *arena);
    if (!arena)
        return NULL;
    arena->max_bytes = max_bytes;
    arena->first = arena->current = block_new(max_bytes < BLOCK_SIZE ? max_bytes : BLOCK_SIZE);
    if (!arena->first) {
        free(arena);
        return NULL;
    }
    return arena;
}

void pacs_arena_free(PacsArena *arena)
{
    if (!arena)
        return;
    free_blocks(arena->first);
    free(arena);
}

void pacs_arena_reset(PacsArena *arena)
{
    free_blocks(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->current = arena->first;
    arena->given = 0;
}

/* A big thing gets a block of its own, put behind the current one, whose rest stays in use. */
static Block *add_block(PacsArena *arena, size_t size)
{
    bool own = size > BLOCK_SIZE / 4;
    Block *block = block_new(own ? size : BLOCK_SIZE);
    if (!block)
        return NULL;
    block->next = arena->current->next;
    arena->current->next = block;
    if (!own)
        arena->current = block;
    return block;
}

void *pacs_arena_alloc(PacsArena *arena, size_t size)
{
    if (size > SIZE_MAX - (ALIGNMENT - 1))
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > arena->max_bytes - arena->given)
        return NULL;

    Block *block = arena->current;
    if (size > block->size - block->used)
        block = add_block(arena, size);
    if (!block)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += size;
    arena->given += size;
    return memset(memory, 0, size);
}

void *pacs_arena_array(PacsArena *arena, size_t count, size_t item_size)
{
    size_t size;
    return __builtin_mul_overflow(count, item_size, &size) ? NULL : pacs_arena_alloc(arena, size);
}

char *pacs_arena_strdup(PacsArena *arena, const char *text)
{
    return text ? pacs_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *pacs_arena_strndup(PacsArena *arena, const char *text, size_t size)
{
    char *copy = size < SIZE_MAX ? pacs_arena_alloc(arena, size + 1) : NULL;
    if (copy && size > 0)
        memcpy(copy, text, size); /* what was given out is zeroed: the NUL stands */
    return copy;
}

char *pacs_arena_printf(PacsArena *arena, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    char *text = pacs_arena_vprintf(arena, fmt, arguments);
    va_end(arguments);
    return text;
}

char *pacs_arena_vprintf(PacsArena *arena, const char *fmt, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, fmt, arguments);
    char *text = length < 0 ? NULL : pacs_arena_alloc(arena, (size_t)length + 1);
    if (text)
        (void)vsnprintf(text, (size_t)length + 1, fmt, again); /* the length is known */
    va_end(again);
    return text;
}
