/* What a worker asks over HTTP, against a real server on loopback. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "pacs/http/http_server.h"
#include "workers/http_client/address.h"
#include "workers/http_client/http_client.h"

static PacsHttpServer *server;
static char base_url[64];

static void echo(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *const names[] = {"Authorization", "Accept", "Content-Type", "traceparent", "Cookie"};
    PacsBuffer text = PACS_BUFFER(1u << 20);
    (void)context;
    (void)pacs_buffer_add_format(&text, "%s %s\n", pacs_http_method_name(request), pacs_http_path(request));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = pacs_http_header(request, names[i]);
        (void)pacs_buffer_add_format(&text, "%s=%s\n", names[i], value ? value : "-");
    }
    const PacsSlice body = pacs_http_body(request);
    (void)pacs_buffer_add(&text, body.text, body.size);
    pacs_http_reply_buffer(reply, "text/plain", &text);
}

static void answer_code(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    uint64_t code = 0;
    (void)context;
    pacs_ignore(pacs_parse_u64(pacs_slice(pacs_http_capture(request, "code")), 599, &code, NULL));
    pacs_http_reply_text(reply, "text/plain", "why");
    pacs_http_reply_header(reply, "Location", "/echo");
    pacs_http_reply_code(reply, (uint32_t)code);
}

static const PacsHttpRoute routes[] = {
    {.method = PACS_HTTP_GET, .pattern = "/echo", .handle = echo},
    {.method = PACS_HTTP_POST, .pattern = "/echo", .handle = echo, .body = PACS_HTTP_BODY_COLLECT},
    {.method = PACS_HTTP_GET, .pattern = "/code/{code}", .handle = answer_code},
};

static int start(void **state)
{
    const PacsHttpServerOptions options = {.site = {.remote_access_allowed = true}, .pool_threads = 2};
    const PacsHttpMount mount = {
        .prefix = "", .routes = routes, .route_count = sizeof routes / sizeof routes[0]};
    (void)state;
    if (pacs_http_server_open(&options, &server, NULL) != PACS_OK ||
        pacs_http_server_mount(server, &mount, NULL) != PACS_OK ||
        pacs_http_server_start(server, NULL) != PACS_OK)
        return -1;
    (void)snprintf(base_url, sizeof base_url, "http://127.0.0.1:%u/", pacs_http_server_port(server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pacs_http_server_free(server);
    return 0;
}

static WorkerHttpClient *client_of(const WorkerHttpClientOptions *given)
{
    WorkerHttpClientOptions options = *given;
    WorkerHttpClient *client = NULL;
    PacsError err = {0};
    options.base_url = options.base_url ? options.base_url : base_url;
    if (worker_http_client_new(&options, &client, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return client;
}

static PacsStatus get(const char *path, PacsBuffer *body, PacsError *err)
{
    PACS_AUTO(WorkerHttpClient) client = client_of(&(WorkerHttpClientOptions){0});
    return worker_http_call(client, &(WorkerHttpCall){.path = path}, body, NULL, err);
}

static void a_call_carries_what_it_was_given(void **state)
{
    PACS_AUTO(WorkerHttpClient)
    client = client_of(&(WorkerHttpClientOptions){.username = "worker", .password = "secret"});
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    WorkerHttpResult result;
    const WorkerHttpCall call = {.method = "POST",
                                 .path = "/echo",
                                 .accept = "application/dicom+json",
                                 .content_type = "application/octet-stream",
                                 .body = "a\0b",
                                 .body_size = 3,
                                 .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    (void)state;
    assert_int_equal(worker_http_call(client, &call, &body, &result, NULL), PACS_OK);
    assert_int_equal(result.code, 200);
    assert_string_equal(result.content_type, "text/plain");
    static const char expected[] = "POST /echo\nAuthorization=Basic d29ya2VyOnNlY3JldA==\n"
                                   "Accept=application/dicom+json\nContent-Type=application/octet-stream\n"
                                   "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
                                   "Cookie=-\na\0b";
    assert_int_equal(body.size, sizeof expected - 1);
    assert_memory_equal(body.bytes, expected, sizeof expected - 1);

    /* and the next call on the same connection does not inherit it */
    pacs_buffer_reset(&body);
    assert_int_equal(worker_http_call(client, &(WorkerHttpCall){.path = "/echo"}, &body, NULL, NULL),
                     PACS_OK);
    assert_non_null(strstr(pacs_buffer_text(&body), "GET /echo\n"));
    assert_non_null(strstr(pacs_buffer_text(&body), "traceparent=-\n"));
}

static void a_bearer_token_goes_into_its_header(void **state)
{
    PACS_AUTO(WorkerHttpClient) client = client_of(&(WorkerHttpClientOptions){.bearer_token = "abc.def"});
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    (void)state;
    assert_int_equal(worker_http_call(client, &(WorkerHttpCall){.path = "/echo"}, &body, NULL, NULL),
                     PACS_OK);
    assert_non_null(strstr(pacs_buffer_text(&body), "Authorization=Bearer abc.def\n"));
}

static void codes_become_what_a_worker_can_act_on(void **state)
{
    static const struct {
        const char *path;
        PacsStatus status;
    } cases[] = {
        {"/code/204", PACS_OK},          {"/code/301", PACS_UNSUPPORTED}, {"/code/400", PACS_INVALID},
        {"/code/401", PACS_REFUSED},     {"/code/403", PACS_REFUSED},     {"/code/404", PACS_NOT_FOUND},
        {"/code/408", PACS_UNAVAILABLE}, {"/code/409", PACS_INVALID},     {"/code/410", PACS_NOT_FOUND},
        {"/code/413", PACS_TOO_LARGE},   {"/code/415", PACS_UNSUPPORTED}, {"/code/429", PACS_UNAVAILABLE},
        {"/code/500", PACS_UNAVAILABLE}, {"/code/503", PACS_UNAVAILABLE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
        assert_int_equal(get(cases[i].path, &body, NULL), cases[i].status);
    }
}

static void an_error_names_the_path_without_its_query(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    PacsError err = {0};
    (void)state;
    assert_int_equal(get("/code/503?PatientName=DOE", &body, &err), PACS_UNAVAILABLE);
    assert_string_equal(err.text, "GET /code/503: answered 503");
}

static void any_code_is_a_result_for_whoever_asks_so(void **state)
{
    PACS_AUTO(WorkerHttpClient) client = client_of(&(WorkerHttpClientOptions){0});
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    WorkerHttpResult result;
    const WorkerHttpCall call = {.path = "/code/409", .is_any_code = true};
    (void)state;
    assert_int_equal(worker_http_call(client, &call, &body, &result, NULL), PACS_OK);
    assert_int_equal(result.code, 409);
    assert_string_equal(pacs_buffer_text(&body), "why");
}

static void an_answer_over_its_maximum_is_given_up(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(8);
    PacsError err = {0};
    (void)state;
    assert_int_equal(get("/echo", &body, &err), PACS_TOO_LARGE);
    assert_string_equal(err.text, "GET /echo: the answer is larger than 8 bytes");
}

static void a_server_that_says_nothing_is_not_waited_for(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char url[64];
    (void)state;
    const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* the kernel accepts, nobody reads */
    assert_int_equal(bind(silent, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(silent, 1), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    PACS_AUTO(WorkerHttpClient)
    client = client_of(&(WorkerHttpClientOptions){.base_url = url, .timeout_ms = 50});
    assert_int_equal(worker_http_call(client, &(WorkerHttpCall){.path = "/"}, &body, NULL, NULL),
                     PACS_UNAVAILABLE);
    (void)close(silent);
}

static void an_address_that_is_none_is_refused(void **state)
{
    static const char *const urls[] = {
        "", "archive", "ftp://archive", "file:///etc/passwd", "http://u:p@archive", "http://archive?x=1"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        WorkerHttpClient *client = NULL;
        assert_int_equal(
            worker_http_client_new(&(WorkerHttpClientOptions){.base_url = urls[i]}, &client, NULL),
            PACS_INVALID);
    }
}

static void loopback_is_not_asked_where_only_the_internet_is_allowed(void **state)
{
    PACS_AUTO(WorkerHttpClient) client = client_of(&(WorkerHttpClientOptions){.public_addresses_only = true});
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    (void)state;
    assert_int_equal(worker_http_call(client, &(WorkerHttpCall){.path = "/echo"}, &body, NULL, NULL),
                     PACS_REFUSED);
    assert_int_equal(body.size, 0);
}

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return worker_address_is_public((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return worker_address_is_public((struct sockaddr *)&v6);
}

static void addresses_of_the_internet_are_told_from_all_others(void **state)
{
    static const char *const far_away[] = {"8.8.8.8",        "172.32.0.1",      "192.169.0.1",
                                           "100.128.0.1",    "2606:4700::1111", "::ffff:8.8.8.8",
                                           "2002:808:808::1"};
    static const char *const near[] = {"0.0.0.0",        "10.1.2.3",        "127.0.0.1",   "169.254.169.254",
                                       "172.16.0.1",     "172.31.255.255",  "192.168.1.1", "100.64.0.1",
                                       "224.0.0.1",      "255.255.255.255", "::",          "::1",
                                       "fe80::1",        "fc00::1",         "ff02::1",     "::ffff:127.0.0.1",
                                       "64:ff9b::a00:1", "2002:7f00:1::",   "2001:db8::1", "2001:0:7f00:1::",
                                       "::127.0.0.1"};
    (void)state;
    for (size_t i = 0; i < sizeof far_away / sizeof far_away[0]; i++)
        if (!is_public(far_away[i]))
            fail_msg("%s", far_away[i]);
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
        if (is_public(near[i]))
            fail_msg("%s", near[i]);
}

static void a_segment_is_escaped(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(64);
    (void)state;
    assert_true(worker_http_escape(&out, "1.2-a_b~/ &%\xc3\xa9"));
    assert_string_equal(pacs_buffer_text(&out), "1.2-a_b~%2F%20%26%25%C3%A9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_carries_what_it_was_given),
        cmocka_unit_test(a_bearer_token_goes_into_its_header),
        cmocka_unit_test(codes_become_what_a_worker_can_act_on),
        cmocka_unit_test(an_error_names_the_path_without_its_query),
        cmocka_unit_test(any_code_is_a_result_for_whoever_asks_so),
        cmocka_unit_test(an_answer_over_its_maximum_is_given_up),
        cmocka_unit_test(a_server_that_says_nothing_is_not_waited_for),
        cmocka_unit_test(an_address_that_is_none_is_refused),
        cmocka_unit_test(loopback_is_not_asked_where_only_the_internet_is_allowed),
        cmocka_unit_test(addresses_of_the_internet_are_told_from_all_others),
        cmocka_unit_test(a_segment_is_escaped),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
