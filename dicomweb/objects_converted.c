#include "dicomweb/objects_converted.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicomweb/conversions.h"
#include "pacs/retrieve/converted_object.h"

#define HEAD_MAX 1024 /* of a part: three UIDs and a root of some hundred characters */

/** The objects one after the other, each opened when its turn has come. */
typedef struct ObjectsSource {
    PacsSource base;
    DicomwebConversion conversion;
    PacsHttpRequest *request;
    size_t next;        /* object to open */
    PacsSource *object; /* NULL: between two */
    const char *syntax; /* of it */
    PacsBuffer text;    /* of boundaries and heads */
    size_t text_taken;
    bool has_ended;
} ObjectsSource;

static bool has_gone(void *context)
{
    return pacs_http_cancelled(context);
}

/* ---- One object ---- */

static PacsObjectConversion convert_to(const DicomwebConversion *all, size_t index, PacsHttpRequest *request)
{
    const PacsListedObject *object = &all->objects[index];

    return (PacsObjectConversion){
        .path = {.study_uid = all->study_uid,
                 .series_uid = object->series_uid,
                 .sop_instance_uid = object->sop_instance_uid},
        .target = {.transfer_syntax_uid = all->syntaxes[index]},
        .priority = all->count > 1 ? TRANSCODE_PREFETCH : TRANSCODE_INTERACTIVE,
        .is_cancelled = has_gone,
        .cancel_context = request,
    };
}

static PacsStatus open_stored(const Dicomweb *dicomweb, const PacsListedObject *object,
                              PacsSource **ret_source, PacsError *err)
{
    PacsRetrievedBytes bytes;

    PacsStatus status = pacs_retrieve_open(dicomweb->retrieve, &object->key, 0, object->size_bytes, &bytes,
                                           err);
    if (status != PACS_OK || bytes.source) {
        *ret_source = status == PACS_OK ? bytes.source : NULL;
        return status;
    }
    return pacs_source_fd(bytes.fd, 0, object->size_bytes, ret_source, err);
}

static bool cannot_be_made(PacsStatus status)
{
    return status == PACS_UNSUPPORTED || status == PACS_INVALID || status == PACS_TOO_LARGE;
}

/* *ret_syntax: what it is in. */
static PacsStatus open_object(const DicomwebConversion *all, size_t index, PacsHttpRequest *request,
                              const char **ret_syntax, PacsSource **ret_source, PacsError *err)
{
    const PacsListedObject *object = &all->objects[index];
    const PacsObjectConversion conversion = convert_to(all, index, request);
    PacsStatus status = PACS_UNSUPPORTED;

    *ret_syntax = all->syntaxes[index];
    if (dicomweb_is_converted(object, *ret_syntax)) {
        status = pacs_retrieve_convert_object(all->dicomweb->retrieve, &conversion, ret_source, err);
        if (!cannot_be_made(status))
            return status;
        if (!dicomweb_stored_will_do(all->accept, object, all->root != NULL, all->dicomweb->options.strict)) {
            if (err)
                err->status = PACS_UNSUPPORTED;
            return PACS_UNSUPPORTED; /* whatever is wrong with it, it is nothing the client did */
        }
        *ret_syntax = object->transfer_syntax_uid;
    }
    return open_stored(all->dicomweb, object, ret_source, err);
}

/* ---- Parts ---- */

static void add_head(ObjectsSource *source, size_t index, const char *syntax)
{
    const DicomwebConversion *all = &source->conversion;
    const PacsListedObject *object = &all->objects[index];

    pacs_buffer_add_format(&source->text,
                           "%s--%s\r\nContent-Type: " DICOMWEB_TYPE_DICOM "; transfer-syntax=%s\r\n"
                           "Content-Location: %s/studies/%s/series/%s/instances/%s\r\n\r\n",
                           index > 0 ? "\r\n" : "", all->boundary, syntax, all->root, all->study_uid,
                           object->series_uid, object->sop_instance_uid);
}

static PacsStatus next_part(ObjectsSource *source, PacsError *err)
{
    const DicomwebConversion *all = &source->conversion;

    pacs_source_free(source->object);
    source->object = NULL;
    pacs_buffer_reset(&source->text);
    source->text_taken = 0;
    if (source->next == all->count) {
        source->has_ended = true;
        if (all->root)
            pacs_buffer_add_format(&source->text, "\r\n--%s--\r\n", all->boundary);
        return pacs_buffer_check(&source->text, err);
    }
    PacsStatus status = open_object(all, source->next, source->request, &source->syntax, &source->object,
                                    err);
    if (status == PACS_OK && all->root)
        add_head(source, source->next, source->syntax);
    source->next++;
    return status == PACS_OK ? pacs_buffer_check(&source->text, err) : status;
}

static PacsStatus objects_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    ObjectsSource *source = (ObjectsSource *)self;
    PacsStatus status = PACS_OK;

    *ret_size = 0;
    while (status == PACS_OK) {
        const size_t text = source->text.size - source->text_taken;
        if (text > 0) {
            *ret_size = text < size ? text : size;
            memcpy(bytes, source->text.bytes + source->text_taken, *ret_size);
            source->text_taken += *ret_size;
            return PACS_OK;
        }
        if (source->object)
            status = pacs_source_read(source->object, bytes, size, ret_size, err);
        if (status != PACS_OK || *ret_size > 0 || source->has_ended)
            return status;
        status = next_part(source, err);
    }
    return status;
}

static void objects_free(PacsSource *self)
{
    ObjectsSource *source = (ObjectsSource *)self;

    pacs_source_free(source->object);
    pacs_buffer_clear(&source->text);
    free(source);
}

static PacsStatus objects_open(const DicomwebConversion *conversion, PacsHttpRequest *request,
                               PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = objects_read, .free = objects_free};
    ObjectsSource *source = calloc(1, sizeof *source);

    if (!source)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    *source = (ObjectsSource){.base.ops = &ops, .conversion = *conversion, .request = request};
    pacs_buffer_init(&source->text, HEAD_MAX + strlen(conversion->root ? conversion->root : ""));
    PACS_AUTO(PacsSource) opened = &source->base;
    PacsStatus status = next_part(source, err); /* while a refusal can still be said */
    if (status == PACS_OK)
        *ret_source = PACS_STEAL(opened);
    return status;
}

/* ---- The answer ---- */

static PacsStatus check_all(const DicomwebConversion *all, PacsHttpRequest *request, PacsError *err)
{
    PacsStatus status = PACS_OK;

    for (size_t i = 0; status == PACS_OK && i < all->count; i++) {
        const PacsObjectConversion conversion = convert_to(all, i, request);
        if (dicomweb_is_converted(&all->objects[i], all->syntaxes[i]) &&
            !dicomweb_stored_will_do(all->accept, &all->objects[i], all->root != NULL,
                                     all->dicomweb->options.strict))
            status = pacs_retrieve_check_conversion(all->dicomweb->retrieve, &conversion, err);
        if (pacs_http_cancelled(request))
            return pacs_fail(err, PACS_CANCELLED, "the client has gone");
    }
    return status;
}

PacsStatus dicomweb_reply_converted(const DicomwebConversion *conversion, const char *common_syntax,
                                    PacsHttpRequest *request, PacsHttpReply *reply, PacsError *err)
{
    const bool is_multipart = conversion->root != NULL;
    DicomwebOffer offer = {.media_type = DICOMWEB_TYPE_DICOM, .is_multipart = is_multipart};
    PacsSource *source = NULL;

    if (pacs_http_defer(request, reply))
        return PACS_OK;
    PacsStatus status = check_all(conversion, request, err);
    if (status == PACS_OK)
        status = objects_open(conversion, request, &source, err);
    if (status != PACS_OK)
        return status;
    /* Parts say for themselves what they are, as some may leave as they are stored. */
    offer.transfer_syntax_uid = is_multipart ? NULL : ((ObjectsSource *)source)->syntax;
    if (is_multipart && !dicomweb_stored_will_do(conversion->accept, conversion->objects, true,
                                                 conversion->dicomweb->options.strict))
        offer.transfer_syntax_uid = common_syntax;
    pacs_http_reply_slow_source(reply,
                                dicomweb_content_type(&offer, conversion->boundary, pacs_http_arena(request)),
                                source, PACS_HTTP_UNKNOWN_SIZE);
    return PACS_OK;
}
