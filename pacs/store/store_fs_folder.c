#include "pacs/store/store_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"

/* A folder can vanish (an operator, a tidy) or fail; a second time is no accident. */
#define CREATE_TRIES 3

static void lock(StoreFsFolders *folders)
{
    (void)pthread_mutex_lock(&folders->lock); /* fails for misuse only */
}

static void unlock(StoreFsFolders *folders)
{
    (void)pthread_mutex_unlock(&folders->lock);
}

void pacs_store_fs_folders_init(StoreFsFolders *folders)
{
    *folders = (StoreFsFolders){.objects_fd = -1};
    (void)pthread_mutex_init(&folders->lock, NULL); /* cannot fail with default attributes on Linux */
}

PacsStatus pacs_store_fs_folders_open(StoreFsFolders *folders, int objects_fd, uint32_t objects_per_folder,
                                      PacsError *err)
{
    folders->objects_fd = objects_fd;
    folders->objects_per_folder = objects_per_folder;
    return pacs_store_fs_last_folder(objects_fd, &folders->last_id, err);
}

/* ---- one folder; the lock is held ---- */

static void folder_unref(StoreFsFolder *folder)
{
    if (!folder || --folder->references > 0)
        return;
    pacs_auto_close(&folder->fd);
    (void)pthread_cond_destroy(&folder->made);
    free(folder);
}

/** Names that nobody will take. What a failed unlink leaves is found by the next sweep. */
static void drop_names(StoreFsFolder *folder)
{
    for (; folder->ready_count > 0; folder->ready_count--) {
        StoreFsName *unused = &folder->ready[folder->ready_count - 1];
        char name[STORE_FS_NAME_MAX];
        pacs_store_fs_object_name(unused->object, name);
        (void)unlinkat(folder->fd, name, 0);
        pacs_auto_close(&unused->fd);
    }
}

/** The current folder, if any, gives way to another. Names that are just being made are dropped by who makes them. */
static void replace_current(StoreFsFolders *folders, StoreFsFolder *folder)
{
    StoreFsFolder *last = folders->current;
    folders->current = folder;
    if (!last)
        return;
    drop_names(last);
    last->is_left = true;
    folder_unref(last);
}

void pacs_store_fs_folders_clear(StoreFsFolders *folders)
{
    uint64_t id = folders->current ? folders->current->id : 0;
    replace_current(folders, NULL);
    if (id)
        pacs_store_fs_folder_tidy(folders, id); /* a start that stored nothing leaves nothing */
    pacs_auto_close(&folders->objects_fd);
    (void)pthread_mutex_destroy(&folders->lock);
}

/* 48 bits of milliseconds, 16 random ones: an id is not used again even where a backup brought an older
 * clock. */
static PacsStatus next_id(StoreFsFolders *folders, uint64_t *ret_id, PacsError *err)
{
    uint16_t random = 0;
    PacsStatus status = pacs_random(&random, sizeof random, err);
    if (status != PACS_OK)
        return status;
    uint64_t id = (uint64_t)pacs_now_ms() << 16 | random;
    if (id <= folders->last_id) /* within the same millisecond, or the clock stepped back */
        id = folders->last_id + 1 + random;
    *ret_id = folders->last_id = id;
    return PACS_OK;
}

static PacsStatus folder_new(StoreFsFolders *folders, StoreFsFolder **ret_folder, PacsError *err)
{
    uint64_t id;
    PacsStatus status = next_id(folders, &id, err);
    if (status != PACS_OK)
        return status;

    char name[STORE_FS_NAME_MAX];
    pacs_store_fs_folder_name(id, name);
    if (mkdirat(folders->objects_fd, name, 0750) < 0)
        return pacs_store_fs_fail(err, errno, "make a folder for objects");
    PACS_AUTO_CLOSE int fd = openat(folders->objects_fd, name,
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return pacs_store_fs_fail(err, errno, "open a folder for objects");
    /* Once per thousands of objects, so it may hold up the others: none of them could be promised before. */
    if (fsync(folders->objects_fd) < 0)
        return pacs_store_fs_fail(err, errno, "sync the folder of folders");

    StoreFsFolder *folder = calloc(1, sizeof *folder);
    if (!folder)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a folder of objects");
    *folder = (StoreFsFolder){.id = id, .fd = pacs_steal_fd(&fd), .references = 1, .at_once = 1};
    (void)pthread_cond_init(&folder->made, NULL); /* cannot fail with default attributes on Linux */
    *ret_folder = folder;
    return PACS_OK;
}

/* ---- names in advance ---- */

/*
 * A file gets its final name at once: nobody knows it before an index row names it, so a temporary name would protect
 * nothing and its rename would cost a second change of the folder (README: measured). And it gets it before anybody
 * asks: names are made some at a time and made durable together, so that an object pays neither for its name nor for
 * waiting until the folder is on the disk.
 */
static int open_name(const StoreFsFolder *folder, StoreFsName *name)
{
    char text[STORE_FS_NAME_MAX];
    pacs_store_fs_object_name(name->object, text);
    name->fd = openat(folder->fd, text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    return name->fd < 0 ? errno : 0;
}

/** errno where there are fewer names than asked for, with *count those that there are. */
static int open_names(const StoreFsFolder *folder, StoreFsName *names, size_t *count)
{
    int error = 0;
    size_t opened = 0;
    while (opened < *count && (error = open_name(folder, &names[opened])) == 0)
        opened++;
    *count = opened;
    return error;
}

static size_t names_to_make(const StoreFsFolders *folders, const StoreFsFolder *folder)
{
    const size_t room = STORE_FS_NAMES - folder->ready_count;
    const size_t left = folders->objects_per_folder - folder->objects;
    size_t count = folder->at_once < room ? folder->at_once : room;
    return count < left ? count : left;
}

/**
 * The lock is held, and given up while the disk works. A folder whose sync failed is broken for good: the kernel may call
 * the lost pages clean, and the next fsync would say yes. Returns errno.
 */
static int make_names(StoreFsFolders *folders, StoreFsFolder *folder)
{
    StoreFsName names[STORE_FS_NAMES];
    size_t count = names_to_make(folders, folder);
    for (size_t i = 0; i < count; i++)
        names[i] = (StoreFsName){.object = ++folder->objects, .fd = -1};
    folder->is_making = true;
    folder->references++;
    unlock(folders);
    int error = open_names(folder, names, &count);
    int sync_error = count > 0 && fsync(folder->fd) < 0 ? errno : 0;
    lock(folders);
    folder->is_making = false;
    folder->is_broken = folder->is_broken || sync_error != 0 ||
                        error == ENOENT; /* the folder itself is gone */
    folder->at_once = 2 * folder->at_once < STORE_FS_NAMES_AT_ONCE ? 2 * folder->at_once
                                                                   : STORE_FS_NAMES_AT_ONCE;
    memcpy(folder->ready + folder->ready_count, names, count * sizeof *names);
    folder->ready_count += count;
    if (folder->is_broken || folder->is_left)
        drop_names(folder);
    (void)pthread_cond_broadcast(&folder->made);
    folder_unref(folder);
    return sync_error != 0 ? sync_error : error;
}

static bool may_make(const StoreFsFolders *folders, const StoreFsFolder *folder)
{
    return !folder->is_making && !folder->is_broken && !folder->is_left && names_to_make(folders, folder) > 0;
}

static void help_make(void *argument)
{
    StoreFsHelp *help = argument;
    StoreFsFolders *folders = help->folders;
    StoreFsFolder *folder = help->folder;

    lock(folders);
    folder->is_helped = false;
    if (may_make(folders, folder))
        (void)make_names(folders, folder); /* who needs one and finds none hears of the reason */
    folder_unref(folder);
    unlock(folders);
}

/** Have more made before the last is gone. */
static void ask_for_names(StoreFsFolders *folders, StoreFsFolder *folder, PacsPool *helpers)
{
    if (folder->is_helped || folder->ready_count > folder->at_once / 2 || !may_make(folders, folder))
        return;
    folder->help = (StoreFsHelp){.folders = folders, .folder = folder};
    folder->is_helped = pacs_pool_submit(helpers, help_make, &folder->help, NULL) == PACS_OK;
    folder->references += folder->is_helped ? 1 : 0;
}

/* ---- files of the current folder ---- */

/* A folder that is full, failed to sync, or has vanished gives way to a new one. */
static StoreFsFolder *usable_folder(const StoreFsFolders *folders)
{
    StoreFsFolder *current = folders->current;
    const bool usable = current && !current->is_broken &&
                        (current->ready_count > 0 || current->is_making ||
                         current->objects < folders->objects_per_folder);
    return usable ? current : NULL;
}

/** The first of the names that are ready. False: there is none, or somebody has removed it. */
static bool take_name(StoreFsFolder *folder, StoreFsFile *ret_file)
{
    struct stat file;
    if (folder->ready_count == 0)
        return false;
    const StoreFsName first = folder->ready[0];
    folder->ready_count--;
    memmove(folder->ready, folder->ready + 1, folder->ready_count * sizeof *folder->ready);
    if (fstat(first.fd, &file) == 0 && file.st_nlink > 0) {
        *ret_file = (StoreFsFile){.folder = folder, .object = first.object, .fd = first.fd};
        folder->given = first.object;
        folder->references++;
        return true;
    }
    close(first.fd);
    folder->is_broken = true;
    drop_names(folder);
    return false;
}

/** The lock is held. *ret_file has no folder if there is no name, with *ret_error, or because others were quicker. */
static PacsStatus find_name(StoreFsFolders *folders, StoreFsFile *ret_file, int *ret_error, PacsError *err)
{
    *ret_file = (StoreFsFile){.fd = -1};
    *ret_error = 0;
    StoreFsFolder *folder = usable_folder(folders);
    if (!folder) {
        PacsStatus status = folder_new(folders, &folder, err);
        if (!folder)
            return status;
        replace_current(folders, folder);
    }
    folder->references++; /* another may become the current one while we wait */
    while (folder->ready_count == 0 && folder->is_making)
        (void)pthread_cond_wait(&folder->made, &folders->lock);
    if (folder->ready_count == 0 && may_make(folders, folder))
        *ret_error = make_names(folders, folder);
    if (!take_name(folder, ret_file) && folder->is_broken && *ret_error == 0)
        *ret_error = ENOENT;
    folder_unref(folder);
    return PACS_OK;
}

PacsStatus pacs_store_fs_file_create(StoreFsFolders *folders, PacsPool *helpers, StoreFsFile *ret_file,
                                     PacsError *err)
{
    StoreFsFile file = {.fd = -1};
    PacsStatus status = PACS_OK;
    int error = 0;
    lock(folders);
    for (int failures = 0; status == PACS_OK && !file.folder && failures < CREATE_TRIES;) {
        status = find_name(folders, &file, &error, err);
        failures += error != 0 ? 1 : 0;
    }
    if (file.folder)
        ask_for_names(folders, file.folder, helpers);
    unlock(folders);
    if (status == PACS_OK && !file.folder)
        return pacs_store_fs_fail(err, error, "create a file");
    if (status == PACS_OK)
        *ret_file = file;
    return status;
}

void pacs_store_fs_folders_last(StoreFsFolders *folders, uint64_t *ret_folder, uint64_t *ret_object)
{
    lock(folders);
    *ret_folder = folders->current ? folders->current->id : UINT64_MAX;
    *ret_object = folders->current ? folders->current->given : UINT64_MAX;
    unlock(folders);
}

static void leave_folder(StoreFsFolders *folders, StoreFsFolder *folder)
{
    lock(folders);
    folder_unref(folder);
    unlock(folders);
}

void pacs_store_fs_file_clear(StoreFsFolders *folders, StoreFsFile *file, bool keep)
{
    if (!keep) {
        char name[STORE_FS_NAME_MAX];
        pacs_store_fs_object_name(file->object, name);
        (void)unlinkat(file->folder->fd, name, 0); /* what stays is found by the next sweep */
    }
    pacs_auto_close(&file->fd);
    leave_folder(folders, file->folder);
}

PacsStatus pacs_store_fs_folder_sync(const StoreFsFolders *folders, uint64_t id, PacsError *err)
{
    char name[STORE_FS_NAME_MAX];
    pacs_store_fs_folder_name(id, name);
    PACS_AUTO_CLOSE int fd = openat(folders->objects_fd, name,
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return pacs_store_fs_fail(err, errno, "open a folder of objects");
    /* The folder went with its last object: then that has to last. */
    return fsync(fd < 0 ? folders->objects_fd : fd) == 0
               ? PACS_OK
               : pacs_store_fs_fail(err, errno, "sync a folder of objects");
}

void pacs_store_fs_folder_tidy(StoreFsFolders *folders, uint64_t id)
{
    lock(folders);
    bool current = folders->current && folders->current->id == id;
    unlock(folders);
    if (current)
        return;
    char name[STORE_FS_NAME_MAX];
    pacs_store_fs_folder_name(id, name);
    (void)unlinkat(folders->objects_fd, name, AT_REMOVEDIR); /* fails where objects are left, as it should */
}
