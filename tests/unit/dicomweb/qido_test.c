/* QIDO-RS as a client sees it: the requests that viewers send, word for word, among them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dicomweb/qido_answer.h"
#include "pacs/dicom/part10.h"
#include "pacs/dicom/tag.h"
#include "tests/support/dicomweb_fixture.h"
#include "tests/support/index_failing.h"

#define ROOT "/dicom-web"

/* ---- what is stored ---- */

/** An instance by what searches look at; NULL: the attribute is absent. UIDs end in the numbers. */
typedef struct Stored {
    unsigned study, series, instance;
    const char *date, *time, *accession, *modality, *description, *referring, *name, *patient_id, *age,
        *comment;
    const char *series_description, *step;
} Stored;

static const Stored knee = {.study = 1,
                            .series = 1,
                            .instance = 1,
                            .date = "20260115",
                            .time = "101500",
                            .accession = "A100",
                            .modality = "MR",
                            .description = "KNEE LEFT",
                            .referring = "Ref^One",
                            .name = "Nguy\xE1\xBB\x85n^V\xC4\x83n",
                            .patient_id = "P1",
                            .age = "051Y",
                            .series_description = "T1",
                            .step = "SPS-1"};
static const Stored head = {.study = 2,
                            .series = 1,
                            .instance = 1,
                            .date = "20260220",
                            .time = "081500",
                            .accession = "B200",
                            .modality = "CT",
                            .description = "Head, plain",
                            .name = "Doe^Jane",
                            .patient_id = "P2"};

static void add(PacsBuffer *out, PacsTag tag, const char *vr, const char *value)
{
    if (value)
        test_add_text(out, tag, vr, value);
}

/** (0040,0275) with one item that has one Scheduled Procedure Step ID. */
static void add_request(PacsBuffer *out, const char *step)
{
    PACS_AUTO_BUFFER PacsBuffer inside = PACS_BUFFER(1024);
    PACS_AUTO_BUFFER PacsBuffer item = PACS_BUFFER(1024);

    test_add_text(&inside, PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID, "SH", step);
    const uint8_t header[8] = {0xFE, 0xFF, 0x00, 0xE0, (uint8_t)inside.size, 0, 0, 0};
    assert_true(pacs_buffer_add(&item, header, sizeof header) &&
                pacs_buffer_add(&item, inside.bytes, inside.size));
    test_add_bytes(out, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, "SQ", item.bytes, (uint32_t)item.size);
}

static void push(DicomwebFixture *fixture, const Stored *stored)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 20);
    char study[65], series[65], instance[65];
    PacsIngested ingested;

    (void)snprintf(study, sizeof study, "2.25.%u", stored->study);
    (void)snprintf(series, sizeof series, "2.25.%u.%u", stored->study, stored->series);
    (void)snprintf(instance, sizeof instance, "2.25.%u.%u.%u", stored->study, stored->series,
                   stored->instance);
    const PacsFileMeta meta = {.sop_class_uid = "1.2.840.10008.5.1.4.1.1.4",
                               .sop_instance_uid = instance,
                               .transfer_syntax_uid = "1.2.840.10008.1.2.1"};
    assert_int_equal(pacs_part10_format_header(&meta, &file, NULL), PACS_OK);
    test_add_text(&file, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192");
    test_add_text(&file, PACS_TAG_SOP_CLASS_UID, "UI", meta.sop_class_uid);
    test_add_text(&file, PACS_TAG_SOP_INSTANCE_UID, "UI", instance);
    add(&file, PACS_TAG_STUDY_DATE, "DA", stored->date);
    add(&file, PACS_TAG_STUDY_TIME, "TM", stored->time);
    add(&file, PACS_TAG_ACCESSION_NUMBER, "SH", stored->accession);
    add(&file, PACS_TAG_MODALITY, "CS", stored->modality);
    add(&file, PACS_TAG_REFERRING_PHYSICIAN_NAME, "PN", stored->referring);
    add(&file, PACS_TAG_STUDY_DESCRIPTION, "LO", stored->description);
    add(&file, PACS_TAG_SERIES_DESCRIPTION, "LO", stored->series_description);
    test_add_text(&file, PACS_TAG(0x0009, 0x0010), "LO", "ACME");
    test_add_text(&file, PACS_TAG(0x0009, 0x1001), "LO", "private");
    add(&file, PACS_TAG_PATIENT_NAME, "PN", stored->name);
    add(&file, PACS_TAG_PATIENT_ID, "LO", stored->patient_id);
    add(&file, PACS_TAG_PATIENT_AGE, "AS", stored->age);
    add(&file, PACS_TAG_PATIENT_COMMENTS, "UT", stored->comment);
    test_add_text(&file, PACS_TAG_STUDY_INSTANCE_UID, "UI", study);
    test_add_text(&file, PACS_TAG_SERIES_INSTANCE_UID, "UI", series);
    test_add_text(&file, PACS_TAG_INSTANCE_NUMBER, "IS", "1");
    test_add_us(&file, PACS_TAG_ROWS, 64);
    if (stored->step)
        add_request(&file, stored->step);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, &ingested, NULL),
                     PACS_OK);
}

/** The knee with a second series of two instances, and the head. */
static void push_usual(DicomwebFixture *fixture)
{
    Stored more = knee;

    push(fixture, &knee);
    more.series = 2;
    more.modality = "SR";
    push(fixture, &more);
    more.instance = 2;
    push(fixture, &more);
    push(fixture, &head);
}

/* ---- asking ---- */

typedef struct Answered {
    PacsHttpAnswer answer;
    json_t *matches;
} Answered;

static void ask(DicomwebFixture *fixture, const char *target, const PacsHttpPair *headers, size_t count,
                uint32_t code, Answered *ret_answered)
{
    const PacsHttpAsk request = {.target = target, .headers = headers, .header_count = count};

    *ret_answered = (Answered){.matches = NULL};
    assert_int_equal(pacs_http_perform(fixture->http, &request, &ret_answered->answer), code);
    assert_false(ret_answered->answer.is_broken);
    if (code != 200)
        return;
    ret_answered->matches = json_loadb((const char *)ret_answered->answer.body.bytes,
                                       ret_answered->answer.body.size, 0, NULL);
}

static Answered get(DicomwebFixture *fixture, const char *target)
{
    const PacsHttpPair header = {"Accept", "application/dicom+json"};
    Answered answered;

    ask(fixture, target, &header, 1, 200, &answered);
    assert_non_null(answered.matches);
    return answered;
}

static void clear(Answered *answered)
{
    json_decref(answered->matches);
    pacs_http_answer_clear(&answered->answer);
}

static void expect_count(DicomwebFixture *fixture, const char *target, size_t count)
{
    Answered answered = get(fixture, target);

    assert_int_equal(json_array_size(answered.matches), count);
    clear(&answered);
}

static void expect_code(DicomwebFixture *fixture, const char *target, uint32_t code)
{
    Answered answered;

    ask(fixture, target, NULL, 0, code, &answered);
    clear(&answered);
}

/** The first value of an attribute of match `i` as text. */
static const char *value(const Answered *answered, size_t i, const char *tag)
{
    const json_t *attribute = json_object_get(json_array_get(answered->matches, i), tag);
    const json_t *first = json_array_get(json_object_get(attribute, "Value"), 0);
    static char number[32];

    if (json_is_integer(first)) {
        (void)snprintf(number, sizeof number, "%lld", json_integer_value(first));
        return number;
    }
    if (json_is_object(first))
        first = json_object_get(first, "Alphabetic");
    return json_is_string(first) ? json_string_value(first) : "";
}

/** The only match has this value. */
static void expect_only(DicomwebFixture *fixture, const char *target, const char *tag, const char *expected)
{
    Answered answered = get(fixture, target);

    assert_int_equal(json_array_size(answered.matches), 1);
    assert_string_equal(value(&answered, 0, tag), expected);
    clear(&answered);
}

static const char *header(const Answered *answered, const char *name)
{
    static char text[4096];

    return pacs_http_answer_header(&answered->answer, name, text, sizeof text);
}

static void expect_part(const char *text, const char *part)
{
    if (!strstr(text, part))
        assert_string_equal(text, part);
}

/* ---- routes ---- */

static void each_route_lists_what_is_below_it(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_count(fixture, ROOT "/studies", 2);
    expect_count(fixture, ROOT "/series", 3);
    expect_count(fixture, ROOT "/instances", 4);
    expect_count(fixture, ROOT "/studies/2.25.1/series", 2);
    expect_count(fixture, ROOT "/studies/2.25.1/instances", 3);
    expect_count(fixture, ROOT "/studies/2.25.1/series/2.25.1.2/instances", 2);
    expect_count(fixture, ROOT "/studies/2.25.2/series/2.25.1.2/instances", 0);
    expect_count(fixture, ROOT "/studies/2.25.99/series", 0);
}

static void matches_name_where_they_are(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, ROOT "/instances?SOPInstanceUID=2.25.2.1.1", "00081190",
                "http://localhost/dicom-web/studies/2.25.2/series/2.25.2.1/instances/2.25.2.1.1");
    expect_only(fixture, ROOT "/series?SeriesInstanceUID=2.25.2.1", "00081190",
                "http://localhost/dicom-web/studies/2.25.2/series/2.25.2.1");
}

static void urls_are_those_of_the_proxy(void **state)
{
    const PacsHttpPair headers[] = {
        {"Host", "inner:8042"}, {"X-Forwarded-Host", "pacs.example.org"}, {"X-Forwarded-Proto", "https"}};
    DicomwebFixture *fixture = *state;
    Answered answered;

    push_usual(fixture);
    ask(fixture, ROOT "/studies?limit=1", headers, 3, 200, &answered);
    expect_part(value(&answered, 0, "00081190"), "https://pacs.example.org/dicom-web/studies/");
    expect_part(header(&answered, "Link"), "<https://pacs.example.org/dicom-web/studies?limit=1&cursor=");
    expect_part(header(&answered, "Warning"),
                "299 https://pacs.example.org/dicom-web: There are 1 additional");
    clear(&answered);
}

/* ---- what OHIF and Weasis send ---- */

#define OHIF_LIST                                                                                            \
    ROOT                                                                                                     \
        "/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030"

static void ohif_lists_studies(void **state)
{
    static const char *const needed[] = {"00080020", "00080030", "00080050", "00080061",
                                         "00080090", "00081030", "00100010", "00100020",
                                         "00100030", "0020000D", "00201206", "00201208"};
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    Answered answered = get(fixture, OHIF_LIST);
    assert_int_equal(json_array_size(answered.matches), 2);
    assert_string_equal(value(&answered, 0, "00080020"), "20260220"); /* newest first */
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        assert_non_null(json_object_get(json_array_get(answered.matches, 1), needed[i]));
    assert_string_equal(value(&answered, 1, "00201206"), "2");
    assert_string_equal(value(&answered, 1, "00201208"), "3");
    assert_string_equal(header(&answered, "Content-Type"), "application/dicom+json");
    assert_string_equal(header(&answered, "Warning"), "");
    clear(&answered);
}

static void ohif_filters(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, OHIF_LIST "&PatientName=*NGUYEN*", "00100020", "P1");
    expect_only(fixture, OHIF_LIST "&PatientName=*jan*", "00100020", "P2");
    expect_only(fixture, OHIF_LIST "&StudyDescription=*knee*", "00100020", "P1");
    expect_only(fixture, OHIF_LIST "&AccessionNumber=*A1*", "00100020", "P1");
    expect_only(fixture, OHIF_LIST "&ModalitiesInStudy=SR", "00100020", "P1");
    expect_count(fixture, OHIF_LIST "&ModalitiesInStudy=SR,CT", 2);
    expect_count(fixture, OHIF_LIST "&PatientName=*nobody*", 0);
}

static void ohif_chooses_dates_and_turns_pages(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, ROOT "/studies?limit=101&offset=0&StudyDate=20260101-20260131", "00100020", "P1");
    expect_only(fixture, ROOT "/studies?limit=101&offset=1", "00100020", "P1");
    expect_count(fixture, ROOT "/studies?limit=101&offset=100", 0);
}

static void ohif_opens_studies_and_their_series(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, OHIF_LIST "&StudyInstanceUID=2.25.2", "00100020", "P2");
    expect_count(fixture, OHIF_LIST "&StudyInstanceUID=2.25.1%5C2.25.2", 2);
    expect_count(fixture, OHIF_LIST "&StudyInstanceUID=2.25.1,2.25.2", 2);
    Answered answered = get(fixture, ROOT "/studies/2.25.1/series?includefield=00080021%2C00080031%2C0008103E"
                                          "%2C00200011");
    assert_int_equal(json_array_size(answered.matches), 2);
    assert_string_equal(value(&answered, 0, "0008103E"), "T1");
    assert_string_equal(value(&answered, 0, "00080060"), "MR");
    assert_string_equal(value(&answered, 1, "00201209"), "2");
    assert_non_null(json_object_get(json_array_get(answered.matches, 0), "0020000E"));
    clear(&answered);
}

static void ohif_asks_for_priors_by_tag_number(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, ROOT "/studies?00100020=P1&limit=101&offset=0&fuzzymatching=false", "0020000D",
                "2.25.1");
}

static void weasis_sends_an_empty_key(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_count(fixture, ROOT "/studies?&includefield=", 2);
    expect_count(fixture, ROOT "/studies?PatientID=P1&includefield=", 1);
}

/* ---- matching ---- */

static void names_are_found_without_case_and_diacritics(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, ROOT "/studies?PatientName=nguyen*", "00100020", "P1");
    expect_only(fixture, ROOT "/studies?PatientName=Nguy%E1%BB%85n%5EV%C4%83n", "00100020", "P1");
    expect_only(fixture, ROOT "/studies?fuzzymatching=true&PatientName=van%20ngu", "00100020", "P1");
    expect_count(fixture, ROOT "/studies?PatientName=ngu", 0);
}

static void values_inside_sequences_are_found_and_shown(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_count(fixture, ROOT "/series?RequestAttributesSequence.ScheduledProcedureStepID=SPS-1", 2);
    expect_count(fixture, ROOT "/studies?00400275.00400009=SPS-1", 1);
    expect_count(fixture, ROOT "/studies?00400275.00400009=SPS-2", 0);
    Answered answered = get(fixture, ROOT "/studies/2.25.1/series");
    const json_t *requests = json_object_get(json_array_get(answered.matches, 0), "00400275");
    const json_t *item = json_array_get(json_object_get(requests, "Value"), 0);
    assert_non_null(json_object_get(item, "00400009"));
    clear(&answered);
}

static void dates_and_times_are_taken_together(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_count(fixture, ROOT "/studies?StudyDate=20260115-20260220&StudyTime=0900-1200", 2);
    expect_only(fixture, ROOT "/studies?StudyDate=20260115-20260220&StudyTime=0900-0800", "00100020", "P1");
}

static void a_study_is_found_by_a_modality_of_its_series(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, ROOT "/studies?Modality=SR", "00100020", "P1");
    expect_count(fixture, ROOT "/series?Modality=SR", 1);
}

static void what_is_no_value_is_a_bad_request_that_names_the_attribute(void **state)
{
    DicomwebFixture *fixture = *state;
    Answered answered;

    ask(fixture, ROOT "/studies?StudyDate=tomorrow", NULL, 0, 400, &answered);
    expect_part(pacs_buffer_text(&answered.answer.body), "StudyDate is to be YYYYMMDD");
    assert_null(strstr(pacs_buffer_text(&answered.answer.body), "00100020"));
    clear(&answered);
    expect_code(fixture, ROOT "/studies?cursor=nonsense", 400);
    expect_code(fixture, ROOT "/studies?limit=x", 400);
}

static void unknown_parameters_are_passed_over_with_a_warning(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    Answered answered = get(fixture, ROOT "/studies?_=1");
    assert_int_equal(json_array_size(answered.matches), 2);
    expect_part(header(&answered, "Warning"),
                "299 http://localhost/dicom-web: Parameters that name no attribute");
    clear(&answered);
}

static void strict_refuses_what_it_does_not_know(void **state)
{
    expect_code(*state, ROOT "/studies?_=1", 400);
    expect_code(*state, ROOT "/studies?includefield=Nothing", 400);
}

/* ---- answers ---- */

static void nothing_found_is_an_empty_list(void **state)
{
    DicomwebFixture *fixture = *state;
    Answered answered = get(fixture, ROOT "/studies");

    assert_string_equal(pacs_buffer_text(&answered.answer.body), "[]");
    assert_string_equal(header(&answered, "X-Total-Count"), "0");
    clear(&answered);
}

static void nothing_found_is_no_content_where_strict(void **state)
{
    expect_code(*state, ROOT "/studies", 204);
}

static void pages_are_followed_by_link(void **state)
{
    DicomwebFixture *fixture = *state;
    Stored one = head;
    char seen[8] = "";

    for (one.instance = 1; one.instance <= 5; one.instance++)
        push(fixture, &one);
    char target[2048] = ROOT "/instances?limit=2&includefield=00080018";
    for (unsigned page = 0; page < 3; page++) {
        Answered answered = get(fixture, target);
        assert_string_equal(header(&answered, "X-Total-Count"), "5");
        for (size_t i = 0; i < json_array_size(answered.matches); i++)
            strncat(seen, strrchr(value(&answered, i, "00080018"), '.') + 1, 1);
        const char *link = header(&answered, "Link");
        assert_int_equal(link[0] == '\0', page == 2);
        if (link[0] != '\0')
            assert_int_equal(sscanf(link, "<http://localhost%2047[^>]>", target), 1);
        assert_int_equal(header(&answered, "Warning")[0] == '\0', page == 2);
        clear(&answered);
    }
    assert_string_equal(seen, "12345");
}

static void a_cut_answer_says_how_many_remain(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    Answered answered = get(fixture, ROOT "/instances?limit=1&offset=1");
    assert_string_equal(
        header(&answered, "Warning"),
        "299 http://localhost/dicom-web: There are 2 additional results that can be requested");
    clear(&answered);
    answered = get(fixture, ROOT "/instances?limit=1&offset=3");
    assert_string_equal(header(&answered, "Warning"), "");
    clear(&answered);
}

static void a_limit_of_nothing_finds_nothing_where_strict(void **state)
{
    DicomwebFixture *fixture = *state;
    Answered answered;

    push_usual(fixture);
    ask(fixture, ROOT "/studies?limit=0", NULL, 0, 204, &answered);
    assert_string_equal(header(&answered, "X-Total-Count"), "2");
    clear(&answered);
}

static void xml_comes_in_parts(void **state)
{
    const PacsHttpPair accept = {"Accept", "multipart/related; type=\"application/dicom+xml\""};
    DicomwebFixture *fixture = *state;
    Answered answered;

    ask(fixture, ROOT "/studies", &accept, 1, 204, &answered);
    clear(&answered);
    push_usual(fixture);
    ask(fixture, ROOT "/studies?PatientID=P1", &accept, 1, 200, &answered);
    assert_string_equal(header(&answered, "Content-Type"),
                        "multipart/related; type=\"application/dicom+xml\"; boundary=lightbox-qido-match");
    const char *text = pacs_buffer_text(&answered.answer.body);
    expect_part(text, "--lightbox-qido-match\r\nContent-Type: application/dicom+xml\r\n\r\n<?xml ");
    expect_part(text, "<FamilyName>Nguy\xE1\xBB\x85n</FamilyName>");
    expect_part(text, "</NativeDicomModel>\r\n--lightbox-qido-match--\r\n");
    clear(&answered);
}

static void json_is_what_anybody_gets_and_pictures_are_not(void **state)
{
    static const struct {
        const char *accept;
        uint32_t code;
    } cases[] = {{"application/json", 200},
                 {"*/*", 200},
                 {"text/html, application/dicom+json;q=0.5", 200},
                 {"image/png", 406}};
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < 4; i++) {
        const PacsHttpPair accept = {"Accept", cases[i].accept};
        Answered answered;
        ask(fixture, ROOT "/studies", &accept, 1, cases[i].code, &answered);
        clear(&answered);
    }
}

static void head_says_what_get_would(void **state)
{
    DicomwebFixture *fixture = *state;
    const PacsHttpAsk request = {.method = "HEAD", .target = ROOT "/studies"};
    Answered answered = {.matches = NULL};

    push_usual(fixture);
    assert_int_equal(pacs_http_perform(fixture->http, &request, &answered.answer), 200);
    assert_int_equal(answered.answer.body.size, 0);
    assert_string_equal(header(&answered, "X-Total-Count"), "2");
    clear(&answered);
}

static void private_attributes_and_whole_data_sets_can_be_asked_for(void **state)
{
    DicomwebFixture *fixture = *state;

    push_usual(fixture);
    expect_only(fixture, ROOT "/instances?SOPInstanceUID=2.25.2.1.1&includefield=00091001", "00091001",
                "private");
    expect_only(fixture, ROOT "/instances?SOPInstanceUID=2.25.2.1.1&includefield=00091001", "00090010",
                "ACME");
    expect_only(fixture, ROOT "/instances?SOPInstanceUID=2.25.1.1.1&includefield=all", "00101010", "051Y");
    expect_only(fixture, ROOT "/studies?PatientID=P1&includefield=PatientAge", "00101010", "051Y");
    expect_only(fixture, ROOT "/studies?PatientAge=051Y", "00100020", "P1");
}

static void a_study_under_two_patients_is_listed_for_each(void **state)
{
    DicomwebFixture *fixture = *state;
    Stored other = knee;

    push_usual(fixture);
    other.patient_id = "P9";
    other.series = 7;
    push(fixture, &other);
    expect_count(fixture, ROOT "/studies?StudyInstanceUID=2.25.1", 2);
    expect_only(fixture, ROOT "/studies?PatientID=P9", "0020000D", "2.25.1");
    expect_count(fixture, ROOT "/studies/2.25.1/series", 3);
}

static void a_long_answer_is_a_stream_of_all_matches(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer comment = PACS_BUFFER(1 << 20);
    Stored one = head;

    while (comment.size < 30000)
        assert_true(pacs_buffer_add_format(&comment, "%u ", (unsigned)comment.size));
    one.comment = pacs_buffer_text(&comment);
    for (one.instance = 1; one.instance <= 60; one.instance++) /* more than a page of what needs JSON */
        push(fixture, &one);
    Answered answered = get(fixture, ROOT "/instances?includefield=PatientComments,00091001");
    assert_true(answered.answer.body.size > 1 << 20);
    assert_int_equal(json_array_size(answered.matches), 60);
    assert_string_equal(value(&answered, 59, "00080018"), "2.25.2.1.60");
    assert_string_equal(value(&answered, 59, "00091001"), "private");
    assert_string_equal(header(&answered, "Link"), "");
    clear(&answered);
    answered = get(fixture, ROOT "/instances?includefield=PatientComments&limit=55");
    assert_int_equal(json_array_size(answered.matches), 55);
    expect_part(header(&answered, "Link"), "&offset=55>; rel=\"next\"");
    expect_part(header(&answered, "Warning"), "There are 5 additional results");
    clear(&answered);
}

/* ---- an index that fails ---- */

/** Three studies more than a page of JSON has rows, in an answer over a failing index. */
static QidoAnswer *open_failing(DicomwebFixture *fixture, PacsIndex *failing, PacsArena *arena,
                                PacsStatus expected)
{
    const PacsUidPath path = {0};
    const PacsHttpPair field = {"includefield", "PatientComments"};
    QidoAnswer *answer = NULL;
    QidoQuery query;
    QidoFields fields;
    Stored one = head;

    for (one.instance = 1; one.instance <= 53; one.instance++)
        push(fixture, &one);
    assert_int_equal(qido_query_parse(PACS_LEVEL_INSTANCE, &path, &field, 1, false, arena, &query, NULL),
                     PACS_OK);
    assert_int_equal(qido_fields_choose(&query, &path, arena, &fields, NULL), PACS_OK);
    assert_int_equal(qido_answer_new(failing, &query, &fields, QIDO_AS_JSON, "/r", &answer, NULL), expected);
    return answer;
}

static void an_index_that_fails_at_once_fails_the_search(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO(PacsIndex) failing = index_failing_new(fixture->archive.index);

    index_failing_arm(failing, INDEX_FAILING_SEARCH, 1, PACS_UNAVAILABLE);
    assert_null(open_failing(fixture, failing, arena, PACS_UNAVAILABLE));
}

static void an_index_that_fails_later_breaks_the_stream(void **state)
{
    DicomwebFixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO(PacsIndex) failing = index_failing_new(fixture->archive.index);
    PACS_AUTO(QidoAnswer) answer = open_failing(fixture, failing, arena, PACS_OK);
    PacsSource *source = qido_answer_source(answer);
    char bytes[1 << 16];
    PacsStatus status;
    size_t size;

    index_failing_arm(failing, INDEX_FAILING_SEARCH, 1, PACS_UNAVAILABLE);
    do
        status = pacs_source_read(source, bytes, sizeof bytes, &size, NULL);
    while (status == PACS_OK && size > 0);
    assert_int_equal(status, PACS_UNAVAILABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)
#define STRICT(name)                                                                                         \
    cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open_strict, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_route_lists_what_is_below_it),
        TEST(matches_name_where_they_are),
        TEST(urls_are_those_of_the_proxy),
        TEST(ohif_lists_studies),
        TEST(ohif_filters),
        TEST(ohif_chooses_dates_and_turns_pages),
        TEST(ohif_opens_studies_and_their_series),
        TEST(ohif_asks_for_priors_by_tag_number),
        TEST(weasis_sends_an_empty_key),
        TEST(names_are_found_without_case_and_diacritics),
        TEST(values_inside_sequences_are_found_and_shown),
        TEST(dates_and_times_are_taken_together),
        TEST(a_study_is_found_by_a_modality_of_its_series),
        TEST(what_is_no_value_is_a_bad_request_that_names_the_attribute),
        TEST(unknown_parameters_are_passed_over_with_a_warning),
        STRICT(strict_refuses_what_it_does_not_know),
        TEST(nothing_found_is_an_empty_list),
        STRICT(nothing_found_is_no_content_where_strict),
        TEST(pages_are_followed_by_link),
        TEST(a_cut_answer_says_how_many_remain),
        STRICT(a_limit_of_nothing_finds_nothing_where_strict),
        TEST(xml_comes_in_parts),
        TEST(json_is_what_anybody_gets_and_pictures_are_not),
        TEST(head_says_what_get_would),
        TEST(private_attributes_and_whole_data_sets_can_be_asked_for),
        TEST(a_study_under_two_patients_is_listed_for_each),
        TEST(a_long_answer_is_a_stream_of_all_matches),
        TEST(an_index_that_fails_at_once_fails_the_search),
        TEST(an_index_that_fails_later_breaks_the_stream),
    };
    return cmocka_run_group_tests_name("dicomweb qido", tests, NULL, NULL);
}
