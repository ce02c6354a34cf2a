#include "dicomweb/report.h"

#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/url.h"
#include "pacs/dicom/report_html.h"
#include "pacs/retrieve/instance_values.h"
#include "pacs/util/limits.h"

#define PAGE_VERSION "1" /* rises when other pages come out of the same report */
#define HTML "text/html; charset=utf-8"
#define POLICY "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"

bool dicomweb_is_report(const PacsStoredObject *object)
{
    static const char reports[] = "1.2.840.10008.5.1.4.1.1.88.";
    static const char macular_grid[] =
        "1.2.840.10008.5.1.4.1.1.79.1"; /* an SR document among ophthalmic ones */

    return strncmp(object->sop_class_uid, reports, sizeof reports - 1) == 0 ||
           strcmp(object->sop_class_uid, macular_grid) == 0;
}

static PacsStatus take_fingerprint(const PacsStoredObject *object, const char *root, PacsArena *arena,
                                   char ret_hex[DICOMWEB_FINGERPRINT_SIZE], PacsError *err)
{
    char key[PACS_KEY_HEX + 1];

    pacs_key_format(&object->key, key);
    const char *form = pacs_arena_printf(arena, "page " PAGE_VERSION " %s %s", key, root);
    return form ? dicomweb_fingerprint(form, NULL, 0, ret_hex, err)
                : pacs_fail(err, PACS_NO_MEMORY, "no memory for a report");
}

static PacsStatus write_page(Dicomweb *dicomweb, const PacsUidPath *path, const char *root, PacsBuffer *page,
                             PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_REPORT_ARENA);
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    const PacsInstanceName name = {.path = path};
    const PacsReportLinks links = {.root = root};
    PacsInstanceValues values;

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a report");
    const PacsStatus status = pacs_instance_values_find(dicomweb->retrieve, &name, arena, &json, &values,
                                                        err);
    return status == PACS_OK
               ? pacs_report_html_write((PacsSlice){pacs_buffer_text(&json), json.size}, &links, page, err)
               : status;
}

PacsStatus dicomweb_reply_report(Dicomweb *dicomweb, const PacsUidPath *path, const PacsStoredObject *object,
                                 const char *kept, PacsHttpRequest *request, PacsHttpReply *reply,
                                 PacsError *err)
{
    static const DicomwebOffer offer = {.media_type = "text/html"};
    PACS_AUTO_BUFFER PacsBuffer page = PACS_BUFFER(PACS_MAX_REPORT_PAGE);
    const char *root = dicomweb_public_path(&dicomweb->options, request);
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];

    if (!root)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a report");
    if (!dicomweb_negotiate(request, reply, &offer, 1))
        return PACS_OK;
    PacsStatus status = take_fingerprint(object, root, pacs_http_arena(request), fingerprint, err);
    if (status != PACS_OK)
        return status;
    const bool is_unchanged = dicomweb_reply_unchanged(request, reply, fingerprint);
    if (kept)
        pacs_http_reply_header(reply, "Cache-Control", kept);
    if (is_unchanged || pacs_http_defer(request, reply))
        return PACS_OK;
    status = write_page(dicomweb, path, root, &page, err);
    if (status != PACS_OK)
        return status;
    pacs_http_reply_header(reply, "Content-Security-Policy", POLICY);
    pacs_http_reply_buffer(reply, HTML, &page);
    return PACS_OK;
}
