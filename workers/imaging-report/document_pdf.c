#include "pacs/util/limits.h"
#include "workers/imaging-report/codes.h"
#include "workers/imaging-report/document_private.h"
#include "workers/imaging-report/words.h"

#define SERIES_NUMBER 9901 /* behind those of modalities */
#define AROUND_THE_PDF (1u << 20)

/* What was drawn from (Source Instance Sequence): the pictures that are in it. */
static void put_sources(Elements *e, const ReportDocument *document)
{
    bool is_first = true;

    for (size_t i = 0; i < document->picture_count; i++) {
        const ReportPicture *picture = &document->pictures[i];
        if (!picture->jpeg)
            continue;
        if (is_first)
            elements_begin(e, PACS_TAG(0x0042, 0x0013));
        else
            elements_next(e);
        is_first = false;
        elements_put_reference(e, picture->sop_class_uid, picture->sop_instance_uid);
    }
    if (!is_first)
        elements_end(e);
}

static const char *title_of(const Report *report)
{
    return *report->title ? report->title : report_word(report->language, REPORT_WORD_REPORT);
}

/* Encapsulated Document Series, SC Equipment, Encapsulated Document. */
static void put_modules(Elements *e, const ReportDocument *document, PacsSlice pdf)
{
    const ReportCode title = report_code_title(document->report, document->study->modality);

    elements_put(e, PACS_TAG_MODALITY, PACS_VR_CS, "DOC");
    elements_put_number(e, PACS_TAG_SERIES_NUMBER, PACS_VR_IS, SERIES_NUMBER);
    elements_put_line(e, PACS_TAG_SERIES_DESCRIPTION, PACS_VR_LO, title_of(document->report), 64);
    elements_put(e, PACS_TAG(0x0008, 0x0064), PACS_VR_CS, "WSD"); /* Conversion Type: workstation */
    elements_put(e, PACS_TAG_ACQUISITION_DATETIME, PACS_VR_DT, "");
    elements_put(e, PACS_TAG_BURNED_IN_ANNOTATION, PACS_VR_CS, "YES");
    put_sources(e, document);
    elements_put_line(e, PACS_TAG(0x0042, 0x0010), PACS_VR_ST, title_of(document->report),
                      1024); /* Document Title */
    elements_put_code(e, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE, &title);
    elements_put(e, PACS_TAG_VERIFICATION_FLAG, PACS_VR_CS, document_verification(document));
    document_put_predecessors(e, document);
    elements_put(e, PACS_TAG(0x0042, 0x0012), PACS_VR_LO,
                 "application/pdf"); /* MIME Type of Encapsulated Document */
    elements_put_bytes(e, PACS_TAG(0x0042, 0x0011), PACS_VR_OB, pdf.text, pdf.size);
    elements_put_number(e, PACS_TAG(0x0042, 0x0015), PACS_VR_UL,
                        pdf.size); /* without the byte that makes it even */
}

PacsStatus report_document_write_pdf(const ReportDocument *document, PacsSlice pdf, PacsBuffer *out,
                                     PacsError *err)
{
    const DocumentKind kind = {.sop_class_uid = REPORT_SOP_PDF,
                               .sop_instance_uid = document->uids->pdf,
                               .series_instance_uid = document->uids->pdf_series,
                               .max_bytes = PACS_MAX_REPORT_PDF + AROUND_THE_PDF,
                               .put_modules = put_modules};

    return document_write(document, &kind, pdf, out, err);
}
