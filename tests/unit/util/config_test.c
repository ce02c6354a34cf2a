#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pacs/util/config.h"
#include "pacs/util/limits.h"
#include "tests/support/config_fixture.h"

static void assert_refused(const char *text, const char *expected_place, const char *expected_reason)
{
    assert_null(config_fixture_load_text(text, NULL));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
    assert_non_null(strstr(config_fixture_error.text, expected_place));
    assert_non_null(strstr(config_fixture_error.text, expected_reason));
}

/* ---- files ---- */

static void without_files_there_is_an_empty_object(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig) config = config_fixture_load(&(PacsConfigInput){0});
    assert_non_null(config);
    assert_true(json_is_object(pacs_config_root(config)));
    assert_int_equal(json_object_size(pacs_config_root(config)), 0);
}

static void settings_of_a_file_are_read(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"Name\": \"x\", \"Port\": 104, \"On\": true, \"DicomWeb\": {\"Root\": \"/dw/\"}}", NULL);
    bool on = false;
    assert_config_text(config, "Name", "x");
    assert_config_number(config, "Port", 104);
    assert_int_equal(pacs_config_bool(config, "On", &on, NULL), PACS_OK);
    assert_true(on);
    assert_config_text(config, "DicomWeb.Root", "/dw/");
    assert_true(json_is_object(pacs_config_value(config, "DicomWeb")));
}

static void comments_of_both_kinds_are_left_out(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text("// head\n{ /* a\n * b */ \"A\": 1, // \"B\": 2,\n"
                                      "\"C\": /**/ 3 /* ** / \" */ } // no line end",
                                      NULL);
    assert_config_number(config, "A", 1);
    assert_null(pacs_config_value(config, "B"));
    assert_config_number(config, "C", 3);
}

static void what_looks_like_a_comment_in_a_string_stays(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"Url\": \"http://x/*y*/\", \"Q\": \"a\\\"//b\", \"S\": \"\\\\\" /* \" */}", NULL);
    assert_config_text(config, "Url", "http://x/*y*/");
    assert_config_text(config, "Q", "a\"//b");
    assert_config_text(config, "S", "\\");
}

static void a_byte_order_mark_is_ignored(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("\xEF\xBB\xBF{\"A\": 1}", NULL);
    assert_config_number(config, "A", 1);
}

static void a_mistake_is_told_with_file_and_line(void **state)
{
    (void)state;
    assert_refused("{\n  /* two\n lines */ \"A\": 1,\n // x\n \"B\": oops\n}", "one.json, line 5", "oops");
    assert_refused("{\"A\": 1\n\n", "line 3", "'}' expected");
    assert_refused("", "one.json, line 1", "expected");
    assert_refused("{\"A\": \"no end\n}", "line 1", "");
    assert_refused("{} {}", "line 1", "end of file expected");
}

static void a_comma_before_a_closing_bracket_is_named(void **state)
{
    (void)state;
    assert_refused("{\n\"A\": 1, // x\n\n}", "line 4", "a comma before '}'");
    assert_refused("{\"A\": [1, 2, /* x */ ]}", "line 1", "a comma before ']'");
}

static void a_comment_without_an_end_is_told_with_its_first_line(void **state)
{
    (void)state;
    assert_refused("{}\n/* a\n\nb", "line 2", "a comment that does not end");
    assert_refused("{} /*/", "line 1", "a comment that does not end");
}

static void a_configuration_that_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_refused("[1]", "one.json", "object");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char text[400] = "{\"A\": ";
    size_t start = strlen(text);
    memset(text + start, '[', PACS_MAX_CONFIG_DEPTH - 1);
    memset(text + start + PACS_MAX_CONFIG_DEPTH - 1, ']', PACS_MAX_CONFIG_DEPTH - 1);
    text[start + 2 * (PACS_MAX_CONFIG_DEPTH - 1)] = '}';
    PACS_AUTO(PacsConfig) config = config_fixture_load_text(text, NULL);
    assert_non_null(config);

    memset(text + start, '[', PACS_MAX_CONFIG_DEPTH);
    assert_refused(text, "one.json", "nest deeper than 64");
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    const char *path = "/no/such/file.json";
    assert_null(config_fixture_load(&(PacsConfigInput){.paths = &path, .path_count = 1}));
    assert_int_equal(config_fixture_error.status, PACS_NOT_FOUND);
    assert_non_null(strstr(config_fixture_error.text, path));
}

static void a_file_over_the_limit_is_refused(void **state)
{
    (void)state;
    const char *path = "/dev/zero";
    assert_null(config_fixture_load(&(PacsConfigInput){.paths = &path, .path_count = 1}));
    assert_int_equal(config_fixture_error.status, PACS_TOO_LARGE);
}

static void the_last_of_two_equal_keys_in_one_file_counts(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("{\"A\": 1, \"A\": 2}", NULL);
    assert_config_number(config, "A", 2);
}

/* ---- several files ---- */

static PacsConfig *load_two(const char *first, const char *second)
{
    (void)config_fixture_file("a.json", first);
    (void)config_fixture_file("b.json", second);
    return config_fixture_load(
        &(PacsConfigInput){.paths = (const char *const *)&config_fixture_folder, .path_count = 1});
}

static void sections_of_two_files_are_merged(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = load_two("{\"A\": 1, \"S\": {\"X\": 1, \"T\": {\"P\": 1}}}",
                      "{\"B\": 2, \"S\": {\"Y\": 2, \"T\": {\"Q\": 2}}}");
    assert_config_number(config, "A", 1);
    assert_config_number(config, "B", 2);
    assert_config_number(config, "S.X", 1);
    assert_config_number(config, "S.Y", 2);
    assert_config_number(config, "S.T.P", 1);
    assert_config_number(config, "S.T.Q", 2);
}

static void assert_conflict(const char *first, const char *second, const char *key)
{
    assert_null(load_two(first, second));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
    assert_non_null(strstr(config_fixture_error.text, key));
    assert_non_null(strstr(config_fixture_error.text, "a.json"));
    assert_non_null(strstr(config_fixture_error.text, "b.json"));
}

static void a_key_given_in_two_files_is_an_error_that_names_both(void **state)
{
    (void)state;
    assert_conflict("{\"A\": 1}", "{\"A\": 1}", "'A'");
    assert_conflict("{\"S\": {\"X\": [1]}}", "{\"S\": {\"X\": [2]}}", "'S.X'");
    assert_conflict("{\"S\": {\"X\": 1}}", "{\"S\": 2}", "'S'");
    assert_conflict("{\"S\": 2}", "{\"S\": {\"X\": 1}}", "'S'");
}

static void a_folder_gives_its_json_files_only(void **state)
{
    (void)state;
    char path[300];
    (void)config_fixture_file("a.json", "{\"A\": 1}");
    (void)config_fixture_file("b.txt", "{\"B\": 1}");
    (void)config_fixture_file(".c.json", "{\"C\": 1}");
    (void)config_fixture_file(".json", "{\"D\": 1}");
    (void)snprintf(path, sizeof path, "%s/folder.json", config_fixture_folder);
    assert_int_equal(mkdir(path, 0700), 0);
    PACS_AUTO(PacsConfig)
    config = config_fixture_load(
        &(PacsConfigInput){.paths = (const char *const *)&config_fixture_folder, .path_count = 1});
    assert_non_null(config);
    assert_int_equal(json_object_size(pacs_config_root(config)), 1);
}

/* ---- variables in files ---- */

static const char *const variables[] = {"HOST=db", "PORT=5432", "NASTY=a\"b\\c\nd",
                                        "EMPTY=",  "PORTS=1",   NULL};

static void variables_are_put_in_for_their_names(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"A\": \"${HOST}\", \"B\": \"<${HOST}:${PORT}>\", \"C\": \"${HOST:-x}\", \"${HOST}\": 1}",
        variables);
    assert_config_text(config, "A", "db");
    assert_config_text(config, "B", "<db:5432>");
    assert_config_text(config, "C", "db");
    assert_config_number(config, "db", 1);
}

static void a_variable_that_is_not_set_is_its_default_or_empty(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"A\": \"${NO:-a b:-c}\", \"B\": \"<${NO}>\", \"C\": \"<${NO:-}>\", \"D\": \"${NO:-C:\\\\x}\", "
        "\"E\": \"${EMPTY:-full}\", \"F\": \"${POR:-no}\"}",
        variables);
    assert_config_text(config, "A", "a b:-c");
    assert_config_text(config, "B", "<>");
    assert_config_text(config, "C", "<>");
    assert_config_text(config, "D", "C:\\x");
    assert_config_text(config, "E", ""); /* set, though to nothing */
    assert_config_text(config, "F", "no");
}

static void a_variable_cannot_break_out_of_its_string(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("{\"A\": \"${NASTY}\"}", variables);
    assert_config_text(config, "A", "a\"b\\c\nd");
}

static void outside_strings_a_variable_is_json(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text("{\"A\": ${PORT}, \"B\": ${NO:-104}, \"C\": [${NO}]}", variables);
    assert_config_number(config, "A", 5432);
    assert_config_number(config, "B", 104);
    assert_int_equal(json_array_size(pacs_config_value(config, "C")), 0);
}

static void what_is_no_variable_is_left_alone(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"A\": \"$HOST ${} ${HOST ${a b} ${HOST:x} $\", \"B\": \"\\u0024{HOST}\"} // ${HOST}", variables);
    assert_config_text(config, "A", "$HOST ${} ${HOST ${a b} ${HOST:x} $");
    assert_config_text(config, "B", "${HOST}");
}

/* ---- reading ---- */

static void absent_keys_leave_the_default(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("{\"S\": {\"X\": 1}, \"T\": \"text\"}", NULL);
    const char *text = "default";
    bool flag = true;
    uint64_t number = 7;
    assert_int_equal(pacs_config_text(config, "Absent", &text, NULL), PACS_OK);
    assert_int_equal(pacs_config_bool(config, "S.Absent", &flag, NULL), PACS_OK);
    assert_int_equal(pacs_config_u64(config, "T.X", 0, 10, &number, NULL), PACS_OK);
    assert_string_equal(text, "default");
    assert_true(flag);
    assert_int_equal(number, 7);
    assert_null(pacs_config_value(config, "S.X.Y"));
}

static void a_number_outside_its_range_is_refused_by_name(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("{\"S\": {\"X\": 11}}", NULL);
    uint64_t number = 7;
    assert_int_equal(pacs_config_u64(config, "S.X", 12, 20, &number, &config_fixture_error), PACS_INVALID);
    assert_int_equal(pacs_config_u64(config, "S.X", 1, 10, &number, &config_fixture_error), PACS_INVALID);
    assert_string_equal(config_fixture_error.text, "'S.X' must be a whole number from 1 to 10");
    assert_int_equal(number, 7);
}

static void a_value_of_the_wrong_type_is_refused_by_name(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"Number\": 5, \"Text\": \"x\", \"Negative\": -1, \"Real\": 1.5, \"Null\": null, \"List\": []}",
        NULL);
    const char *text = NULL;
    bool flag;
    uint64_t number;
    assert_int_equal(pacs_config_text(config, "Number", &text, &config_fixture_error), PACS_INVALID);
    assert_non_null(strstr(config_fixture_error.text, "'Number'"));
    assert_int_equal(pacs_config_text(config, "Null", &text, NULL), PACS_INVALID);
    assert_int_equal(pacs_config_bool(config, "Text", &flag, &config_fixture_error), PACS_INVALID);
    assert_non_null(strstr(config_fixture_error.text, "'Text'"));
    assert_int_equal(pacs_config_bool(config, "Number", &flag, NULL), PACS_INVALID);
    assert_int_equal(pacs_config_u64(config, "Text", 0, 9, &number, NULL), PACS_INVALID);
    assert_int_equal(pacs_config_u64(config, "Negative", 0, 9, &number, NULL), PACS_INVALID);
    assert_int_equal(pacs_config_u64(config, "Real", 0, 9, &number, NULL), PACS_INVALID);
    assert_int_equal(pacs_config_u64(config, "List", 0, 9, &number, NULL), PACS_INVALID);
}

static void numbers_and_bools_may_stand_in_strings(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text(
        "{\"N\": \"104\", \"T\": \"true\", \"F\": \"${ON:-false}\", \"P\": \"${PORT}\"}", variables);
    bool on = false;
    bool off = true;
    assert_config_number(config, "N", 104);
    assert_config_number(config, "P", 5432);
    assert_int_equal(pacs_config_bool(config, "T", &on, NULL), PACS_OK);
    assert_int_equal(pacs_config_bool(config, "F", &off, NULL), PACS_OK);
    assert_true(on);
    assert_false(off);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_files_there_is_an_empty_object, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(settings_of_a_file_are_read, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(comments_of_both_kinds_are_left_out, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(what_looks_like_a_comment_in_a_string_stays, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_byte_order_mark_is_ignored, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_mistake_is_told_with_file_and_line, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_comma_before_a_closing_bracket_is_named, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_comment_without_an_end_is_told_with_its_first_line,
                                        config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_configuration_that_is_no_object_is_refused, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(deep_nesting_is_refused, config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_missing_file_is_not_found, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_file_over_the_limit_is_refused, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(the_last_of_two_equal_keys_in_one_file_counts, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(sections_of_two_files_are_merged, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_key_given_in_two_files_is_an_error_that_names_both,
                                        config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_folder_gives_its_json_files_only, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(variables_are_put_in_for_their_names, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_variable_that_is_not_set_is_its_default_or_empty,
                                        config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_variable_cannot_break_out_of_its_string, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(outside_strings_a_variable_is_json, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(what_is_no_variable_is_left_alone, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(absent_keys_leave_the_default, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_number_outside_its_range_is_refused_by_name, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_value_of_the_wrong_type_is_refused_by_name, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(numbers_and_bools_may_stand_in_strings, config_fixture_make,
                                        config_fixture_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
