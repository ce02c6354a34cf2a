#include <string.h>

#include "pacs/util/limits.h"
#include "workers/imaging-report/codes.h"
#include "workers/imaging-report/document_private.h"
#include "workers/imaging-report/words.h"

#define SERIES_NUMBER 9902 /* behind that of the PDFs */
#define SR_MAX (16u << 20) /* seven sections at their maximum */

#define RELATIONSHIP_TYPE PACS_TAG(0x0040, 0xA010)
#define VALUE_TYPE PACS_TAG(0x0040, 0xA040)
#define CONTINUITY_OF_CONTENT PACS_TAG(0x0040, 0xA050)
#define CONTENT_SEQUENCE PACS_TAG(0x0040, 0xA730)
#define CONCEPT_CODE_SEQUENCE PACS_TAG(0x0040, 0xA168)
#define PERSON_NAME PACS_TAG(0x0040, 0xA123)
#define TEXT_VALUE PACS_TAG(0x0040, 0xA160)

/* ---- Who ---- */

static void put_person_code(Elements *e, PacsTag sequence, const ReportDocument *document,
                            const ReportPerson *person)
{
    const ReportCode code = {.value = person->id, .scheme = document->person_scheme, .meaning = person->name};

    if (*person->id && strlen(person->id) <= 16) /* as long as a code may be */
        elements_put_code(e, sequence, &code);
    else
        elements_put_empty(e, sequence);
}

static void put_author(Elements *e, const ReportDocument *document)
{
    const ReportPerson *author = &document->report->author;

    if (!*author->name)
        return;
    elements_begin(e, PACS_TAG(0x0040, 0xA078));                  /* Author Observer Sequence */
    elements_put(e, PACS_TAG(0x0040, 0xA084), PACS_VR_CS, "PSN"); /* Observer Type */
    elements_put_person(e, PERSON_NAME, author->name);
    put_person_code(e, PACS_TAG(0x0040, 0x1101), document, author);
    elements_put_line(e, PACS_TAG_INSTITUTION_NAME, PACS_VR_LO, document->organization, 64);
    elements_put_empty(e, PACS_TAG(0x0008, 0x0082)); /* Institution Code Sequence */
    elements_end(e);
}

static void put_verifier(Elements *e, const ReportDocument *document)
{
    const ReportPerson *verifier = &document->report->verifier;
    char at[REPORT_DT_SIZE];

    if (!*verifier->name)
        return;
    report_moment_format_dt(&document->report->verified_at, at);
    elements_begin(e, PACS_TAG(0x0040, 0xA073)); /* Verifying Observer Sequence */
    elements_put_line(e, PACS_TAG(0x0040, 0xA027), PACS_VR_LO,
                      *document->organization ? document->organization : "UNKNOWN",
                      64);                                     /* Verifying Organization */
    elements_put(e, PACS_TAG(0x0040, 0xA030), PACS_VR_DT, at); /* Verification DateTime */
    elements_put_person(e, PACS_TAG(0x0040, 0xA075), verifier->name);
    put_person_code(e, PACS_TAG(0x0040, 0xA088), document, verifier);
    elements_end(e);
}

/* ---- Content items ---- */

static void begin_item(Elements *e, const char *relationship, const char *value_type,
                       const ReportCode *concept)
{
    elements_put(e, RELATIONSHIP_TYPE, PACS_VR_CS, relationship);
    elements_put(e, VALUE_TYPE, PACS_VR_CS, value_type);
    elements_put_code(e, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE, concept);
}

static void put_code_item(Elements *e, const char *relationship, const ReportCode *concept,
                          const ReportCode *code)
{
    begin_item(e, relationship, "CODE", concept);
    elements_put_code(e, CONCEPT_CODE_SEQUENCE, code);
}

static void put_text_item(Elements *e, const ReportCode *concept, const char *text)
{
    begin_item(e, "CONTAINS", "TEXT", concept);
    elements_put_paragraphs(e, TEXT_VALUE, PACS_VR_UT, text);
}

static void begin_container(Elements *e, const ReportCode *heading)
{
    begin_item(e, "CONTAINS", "CONTAINER", heading);
    elements_put(e, CONTINUITY_OF_CONTENT, PACS_VR_CS, "SEPARATE");
    elements_begin(e, CONTENT_SEQUENCE);
}

/* In a language, by somebody: what holds for all that follows. */
static void put_context(Elements *e, const Report *report)
{
    put_code_item(e, "HAS CONCEPT MOD", &report_code_language_of_content,
                  report_code_language(report->language));
    if (!*report->author.name)
        return;
    elements_next(e);
    put_code_item(e, "HAS OBS CONTEXT", &report_code_observer_type, &report_code_person);
    elements_next(e);
    begin_item(e, "HAS OBS CONTEXT", "PNAME", &report_code_person_observer_name);
    elements_put_person(e, PERSON_NAME, report->author.name);
}

static void put_section(Elements *e, ReportSection section, const char *text)
{
    elements_next(e);
    begin_container(e, report_code_heading(section));
    put_text_item(e, report_code_text(section), text);
    elements_end(e);
}

static void put_sections(Elements *e, const Report *report)
{
    const bool has_reason = report->kind == REPORT_AMENDED && *report->reason;

    for (unsigned i = 0; i < REPORT_SECTION_COUNT; i++)
        if (*report->sections[i])
            put_section(e, (ReportSection)i, report->sections[i]);
    if (has_reason) /* why it was amended, beside what it adds */
        put_section(e, REPORT_ADDENDUM, report->reason);
}

static void put_pictures(Elements *e, const ReportDocument *document)
{
    if (document->picture_count == 0)
        return;
    elements_next(e);
    begin_container(e, &report_code_key_images);
    for (size_t i = 0; i < document->picture_count; i++) {
        const ReportPicture *picture = &document->pictures[i];
        if (i > 0)
            elements_next(e);
        begin_item(e, "CONTAINS", "IMAGE", &report_code_best_illustration);
        elements_begin(e, PACS_TAG_REFERENCED_SOP_SEQUENCE);
        elements_put_reference(e, picture->sop_class_uid, picture->sop_instance_uid);
        if (picture->has_many_frames)
            elements_put_number(e, PACS_TAG_REFERENCED_FRAME_NUMBER, PACS_VR_IS, picture->frame_number);
        elements_end(e);
    }
    elements_end(e);
}

static void put_content(Elements *e, const ReportDocument *document)
{
    const ReportCode title = report_code_title(document->report, document->study->modality);

    elements_put(e, VALUE_TYPE, PACS_VR_CS, "CONTAINER");
    elements_put_code(e, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE, &title);
    elements_put(e, CONTINUITY_OF_CONTENT, PACS_VR_CS, "SEPARATE");
    elements_begin(e, PACS_TAG(0x0040, 0xA504)); /* Content Template Sequence */
    elements_put(e, PACS_TAG(0x0008, 0x0105), PACS_VR_CS, "DCMR");
    elements_put(e, PACS_TAG(0x0040, 0xDB00), PACS_VR_CS, "2000");
    elements_end(e);
    elements_begin(e, CONTENT_SEQUENCE);
    put_context(e, document->report);
    put_sections(e, document->report);
    put_pictures(e, document);
    elements_end(e);
}

/* ---- The document ---- */

static void put_request(Elements *e, const ReportStudy *study)
{
    if (study->request.size == 0)
        return;
    elements_begin(e, PACS_TAG(0x0040, 0xA370)); /* Referenced Request Sequence */
    elements_put_json(e, study->request);
    elements_end(e);
}

/* SR Document Series, SR Document General, SR Document Content. */
static void put_modules(Elements *e, const ReportDocument *document, PacsSlice nothing)
{
    (void)nothing;
    elements_put(e, PACS_TAG_MODALITY, PACS_VR_CS, "SR");
    elements_put_number(e, PACS_TAG_SERIES_NUMBER, PACS_VR_IS, SERIES_NUMBER);
    elements_put_line(e, PACS_TAG_SERIES_DESCRIPTION, PACS_VR_LO,
                      report_word(document->report->language, REPORT_WORD_REPORT), 64);
    elements_put_empty(e, PACS_TAG(0x0008, 0x1111)); /* Referenced Performed Procedure Step Sequence */
    elements_put(e, PACS_TAG_COMPLETION_FLAG, PACS_VR_CS, "COMPLETE");
    elements_put(e, PACS_TAG_VERIFICATION_FLAG, PACS_VR_CS, document_verification(document));
    elements_put(e, PACS_TAG(0x0040, 0xA496), PACS_VR_CS, "FINAL"); /* Preliminary Flag */
    put_verifier(e, document);
    put_author(e, document);
    put_request(e, document->study);
    elements_put_empty(e, PACS_TAG(0x0040, 0xA372)); /* Performed Procedure Code Sequence */
    document_put_predecessors(e, document);
    document_put_evidence(e, document);
    put_content(e, document);
}

PacsStatus report_document_write_sr(const ReportDocument *document, PacsBuffer *out, PacsError *err)
{
    const DocumentKind kind = {.sop_class_uid = REPORT_SOP_BASIC_TEXT_SR,
                               .sop_instance_uid = document->uids->sr,
                               .series_instance_uid = document->uids->sr_series,
                               .max_bytes = SR_MAX,
                               .put_modules = put_modules};

    return document_write(document, &kind, (PacsSlice){0}, out, err);
}
