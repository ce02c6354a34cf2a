#include "pacs/store/store_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"

/* A folder can vanish between being chosen and being used (an operator, a tidy); a second time is no
 * accident. */
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
    (void)pthread_cond_destroy(&folder->synced);
    free(folder);
}

void pacs_store_fs_folders_clear(StoreFsFolders *folders)
{
    StoreFsFolder *last = folders->current;
    uint64_t id = last ? last->id : 0;
    folders->current = NULL;
    folder_unref(last);
    if (last)
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
    *folder = (StoreFsFolder){.id = id, .fd = pacs_steal_fd(&fd), .references = 1};
    (void)pthread_cond_init(&folder->synced, NULL); /* cannot fail with default attributes on Linux */
    *ret_folder = folder;
    return PACS_OK;
}

/* A folder that is full, failed to sync, or did not take a file (`broken_id`) gives way to a new one. */
static StoreFsFolder *usable_folder(const StoreFsFolders *folders, uint64_t broken_id)
{
    StoreFsFolder *current = folders->current;
    bool usable = current && current->id != broken_id && current->sync_error == 0 &&
                  current->objects < folders->objects_per_folder;
    return usable ? current : NULL;
}

/* ---- files of the current folder ---- */

static PacsStatus choose(StoreFsFolders *folders, uint64_t broken_id, StoreFsFile *file, PacsError *err)
{
    PacsStatus status = PACS_OK;
    lock(folders);
    StoreFsFolder *folder = usable_folder(folders, broken_id);
    if (!folder) {
        status = folder_new(folders, &folder, err);
        if (folder) {
            folder_unref(folders->current);
            folders->current = folder;
        }
    }
    if (folder) {
        folder->references++;
        *file = (StoreFsFile){.folder = folder, .object = ++folder->objects, .fd = -1};
    }
    unlock(folders);
    return status;
}

static void leave_folder(StoreFsFolders *folders, StoreFsFolder *folder)
{
    lock(folders);
    folder_unref(folder);
    unlock(folders);
}

/*
 * The file gets its final name at once: nobody knows it before an index row names it, so a temporary name
 * would protect nothing and its rename would cost a second change of the folder (README: measured).
 */
static int open_file(StoreFsFolders *folders, StoreFsFile *file)
{
    char name[STORE_FS_NAME_MAX];
    pacs_store_fs_object_name(file->object, name);
    file->fd = openat(file->folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (file->fd < 0)
        return errno;
    lock(folders);
    file->sync_number = file->folder->syncs_started + 1; /* the first that is sure to see the name */
    unlock(folders);
    return 0;
}

PacsStatus pacs_store_fs_file_create(StoreFsFolders *folders, StoreFsFile *ret_file, PacsError *err)
{
    uint64_t broken_id = 0; /* no folder has it */
    int error = 0;
    for (int try = 0; try < CREATE_TRIES; try++) {
        StoreFsFile file = {.fd = -1};
        PacsStatus status = choose(folders, broken_id, &file, err);
        if (!file.folder)
            return status;
        error = open_file(folders, &file);
        if (error == 0) {
            *ret_file = file;
            return PACS_OK;
        }
        broken_id = file.folder->id;
        leave_folder(folders, file.folder);
        if (error != ENOENT) /* ENOENT: the folder itself is gone */
            break;
    }
    return pacs_store_fs_fail(err, error, "create a file");
}

/* The lock is held, and given up while the disk works. */
static void sync_for_all(StoreFsFolders *folders, StoreFsFolder *folder)
{
    uint64_t number = ++folder->syncs_started;
    folder->syncing = true;
    unlock(folders);
    int error = fsync(folder->fd) < 0 ? errno : 0;
    lock(folders);
    folder->syncing = false;
    folder->syncs_done = number;
    if (error != 0 && folder->sync_error == 0)
        folder->sync_error = error;
    (void)pthread_cond_broadcast(&folder->synced);
}

/*
 * The name's sync and the file's go on side by side: where the file system keeps a journal, one of them does the work of both, where
 * it keeps none, each waits for the disk.
 */
static void help_sync(void *argument)
{
    StoreFsSyncHelp *help = argument;
    StoreFsFolders *folders = help->folders;
    StoreFsFolder *folder = help->folder;

    lock(folders);
    folder->helped = false;
    bool is_late = folder->syncing || folder->syncs_started >= help->sync_number; /* somebody was quicker */
    if (!is_late && folder->sync_error == 0)
        sync_for_all(folders, folder);
    folder_unref(folder);
    unlock(folders);
}

void pacs_store_fs_file_begin_sync(StoreFsFolders *folders, StoreFsFile *file, PacsPool *helpers)
{
    StoreFsFolder *folder = file->folder;

    lock(folders);
    bool needed = folder->syncs_done < file->sync_number && !folder->syncing && !folder->helped &&
                  folder->sync_error == 0;
    if (needed) {
        folder->help = (StoreFsSyncHelp){
            .folders = folders, .folder = folder, .sync_number = file->sync_number};
        folder->helped = pacs_pool_submit(helpers, help_sync, &folder->help, NULL) == PACS_OK;
        folder->references += folder->helped ? 1 : 0;
    }
    unlock(folders);
}

PacsStatus pacs_store_fs_file_sync_name(StoreFsFolders *folders, StoreFsFile *file, PacsError *err)
{
    StoreFsFolder *folder = file->folder;
    lock(folders);
    while (folder->syncs_done < file->sync_number && folder->sync_error == 0) {
        if (folder->syncing)
            (void)pthread_cond_wait(&folder->synced, &folders->lock);
        else
            sync_for_all(folders, folder);
    }
    int error = folder->sync_error;
    unlock(folders);
    /* Never tried again: after a failed fsync the kernel may call the lost pages clean, and the next fsync
     * would say yes. Everybody who waited is refused, and usable_folder() passes the folder by from now on.
     */
    return error == 0 ? PACS_OK : pacs_store_fs_fail(err, error, "sync a folder of objects");
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
