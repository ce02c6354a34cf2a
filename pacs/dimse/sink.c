#include "pacs/dimse/sink.h"

static PacsStatus ingest_admit(void *context, PacsError *err)
{
    return pacs_ingest_admit(context, err);
}

static PacsStatus ingest_begin(void *context, const PacsUploadRequest *request, void **ret_upload,
                               PacsError *err)
{
    PacsUpload *upload = NULL;
    PacsStatus status = pacs_ingest_begin(context, request, &upload, err);

    if (status == PACS_OK)
        *ret_upload = upload;
    return status;
}

static PacsStatus ingest_room(void *upload, uint8_t **ret_room, size_t *ret_size, PacsError *err)
{
    return pacs_upload_room(upload, ret_room, ret_size, err);
}

static PacsStatus ingest_filled(void *upload, size_t size, PacsError *err)
{
    return pacs_upload_filled(upload, size, err);
}

static PacsStatus ingest_feed(void *upload, const void *bytes, size_t size, PacsError *err)
{
    return pacs_upload_feed(upload, bytes, size, err);
}

static PacsStatus ingest_finish(void *upload, PacsIngested *ret_ingested, PacsError *err)
{
    return pacs_upload_finish(upload, ret_ingested, err);
}

static void ingest_free(void *upload)
{
    pacs_upload_free(upload);
}

PacsSink pacs_sink_ingest(PacsIngest *ingest)
{
    return (PacsSink){.context = ingest,
                      .admit = ingest_admit,
                      .begin = ingest_begin,
                      .room = ingest_room,
                      .filled = ingest_filled,
                      .feed = ingest_feed,
                      .finish = ingest_finish,
                      .free = ingest_free};
}
