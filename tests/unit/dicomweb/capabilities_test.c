/* What the server says of itself. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "tests/support/dicomweb_fixture.h"

static void ask(DicomwebFixture *fixture, const char *method, const char *accept, uint32_t code,
                PacsHttpAnswer *answer)
{
    const PacsHttpPair headers[] = {{"Accept", accept}, {"Forwarded", "host=pacs.example.org;proto=https"}};
    const PacsHttpAsk request = {
        .method = method, .target = "/dicom-web/", .headers = headers, .header_count = 2};

    assert_int_equal(pacs_http_perform(fixture->http, &request, answer), code);
}

static json_t *ask_json(DicomwebFixture *fixture)
{
    PacsHttpAnswer answer;

    ask(fixture, "OPTIONS", "application/json", 200, &answer);
    json_t *document = json_loadb((const char *)answer.body.bytes, answer.body.size, 0, NULL);
    pacs_http_answer_clear(&answer);
    assert_non_null(document);
    return document;
}

static void every_route_says_what_it_is(void **state)
{
    json_t *document = ask_json(*state);
    json_t *resource, *method;
    size_t i, j, count = 0;

    json_array_foreach(json_object_get(document, "resources"), i, resource)
    {
        json_array_foreach(json_object_get(resource, "methods"), j, method)
        {
            count++;
            if (!json_object_get(method, "id"))
                fail_msg("%s %s is not described", json_string_value(json_object_get(method, "name")),
                         json_string_value(json_object_get(resource, "path")));
        }
    }
    assert_true(count > 20);
    json_decref(document);
}

static void paths_stand_once_with_all_their_methods(void **state)
{
    json_t *document = ask_json(*state);
    json_t *resource;
    size_t i, count = 0;

    json_array_foreach(json_object_get(document, "resources"), i, resource)
    {
        if (strcmp(json_string_value(json_object_get(resource, "path")), "studies/{study}") != 0)
            continue;
        count++;
        assert_int_equal(json_array_size(json_object_get(resource, "methods")), 3); /* GET, POST, DELETE */
    }
    assert_int_equal(count, 1);
    json_decref(document);
}

static void the_base_is_where_the_client_reached_us(void **state)
{
    json_t *document = ask_json(*state);

    assert_string_equal(json_string_value(json_object_get(document, "base")),
                        "https://pacs.example.org/dicom-web");
    json_decref(document);
}

static void wadl_is_what_comes_unasked(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer answer;
    char value[64];

    ask(fixture, "OPTIONS", "*/*", 200, &answer);
    assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value),
                        "application/vnd.sun.wadl+xml");
    assert_string_equal(pacs_http_answer_header(&answer, "Allow", value, sizeof value), "GET, HEAD, OPTIONS");
    const char *text = pacs_buffer_text(&answer.body);
    assert_non_null(strstr(text, "<resources base=\"https://pacs.example.org/dicom-web\">"));
    assert_non_null(strstr(
        text, "<resource path=\"studies/{study}\">\n      <method name=\"GET\" id=\"RetrieveStudy\">"));
    assert_non_null(strstr(text, "mediaType=\"multipart/related; type=&quot;application/dicom&quot;\""));
    pacs_http_answer_clear(&answer);
}

static void a_get_tells_the_same(void **state)
{
    DicomwebFixture *fixture = *state;
    PacsHttpAnswer options, get;

    ask(fixture, "OPTIONS", "application/json", 200, &options);
    ask(fixture, "GET", "application/json", 200, &get);
    assert_string_equal(pacs_buffer_text(&options.body), pacs_buffer_text(&get.body));
    pacs_http_answer_clear(&options);
    pacs_http_answer_clear(&get);
    ask(fixture, "GET", "image/png", 406, &get);
    pacs_http_answer_clear(&get);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_says_what_it_is),
        TEST(paths_stand_once_with_all_their_methods),
        TEST(the_base_is_where_the_client_reached_us),
        TEST(wadl_is_what_comes_unasked),
        TEST(a_get_tells_the_same),
    };
    return cmocka_run_group_tests_name("dicomweb capabilities", tests, NULL, NULL);
}
