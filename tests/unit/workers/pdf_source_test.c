#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "workers/imaging-report/pdf_source.h"

static void an_address_below_a_place_adds_its_path(void **state)
{
    (void)state;
    assert_string_equal(report_pdf_path_below("https://files.example/reports",
                                              "https://files.example/reports/a/b.pdf?sig=x%2Fy"),
                        "/a/b.pdf?sig=x%2Fy");
    assert_string_equal(
        report_pdf_path_below("https://files.example/reports/", "HTTPS://FILES.example:443/reports/b.pdf"),
        "/b.pdf");
    assert_string_equal(report_pdf_path_below("http://[fd00::1]:8080", "http://[fd00::1]:8080/x%20y.pdf"),
                        "/x%20y.pdf");
    assert_string_equal(report_pdf_path_below("http://h", "http://h:80/.well/x"), "/.well/x");
}

static void addresses_elsewhere_are_not_below(void **state)
{
    static const char *const place = "https://files.example/reports";
    static const char *const elsewhere[] = {
        "http://files.example/reports/x",       /* another scheme */
        "https://files.example:8443/reports/x", /* port */
        "https://files.example.evil/reports/x", /* host */
        "https://evil@files.example/reports/x", /* somebody's name in front */
        "https://files.example@evil/reports/x", /* which makes the rest a name */
        "https://files.example:443@evil/reports/x",
        "https://files.example\\@evil/reports/x",
        "https://files.example/reportsx/x",
        "https://files.example/reports",
        "https://files.example/other/x",
        "https://files.example/reports/../other/x",
        "https://files.example/reports/..",
        "https://files.example/reports/./x",
        "https://files.example/reports/%2e%2e/other/x",
        "https://files.example/reports/%2E./x",
        "https://files.example/reports/a%2F..%2Fx",
        "https://files.example/reports/a%5c..%5cx",
        "https://files.example/reports/%252e%252e/x",
        "https://files.example/reports/\\..\\x",
        "https://files.example/reports/x#y",
        "https://files.example/reports/x y",
        "https://files.example/reports/x\r\nHost: evil",
        "https://files.example/reports/x?a\r\nb",
        "https://files.example/reports/%00",
        "https://files.example:99999/reports/x",
        "https://files.example:/reports/x",
        "https:///reports/x",
        "//files.example/reports/x",
        "ftp://files.example/reports/x",
        "file:///reports/x",
        "gopher://files.example/reports/x",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (report_pdf_path_below(place, elsewhere[i]))
            fail_msg("taken: %s", elsewhere[i]);
}

static void require_refused(const char *bytes, size_t size, const char *word)
{
    PacsError err = {0};

    assert_int_equal(report_pdf_check(bytes, size, &err), PACS_INVALID);
    if (!strstr(err.text, word))
        fail_msg("'%s' does not say '%s'", err.text, word);
}

static void what_is_no_pdf_is_refused(void **state)
{
    static const char pdf[] = "%PDF-1.7\n1 0 obj\n%%EOF\n";
    PacsError err = {0};

    (void)state;
    assert_int_equal(report_pdf_check(pdf, sizeof pdf - 1, &err), PACS_OK);
    require_refused("", 0, "empty");
    require_refused("<html>%PDF-1.7 %%EOF", 20, "begin");
    require_refused("%PDF-", 5, "begin");
    require_refused("%PDF-x.y\n%%EOF", 14, "begin");
    require_refused(pdf, 12, "cut off");
}

static PacsStatus new_sources(const char *list, PacsError *err)
{
    PACS_AUTO(ReportPdfSources) sources = NULL;
    json_t *json = json_loads(list, JSON_DECODE_ANY, NULL);

    const PacsStatus status = report_pdf_sources_new(json, 1000, &sources, err);
    json_decref(json);
    return status;
}

static void a_list_of_places_that_is_wrong_is_refused_at_the_start(void **state)
{
    static const char *const wrong[] = {"{}",
                                        "[7]",
                                        "[{}]",
                                        "[{\"Url\":\"ftp://h/x\"}]",
                                        "[{\"Url\":\"https://user:secret@h/x\"}]",
                                        "[{\"Url\":\"https://h/../x\"}]",
                                        "[{\"Url\":\"https://h/x\",\"Typo\":1}]",
                                        "[{\"Url\":\"https://h/x\",\"PrivateAddresses\":\"yes\"}]"};
    PacsError err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (new_sources(wrong[i], &err) != PACS_INVALID)
            fail_msg("taken: %s", wrong[i]);
    assert_int_equal(
        new_sources("[{\"Url\":\"https://h/x/\",\"BearerToken\":\"t\",\"PrivateAddresses\":true}]", &err),
        PACS_OK);
    assert_null(strstr(err.text, "secret"));
}

static void a_place_that_nobody_allowed_is_not_asked(void **state)
{
    PACS_AUTO(ReportPdfSources) sources = NULL;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1000);
    const ReportPdfReference reference = {.url = "http://127.0.0.1:1/x.pdf?key=secret", .sha256 = ""};
    PacsError err = {0};

    (void)state;
    assert_int_equal(report_pdf_sources_new(NULL, 1000, &sources, &err), PACS_OK);
    assert_int_equal(report_pdf_fetch(sources, &reference, &out, &err), PACS_INVALID);
    assert_null(strstr(err.text, "secret"));
}

static void a_place_with_a_private_address_is_refused_unless_it_says_so(void **state)
{
    PACS_AUTO(ReportPdfSources) sources = NULL;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1000);
    const ReportPdfReference reference = {.url = "http://127.0.0.1:1/x.pdf", .sha256 = ""};
    json_t *list = json_loads("[{\"Url\":\"http://127.0.0.1:1/\"}]", 0, NULL);
    PacsError err = {0};

    (void)state;
    assert_int_equal(report_pdf_sources_new(list, 1000, &sources, &err), PACS_OK);
    json_decref(list);
    assert_int_equal(report_pdf_fetch(sources, &reference, &out, &err), PACS_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_below_a_place_adds_its_path),
        cmocka_unit_test(addresses_elsewhere_are_not_below),
        cmocka_unit_test(what_is_no_pdf_is_refused),
        cmocka_unit_test(a_list_of_places_that_is_wrong_is_refused_at_the_start),
        cmocka_unit_test(a_place_that_nobody_allowed_is_not_asked),
        cmocka_unit_test(a_place_with_a_private_address_is_refused_unless_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
