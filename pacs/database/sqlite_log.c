#include "pacs/database/sqlite_log.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MAX (120u << 10) /* 29 pages, two instances; SQLite 3.40 cannot write 128 KiB at once */
#define FRAME_HEADER 24         /* https://sqlite.org/fileformat2.html#walformat */
#define FRAME_COMMIT_AT 4       /* of its header: the database's size after a commit, else 0 */

/** An open log. SQLite allocates it, with room for the usual layer's own file behind. */
typedef struct LogFile {
    sqlite3_file base;
    uint8_t *gathered; /* NULL until something is written */
    size_t size;
    sqlite3_int64 offset; /* where gathered[0] belongs */
    bool commits;         /* the page that comes next is the last of its transaction */
    sqlite3_file *file;
} LogFile;

static LogFile *log_of(sqlite3_file *self)
{
    return (LogFile *)self;
}

static int write_out(LogFile *log)
{
    if (log->size == 0)
        return SQLITE_OK;
    const size_t size = log->size;
    log->size = 0; /* also where it fails: the transaction is rolled back then */
    return log->file->pMethods->xWrite(log->file, log->gathered, (int)size, log->offset);
}

static bool gather(LogFile *log, const void *bytes, size_t size, sqlite3_int64 offset)
{
    if (!log->gathered && !(log->gathered = malloc(GATHER_MAX)))
        return false;
    if (log->size == 0)
        log->offset = offset;
    if (log->offset + (sqlite3_int64)log->size != offset || size > GATHER_MAX - log->size)
        return false;
    memcpy(log->gathered + log->size, bytes, size);
    log->size += size;
    return true;
}

static bool is_commit_header(const uint8_t *bytes, size_t size)
{
    static const uint8_t none[4] = {0};

    return size == FRAME_HEADER && memcmp(bytes + FRAME_COMMIT_AT, none, sizeof none) != 0;
}

static int log_write(sqlite3_file *self, const void *bytes, int size, sqlite3_int64 offset)
{
    LogFile *log = log_of(self);
    const bool ends = log->commits;

    log->commits = is_commit_header(bytes, (size_t)size);
    if (!gather(log, bytes, (size_t)size, offset)) {
        const int code = write_out(log);
        if (code != SQLITE_OK)
            return code;
        if (!gather(log, bytes, (size_t)size, offset)) /* no memory, or more than fits */
            return log->file->pMethods->xWrite(log->file, bytes, size, offset);
    }
    return ends ? write_out(log) : SQLITE_OK;
}

static int log_close(sqlite3_file *self)
{
    LogFile *log = log_of(self);
    const int written = write_out(log);
    const int closed = log->file->pMethods->xClose(log->file);

    free(log->gathered);
    return written != SQLITE_OK ? written : closed;
}

static int log_read(sqlite3_file *self, void *bytes, int size, sqlite3_int64 offset)
{
    LogFile *log = log_of(self);
    const int code = write_out(log);

    return code == SQLITE_OK ? log->file->pMethods->xRead(log->file, bytes, size, offset) : code;
}

static int log_truncate(sqlite3_file *self, sqlite3_int64 size)
{
    LogFile *log = log_of(self);
    const int code = write_out(log);

    return code == SQLITE_OK ? log->file->pMethods->xTruncate(log->file, size) : code;
}

static int log_sync(sqlite3_file *self, int flags)
{
    LogFile *log = log_of(self);
    const int code = write_out(log);

    return code == SQLITE_OK ? log->file->pMethods->xSync(log->file, flags) : code;
}

static int log_file_size(sqlite3_file *self, sqlite3_int64 *size)
{
    LogFile *log = log_of(self);
    const int code = write_out(log);

    return code == SQLITE_OK ? log->file->pMethods->xFileSize(log->file, size) : code;
}

/* ---- passed on ---- */

static int log_lock(sqlite3_file *self, int level)
{
    sqlite3_file *file = log_of(self)->file;
    return file->pMethods->xLock(file, level);
}

static int log_unlock(sqlite3_file *self, int level)
{
    sqlite3_file *file = log_of(self)->file;
    return file->pMethods->xUnlock(file, level);
}

static int log_check_reserved_lock(sqlite3_file *self, int *result)
{
    sqlite3_file *file = log_of(self)->file;
    return file->pMethods->xCheckReservedLock(file, result);
}

static int log_file_control(sqlite3_file *self, int operation, void *argument)
{
    sqlite3_file *file = log_of(self)->file;
    return file->pMethods->xFileControl(file, operation, argument);
}

static int log_sector_size(sqlite3_file *self)
{
    sqlite3_file *file = log_of(self)->file;
    return file->pMethods->xSectorSize(file);
}

static int log_device_characteristics(sqlite3_file *self)
{
    sqlite3_file *file = log_of(self)->file;
    return file->pMethods->xDeviceCharacteristics(file);
}

/* Version 1: memory maps and shared memory are asked of the database's file, never of its log. */
static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_file_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_reserved_lock,
    .xFileControl = log_file_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_device_characteristics,
};

/* ---- the layer: SQLite's own, but for the opening of logs ---- */

static sqlite3_vfs *usual; /* lives as long as the library */
static sqlite3_vfs layer;

static int layer_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    LogFile *log = (LogFile *)file;

    (void)self;
    if (!(flags & SQLITE_OPEN_WAL))
        return usual->xOpen(usual, name, file, flags, ret_flags);
    *log = (LogFile){.file = (sqlite3_file *)(log + 1)};
    const int code = usual->xOpen(usual, name, log->file, flags, ret_flags);
    if (log->file->pMethods) /* set where xClose has to be called, also after a failure */
        log->base.pMethods = &log_methods;
    return code;
}

static int registered = SQLITE_ERROR;

static void register_layer(void)
{
    usual = sqlite3_vfs_find(NULL);
    if (!usual)
        return;
    layer = *usual;
    layer.pNext = NULL;
    layer.zName = PACS_SQLITE_VFS;
    layer.szOsFile = usual->szOsFile + (int)sizeof(LogFile);
    layer.xOpen = layer_open;
    registered = sqlite3_vfs_register(&layer, 0);
}

PacsStatus pacs_sqlite_log_register(PacsError *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* SQLite's list of layers is the process's */

    (void)pthread_once(&once, register_layer); /* fails for misuse only */
    return registered == SQLITE_OK ? PACS_OK
                                   : pacs_fail(err, PACS_INTERNAL, "cannot set SQLite's file layer up");
}
