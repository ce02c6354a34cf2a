/* scan_bench FILE [ROUNDS]: CPU a scan costs, the object fed from memory in pieces of a PDU, scan reset
 * between rounds as an association does it. Prints microseconds per object and bytes per second. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pacs/dicom/scan.h"

#define PIECE (128u << 10)
#define FILE_MAX (1u << 30)

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static PacsStatus scan_once(PacsScan *scan, const char *bytes, size_t size, PacsError *err)
{
    pacs_scan_reset(scan);
    for (size_t at = 0; at < size; at += PIECE) {
        PacsStatus status = pacs_scan_feed(scan, bytes + at, size - at < PIECE ? size - at : PIECE, err);
        if (status != PACS_OK)
            return status;
    }
    return pacs_scan_finish(scan, err);
}

static char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(FILE_MAX);
    if (file && bytes)
        *ret_size = fread(bytes, 1, FILE_MAX, file);
    if (file)
        (void)fclose(file);
    if (!file || !bytes)
        perror(path);
    return file ? bytes : NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 2000;
    size_t size = 0;
    PacsError err = {0};
    PACS_AUTO(PacsScan) scan = NULL;
    PACS_AUTO_FREE char *bytes = read_file(argv[1], &size);
    const PacsScanOptions options = {.any_dataset = true};
    PacsStatus status = bytes ? pacs_scan_new(&options, &scan, &err) : PACS_NOT_FOUND;
    double start = cpu_seconds();
    for (long round = 0; status == PACS_OK && round < rounds; round++)
        status = scan_once(scan, bytes, size, &err);
    double spent = cpu_seconds() - start;
    if (status != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%zu bytes, JSON %zu: %.1f us an object, %.0f MB/s\n", size, pacs_scan_instance(scan)->json->size,
           spent / (double)rounds * 1e6, (double)size * (double)rounds / spent / 1e6);
    return 0;
}
