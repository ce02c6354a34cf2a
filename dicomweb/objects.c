#include <assert.h>
#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/archive.h"
#include "dicomweb/conversions.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/multipart.h"
#include "dicomweb/objects_converted.h"
#include "dicomweb/url.h"
#include "pacs/util/limits.h"

/**
 * WADO-RS of whole objects: a study, a series, an instance (PS3.18 10.4.1.1.1), as parts, alone or as a ZIP archive.
 *
 * Who names a transfer syntax gets that or 406; who names none is owed explicit little endian (PS3.18 8.7.3), and gets
 * what is stored where nothing else can be made, or where the pixels are lossy. The answer says what it is. Objects that
 * leave as they are stored are pieces of files; others are written while they are sent (objects_converted.h).
 */

typedef enum Packaging { PARTS, SINGLE, ZIP, PACKAGING_COUNT } Packaging;

typedef struct Retrieval {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsUidPath path;
    PacsListedObject *objects;
    size_t count;
    const char **syntaxes; /* that each of them leaves in; NULL: as they are stored */
    const char *accept;
    const char *syntax; /* that all of them leave in; NULL where they differ */
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
} Retrieval;

/* ---- What a client takes ---- */

/* The syntax that each object leaves in. False: one of them is in none that is accepted. */
static bool find_syntaxes(const Retrieval *retrieval, const char *accept, bool is_multipart,
                          const char **syntaxes)
{
    const PacsListedObject *before = NULL;

    for (size_t i = 0; i < retrieval->count; i++) {
        const PacsListedObject *object = &retrieval->objects[i];
        const bool is_alike = before && before->has_pixel_data == object->has_pixel_data &&
                              before->patient_index == object->patient_index &&
                              strcmp(before->transfer_syntax_uid, object->transfer_syntax_uid) == 0;
        if (is_alike && !dicomweb_is_converted(before, syntaxes[i - 1]))
            syntaxes[i] = object->transfer_syntax_uid;
        else if (is_alike)
            syntaxes[i] = syntaxes[i - 1];
        else
            syntaxes[i] = dicomweb_object_syntax(retrieval->dicomweb->retrieve, accept, object, is_multipart,
                                                 retrieval->dicomweb->options.strict);
        if (!syntaxes[i])
            return false;
        before = object;
    }
    return true;
}

/** False: the reply is a 406. */
static bool choose(Retrieval *retrieval, PacsHttpReply *reply, Packaging *ret_packaging)
{
    PacsArena *arena = pacs_http_arena(retrieval->request);
    const char **syntaxes[PACKAGING_COUNT] = {0};
    assert(retrieval->objects && retrieval->count > 0); /* none is a 404 before */
    const DicomwebOffer all[PACKAGING_COUNT] = {
        [PARTS] = {.media_type = DICOMWEB_TYPE_DICOM,
                   .transfer_syntax_uid = retrieval->objects[0].transfer_syntax_uid,
                   .is_multipart = true,
                   .is_default = true},
        [SINGLE] = {.media_type = DICOMWEB_TYPE_DICOM,
                    .transfer_syntax_uid = retrieval->objects[0].transfer_syntax_uid,
                    .is_default = true},
        [ZIP] = {.media_type = DICOMWEB_TYPE_ZIP, .is_default = true},
    };
    const bool is_there[PACKAGING_COUNT] = {true, retrieval->count == 1, true};
    DicomwebOffer taken[PACKAGING_COUNT], there[PACKAGING_COUNT];
    Packaging packagings[PACKAGING_COUNT];
    size_t taken_count = 0, there_count = 0;
    const char *accept = retrieval->accept = dicomweb_accept_text(retrieval->request);

    for (Packaging i = PARTS; i < PACKAGING_COUNT; i++) {
        if (is_there[i])
            there[there_count++] = all[i];
        if (i != ZIP)
            syntaxes[i] = pacs_arena_array(arena, retrieval->count, sizeof *syntaxes[i]);
        if (!accept || !is_there[i] ||
            (i != ZIP && !(syntaxes[i] && find_syntaxes(retrieval, accept, i == PARTS, syntaxes[i]))))
            continue;
        packagings[taken_count] = i;
        taken[taken_count] = all[i];
        taken[taken_count++].transfer_syntax_uid = NULL; /* looked at already, for each object */
    }
    pacs_http_reply_vary(reply, "Accept");
    const DicomwebOffer *chosen = accept ? dicomweb_accept_choose(pacs_slice(accept), taken, taken_count)
                                         : NULL;
    if (chosen) {
        *ret_packaging = packagings[chosen - taken];
        retrieval->syntaxes = syntaxes[*ret_packaging];
    } else {
        dicomweb_reply_not_acceptable(retrieval->request, reply, there, there_count);
    }
    return chosen != NULL;
}

/* ---- Answers ---- */

static void reply_parts(const Retrieval *retrieval, PacsHttpReply *reply, const char *root)
{
    PacsArena *arena = pacs_http_arena(retrieval->request);
    const DicomwebOffer offer = {
        .media_type = DICOMWEB_TYPE_DICOM, .transfer_syntax_uid = retrieval->syntax, .is_multipart = true};
    DicomwebMultipart parts;

    dicomweb_multipart_begin(&parts, retrieval->request, reply, &offer, retrieval->fingerprint);
    for (size_t i = 0; i < retrieval->count; i++) {
        const PacsListedObject *object = &retrieval->objects[i];
        const DicomwebOffer part = {.media_type = DICOMWEB_TYPE_DICOM,
                                    .transfer_syntax_uid = object->transfer_syntax_uid};
        dicomweb_multipart_part(&parts, dicomweb_content_type(&part, NULL, arena),
                                pacs_arena_printf(arena, "%s/studies/%s/series/%s/instances/%s", root,
                                                  retrieval->path.study_uid, object->series_uid,
                                                  object->sop_instance_uid));
        pacs_http_reply_piece_opened(reply, &retrieval->dicomweb->opener, object, object->size_bytes);
    }
    dicomweb_multipart_end(&parts);
}

static void name_file(PacsHttpRequest *request, PacsHttpReply *reply, const char *uid, const char *suffix)
{
    const char *value = pacs_arena_printf(pacs_http_arena(request), "attachment; filename=\"%s.%s\"", uid,
                                          suffix);

    if (value)
        pacs_http_reply_header(reply, "Content-Disposition", value);
}

void dicomweb_reply_object(Dicomweb *dicomweb, const PacsListedObject *object, PacsHttpRequest *request,
                           PacsHttpReply *reply)
{
    const DicomwebOffer offer = {.media_type = DICOMWEB_TYPE_DICOM,
                                 .transfer_syntax_uid = object->transfer_syntax_uid};

    name_file(request, reply, object->sop_instance_uid, "dcm");
    pacs_http_reply_pieces(reply, dicomweb_content_type(&offer, NULL, pacs_http_arena(request)));
    pacs_http_reply_piece_opened(reply, &dicomweb->opener, object, object->size_bytes);
}

static void reply_zip(const Retrieval *retrieval, PacsHttpReply *reply)
{
    const PacsUidPath *path = &retrieval->path;
    const char *uid = path->sop_instance_uid ? path->sop_instance_uid
                      : path->series_uid     ? path->series_uid
                                             : path->study_uid;

    name_file(retrieval->request, reply, uid, "zip");
    dicomweb_reply_archive(retrieval->dicomweb->retrieve, path->study_uid, retrieval->objects,
                           retrieval->count, retrieval->request, reply);
}

static const char *syntax_at(const Retrieval *retrieval, size_t index)
{
    return retrieval->syntaxes ? retrieval->syntaxes[index] : retrieval->objects[index].transfer_syntax_uid;
}

static const char *common_syntax(const Retrieval *retrieval)
{
    for (size_t i = 1; i < retrieval->count; i++)
        if (strcmp(syntax_at(retrieval, i), syntax_at(retrieval, 0)) != 0)
            return NULL;
    return syntax_at(retrieval, 0);
}

static bool is_any_converted(const Retrieval *retrieval)
{
    for (size_t i = 0; i < retrieval->count; i++)
        if (dicomweb_is_converted(&retrieval->objects[i], syntax_at(retrieval, i)))
            return true;
    return false;
}

static PacsStatus take_fingerprint(Retrieval *retrieval, Packaging packaging, const char *root,
                                   PacsError *err)
{
    static const char *const names[PACKAGING_COUNT] = {"parts", "single", "zip"};
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_HTTP_REQUEST_ARENA);
    const char *before = NULL;

    pacs_buffer_add_format(&text, "%s %s/studies/%s", names[packaging], root, retrieval->path.study_uid);
    for (size_t i = 0; i < retrieval->count; i++) { /* who converts is part of what comes out */
        const char *syntax = syntax_at(retrieval, i);
        if (dicomweb_is_converted(&retrieval->objects[i], syntax) && syntax != before)
            pacs_buffer_add_format(&text, " %zu to %s by " PACS_VERSION, i, syntax);
        before = syntax;
    }
    const char *form = pacs_buffer_text(&text);
    if (text.failed)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    return dicomweb_fingerprint(form, retrieval->objects, retrieval->count, retrieval->fingerprint, err);
}

static void reply_stored(const Retrieval *retrieval, Packaging packaging, const char *root,
                         PacsHttpReply *reply)
{
    if (packaging == PARTS)
        reply_parts(retrieval, reply, root);
    else if (packaging == SINGLE)
        dicomweb_reply_object(retrieval->dicomweb, retrieval->objects, retrieval->request, reply);
    else
        reply_zip(retrieval, reply);
}

static PacsStatus reply_converted(const Retrieval *retrieval, Packaging packaging, const char *root,
                                  PacsHttpReply *reply, PacsError *err)
{
    const DicomwebConversion conversion = {
        .dicomweb = retrieval->dicomweb,
        .study_uid = retrieval->path.study_uid,
        .objects = retrieval->objects,
        .syntaxes = retrieval->syntaxes,
        .count = retrieval->count,
        .root = packaging == PARTS ? root : NULL,
        .accept = retrieval->accept,
        .boundary = pacs_arena_strdup(pacs_http_arena(retrieval->request), retrieval->fingerprint)};

    if (!conversion.boundary || !retrieval->accept)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    if (packaging == SINGLE)
        name_file(retrieval->request, reply, retrieval->path.sop_instance_uid, "dcm");
    return dicomweb_reply_converted(&conversion, retrieval->syntax, retrieval->request, reply, err);
}

static PacsStatus reply_chosen(Retrieval *retrieval, Packaging packaging, PacsHttpReply *reply,
                               PacsError *err)
{
    const char *root = dicomweb_public_path(&retrieval->dicomweb->options, retrieval->request);

    if (!root)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    PacsStatus status = take_fingerprint(retrieval, packaging, root, err);
    if (status != PACS_OK || dicomweb_reply_unchanged(retrieval->request, reply, retrieval->fingerprint))
        return status;
    retrieval->syntax = common_syntax(retrieval);
    if (is_any_converted(retrieval))
        return reply_converted(retrieval, packaging, root, reply, err);
    reply_stored(retrieval, packaging, root, reply);
    return PACS_OK;
}

static void reply_objects(Dicomweb *dicomweb, PacsLevel level, PacsHttpRequest *request, PacsHttpReply *reply)
{
    Retrieval retrieval = {.dicomweb = dicomweb, .request = request, .path = dicomweb_path(request, level)};
    Packaging packaging = PARTS;
    PacsError err = {0};

    PacsStatus status = pacs_index_list_objects(dicomweb->index, &retrieval.path, pacs_http_arena(request),
                                                &retrieval.objects, &retrieval.count, &err);
    if (status == PACS_OK && !choose(&retrieval, reply, &packaging))
        return;
    if (status == PACS_OK)
        status = reply_chosen(&retrieval, packaging, reply, &err);
    if (status == PACS_UNSUPPORTED)
        pacs_http_reply_error(request, reply, 406, &err);
    else if (status != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
}

PacsStatus dicomweb_open_object(void *context, const void *item, uint64_t offset, uint64_t size,
                                PacsHttpOpened *ret_opened, PacsError *err)
{
    const PacsListedObject *object = item;
    PacsRetrievedBytes bytes;

    const PacsStatus status = pacs_retrieve_open(context, &object->key, offset, size, &bytes, err);
    if (status == PACS_OK)
        *ret_opened = (PacsHttpOpened){.fd = bytes.fd, .offset = offset, .source = bytes.source};
    return status;
}

void dicomweb_retrieve_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_objects(context, PACS_LEVEL_STUDY, request, reply);
}

void dicomweb_retrieve_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_objects(context, PACS_LEVEL_SERIES, request, reply);
}

void dicomweb_retrieve_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_objects(context, PACS_LEVEL_INSTANCE, request, reply);
}
