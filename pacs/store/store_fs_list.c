#include "pacs/store/store_fs_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pacs/util/buffer.h"
#include "pacs/util/limits.h"

/* ---- names of one folder, in order ---- */

static void auto_closedir(DIR **folder)
{
    if (*folder)
        (void)closedir(*folder); /* read only: nothing to lose */
}

static PacsStatus read_names(DIR *folder, PacsBuffer *numbers, PacsError *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry)
            return errno == 0 ? PACS_OK : pacs_store_fs_fail(err, errno, "read a folder of objects");
        uint64_t number;
        if (!pacs_store_fs_parse_name(entry->d_name, &number)) /* ".", "..", whatever an operator put there */
            continue;
        if (!pacs_buffer_add(numbers, &number, sizeof number))
            return pacs_buffer_check(numbers, err);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* All at once, because a folder's own order is not ours and may change while the visitor removes. */
static PacsStatus sorted_names(int folder_fd, PacsBuffer *numbers, PacsError *err)
{
    __attribute__((cleanup(auto_closedir))) DIR *folder = NULL;
    PACS_AUTO_CLOSE int fd = openat(folder_fd, ".",
                                    O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* its own position */
    if (fd < 0 || !(folder = fdopendir(fd)))
        return pacs_store_fs_fail(err, errno, "read a folder of objects");
    (void)pacs_steal_fd(&fd); /* the DIR's now */

    PacsStatus status = read_names(folder, numbers, err);
    if (status == PACS_OK && numbers->size > 0)
        qsort(numbers->bytes, numbers->size / sizeof(uint64_t), sizeof(uint64_t), compare_numbers);
    return status;
}

static const uint64_t *names_of(const PacsBuffer *numbers, size_t *ret_count)
{
    *ret_count = numbers->size / sizeof(uint64_t);
    return (const uint64_t *)(const void *)numbers->bytes; /* from malloc: aligned */
}

/* ---- the walk ---- */

typedef struct Walk {
    uint64_t from_folder, from_object;
    uint64_t last_folder, last_object; /* what stands behind it in its folder is no object yet */
    PacsStoreVisit *visit;
    void *context;
} Walk;

static PacsStatus visit_object(const Walk *walk, int folder_fd, uint64_t folder, uint64_t object,
                               PacsError *err)
{
    char name[STORE_FS_NAME_MAX];
    struct stat file;
    pacs_store_fs_object_name(object, name);
    if (fstatat(folder_fd, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? PACS_OK
                               : pacs_store_fs_fail(err, errno, "look at an object"); /* gone meanwhile */
    if (!S_ISREG(file.st_mode))
        return PACS_OK;
    PacsKey key;
    pacs_store_key_make(folder, object, &key);
    return walk->visit(walk->context, &key, (uint64_t)file.st_size, err);
}

static bool is_meant(const Walk *walk, uint64_t folder, uint64_t object)
{
    const bool has_begun = folder > walk->from_folder || object >= walk->from_object;
    return has_begun && (folder != walk->last_folder || object <= walk->last_object);
}

static PacsStatus walk_folder(const Walk *walk, int objects_fd, uint64_t folder, PacsError *err)
{
    char name[STORE_FS_NAME_MAX];
    pacs_store_fs_folder_name(folder, name);
    PACS_AUTO_CLOSE int fd = openat(objects_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) /* gone meanwhile, or not ours */
        return PACS_OK;
    if (fd < 0)
        return pacs_store_fs_fail(err, errno, "open a folder of objects");

    PACS_AUTO_BUFFER PacsBuffer numbers = PACS_BUFFER(PACS_MAX_STORE_LISTING);
    PacsStatus status = sorted_names(fd, &numbers, err);
    size_t count;
    const uint64_t *objects = names_of(&numbers, &count);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        if (is_meant(walk, folder, objects[i]))
            status = visit_object(walk, fd, folder, objects[i], err);
    return status;
}

PacsStatus pacs_store_fs_list(StoreFsFolders *folders_of_store, const PacsKey *from, PacsStoreVisit *visit,
                              void *context, PacsError *err)
{
    const int objects_fd = folders_of_store->objects_fd;
    Walk walk = {.visit = visit, .context = context};
    pacs_store_key_split(from, &walk.from_folder, &walk.from_object);
    pacs_store_fs_folders_last(folders_of_store, &walk.last_folder, &walk.last_object);

    PACS_AUTO_BUFFER PacsBuffer numbers = PACS_BUFFER(PACS_MAX_STORE_LISTING);
    PacsStatus status = sorted_names(objects_fd, &numbers, err);
    size_t count;
    const uint64_t *folders = names_of(&numbers, &count);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        if (folders[i] >= walk.from_folder)
            status = walk_folder(&walk, objects_fd, folders[i], err);
    return status;
}

PacsStatus pacs_store_fs_last_folder(int objects_fd, uint64_t *ret_id, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer numbers = PACS_BUFFER(PACS_MAX_STORE_LISTING);
    PacsStatus status = sorted_names(objects_fd, &numbers, err);
    if (status != PACS_OK)
        return status;
    size_t count;
    const uint64_t *folders = names_of(&numbers, &count);
    *ret_id = count > 0 ? folders[count - 1] : 0;
    return PACS_OK;
}
