#include "dicomweb/dicomweb_private.h"

/* DELETE of a study, a series or an instance. Where its UIDs stand under several patients a path names their union,
 * so all of it goes. */

static PacsStatus delete_all(Dicomweb *dicomweb, const PacsUidPath *path, PacsArena *arena, PacsError *err)
{
    PacsUidMatch *matches = NULL;
    size_t count = 0;

    PacsStatus status = pacs_index_find_uids(dicomweb->index, path, arena, &matches, &count, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        PacsRemaining remaining;
        status = pacs_ingest_delete(dicomweb->ingest, pacs_uid_path_level(path), matches[i].id, &remaining,
                                    err);
        if (status == PACS_NOT_FOUND) /* somebody else was quicker */
            status = PACS_OK;
    }
    return status;
}

static void reply_deleted(Dicomweb *dicomweb, PacsLevel level, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const PacsUidPath path = dicomweb_path(request, level);
    PacsError err = {0};

    if (delete_all(dicomweb, &path, pacs_http_arena(request), &err) != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
    else
        pacs_http_reply_code(reply, 204);
}

void dicomweb_delete_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_deleted(context, PACS_LEVEL_STUDY, request, reply);
}

void dicomweb_delete_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_deleted(context, PACS_LEVEL_SERIES, request, reply);
}

void dicomweb_delete_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_deleted(context, PACS_LEVEL_INSTANCE, request, reply);
}
