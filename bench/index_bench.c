#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "tests/support/indexed_object.h"

/**
 * How fast instances are indexed, without network, reader or store: `index_bench FOLDER THREADS INSTANCES
 * [delete]`.
 *
 * Every thread sends studies of 100 CT slices, one after another, with blobs of the size such slices have.
 * Prints instances a second, CPU per instance, and what one waited at the median and beyond; `delete` deletes
 * one study of INSTANCES instances instead, while another thread adds, and prints the longest wait of an
 * addition.
 */
#define SLICES 100
#define JSON_SIZE 1500 /* 3.8 kB of DICOM JSON, deflated alone */
#define FRAMES_SIZE 40

typedef struct Sender {
    PacsIndex *index;
    unsigned number;
    unsigned count;
    uint64_t *waits_ns;
    const atomic_bool *stop; /* NULL: run to the end */
} Sender;

static void fill_noise(uint8_t *bytes, size_t size)
{
    uint32_t x = 1;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
}

static void *send_all(void *argument)
{
    Sender *sender = argument;
    uint8_t json[JSON_SIZE];
    fill_noise(json, sizeof json);
    for (unsigned i = 0; i < sender->count; i++) {
        if (sender->stop && atomic_load(sender->stop)) {
            sender->count = i;
            break;
        }
        IndexedObject object;
        PacsIndexAdded added;
        PacsError err = {0};
        const unsigned study = sender->number * 100000 + i / SLICES;
        indexed_object_init(&object, study, study, 1, i % SLICES);
        object.add.blobs.json_deflate = json;
        object.add.blobs.json_deflate_size = sizeof json;
        object.add.blobs.frame_table = json;
        object.add.blobs.frame_table_size = FRAMES_SIZE;
        const uint64_t started = pacs_monotonic_ns();
        if (pacs_index_add(sender->index, &object.add, &added, &err) != PACS_OK)
            (void)fprintf(stderr, "%s\n", err.text);
        sender->waits_ns[i] = pacs_monotonic_ns() - started;
    }
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void print_waits(uint64_t *waits_ns, size_t count)
{
    qsort(waits_ns, count, sizeof *waits_ns, compare_u64);
    const uint64_t median = waits_ns[count / 2];
    const uint64_t p99 = waits_ns[count * 99 / 100];
    printf("  waits ms: median %.2f  p99 %.2f  max %.2f\n", (double)median / 1e6, (double)p99 / 1e6,
           (double)waits_ns[count - 1] / 1e6);
}

static void bench_add(PacsIndex *index, unsigned threads, unsigned instances)
{
    pthread_t *handles = calloc(threads, sizeof *handles);
    Sender *senders = calloc(threads, sizeof *senders);
    uint64_t *waits_ns = calloc(instances, sizeof *waits_ns);
    const unsigned each = instances / threads;
    if (!handles || !senders || !waits_ns)
        exit(1);
    const double cpu = cpu_seconds();
    const uint64_t started = pacs_monotonic_ns();
    for (unsigned i = 0; i < threads; i++) {
        senders[i] = (Sender){
            .index = index, .number = i, .count = each, .waits_ns = waits_ns + (size_t)i * each};
        if (pthread_create(&handles[i], NULL, send_all, &senders[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(handles[i], NULL);
    const double seconds = (double)(pacs_monotonic_ns() - started) / 1e9;
    const size_t count = (size_t)each * threads;
    printf("add: %u threads  %zu instances  %.0f/s  %.0f us CPU each\n", threads, count,
           (double)count / seconds, (cpu_seconds() - cpu) / (double)count * 1e6);
    print_waits(waits_ns, count);
    free(waits_ns);
    free(senders);
    free(handles);
}

static void add_one_study(PacsIndex *index, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        IndexedObject object;
        PacsIndexAdded added;
        indexed_object_init(&object, 9, 9, 1 + i % 20, first + i);
        if (pacs_index_add(index, &object.add, &added, NULL) != PACS_OK)
            exit(1);
    }
}

static void *fill_study(void *argument)
{
    const Sender *sender = argument;
    add_one_study(sender->index, sender->number * sender->count, sender->count);
    return NULL;
}

static void bench_delete(PacsIndex *index, unsigned instances)
{
    enum { FILLERS = 32, ADDS = 20000 };
    pthread_t handles[FILLERS];
    Sender fillers[FILLERS];
    for (unsigned i = 0; i < FILLERS; i++) {
        fillers[i] = (Sender){.index = index, .number = i, .count = instances / FILLERS};
        if (pthread_create(&handles[i], NULL, fill_study, &fillers[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < FILLERS; i++)
        (void)pthread_join(handles[i], NULL);

    IndexedObject object;
    PacsIndexAdded added;
    PacsRemaining remaining;
    indexed_object_init(&object, 9, 9, 1, 0);
    if (pacs_index_add(index, &object.add, &added, NULL) != PACS_OK)
        exit(1);
    atomic_bool stop = false;
    Sender sender = {.index = index,
                     .number = 1,
                     .count = ADDS,
                     .waits_ns = calloc(ADDS, sizeof(uint64_t)),
                     .stop = &stop};
    pthread_t handle;
    if (!sender.waits_ns || pthread_create(&handle, NULL, send_all, &sender) != 0)
        exit(1);
    (void)usleep(100000);
    const uint64_t started = pacs_monotonic_ns();
    if (pacs_index_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY], &remaining, NULL) != PACS_OK)
        exit(1);
    const uint64_t deleted = pacs_monotonic_ns();
    size_t swept = 0;
    while (swept < instances - instances % FILLERS) {
        PacsKey keys[1000];
        size_t count = 0;
        if (pacs_index_read_garbage(index, keys, 1000, &count, NULL) != PACS_OK ||
            pacs_index_forget_garbage(index, keys, count, NULL) != PACS_OK)
            exit(1);
        swept += count;
    }
    const uint64_t purged = pacs_monotonic_ns();
    atomic_store(&stop, true);
    (void)pthread_join(handle, NULL);
    printf("delete: %u instances  answered after %.1f ms, rows gone after %.1f s; additions meanwhile:\n",
           instances, (double)(deleted - started) / 1e6, (double)(purged - started) / 1e9);
    print_waits(sender.waits_ns, sender.count);
    free(sender.waits_ns);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/index-bench-%d.db", argv[1], (int)getpid());
    const PacsIndexSqliteOptions options = {.path = path};
    PACS_AUTO(PacsIndex) index = NULL;
    PacsError err = {0};
    if (pacs_index_sqlite_open(&options, NULL, &index, &err) != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (argc > 4 && strcmp(argv[4], "delete") == 0)
        bench_delete(index, number(argv[3]));
    else
        bench_add(index, number(argv[2]), number(argv[3]));
    return 0;
}
