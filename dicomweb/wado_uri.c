#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/conversions.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/objects_converted.h"
#include "dicomweb/wado_uri_picture.h"
#include "pacs/dicom/uid.h"

/**
 * WADO-URI (PS3.18 9): `{WadoRoot}?requestType=WADO&studyUID=..&seriesUID=..&objectUID=..&contentType=application/dicom`.
 * Who names nothing and means an image gets a JPEG (PS3.18 9.4.1, and Orthanc): wado_uri_picture.c.
 */

static PacsStatus read_uid(const PacsHttpRequest *request, const char *name, const char **ret_uid,
                           PacsError *err)
{
    const char *uid = pacs_http_query(request, name);

    if (!uid || !uid[0])
        return pacs_fail(err, PACS_INVALID, "the parameter %s is missing", name);
    if (!pacs_uid_acceptable(pacs_slice(uid)))
        return pacs_fail(err, PACS_INVALID, "the parameter %s is no UID", name);
    *ret_uid = uid;
    return PACS_OK;
}

static PacsStatus read_parameters(const PacsHttpRequest *request, PacsUidPath *path, PacsError *err)
{
    const char *type = pacs_http_query(request, "requestType");
    const char *syntax = pacs_http_query(request, "transferSyntax");

    if (!type || strcmp(type, "WADO") != 0)
        return pacs_fail(err, PACS_INVALID, "the parameter requestType is to be WADO");
    if (syntax && strcmp(syntax, "*") != 0 && !pacs_uid_acceptable(pacs_slice(syntax)))
        return pacs_fail(err, PACS_INVALID, "the parameter transferSyntax is no UID");
    if (pacs_http_query(request, "anonymize")) /* never answered with what it was to hide */
        return pacs_fail(err, PACS_INVALID, "the parameter anonymize is not supported");
    PacsStatus status = read_uid(request, "studyUID", &path->study_uid, err);
    if (status == PACS_OK)
        status = read_uid(request, "seriesUID", &path->series_uid, err);
    if (status == PACS_OK)
        status = read_uid(request, "objectUID", &path->sop_instance_uid, err);
    return status;
}

/* ---- What the client takes ---- */

/** The first of `offers` for one media range of contentType, or for all of Accept. */
static bool chooses_object(PacsSlice accept, bool is_image, bool *ret_chosen)
{
    static const DicomwebOffer offers[] = {{.media_type = "image/jpeg"},
                                           {.media_type = "image/png"},
                                           {.media_type = "image/gif"},
                                           {.media_type = "image/webp"},
                                           {.media_type = DICOMWEB_TYPE_DICOM}};
    const DicomwebOffer *dicom = &offers[4];
    const DicomwebOffer *chosen = is_image ? dicomweb_accept_choose(accept, offers, 5)
                                           : dicomweb_accept_choose(accept, dicom, 1);

    *ret_chosen = chosen != NULL;
    return chosen == dicom;
}

/** Whether contentType, whose first word that can be served counts (PS3.18 9.4.1.2), or else Accept asks for a DICOM
 *  object. What says nothing means a picture where there is one. */
static bool wants_object(const PacsHttpRequest *request, const PacsListedObject *object)
{
    const char *wanted = pacs_http_query(request, "contentType");
    PacsSlice rest = pacs_slice(wanted), word;
    bool is_chosen = false, is_object = false;

    if (!wanted || !wanted[0])
        return chooses_object(pacs_slice(pacs_http_header(request, "Accept")), object->has_pixel_data,
                              &is_chosen);
    while (!is_chosen && pacs_slice_split(&rest, ',', &word))
        if (pacs_slice_trim(word).size > 0)
            is_object = chooses_object(word, object->has_pixel_data, &is_chosen);
    return is_object;
}

/* The transfer syntax that the object leaves in. */
static PacsStatus check_wishes(const Dicomweb *dicomweb, const PacsHttpRequest *request,
                               const PacsListedObject *object, const char **ret_accept,
                               const char **ret_syntax, PacsError *err)
{
    const char *syntax = pacs_http_query(request, "transferSyntax");
    const char *accept = pacs_arena_printf(pacs_http_arena(request), "%s%s%s", DICOMWEB_TYPE_DICOM,
                                           syntax ? "; transfer-syntax=" : "", syntax ? syntax : "");

    if (!accept)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    *ret_syntax = dicomweb_object_syntax(dicomweb->retrieve, accept, object, false, dicomweb->options.strict);
    if (!*ret_syntax)
        return pacs_fail(err, PACS_UNSUPPORTED, "the object is there as %s, and is not converted to that",
                         object->transfer_syntax_uid);
    *ret_accept = accept;
    return PACS_OK;
}

/* ---- The answer ---- */

static PacsStatus take_fingerprint(PacsHttpRequest *request, const PacsListedObject *object,
                                   const char *syntax, char ret_hex[DICOMWEB_FINGERPRINT_SIZE],
                                   PacsError *err)
{
    const char *form = dicomweb_is_converted(object, syntax)
                           ? pacs_arena_printf(pacs_http_arena(request), "uri to %s by " PACS_VERSION, syntax)
                           : "uri";

    if (!form)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    return dicomweb_fingerprint(form, object, 1, ret_hex, err);
}

static PacsStatus reply_object(Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply,
                               PacsError *err)
{
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
    PacsUidPath path = {0};
    PacsListedObject *objects = NULL;
    const char **syntaxes = pacs_arena_array(pacs_http_arena(request), 1, sizeof *syntaxes);
    const char *accept = NULL;
    size_t count = 0;

    if (!syntaxes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    PacsStatus status = read_parameters(request, &path, err);
    if (status == PACS_OK) /* the first, where patients share it: there is room for one */
        status = pacs_index_list_objects(dicomweb->index, &path, pacs_http_arena(request), &objects, &count,
                                         err);
    if (status == PACS_OK && !wants_object(request, objects))
        return dicomweb_wado_picture(dicomweb, &path, request, reply, err);
    if (status == PACS_OK)
        status = check_wishes(dicomweb, request, objects, &accept, syntaxes, err);
    if (status == PACS_OK)
        status = take_fingerprint(request, objects, syntaxes[0], fingerprint, err);
    if (status != PACS_OK)
        return status;
    pacs_http_reply_vary(reply, "Accept");
    if (dicomweb_reply_unchanged(request, reply, fingerprint))
        return PACS_OK;
    if (!dicomweb_is_converted(objects, syntaxes[0])) {
        dicomweb_reply_object(dicomweb, objects, request, reply);
        return PACS_OK;
    }
    const DicomwebConversion conversion = {.dicomweb = dicomweb,
                                           .study_uid = path.study_uid,
                                           .objects = objects,
                                           .syntaxes = syntaxes,
                                           .count = 1,
                                           .accept = accept};
    return dicomweb_reply_converted(&conversion, syntaxes[0], request, reply, err);
}

static void retrieve(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsError err = {0};

    const PacsStatus status = reply_object(context, request, reply, &err);
    if (status == PACS_UNSUPPORTED)
        pacs_http_reply_error(request, reply, 406, &err);
    else if (status != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
}

const PacsHttpRoute dicomweb_wado_routes[] = {
    {.method = PACS_HTTP_GET, .pattern = "/", .handle = retrieve, .place = PACS_HTTP_INLINE},
};

const size_t dicomweb_wado_route_count = sizeof dicomweb_wado_routes / sizeof dicomweb_wado_routes[0];
