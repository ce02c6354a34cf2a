#include "pacs/dimse/sink.h"

static PacsStatus ingest_begin(void *context, const PacsUploadRequest *request, void **ret_upload,
                               PacsError *err)
{
    PacsUpload *upload = NULL;
    PacsStatus status = pacs_ingest_begin(context, request, &upload, err);

    if (status == PACS_OK)
        *ret_upload = upload;
    return status;
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
    return (PacsSink){ingest, ingest_begin, ingest_feed, ingest_finish, ingest_free};
}
