#pragma once

#include "workers/imaging-report/document.h"
#include "workers/imaging-report/elements.h"

/* Private to the room: what both kinds of document are made with. */

typedef struct DocumentKind {
    const char *sop_class_uid, *sop_instance_uid, *series_instance_uid;
    size_t max_bytes;
    void (*put_modules)(Elements *elements, const ReportDocument *document, PacsSlice payload);
} DocumentKind;

/** A Part 10 object: what all documents have, then the modules of its kind. */
PACS_CHECKED PacsStatus document_write(const ReportDocument *document, const DocumentKind *kind,
                                       PacsSlice payload, PacsBuffer *out, PacsError *err);

void document_put_equipment(Elements *elements, const ReportDocument *document);
void document_put_content_date(Elements *elements, const ReportDocument *document);
void document_put_predecessors(Elements *elements, const ReportDocument *document);
void document_put_evidence(Elements *elements, const ReportDocument *document);
const char *document_verification(const ReportDocument *document);
