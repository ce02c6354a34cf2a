#include "transcode/quantise.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COLORS 256
#define BITS 5
#define STEPS (1 << BITS)
#define CELLS ((size_t)STEPS * STEPS * STEPS)
#define GREY_SPREAD 10 /* channels differ by no more: what JPEG makes of grey */
#define GREYS_MIN 16
#define GREYS_MAX 224

typedef struct Box {
    uint8_t low[3], high[3]; /* of red, green, blue, both inside */
    uint64_t count;
} Box;

static bool is_grey(const uint8_t *rgb)
{
    const uint8_t low = rgb[0] < rgb[1] ? rgb[0] : rgb[1];
    const uint8_t high = rgb[0] < rgb[1] ? rgb[1] : rgb[0];

    return (high > rgb[2] ? high : rgb[2]) - (low < rgb[2] ? low : rgb[2]) <= GREY_SPREAD;
}

static size_t cell(unsigned red, unsigned green, unsigned blue)
{
    return ((size_t)red << (2 * BITS)) | (green << BITS) | blue;
}

static size_t cell_of(const uint8_t *rgb)
{
    return cell(rgb[0] >> (8 - BITS), rgb[1] >> (8 - BITS), rgb[2] >> (8 - BITS));
}

/* ---- Boxes of colours ---- */

/* How many pixels are in each plane of the box across one axis. */
static void count_planes(const uint32_t *histogram, const Box *box, int axis, uint64_t counts[STEPS])
{
    memset(counts, 0, STEPS * sizeof *counts);
    for (unsigned r = box->low[0]; r <= box->high[0]; r++)
        for (unsigned g = box->low[1]; g <= box->high[1]; g++)
            for (unsigned b = box->low[2]; b <= box->high[2]; b++)
                counts[axis == 0 ? r : axis == 1 ? g : b] += histogram[cell(r, g, b)];
}

/* Draw the sides in to where pixels are, and count them. */
static void shrink(const uint32_t *histogram, Box *box)
{
    uint64_t counts[STEPS];

    for (int axis = 0; axis < 3; axis++) {
        count_planes(histogram, box, axis, counts);
        while (box->low[axis] < box->high[axis] && counts[box->low[axis]] == 0)
            box->low[axis]++;
        while (box->high[axis] > box->low[axis] && counts[box->high[axis]] == 0)
            box->high[axis]--;
    }
    box->count = 0;
    for (unsigned i = box->low[2]; i <= box->high[2]; i++)
        box->count += counts[i];
}

static int longest_axis(const Box *box)
{
    int longest = 0;

    for (int axis = 1; axis < 3; axis++)
        if (box->high[axis] - box->low[axis] > box->high[longest] - box->low[longest])
            longest = axis;
    return longest;
}

/* The box of most pixels times length, -1 where all are single cells. */
static int box_to_split(const Box *boxes, int count)
{
    uint64_t most = 0;
    int best = -1;

    for (int i = 0; i < count; i++) {
        const int axis = longest_axis(&boxes[i]);
        const uint64_t weight = boxes[i].count * (uint64_t)(boxes[i].high[axis] - boxes[i].low[axis]);
        if (weight > most) {
            most = weight;
            best = i;
        }
    }
    return best;
}

static void split(const uint32_t *histogram, Box *box, Box *other)
{
    const int axis = longest_axis(box);
    uint64_t counts[STEPS];
    uint64_t below = 0;
    uint8_t at = box->low[axis];

    count_planes(histogram, box, axis, counts);
    for (; at + 1 < box->high[axis] && (below + counts[at]) * 2 < box->count; at++)
        below += counts[at];
    *other = *box;
    box->high[axis] = at;
    other->low[axis] = (uint8_t)(at + 1);
    shrink(histogram, box);
    shrink(histogram, other);
}

static int cut(const uint32_t *histogram, Box *boxes, int wanted)
{
    int count = 1;

    boxes[0] = (Box){.high = {STEPS - 1, STEPS - 1, STEPS - 1}};
    shrink(histogram, &boxes[0]);
    for (int chosen = 0; count < wanted && (chosen = box_to_split(boxes, count)) >= 0; count++)
        split(histogram, &boxes[chosen], &boxes[count]);
    return count;
}

/* ---- The palette ---- */

static void set_color(const TranscodeQuantiser *quantiser, const Box *box, uint8_t color[3])
{
    uint64_t counts[STEPS];

    for (int axis = 0; axis < 3; axis++) {
        uint64_t sum = 0;
        count_planes(quantiser->histogram, box, axis, counts);
        for (unsigned i = box->low[axis]; i <= box->high[axis]; i++)
            sum += counts[i] * ((i << (8 - BITS)) + (1u << (7 - BITS)));
        color[axis] = (uint8_t)(box->count ? sum / box->count : 0);
    }
}

static void map_cells(TranscodeQuantiser *quantiser, const Box *box, uint8_t index)
{
    const size_t run = (size_t)box->high[2] - box->low[2] + 1;

    for (unsigned r = box->low[0]; r <= box->high[0]; r++)
        for (unsigned g = box->low[1]; g <= box->high[1]; g++)
            memset(quantiser->index_of + cell(r, g, box->low[2]), index, run);
}

static void make_palette(TranscodeQuantiser *quantiser)
{
    Box boxes[COLORS];
    const uint32_t greys = quantiser->grey_count;

    for (uint32_t i = 0; i < greys; i++)
        memset(quantiser->palette[i], (int)(i * 255 / (greys - 1)), 3);
    if (greys == COLORS)
        return;
    const int count = cut(quantiser->histogram, boxes, (int)(COLORS - greys));
    for (int i = 0; i < count; i++) {
        set_color(quantiser, &boxes[i], quantiser->palette[greys + (uint32_t)i]);
        map_cells(quantiser, &boxes[i], (uint8_t)(greys + (uint32_t)i));
    }
}

/* The ramp's share of the palette is that of grey pixels in the picture. */
static uint32_t share_of_greys(uint64_t greys, uint64_t pixels)
{
    assert(pixels > 0); /* there is no picture without */
    if (greys == pixels)
        return COLORS;
    const uint64_t share = greys * COLORS / pixels;
    return share < GREYS_MIN ? GREYS_MIN : share > GREYS_MAX ? GREYS_MAX : (uint32_t)share;
}

PacsStatus transcode_quantiser_init(TranscodeQuantiser *quantiser, const TranscodePicture *picture,
                                    PacsError *err)
{
    const size_t pixels = (size_t)picture->width * picture->height;
    uint64_t greys = 0;

    *quantiser = (TranscodeQuantiser){.index_of = calloc(CELLS, 1),
                                      .histogram = calloc(CELLS, sizeof(uint32_t))};
    if (!quantiser->index_of || !quantiser->histogram) {
        transcode_quantiser_clear(quantiser);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to choose 256 colours");
    }
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *rgb = picture->pixels + 3 * i;
        if (is_grey(rgb))
            greys++;
        else
            quantiser->histogram[cell_of(rgb)]++;
    }
    quantiser->grey_count = share_of_greys(greys, pixels);
    make_palette(quantiser);
    return PACS_OK;
}

void transcode_quantiser_clear(TranscodeQuantiser *quantiser)
{
    free(quantiser->index_of);
    free(quantiser->histogram);
    *quantiser = (TranscodeQuantiser){0};
}

void transcode_quantise(const TranscodeQuantiser *quantiser, const uint8_t *rgb, size_t count,
                        uint8_t *ret_indices)
{
    const unsigned last_grey = quantiser->grey_count - 1;

    for (size_t i = 0; i < count; i++, rgb += 3)
        ret_indices[i] = is_grey(rgb)
                             ? (uint8_t)((((unsigned)rgb[0] + rgb[1] + rgb[2]) * last_grey + 382) / 765)
                             : quantiser->index_of[cell_of(rgb)];
}
