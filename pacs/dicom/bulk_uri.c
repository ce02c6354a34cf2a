#include "pacs/dicom/bulk_uri.h"

#include <string.h>

/*
 * In the JSON of a scan these bytes are a member and its value, and nothing else: no name has a quote in it, and in
 * a value a quote has a backslash in front.
 */
#define RELATIVE_URI "\"BulkDataURI\":\"bulkdata/"
#define URI_VALUE (sizeof "\"BulkDataURI\":\"" - 1) /* of RELATIVE_URI: where the value begins */

/** What RFC 3986 lets stand in a path as it is; UIDs of some senders have other characters. */
static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '-' || c == '_' || c == '~';
}

static void add_segment(PacsBuffer *out, const char *name, const char *uid)
{
    (void)pacs_buffer_add_text(out, name);
    for (; *uid; uid++) {
        if (is_unreserved(*uid))
            (void)pacs_buffer_add_char(out, *uid);
        else
            (void)pacs_buffer_add_format(out, "%%%02X", (unsigned char)*uid);
    }
}

/** As the inside of a JSON string. */
static void add_root(PacsBuffer *out, const char *root)
{
    for (; *root; root++) {
        if (*root == '"' || *root == '\\' || (unsigned char)*root < 0x20)
            (void)pacs_buffer_add_format(out, "%%%02X", (unsigned char)*root); /* in no URL as itself */
        else
            (void)pacs_buffer_add_char(out, *root);
    }
}

static void add_prefix(PacsBuffer *out, const PacsBulkRoot *root)
{
    add_root(out, root->root);
    add_segment(out, "/studies/", root->study_instance_uid);
    add_segment(out, "/series/", root->series_instance_uid);
    add_segment(out, "/instances/", root->sop_instance_uid);
    (void)pacs_buffer_add_char(out, '/');
}

PacsStatus pacs_bulk_uris_complete(const char *json, size_t size, const PacsBulkRoot *root, PacsBuffer *out,
                                   PacsError *err)
{
    const char *end = json + size;
    size_t before = out->size;

    for (;;) {
        const char *found = memmem(json, (size_t)(end - json), RELATIVE_URI, sizeof RELATIVE_URI - 1);
        const char *stop = found ? found + URI_VALUE : end;
        (void)pacs_buffer_add(out, json, (size_t)(stop - json)); /* `failed` tells */
        if (!found)
            break;
        add_prefix(out, root);
        json = stop;
    }
    PacsStatus status = pacs_buffer_check(out, err);
    if (status != PACS_OK)
        out->size = before;
    return status;
}
