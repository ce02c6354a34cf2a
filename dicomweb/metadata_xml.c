#include "dicomweb/metadata_xml.h"

#include <stdlib.h>
#include <string.h>

#include "dicomweb/media_types.h"
#include "pacs/dicom/dicom_xml.h"
#include "pacs/util/limits.h"

#define PART_HEAD "\r\n--%s\r\nContent-Type: " DICOMWEB_TYPE_XML "\r\n\r\n"
#define BODY_END "\r\n--%s--\r\n"

typedef struct XmlSource {
    PacsSource base;
    PacsMetadataWalk *walk;
    const char *boundary;
    bool in_document, at_end;
    const DicomwebMetadataFilter *filter;
    PacsBuffer whole; /* what is filtered */
    PacsBuffer json;  /* of the document at hand */
    PacsDicomXml xml;
    PacsBuffer out;
    size_t out_read;
} XmlSource;

static PacsStatus next_instance(XmlSource *self, bool *ret_more, PacsError *err)
{
    if (!self->filter->is_active)
        return pacs_metadata_walk_next(self->walk, &self->json, ret_more, err);
    pacs_buffer_reset(&self->whole);
    PacsStatus status = pacs_metadata_walk_next(self->walk, &self->whole, ret_more, err);
    return status == PACS_OK && *ret_more
               ? dicomweb_metadata_filter_apply(self->filter,
                                                (PacsSlice){pacs_buffer_text(&self->whole), self->whole.size},
                                                &self->json, err)
               : status;
}

static PacsStatus begin_part(XmlSource *self, PacsError *err)
{
    bool more = false;

    pacs_buffer_reset(&self->json);
    PacsStatus status = next_instance(self, &more, err);
    if (status != PACS_OK)
        return status;
    self->at_end = !more;
    self->in_document = more;
    (void)pacs_buffer_add_format(&self->out, more ? PART_HEAD : BODY_END,
                                 self->boundary); /* `failed` tells */
    if (more)
        pacs_dicom_xml_init(&self->xml, (PacsSlice){(const char *)self->json.bytes, self->json.size}, "");
    return PACS_OK;
}

static PacsStatus go_on(XmlSource *self, PacsError *err)
{
    bool done = false;

    PacsStatus status = pacs_dicom_xml_next(&self->xml, &self->out, &done, err);
    if (done || status != PACS_OK) {
        pacs_dicom_xml_clear(&self->xml);
        self->in_document = false;
    }
    return status;
}

static PacsStatus xml_read(PacsSource *base, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    XmlSource *self = (XmlSource *)base;
    PacsStatus status = PACS_OK;

    if (self->out_read == self->out.size) {
        pacs_buffer_reset(&self->out);
        self->out_read = 0;
    }
    while (status == PACS_OK && self->out.size - self->out_read < size && !self->at_end) {
        status = self->in_document ? go_on(self, err) : begin_part(self, err);
        if (status == PACS_OK)
            status = pacs_buffer_check(&self->out, err);
    }
    if (status != PACS_OK)
        return status;
    const size_t left = self->out.size - self->out_read;
    *ret_size = left < size ? left : size;
    if (*ret_size > 0)
        memcpy(bytes, self->out.bytes + self->out_read, *ret_size);
    self->out_read += *ret_size;
    return PACS_OK;
}

static void xml_free(PacsSource *base)
{
    XmlSource *self = (XmlSource *)base;

    if (self->in_document)
        pacs_dicom_xml_clear(&self->xml);
    pacs_metadata_walk_free(self->walk);
    pacs_buffer_clear(&self->whole);
    pacs_buffer_clear(&self->json);
    pacs_buffer_clear(&self->out);
    free(self);
}

PacsStatus dicomweb_metadata_xml_open(PacsRetrieve *retrieve, const PacsMetadata *metadata,
                                      const DicomwebMetadataFilter *filter, const char *boundary,
                                      PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = xml_read, .free = xml_free};
    XmlSource *self = calloc(1, sizeof *self);

    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to write XML");
    *self = (XmlSource){.base.ops = &ops, .filter = filter, .boundary = boundary};
    pacs_buffer_init(&self->whole, PACS_MAX_METADATA_TEXT);
    pacs_buffer_init(&self->json, PACS_MAX_METADATA_TEXT);
    pacs_buffer_init(&self->out, PACS_MAX_METADATA_TEXT); /* in fact a read and the largest value */
    PacsStatus status = dicomweb_metadata_filter_walk(retrieve, metadata, filter, &self->walk, err);
    if (status != PACS_OK) {
        xml_free(&self->base);
        return status;
    }
    *ret_source = &self->base;
    return PACS_OK;
}
