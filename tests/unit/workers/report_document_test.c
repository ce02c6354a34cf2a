#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/scan.h"
#include "tests/support/report.h"

static int make_arena(void **state)
{
    *state = pacs_arena_new(64u << 20);
    return *state ? 0 : -1;
}

static int free_arena(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

static ReportPdf pdf_of(const SampleReport *sample)
{
    return (ReportPdf){.layout = &sample->layout,
                       .report = &sample->report,
                       .study = &sample->study,
                       .pictures = &sample->picture,
                       .picture_count = 1};
}

static ReportDocument document_of(const SampleReport *sample)
{
    return (ReportDocument){.report = &sample->report,
                            .study = &sample->study,
                            .uids = &sample->uids,
                            .pictures = &sample->picture,
                            .picture_count = 1,
                            .instance_number = 1,
                            .organization = sample->layout.organization,
                            .person_scheme = "99PLATFORM"};
}

static void require_written(const ReportPdf *pdf, PacsBuffer *out)
{
    PacsError err = {0};

    if (report_pdf_write(pdf, out, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static void the_same_report_gives_the_same_pages(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer first = PACS_BUFFER(1u << 20);
    PACS_AUTO_BUFFER PacsBuffer second = PACS_BUFFER(1u << 20);
    SampleReport sample;

    sample_report_init(&sample, *state);
    const ReportPdf pdf = pdf_of(&sample);
    require_written(&pdf, &first);
    require_written(&pdf, &second);
    assert_memory_equal(first.bytes, "%PDF-1.5", 8);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
}

static void a_pdf_over_its_maximum_is_too_large(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(5000);
    SampleReport sample;
    PacsError err = {0};

    sample_report_init(&sample, *state);
    const ReportPdf pdf = pdf_of(&sample);
    assert_int_equal(report_pdf_write(&pdf, &out, &err), PACS_TOO_LARGE);
}

static void the_font_has_the_letters_of_vietnamese(void **state)
{
    PacsError err = {0};

    (void)state;
    if (report_pdf_check_font("DejaVu Sans", &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static void an_events_objects_are_named_after_it(void **state)
{
    ReportUids a = {0}, b = {0}, other = {0};
    PacsError err = {0};

    (void)state;
    assert_int_equal(report_uids_derive("/platform", "e1", "2.25.1", "R1", &a, &err), PACS_OK);
    assert_int_equal(report_uids_derive("/platform", "e1", "2.25.1", "R1", &b, &err), PACS_OK);
    assert_int_equal(report_uids_derive("/platform", "e2", "2.25.1", "R1", &other, &err), PACS_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_string_not_equal(a.pdf, a.sr);
    assert_string_not_equal(a.pdf, other.pdf);
    assert_string_not_equal(a.sr, other.sr);
    assert_string_equal(a.pdf_series, other.pdf_series); /* versions of a report stand together */
    assert_int_equal(strncmp(a.pdf, "2.25.", 5), 0);
}

/* The object's DICOM JSON, as the archive will read it. */
static const char *json_of(const PacsBuffer *object, PacsArena *arena)
{
    PACS_AUTO(PacsScan) scan = NULL;
    PacsError err = {0};

    if (pacs_scan_new(NULL, &scan, &err) != PACS_OK ||
        pacs_scan_feed(scan, object->bytes, object->size, &err) != PACS_OK ||
        pacs_scan_finish(scan, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return pacs_arena_strdup(arena, pacs_buffer_text(pacs_scan_instance(scan)->json));
}

static const char *write_sr(const ReportDocument *document, PacsArena *arena)
{
    PACS_AUTO_BUFFER PacsBuffer object = PACS_BUFFER(1u << 20);
    PacsError err = {0};

    if (report_document_write_sr(document, &object, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return json_of(&object, arena);
}

static const char *write_pdf(const ReportDocument *document, PacsArena *arena)
{
    PACS_AUTO_BUFFER PacsBuffer object = PACS_BUFFER(1u << 20);
    PacsError err = {0};

    if (report_document_write_pdf(document, PACS_SLICE("%PDF-1.4 odd"), &object, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return json_of(&object, arena);
}

static void require_text(const char *json, const char *part)
{
    if (!strstr(json, part))
        fail_msg("no %s in %s", part, json);
}

static void an_sr_says_what_the_report_says(void **state)
{
    SampleReport sample;

    sample_report_init(&sample, *state);
    const ReportDocument document = document_of(&sample);
    const char *json = write_sr(&document, *state);
    require_text(json, "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"" REPORT_SOP_BASIC_TEXT_SR "\"]}");
    require_text(json, "Không thấy bất thường.");
    require_text(json, "\"0040A493\":{\"vr\":\"CS\",\"Value\":[\"UNVERIFIED\"]}");
    require_text(json, "\"0040A491\":{\"vr\":\"CS\",\"Value\":[\"COMPLETE\"]}");
    require_text(json, "\"00080100\":{\"vr\":\"SH\",\"Value\":[\"25045-6\"]}"); /* CT Report */
    require_text(
        json,
        "\"00081155\":{\"vr\":\"UI\",\"Value\":[\"2.25.3\"]}"); /* the key image, as evidence and content */
    require_text(json, "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"P1\"]}");
    assert_null(strstr(json, "0040A360"));
}

static void who_verifies_is_named_with_time_and_organisation(void **state)
{
    SampleReport sample;

    sample_report_init(&sample, *state);
    sample.report.verifier = (ReportPerson){.id = "D1", .name = "Phạm^Việt"};
    sample.report.verified_at = sample.report.issued_at;
    const ReportDocument document = document_of(&sample);
    const char *json = write_sr(&document, *state);
    require_text(json, "\"0040A493\":{\"vr\":\"CS\",\"Value\":[\"VERIFIED\"]}");
    require_text(json, "\"0040A030\":{\"vr\":\"DT\",\"Value\":[\"20261121100509+0700\"]}");
    require_text(json, "\"0040A027\":{\"vr\":\"LO\",\"Value\":[\"Bệnh viện\"]}");
    require_text(json, "\"99PLATFORM\"");
    require_text(write_pdf(&document, *state), "\"0040A493\":{\"vr\":\"CS\",\"Value\":[\"VERIFIED\"]}");
}

static void an_amendment_names_what_it_replaces(void **state)
{
    const ReportPredecessor before[] = {{REPORT_SOP_PDF, "2.25.41", "2.25.40"},
                                        {REPORT_SOP_PDF, "2.25.42", "2.25.40"},
                                        {REPORT_SOP_BASIC_TEXT_SR, "2.25.44", "2.25.43"}};
    SampleReport sample;

    sample_report_init(&sample, *state);
    sample.report.kind = REPORT_AMENDED;
    sample.report.reason = "Số đo";
    ReportDocument document = document_of(&sample);
    document.predecessors = before;
    document.predecessor_count = 3;
    const char *texts[] = {write_sr(&document, *state), write_pdf(&document, *state)};
    for (size_t i = 0; i < 2; i++) {
        const char *sequence = strstr(texts[i], "\"0040A360\"");
        assert_non_null(sequence);
        require_text(sequence, "2.25.41");
        require_text(sequence, "2.25.42");
        require_text(sequence, "2.25.44");
    }
    require_text(texts[0], "Số đo");
}

static void a_pdf_keeps_its_bytes_and_says_how_many(void **state)
{
    SampleReport sample;

    sample_report_init(&sample, *state);
    const ReportDocument document = document_of(&sample);
    const char *json = write_pdf(&document, *state);
    require_text(json, "\"00420012\":{\"vr\":\"LO\",\"Value\":[\"application/pdf\"]}");
    require_text(json, "\"00420015\":{\"vr\":\"UL\",\"Value\":[12]}");
    require_text(json, "JVBERi0xLjQgb2Rk");
    require_text(json, "\"00420013\""); /* drawn from the key image */
}

static void times_are_told_in_the_zone_of_the_study(void **state)
{
    SampleReport sample;

    sample_report_init(&sample, *state);
    sample.study.zone_minutes = -300;
    const ReportDocument document = document_of(&sample);
    const char *json = write_sr(&document, *state);
    require_text(json, "\"00080023\":{\"vr\":\"DA\",\"Value\":[\"20261120\"]}");
    require_text(json, "\"00080033\":{\"vr\":\"TM\",\"Value\":[\"220509\"]}");
}

static void text_of_people_cannot_break_out_of_its_element(void **state)
{
    SampleReport sample;

    sample_report_init(&sample, *state);
    sample.report.title = "A\\B\nC";
    sample.report.author.name = "X=Y\\Z";
    const ReportDocument document = document_of(&sample);
    require_text(write_pdf(&document, *state), "\"0008103E\":{\"vr\":\"LO\",\"Value\":[\"A/B C\"]}");
    require_text(write_sr(&document, *state), "{\"Alphabetic\":\"X Y/Z\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_report_gives_the_same_pages),
        cmocka_unit_test(a_pdf_over_its_maximum_is_too_large),
        cmocka_unit_test(the_font_has_the_letters_of_vietnamese),
        cmocka_unit_test(an_events_objects_are_named_after_it),
        cmocka_unit_test(an_sr_says_what_the_report_says),
        cmocka_unit_test(who_verifies_is_named_with_time_and_organisation),
        cmocka_unit_test(an_amendment_names_what_it_replaces),
        cmocka_unit_test(a_pdf_keeps_its_bytes_and_says_how_many),
        cmocka_unit_test(times_are_told_in_the_zone_of_the_study),
        cmocka_unit_test(text_of_people_cannot_break_out_of_its_element),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
