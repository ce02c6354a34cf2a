#include "pacs/dicom/pixel_source.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE ((size_t)32 << 10) /* whole words of any size */

typedef struct PixelSource {
    PacsSource base;
    PacsSource *run;
    uint64_t run_left; /* bytes not read yet */
    uint64_t left;     /* bytes not given out yet */
    uint8_t swap_size;
    uint8_t skip_bytes; /* in front of the frame, in its first word */
    uint8_t shift;      /* bits, below a byte */
    uint8_t last_mask;  /* over the last byte */
    size_t start, end;  /* of what is in `bytes` and not used */
    uint8_t bytes[BUFFER_SIZE];
} PixelSource;

bool pacs_pixel_source_needed(const PacsFrame *frame)
{
    return frame->swap_size > 1 || frame->bits % 8 != 0 || frame->bit_offset != 0;
}

uint64_t pacs_pixel_source_size(const PacsFrame *frame)
{
    return (frame->bits + 7) / 8;
}

static void swap_words(uint8_t *bytes, size_t size, size_t word)
{
    for (size_t at = 0; at + word <= size; at += word)
        for (size_t i = 0; i < word / 2; i++) {
            uint8_t byte = bytes[at + i];
            bytes[at + i] = bytes[at + word - 1 - i];
            bytes[at + word - 1 - i] = byte;
        }
}

/* Behind what is left in the buffer, which is at most one byte (the bits of two make one that leaves). */
static PacsStatus refill(PixelSource *source, PacsError *err)
{
    size_t kept = source->end - source->start;
    size_t size = (BUFFER_SIZE - sizeof(uint64_t)) / sizeof(uint64_t) * sizeof(uint64_t);

    memmove(source->bytes, source->bytes + source->start, kept);
    if (source->run_left < size)
        size = (size_t)source->run_left;
    PacsStatus status = pacs_source_read_all(source->run, source->bytes + kept, size, err);
    if (status != PACS_OK)
        return status;
    swap_words(source->bytes + kept, size, source->swap_size);
    source->run_left -= size;
    source->start = source->skip_bytes;
    source->end = kept + size;
    source->skip_bytes = 0;
    return PACS_OK;
}

/* What of the buffer can leave now: the byte after is needed too where bits are shifted, unless it is the last. */
static size_t ready(const PixelSource *source)
{
    size_t held = source->end - source->start;

    return source->shift > 0 && held > 0 && source->run_left > 0 ? held - 1 : held;
}

static void shift_out(PixelSource *source, uint8_t *bytes, size_t size)
{
    const uint8_t *in = source->bytes + source->start;

    for (size_t i = 0; i < size; i++) {
        unsigned pair = in[i];
        if (source->start + i + 1 < source->end)
            pair |= (unsigned)in[i + 1] << 8;
        bytes[i] = (uint8_t)(pair >> source->shift);
    }
}

static PacsStatus pixel_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    PixelSource *source = (PixelSource *)self;

    if (source->left > 0 && ready(source) == 0) {
        PacsStatus status = refill(source, err);
        if (status != PACS_OK)
            return status;
    }
    if (size > ready(source))
        size = ready(source);
    if (size > source->left)
        size = (size_t)source->left;
    shift_out(source, bytes, size);
    source->start += size;
    source->left -= size;
    if (source->left == 0 && size > 0)
        ((uint8_t *)bytes)[size - 1] &= source->last_mask;
    *ret_size = size;
    return PACS_OK;
}

static void pixel_free(PacsSource *self)
{
    PixelSource *source = (PixelSource *)self;

    pacs_source_free(source->run);
    free(source);
}

PacsStatus pacs_pixel_source(const PacsFrame *frame, PacsSource *run, PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = pixel_read, .free = pixel_free};
    PixelSource *source = malloc(sizeof *source);

    if (!source) {
        pacs_source_free(run);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to convert a frame");
    }
    source->base = (PacsSource){.ops = &ops};
    source->run = run;
    source->run_left = frame->size_bytes;
    source->left = pacs_pixel_source_size(frame);
    source->swap_size = frame->swap_size;
    source->skip_bytes = frame->bit_offset / 8;
    source->shift = frame->bit_offset % 8;
    source->last_mask = (uint8_t)(frame->bits % 8 ? (1u << frame->bits % 8) - 1 : 0xFF);
    source->start = source->end = 0;
    *ret_source = &source->base;
    return PACS_OK;
}
