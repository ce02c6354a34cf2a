/* BulkDataURIs made whole. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/bulk_uri.h"

static void expect(const PacsBulkRoot *root, const char *json, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(4096);

    assert_int_equal(pacs_bulk_uris_complete(json, strlen(json), root, &out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&out), expected);
}

static const PacsBulkRoot plain = {"/dicom-web", "1.2", "1.2.3", "1.2.3.4"};

static void every_uri_gets_the_path_of_its_instance(void **state)
{
    (void)state;
    expect(
        &plain,
        "{\"54000100\":{\"vr\":\"SQ\",\"Value\":[{\"54001010\":{\"vr\":\"OW\",\"BulkDataURI\":"
        "\"bulkdata/54000100/1/54001010\"}}]},\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulkdata/7FE00010\"}}",
        "{\"54000100\":{\"vr\":\"SQ\",\"Value\":[{\"54001010\":{\"vr\":\"OW\",\"BulkDataURI\":"
        "\"/dicom-web/studies/1.2/series/1.2.3/instances/1.2.3.4/bulkdata/54000100/1/54001010\"}}]},"
        "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":"
        "\"/dicom-web/studies/1.2/series/1.2.3/instances/1.2.3.4/bulkdata/7FE00010\"}}");
}

static void json_without_bulk_data_stays_as_it_is(void **state)
{
    (void)state;
    expect(&plain, "{}", "{}");
    expect(&plain, "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}",
           "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}");
}

static void a_value_that_looks_like_a_uri_is_left_alone(void **state)
{
    static const char json[] =
        "{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"\\\"BulkDataURI\\\":\\\"bulkdata/\"]}}";

    (void)state;
    expect(&plain, json, json);
}

static void odd_characters_of_root_and_uids_are_escaped(void **state)
{
    const PacsBulkRoot odd = {"https://pacs.example/a\"b", "1.2 3", "1/2", "x\\y"};

    (void)state;
    expect(
        &odd, "\"BulkDataURI\":\"bulkdata/7FE00010\"",
        "\"BulkDataURI\":\"https://pacs.example/a%22b/studies/1.2%203/series/1%2F2/instances/x%5Cy/bulkdata/7FE00010\"");
}

static void what_does_not_fit_changes_nothing(void **state)
{
    static const char json[] = "\"BulkDataURI\":\"bulkdata/7FE00010\"";
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(50);

    (void)state;
    assert_int_equal(pacs_bulk_uris_complete(json, sizeof json - 1, &plain, &out, NULL), PACS_TOO_LARGE);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_uri_gets_the_path_of_its_instance),
        cmocka_unit_test(json_without_bulk_data_stays_as_it_is),
        cmocka_unit_test(a_value_that_looks_like_a_uri_is_left_alone),
        cmocka_unit_test(odd_characters_of_root_and_uids_are_escaped),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
    };
    return cmocka_run_group_tests_name("bulk uri", tests, NULL, NULL);
}
