#pragma once

#include <stdbool.h>

/** Whether what is built for x86-64-v3 (*_v3.c: AVX2, BMI, FMA; processors from 2015 on) may be called here. */
static inline bool transcode_has_v3(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports(
               "bmi2"); /* and the rest, which came with them and clang 14 has no names for */
#else
    return false;
#endif
}
