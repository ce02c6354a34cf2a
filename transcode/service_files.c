#include "transcode/service_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "pacs/util/auto.h"
#include "pacs/util/text.h"

#define OBJECT_HEX (2 * sizeof((TranscodeName *)0)->object)
#define FORM_HEX (2 * sizeof((TranscodeName *)0)->form)
#define NAME_SIZE (OBJECT_HEX + 1 + FORM_HEX + 1)
#define FOLDERS 4096u /* a million files: 250 in each, which is what forgetting an object reads */
#define FOLDER_SIZE 4 /* "abc" */
#define TEMPORARY "new-"
#define ABANDONED_S 3600 /* a file takes milliseconds to write */

struct TranscodeFiles {
    int root;
    uint64_t min_free_bytes;
    atomic_uint_least64_t written; /* for temporary names */
};

/** Behind the result; in the byte order of the machine, whose cache it is. */
typedef struct Trailer {
    char magic[8];
    uint64_t size;
    TranscodeName name;
    uint32_t bytes_crc32;
    uint32_t crc32; /* of the trailer in front of it */
} Trailer;

static const char magic[8] = {'L', 'B', 'X', 'F', 'O', 'R', 'M', '1'};

PacsStatus transcode_files_open(const char *folder, uint64_t min_free_bytes, TranscodeFiles **ret_files,
                                PacsError *err)
{
    TranscodeFiles *files = calloc(1, sizeof *files);

    if (!files)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a cache");
    files->min_free_bytes = min_free_bytes;
    files->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->root >= 0) {
        *ret_files = files;
        return PACS_OK;
    }
    free(files);
    return pacs_fail(err, PACS_UNAVAILABLE, "cannot open the folder of the cache '%s': %s", folder,
                     strerror(errno));
}

void transcode_files_close(TranscodeFiles *files)
{
    if (!files)
        return;
    (void)close(files->root); /* a folder */
    free(files);
}

uint64_t transcode_file_size(uint64_t size)
{
    return size + sizeof(Trailer);
}

/* ---- Names ---- */

static void format_folder(const TranscodeName *name, char folder[FOLDER_SIZE])
{
    (void)snprintf(folder, FOLDER_SIZE, "%02x%x", name->object[0], (unsigned)name->object[1] >> 4);
}

static void format_name(const TranscodeName *name, char text[NAME_SIZE])
{
    pacs_hex_format(name->object, sizeof name->object, text);
    text[OBJECT_HEX] = '-';
    pacs_hex_format(name->form, sizeof name->form, text + OBJECT_HEX + 1);
}

static bool parse_name(const char *text, TranscodeName *ret_name)
{
    return strlen(text) == NAME_SIZE - 1 && text[OBJECT_HEX] == '-' &&
           pacs_hex_parse((PacsSlice){text, OBJECT_HEX}, ret_name->object, sizeof ret_name->object, NULL) ==
               PACS_OK &&
           pacs_hex_parse((PacsSlice){text + OBJECT_HEX + 1, FORM_HEX}, ret_name->form, sizeof ret_name->form,
                          NULL) == PACS_OK;
}

/* -1: it is not there. */
static int open_folder(const TranscodeFiles *files, const TranscodeName *name, bool makes)
{
    char folder[FOLDER_SIZE];

    format_folder(name, folder);
    int fd = openat(files->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && makes && (mkdirat(files->root, folder, 0750) == 0 || errno == EEXIST))
        fd = openat(files->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

/* ---- Writing ---- */

static bool has_room(const TranscodeFiles *files, uint64_t bytes)
{
    struct statvfs space;

    return fstatvfs(files->root, &space) == 0 &&
           (uint64_t)space.f_bavail * space.f_frsize >= files->min_free_bytes + bytes;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static uint32_t crc32_of(uint32_t sum, const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(sum, bytes, size);
}

static Trailer trailer_of(const TranscodeName *name, uint64_t size, uint32_t bytes_crc32)
{
    Trailer trailer = {.size = size, .name = *name, .bytes_crc32 = bytes_crc32};

    memcpy(trailer.magic, magic, sizeof magic);
    trailer.crc32 = crc32_of(0, &trailer, offsetof(Trailer, crc32));
    return trailer;
}

static bool write_file(TranscodeFiles *files, int folder, const TranscodeName *name, const void *bytes,
                       size_t size)
{
    const Trailer trailer = trailer_of(name, size, crc32_of(0, bytes, size));
    char temporary[64], final[NAME_SIZE];

    (void)snprintf(temporary, sizeof temporary, TEMPORARY "%d-%llu", (int)getpid(),
                   (unsigned long long)atomic_fetch_add(&files->written, 1));
    format_name(name, final);
    const int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool is_written = write_all(fd, bytes, size) && write_all(fd, &trailer, sizeof trailer);
    is_written = close(fd) == 0 && is_written;
    if (is_written && renameat(folder, temporary, folder, final) == 0)
        return true;
    (void)unlinkat(folder, temporary, 0); /* or the next start does */
    return false;
}

bool transcode_files_write(TranscodeFiles *files, const TranscodeName *name, const void *bytes, size_t size)
{
    if (!has_room(files, transcode_file_size(size)))
        return false;
    PACS_AUTO_CLOSE int folder = open_folder(files, name, true);
    return folder >= 0 && write_file(files, folder, name, bytes, size);
}

/* ---- Reading ---- */

static bool read_trailer(int fd, const TranscodeName *name, Trailer *ret_trailer)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || (uint64_t)info.st_size < sizeof *ret_trailer)
        return false;
    const uint64_t size = (uint64_t)info.st_size - sizeof *ret_trailer;
    return pread(fd, ret_trailer, sizeof *ret_trailer, (off_t)size) == (ssize_t)sizeof *ret_trailer &&
           memcmp(ret_trailer->magic, magic, sizeof magic) == 0 && ret_trailer->size == size &&
           transcode_name_equal(&ret_trailer->name, name) &&
           ret_trailer->crc32 == crc32_of(0, ret_trailer, offsetof(Trailer, crc32));
}

static bool has_sum(int fd, const Trailer *trailer)
{
    uint8_t bytes[65536];
    uint32_t sum = 0;

    for (uint64_t at = 0; at < trailer->size;) {
        const uint64_t left = trailer->size - at;
        const ssize_t got = pread(fd, bytes, left < sizeof bytes ? (size_t)left : sizeof bytes, (off_t)at);
        if (got <= 0)
            return false;
        sum = crc32_of(sum, bytes, (size_t)got);
        at += (uint64_t)got;
    }
    return sum == trailer->bytes_crc32;
}

int transcode_files_find(TranscodeFiles *files, const TranscodeName *name, bool checks, uint64_t *ret_size)
{
    char path[FOLDER_SIZE + NAME_SIZE];
    Trailer trailer;

    format_folder(name, path);
    path[FOLDER_SIZE - 1] = '/';
    format_name(name, path + FOLDER_SIZE);
    PACS_AUTO_CLOSE int fd = openat(files->root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (!read_trailer(fd, name, &trailer) || (checks && !has_sum(fd, &trailer))) {
        (void)unlinkat(files->root, path, 0); /* it is made anew */
        return -1;
    }
    if (checks)
        (void)futimens(fd, NULL); /* it is in use: for the order of the next start */
    *ret_size = trailer.size;
    return pacs_steal_fd(&fd);
}

/* ---- Removing ---- */

void transcode_files_remove(TranscodeFiles *files, const TranscodeName *name)
{
    char path[FOLDER_SIZE + NAME_SIZE];

    format_folder(name, path);
    path[FOLDER_SIZE - 1] = '/';
    format_name(name, path + FOLDER_SIZE);
    (void)unlinkat(files->root, path, 0); /* another server may have done it */
}

void transcode_files_remove_object(TranscodeFiles *files, const TranscodeName *name)
{
    char object[OBJECT_HEX + 1];
    struct dirent *entry;

    pacs_hex_format(name->object, sizeof name->object, object);
    const int fd = open_folder(files, name, false);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder)
        return;
    while ((entry = readdir(folder)))
        if (strncmp(entry->d_name, object, OBJECT_HEX) == 0)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
}

/* ---- Listing ---- */

static void remove_remains(int folder, const char *name, const struct stat *info)
{
    if (strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0 && info->st_mtime + ABANDONED_S < time(NULL))
        (void)unlinkat(folder, name, 0);
}

static bool list_folder(DIR *folder, bool (*visit)(void *context, const TranscodeFile *file), void *context)
{
    struct dirent *entry;
    struct stat info;

    while ((entry = readdir(folder))) {
        TranscodeFile file;
        if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
            continue;
        if (!parse_name(entry->d_name, &file.name)) {
            remove_remains(dirfd(folder), entry->d_name, &info);
            continue;
        }
        file.bytes = (uint64_t)info.st_size;
        file.used_s = info.st_mtime;
        if (!visit(context, &file))
            return false;
    }
    return true;
}

void transcode_files_list(TranscodeFiles *files, bool (*visit)(void *context, const TranscodeFile *file),
                          void *context)
{
    bool goes_on = true;

    for (unsigned i = 0; i < FOLDERS && goes_on; i++) {
        char name[FOLDER_SIZE];
        (void)snprintf(name, sizeof name, "%03x", i);
        const int fd = openat(files->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
        if (!folder)
            continue;
        goes_on = list_folder(folder, visit, context);
        (void)closedir(folder);
    }
}
