#define JPEG_BLOCKS jpeg_blocks_plain
#include "transcode/jpeg_blocks.inc"
