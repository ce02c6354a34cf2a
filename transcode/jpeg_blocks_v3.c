/* Built with -march=x86-64-v3: see processor.h. */
#define JPEG_BLOCKS jpeg_blocks_v3
#include "transcode/jpeg_blocks.inc"
