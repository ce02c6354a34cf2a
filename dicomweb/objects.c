#include <assert.h>
#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/archive.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/fingerprint.h"
#include "dicomweb/multipart.h"
#include "dicomweb/url.h"
#include "pacs/dicom/uid.h"

/**
 * WADO-RS of whole objects: a study, a series, an instance (PS3.18 10.4.1.1.1), as parts, alone or as a ZIP archive.
 *
 * Objects leave as they are stored. Who names a transfer syntax gets that or 406; who names none is owed explicit
 * little endian (PS3.18 8.7.3), and gets what is stored where nothing else can be made: always, unless Compat is
 * strict, and then where the pixels are lossy. The answer says what it is.
 */

typedef enum Packaging { PARTS, SINGLE, ZIP, PACKAGING_COUNT } Packaging;

typedef struct Retrieval {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsUidPath path;
    PacsListedObject *objects;
    size_t count;
    const char *syntax; /* that all of them have; NULL where they differ */
    char fingerprint[DICOMWEB_FINGERPRINT_SIZE];
} Retrieval;

/* ---- What a client takes ---- */

/** An object without pixels is the same in every transfer syntax that names its VRs, little end first. */
static bool suits_every_syntax(const PacsListedObject *object, bool strict)
{
    return !object->has_pixel_data &&
           (!strict || strcmp(object->transfer_syntax_uid, PACS_UID_EXPLICIT_LITTLE) == 0);
}

static bool is_lossy(const char *transfer_syntax_uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(transfer_syntax_uid));

    return entry && entry->flags & PACS_UID_LOSSY;
}

bool dicomweb_object_is_taken(const char *accept, const PacsListedObject *object, bool is_multipart,
                              bool strict)
{
    const char *syntax = suits_every_syntax(object, strict) ? NULL : object->transfer_syntax_uid;
    const DicomwebOffer offer = {.media_type = DICOMWEB_TYPE_DICOM,
                                 .transfer_syntax_uid = syntax,
                                 .is_multipart = is_multipart,
                                 .is_default = !strict || is_lossy(object->transfer_syntax_uid)};

    return dicomweb_accept_choose(pacs_slice(accept), &offer, 1) != NULL;
}

static bool are_all_taken(const Retrieval *retrieval, const char *accept, bool is_multipart)
{
    const PacsListedObject *before = NULL;

    for (size_t i = 0; i < retrieval->count; i++) {
        const PacsListedObject *object = &retrieval->objects[i];
        bool is_alike = before && before->has_pixel_data == object->has_pixel_data &&
                        strcmp(before->transfer_syntax_uid, object->transfer_syntax_uid) == 0;
        if (!is_alike &&
            !dicomweb_object_is_taken(accept, object, is_multipart, retrieval->dicomweb->options.strict))
            return false;
        before = object;
    }
    return true;
}

/** False: the reply is a 406. */
static bool choose(const Retrieval *retrieval, PacsHttpReply *reply, Packaging *ret_packaging)
{
    assert(retrieval->objects && retrieval->count > 0); /* none is a 404 before */
    const DicomwebOffer all[PACKAGING_COUNT] = {
        [PARTS] = {DICOMWEB_TYPE_DICOM, retrieval->objects[0].transfer_syntax_uid, true, true},
        [SINGLE] = {DICOMWEB_TYPE_DICOM, retrieval->objects[0].transfer_syntax_uid, false, true},
        [ZIP] = {DICOMWEB_TYPE_ZIP, NULL, false, true},
    };
    const bool is_there[PACKAGING_COUNT] = {true, retrieval->count == 1, true};
    DicomwebOffer taken[PACKAGING_COUNT], there[PACKAGING_COUNT];
    Packaging packagings[PACKAGING_COUNT];
    size_t taken_count = 0, there_count = 0;
    const char *accept = dicomweb_accept_text(retrieval->request);

    for (Packaging i = PARTS; i < PACKAGING_COUNT; i++) {
        if (is_there[i])
            there[there_count++] = all[i];
        if (!accept || !is_there[i] || (i != ZIP && !are_all_taken(retrieval, accept, i == PARTS)))
            continue;
        packagings[taken_count] = i;
        taken[taken_count] = all[i];
        taken[taken_count++].transfer_syntax_uid = NULL; /* looked at already, for each object */
    }
    pacs_http_reply_add_header(reply, "Vary", "Accept");
    const DicomwebOffer *chosen = accept ? dicomweb_accept_choose(pacs_slice(accept), taken, taken_count)
                                         : NULL;
    if (chosen)
        *ret_packaging = packagings[chosen - taken];
    else
        dicomweb_reply_not_acceptable(retrieval->request, reply, there, there_count);
    return chosen != NULL;
}

/* ---- Answers ---- */

static void reply_parts(const Retrieval *retrieval, PacsHttpReply *reply, const char *root)
{
    PacsArena *arena = pacs_http_arena(retrieval->request);
    const DicomwebOffer offer = {DICOMWEB_TYPE_DICOM, retrieval->syntax, true, true};
    DicomwebMultipart parts;

    dicomweb_multipart_begin(&parts, retrieval->request, reply, &offer, retrieval->fingerprint);
    for (size_t i = 0; i < retrieval->count; i++) {
        const PacsListedObject *object = &retrieval->objects[i];
        const DicomwebOffer part = {DICOMWEB_TYPE_DICOM, object->transfer_syntax_uid, false, true};
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
    const DicomwebOffer offer = {DICOMWEB_TYPE_DICOM, object->transfer_syntax_uid, false, true};

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

static const char *common_syntax(const PacsListedObject *objects, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(objects[i].transfer_syntax_uid, objects[0].transfer_syntax_uid) != 0)
            return NULL;
    return objects[0].transfer_syntax_uid;
}

static PacsStatus take_fingerprint(Retrieval *retrieval, Packaging packaging, const char *root,
                                   PacsError *err)
{
    static const char *const names[PACKAGING_COUNT] = {"parts", "single", "zip"};
    const char *form = pacs_arena_printf(pacs_http_arena(retrieval->request), "%s %s/studies/%s",
                                         names[packaging], root, retrieval->path.study_uid);

    if (!form)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    return dicomweb_fingerprint(form, retrieval->objects, retrieval->count, retrieval->fingerprint, err);
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
    const char *root = dicomweb_public_path(&dicomweb->options, request);
    if (status == PACS_OK)
        status = root ? take_fingerprint(&retrieval, packaging, root, &err)
                      : pacs_fail(&err, PACS_NO_MEMORY, "no memory for an answer");
    if (status != PACS_OK) {
        dicomweb_reply_failure(request, reply, &err);
        return;
    }
    if (dicomweb_reply_unchanged(request, reply, retrieval.fingerprint))
        return;
    retrieval.syntax = common_syntax(retrieval.objects, retrieval.count);
    if (packaging == PARTS)
        reply_parts(&retrieval, reply, root);
    else if (packaging == SINGLE)
        dicomweb_reply_object(dicomweb, retrieval.objects, request, reply);
    else
        reply_zip(&retrieval, reply);
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
