#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/arena.h"
#include "pacs/util/config.h"
#include "pacs/util/metrics.h"
#include "pacs/util/pool.h"
#include "pacs/util/source.h"
#include "pacs/util/text.h"
#include "tests/support/config_fixture.h"

/*
 * Memory that runs out at the first allocation, then at the second ... until nothing fails any more: each
 * time the answer must be "no memory", with nothing leaked and nothing half-built (the sanitizers are the
 * judges). The linker sends this program's allocations through here (tests.cmake).
 */

static long allocations_left = -1; /* negative: no end */

static bool may_allocate(void)
{
    if (allocations_left < 0)
        return true;
    if (allocations_left == 0)
        return false;
    allocations_left--;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    return may_allocate() ? __real_realloc(memory, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
    return may_allocate() ? __real_strdup(text) : NULL;
}

char *__wrap_strndup(const char *text, size_t size)
{
    return may_allocate() ? __real_strndup(text, size) : NULL;
}

/* Runs `attempt` with ever more memory until it succeeds; it must have needed some. */
static void assert_survives(PacsStatus (*attempt)(void))
{
    long allowed = 0;
    PacsStatus status;
    do {
        allocations_left = allowed;
        status = attempt();
        allocations_left = -1;
        if (status != PACS_OK)
            assert_int_equal(status, PACS_NO_MEMORY);
    } while (status != PACS_OK && ++allowed < 10000);
    assert_int_equal(status, PACS_OK);
    assert_true(allowed > 0);
}

static PacsStatus write_buffer(void)
{
    PACS_AUTO_BUFFER PacsBuffer buffer = PACS_BUFFER(100000);
    for (int i = 0; i < 100; i++)
        (void)pacs_buffer_add_format(&buffer, "%200d", i);
    (void)pacs_text_fold(&buffer, "\u00C9", 2);
    (void)pacs_base64_format(&buffer, "abc", 3);
    return pacs_buffer_check(&buffer, NULL);
}

static void a_buffer_reports_it(void **state)
{
    (void)state;
    assert_survives(write_buffer);
}

static PacsStatus open_sources(void)
{
    PACS_AUTO(PacsSource) memory = NULL;
    PACS_AUTO(PacsSource) file = NULL;
    PacsStatus status = pacs_source_memory("abc", 3, &memory, NULL);
    if (status == PACS_OK)
        status = pacs_source_fd(open("/dev/null", O_RDONLY | O_CLOEXEC), 0, 1, &file, NULL);
    return status;
}

static void a_source_reports_it(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_survives(open_sources);
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(after, before + 1); /* no descriptor was lost on the way */
    PACS_AUTO_CLOSE int first = before;
    PACS_AUTO_CLOSE int second = after;
    assert_int_not_equal(first, second);
}

static PacsStatus use_arena(void)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    if (!arena)
        return PACS_NO_MEMORY;
    for (int i = 0; i < 5; i++)
        if (!pacs_arena_printf(arena, "%1800d", i) || !pacs_arena_alloc(arena, 10000))
            return PACS_NO_MEMORY;
    return PACS_OK;
}

static void an_arena_reports_it(void **state)
{
    (void)state;
    assert_survives(use_arena);
}

static PacsStatus make_pool(void)
{
    PACS_AUTO(PacsPool) pool = NULL;
    return pacs_pool_new("pool", 10, 10, &pool, NULL);
}

static void a_pool_reports_it(void **state)
{
    (void)state;
    assert_survives(make_pool);
}

static void collect_nothing(void *context)
{
    (void)context;
}

static PacsStatus count_something(void)
{
    PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(10000);
    pacs_metrics_on_collect(metrics, collect_nothing, NULL);
    PacsMetricFamily *counters = pacs_metrics_family(metrics, PACS_COUNTER, "x_total", "X.", "a,b");
    PacsMetric *times = pacs_metric(pacs_metrics_family(metrics, PACS_HISTOGRAM, "t_seconds", "T.", NULL),
                                    NULL);
    PacsMetric *counter = pacs_metric(counters, "1", "2", NULL);
    pacs_metric_add(counter, 1); /* even if there is none */
    pacs_metric_observe_ns(times, 1);
    PacsStatus status = pacs_metrics_format(metrics, &out, NULL);
    return status == PACS_OK && (!counter || !times) ? PACS_NO_MEMORY : status;
}

static void metrics_count_what_they_can(void **state)
{
    (void)state;
    assert_survives(count_something);
}

static PacsStatus load_configuration(void)
{
    const char *const environment[] = {"ORTHANC__A__B=1", "ORTHANC__T=text",
                                       "ORTHANC_JSON={\"S\": {\"X\": [1, {}]}}", NULL};
    const PacsConfigInput input = {.paths = (const char *const *)&config_fixture_folder,
                                   .path_count = 1,
                                   .environment = environment,
                                   .secrets_folder = config_fixture_folder};
    PACS_AUTO(PacsConfig) config = NULL;
    PacsStatus status = pacs_config_load(&input, &config, NULL);
    return status == PACS_INVALID ? PACS_NO_MEMORY
                                  : status; /* jansson says "invalid token" of some of its own */
}

static void the_configuration_reports_it(void **state)
{
    (void)state;
    (void)config_fixture_file("one.json", "{\"S\": {\"Y\": \"${A:-x}\"}, /* c */ \"L\": [1.5, true, null]}");
    (void)config_fixture_file("ORTHANC__S__Y", "5");
    json_set_alloc_funcs(__wrap_malloc, free);
    assert_survives(load_configuration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_reports_it),
        cmocka_unit_test(a_source_reports_it),
        cmocka_unit_test(an_arena_reports_it),
        cmocka_unit_test(a_pool_reports_it),
        cmocka_unit_test(metrics_count_what_they_can),
        cmocka_unit_test_setup_teardown(the_configuration_reports_it, config_fixture_make,
                                        config_fixture_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
