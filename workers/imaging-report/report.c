#include "workers/imaging-report/report.h"

#include <glib.h>
#include <jansson.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"

#define ID_MAX 128 /* bytes of an identifier */
#define NAME_MAX_BYTES 256
#define TITLE_MAX 256
#define FRAME_MAX (1u << 24)

typedef struct Reading {
    PacsArena *arena;
    PacsError *err;
    PacsStatus status; /* sticky */
} Reading;

static void fail(Reading *reading, PacsStatus status, const char *where, const char *member,
                 const char *expected)
{
    if (reading->status == PACS_OK)
        reading->status = pacs_fail(reading->err, status, "%s/%s %s", where, member, expected);
}

/* Control characters but line ends and tabs have no place on a page, nor in DICOM text. */
static bool is_clean(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 && !strchr("\t\r\n", *text))
            return false;
    return true;
}

/* In normal form C: fonts and DICOM readers have the letters of Vietnamese as one character each. */
static const char *normalised(Reading *reading, const char *text)
{
    char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
    const char *kept = pacs_arena_strdup(reading->arena, composed ? composed : text);

    g_free(composed);
    if (!kept && reading->status == PACS_OK)
        reading->status = pacs_fail(reading->err, PACS_NO_MEMORY, "no memory for a report");
    return kept ? kept : "";
}

/* "" where it is absent or null. jansson has checked that it is UTF-8. */
static const char *text_of(Reading *reading, const json_t *object, const char *where, const char *member,
                           size_t max_bytes)
{
    const json_t *value = json_object_get(object, member);

    if (!value || json_is_null(value))
        return "";
    if (!json_is_string(value)) {
        fail(reading, PACS_INVALID, where, member, "is no text");
        return "";
    }
    if (json_string_length(value) > max_bytes) {
        fail(reading, PACS_TOO_LARGE, where, member, "is longer than such a text may be");
        return "";
    }
    if (strlen(json_string_value(value)) != json_string_length(value) ||
        !is_clean(json_string_value(value))) {
        fail(reading, PACS_INVALID, where, member, "has control characters");
        return "";
    }
    return normalised(reading, json_string_value(value));
}

static const char *required_text(Reading *reading, const json_t *object, const char *where,
                                 const char *member, size_t max_bytes)
{
    const char *text = text_of(reading, object, where, member, max_bytes);

    if (!*text)
        fail(reading, PACS_INVALID, where, member, "is missing");
    return text;
}

static const char *uid_of(Reading *reading, const json_t *object, const char *where, const char *member)
{
    const char *uid = required_text(reading, object, where, member, PACS_UID_MAX);

    if (*uid && !pacs_uid_acceptable(pacs_slice(uid)))
        fail(reading, PACS_INVALID, where, member, "is no UID");
    return uid;
}

static const json_t *object_of(Reading *reading, const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);

    if (!value || json_is_null(value))
        return NULL;
    if (!json_is_object(value))
        fail(reading, PACS_INVALID, "", member, "is no object");
    return value;
}

static uint64_t number_of(Reading *reading, const json_t *object, const char *where, const char *member,
                          uint64_t max)
{
    const json_t *value = json_object_get(object, member);

    if (!value || json_is_null(value))
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        (uint64_t)json_integer_value(value) > max) {
        fail(reading, PACS_INVALID, where, member, "is no whole number from 1 up to what it may be");
        return 0;
    }
    return (uint64_t)json_integer_value(value);
}

static ReportMoment moment_of(Reading *reading, const json_t *object, const char *where, const char *member)
{
    ReportMoment moment = {0};
    const char *text = required_text(reading, object, where, member, ID_MAX);

    if (*text && report_moment_parse(pacs_slice(text), &moment, NULL) != PACS_OK)
        fail(reading, PACS_INVALID, where, member,
             "is no time as RFC 3339 has it (2026-11-21T16:05:09+07:00)");
    return moment;
}

/* ---- The parts of a report ---- */

static ReportPerson person_of(Reading *reading, const json_t *object, const char *where)
{
    ReportPerson person = {.id = "", .name = ""};

    if (!object)
        return person;
    person.id = text_of(reading, object, where, "id", ID_MAX);
    person.name = required_text(reading, object, where, "name", NAME_MAX_BYTES);
    return person;
}

static ReportCode code_of(Reading *reading, const json_t *object)
{
    ReportCode code = {.value = "", .scheme = "", .meaning = ""};

    if (!object)
        return code;
    code.value = required_text(reading, object, "/documentTitle", "code", 16); /* SH */
    code.scheme = required_text(reading, object, "/documentTitle", "scheme", 16);
    code.meaning = required_text(reading, object, "/documentTitle", "meaning", 64); /* LO */
    return code;
}

static void read_sections(Reading *reading, const json_t *root, Report *report)
{
    static const char *const members[REPORT_SECTION_COUNT] = {
        [REPORT_CLINICAL_INFORMATION] = "clinicalInformation",
        [REPORT_TECHNIQUE] = "technique",
        [REPORT_COMPARISON] = "comparison",
        [REPORT_FINDINGS] = "findings",
        [REPORT_IMPRESSION] = "impression",
        [REPORT_RECOMMENDATION] = "recommendation",
        [REPORT_ADDENDUM] = "addendum",
    };

    for (int i = 0; i < REPORT_SECTION_COUNT; i++)
        report->sections[i] = text_of(reading, root, "", members[i], PACS_MAX_REPORT_TEXT);
}

static void read_key_images(Reading *reading, const json_t *root, Report *report)
{
    const json_t *list = json_object_get(root, "keyImages");

    if (!list || json_is_null(list))
        return;
    if (!json_is_array(list) || json_array_size(list) > PACS_MAX_REPORT_IMAGES) {
        fail(reading, PACS_INVALID, "", "keyImages", "is no array of as many images as a report may have");
        return;
    }
    ReportKeyImage *images = pacs_arena_array(reading->arena, json_array_size(list) + 1, sizeof *images);
    if (!images) {
        fail(reading, PACS_NO_MEMORY, "", "keyImages", "finds no memory");
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const uint64_t frame = number_of(reading, item, "/keyImages/-", "frame", FRAME_MAX);
        images[i] = (ReportKeyImage){
            .sop_instance_uid = uid_of(reading, item, "/keyImages/-", "sopInstanceUid"),
            .frame_number = frame > 0 ? (uint32_t)frame : 1,
            .caption = text_of(reading, item, "/keyImages/-", "caption", TITLE_MAX),
        };
    }
    report->key_images = images;
    report->key_image_count = json_array_size(list);
    report->has_key_images = true;
}

static void read_pdf(Reading *reading, const json_t *root, Report *report)
{
    const json_t *pdf = object_of(reading, root, "pdf");

    report->pdf = (ReportPdfReference){.url = "", .sha256 = ""};
    if (!pdf)
        return;
    report->pdf.url = required_text(reading, pdf, "/pdf", "dataref", PACS_MAX_REPORT_URL);
    report->pdf.sha256 = text_of(reading, pdf, "/pdf", "sha256", 64);
    if (*report->pdf.sha256 && strspn(report->pdf.sha256, "0123456789abcdefABCDEF") != 64)
        fail(reading, PACS_INVALID, "/pdf", "sha256", "is no 64 hexadecimal digits");
}

static void read_persons(Reading *reading, const json_t *root, Report *report)
{
    const json_t *verifier = object_of(reading, root, "verifier");

    report->author = person_of(reading, object_of(reading, root, "author"), "/author");
    report->verifier = person_of(reading, verifier, "/verifier");
    if (verifier)
        report->verified_at = moment_of(reading, verifier, "/verifier", "at");
}

static void read_language(Reading *reading, const json_t *root, Report *report)
{
    const char *text = text_of(reading, root, "", "language", ID_MAX);

    if (*text && !report_language_parse(text, &report->language))
        fail(reading, PACS_INVALID, "", "language", "is neither vi nor en");
}

/* What a report has to say, or a PDF that says it. */
static void require_content(Reading *reading, const Report *report)
{
    if (report->kind == REPORT_CANCELLED || *report->pdf.url)
        return;
    for (int i = 0; i < REPORT_SECTION_COUNT; i++)
        if (*report->sections[i])
            return;
    fail(reading, PACS_INVALID, "", "findings", "is missing, and so is everything else a report could say");
}

PacsStatus report_parse(PacsSlice json, ReportKind kind, const ReportDefaults *defaults, PacsArena *arena,
                        Report *ret_report, PacsError *err)
{
    json_error_t json_error;
    Report report = {.kind = kind, .language = defaults->language};
    Reading reading = {.arena = arena, .err = err};

    if (json.size > PACS_MAX_REPORT_EVENT)
        return pacs_fail(err, PACS_TOO_LARGE, "a report of %zu bytes, %u are taken", json.size,
                         PACS_MAX_REPORT_EVENT);
    json_t *root = json_loadb(json.text, json.size, JSON_REJECT_DUPLICATES, &json_error);
    if (!json_is_object(root)) {
        json_decref(root);
        return pacs_fail(err, PACS_INVALID, "the data of a report is no JSON object (line %d)",
                         json_error.line);
    }
    report.study_instance_uid = uid_of(&reading, root, "", "studyInstanceUid");
    report.report_id = required_text(&reading, root, "", "reportId", ID_MAX);
    report.version = number_of(&reading, root, "", "version", INT32_MAX);
    report.issued_at = moment_of(&reading, root, "", "issuedAt");
    read_language(&reading, root, &report);
    report.title = text_of(&reading, root, "", "title", TITLE_MAX);
    report.document_title = code_of(&reading, object_of(&reading, root, "documentTitle"));
    read_sections(&reading, root, &report);
    read_persons(&reading, root, &report);
    report.reason = text_of(&reading, root, "", "reason", PACS_MAX_REPORT_TEXT);
    read_key_images(&reading, root, &report);
    read_pdf(&reading, root, &report);
    require_content(&reading, &report);
    json_decref(root);
    if (reading.status == PACS_OK)
        *ret_report = report;
    return reading.status;
}

bool report_is_later(uint64_t a_version, int64_t a_issued_ms, uint64_t b_version, int64_t b_issued_ms)
{
    if (a_version > 0 && b_version > 0)
        return a_version > b_version;
    return a_issued_ms > b_issued_ms;
}

bool report_language_parse(const char *text, ReportLanguage *ret_language)
{
    static const struct {
        const char *code;
        ReportLanguage language;
    } languages[] = {{"vi", REPORT_VIETNAMESE}, {"en", REPORT_ENGLISH}};
    const PacsSlice main = {text, strcspn(text, "-_")};

    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++)
        if (pacs_slice_equal_case(main, languages[i].code)) {
            *ret_language = languages[i].language;
            return true;
        }
    return false;
}
