/*
 * The limit that durable storage sets: read files (from the page cache) and write each to a folder of its own
 * name, with fsync, from a few threads.
 *
 *     plain_write FOLDER THREADS < list of paths, one a line
 *
 * Prints one line of JSON: seconds. The folder itself is not synced, so names could be lost: a promise less
 * than an archive makes, which is what makes this a limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES 100000
#define MAX_THREADS 256
#define CHUNK (1u << 20)

static char *paths[MAX_FILES];
static size_t path_count;
static atomic_size_t next_path;
static int folder;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "plain_write: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void copy(const char *path, size_t index, char *buffer)
{
    char name[32];
    snprintf(name, sizeof name, "%zu", index);
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in < 0 || out < 0)
        die(path);
    for (ssize_t got; (got = read(in, buffer, CHUNK)) != 0;) {
        if (got < 0 || write(out, buffer, (size_t)got) != got)
            die("write");
    }
    if (fsync(out) < 0)
        die("fsync");
    close(in);
    close(out);
}

static void *run(void *argument)
{
    (void)argument;
    char *buffer = malloc(CHUNK);
    if (!buffer)
        die("memory");
    for (size_t index; (index = atomic_fetch_add(&next_path, 1)) < path_count;)
        copy(paths[index], index, buffer);
    free(buffer);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count < 1 || count > MAX_THREADS) {
        fprintf(stderr, "usage: plain_write FOLDER THREADS < paths\n");
        return 2;
    }
    folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        die(argv[1]);
    char line[4096];
    while (path_count < MAX_FILES && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        paths[path_count] = strdup(line);
        if (!paths[path_count++])
            die("memory");
    }
    pthread_t threads[MAX_THREADS];
    double begin = now_s();
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            die("thread");
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("{\"seconds\": %.6f}\n", now_s() - begin);
    return 0;
}
