/* Runs every file of the folders and files given through a fuzz target, as a plain program: a corpus is a
 * test also where there is no libFuzzer. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (64u << 20)

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    int failed = !file || !bytes;
    if (!failed) {
        size_t size = fread(bytes, 1, INPUT_MAX, file);
        uint8_t *exact = malloc(size ? size : 1); /* its end is the buffer's: reading over it shows */
        failed = !exact;
        if (exact) {
            memcpy(exact, bytes, size);
            (void)LLVMFuzzerTestOneInput(exact, size);
        }
        free(exact);
    }
    free(bytes);
    if (file)
        (void)fclose(file);
    if (failed)
        perror(path);
    return failed;
}

static int run_folder(const char *path, int *runs)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    int failed = count < 0;
    for (int i = 0; i < count; i++) {
        char full[4096];
        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(full, sizeof full, "%s/%s", path, entries[i]->d_name);
            failed |= run_file(full);
            (*runs)++;
        }
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    int runs = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            failed |= run_folder(argv[i], &runs);
        } else {
            failed |= run_file(argv[i]);
            runs++;
        }
    }
    printf("%d inputs\n", runs);
    return failed || runs == 0;
}
