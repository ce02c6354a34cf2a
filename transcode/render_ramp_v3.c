/* Built with -march=x86-64-v3: see processor.h. */

#include "transcode/render_private.h"

static uint8_t tone_of(float value, const RenderRamp *ramp)
{
    float tone = value * ramp->slope + ramp->start;

    tone = tone < 0 ? 0 : tone;
    tone = tone > 255 ? 255 : tone;
    return (uint8_t)(int32_t)tone;
}

void render_ramp_v3(const RenderRamp *ramp, const RenderWord16 *words, size_t count, uint8_t *restrict to)
{
    const uint16_t mask = ramp->mask, sign = ramp->sign;

    if (sign)
        for (size_t i = 0; i < count; i++)
            to[i] = tone_of((int16_t)(((words[i] & mask) ^ sign) - sign), ramp);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = tone_of((uint16_t)(words[i] & mask), ramp);
}
