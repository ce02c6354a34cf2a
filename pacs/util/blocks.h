#pragma once

#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Large aligned pieces of memory that go from hand to hand: a door reads into one, the store writes it to the
 * disk, and neither copies it. Kept for the next when they are done with, because fresh memory costs a page
 * fault for every 4 KiB.
 *
 * Shape:   PACS_BLOCK_BYTES each, aligned to PACS_BLOCK_ALIGN.
 * Owner:   whoever has the pointer; it goes back to the pool it is from, all before that is freed. Where a pool
 *          is asked for, NULL will do: then none are kept.
 * Threads: any, at once.
 */
#define PACS_BLOCK_BYTES (256u << 10)
#define PACS_BLOCK_ALIGN 4096u /* what direct writes are aligned to: no disk has larger sectors */

typedef struct PacsBlocks PacsBlocks;

PACS_CHECKED PacsStatus pacs_blocks_new(PacsBlocks **ret_blocks, PacsError *err);
void pacs_blocks_free(PacsBlocks *blocks);
PACS_DEFINE_AUTO(PacsBlocks, pacs_blocks_free);

/** NULL: no memory. */
uint8_t *pacs_blocks_take(PacsBlocks *blocks);
/** *Takes* block; NULL is nothing. */
void pacs_blocks_put(PacsBlocks *blocks, uint8_t *block);
