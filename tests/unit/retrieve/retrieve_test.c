/* The way out: bytes and ready-made JSON by id, and honest errors where something is missing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "pacs/retrieve/retrieve.h"
#include "pacs/util/arena.h"
#include "pacs/util/limits.h"
#include "tests/support/archive.h"
#include "tests/support/object.h"

#define NOBODY "00000000-00000000-00000000-00000000-00000000"

typedef struct Fixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    PacsIngested ingested;
} Fixture;

static int open_fixture(void **state)
{
    static Fixture fixture;
    TestObject object = test_object(1, 1, 1);
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_archive_open(&fixture.archive, PACS_OVERWRITE_NEVER);
    test_object_file(&object, &file);
    assert_int_equal(
        test_archive_push(fixture.archive.ingest, file.bytes, file.size, 0, &fixture.ingested, NULL),
        PACS_OK);
    assert_int_equal(pacs_retrieve_new(fixture.archive.store, fixture.archive.index, &fixture.retrieve, NULL),
                     PACS_OK);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_retrieve_free(fixture->retrieve);
    test_archive_close(&fixture->archive);
    return 0;
}

static void json_comes_back_as_it_was_made(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);

    assert_int_equal(
        pacs_retrieve_json(fixture->retrieve, fixture->ingested.added.ids[PACS_LEVEL_INSTANCE], &json, NULL),
        PACS_OK);
    json_t *root = json_loads(pacs_buffer_text(&json), 0, NULL);
    assert_non_null(root);
    const char *uid = json_string_value(
        json_array_get(json_object_get(json_object_get(root, "00080018"), "Value"), 0));
    assert_string_equal(uid, fixture->ingested.sop_instance_uid);
    json_decref(root);
}

static void an_unknown_instance_is_not_found(void **state)
{
    Fixture *fixture = *state;
    PacsRetrievedFile file;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 16);

    assert_int_equal(pacs_retrieve_file(fixture->retrieve, NOBODY, arena, &file, NULL), PACS_NOT_FOUND);
    assert_int_equal(pacs_retrieve_json(fixture->retrieve, NOBODY, &json, NULL), PACS_NOT_FOUND);
}

static void a_lost_object_is_our_damage(void **state)
{
    Fixture *fixture = *state;
    const char *id = fixture->ingested.added.ids[PACS_LEVEL_INSTANCE];
    PacsStoredObject *object = NULL;
    PacsRetrievedFile file;
    PacsError err = {0};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 16);

    assert_int_equal(pacs_index_find_object(fixture->archive.index, id, arena, &object, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(fixture->archive.store, &object->key, NULL), PACS_OK);
    assert_int_equal(pacs_retrieve_file(fixture->retrieve, id, arena, &file, &err), PACS_CORRUPT);
    assert_non_null(strstr(err.text, "missing from the store"));
}

static void a_resource_names_the_object_that_a_file_is_read_from(void **state)
{
    Fixture *fixture = *state;
    const char *id = fixture->ingested.added.ids[PACS_LEVEL_INSTANCE];
    PacsStoredObject *object = NULL;
    PacsResource *resource = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 16);

    assert_int_equal(pacs_index_find_object(fixture->archive.index, id, arena, &object, NULL), PACS_OK);
    assert_int_equal(pacs_index_find(fixture->archive.index, PACS_LEVEL_INSTANCE, id, PACS_WITH_ALL, arena,
                                     &resource, NULL),
                     PACS_OK);
    assert_int_equal(pacs_key_compare(&resource->object_key, &object->key), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_comes_back_as_it_was_made, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_unknown_instance_is_not_found, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_resource_names_the_object_that_a_file_is_read_from, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_lost_object_is_our_damage, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
