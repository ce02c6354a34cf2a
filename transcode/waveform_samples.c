#include "transcode/waveform.h"

#include <string.h>

static const struct {
    char name[3];
    uint8_t bytes;
} kinds[TRANSCODE_SAMPLE_KINDS] = {
    [TRANSCODE_SAMPLE_SB] = {"SB", 1}, [TRANSCODE_SAMPLE_UB] = {"UB", 1}, [TRANSCODE_SAMPLE_MB] = {"MB", 1},
    [TRANSCODE_SAMPLE_AB] = {"AB", 1}, [TRANSCODE_SAMPLE_SS] = {"SS", 2}, [TRANSCODE_SAMPLE_US] = {"US", 2},
    [TRANSCODE_SAMPLE_SL] = {"SL", 4}, [TRANSCODE_SAMPLE_UL] = {"UL", 4},
};

TranscodeSampleKind transcode_sample_kind(const char *name)
{
    for (int i = 0; i < TRANSCODE_SAMPLE_KINDS; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return (TranscodeSampleKind)i;
    return TRANSCODE_SAMPLE_KINDS;
}

uint32_t transcode_sample_bytes(TranscodeSampleKind kind)
{
    return kind < TRANSCODE_SAMPLE_KINDS ? kinds[kind].bytes : 0;
}

/* G.711, table 2a: sign, 3 bits of segment, 4 of step, all inverted; in the range of 16 bits. */
static double mu_law(uint8_t code)
{
    const unsigned bits = ~(unsigned)code;
    const int magnitude = (int)((((bits & 0x0F) << 3) + 0x84) << (bits >> 4 & 7)) - 0x84;

    return bits & 0x80 ? -magnitude : magnitude;
}

/* G.711, table 1a: every other bit inverted; a set sign is positive. */
static double a_law(uint8_t code)
{
    const unsigned bits = code ^ 0x55u;
    const unsigned segment = bits >> 4 & 7;
    const unsigned step = (bits & 0x0F) << 4;
    const int magnitude = (int)(segment == 0 ? step + 8 : (step + 0x108) << (segment - 1));

    return bits & 0x80 ? magnitude : -magnitude;
}

double transcode_sample_value(TranscodeSampleKind kind, const uint8_t *bytes)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < transcode_sample_bytes(kind); i++)
        bits |= (uint32_t)bytes[i] << (8 * i);
    switch (kind) {
    case TRANSCODE_SAMPLE_SB:
        return (int8_t)bits;
    case TRANSCODE_SAMPLE_MB:
        return mu_law((uint8_t)bits);
    case TRANSCODE_SAMPLE_AB:
        return a_law((uint8_t)bits);
    case TRANSCODE_SAMPLE_SS:
        return (int16_t)bits;
    case TRANSCODE_SAMPLE_SL:
        return (int32_t)bits;
    default:
        return bits;
    }
}
