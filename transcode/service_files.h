#pragma once

#include "pacs/util/status.h"
#include "transcode/service_lru.h"

/**
 * Results as files: <folder>/<three digits>/<digest of the object>-<digest of the key>, its bytes and a trailer that says
 * whose they are, how many, and their sum. Written under another name and renamed, so that a crash leaves nothing that
 * looks whole; not synced, so that a power loss may: what another run or another server wrote counts only once its sum
 * was checked.
 *
 * Threads: any, at once. Several servers may share the folder.
 */
typedef struct TranscodeFiles TranscodeFiles;

PACS_CHECKED PacsStatus transcode_files_open(const char *folder, uint64_t min_free_bytes,
                                             TranscodeFiles **ret_files, PacsError *err);
void transcode_files_close(TranscodeFiles *files);

/** Bytes that a result of this size takes. */
uint64_t transcode_file_size(uint64_t size);

/** False: no room on the disk, or it fails. */
bool transcode_files_write(TranscodeFiles *files, const TranscodeName *name, const void *bytes, size_t size);

/** A descriptor whose first *ret_size bytes are the result; -1: there is no such file, or it is broken (and removed).
 *  `checks` reads all of it. */
int transcode_files_find(TranscodeFiles *files, const TranscodeName *name, bool checks, uint64_t *ret_size);

void transcode_files_remove(TranscodeFiles *files, const TranscodeName *name);
/** All files of an object, whoever wrote them. */
void transcode_files_remove_object(TranscodeFiles *files, const TranscodeName *name);

/** One file of the folder. */
typedef struct TranscodeFile {
    TranscodeName name;
    uint64_t bytes;
    int64_t used_s; /* since 1970, by its time of change */
} TranscodeFile;

/** Every file there is; remains of crashes are removed. Ends early where `visit` says false. */
void transcode_files_list(TranscodeFiles *files, bool (*visit)(void *context, const TranscodeFile *file),
                          void *context);
