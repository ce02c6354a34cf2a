#include "workers/http_client/http_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/text.h"
#include "workers/http_client/address.h"
#include "workers/http_client/http_client_private.h"

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS 60000

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void init_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for an HTTP request");
}

/* ---- The client ---- */

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    const bool found = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return found;
}

static bool is_http(CURLU *url)
{
    char *scheme = NULL;
    const bool ok = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return ok;
}

static PacsStatus check_base_url(const char *base_url, PacsError *err)
{
    CURLU *url = curl_url();
    if (!url)
        return no_memory(err);
    const bool ok = curl_url_set(url, CURLUPART_URL, base_url, 0) == CURLUE_OK && is_http(url) &&
                    !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
                    !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT);
    curl_url_cleanup(url);
    return ok ? PACS_OK
              : pacs_fail(
                    err, PACS_INVALID,
                    "an address is to be http://host[:port][/path] or https://..., without credentials");
}

static bool copy_text(const char *from, char **ret_copy)
{
    if (!from || !from[0])
        return true;
    *ret_copy = strdup(from);
    return *ret_copy != NULL;
}

static bool copy_options(WorkerHttpClient *client, const WorkerHttpClientOptions *options)
{
    client->public_addresses_only = options->public_addresses_only;
    client->connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms
                                                             : CONNECT_TIMEOUT_MS;
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
    if (options->bearer_token && options->bearer_token[0] &&
        asprintf(&client->authorization, "Authorization: Bearer %s", options->bearer_token) < 0)
        return false;
    return copy_text(options->base_url, &client->base_url) &&
           copy_text(options->username, &client->username) &&
           copy_text(options->password, &client->password) && copy_text(options->ca_file, &client->ca_file) &&
           copy_text(options->certificate_file, &client->certificate_file) &&
           copy_text(options->key_file, &client->key_file);
}

PacsStatus worker_http_client_new(const WorkerHttpClientOptions *options, WorkerHttpClient **ret_client,
                                  PacsError *err)
{
    (void)pthread_once(&curl_once, init_curl); /* fails for a bad argument alone */
    if (curl_ready != CURLE_OK)
        return pacs_fail(err, PACS_INTERNAL, "libcurl cannot be used: %s", curl_easy_strerror(curl_ready));
    const PacsStatus status = check_base_url(options->base_url, err);
    if (status != PACS_OK)
        return status;
    PACS_AUTO(WorkerHttpClient) client = calloc(1, sizeof *client);
    if (!client || !copy_options(client, options))
        return no_memory(err);
    client->handle = curl_easy_init();
    if (!client->handle)
        return no_memory(err);
    size_t size = strlen(client->base_url);
    while (size > 0 && client->base_url[size - 1] == '/')
        client->base_url[--size] = '\0';
    *ret_client = PACS_STEAL(client);
    return PACS_OK;
}

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void worker_http_client_free(WorkerHttpClient *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->handle);
    free(client->base_url);
    free(client->username);
    free_secret(client->password);
    free_secret(client->authorization);
    free(client->ca_file);
    free(client->certificate_file);
    free(client->key_file);
    free(client);
}

/* ---- A request ---- */

/** For libcurl: the socket it may connect with, or none. The address is the one that it will connect to, so that no
 *  second answer of the name service can put another in its place. */
static curl_socket_t open_public_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    WorkerHttpClient *client = context;
    (void)purpose;
    if (!worker_address_is_public(&address->addr)) {
        client->has_refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
    char line[1024];
    if (!value)
        return true;
    if (snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        return false;
    struct curl_slist *longer = curl_slist_append(*headers, line);
    *headers = longer ? longer : *headers;
    return longer != NULL;
}

static bool add_headers(const WorkerHttpClient *client, const WorkerHttpCall *call,
                        struct curl_slist **headers)
{
    if (client->authorization) {
        *headers = curl_slist_append(NULL, client->authorization);
        if (!*headers)
            return false;
    }
    /* "Expect:" alone keeps libcurl from waiting a second for "100 Continue" before a large body. */
    struct curl_slist *longer = curl_slist_append(*headers, "Expect:");
    *headers = longer ? longer : *headers;
    return longer && add_header(headers, "Accept", call->accept) &&
           add_header(headers, "Content-Type", call->content_type) &&
           add_header(headers, "traceparent", call->traceparent);
}

static void set_credentials(const WorkerHttpClient *client, CURL *handle)
{
    if (client->username) {
        (void)curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        (void)curl_easy_setopt(handle, CURLOPT_USERNAME, client->username);
        (void)curl_easy_setopt(handle, CURLOPT_PASSWORD, client->password ? client->password : "");
    }
    if (client->ca_file)
        (void)curl_easy_setopt(handle, CURLOPT_CAINFO, client->ca_file);
    if (client->certificate_file) {
        (void)curl_easy_setopt(handle, CURLOPT_SSLCERT, client->certificate_file);
        (void)curl_easy_setopt(handle, CURLOPT_SSLKEY, client->key_file);
    }
}

/* Setting an option fails for an unknown one or for no memory; the transfer then fails too, and says so. */
PacsStatus worker_http_set_up(WorkerHttpClient *client, CURL *handle, const WorkerHttpCall *call,
                              struct curl_slist **ret_headers, PacsError *err)
{
    char *url = NULL;
    if (call->path[0] != '/')
        return pacs_fail(err, PACS_INVALID, "a path to be asked for begins with a slash");
    if (asprintf(&url, "%s%s", client->base_url, call->path) < 0)
        return no_memory(err);
    const CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, url);
    free(url);
    if (code != CURLE_OK || !add_headers(client, call, ret_headers))
        return no_memory(err);
    (void)curl_easy_setopt(handle, CURLOPT_HTTPHEADER, *ret_headers);
    (void)curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_NOPROXY,
                           "*"); /* what the environment says is for people's browsers */
    (void)curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_USERAGENT, "lightbox-worker/" PACS_VERSION);
    (void)curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms);
    client->has_refused_address = false;
    if (client->public_addresses_only) {
        (void)curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_public_socket);
        (void)curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, client);
    }
    set_credentials(client, handle);
    return PACS_OK;
}

static const char *method_of(const WorkerHttpCall *call)
{
    return call->method ? call->method : "GET";
}

/** A query may have a patient in it: errors name the path alone. */
static int path_size(const WorkerHttpCall *call)
{
    return (int)strcspn(call->path, "?");
}

PacsStatus worker_http_fail(const WorkerHttpCall *call, CURLcode code, const char *message, PacsError *err)
{
    const PacsStatus status = code == CURLE_OUT_OF_MEMORY ? PACS_NO_MEMORY : PACS_UNAVAILABLE;
    return pacs_fail(err, status, "%s %.*s: %s", method_of(call), path_size(call), call->path,
                     message[0] ? message : curl_easy_strerror(code));
}

static PacsStatus status_of_code(uint32_t code)
{
    switch (code) {
    case 401:
    case 403:
        return PACS_REFUSED;
    case 404:
    case 410:
        return PACS_NOT_FOUND;
    case 406:
    case 415:
        return PACS_UNSUPPORTED;
    case 408:
    case 425:
    case 429:
        return PACS_UNAVAILABLE;
    case 413:
        return PACS_TOO_LARGE;
    default:
        return code >= 500 ? PACS_UNAVAILABLE : code >= 400 ? PACS_INVALID : PACS_UNSUPPORTED;
    }
}

PacsStatus worker_http_check_code(const WorkerHttpCall *call, uint32_t code, PacsError *err)
{
    if (code >= 200 && code < 300)
        return PACS_OK;
    return pacs_fail(err, status_of_code(code), "%s %.*s: answered %u", method_of(call), path_size(call),
                     call->path, code);
}

static size_t take_bytes(char *bytes, size_t one, size_t size, void *context)
{
    (void)one; /* always 1 */
    return pacs_buffer_add(context, bytes, size) ? size : 0;
}

static void set_body(CURL *handle, const WorkerHttpCall *call)
{
    if (call->body) {
        (void)curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
        (void)curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body);
    }
    if (call->method)
        (void)curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

static void read_result(CURL *handle, WorkerHttpResult *result)
{
    const char *type = NULL;
    long code = 0;
    (void)curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
    result->code = (uint32_t)code;
    pacs_text_copy(result->content_type, sizeof result->content_type, type ? type : "");
}

static PacsStatus perform(WorkerHttpClient *client, const WorkerHttpCall *call, PacsBuffer *body,
                          WorkerHttpResult *ret_result, PacsError *err)
{
    WorkerHttpResult result = {0};
    const CURLcode code = curl_easy_perform(client->handle);
    if (body->failed)
        return pacs_fail(err, body->failure, "%s %.*s: the answer is larger than %zu bytes", method_of(call),
                         path_size(call), call->path, body->max);
    if (code == CURLE_COULDNT_CONNECT && client->has_refused_address)
        return pacs_fail(err, PACS_REFUSED, "%s %.*s: the address is not one of the Internet",
                         method_of(call), path_size(call), call->path);
    if (code != CURLE_OK)
        return worker_http_fail(call, code, client->message, err);
    read_result(client->handle, &result);
    const PacsStatus status = call->is_any_code ? PACS_OK : worker_http_check_code(call, result.code, err);
    if (status == PACS_OK && ret_result)
        *ret_result = result;
    return status;
}

PacsStatus worker_http_call(WorkerHttpClient *client, const WorkerHttpCall *call, PacsBuffer *body,
                            WorkerHttpResult *ret_result, PacsError *err)
{
    CURL *handle = client->handle;
    struct curl_slist *headers = NULL;

    curl_easy_reset(handle); /* keeps the connections */
    client->message[0] = '\0';
    PacsStatus status = worker_http_set_up(client, handle, call, &headers, err);
    if (status == PACS_OK) {
        (void)curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
        (void)curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, client->message);
        (void)curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "gzip");
        (void)curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_bytes);
        (void)curl_easy_setopt(handle, CURLOPT_WRITEDATA, body);
        set_body(handle, call);
        status = perform(client, call, body, ret_result, err);
    }
    curl_easy_reset(handle); /* forgets the headers and the body, which are not ours to keep */
    curl_slist_free_all(headers);
    return status;
}

bool worker_http_escape(PacsBuffer *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool ok = strchr(plain, c) ? pacs_buffer_add_char(out, *text)
                                         : pacs_buffer_add_format(out, "%%%02X", c);
        if (!ok)
            return false;
    }
    return true;
}
