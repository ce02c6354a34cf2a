#include "pacs/store/store_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacs/util/text.h"

/* Large enough that making one (two syncs) does not show, small enough to list and to fill a directory block
 * or two hundred: 100 million objects are 25,000 folders. */
#define OBJECTS_PER_FOLDER 4096
#define OBJECTS_PER_FOLDER_MAX 1000000 /* PACS_MAX_STORE_LISTING holds eight times as many */

/* One who arrives alone is helped; where several write, each does its own: handing over costs more than it hides
 * (4 associations on 2 cores: 8 % of the rate, 10 % of the processor). */
#define HELPERS 1
#define HELPERS_WAITING 1

typedef struct StoreFs {
    PacsStore base;
    int root_fd;
    int lock_fd;
    StoreFsTools tools;
} StoreFs;

/* ---- names and errors ---- */

void pacs_store_fs_folder_name(uint64_t folder, char ret_name[STORE_FS_NAME_MAX])
{
    (void)snprintf(ret_name, STORE_FS_NAME_MAX, "%016" PRIx64, folder); /* 17 bytes always */
}

void pacs_store_fs_object_name(uint64_t object, char ret_name[STORE_FS_NAME_MAX])
{
    (void)snprintf(ret_name, STORE_FS_NAME_MAX, "%016" PRIx64, object); /* 17 bytes always */
}

static void object_path(const PacsKey *key, char ret_path[STORE_FS_NAME_MAX])
{
    uint64_t folder, object;
    pacs_store_key_split(key, &folder, &object);
    (void)snprintf(ret_path, STORE_FS_NAME_MAX, "%016" PRIx64 "/%016" PRIx64, folder, object); /* 34 bytes */
}

bool pacs_store_fs_parse_name(const char *name, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t digits = 0;
    for (; name[digits] != '\0'; digits++) {
        char c = name[digits];
        bool decimal = c >= '0' && c <= '9';
        if (!decimal && (c < 'a' || c > 'f')) /* capitals would give two names for one object */
            return false;
        if (digits == 16)
            return false;
        number = number << 4 | (uint64_t)(decimal ? c - '0' : c - 'a' + 10);
    }
    if (digits == 16)
        *ret_number = number;
    return digits == 16;
}

static PacsStatus status_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return PACS_NO_SPACE;
    case EFBIG: /* over what the file system or ulimit -f lets a file have */
        return PACS_TOO_LARGE;
    case ENOMEM:
        return PACS_NO_MEMORY;
    default:
        return PACS_UNAVAILABLE;
    }
}

PacsStatus pacs_store_fs_fail(PacsError *err, int error, const char *what)
{
    return pacs_fail(err, status_of(error), "cannot %s: %s", what, strerror(error));
}

/* ---- the slots ---- */

static PacsStatus fs_create(PacsStore *self, uint64_t size_hint, PacsStoreWriter **ret_writer, PacsError *err)
{
    StoreFs *fs = (StoreFs *)self;
    return pacs_store_fs_writer_new(&fs->tools, size_hint, ret_writer, err);
}

static PacsStatus not_reached(int error, const PacsKey *key, const char *what, PacsError *err)
{
    char path[STORE_FS_NAME_MAX];
    object_path(key, path);
    if (error == ENOENT)
        return pacs_fail(err, PACS_NOT_FOUND, "no stored object %s", path);
    PacsStatus status = pacs_store_fs_fail(err, error, what);
    return pacs_fail_context(err, status, "stored object %s: ", path);
}

static PacsStatus fs_open_fd(PacsStore *self, const PacsKey *key, int *ret_fd, PacsError *err)
{
    StoreFs *fs = (StoreFs *)self;
    char path[STORE_FS_NAME_MAX];
    object_path(key, path);
    int fd = openat(fs->tools.folders.objects_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return not_reached(errno, key, "open", err);
    *ret_fd = fd;
    return PACS_OK;
}

static PacsStatus fs_open(PacsStore *self, const PacsKey *key, uint64_t offset, uint64_t *size,
                          PacsSource **ret_source, PacsError *err)
{
    PACS_AUTO_CLOSE int fd = -1;
    PacsStatus status = fs_open_fd(self, key, &fd, err);
    if (status != PACS_OK)
        return status;
    struct stat file;
    if (fstat(fd, &file) < 0)
        return not_reached(errno, key, "look at it", err);
    status = pacs_store_clip_range((uint64_t)file.st_size, offset, size, err);
    if (status != PACS_OK)
        return status;
    return pacs_source_fd(pacs_steal_fd(&fd), offset, *size, ret_source, err);
}

static PacsStatus fs_size(PacsStore *self, const PacsKey *key, uint64_t *ret_bytes, PacsError *err)
{
    StoreFs *fs = (StoreFs *)self;
    char path[STORE_FS_NAME_MAX];
    struct stat file;
    object_path(key, path);
    if (fstatat(fs->tools.folders.objects_fd, path, &file, AT_SYMLINK_NOFOLLOW) < 0)
        return not_reached(errno, key, "look at it", err);
    *ret_bytes = (uint64_t)file.st_size;
    return PACS_OK;
}

static PacsStatus fs_remove(PacsStore *self, const PacsKey *key, PacsError *err)
{
    StoreFs *fs = (StoreFs *)self;
    char path[STORE_FS_NAME_MAX];
    object_path(key, path);
    if (unlinkat(fs->tools.folders.objects_fd, path, 0) < 0)
        return not_reached(errno, key, "remove", err);

    uint64_t folder, object;
    pacs_store_key_split(key, &folder, &object);
    pacs_store_fs_folder_tidy(&fs->tools.folders, folder);
    return PACS_OK;
}

static PacsStatus fs_sync_removed(PacsStore *self, const PacsKey *keys, size_t count, PacsError *err)
{
    StoreFs *fs = (StoreFs *)self;
    uint64_t synced = 0; /* the folder of the keys before: keys of one folder stand together */
    for (size_t i = 0; i < count; i++) {
        uint64_t folder, object;
        pacs_store_key_split(&keys[i], &folder, &object);
        PacsStatus status = i > 0 && folder == synced
                                ? PACS_OK
                                : pacs_store_fs_folder_sync(&fs->tools.folders, folder, err);
        if (status != PACS_OK)
            return status;
        synced = folder;
    }
    return PACS_OK;
}

static PacsStatus fs_list(PacsStore *self, const PacsKey *from, PacsStoreVisit *visit, void *context,
                          PacsError *err)
{
    return pacs_store_fs_list(&((StoreFs *)self)->tools.folders, from, visit, context, err);
}

static void fs_free(PacsStore *self)
{
    StoreFs *fs = (StoreFs *)self;
    pacs_pool_free(fs->tools.helpers); /* first: they may still make names */
    pacs_store_fs_folders_clear(&fs->tools.folders);
    pacs_store_fs_space_clear(&fs->tools.space);
    pacs_auto_close(&fs->root_fd);
    pacs_auto_close(&fs->lock_fd); /* last: the next opener may come from here on */
    free(fs);
}

static const PacsStoreOps fs_ops = {
    .name = "fs",
    .create = fs_create,
    .write = pacs_store_fs_write,
    .room = pacs_store_fs_room,
    .filled = pacs_store_fs_filled,
    .write_block = pacs_store_fs_write_block,
    .commit = pacs_store_fs_commit,
    .writer_free = pacs_store_fs_writer_free,
    .open = fs_open,
    .open_fd = fs_open_fd,
    .size = fs_size,
    .remove = fs_remove,
    .sync_removed = fs_sync_removed,
    .list = fs_list,
    .free = fs_free,
};

/* ---- opening ---- */

/* What keeps us from opening the store is for the operator, who may well see the path. */
static PacsStatus cannot_open(const char *root, int error, const char *what, PacsError *err)
{
    PacsStatus status = error == ENOSPC || error == EDQUOT ? PACS_NO_SPACE : PACS_UNAVAILABLE;
    return pacs_fail(err, status, "storage folder '%s': cannot %s: %s", root, what, strerror(error));
}

static PacsStatus open_root(const char *root, int *ret_fd, PacsError *err)
{
    bool made = mkdir(root, 0750) == 0;
    if (!made && errno != EEXIST)
        return cannot_open(root, errno, "make it", err);
    PACS_AUTO_CLOSE int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* itself it may be a link */
    if (fd < 0)
        return cannot_open(root, errno, "open it", err);
    if (made) { /* its name must last as long as what is put in it */
        PACS_AUTO_CLOSE int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above < 0 || fsync(above) < 0)
            return cannot_open(root, errno, "sync the folder above", err);
    }
    *ret_fd = pacs_steal_fd(&fd);
    return PACS_OK;
}

/* Two processes would number folders by themselves, and one's sweep at start would take the
 * other's uploads. */
static PacsStatus take_lock(const char *root, int root_fd, int *ret_fd, PacsError *err)
{
    PACS_AUTO_CLOSE int fd = openat(root_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return cannot_open(root, errno, "open its lock file", err);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return pacs_fail(err, PACS_EXISTS, "storage folder '%s': is another Lightbox using this folder?",
                             root);
        return cannot_open(root, errno, "lock it", err);
    }
    *ret_fd = pacs_steal_fd(&fd);
    return PACS_OK;
}

static PacsStatus open_objects(const char *root, int root_fd, int *ret_fd, PacsError *err)
{
    if (mkdirat(root_fd, "objects", 0750) < 0 && errno != EEXIST)
        return cannot_open(root, errno, "make its folder 'objects'", err);
    PACS_AUTO_CLOSE int fd = openat(root_fd, "objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cannot_open(root, errno, "open its folder 'objects'", err);
    /* Also where they were there: whoever made them may have died before the sync. */
    if (fsync(fd) < 0 || fsync(root_fd) < 0)
        return cannot_open(root, errno, "sync it", err);
    *ret_fd = pacs_steal_fd(&fd);
    return PACS_OK;
}

static PacsStatus open_all(StoreFs *fs, const PacsStoreFsOptions *options, PacsError *err)
{
    PacsStatus status = open_root(options->root, &fs->root_fd, err);
    if (status == PACS_OK)
        status = take_lock(options->root, fs->root_fd, &fs->lock_fd, err);
    int objects_fd = -1;
    if (status == PACS_OK)
        status = open_objects(options->root, fs->root_fd, &objects_fd, err);
    if (status != PACS_OK)
        return status;
    fs->tools.space.root_fd = fs->root_fd;
    fs->tools.space.min_free_bytes = options->min_free_bytes;
    uint32_t per_folder = options->objects_per_folder ? options->objects_per_folder : OBJECTS_PER_FOLDER;
    return pacs_store_fs_folders_open(&fs->tools.folders, objects_fd, per_folder, err);
}

PacsStatus pacs_store_fs_open(const PacsStoreFsOptions *options, PacsMetrics *metrics, PacsStore **ret_store,
                              PacsError *err)
{
    if (options->objects_per_folder > OBJECTS_PER_FOLDER_MAX)
        return pacs_fail(err, PACS_INVALID, "at most %d objects per folder, %" PRIu32 " asked",
                         OBJECTS_PER_FOLDER_MAX, options->objects_per_folder);
    StoreFs *fs = calloc(1, sizeof *fs);
    if (!fs)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the object store");
    *fs = (StoreFs){.root_fd = -1, .lock_fd = -1};
    pacs_store_fs_folders_init(&fs->tools.folders);
    pacs_store_fs_space_init(&fs->tools.space);
    atomic_init(&fs->tools.is_cached, options->write_cached);
    fs->tools.blocks = options->blocks;
    pacs_store_init(&fs->base, &fs_ops, metrics);

    PACS_AUTO(PacsStore) store = &fs->base; /* freed on every early return below */
    PacsStatus status = open_all(fs, options, err);
    if (status == PACS_OK)
        status = pacs_pool_new("store", HELPERS, HELPERS_WAITING, &fs->tools.helpers, err);
    if (status != PACS_OK)
        return status;
    *ret_store = PACS_STEAL(store);
    return PACS_OK;
}
