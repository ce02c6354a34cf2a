/* What URLs in answers begin with. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dicomweb/url.h"
#include "pacs/http/http_memory.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void reply_urls(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *text = pacs_arena_printf(pacs_http_arena(request), "%s %s",
                                         dicomweb_public_root(context, request),
                                         dicomweb_public_path(context, request));

    pacs_http_reply_text(reply, "text/plain", text);
}

static void check(const char *public_root, const PacsHttpPair *headers, size_t count, const char *expected)
{
    static const PacsHttpRoute routes[] = {
        {.method = PACS_HTTP_GET, .pattern = "/x", .handle = reply_urls, .place = PACS_HTTP_INLINE}};
    DicomwebOptions options = {.root = "/dicom-web", .public_root = public_root};
    const PacsHttpMount mount = {.prefix = "", .routes = routes, .route_count = 1, .context = &options};
    const PacsHttpSiteOptions site = {.remote_access_allowed = true};
    const PacsHttpAsk request = {.target = "/x", .headers = headers, .header_count = count};
    PACS_AUTO(PacsHttpMemory) http = NULL;
    PacsHttpAnswer answer;

    assert_int_equal(pacs_http_memory_new(&site, &mount, 1, &http, NULL), PACS_OK);
    assert_int_equal(pacs_http_perform(http, &request, &answer), 200);
    assert_string_equal(pacs_buffer_text(&answer.body), expected);
    pacs_http_answer_clear(&answer);
}

#define CHECK(public_root, expected, ...)                                                                    \
    do {                                                                                                     \
        const PacsHttpPair headers[] = {{"Host", "inner:8042"}, __VA_ARGS__};                                \
        check(public_root, headers, COUNT(headers), expected);                                               \
    } while (0)
#define UNTOUCHED "http://inner:8042/dicom-web /dicom-web"

static void without_a_proxy_it_is_the_host_asked(void **state)
{
    const PacsHttpPair none[] = {{"X", ""}};
    const PacsHttpPair six[] = {{"Host", "[2001:db8::1]:8042"}};

    (void)state;
    CHECK("", UNTOUCHED, {"X", ""});
    check("", six, 1, "http://[2001:db8::1]:8042/dicom-web /dicom-web");
    check("", none, 1, "http://localhost/dicom-web /dicom-web");
}

static void forwarded_is_believed_first(void **state)
{
    (void)state;
    CHECK("", "https://pacs.example.org/dicom-web /dicom-web",
          {"Forwarded", "for=192.0.2.60; proto=https; host=pacs.example.org"}, {"X-Forwarded-Host", "other"},
          {"X-Forwarded-Proto", "http"}, {"X-Forwarded-Port", "99"});
    CHECK("", "http://pacs.example.org:81/dicom-web /dicom-web",
          {"Forwarded", "for=a;Host=\"pacs.example.org:81\", for=b;host=second;proto=https"});
}

static void the_x_headers_give_host_scheme_port_and_prefix(void **state)
{
    (void)state;
    CHECK("", "https://pacs.example.org/clinic/dicom-web /clinic/dicom-web",
          {"X-Forwarded-Host", "pacs.example.org"}, {"X-Forwarded-Proto", "https"},
          {"X-Forwarded-Port", "443"}, {"X-Forwarded-Prefix", "/clinic/"});
    CHECK("", "https://pacs.example.org:8443/dicom-web /dicom-web",
          {"X-Forwarded-Host", "pacs.example.org, inner"}, {"X-Forwarded-Proto", "https,http"},
          {"X-Forwarded-Port", "8443"});
    CHECK("", "http://pacs.example.org:9000/dicom-web /dicom-web",
          {"X-Forwarded-Host", "pacs.example.org:9000"}, {"X-Forwarded-Port", "80"});
}

static void a_public_root_decides(void **state)
{
    (void)state;
    CHECK("https://pacs.example.org/orthanc/dicom-web/",
          "https://pacs.example.org/orthanc/dicom-web /orthanc/dicom-web", {"X-Forwarded-Host", "other"},
          {"X-Forwarded-Prefix", "/no"});
    CHECK("https://pacs.example.org", "https://pacs.example.org ", {"X", ""});
    CHECK("orthanc/dicom-web/", "https://pacs.example.org/orthanc/dicom-web /orthanc/dicom-web",
          {"X-Forwarded-Host", "pacs.example.org"}, {"X-Forwarded-Proto", "https"},
          {"X-Forwarded-Prefix", "/no"});
}

static void what_is_no_host_port_scheme_or_path_is_not_believed(void **state)
{
    static const char *const hosts[] = {"evil.example/path",
                                        "user@evil.example",
                                        "evil example",
                                        "a\"b",
                                        "<script>",
                                        "evil.example:port",
                                        "host:0",
                                        "host:65536",
                                        "[::1",
                                        "[evil.example/]:80",
                                        ":80",
                                        "a:1:2"};
    static const char *const prefixes[] = {"clinic", "/",   "//evil.example", "/a/../b",
                                           "/a b",   "/\"", "/a?b",           "/."};

    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++)
        CHECK("", UNTOUCHED, {"X-Forwarded-Host", hosts[i]});
    for (size_t i = 0; i < COUNT(prefixes); i++)
        CHECK("", UNTOUCHED, {"X-Forwarded-Prefix", prefixes[i]});
    CHECK("", UNTOUCHED, {"X-Forwarded-Proto", "javascript"});
    CHECK("", UNTOUCHED, {"Forwarded", "host=\"evil.example/\";proto=gopher"});
    CHECK("", UNTOUCHED, {"Forwarded", ";;=;host;=x"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_proxy_it_is_the_host_asked),
        cmocka_unit_test(forwarded_is_believed_first),
        cmocka_unit_test(the_x_headers_give_host_scheme_port_and_prefix),
        cmocka_unit_test(a_public_root_decides),
        cmocka_unit_test(what_is_no_host_port_scheme_or_path_is_not_believed),
    };
    return cmocka_run_group_tests_name("dicomweb url", tests, NULL, NULL);
}
