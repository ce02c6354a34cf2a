#include "tests/contract/index_contract_search.h"

#include "pacs/util/limits.h"

/* What a search finds. Studies are named by the last number of their UID, so that answers read "3 1 2". */

/* ---- An archive to search in ---- */

void search_add(PacsIndex *index, const SearchStudy *study)
{
    IndexedObject object;
    PacsIndexAdded added;
    PacsError err = {0};
    indexed_object_init(&object, study->patient ? study->patient : study->study, study->study,
                        study->series ? study->series : 1, study->instance ? study->instance : 1);
    const struct {
        PacsLevel level;
        PacsTag tag;
        const char *value;
    } tags[] = {
        {PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME, study->name},
        {PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_BIRTH_DATE, study->birth_date},
        {PACS_LEVEL_STUDY, PACS_TAG_STUDY_DATE, study->date},
        {PACS_LEVEL_STUDY, PACS_TAG_STUDY_TIME, study->time},
        {PACS_LEVEL_STUDY, PACS_TAG_TIMEZONE_OFFSET_FROM_UTC, study->zone},
        {PACS_LEVEL_STUDY, PACS_TAG_ACCESSION_NUMBER, study->accession},
        {PACS_LEVEL_STUDY, PACS_TAG_STUDY_DESCRIPTION, study->description},
        {PACS_LEVEL_STUDY, PACS_TAG_REFERRING_PHYSICIAN_NAME, study->physician},
        {PACS_LEVEL_SERIES, PACS_TAG_MODALITY, study->modality},
        {PACS_LEVEL_SERIES, PACS_TAG_SERIES_DESCRIPTION, study->series_description},
    };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (tags[i].value)
            indexed_object_set(&object, tags[i].level, tags[i].tag, tags[i].value[0] ? tags[i].value : NULL);
    if (study->patient_id) {
        indexed_object_set(&object, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_ID, study->patient_id);
        object.instance.patient_id = study->patient_id;
    }
    if (study->sop_class_uid)
        object.instance.sop_class_uid = study->sop_class_uid;
    void *packed = search_pack(&object, study->json ? study->json : "{}");
    if (pacs_index_add(index, &object.add, &added, &err) != PACS_OK)
        fail_msg("%s", err.text);
    free(packed);
}

static void add_dated(PacsIndex *index, unsigned study, const char *date, const char *time)
{
    search_add(index, &(SearchStudy){.study = study, .date = date, .time = time});
}

static void add_named(PacsIndex *index, unsigned study, const char *name)
{
    search_add(index, &(SearchStudy){.study = study, .name = name});
}

/* ---- Asking ---- */

PacsStatus search_try(PacsIndex *index, const PacsSearch *search, PacsArena *arena, PacsSearchPage *ret_page)
{
    PacsSearch asked = *search;
    asked.limit = asked.limit ? asked.limit : 100;
    return pacs_index_search(index, &asked, arena, ret_page, NULL);
}

static const char *last_number(const PacsSearchRow *row, PacsLevel level)
{
    const char *uid = level == PACS_LEVEL_INSTANCE ? row->sop_instance_uid
                      : level == PACS_LEVEL_SERIES ? row->series_instance_uid
                                                   : row->study_instance_uid;
    if (level == PACS_LEVEL_PATIENT)
        for (size_t i = 0; i < row->tag_count[PACS_LEVEL_PATIENT]; i++)
            if (row->tags[PACS_LEVEL_PATIENT][i].tag == PACS_TAG_PATIENT_ID)
                uid = row->tags[PACS_LEVEL_PATIENT][i].value;
    return strncmp(uid, "1.2.840.", 8) == 0 ? uid + 8 : uid;
}

const char *search_list(const PacsSearchPage *page, PacsLevel level, PacsArena *arena)
{
    const char *list = "";
    for (size_t i = 0; i < page->count; i++)
        list = pacs_arena_printf(arena, "%s%s%s", list, i ? " " : "", last_number(&page->rows[i], level));
    return list;
}

void search_expect_of(PacsIndex *index, const PacsSearch *search, const char *expected, const char *file,
                      int line)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsSearchPage page;
    const PacsStatus status = search_try(index, search, arena, &page);
    const char *found = status == PACS_OK ? search_list(&page, search->level, arena)
                                          : pacs_status_name(status);
    if (strcmp(found, expected) != 0) {
        print_error("found \"%s\" instead of \"%s\"\n", found, expected);
        _fail(file, line);
    }
}

static void values_of_terms_are_exact(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .accession = "A1"});
    search_add(index, &(SearchStudy){.study = 2, .accession = "A12"});
    search_add(index, &(SearchStudy){.study = 3, .accession = "a1"});
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_ACCESSION_NUMBER, "A1"), "3 1");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_ACCESSION_NUMBER, " A1 "), "3 1");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_ACCESSION_NUMBER, "A*"), "");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_ACCESSION_NUMBER, "A"), "");
}

static void case_counts_where_it_is_asked_for(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index,
               &(SearchStudy){.study = 1, .accession = "A1", .name = "Nguyễn^An", .description = "MRI Gối"});
    search_add(index,
               &(SearchStudy){.study = 2, .accession = "a1", .name = "NGUYEN^AN", .description = "mri goi"});
    const PacsSearchTerm terms[] = {VALUES(PACS_TAG_ACCESSION_NUMBER, "A1"),
                                    WILDCARD(PACS_TAG_PATIENT_NAME, "Nguyễn*"),
                                    WILDCARD(PACS_TAG_STUDY_DESCRIPTION, "*RI G?i")};
    for (size_t i = 0; i < 3; i++) {
        PacsSearchTerm exact = terms[i];
        exact.case_sensitive = true;
        search_expect(index, PACS_LEVEL_STUDY, terms[i], "2 1");
        search_expect(index, PACS_LEVEL_STUDY, exact, "1");
    }
}

static void a_list_finds_each_of_its_values(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (unsigned i = 1; i <= 5; i++)
        search_add(index, &(SearchStudy){.study = i, .patient_id = i < 3 ? "P1" : i == 3 ? "P3" : "P5"});
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_ID, "P1", "P3", "P4"), "3 2 1");
    search_expect(index, PACS_LEVEL_STUDY,
                  VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.4", "1.2.840.2", "1.2.3"), "4 2");
}

static void empty_values_and_lone_stars_find_everything(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_named(index, 1, "A^B");
    add_named(index, 2, "");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_NAME, ""), "2 1");
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "*"), "2 1");
    search_expect(index, PACS_LEVEL_STUDY, ((PacsSearchTerm){.tag = PACS_TAG_PATIENT_NAME}), "2 1");
    search_expect(index, PACS_LEVEL_STUDY,
                  ((PacsSearchTerm){.tag = PACS_TAG_STUDY_DATE, .match = PACS_MATCH_RANGE}), "2 1");
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "?*"), "1");
}

static void stars_and_question_marks_stand_for_characters(void **state)
{
    PacsIndex *index = index_contract_index(state);
    static const char *const descriptions[] = {"CT so nao", "CT nguc", "MRI so nao", "ct",
                                               "C%T_\"x\" 'y' [z]"};
    for (unsigned i = 0; i < 5; i++)
        search_add(index, &(SearchStudy){.study = i + 1, .description = descriptions[i]});
    const struct {
        const char *pattern, *found;
    } cases[] = {{"CT*", "4 2 1"},  {"*nao", "3 1"}, {"*so*", "3 1"}, {"??", "4"},       {"CT ?o*", "1"},
                 {"*t*n*", "2 1"},  {"*%*", "5"},    {"*_*", "5"},    {"*\"*", "5"},     {"*\"x\"*", "5"},
                 {"*'y'*", "5"},    {"*[z]", "5"},   {"CT%", ""},     {"*nguc*so*", ""}, {"****nao", "3 1"},
                 {"*ct*", "4 2 1"}, {"C_T*", ""},    {"*OR 1*", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_STUDY_DESCRIPTION, cases[i].pattern),
                      cases[i].found);
}

static void names_match_without_case_and_diacritics(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_named(index, 1, "Nguyễn^Văn An");
    add_named(index, 2, "NGUYEN VAN^BINH");
    add_named(index, 3, "Đặng^Thị Nguyệt");
    add_named(index, 4, "Nguyễn");
    const struct {
        const char *pattern, *found;
    } cases[] = {
        {"nguyen*", "4 2 1"},     {"NGUYỄN^*", "4 2 1"},     {"nguyen^van*", "2 1"}, {"*nguye*", "4 3 2 1"},
        {"dang^thi nguyet", "3"}, {"Nguyen", "4"},           {"*an", "1"},           {"*^an*", "1"},
        {"nguy?n^van an", "1"},   {"nguyen van an^^^", "1"}, {"ng*binh", "2"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, cases[i].pattern),
                      cases[i].found);
}

static void names_match_by_any_component_group(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_named(index, 1, "Yamada^Tarou=山田^太郎=やまだ^たろう");
    add_named(index, 2, "Wang^XiaoDong=王^小东");
    add_named(index, 3, "Yamada");
    const struct {
        const char *pattern, *found;
    } cases[] = {{"yamada*", "3 1"}, {"山田*", "1"},   {"*たろう", "1"},
                 {"*小东*", "2"},    {"yamada", "3"},  {"Yamada^Tarou=山田^太郎=やまだ^たろう", "1"},
                 {"*=王*", "2"},     {"王^小东", "2"}, {"*tarou*山田*", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, cases[i].pattern),
                      cases[i].found);
}

static void fuzzy_names_match_by_beginnings_of_their_parts(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_named(index, 1, "Nguyễn^Văn An");
    add_named(index, 2, "An^Nguyen");
    add_named(index, 3, "Trần^Jean-Luc=安^三");
    add_named(index, 4, "Lan^Anh");
    const struct {
        const char *words, *found;
    } cases[] = {{"an nguyen", "2 1"}, {"ngu van", "1"}, {"luc jea", "3"}, {"an", "4 2 1"},  {"uyen", ""},
                 {"lu", "3"},          {"三", "3"},      {"n", "2 1"},     {"NGUY*", "2 1"}, {"tran 安", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect(index, PACS_LEVEL_STUDY,
                      ((PacsSearchTerm){.tag = PACS_TAG_PATIENT_NAME,
                                        .match = PACS_MATCH_FUZZY,
                                        .values = (const char *const[]){cases[i].words},
                                        .value_count = 1}),
                      cases[i].found);
}

static void dates_match_by_open_and_closed_ranges(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_dated(index, 1, "20260101", "");
    add_dated(index, 2, "20261031", "235959");
    add_dated(index, 3, "2026.11.01", "");
    add_dated(index, 4, "20261130", "10");
    add_dated(index, 5, "", "");
    add_dated(index, 6, "yesterday", "");
    const struct {
        const char *from, *to, *found;
    } cases[] = {{"20261101", "20261130", "4 3"}, {"202611", "202611", "4 3"}, {"20261031", NULL, "4 3 2"},
                 {NULL, "20261031", "2 1"},       {"20270101", NULL, ""},      {"20261130", "20261101", ""},
                 {"2026", "2026", "4 3 2 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect(index, PACS_LEVEL_STUDY, RANGE(PACS_TAG_STUDY_DATE, cases[i].from, cases[i].to),
                      cases[i].found);
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_STUDY_DATE, "20261101"), "3");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_STUDY_DATE, "20261130", "20260101"), "4 1");
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_STUDY_DATE, "2026*"), "4 3 2 1");
}

static void times_match_by_ranges_and_with_their_dates(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_dated(index, 1, "20261120", "090000");
    add_dated(index, 2, "20261120", "180000.5");
    add_dated(index, 3, "20261121", "0800");
    add_dated(index, 4, "20261121", "");
    search_expect(index, PACS_LEVEL_STUDY, RANGE(PACS_TAG_STUDY_TIME, "08", "0900"), "3 1");
    search_expect(index, PACS_LEVEL_STUDY, RANGE(PACS_TAG_STUDY_TIME, "1800", NULL), "2");
    PacsSearchTerm moment = RANGE(PACS_TAG_STUDY_DATE, "20261120180000", "2026112109");
    moment.time_tag = PACS_TAG_STUDY_TIME;
    search_expect(index, PACS_LEVEL_STUDY, moment, "3 4 2");
    moment = RANGE(PACS_TAG_STUDY_DATE, NULL, "202611200959");
    moment.time_tag = PACS_TAG_STUDY_TIME;
    search_expect(index, PACS_LEVEL_STUDY, moment, "1");
}

static void ranges_are_meant_in_the_zone_of_the_search(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .date = "20261121", .time = "010000", .zone = "+0700"});
    search_add(index, &(SearchStudy){.study = 2, .date = "20261121", .time = "010000", .zone = "-0500"});
    search_add(index, &(SearchStudy){.study = 3, .date = "20261121", .time = "010000", .zone = ""});
    const struct {
        const char *zone, *from, *to, *found;
    } cases[] = {{NULL, "20261121", "20261121", "3 2 1"},
                 {"+0000", "20261120", "20261120", "1"},
                 {"+0000", "20261121", "20261121", "3 2"},
                 {"+0700", "20261121", "20261121", "3 2 1"},
                 {"-0500", "20261120", "20261120", "1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect_of(index,
                         &(PacsSearch){.level = PACS_LEVEL_STUDY,
                                       .terms = &RANGE(PACS_TAG_STUDY_DATE, cases[i].from, cases[i].to),
                                       .term_count = 1,
                                       .timezone = cases[i].zone},
                         cases[i].found, __FILE__, __LINE__);
    PacsSearchTerm moment = RANGE(PACS_TAG_STUDY_DATE, "20261120173000+0000", "20261120183000+0000");
    moment.time_tag = PACS_TAG_STUDY_TIME;
    search_expect(index, PACS_LEVEL_STUDY, moment, "1");
}

static void all_terms_must_hold(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .name = "Nguyễn^An", .modality = "MR", .date = "20261101"});
    search_add(index, &(SearchStudy){.study = 2, .name = "Nguyễn^An", .modality = "CT", .date = "20261102"});
    search_add(index, &(SearchStudy){.study = 3, .name = "Trần^An", .modality = "MR", .date = "20261103"});
    search_add(index, &(SearchStudy){.study = 4, .name = "Nguyễn^An", .modality = "MR", .date = "20261203"});
    const PacsSearchTerm terms[] = {WILDCARD(PACS_TAG_PATIENT_NAME, "*nguyen*"),
                                    VALUES(PACS_TAG_MODALITIES_IN_STUDY, "MR"),
                                    RANGE(PACS_TAG_STUDY_DATE, "20261101", "20261130")};
    static const char *const found[] = {"4 2 1", "4 1", "1"};
    for (size_t count = 1; count <= 3; count++)
        search_expect_of(index, &(PacsSearch){.level = PACS_LEVEL_STUDY, .terms = terms, .term_count = count},
                         found[count - 1], __FILE__, __LINE__);
}

static void a_study_is_found_by_the_modalities_of_all_its_series(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .modality = "CT"});
    search_add(index, &(SearchStudy){.study = 2, .modality = "PT"});
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "PT"), "2");
    search_add(index, &(SearchStudy){.study = 1, .series = 2, .modality = "PT", .sop_class_uid = "1.2.9"});
    search_add(index, &(SearchStudy){.study = 1, .series = 3, .modality = "CT"});
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "PT"), "2 1");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "CT", "US"), "1");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_MODALITY, "CT"), "1");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_SOP_CLASSES_IN_STUDY, "1.2.9"), "1");

    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsSearchPage page;
    assert_int_equal(search_try(index, &(PacsSearch){.level = PACS_LEVEL_STUDY}, arena, &page), PACS_OK);
    assert_string_equal(page.rows[1].modalities_in_study, "CT\\PT");
    assert_string_equal(page.rows[1].sop_classes_in_study, "1.2.840.10008.5.1.4.1.1.2\\1.2.9");
}

static void series_and_instances_are_found_below_their_study(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .date = "20260101", .modality = "CT"});
    search_add(index, &(SearchStudy){.study = 2, .date = "20260202", .modality = "MR"});
    search_add(index, &(SearchStudy){.study = 1, .series = 2, .modality = "SR", .date = "20260101"});
    search_add(index, &(SearchStudy){.study = 1, .series = 2, .instance = 7, .modality = "SR"});
    search_expect(index, PACS_LEVEL_SERIES, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.1"), "1.1 1.2");
    search_expect(index, PACS_LEVEL_SERIES, VALUES(PACS_TAG_MODALITY, "SR"), "1.2");
    search_expect(index, PACS_LEVEL_SERIES, WILDCARD(PACS_TAG_PATIENT_ID, "P*"), "2.1 1.1 1.2");
    search_expect(index, PACS_LEVEL_SERIES,
                  VALUES(PACS_TAG_SERIES_INSTANCE_UID, "1.2.840.1.2", "1.2.840.2.1"), "2.1 1.2");
    search_expect(index, PACS_LEVEL_SERIES, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "SR"), "1.1 1.2");
    search_expect(index, PACS_LEVEL_SERIES, VALUES(PACS_TAG_NUMBER_OF_SERIES_RELATED_INSTANCES, "2"), "1.2");
    search_expect(index, PACS_LEVEL_INSTANCE, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.1"),
                  "1.1.1 1.2.1 1.2.7");
    search_expect(index, PACS_LEVEL_INSTANCE,
                  VALUES(PACS_TAG_SOP_INSTANCE_UID, "1.2.840.1.2.7", "1.2.840.2.1.1"), "2.1.1 1.2.7");
    search_expect(index, PACS_LEVEL_INSTANCE, VALUES(PACS_TAG_INSTANCE_NUMBER, "07"), "1.2.7");
    search_expect(index, PACS_LEVEL_INSTANCE, VALUES(PACS_TAG_SERIES_INSTANCE_UID, "1.2.840.1.2"),
                  "1.2.1 1.2.7");
    const PacsSearchTerm path[] = {VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.2"),
                                   VALUES(PACS_TAG_SERIES_INSTANCE_UID, "1.2.840.1.2")};
    search_expect_of(index, &(PacsSearch){.level = PACS_LEVEL_INSTANCE, .terms = path, .term_count = 2}, "",
                     __FILE__, __LINE__);
}

static void patients_come_once_at_their_newest_matching_study(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .patient = 1, .date = "20260101", .modality = "CT"});
    search_add(index, &(SearchStudy){.study = 2, .patient = 2, .date = "20260201", .modality = "CT"});
    search_add(index, &(SearchStudy){.study = 3, .patient = 1, .date = "20260301", .modality = "MR"});
    search_expect(index, PACS_LEVEL_PATIENT, WILDCARD(PACS_TAG_PATIENT_NAME, "nguyen*"), "P1 P2");
    search_expect(index, PACS_LEVEL_PATIENT, VALUES(PACS_TAG_MODALITIES_IN_STUDY, "CT"), "P2 P1");
    search_expect(index, PACS_LEVEL_PATIENT, VALUES(PACS_TAG_PATIENT_ID, "P1"), "P1");
}

static void attributes_that_are_not_kept_match_by_their_json(void **state)
{
    PacsIndex *index = index_contract_index(state);
    static const PacsTag request[] = {PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE};
    search_add(
        index,
        &(SearchStudy){
            .study = 1,
            .json =
                "{\"00101010\":{\"vr\":\"AS\",\"Value\":[\"041Y\"]},\"00400275\":{\"vr\":\"SQ\",\"Value\":"
                "[{\"00400007\":{\"vr\":\"LO\",\"Value\":[\"Gối \\\"trái\\\"\"]}},"
                "{\"00400007\":{\"vr\":\"LO\",\"Value\":[null,\"Chest\"]}}]},"
                "\"00280010\":{\"vr\":\"US\",\"Value\":[512]}}"});
    search_add(index,
               &(SearchStudy){.study = 2, .json = "{\"00101010\":{\"vr\":\"AS\",\"Value\":[\"007Y\"]}}"});
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_AGE, "041Y"), "1");
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_AGE, "*Y"), "2 1");
    PacsSearchTerm inside = WILDCARD(PACS_TAG(0x0040, 0x0007), "chest*");
    inside.sequences = request;
    inside.sequence_count = 1;
    search_expect(index, PACS_LEVEL_SERIES, inside, "1.1");
    inside = WILDCARD(PACS_TAG(0x0040, 0x0007), "*\"trai\"");
    inside.sequences = request;
    inside.sequence_count = 1;
    search_expect(index, PACS_LEVEL_INSTANCE, inside, "1.1.1");
    search_expect(index, PACS_LEVEL_INSTANCE, RANGE(PACS_TAG_ROWS, "500", "600"), "1.1.1");
    assert_false(pacs_search_is_indexed(PACS_LEVEL_STUDY, &inside));
    assert_true(pacs_search_is_indexed(PACS_LEVEL_STUDY, &VALUES(PACS_TAG_PATIENT_NAME, "x")));
}

static PacsSearchTerm in_request(PacsSearchTerm term)
{
    static const PacsTag request[] = {PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE};
    term.sequences = request;
    term.sequence_count = 1;
    return term;
}

static PacsSearchTerm in_code_of_request(PacsSearchTerm term)
{
    static const PacsTag code[] = {PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE, PACS_TAG(0x0040, 0x0008)};
    term.sequences = code;
    term.sequence_count = 2;
    return term;
}

static void terms_of_a_sequence_hold_in_one_item(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsTag step = PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID;
    const PacsTag procedure = PACS_TAG_REQUESTED_PROCEDURE_ID;
    const PacsTag code = PACS_TAG(0x0008, 0x0100);
#define ITEM(step, procedure, code)                                                                          \
    "{\"00400008\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"" code                \
    "\"]}}]},\"00400009\":{\"vr\":\"SH\",\"Value\":[\"" step                                                 \
    "\"]},\"00401001\":{\"vr\":\"SH\",\"Value\":[\"" procedure "\"]}}"
    search_add(index, &(SearchStudy){.study = 1,
                                     .json = "{\"00101010\":{\"vr\":\"AS\",\"Value\":[\"041Y\"]},"
                                             "\"00400275\":{\"vr\":\"SQ\",\"Value\":[" ITEM(
                                                 "1", "A", "x") "," ITEM("2", "B", "y") "]}}"});
    const struct {
        PacsSearchTerm terms[3];
        const char *expected;
    } cases[] = {
        {{in_request(VALUES(step, "1")), in_request(VALUES(procedure, "A"))}, "1"},
        {{in_request(VALUES(step, "1")), in_request(VALUES(procedure, "B"))}, ""},
        {{in_request(VALUES(step, "1")), in_request(VALUES(procedure, "B", "A"))}, "1"},
        {{in_request(VALUES(step, "2")), in_code_of_request(VALUES(code, "y"))}, "1"},
        {{in_request(VALUES(step, "2")), in_code_of_request(VALUES(code, "x"))}, ""},
        {{in_request(VALUES(step, "2")), VALUES(PACS_TAG_PATIENT_AGE, "041Y"),
          in_code_of_request(VALUES(code, "y"))},
         "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect_of(index,
                         &(PacsSearch){.level = PACS_LEVEL_STUDY,
                                       .terms = cases[i].terms,
                                       .term_count = cases[i].terms[2].tag ? 3 : 2},
                         cases[i].expected, __FILE__, __LINE__);
#undef ITEM
}

static PacsSearchTerm empty(PacsTag tag)
{
    return (PacsSearchTerm){.tag = tag, .match = PACS_MATCH_EMPTY};
}

static void what_has_no_value_is_found_as_such(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index,
               &(SearchStudy){.study = 1,
                              .name = "^^",
                              .date = "",
                              .accession = "",
                              .json = "{\"00101010\":{\"vr\":\"AS\"},\"00400275\":{\"vr\":\"SQ\",\"Value\":["
                                      "{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"1\"]}}]}}"});
    search_add(index, &(SearchStudy){.study = 2,
                                     .accession = "A2",
                                     .json = "{\"00101010\":{\"vr\":\"AS\",\"Value\":[null,\"041Y\"]},"
                                             "\"00280010\":{\"vr\":\"US\",\"Value\":[512]}}"});
    const struct {
        PacsLevel level;
        PacsSearchTerm term;
        const char *expected;
    } cases[] = {
        {PACS_LEVEL_STUDY, empty(PACS_TAG_PATIENT_NAME), "1"},
        {PACS_LEVEL_STUDY, empty(PACS_TAG_STUDY_DATE), "1"},
        {PACS_LEVEL_STUDY, empty(PACS_TAG_ACCESSION_NUMBER), "1"},
        {PACS_LEVEL_STUDY, empty(PACS_TAG_PATIENT_ID), ""},
        {PACS_LEVEL_STUDY, empty(PACS_TAG_PATIENT_AGE), "1"},
        {PACS_LEVEL_INSTANCE, empty(PACS_TAG_ROWS), "1.1.1"},
        {PACS_LEVEL_STUDY, empty(PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE), "2"},
        {PACS_LEVEL_STUDY, in_request(empty(PACS_TAG_REQUESTED_PROCEDURE_ID)), "1"},
        {PACS_LEVEL_STUDY, in_request(empty(PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID)), ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        search_expect(index, cases[i].level, cases[i].term, cases[i].expected);
}

static void extra_tags_match_without_their_json(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 1);
    indexed_object_set(&object, PACS_LEVEL_STUDY, PACS_TAG_PATIENT_AGE, "041Y");
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK); /* whose JSON is none */
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_AGE, "041Y"), "1");
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_PATIENT_AGE, "042Y"), "");
}

static void a_study_is_found_by_the_name_it_came_with(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .patient = 1, .name = "Maiden^Name"});
    search_add(index, &(SearchStudy){.study = 2, .patient = 1, .name = "Married^Name"});
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "maiden*"), "1");
    search_expect(index, PACS_LEVEL_STUDY, WILDCARD(PACS_TAG_PATIENT_NAME, "*married*"), "2");
}

static void one_study_uid_of_two_patients_is_found_twice(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_add(index, &(SearchStudy){.study = 1, .patient = 1});
    search_add(index, &(SearchStudy){.study = 1, .patient = 2});
    search_expect(index, PACS_LEVEL_STUDY, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.1"), "1 1");
    search_expect(index, PACS_LEVEL_SERIES, VALUES(PACS_TAG_STUDY_INSTANCE_UID, "1.2.840.1"), "1.1 1.1");
}

static void a_range_of_what_has_no_order_is_refused(void **state)
{
    PacsIndex *index = index_contract_index(state);
    search_expect(index, PACS_LEVEL_STUDY, RANGE(PACS_TAG_PATIENT_NAME, "a", "b"), "invalid");
    search_expect(index, PACS_LEVEL_STUDY, RANGE(PACS_TAG_STUDY_DATE, "soon", NULL), "invalid");
    search_expect(index, PACS_LEVEL_STUDY, RANGE(PACS_TAG_STUDY_DATE, NULL, "20261332"), "invalid");
}

const struct CMUnitTest index_contract_search_tests[] = {
    INDEX_TEST(values_of_terms_are_exact),
    INDEX_TEST(case_counts_where_it_is_asked_for),
    INDEX_TEST(a_list_finds_each_of_its_values),
    INDEX_TEST(empty_values_and_lone_stars_find_everything),
    INDEX_TEST(stars_and_question_marks_stand_for_characters),
    INDEX_TEST(names_match_without_case_and_diacritics),
    INDEX_TEST(names_match_by_any_component_group),
    INDEX_TEST(fuzzy_names_match_by_beginnings_of_their_parts),
    INDEX_TEST(dates_match_by_open_and_closed_ranges),
    INDEX_TEST(times_match_by_ranges_and_with_their_dates),
    INDEX_TEST(ranges_are_meant_in_the_zone_of_the_search),
    INDEX_TEST(all_terms_must_hold),
    INDEX_TEST(a_study_is_found_by_the_modalities_of_all_its_series),
    INDEX_TEST(series_and_instances_are_found_below_their_study),
    INDEX_TEST(patients_come_once_at_their_newest_matching_study),
    INDEX_TEST(attributes_that_are_not_kept_match_by_their_json),
    INDEX_TEST(terms_of_a_sequence_hold_in_one_item),
    INDEX_TEST(what_has_no_value_is_found_as_such),
    INDEX_TEST(extra_tags_match_without_their_json),
    INDEX_TEST(a_study_is_found_by_the_name_it_came_with),
    INDEX_TEST(one_study_uid_of_two_patients_is_found_twice),
    INDEX_TEST(a_range_of_what_has_no_order_is_refused),
};
const size_t index_contract_search_count = sizeof index_contract_search_tests /
                                           sizeof index_contract_search_tests[0];
