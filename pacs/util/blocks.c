#include "pacs/util/blocks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * The first blocks are cut from slabs that the kernel can back with one huge page each: a block is then one run
 * of memory to the processor's page tables and to the disk's, not 64 (README: measured). They are kept for good;
 * what a burst needs beyond them comes from malloc and goes back there.
 */
#define SLAB_BYTES ((size_t)2 << 20)
#define SLAB_BLOCKS (SLAB_BYTES / PACS_BLOCK_BYTES)
#define SLAB_MAX 8 /* 16 MiB: 16 objects arriving at once */

struct PacsBlocks {
    pthread_mutex_t lock;
    void *idle; /* a list of blocks from slabs: each begins with a pointer to the next */
    uint8_t *slabs[SLAB_MAX];
    size_t slab_count;
    bool has_no_more; /* memory cannot be mapped */
};

PacsStatus pacs_blocks_new(PacsBlocks **ret_blocks, PacsError *err)
{
    PacsBlocks *blocks = calloc(1, sizeof *blocks);
    if (!blocks)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a pool of blocks");
    (void)pthread_mutex_init(&blocks->lock, NULL); /* cannot fail with default attributes on Linux */
    *ret_blocks = blocks;
    return PACS_OK;
}

void pacs_blocks_free(PacsBlocks *blocks)
{
    if (!blocks)
        return;
    for (size_t i = 0; i < blocks->slab_count; i++)
        (void)munmap(blocks->slabs[i], SLAB_BYTES); /* fails for misuse only */
    (void)pthread_mutex_destroy(&blocks->lock);
    free(blocks);
}

/* ---- Slabs; the lock is held ---- */

static void make_idle(PacsBlocks *blocks, void *block)
{
    *(void **)block = blocks->idle;
    blocks->idle = block;
}

/** Aligned to its size: mapped twice as large, and cut. NULL: no memory. */
static uint8_t *map_slab(void)
{
    uint8_t *mapped = mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mapped == MAP_FAILED)
        return NULL;
    size_t before = SLAB_BYTES - (uintptr_t)mapped % SLAB_BYTES;
    uint8_t *slab = mapped + before;
    (void)munmap(mapped, before); /* what is not given back is only address space */
    (void)munmap(slab + SLAB_BYTES, SLAB_BYTES - before);
    (void)madvise(slab, SLAB_BYTES, MADV_HUGEPAGE); /* a hint: kernels may be built without */
    return slab;
}

static void add_slab(PacsBlocks *blocks)
{
    uint8_t *slab = blocks->slab_count < SLAB_MAX && !blocks->has_no_more ? map_slab() : NULL;

    blocks->has_no_more = !slab;
    if (!slab)
        return;
    blocks->slabs[blocks->slab_count++] = slab;
    for (size_t i = SLAB_BLOCKS; i > 0; i--)
        make_idle(blocks, slab + (i - 1) * PACS_BLOCK_BYTES);
}

static bool is_from_slab(const PacsBlocks *blocks, const uint8_t *block)
{
    for (size_t i = 0; i < blocks->slab_count; i++) {
        if ((uintptr_t)block - (uintptr_t)blocks->slabs[i] < SLAB_BYTES)
            return true;
    }
    return false;
}

/* ---- Blocks ---- */

static void *take_idle(PacsBlocks *blocks)
{
    (void)pthread_mutex_lock(&blocks->lock); /* fails for misuse only */
    if (!blocks->idle)
        add_slab(blocks);
    void *block = blocks->idle;
    if (block)
        blocks->idle = *(void **)block;
    (void)pthread_mutex_unlock(&blocks->lock);
    return block;
}

uint8_t *pacs_blocks_take(PacsBlocks *blocks)
{
    void *block = blocks ? take_idle(blocks) : NULL;

    return block ? block : aligned_alloc(PACS_BLOCK_ALIGN, PACS_BLOCK_BYTES);
}

static bool put_back(PacsBlocks *blocks, uint8_t *block)
{
    (void)pthread_mutex_lock(&blocks->lock);
    bool is_ours = is_from_slab(blocks, block);
    if (is_ours)
        make_idle(blocks, block);
    (void)pthread_mutex_unlock(&blocks->lock);
    return is_ours;
}

void pacs_blocks_put(PacsBlocks *blocks, uint8_t *block)
{
    if (block && (!blocks || !put_back(blocks, block)))
        free(block);
}
