#include "tests/contract/index_contract_internal.h"

#include <jansson.h>

/* What is told of report documents: that they are there, take the place of others, go. */

#define PDF "1.2.840.10008.5.1.4.1.1.104.1"
#define TEXT_SR "1.2.840.10008.5.1.4.1.1.88.11"

static const PacsReportFacts final_report = {.title_code = "18748-4",
                                             .title_scheme = "LN",
                                             .completion = "COMPLETE",
                                             .verification = "VERIFIED",
                                             .content_date = "20261121",
                                             .content_time = "094200"};

static PacsIndexAdded add(PacsIndex *index, unsigned series, unsigned instance, const char *sop_class,
                          const PacsReportFacts *facts, uint8_t content)
{
    IndexedObject object;
    PacsIndexAdded added;
    PacsError err = {0};
    indexed_object_init(&object, 1, 1, series, instance);
    object.instance.sop_class_uid = sop_class;
    object.add.report = facts;
    object.add.overwrite = PACS_OVERWRITE_IF_CHANGED;
    memset(object.add.sha256, content, sizeof object.add.sha256);
    if (pacs_index_add(index, &object.add, &added, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return added;
}

/** Types of the events after `after_id`, joined by spaces, and the last of them. */
typedef struct Told {
    PacsArena *arena;
    const char *types;
    PacsOutboxEvent last;
    json_t *data;
} Told;

static Told told_after(PacsIndex *index, int64_t after_id)
{
    Told told = {.arena = pacs_arena_new(INDEX_CONTRACT_ARENA), .types = ""};
    PacsEventPage page;
    const PacsEventQuery query = {.after_id = after_id, .max = 1000};
    assert_int_equal(pacs_index_read_events(index, &query, told.arena, &page, NULL), PACS_OK);
    for (size_t i = 0; i < page.count; i++)
        told.types = pacs_arena_printf(told.arena, "%s%s%s", told.types, i > 0 ? " " : "",
                                       page.events[i].type);
    assert_true(page.count > 0);
    told.last = page.events[page.count - 1];
    told.data = json_loads(told.last.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(told.data);
    return told;
}

static void forget(Told *told)
{
    json_decref(told->data);
    pacs_arena_free(told->arena);
}

static int64_t last_event(PacsIndex *index)
{
    int64_t last = 0;
    assert_int_equal(pacs_index_last_event(index, &last, NULL), PACS_OK);
    return last;
}

static const char *text_of(const Told *told, const char *key)
{
    return json_string_value(json_object_get(told->data, key));
}

static void a_report_that_comes_is_available(void **state)
{
    PacsIndex *index = index_contract_index(state);
    (void)add(index, 1, 1, PDF, &final_report, 1);
    Told available = told_after(index, 0);
    assert_string_equal(available.types, "study.received report.available");
    assert_string_equal(available.last.key, "1.2.840.1");
    assert_string_equal(text_of(&available, "studyInstanceUid"), "1.2.840.1");
    assert_string_equal(text_of(&available, "seriesInstanceUid"), "1.2.840.1.1");
    assert_string_equal(text_of(&available, "sopInstanceUid"), "1.2.840.1.1.1");
    assert_string_equal(text_of(&available, "sopClassUid"), PDF);
    assert_string_equal(text_of(&available, "completion"), "COMPLETE");
    assert_string_equal(text_of(&available, "verification"), "VERIFIED");
    assert_string_equal(text_of(&available, "contentDate"), "20261121");
    assert_string_equal(text_of(&available, "accessionNumber"), "A123");
    const json_t *title = json_object_get(available.data, "documentTitle");
    assert_string_equal(json_string_value(json_object_get(title, "code")), "18748-4");
    assert_string_equal(json_string_value(json_object_get(title, "scheme")), "LN");
    assert_null(json_object_get(available.data, "predecessors"));
    assert_null(json_object_get(available.data, "series"));
    forget(&available);
}

static void reports_and_studies_count_apart(void **state)
{
    PacsIndex *index = index_contract_index(state);
    (void)add(index, 1, 1, PDF, &final_report, 1);
    (void)add(index, 1, 2, TEXT_SR, &final_report, 1);
    Told second = told_after(index, 0);
    assert_string_equal(second.types, "study.received report.available report.available");
    assert_int_equal(second.last.revision, 2);
    assert_int_equal(json_integer_value(json_object_get(second.data, "revision")), 2);
    forget(&second);
    index_contract_stabilise(index);
    Told arrived = told_after(index, 0);
    assert_string_equal(arrived.last.type, "study.arrived");
    assert_int_equal(arrived.last.revision, 2);
    forget(&arrived);
}

static void a_report_that_names_its_predecessor_amends_it(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const char *const predecessors[] = {"1.2.3", "1.2.4"};
    PacsReportFacts amendment = final_report;
    amendment.predecessors = predecessors;
    amendment.predecessor_count = 2;
    (void)add(index, 1, 1, TEXT_SR, &amendment, 1);
    Told amended = told_after(index, 0);
    assert_string_equal(amended.last.type, "report.amended");
    const json_t *named = json_object_get(amended.data, "predecessors");
    assert_int_equal(json_array_size(named), 2);
    assert_string_equal(json_string_value(json_array_get(named, 1)), "1.2.4");
    forget(&amended);
}

static void a_second_document_of_a_title_and_kind_takes_the_place_of_the_first(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsReportFacts untitled = {.completion = "PARTIAL"};
    (void)add(index, 1, 1, PDF, &final_report, 1);
    (void)add(index, 1, 2, PDF, &final_report, 1);
    (void)add(index, 1, 3, PDF, &final_report, 1);
    Told amended = told_after(index, 0);
    assert_string_equal(amended.types, "study.received report.available report.amended report.amended");
    const json_t *named = json_object_get(amended.data, "predecessors");
    assert_int_equal(json_array_size(named), 1);
    assert_string_equal(json_string_value(json_array_get(named, 0)), "1.2.840.1.1.2");
    forget(&amended);
    (void)add(index, 2, 1, PDF, &untitled, 1);
    (void)add(index, 2, 2, PDF, &untitled, 1); /* nothing says that they are versions of each other */
    Told available = told_after(index, 4);
    assert_string_equal(available.types, "report.available report.available");
    forget(&available);
}

static void a_report_that_replaces_itself_is_amended(void **state)
{
    PacsIndex *index = index_contract_index(state);
    (void)add(index, 1, 1, PDF, &final_report, 1);
    assert_int_equal(add(index, 1, 1, PDF, &final_report, 1).result, PACS_ADD_DUPLICATE);
    assert_int_equal(last_event(index), 2);
    assert_int_equal(add(index, 1, 1, PDF, &final_report, 2).result, PACS_ADD_REPLACED);
    Told amended = told_after(index, 0);
    assert_string_equal(amended.types, "study.received report.available report.amended");
    const json_t *named = json_object_get(amended.data, "predecessors");
    assert_string_equal(json_string_value(json_array_get(named, 0)), "1.2.840.1.1.1");
    forget(&amended);
}

static void a_deleted_report_is_withdrawn(void **state)
{
    PacsIndex *index = index_contract_index(state);
    (void)add(index, 1, 1, PDF, &final_report, 1);
    const PacsIndexAdded second = add(index, 2, 1, TEXT_SR, &final_report, 1);
    const int64_t before = last_event(index);
    index_contract_delete(index, PACS_LEVEL_INSTANCE, second.ids[PACS_LEVEL_INSTANCE]);
    Told withdrawn = told_after(index, before);
    assert_string_equal(withdrawn.types, "report.withdrawn study.updated");
    forget(&withdrawn);
    Told last = told_after(index, before);
    PacsEventPage page;
    const PacsEventQuery query = {.type = "report.withdrawn", .max = 9};
    assert_int_equal(pacs_index_read_events(index, &query, last.arena, &page, NULL), PACS_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.events[0].revision, 3);
    assert_non_null(strstr(page.events[0].data, "\"sopInstanceUid\":\"1.2.840.1.2.1\""));
    assert_non_null(strstr(page.events[0].data, "\"sopClassUid\":\"" TEXT_SR "\""));
    assert_non_null(strstr(page.events[0].data, "\"code\":\"18748-4\""));
    forget(&last);
}

static void with_a_study_all_its_reports_are_withdrawn(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsReportFacts untitled = {0};
    const PacsIndexAdded first = add(index, 1, 1, "1.2.840.10008.5.1.4.1.1.2", NULL, 1);
    for (unsigned i = 0; i < 70; i++) /* more than are looked at at a time */
        (void)add(index, 2, 1 + i, PDF, &untitled, 1);
    const int64_t before = last_event(index);
    index_contract_delete(index, PACS_LEVEL_PATIENT, first.ids[PACS_LEVEL_PATIENT]);
    Told told = told_after(index, before);
    assert_string_equal(told.last.type, "study.deleted");
    assert_int_equal(told.last.id - before, 71);
    forget(&told);
    (void)add(index, 2, 1, PDF, &untitled, 1);
    Told again = told_after(index, before + 71);
    assert_string_equal(again.types, "study.received report.available");
    assert_int_equal(again.last.revision, 141);
    forget(&again);
}

const struct CMUnitTest index_contract_report_tests[] = {
    INDEX_TEST(a_report_that_comes_is_available),
    INDEX_TEST(reports_and_studies_count_apart),
    INDEX_TEST(a_report_that_names_its_predecessor_amends_it),
    INDEX_TEST(a_second_document_of_a_title_and_kind_takes_the_place_of_the_first),
    INDEX_TEST(a_report_that_replaces_itself_is_amended),
    INDEX_TEST(a_deleted_report_is_withdrawn),
    INDEX_TEST(with_a_study_all_its_reports_are_withdrawn),
};
const size_t index_contract_report_count = sizeof index_contract_report_tests /
                                           sizeof index_contract_report_tests[0];
