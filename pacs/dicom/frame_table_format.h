#pragma once

/**
 * The bytes of a frame table, version 1. Numbers are little endian (table_codec.h).
 *
 *     0   "LBF1"
 *     4   kind; fragments: 1 if runs know their padding, native: unit of byte swapping, 0 for none; two bytes of 0
 *     8   u32 frames
 *   native:
 *     12  u64 offset of frame 1, u64 bits of a frame (frames follow each other without gaps, PS3.5 8.1.1)
 *   fragments:
 *     12  u32 runs of every frame, 0 if that varies
 *     16  u64 runs
 *     24  a checkpoint for every 64th run: u64 offset of its first byte, u32 place of its size among the sizes
 *         u32 first run of every frame, only where the number of runs varies
 *         the size of every run as varint; the next run begins 8 bytes (an item header) behind it. Where runs
 *         know their padding: twice the size, plus 1 if a byte of padding follows.
 *
 * So one fragment a frame costs about three bytes, and any frame is found in at most 64 steps.
 */

#define FRAME_TABLE_MAGIC "LBF1"
#define FRAME_TABLE_HEADER 12
#define FRAME_TABLE_NATIVE 1
#define FRAME_TABLE_NATIVE_SIZE 28
#define FRAME_TABLE_SWAP_AT 5
#define FRAME_TABLE_FRAGMENTS 2
#define FRAME_TABLE_FRAGMENTS_HEADER 24
#define FRAME_TABLE_PADDING_AT 5
#define FRAME_TABLE_STRIDE 64
#define FRAME_TABLE_CHECKPOINT 12
