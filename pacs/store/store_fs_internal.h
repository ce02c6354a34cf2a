#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "pacs/store/store_backend.h"
#include "pacs/util/blocks.h"
#include "pacs/util/pool.h"

/**
 * The files of the fs back end among themselves. In the store's root:
 *
 *     lock                       held with flock(2) by the process that has the store open
 *     objects/<folder>/<object>  both 16 lower-case hexadecimal digits: the two halves of the key
 *
 * Folders are numbered by the time they were begun, objects by a count within the folder.
 */

#define STORE_FS_NAME_MAX 40 /* "<folder>/<object>" and a NUL, with room to spare */

void pacs_store_fs_folder_name(uint64_t folder, char ret_name[STORE_FS_NAME_MAX]);
void pacs_store_fs_object_name(uint64_t object, char ret_name[STORE_FS_NAME_MAX]);
/** True if `name` is one of ours; *ret_number only then. */
bool pacs_store_fs_parse_name(const char *name, uint64_t *ret_number);

/** errno in our words: "cannot <what>: <reason>". Never names the root, which is the operator's business. */
PacsStatus pacs_store_fs_fail(PacsError *err, int error, const char *what);

/* ---- folders and their names (store_fs_folder.c) ---- */

typedef struct StoreFsFolders StoreFsFolders;
typedef struct StoreFsFolder StoreFsFolder;

#define STORE_FS_NAMES_AT_ONCE 32 /* made and synced together: then the sync costs each of them little */
#define STORE_FS_NAMES (STORE_FS_NAMES_AT_ONCE + STORE_FS_NAMES_AT_ONCE / 2)

/** A file that was made and is empty, its name on stable storage. */
typedef struct StoreFsName {
    uint64_t object;
    int fd;
} StoreFsName;

/** What a helper is handed that makes names. */
typedef struct StoreFsHelp {
    StoreFsFolders *folders;
    StoreFsFolder *folder;
} StoreFsHelp;

/**
 * A folder that objects are put into. All fields are under the lock of StoreFsFolders, except id and fd,
 * which never change.
 */
struct StoreFsFolder {
    uint64_t id;
    int fd;
    unsigned references;
    uint32_t objects;                  /* names made */
    uint64_t given;                    /* the last that an object got; what is greater is no object yet */
    StoreFsName ready[STORE_FS_NAMES]; /* the next first */
    size_t ready_count;
    size_t at_once; /* so many are made the next time: few for a start that stores little */
    bool is_making; /* somebody makes names, for all who wait */
    bool is_helped; /* a helper was asked to make some and has not yet come */
    bool is_broken; /* it failed to sync or has vanished: no more names of it */
    bool is_left;   /* no longer the current one */
    pthread_cond_t made;
    StoreFsHelp help; /* in use while is_helped */
};

struct StoreFsFolders {
    pthread_mutex_t lock;
    int objects_fd;
    uint32_t objects_per_folder;
    uint64_t last_id;       /* ids only grow, also where the clock steps back */
    StoreFsFolder *current; /* NULL until the first object */
};

/** A new file of the current folder. */
typedef struct StoreFsFile {
    StoreFsFolder *folder; /* referenced */
    uint64_t object;
    int fd;
} StoreFsFile;

void pacs_store_fs_folders_init(StoreFsFolders *folders);
/** *Takes* objects_fd, also on failure. */
PACS_CHECKED PacsStatus pacs_store_fs_folders_open(StoreFsFolders *folders, int objects_fd,
                                                   uint32_t objects_per_folder, PacsError *err);
void pacs_store_fs_folders_clear(StoreFsFolders *folders);

/** Empty, and its name is on stable storage. Files are given out in the order of their numbers. */
PACS_CHECKED PacsStatus pacs_store_fs_file_create(StoreFsFolders *folders, PacsPool *helpers,
                                                  StoreFsFile *ret_file, PacsError *err);
/** The last object that began, as folder and object; files behind it in its folder are names made in advance. */
void pacs_store_fs_folders_last(StoreFsFolders *folders, uint64_t *ret_folder, uint64_t *ret_object);
/** Close and, unless it is to be kept, unlink. */
void pacs_store_fs_file_clear(StoreFsFolders *folders, StoreFsFile *file, bool keep);
/** Make what was removed from a folder, or the removal of the folder itself, durable. */
PACS_CHECKED PacsStatus pacs_store_fs_folder_sync(const StoreFsFolders *folders, uint64_t id, PacsError *err);
/** Remove a folder if it is empty and no longer the current one. */
void pacs_store_fs_folder_tidy(StoreFsFolders *folders, uint64_t id);

/* ---- free space (store_fs_space.c) ---- */

typedef struct StoreFsSpace {
    pthread_mutex_t lock;
    int root_fd; /* borrowed */
    uint64_t min_free_bytes;
    uint64_t looked_ns; /* monotonic; 0: never */
    uint64_t free_bytes;
} StoreFsSpace;

void pacs_store_fs_space_init(StoreFsSpace *space);
void pacs_store_fs_space_clear(StoreFsSpace *space);
/** PACS_NO_SPACE unless `more_bytes` would leave min_free_bytes free. Looks at the disk once a second. */
PACS_CHECKED PacsStatus pacs_store_fs_space_check(StoreFsSpace *space, uint64_t more_bytes, PacsError *err);

/* ---- writing around the page cache (store_fs_flight.c) ---- */

/** Set or clear O_DIRECT; false where the file system has none. */
bool pacs_store_fs_set_direct(int fd, bool direct);

/**
 * One buffer on its way to the disk, so that its writer can fill the next one meanwhile. Where the helpers are
 * busy, the write is done at once by who asks for it.
 *
 * Threads: one writer; what is in flight belongs to the helper until it has landed.
 */
typedef struct StoreFsFlight {
    PacsPool *helpers; /* borrowed */
    sem_t landed;
    bool is_under_way;
    int fd;
    uint8_t *bytes; /* a block; borrowed until landed */
    size_t size;
    uint64_t offset;
    size_t done; /* bytes written, less than size only with an error */
    int error;   /* errno of the write that failed, 0 for none */
} StoreFsFlight;

PACS_CHECKED PacsStatus pacs_store_fs_flight_init(StoreFsFlight *flight, PacsPool *helpers, PacsError *err);
/** Nothing is under way: waited for. */
void pacs_store_fs_flight_clear(StoreFsFlight *flight);
/** Nothing is under way. */
void pacs_store_fs_flight_begin(StoreFsFlight *flight, int fd, uint8_t *bytes, size_t size, uint64_t offset);
/** False if nothing was under way; otherwise the outcome stands in done and error. */
bool pacs_store_fs_flight_wait(StoreFsFlight *flight);

/* ---- writers (store_fs_writer.c) ---- */

/** What all writers of a store share. */
typedef struct StoreFsTools {
    StoreFsFolders folders;
    StoreFsSpace space;
    PacsBlocks *blocks;    /* borrowed */
    atomic_bool is_cached; /* asked for, or direct writes are not to be had here */
    PacsPool *helpers;     /* write and sync beside the writers */
} StoreFsTools;

PACS_CHECKED PacsStatus pacs_store_fs_writer_new(StoreFsTools *tools, uint64_t size_hint,
                                                 PacsStoreWriter **ret_writer, PacsError *err);
PACS_CHECKED PacsStatus pacs_store_fs_write(PacsStoreWriter *self, const void *bytes, size_t size,
                                            PacsError *err);
PACS_CHECKED PacsStatus pacs_store_fs_room(PacsStoreWriter *self, uint8_t **ret_room, size_t *ret_size,
                                           PacsError *err);
PACS_CHECKED PacsStatus pacs_store_fs_filled(PacsStoreWriter *self, size_t size, PacsError *err);
PACS_CHECKED PacsStatus pacs_store_fs_write_block(PacsStoreWriter *self, uint8_t **block, size_t size,
                                                  PacsError *err);
PACS_CHECKED PacsStatus pacs_store_fs_commit(PacsStoreWriter *self, PacsError *err);
void pacs_store_fs_writer_free(PacsStoreWriter *self);

/* ---- listing (store_fs_list.c) ---- */

PACS_CHECKED PacsStatus pacs_store_fs_list(StoreFsFolders *folders, const PacsKey *from,
                                           PacsStoreVisit *visit, void *context, PacsError *err);
/** Highest folder number there is, 0 for none. */
PACS_CHECKED PacsStatus pacs_store_fs_last_folder(int objects_fd, uint64_t *ret_id, PacsError *err);
