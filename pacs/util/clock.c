#include "pacs/util/clock.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pacs/util/auto.h"

#define MS_PER_S 1000

/* The years that have four digits; anything else is a broken clock, shown as the nearest of these. */
#define YEAR_1000_MS (-30610224000000LL)
#define YEAR_9999_END_MS 253402300799999LL

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);
    assert(!failed); /* both clocks exist on every Linux */
    (void)failed;
    return now;
}

int64_t pacs_now_ms(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / 1000000;
}

uint64_t pacs_monotonic_ns(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void pacs_boot_id(char ret_id[PACS_BOOT_ID_SIZE])
{
    PACS_AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, ret_id, PACS_BOOT_ID_SIZE - 1);
    ret_id[size > 0 ? size : 0] = '\0';
    ret_id[strcspn(ret_id, " \n")] = '\0';
    if (!ret_id[0])
        memcpy(ret_id, "unknown", sizeof "unknown");
}

/* Date and time in UTC and the milliseconds within the second. */
static int split(int64_t ms, struct tm *ret_parts)
{
    if (ms < YEAR_1000_MS)
        ms = YEAR_1000_MS;
    if (ms > YEAR_9999_END_MS)
        ms = YEAR_9999_END_MS;
    int64_t part = ms % MS_PER_S;
    if (part < 0)
        part += MS_PER_S; /* before 1970 the second still runs forward */
    time_t seconds = (time_t)((ms - part) / MS_PER_S);
    (void)gmtime_r(&seconds, ret_parts); /* fails beyond the years above only */
    return (int)part;
}

void pacs_time_format_orthanc(int64_t ms, char *out)
{
    struct tm t;
    (void)split(ms, &t);
    (void)strftime(out, 16, "%Y%m%dT%H%M%S", &t);
}

void pacs_time_format_rfc3339(int64_t ms, char *out)
{
    struct tm t;
    int part = split(ms, &t);
    size_t used = strftime(out, 20, "%Y-%m-%dT%H:%M:%S", &t);
    (void)snprintf(out + used, 6, ".%03uZ", (unsigned)part % MS_PER_S);
}
