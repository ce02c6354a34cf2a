#include "tests/contract/index_contract_internal.h"

static const IndexContract *the_contract; /* cmocka's setup functions know nothing else */

int index_contract_setup(void **state)
{
    *state = the_contract->open(0);
    return *state ? 0 : -1;
}

int index_contract_teardown(void **state)
{
    pacs_index_free(*state);
    the_contract->clear();
    return 0;
}

PacsIndex *index_contract_index(void **state)
{
    return *state;
}

PacsIndex *index_contract_reopen_with(void **state, PacsPhiFields phi_fields)
{
    pacs_index_free(*state);
    *state = NULL;
    *state = the_contract->open(phi_fields);
    assert_non_null(*state);
    return *state;
}

PacsIndex *index_contract_reopen(void **state)
{
    return index_contract_reopen_with(state, 0);
}

PacsIndexAdded index_contract_add(PacsIndex *index, unsigned patient, unsigned study, unsigned series,
                                  unsigned instance)
{
    IndexedObject object;
    PacsIndexAdded added;
    PacsError err = {0};
    indexed_object_init(&object, patient, study, series, instance);
    if (pacs_index_add(index, &object.add, &added, &err) != PACS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(added.result, PACS_ADD_NEW);
    return added;
}

PacsResource *index_contract_find(PacsIndex *index, PacsArena *arena, PacsLevel level, const char *id)
{
    PacsResource *resource = NULL;
    PacsError err = {0};
    if (pacs_index_find(index, level, id, PACS_WITH_ALL, arena, &resource, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return resource;
}

bool index_contract_has(PacsIndex *index, PacsLevel level, const char *id)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsResource *resource = NULL;
    const PacsStatus status = pacs_index_find(index, level, id, PACS_WITH_ALL, arena, &resource, NULL);
    assert_true(status == PACS_OK || status == PACS_NOT_FOUND);
    return status == PACS_OK;
}

char *index_contract_changes(PacsIndex *index)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsChangePage page;
    const PacsChangeQuery query = {.since = -1, .to = -1, .limit = 100000};
    assert_int_equal(pacs_index_read_changes(index, &query, arena, &page, NULL), PACS_OK);
    PacsBuffer names;
    pacs_buffer_init(&names, 1u << 20);
    for (size_t i = 0; i < page.count; i++)
        pacs_buffer_add_format(&names, "%s%s", i == 0 ? "" : " ",
                               pacs_change_type_name(page.changes[i].type));
    char *text = strdup(pacs_buffer_text(&names));
    pacs_buffer_clear(&names);
    return text;
}

size_t index_contract_events(PacsIndex *index, PacsArena *arena, PacsOutboxEvent **ret_events)
{
    size_t count = 0;
    assert_int_equal(pacs_index_read_outbox(index, 0, 1000, arena, ret_events, &count, NULL), PACS_OK);
    return count;
}

size_t index_contract_garbage(PacsIndex *index)
{
    PacsKey keys[1000];
    size_t count = 0;
    assert_int_equal(pacs_index_read_garbage(index, keys, 1000, &count, NULL), PACS_OK);
    return count;
}

PacsStatistics index_contract_statistics(PacsIndex *index)
{
    PacsStatistics statistics;
    assert_int_equal(pacs_index_statistics(index, &statistics, NULL), PACS_OK);
    return statistics;
}

void index_contract_delete(PacsIndex *index, PacsLevel level, const char *id)
{
    PacsRemaining remaining;
    PacsError err = {0};
    if (pacs_index_delete(index, level, id, &remaining, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

void index_contract_stabilise(PacsIndex *index)
{
    uint32_t count = 0;
    assert_int_equal(pacs_index_stabilise(index, INT64_MAX, 100000, &count, NULL), PACS_OK);
}

/* ---- Counters against a recount ---- */

typedef struct Recount {
    PacsIndex *index;
    uint64_t children, instances, size_bytes; /* of one resource, or of all */
    uint64_t resources;
    uint64_t own_instances, own_bytes; /* what the resources say themselves, summed up */
} Recount;

static PacsStatus sum_instance(void *context, const PacsResource *instance, PacsError *err)
{
    (void)err;
    Recount *recount = context;
    recount->instances++;
    recount->size_bytes += instance->size_bytes;
    return PACS_OK;
}

static PacsStatus count_child(void *context, const PacsResource *child, PacsError *err)
{
    (void)child;
    (void)err;
    ((Recount *)context)->children++;
    return PACS_OK;
}

static PacsStatus check_resource(void *context, const PacsResource *resource, PacsError *err)
{
    Recount *all = context;
    Recount recount = {0};
    assert_int_equal(pacs_index_list_below(all->index, resource->level, resource->id, PACS_LEVEL_INSTANCE, 0,
                                           sum_instance, &recount, err),
                     PACS_OK);
    assert_int_equal(pacs_index_list_below(all->index, resource->level, resource->id,
                                           (PacsLevel)(resource->level + 1), 0, count_child, &recount, err),
                     PACS_OK);
    assert_int_equal(resource->instance_count, recount.instances);
    assert_int_equal(resource->size_bytes, recount.size_bytes);
    assert_int_equal(resource->child_count, recount.children);
    all->resources++;
    all->own_instances += recount.instances;
    all->own_bytes += recount.size_bytes;
    return PACS_OK;
}

static void expect_level(PacsIndex *index, PacsLevel level, uint64_t count, const PacsStatistics *statistics)
{
    Recount all = {.index = index};
    assert_int_equal(pacs_index_list(index, level, 0, 0, PACS_WITH_CHILDREN, check_resource, &all, NULL),
                     PACS_OK);
    assert_int_equal(all.resources, count);
    assert_int_equal(all.own_instances, statistics->instances);
    assert_int_equal(all.own_bytes, statistics->uncompressed_bytes);
}

void index_contract_expect_counters(PacsIndex *index)
{
    const PacsStatistics statistics = index_contract_statistics(index);
    expect_level(index, PACS_LEVEL_PATIENT, statistics.patients, &statistics);
    expect_level(index, PACS_LEVEL_STUDY, statistics.studies, &statistics);
    expect_level(index, PACS_LEVEL_SERIES, statistics.series, &statistics);
}

/* ---- All of it ---- */

int index_contract_run(const IndexContract *contract)
{
    the_contract = contract;
    const struct {
        const char *name;
        const struct CMUnitTest *tests;
        size_t count;
    } groups[] = {
        {"add", index_contract_add_tests, index_contract_add_count},
        {"read", index_contract_read_tests, index_contract_read_count},
        {"delete", index_contract_delete_tests, index_contract_delete_count},
        {"event", index_contract_event_tests, index_contract_event_count},
        {"report", index_contract_report_tests, index_contract_report_count},
        {"outbox", index_contract_outbox_tests, index_contract_outbox_count},
        {"search", index_contract_search_tests, index_contract_search_count},
        {"search pages", index_contract_search_page_tests, index_contract_search_page_count},
        {"metadata", index_contract_metadata_tests, index_contract_metadata_count},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s index: %s", contract->name, groups[i].name);
        failed += _cmocka_run_group_tests(name, groups[i].tests, groups[i].count, NULL, NULL);
    }
    return failed;
}
