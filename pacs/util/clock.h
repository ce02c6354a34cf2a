#pragma once

#include <stdint.h>

/** Milliseconds since 1970-01-01 UTC. What is stored and shown. */
int64_t pacs_now_ms(void);

/** A text that is another one after each start of the machine; "unknown" where the kernel tells none. */
#define PACS_BOOT_ID_SIZE 64
void pacs_boot_id(char ret_id[PACS_BOOT_ID_SIZE]);

/** Nanoseconds of a clock that never steps back. What durations are measured with. */
uint64_t pacs_monotonic_ns(void);

/** "20261121T064700" (UTC), as Orthanc writes times. `out` has at least 16 bytes. */
void pacs_time_format_orthanc(int64_t ms, char *out);

/** "2026-11-21T06:47:00.123Z" (RFC 3339). `out` has at least 25 bytes. */
void pacs_time_format_rfc3339(int64_t ms, char *out);
