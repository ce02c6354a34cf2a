/* Which representation a client gets, by what real clients send. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dicomweb/accept.h"
#include "pacs/dicom/uid.h"
#include "pacs/http/http_memory.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define NONE (-1)

#define J2K PACS_UID_JPEG_2000_LOSSLESS
#define NATIVE PACS_UID_EXPLICIT_LITTLE
#define OCTETS DICOMWEB_TYPE_BYTES

/* What resources offer, and their rows by name. */

static const DicomwebOffer search[] = {{.media_type = DICOMWEB_TYPE_JSON},
                                       {.media_type = DICOMWEB_TYPE_XML, .is_multipart = true}};
enum { JSON, XML };

static const DicomwebOffer object[] = {
    {.media_type = DICOMWEB_TYPE_DICOM, .transfer_syntax_uid = J2K, .is_multipart = true},
    {.media_type = DICOMWEB_TYPE_DICOM, .transfer_syntax_uid = J2K},
    {.media_type = DICOMWEB_TYPE_ZIP},
};
enum { PARTS, SINGLE, ZIP };

static const DicomwebOffer frame[] = {
    {.media_type = "image/jp2", .transfer_syntax_uid = J2K, .is_multipart = true},
    {.media_type = OCTETS, .transfer_syntax_uid = J2K, .is_multipart = true},
    {.media_type = "image/jp2", .transfer_syntax_uid = J2K},
    {.media_type = OCTETS, .transfer_syntax_uid = J2K},
};
enum { JP2_PARTS, OCTET_PARTS, JP2, OCTET };

static const DicomwebOffer native_frame[] = {
    {.media_type = OCTETS, .transfer_syntax_uid = NATIVE, .is_multipart = true},
    {.media_type = OCTETS, .transfer_syntax_uid = NATIVE},
};
enum { NATIVE_PARTS, NATIVE_SINGLE };

static const DicomwebOffer picture[] = {{.media_type = "image/jpeg"}, {.media_type = "image/png"}};
enum { JPEG, PNG };

static const DicomwebOffer pdf[] = {{.media_type = "application/pdf", .is_multipart = true},
                                    {.media_type = OCTETS, .is_multipart = true},
                                    {.media_type = "application/pdf"},
                                    {.media_type = OCTETS}};
enum { PDF_PARTS, PDF_OCTET_PARTS, PDF, PDF_OCTETS };

typedef struct Case {
    const char *accept;
    int chosen;
} Case;

static void check(const DicomwebOffer *offers, size_t offer_count, const Case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const DicomwebOffer *chosen = dicomweb_accept_choose(pacs_slice(cases[i].accept), offers,
                                                             offer_count);
        int found = chosen ? (int)(chosen - offers) : NONE;
        if (found != cases[i].chosen)
            fail_msg("'%s' chose %d instead of %d", cases[i].accept, found, cases[i].chosen);
    }
}

#define CHECK(offers, ...)                                                                                   \
    do {                                                                                                     \
        const Case cases[] = {__VA_ARGS__};                                                                  \
        check(offers, COUNT(offers), cases, COUNT(cases));                                                   \
    } while (0)

static void searches_and_metadata_answer_what_clients_send(void **state)
{
    (void)state;
    CHECK(search, {"application/dicom+json", JSON},                   /* OHIF, dicomweb-client */
          {"application/json", JSON},                                 /* older clients */
          {"application/dicom+json, application/json", JSON},         /* Orthanc's own explorer */
          {"application/dicom+xml", NONE},                            /* XML comes in parts */
          {"multipart/related; type=\"application/dicom+xml\"", XML}, /* Weasis, dcm4che */
          {"multipart/related;type=application/dicom+xml", XML},      /* unquoted */
          {"multipart/related;type=\"application/dicom+xml\", application/dicom+json;q=0.9", XML},
          {"application/dicom+json;q=0.9, multipart/related;type=\"application/dicom+xml\";q=1", XML},
          {"APPLICATION/DICOM+JSON ; charset=utf-8", JSON}, {"text/html", NONE},
          {"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", JSON}, /* a browser's tab */
          {"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JSON});              /* Java */
}

static void objects_come_in_parts_alone_or_zipped(void **state)
{
    (void)state;
    CHECK(object, {"multipart/related; type=\"application/dicom\"; transfer-syntax=*", PARTS},
          {"multipart/related; type=application/dicom; transfer-syntax=\"*\"", PARTS},
          {"multipart/related; type=\"application/dicom\"; transfer-syntax=" J2K, PARTS},
          {"multipart/related; type=\"application/dicom\"; transfer-syntax=" NATIVE, NONE},
          {"multipart/related; type=\"application/dicom\"; transfer-syntax=" NATIVE
           ", multipart/related; type=\"application/dicom\"; transfer-syntax=" J2K "; q=0.5",
           PARTS},
          {"application/dicom; transfer-syntax=*", SINGLE}, {"application/zip", ZIP},
          {"application/zip; transfer-syntax=*", ZIP}, {"multipart/related; transfer-syntax=*", PARTS},
          {"multipart/*; transfer-syntax=*", PARTS},
          {"application/zip;q=0.2, application/dicom; transfer-syntax=*; q=0.3", SINGLE});
}

static void no_transfer_syntax_means_the_default_one(void **state)
{
    (void)state;
    CHECK(object, {"multipart/related; type=\"application/dicom\"", NONE}, {"application/dicom", NONE},
          {"", ZIP}, {"*/*", ZIP}); /* explicit little endian is not here */
    CHECK(native_frame, {"multipart/related; type=\"application/octet-stream\"", NATIVE_PARTS},
          {"application/octet-stream", NATIVE_SINGLE}, {"", NATIVE_PARTS}, {"*/*", NATIVE_PARTS});
    CHECK(frame, {"multipart/related; type=\"image/jp2\"", JP2_PARTS},
          {"multipart/related; type=\"application/octet-stream\"", NONE}, {"", JP2_PARTS});
}

static void an_offer_may_stand_in_for_the_default(void **state)
{
    (void)state;
    static const DicomwebOffer lossy[] = {{.media_type = DICOMWEB_TYPE_DICOM,
                                           .transfer_syntax_uid = PACS_UID_JPEG_BASELINE,
                                           .is_multipart = true,
                                           .is_default = true}};

    CHECK(lossy, {"multipart/related; type=\"application/dicom\"", 0}, {"", 0}, {"*/*", 0},
          {"multipart/related; type=\"application/dicom\"; transfer-syntax=" NATIVE, NONE});
}

static void frames_are_named_in_many_ways(void **state)
{
    (void)state;
    CHECK(frame,
          {"multipart/related; type=application/octet-stream; transfer-syntax=*", OCTET_PARTS}, /* OHIF */
          {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=*", OCTET_PARTS},
          {"multipart/related; type=\"image/jp2\"; transfer-syntax=" J2K, JP2_PARTS},
          {"multipart/related; type=\"image/jp2; transfer-syntax=" J2K "\"",
           JP2_PARTS},                                                /* as Orthanc writes it */
          {"multipart/related; type=\"image/dicom+jp2\"", JP2_PARTS}, /* PS3.18 2014a */
          {"multipart/related; type=\"image/jls\"; transfer-syntax=1.2.840.10008.1.2.4.80, "
           "multipart/related; type=\"image/jp2\"; transfer-syntax=" J2K ", "
           "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
           JP2_PARTS},                                        /* dicom-microscopy-viewer */
          {"multipart/related; type=\"image/*\"", JP2_PARTS}, /* PS3.18 8.7.3.5 */
          {"multipart/related; type=\"image/jpeg\"", NONE}, {"image/jp2", JP2}, {"image/*", JP2},
          {"application/octet-stream; transfer-syntax=*", OCTET});
}

static void pictures_suit_every_browser(void **state)
{
    (void)state;
    CHECK(picture,
          {"image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", JPEG}, /* Chromium */
          {"image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", PNG},       /* Firefox */
          {"image/webp,image/avif,*/*;q=0.1", JPEG}, {"image/png;q=0.4, image/jpeg;q=0.3", PNG},
          {"image/jpeg;q=0, */*", PNG}, {"image/*, image/jpeg;q=0.5", PNG});
}

static void documents_come_as_their_own_type(void **state)
{
    (void)state;
    CHECK(
        pdf,
        {"multipart/related; type=\"application/pdf\", multipart/related; type=\"application/octet-stream\"",
         PDF_PARTS}, /* OHIF */
        {"multipart/related; type=\"application/octet-stream\"", PDF_OCTET_PARTS},
        {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=*", PDF_OCTET_PARTS},
        {"application/pdf", PDF}, {"application/octet-stream;q=0.5, application/pdf;q=0.4", PDF_OCTETS});
}

static void what_is_no_media_range_is_ignored(void **state)
{
    (void)state;
    CHECK(search, {"json", JSON}, {";;;", JSON}, {",,,", JSON}, {"\"", JSON}, {"/", NONE}, {"a/b;=;q", NONE},
          {"rubbish, application/dicom+json", JSON}, {"application/dicom+json;q=nonsense", JSON},
          {"application/dicom+json;q=7", JSON}, {"application/dicom+json;q=0", NONE},
          {"application/dicom+json;q=0.000", NONE}, {"application/dicom+json;q=0.001", JSON},
          {"application/dicom+json; ext=\"a,b;c\"", JSON}, {"*/*;q=0", NONE},
          {"multipart/related; type=\"application/dicom+xml", XML}, /* a quote that is not closed */
          {"multipart/related; type=\"x/y; type=application/dicom+xml\"", NONE});
}

static void every_pixel_syntax_has_its_type(void **state)
{
    (void)state;
    assert_string_equal(dicomweb_pixel_media_type(PACS_UID_HTJ2K_LOSSLESS_RPCL), "image/jphc");
    assert_string_equal(dicomweb_pixel_media_type(PACS_UID_RLE_LOSSLESS), "image/dicom-rle");
    assert_string_equal(dicomweb_pixel_media_type(PACS_UID_EXPLICIT_LITTLE), "application/octet-stream");
    assert_string_equal(dicomweb_default_transfer_syntax(PACS_SLICE("image/jpeg")),
                        PACS_UID_JPEG_LOSSLESS_SV1);
    assert_string_equal(dicomweb_default_transfer_syntax(PACS_SLICE("application/dicom")), NATIVE);
    assert_null(dicomweb_default_transfer_syntax(PACS_SLICE("application/pdf")));
}

/* ---- Over HTTP ---- */

static void reply_chosen(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const DicomwebOffer *offer = dicomweb_negotiate(request, reply, pdf, COUNT(pdf));

    (void)context;
    if (offer)
        pacs_http_reply_text(reply, dicomweb_content_type(offer, "edge", pacs_http_arena(request)), "");
}

static void ask(const char *target, const char *accept, uint32_t code, const char *content_type)
{
    static const PacsHttpRoute routes[] = {
        {.method = PACS_HTTP_GET, .pattern = "/x", .handle = reply_chosen, .place = PACS_HTTP_INLINE}};
    const PacsHttpMount mount = {.prefix = "", .routes = routes, .route_count = 1};
    const PacsHttpSiteOptions site = {.remote_access_allowed = true};
    const PacsHttpPair header = {"Accept", accept};
    const PacsHttpAsk request = {.target = target, .headers = &header, .header_count = accept ? 1 : 0};
    PACS_AUTO(PacsHttpMemory) http = NULL;
    PacsHttpAnswer answer;
    char value[128];

    assert_int_equal(pacs_http_memory_new(&site, &mount, 1, &http, NULL), PACS_OK);
    assert_int_equal(pacs_http_perform(http, &request, &answer), code);
    if (content_type)
        assert_string_equal(pacs_http_answer_header(&answer, "Content-Type", value, sizeof value),
                            content_type);
    else
        assert_non_null(strstr(pacs_buffer_text(&answer.body), "type=\\\"application/pdf\\\""));
    assert_string_equal(pacs_http_answer_header(&answer, "Vary", value, sizeof value), "Accept");
    pacs_http_answer_clear(&answer);
}

static void the_query_wins_over_the_header(void **state)
{
    (void)state;
    const char *parts = "multipart/related; type=\"application/octet-stream\"";

    ask("/x?accept=application%2Fpdf", parts, 200, "application/pdf"); /* OHIF's thumbnails do the like */
    ask("/x?accept=application/pdf;q=0.1&accept=application/octet-stream", NULL, 200,
        "application/octet-stream");
    ask("/x?accept=", parts, 200, "multipart/related; type=\"application/octet-stream\"; boundary=edge");
    ask("/x?accept=image/png", "*/*", 406, NULL);
}

static void a_plus_in_a_query_is_a_plus_of_the_type(void **state)
{
    (void)state;
    CHECK(search, {"application/dicom json", JSON},
          {"multipart/related; type=\"application/dicom xml\"", XML});
}

static void a_refusal_says_what_there_is(void **state)
{
    (void)state;
    ask("/x", "image/png", 406, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_and_metadata_answer_what_clients_send),
        cmocka_unit_test(objects_come_in_parts_alone_or_zipped),
        cmocka_unit_test(no_transfer_syntax_means_the_default_one),
        cmocka_unit_test(an_offer_may_stand_in_for_the_default),
        cmocka_unit_test(frames_are_named_in_many_ways),
        cmocka_unit_test(pictures_suit_every_browser),
        cmocka_unit_test(documents_come_as_their_own_type),
        cmocka_unit_test(what_is_no_media_range_is_ignored),
        cmocka_unit_test(every_pixel_syntax_has_its_type),
        cmocka_unit_test(the_query_wins_over_the_header),
        cmocka_unit_test(a_plus_in_a_query_is_a_plus_of_the_type),
        cmocka_unit_test(a_refusal_says_what_there_is),
    };
    return cmocka_run_group_tests_name("dicomweb accept", tests, NULL, NULL);
}
