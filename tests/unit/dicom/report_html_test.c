#include "pacs/dicom/report_html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"

#define CODE(meaning)                                                                                        \
    "{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"1\"]},"                             \
    "\"00080104\":{\"vr\":\"LO\",\"Value\":[\"" meaning "\"]}}]}"
#define NAMED(type, name) "\"0040A040\":{\"vr\":\"CS\",\"Value\":[\"" type "\"]},\"0040A043\":" CODE(name)
#define CONTENT(items) "\"0040A730\":{\"vr\":\"SQ\",\"Value\":[" items "]}"
#define DOCUMENT(items) "{" NAMED("CONTAINER", "Chest report") "," CONTENT(items) "}"
#define TEXT(name, text) "{" NAMED("TEXT", name) ",\"0040A160\":{\"vr\":\"UT\",\"Value\":[\"" text "\"]}}"

static PacsBuffer page;

static const char *page_of(const char *json, const char *root)
{
    const PacsReportLinks links = {.root = root};
    PacsError err = {0};

    pacs_buffer_clear(&page);
    pacs_buffer_init(&page, PACS_MAX_REPORT_PAGE);
    if (pacs_report_html_write(pacs_slice(json), &links, &page, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return pacs_buffer_text(&page);
}

static int tear_down(void **state)
{
    (void)state;
    pacs_buffer_clear(&page);
    return 0;
}

static void assert_has(const char *html, const char *text)
{
    if (!strstr(html, text))
        fail_msg("'%s' is not in: %s", text, html);
}

static void a_report_has_its_title_its_patient_and_its_findings(void **state)
{
    (void)state;
    const char *html = page_of(
        "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^Jane^M\"}]},"
        "\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20261121\"]}," NAMED(
            "CONTAINER", "Chest report") "," CONTENT(TEXT("Finding", "No nodule.")) "}",
        NULL);

    assert_has(html, "<h1>Chest report</h1>");
    assert_has(html, "Doe, Jane M");
    assert_has(html, "2026-11-21");
    assert_has(html,
               "<span class=\"name\">Finding</span> <span class=\"value\" dir=\"auto\">No nodule.</span>");
}

static void what_stands_in_a_report_is_never_markup(void **state)
{
    (void)state;
    const char *html = page_of(DOCUMENT(TEXT("<b>", "<script>alert(\\\"1\\\")</script>")), NULL);

    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<b>"));
    assert_has(html, "&lt;script&gt;");
}

static void sections_are_headings_and_lines_stay_lines(void **state)
{
    (void)state;
    const char *html = page_of(DOCUMENT("{" NAMED("CONTAINER", "Findings") "," CONTENT("{" NAMED(
                                   "CONTAINER", "Lungs") "," CONTENT(TEXT("Text", "one\\r\\ntwo")) "}") "}"),
                               NULL);

    assert_has(html, "<h2>Findings</h2>");
    assert_has(html, "<h3>Lungs</h3>");
    assert_has(html, "one\ntwo");
}

static void measurements_have_their_units(void **state)
{
    (void)state;
#define NUM(unit)                                                                                            \
    "{" NAMED(                                                                                               \
        "NUM",                                                                                               \
        "Length") ",\"0040A300\":{\"vr\":\"SQ\",\"Value\":[{\"0040A30A\":{\"vr\":\"DS\",\"Value\":[12.5]},"  \
                  "\"004008EA\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"" unit   \
                  "\"]},"                                                                                    \
                  "\"00080104\":{\"vr\":\"LO\",\"Value\":[\"vessels\"]}}]}}]}}"
    const char *html = page_of(DOCUMENT(NUM("mm") "," NUM("1") "," NUM("{vessels}")), NULL);

    assert_has(html, ">12.5 mm<");
    assert_has(html, ">12.5<");
    assert_has(html, ">12.5 vessels<");
}

#define IMAGE                                                                                                \
    "{" NAMED("IMAGE",                                                                                       \
              "Key image") ",\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":\"UI\",\"Value\":" \
                           "[\"1.2.3\"]},\"00081160\":{\"vr\":\"IS\",\"Value\":[4]}}]}}"
#define EVIDENCE                                                                                                            \
    "\"0040A375\":{\"vr\":\"SQ\",\"Value\":[{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.1\"]},\"00081115\":{\"vr\":\"SQ\"," \
    "\"Value\":[{\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":"    \
    "{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]}}]}}]}}]}"

static void images_show_their_thumbnails_where_the_evidence_says_where_they_are(void **state)
{
    (void)state;
    const char *known = "{" NAMED("CONTAINER", "Keys") "," EVIDENCE "," CONTENT(IMAGE) "}";

    assert_has(page_of(known, "/dicom-web"),
               "src=\"/dicom-web/studies/1.1/series/1.2/instances/1.2.3/frames/4/thumbnail\"");
    assert_null(strstr(page_of(known, NULL), "<img"));
    const char *html = page_of(DOCUMENT(IMAGE), "/dicom-web");
    assert_null(strstr(html, "<img"));
    assert_has(html, "<code>1.2.3</code>");
}

static void what_is_not_final_says_so(void **state)
{
    (void)state;
    const char *html = page_of(
        "{\"0040A491\":{\"vr\":\"CS\",\"Value\":[\"PARTIAL\"]},\"0040A493\":{\"vr\":\"CS\",\"Value\":"
        "[\"UNVERIFIED\"]}," NAMED("CONTAINER", "Draft") "}",
        NULL);

    assert_has(html, "Not complete, not verified");
}

static void an_image_is_no_document(void **state)
{
    (void)state;
    const PacsReportLinks links = {0};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(PACS_MAX_REPORT_PAGE);

    assert_int_equal(pacs_report_html_write(pacs_slice("{\"00280010\":{\"vr\":\"US\",\"Value\":[1]}}"),
                                            &links, &out, NULL),
                     PACS_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_report_has_its_title_its_patient_and_its_findings, tear_down),
        cmocka_unit_test_teardown(what_stands_in_a_report_is_never_markup, tear_down),
        cmocka_unit_test_teardown(sections_are_headings_and_lines_stay_lines, tear_down),
        cmocka_unit_test_teardown(measurements_have_their_units, tear_down),
        cmocka_unit_test_teardown(images_show_their_thumbnails_where_the_evidence_says_where_they_are,
                                  tear_down),
        cmocka_unit_test_teardown(what_is_not_final_says_so, tear_down),
        cmocka_unit_test(an_image_is_no_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
