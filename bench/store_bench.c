/*
 * How close the fs store comes to plain files: objects per second and CPU per object of
 *
 *   plain     write + fsync of one new file after the other, no folder sync (loses names in a power cut)
 *   textbook  temporary file, write, fsync, rename, fsync of the folder, each object by itself
 *   store     pacs_store_create, _write in pieces of one PDU, _commit
 *
 * with 1, 4 and 64 threads, taking turns, and the ratio to plain of the same round: median (lowest..highest).
 *
 *     store_bench FOLDER [ROUNDS [OBJECT_BYTES]]      FOLDER on the disk to be measured; cleaned up
 * afterwards store_bench FOLDER large BYTES                  one object of that size: rate and peak memory
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacs/store/store.h"
#include "pacs/util/clock.h"
#include "pacs/util/hash.h"

#define PIECE 131066u /* what a P-DATA-TF of 131,072 bytes carries */
#define MAX_ROUNDS 99
#define MAX_THREADS 64

typedef struct Run {
    const uint8_t *bytes;
    size_t size;
    unsigned per_thread;
    int folder_fd;
    PacsStore *store;
    atomic_uint next;
} Run;

typedef struct Way {
    const char *name;
    void (*put)(Run *run);
    double rate[MAX_ROUNDS], ratio[MAX_ROUNDS], cpu_us[MAX_ROUNDS];
} Way;

static void die(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the three ways ---- */

static void write_file(const Run *run, const char *name)
{
    int fd = openat(run->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0 || write(fd, run->bytes, run->size) != (ssize_t)run->size || fsync(fd) < 0 || close(fd) < 0)
        die("plain file");
}

static void put_plain(Run *run)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%016x", atomic_fetch_add(&run->next, 1));
    write_file(run, name);
}

static void put_textbook(Run *run)
{
    char name[32], temporary[32];
    unsigned number = atomic_fetch_add(&run->next, 1);
    (void)snprintf(name, sizeof name, "%016x", number);
    (void)snprintf(temporary, sizeof temporary, "%016x.tmp", number);
    write_file(run, temporary);
    if (renameat(run->folder_fd, temporary, run->folder_fd, name) < 0 || fsync(run->folder_fd) < 0)
        die("textbook");
}

static void put_store(Run *run)
{
    PacsError err = {0};
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PacsStatus status = pacs_store_create(run->store, run->size, &writer, &err);
    for (size_t done = 0; status == PACS_OK && done < run->size; done += PIECE) {
        size_t piece = run->size - done < PIECE ? run->size - done : PIECE;
        status = pacs_store_write(writer, run->bytes + done, piece, &err);
    }
    if (status == PACS_OK)
        status = pacs_store_commit(writer, &err);
    if (status != PACS_OK) {
        (void)fprintf(stderr, "store: %s\n", err.text);
        exit(1);
    }
}

/* ---- one turn ---- */

typedef struct Worker {
    Run *run;
    void (*put)(Run *run);
} Worker;

static void *work(void *argument)
{
    Worker *worker = argument;
    for (unsigned i = 0; i < worker->run->per_thread; i++)
        worker->put(worker->run);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for this process */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *walk)
{
    (void)file;
    (void)type;
    (void)walk;
    return remove(path);
}

static void open_place(const char *folder, char *path, size_t path_size, Run *run)
{
    PacsError err = {0};
    (void)snprintf(path, path_size, "%s/store-bench-XXXXXX", folder);
    if (!mkdtemp(path))
        die(path);
    run->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->folder_fd < 0)
        die(path);
    if (pacs_store_fs_open(&(PacsStoreFsOptions){.root = path}, NULL, &run->store, &err) != PACS_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static void close_place(const char *path, Run *run)
{
    pacs_store_free(run->store);
    (void)close(run->folder_fd);
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        die(path);
}

static void take_turn(Way *way, unsigned round, const char *folder, unsigned thread_count, const Run *plan)
{
    Run run = {.bytes = plan->bytes, .size = plan->size, .per_thread = plan->per_thread};
    char path[4096];
    pthread_t threads[MAX_THREADS];
    open_place(folder, path, sizeof path, &run);
    sync(); /* what the last turn left to be written is not this turn's to pay */

    Worker worker = {.run = &run, .put = way->put};
    double cpu = cpu_seconds();
    uint64_t start_ns = pacs_monotonic_ns();
    for (unsigned i = 0; i < thread_count; i++)
        if (pthread_create(&threads[i], NULL, work, &worker) != 0)
            die("thread");
    for (unsigned i = 0; i < thread_count; i++)
        (void)pthread_join(threads[i], NULL);
    double seconds = 1e-9 * (double)(pacs_monotonic_ns() - start_ns);
    double count = (double)thread_count * run.per_thread;
    way->rate[round] = count / seconds;
    way->cpu_us[round] = 1e6 * (cpu_seconds() - cpu) / count;
    close_place(path, &run);
}

/* ---- the comparison ---- */

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void report(Way *way, unsigned thread_count, unsigned rounds)
{
    double rate = median(way->rate, rounds), ratio = median(way->ratio, rounds);
    (void)printf("%2u threads  %-9s %6.0f/s (%.0f..%.0f)  %.2fx plain (%.2f..%.2f)  CPU %.0f us\n",
                 thread_count, way->name, rate, way->rate[0], way->rate[rounds - 1], ratio, way->ratio[0],
                 way->ratio[rounds - 1], median(way->cpu_us, rounds));
}

static void compare(const char *folder, unsigned rounds, const Run *plan, unsigned thread_count)
{
    Way ways[] = {{.name = "plain", .put = put_plain},
                  {.name = "textbook", .put = put_textbook},
                  {.name = "store", .put = put_store}};
    enum { WAYS = sizeof ways / sizeof ways[0] };
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < WAYS;
             i++) /* each round begins with another, so that no way always follows one */
            take_turn(&ways[(round + i) % WAYS], round, folder, thread_count, plan);
        for (unsigned i = 0; i < WAYS; i++)
            ways[i].ratio[round] = ways[i].rate[round] / ways[0].rate[round];
    }
    for (unsigned i = 0; i < WAYS; i++)
        report(&ways[i], thread_count, rounds);
}

static void put_large(const char *folder, uint64_t size, const Run *plan)
{
    Run run = {.bytes = plan->bytes, .size = plan->size};
    char path[4096];
    open_place(folder, path, sizeof path, &run);
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    PacsError err = {0};
    uint64_t start_ns = pacs_monotonic_ns();
    PacsStatus status = pacs_store_create(run.store, size, &writer, &err);
    for (uint64_t done = 0; status == PACS_OK && done < size; done += PIECE)
        status = pacs_store_write(writer, run.bytes, size - done < PIECE ? (size_t)(size - done) : PIECE,
                                  &err);
    uint64_t written_ns = pacs_monotonic_ns();
    if (status == PACS_OK)
        status = pacs_store_commit(writer, &err);
    uint64_t end_ns = pacs_monotonic_ns();
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for this process */
    (void)printf("%" PRIu64 " bytes: %s, %.0f MB/s, of %.2f s the commit took %.3f s, peak memory %ld kB\n",
                 size, status == PACS_OK ? "stored" : err.text,
                 1e3 * (double)size / (double)(end_ns - start_ns), 1e-9 * (double)(end_ns - start_ns),
                 1e-9 * (double)(end_ns - written_ns), usage.ru_maxrss);
    pacs_store_writer_free(PACS_STEAL(writer));
    close_place(path, &run);
}

int main(int argc, char **argv)
{
    bool large = argc == 4 && strcmp(argv[2], "large") == 0;
    unsigned rounds = argc > 2 && !large ? (unsigned)strtoul(argv[2], NULL, 10) : 9;
    size_t size = argc > 3 && !large ? strtoul(argv[3], NULL, 10) : 526000; /* a CT slice with its header */
    if (argc < 2 || argc > 4 || rounds < 1 || rounds > MAX_ROUNDS || size < 1) {
        (void)fprintf(stderr, "usage: store_bench FOLDER [ROUNDS [OBJECT_BYTES]] | FOLDER large BYTES\n");
        return 2;
    }

    size_t held = size < PIECE ? PIECE : size;
    PACS_AUTO_FREE uint8_t *bytes = malloc(held);
    if (!bytes || pacs_random(bytes, held, NULL) != PACS_OK)
        die("bytes");
    Run plan = {.bytes = bytes, .size = size};
    if (large) {
        put_large(argv[1], strtoull(argv[3], NULL, 10), &plan);
        return 0;
    }
    static const struct {
        unsigned threads, per_thread;
    } steps[] = {{1, 200}, {4, 100}, {MAX_THREADS, 12}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        plan.per_thread = steps[i].per_thread;
        compare(argv[1], rounds, &plan, steps[i].threads);
    }
    return 0;
}
