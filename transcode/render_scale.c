#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/render_private.h"

/**
 * Rows of the image to the picture's size: the mean over a pixel's area where the picture is smaller, bicubic
 * (Catmull-Rom) where it is larger, each axis by itself.
 *
 * Columns of weights first: rows of the image are weighed and summed into one of 16 bits (a loop over neighbours that
 * vectorises), then that row is weighed along itself. Weights are in 1/16384; those of one pixel make exactly one.
 */

#define WEIGHT_BITS 14
#define WEIGHT_ONE (1 << WEIGHT_BITS)
#define ROW_BITS 6 /* of a summed row below its unit */
#define TAPS_MAX_UP 4
#define CACHED 4 /* rows: what bicubic looks at */

/** One pixel of the picture: weights of `count` pixels of the image from `first` on. */
typedef struct Taps {
    uint32_t first;
    uint32_t count;
    size_t weights; /* where they stand in the axis' */
} Taps;

typedef struct Axis {
    Taps *taps;
    int16_t *weights;
} Axis;

/* ---- Weights ---- */

static double cubic(double x) /* Catmull-Rom: through the pixels, beyond them by 7 % of a step at most */
{
    x = fabs(x);
    if (x < 1)
        return 1 + x * x * (1.5 * x - 2.5);
    return x < 2 ? 2 + x * (-4 + x * (2.5 - 0.5 * x)) : 0;
}

/* How much of the kernel lies left of `edge`, in the sum of all weights so far: differences of rounded sums make exactly
 * one in the end. */
static int16_t next_weight(double *sum, double weight, double total)
{
    const double before = round(*sum / total * WEIGHT_ONE);

    *sum += weight;
    return (int16_t)(round(*sum / total * WEIGHT_ONE) - before);
}

static double overlap(double low, double high, uint32_t pixel)
{
    return fmax(fmin(high, pixel + 1.0) - fmax(low, pixel), 0);
}

/* The pixels of the image from low to high, by the part of each that is covered. */
static void weigh_area(Taps *taps, int16_t *weights, double low, double high, uint32_t side)
{
    const uint32_t last = (uint32_t)fmin(ceil(high), side);
    double sum = 0;

    taps->first = (uint32_t)fmin(low, side - 1.0);
    taps->count = last > taps->first ? last - taps->first : 1;
    for (uint32_t i = 0; i < taps->count; i++)
        weights[i] = next_weight(&sum, taps->count == 1 ? 1 : overlap(low, high, taps->first + i),
                                 taps->count == 1 ? 1 : high - low);
}

/* Four pixels around a centre; beyond the edge there is the last one again. */
static void weigh_cubic(Taps *taps, int16_t *weights, double center, uint32_t side)
{
    const double nearest = floor(center - 0.5);
    double parts[TAPS_MAX_UP] = {0};
    double sum = 0;
    const double first = fmin(fmax(nearest - 1, 0), side > TAPS_MAX_UP ? side - (double)TAPS_MAX_UP : 0);

    taps->first = (uint32_t)first;
    taps->count = side < TAPS_MAX_UP ? side : TAPS_MAX_UP;
    for (int i = -1; i < 3; i++) {
        const double pixel = fmin(fmax(nearest + i, 0), side - 1.0);
        parts[(size_t)fmin(fmax(pixel - first, 0), taps->count - 1.0)] += cubic(center - 0.5 - (nearest + i));
    }
    for (uint32_t i = 0; i < taps->count; i++)
        weights[i] = next_weight(&sum, parts[i], 1);
}

static void weigh_nearest(Taps *taps, int16_t *weights, double center, uint32_t side)
{
    taps->first = (uint32_t)fmin(center, side - 1.0);
    taps->count = 1;
    weights[0] = WEIGHT_ONE;
}

/* `count` pixels out of those from low to high, of `side` that there are. */
static PacsStatus make_axis(Axis *axis, uint32_t count, double low, double high, uint32_t side, bool is_rough,
                            PacsError *err)
{
    const double step = (high - low) / count;
    const size_t most = step > 1 ? (size_t)step + 3 : TAPS_MAX_UP;

    axis->taps = malloc(count * sizeof *axis->taps);
    axis->weights = malloc(count * most * sizeof *axis->weights);
    if (!axis->taps || !axis->weights)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to scale a picture");
    for (uint32_t i = 0; i < count; i++) {
        Taps *taps = &axis->taps[i];
        taps->weights = i * most;
        if (is_rough)
            weigh_nearest(taps, axis->weights + taps->weights, low + (i + 0.5) * step, side);
        else if (step > 1)
            weigh_area(taps, axis->weights + taps->weights, low + i * step, fmin(low + (i + 1) * step, side),
                       side);
        else
            weigh_cubic(taps, axis->weights + taps->weights, low + (i + 0.5) * step, side);
    }
    return PACS_OK;
}

/* ---- Rows ---- */

typedef struct Scaler {
    const RenderRows *rows;
    Axis across, down;
    size_t row_size;         /* of an image's row, shown part */
    uint8_t *cache;          /* rows of the image, */
    uint32_t cached[CACHED]; /* these + 1; 0: none */
    int32_t *sums;
    int16_t *summed; /* one row of the image's width and the picture's height */
} Scaler;

static const uint8_t *cached_row(Scaler *scaler, uint32_t index)
{
    const uint32_t slot = index % CACHED;
    uint8_t *row = scaler->cache + slot * scaler->row_size;

    if (scaler->cached[slot] != index + 1) {
        render_row(scaler->rows, scaler->rows->geometry.y + index, row);
        scaler->cached[slot] = index + 1;
    }
    return row;
}

static void add_row(int32_t *restrict sums, const uint8_t *restrict row, size_t size, int32_t weight)
{
    for (size_t i = 0; i < size; i++)
        sums[i] += row[i] * weight;
}

static void sum_rows(Scaler *scaler, const Taps *taps)
{
    const int16_t *weights = scaler->down.weights + taps->weights;

    memset(scaler->sums, 0, scaler->row_size * sizeof *scaler->sums);
    for (uint32_t i = 0; i < taps->count; i++)
        if (weights[i] != 0)
            add_row(scaler->sums, cached_row(scaler, taps->first + i), scaler->row_size, weights[i]);
    for (size_t i = 0; i < scaler->row_size; i++)
        scaler->summed[i] = (int16_t)((scaler->sums[i] + (1 << (WEIGHT_BITS - ROW_BITS - 1))) >>
                                      (WEIGHT_BITS - ROW_BITS));
}

static uint8_t level_of(int32_t sum)
{
    sum = (sum + (1 << (WEIGHT_BITS + ROW_BITS - 1))) >> (WEIGHT_BITS + ROW_BITS);
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

/* `step` is a constant to each caller, from one pixel to the next; so is four, the count of bicubic. */
static inline uint8_t weighed(const int16_t *row, const int16_t *weights, uint32_t count, size_t step)
{
    int32_t sum = 0;

    if (count == 4)
        return level_of(row[0] * weights[0] + row[step] * weights[1] + row[2 * step] * weights[2] +
                        row[3 * step] * weights[3]);
    for (uint32_t i = 0; i < count; i++)
        sum += row[i * step] * weights[i];
    return level_of(sum);
}

static inline void write_pixels(const Scaler *scaler, uint32_t width, uint8_t *to, size_t channels)
{
    for (uint32_t x = 0; x < width; x++) {
        const Taps *taps = &scaler->across.taps[x];
        for (size_t c = 0; c < channels; c++)
            *to++ = weighed(scaler->summed + taps->first * channels + c,
                            scaler->across.weights + taps->weights, taps->count, channels);
    }
}

static void write_row(const Scaler *scaler, uint32_t width, uint8_t *to)
{
    if (scaler->rows->channels == 1)
        write_pixels(scaler, width, to, 1);
    else
        write_pixels(scaler, width, to, 3);
}

static PacsStatus prepare(Scaler *scaler, bool is_rough, const TranscodePicture *picture, PacsError *err)
{
    const RenderGeometry *shown = &scaler->rows->geometry;

    PacsStatus status = make_axis(&scaler->across, picture->width, shown->left - shown->x,
                                  shown->right - shown->x, shown->columns, is_rough, err);
    if (status == PACS_OK)
        status = make_axis(&scaler->down, picture->height, shown->top - shown->y, shown->bottom - shown->y,
                           shown->rows, is_rough, err);
    if (status != PACS_OK)
        return status;
    scaler->row_size = (size_t)shown->columns * scaler->rows->channels;
    scaler->cache = malloc(scaler->row_size * CACHED);
    scaler->sums = malloc(scaler->row_size * sizeof *scaler->sums);
    scaler->summed = malloc(scaler->row_size * sizeof *scaler->summed);
    if (!scaler->cache || !scaler->sums || !scaler->summed)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to scale a picture");
    return PACS_OK;
}

static void scaler_clear(Scaler *scaler)
{
    free(scaler->across.taps);
    free(scaler->across.weights);
    free(scaler->down.taps);
    free(scaler->down.weights);
    free(scaler->cache);
    free(scaler->sums);
    free(scaler->summed);
}

static void copy(const RenderRows *rows, TranscodePicture *picture)
{
    const size_t row_size = (size_t)picture->width * picture->channels;

    for (uint32_t y = 0; y < picture->height; y++)
        render_row(rows, rows->geometry.y + y, picture->pixels + y * row_size);
}

PacsStatus render_scale(const RenderRows *rows, bool is_rough, TranscodePicture *picture, PacsError *err)
{
    Scaler scaler = {.rows = rows};

    if (!rows->geometry.is_scaled) {
        copy(rows, picture);
        return PACS_OK;
    }
    PacsStatus status = prepare(&scaler, is_rough, picture, err);
    for (uint32_t y = 0; status == PACS_OK && y < picture->height; y++) {
        sum_rows(&scaler, &scaler.down.taps[y]);
        write_row(&scaler, picture->width, picture->pixels + (size_t)y * picture->width * picture->channels);
    }
    scaler_clear(&scaler);
    return status;
}
