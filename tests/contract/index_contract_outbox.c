#include "tests/contract/index_contract_internal.h"

#include <pthread.h>
#include <stdatomic.h>

#include "pacs/util/clock.h"

/* The outbox: what is sent, what cannot be, who may say so, what is kept; and leases. */

static PacsOutboxDepth depth_of(PacsIndex *index)
{
    PacsOutboxDepth depth;
    assert_int_equal(pacs_index_outbox_depth(index, &depth, NULL), PACS_OK);
    return depth;
}

static void expect_depth(PacsIndex *index, uint64_t unsent, uint64_t parked, uint64_t dead)
{
    const PacsOutboxDepth depth = depth_of(index);
    assert_int_equal(depth.unsent, unsent);
    assert_int_equal(depth.parked, parked);
    assert_int_equal(depth.dead, dead);
    assert_int_equal(depth.oldest_ms != 0, unsent != 0);
}

static void mark_sent(PacsIndex *index, int64_t id)
{
    assert_int_equal(pacs_index_mark_sent(index, NULL, &id, 1, NULL), PACS_OK);
}

static void mark_dead(PacsIndex *index, int64_t id)
{
    assert_int_equal(pacs_index_mark_dead(index, NULL, id, "too large", NULL), PACS_OK);
}

static void tell(PacsIndex *index, const char *type, const char *key)
{
    const PacsTold told = {.type = type, .key = key, .data = "{\"a\":1}"};
    PacsError err = {0};
    if (pacs_index_tell(index, &told, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

/** Ids of the unsent events, in their order, as a text. */
static const char *unsent(PacsIndex *index, PacsArena *arena)
{
    PacsOutboxEvent *events = NULL;
    const char *text = "";
    const size_t count = index_contract_events(index, arena, &events);
    for (size_t i = 0; i < count; i++)
        text = pacs_arena_printf(arena, "%s%s%d", text, i > 0 ? " " : "", (int)events[i].id);
    return text;
}

static PacsEventPage page_of(PacsIndex *index, PacsArena *arena, const PacsEventQuery *query)
{
    PacsEventPage page = {0};
    assert_int_equal(pacs_index_read_events(index, query, arena, &page, NULL), PACS_OK);
    return page;
}

/* ---- Sent ---- */

static void sent_events_are_not_read_again(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 0; i < 3; i++)
        index_contract_add(index, i, i, 1, 1);
    expect_depth(index, 3, 0, 0);
    assert_string_equal(unsent(index, arena), "1 2 3");
    mark_sent(index, 2);
    mark_sent(index, 2); /* a second time counts for nothing */
    assert_string_equal(unsent(index, arena), "1 3");
    expect_depth(index, 2, 0, 0);
    const int64_t rest[] = {3, 1, 77};
    assert_int_equal(pacs_index_mark_sent(index, NULL, rest, 3, NULL), PACS_OK);
    assert_string_equal(unsent(index, arena), "");
    expect_depth(index, 0, 0, 0);
}

static void unsent_events_are_read_from_a_position_and_up_to_a_number(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsOutboxEvent *events = NULL;
    size_t count = 0;
    for (unsigned i = 0; i < 5; i++)
        index_contract_add(index, i, i, 1, 1);
    assert_int_equal(pacs_index_read_outbox(index, 1, 2, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(events[0].id, 2);
    assert_int_equal(events[1].id, 3);
    assert_null(events[0].dead_reason);
    assert_int_equal(pacs_index_read_outbox(index, 5, 2, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 0);
}

static void a_full_arena_holds_the_first_events(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(16384);
    PACS_AUTO(PacsArena) tiny = pacs_arena_new(256);
    PacsOutboxEvent *events = NULL;
    size_t count = 0;
    for (unsigned i = 0; i < 50; i++)
        index_contract_add(index, i, i, 1, 1);
    assert_int_equal(pacs_index_read_outbox(index, 0, 50, arena, &events, &count, NULL), PACS_OK);
    assert_in_range(count, 1, 49);
    assert_int_equal(events[count - 1].id, count);
    pacs_arena_reset(arena);
    const PacsEventPage page = page_of(index, arena, &(PacsEventQuery){.max = 50});
    assert_in_range(page.count, 1, 49);
    assert_int_equal(page.next_after_id, page.count);
    assert_false(page.done);
    assert_int_equal(pacs_index_read_outbox(index, 0, 1, tiny, &events, &count, NULL), PACS_NO_MEMORY);
}

static void depth_and_position_survive_a_restart(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (unsigned i = 0; i < 4; i++)
        index_contract_add(index, i, i, 1, 1);
    mark_sent(index, 1);
    mark_dead(index, 3);
    index = index_contract_reopen(state);
    expect_depth(index, 2, 0, 1);
    index_contract_add(index, 9, 9, 1, 1);
    int64_t last = 0;
    assert_int_equal(pacs_index_last_event(index, &last, NULL), PACS_OK);
    assert_int_equal(last, 5);
}

/* ---- Dead ---- */

static void a_dead_event_parks_what_is_behind_it_of_its_key_alone(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    tell(index, "access.recorded", "a"); /* 1 */
    tell(index, "access.recorded", "b"); /* 2 */
    tell(index, "access.recorded", "a"); /* 3 */
    tell(index, "access.recorded", "a"); /* 4 */
    mark_dead(index, 3);
    assert_string_equal(unsent(index, arena), "1 2");
    expect_depth(index, 2, 1, 1);
    tell(index, "access.recorded", "a"); /* 5 */
    tell(index, "access.recorded", "b"); /* 6 */
    assert_string_equal(unsent(index, arena), "1 2 6");
    expect_depth(index, 3, 2, 1);
}

static void a_dead_event_is_listed_with_its_reason(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsOutboxEvent *events = NULL;
    size_t count = 0;
    tell(index, "access.recorded", "a");
    tell(index, "access.recorded", "b");
    mark_dead(index, 2);
    mark_dead(index, 1);
    assert_int_equal(pacs_index_list_dead(index, 0, 10, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(events[0].key, "a");
    assert_string_equal(events[0].dead_reason, "too large");
    assert_int_equal(pacs_index_list_dead(index, 1, 10, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(events[0].key, "b");
}

static void only_an_unsent_event_can_be_dead(void **state)
{
    PacsIndex *index = index_contract_index(state);
    tell(index, "access.recorded", "a");
    mark_sent(index, 1);
    assert_int_equal(pacs_index_mark_dead(index, NULL, 1, "why", NULL), PACS_NOT_FOUND);
    assert_int_equal(pacs_index_mark_dead(index, NULL, 7, "why", NULL), PACS_NOT_FOUND);
    expect_depth(index, 0, 0, 0);
}

static const char *ce_id_of(PacsIndex *index, PacsArena *arena, int64_t id)
{
    return page_of(index, arena, &(PacsEventQuery){.after_id = id - 1, .max = 1}).events[0].ce_id;
}

static void a_retried_event_goes_in_front_of_what_it_parked(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (int i = 0; i < 3; i++)
        tell(index, "access.recorded", "a");
    const char *ce_id = ce_id_of(index, arena, 2);
    mark_sent(index, 1);
    mark_dead(index, 2);
    assert_string_equal(unsent(index, arena), "");
    assert_int_equal(pacs_index_retry_dead(index, ce_id, NULL), PACS_OK);
    assert_string_equal(unsent(index, arena), "2 3");
    expect_depth(index, 2, 0, 0);
    assert_string_equal(ce_id_of(index, arena, 2), ce_id); /* never minted again */
    assert_int_equal(pacs_index_retry_dead(index, ce_id, NULL), PACS_NOT_FOUND);
}

static void a_discarded_event_lets_what_it_parked_go(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (int i = 0; i < 3; i++)
        tell(index, "access.recorded", "a");
    mark_dead(index, 1);
    assert_int_equal(pacs_index_discard_dead(index, ce_id_of(index, arena, 1), NULL), PACS_OK);
    assert_string_equal(unsent(index, arena), "2 3");
    expect_depth(index, 2, 0, 0);
    assert_int_equal(page_of(index, arena, &(PacsEventQuery){.max = 9}).count, 3);
    assert_int_equal(pacs_index_discard_dead(index, "no such id", NULL), PACS_NOT_FOUND);
}

static void of_two_dead_ones_of_a_key_the_first_holds_the_second(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (int i = 0; i < 4; i++)
        tell(index, "access.recorded", "a");
    mark_dead(index, 3);
    mark_dead(index, 1); /* out of order: the second was refused first */
    assert_string_equal(unsent(index, arena), "");
    assert_int_equal(pacs_index_retry_dead(index, ce_id_of(index, arena, 3), NULL), PACS_OK);
    assert_string_equal(unsent(index, arena), "");
    expect_depth(index, 0, 3, 1);
    assert_int_equal(pacs_index_retry_dead(index, ce_id_of(index, arena, 1), NULL), PACS_OK);
    assert_string_equal(unsent(index, arena), "1 2 3 4");
    expect_depth(index, 4, 0, 0);
}

static void what_was_on_its_way_when_it_was_parked_may_be_marked_sent(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (int i = 0; i < 3; i++)
        tell(index, "access.recorded", "a");
    mark_dead(index, 1);
    const int64_t acknowledged[] = {2, 3};
    assert_int_equal(pacs_index_mark_sent(index, NULL, acknowledged, 2, NULL), PACS_OK);
    expect_depth(index, 0, 0, 1);
}

/* ---- The log ---- */

static void the_log_has_events_that_were_sent_too(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 2, 2, 1, 1);
    index_contract_stabilise(index);
    mark_sent(index, 1);
    const PacsEventPage all = page_of(index, arena, &(PacsEventQuery){.max = 9});
    assert_int_equal(all.count, 4);
    assert_true(all.done);
    assert_int_equal(all.next_after_id, 4);
    const PacsEventPage first = page_of(index, arena, &(PacsEventQuery){.max = 3});
    assert_int_equal(first.next_after_id, 3);
    assert_false(first.done);
}

static void the_log_is_read_by_study_and_by_type(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 2, 2, 1, 1);
    index_contract_stabilise(index);
    const PacsEventPage of_study = page_of(index, arena,
                                           &(PacsEventQuery){.study_uid = "1.2.840.2", .max = 9});
    assert_int_equal(of_study.count, 2);
    assert_string_equal(of_study.events[0].key, "1.2.840.2");
    assert_string_equal(of_study.events[1].type, "study.arrived");
    const PacsEventPage of_type = page_of(index, arena,
                                          &(PacsEventQuery){.type = "study.received", .max = 9});
    assert_int_equal(of_type.count, 2);
    assert_int_equal(of_type.next_after_id, 4); /* what did not match need not be looked at again */
    const PacsEventQuery both = {.after_id = 1, .study_uid = "1.2.840.1", .type = "study.received", .max = 9};
    assert_int_equal(page_of(index, arena, &both).count, 0);
}

static void a_position_behind_the_end_stays_where_it_is(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsEventPage page = page_of(index, arena, &(PacsEventQuery){.after_id = 99, .max = 9});
    assert_int_equal(page.count, 0);
    assert_int_equal(page.next_after_id, 99);
    assert_true(page.done);
}

/* ---- Purged ---- */

static uint32_t purge(PacsIndex *index, int64_t before_ms, bool include_unsent, uint32_t limit)
{
    uint32_t count = 99;
    assert_int_equal(pacs_index_purge_outbox(index, before_ms, include_unsent, limit, &count, NULL), PACS_OK);
    return count;
}

static PacsEventBounds bounds_of(PacsIndex *index)
{
    PacsEventBounds bounds;
    assert_int_equal(pacs_index_event_bounds(index, &bounds, NULL), PACS_OK);
    return bounds;
}

static void a_purge_leaves_what_is_not_sent(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    static const char *const keys[] = {"a", "b", "a", "c", "d", "e"};
    for (size_t i = 0; i < 6; i++)
        tell(index, "access.recorded", keys[i]);
    mark_dead(index, 1); /* parks 3 */
    mark_sent(index, 2);
    mark_sent(index, 4);
    mark_sent(index, 6); /* 5 is in front of it */
    assert_int_equal(purge(index, INT64_MAX, false, 100), 2);
    const PacsEventPage left = page_of(index, arena, &(PacsEventQuery){.max = 9});
    assert_int_equal(left.count, 4);
    expect_depth(index, 1, 1, 1);
    assert_int_equal(bounds_of(index).purged_id, 4);
    assert_int_equal(purge(index, INT64_MAX, false, 100), 0);
}

static void a_purge_takes_the_unsent_too_if_nobody_is_to_send_them(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (int i = 0; i < 4; i++)
        tell(index, "access.recorded", "a");
    mark_dead(index, 2);
    assert_int_equal(purge(index, INT64_MAX, true, 3), 3);
    expect_depth(index, 0, 1, 0);
    assert_int_equal(bounds_of(index).purged_id, 3);
    assert_int_equal(purge(index, INT64_MAX, true, 3), 1);
    expect_depth(index, 0, 0, 0);
    assert_int_equal(bounds_of(index).purged_id, 4);
    assert_int_equal(bounds_of(index).last_id, 4);
    tell(index, "access.recorded", "a");
    assert_int_equal(bounds_of(index).last_id, 5); /* numbers are not used again */
}

static void a_purge_leaves_what_is_young(void **state)
{
    PacsIndex *index = index_contract_index(state);
    tell(index, "access.recorded", "a");
    assert_int_equal(purge(index, pacs_now_ms() - 60000, true, 100), 0);
    assert_int_equal(bounds_of(index).purged_id, 0);
}

/* ---- Told by others ---- */

static void what_others_tell_has_revisions_by_aggregate_and_key(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    tell(index, "access.recorded", "a");
    tell(index, "access.exported", "a");
    tell(index, "ingest.rejected", "a");
    tell(index, "access.recorded", "b");
    const PacsEventPage page = page_of(index, arena, &(PacsEventQuery){.max = 9});
    static const uint64_t revisions[] = {1, 2, 1, 1};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(page.events[i].revision, revisions[i]);
    assert_string_equal(page.events[0].lane, "normal");
    assert_null(page.events[0].traceparent);
    assert_string_equal(page.events[0].data, "{\"a\":1}");
    assert_int_equal(strlen(page.events[0].ce_id), 36);
}

static void what_is_told_keeps_its_lane_and_trace(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const char *trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const PacsTold told = {
        .type = "access.recorded", .key = "a", .lane = "vip", .traceparent = trace, .data = "{}"};
    assert_int_equal(pacs_index_tell(index, &told, NULL), PACS_OK);
    const PacsEventPage page = page_of(index, arena, &(PacsEventQuery){.max = 9});
    assert_string_equal(page.events[0].lane, "vip");
    assert_string_equal(page.events[0].traceparent, trace);
}

static void what_cannot_be_told_is_refused(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsTold wrong[] = {
        {.type = "study.arrived", .key = "1.2", .data = "{}"},
        {.type = "report.available", .key = "1.2", .data = "{}"},
        {.type = "nonsense", .key = "1.2", .data = "{}"},
        {.type = "access.recorded", .key = "", .data = "{}"},
        {.type = "access.recorded", .key = "1", .data = ""},
        {.type = "access.recorded", .key = "1", .data = "[]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(pacs_index_tell(index, &wrong[i], NULL), PACS_INVALID);
    PACS_AUTO_FREE char *long_data = calloc(1, (64u << 10) + 8);
    assert_non_null(long_data);
    memset(long_data, ' ', (64u << 10) + 7);
    long_data[0] = '{';
    long_data[(64u << 10) + 6] = '}';
    assert_int_equal(
        pacs_index_tell(index, &(PacsTold){.type = "access.recorded", .key = "1", .data = long_data}, NULL),
        PACS_TOO_LARGE);
    expect_depth(index, 0, 0, 0);
}

/* ---- Listening ---- */

static void count_call(void *context)
{
    atomic_fetch_add((atomic_uint *)context, 1);
}

static void listeners_are_called_after_commits_that_tell_something(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    atomic_uint first = 0;
    atomic_uint second = 0;
    assert_int_equal(pacs_index_listen(index, count_call, &first, NULL), PACS_OK);
    assert_int_equal(pacs_index_listen(index, count_call, &second, NULL), PACS_OK);
    index_contract_add(index, 1, 1, 1, 1);
    assert_int_equal(first, 1);
    index_contract_add(index, 1, 1, 1, 2); /* tells nothing */
    assert_int_equal(first, 1);
    mark_dead(index, 1);
    assert_int_equal(first, 1);
    assert_int_equal(pacs_index_retry_dead(index, ce_id_of(index, arena, 1), NULL), PACS_OK);
    assert_int_equal(first, 2);
    assert_int_equal(second, 2);
    pacs_index_unlisten(index, count_call, &first);
    index_contract_stabilise(index);
    assert_int_equal(first, 2);
    assert_int_equal(second, 3);
    pacs_index_unlisten(index, count_call, &second);
    pacs_index_unlisten(index, count_call, &second); /* not there: nothing happens */
}

static void *tell_many(void *argument)
{
    for (int i = 0; i < 50; i++)
        tell(argument, "access.recorded", "a");
    return NULL;
}

typedef struct Ear {
    atomic_bool is_open;
    atomic_uint calls, late_calls;
} Ear;

static void hear(void *context)
{
    Ear *ear = context;
    atomic_fetch_add(atomic_load(&ear->is_open) ? &ear->calls : &ear->late_calls, 1);
}

static void listeners_may_come_and_go_while_others_commit(void **state)
{
    PacsIndex *index = index_contract_index(state);
    pthread_t tellers[3];
    Ear ear = {.is_open = false};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&tellers[i], NULL, tell_many, index), 0);
    do {
        atomic_store(&ear.is_open, true);
        assert_int_equal(pacs_index_listen(index, hear, &ear, NULL), PACS_OK);
        pacs_index_unlisten(index, hear, &ear);
        atomic_store(&ear.is_open, false);
    } while (depth_of(index).unsent < 150);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(tellers[i], NULL), 0);
    assert_int_equal(ear.late_calls, 0);
}

/* ---- Leases and fences ---- */

static bool take(PacsIndex *index, const char *holder, uint32_t ttl_ms, uint64_t *ret_epoch)
{
    bool held = false;
    assert_int_equal(pacs_index_take_lease(index, "duty", holder, ttl_ms, &held, ret_epoch, NULL), PACS_OK);
    return held;
}

static void a_lease_has_one_holder(void **state)
{
    PacsIndex *index = index_contract_index(state);
    assert_true(take(index, "a", 3600000, NULL));
    assert_true(take(index, "a", 3600000, NULL));
    assert_false(take(index, "b", 3600000, NULL));
    assert_int_equal(pacs_index_drop_lease(index, "duty", "b", NULL), PACS_OK); /* not b's */
    assert_false(take(index, "b", 3600000, NULL));
    assert_int_equal(pacs_index_drop_lease(index, "duty", "a", NULL), PACS_OK);
    assert_true(take(index, "b", 3600000, NULL));
}

static void a_lease_that_ran_out_is_anybodys(void **state)
{
    PacsIndex *index = index_contract_index(state);
    assert_true(take(index, "a", 0, NULL));
    while (!take(index, "b", 3600000, NULL)) /* the next millisecond */
        continue;
    assert_false(take(index, "a", 3600000, NULL));
}

static void epochs_rise_when_a_lease_changes_hands_and_for_ever(void **state)
{
    PacsIndex *index = index_contract_index(state);
    uint64_t epochs[4] = {0};
    uint64_t kept = 77;
    assert_true(take(index, "a", 3600000, &epochs[0]));
    assert_true(take(index, "a", 3600000, &epochs[1]));
    assert_int_equal(epochs[1], epochs[0]);
    assert_false(take(index, "b", 3600000, &kept));
    assert_int_equal(kept, 77);
    assert_int_equal(pacs_index_drop_lease(index, "duty", "a", NULL), PACS_OK);
    assert_true(take(index, "b", 3600000, &epochs[2]));
    assert_true(epochs[2] > epochs[1]);
    index = index_contract_reopen(state);
    assert_int_equal(pacs_index_drop_lease(index, "duty", "b", NULL), PACS_OK);
    assert_true(take(index, "a", 3600000, &epochs[3]));
    assert_true(epochs[3] > epochs[2]);
}

static void who_lost_the_lease_notes_nothing(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsFence old = {.name = "duty"};
    PacsFence new = {.name = "duty"};
    const int64_t id = 1;
    tell(index, "access.recorded", "a");
    assert_int_equal(pacs_index_mark_sent(index, &old, &id, 1, NULL), PACS_REFUSED); /* nobody has it */
    assert_true(take(index, "a", 3600000, &old.epoch));
    assert_int_equal(pacs_index_drop_lease(index, "duty", "a", NULL), PACS_OK);
    assert_true(take(index, "b", 3600000, &new.epoch));
    assert_int_equal(pacs_index_mark_sent(index, &old, &id, 1, NULL), PACS_REFUSED);
    assert_int_equal(pacs_index_mark_dead(index, &old, id, "why", NULL), PACS_REFUSED);
    expect_depth(index, 1, 0, 0);
    assert_int_equal(pacs_index_mark_sent(index, &new, &id, 1, NULL), PACS_OK);
    expect_depth(index, 0, 0, 0);
}

const struct CMUnitTest index_contract_outbox_tests[] = {
    INDEX_TEST(sent_events_are_not_read_again),
    INDEX_TEST(unsent_events_are_read_from_a_position_and_up_to_a_number),
    INDEX_TEST(a_full_arena_holds_the_first_events),
    INDEX_TEST(depth_and_position_survive_a_restart),
    INDEX_TEST(a_dead_event_parks_what_is_behind_it_of_its_key_alone),
    INDEX_TEST(a_dead_event_is_listed_with_its_reason),
    INDEX_TEST(only_an_unsent_event_can_be_dead),
    INDEX_TEST(a_retried_event_goes_in_front_of_what_it_parked),
    INDEX_TEST(a_discarded_event_lets_what_it_parked_go),
    INDEX_TEST(of_two_dead_ones_of_a_key_the_first_holds_the_second),
    INDEX_TEST(what_was_on_its_way_when_it_was_parked_may_be_marked_sent),
    INDEX_TEST(the_log_has_events_that_were_sent_too),
    INDEX_TEST(the_log_is_read_by_study_and_by_type),
    INDEX_TEST(a_position_behind_the_end_stays_where_it_is),
    INDEX_TEST(a_purge_leaves_what_is_not_sent),
    INDEX_TEST(a_purge_takes_the_unsent_too_if_nobody_is_to_send_them),
    INDEX_TEST(a_purge_leaves_what_is_young),
    INDEX_TEST(what_others_tell_has_revisions_by_aggregate_and_key),
    INDEX_TEST(what_is_told_keeps_its_lane_and_trace),
    INDEX_TEST(what_cannot_be_told_is_refused),
    INDEX_TEST(listeners_are_called_after_commits_that_tell_something),
    INDEX_TEST(listeners_may_come_and_go_while_others_commit),
    INDEX_TEST(a_lease_has_one_holder),
    INDEX_TEST(a_lease_that_ran_out_is_anybodys),
    INDEX_TEST(epochs_rise_when_a_lease_changes_hands_and_for_ever),
    INDEX_TEST(who_lost_the_lease_notes_nothing),
};
const size_t index_contract_outbox_count = sizeof index_contract_outbox_tests /
                                           sizeof index_contract_outbox_tests[0];
