#pragma once

/**
 * Places where tests end the process as a power cut would: without cleanup, at the n-th passing.
 * `LIGHTBOX_CRASH_AT=after-file-write:7` ends it the seventh time. Built in only with PACS_CRASH_POINTS
 * (the sanitizer presets); otherwise nothing is left of it.
 */
#ifdef PACS_CRASH_POINTS
void pacs_crash_point(const char *name);
#define PACS_CRASH_POINT(name) pacs_crash_point(name)
#else
#define PACS_CRASH_POINT(name) ((void)0)
#endif
