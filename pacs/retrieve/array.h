#pragma once

#include "pacs/retrieve/image_attributes.h"

/**
 * Frames as arrays of numbers, for programs (numpy, MATLAB): rows of pixels of channels, little endian, without padding.
 *
 * Grey samples are as stored, in a type of their width and sign, or rescaled as 32 bit floats; colour of every kind is RGB
 * of 8 bits. What is not stored (bits above bits_stored) is not there.
 */
typedef struct PacsArrayShape {
    uint32_t rows, columns;
    uint32_t channels; /* 1 or 3 */
    bool is_float;     /* 32 bits */
    bool is_signed;
    uint8_t item_size; /* 1, 2 or 4 bytes of a number */
} PacsArrayShape;

/** Errors: PACS_UNSUPPORTED (64 bits of whole numbers). */
PACS_CHECKED PacsStatus pacs_array_shape(const PacsImageAttributes *attributes, bool rescales,
                                         PacsArrayShape *ret_shape, PacsError *err);
/** Bytes of one frame. */
uint64_t pacs_array_frame_size(const PacsArrayShape *shape);

/** One frame's numbers, added to `out`. */
PACS_CHECKED PacsStatus pacs_array_write(const TranscodeFrame *native, const PacsImageAttributes *attributes,
                                         const PacsArrayShape *shape, PacsBuffer *out, PacsError *err);
