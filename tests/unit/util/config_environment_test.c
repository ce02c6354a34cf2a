#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/config.h"
#include "pacs/util/limits.h"
#include "tests/support/config_fixture.h"
#include "tests/support/temporary.h"

static void a_variable_sets_what_its_name_says(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__NAME=x",
                                       "ORTHANC__DICOM_PORT=104",
                                       "ORTHANC__DICOM_WEB__ROOT=/dw/",
                                       "ORTHANC__AWS_S3_STORAGE__BUCKET_NAME=b",
                                       "PATH=/bin",
                                       NULL};
    PACS_AUTO(PacsConfig) config = config_fixture_load_environment(environment);
    assert_config_text(config, "Name", "x");
    assert_config_number(config, "DicomPort", 104);
    assert_config_text(config, "DicomWeb.Root", "/dw/");
    assert_config_text(config, "AwsS3Storage.BucketName", "b");
    assert_int_equal(json_object_size(pacs_config_root(config)), 4);
}

static void special_spellings_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *key;
    } rows[] = {
        {"ORTHANC__POSTGRESQL__ENABLE_INDEX=1", "PostgreSQL.EnableIndex"},
        {"ORTHANC__MYSQL__HOST=1", "MySQL.Host"},
        {"ORTHANC__OHIF__DATA_SOURCE=1", "OHIF.DataSource"},
        {"ORTHANC__CASE_SENSITIVE_PN=1", "CaseSensitivePN"},
        {"ORTHANC__STORE_MD5_FOR_ATTACHMENTS=1", "StoreMD5ForAttachments"},
        {"ORTHANC__STORE_M_D5_FOR_ATTACHMENTS=1", "StoreMD5ForAttachments"},
        {"ORTHANC__HTTPS_CA_CERTIFICATES=1", "HttpsCACertificates"},
        {"ORTHANC__HTTPS_C_A_CERTIFICATES=1", "HttpsCACertificates"},
        {"ORTHANC__MAXIMUM_REQUEST_BODY_SIZE_MB=1", "MaximumRequestBodySizeMB"},
        {"ORTHANC__STORAGE_MINIMUM_FREE_MB=1", "StorageMinimumFreeMB"},
        {"ORTHANC__SYNCHRONOUS_CMOVE=1", "SynchronousCMove"},
        {"ORTHANC__SYNCHRONOUS_C_MOVE=1", "SynchronousCMove"},
        {"ORTHANC__WARNINGS__W001_TAGS_BEING_READ_FROM_STORAGE=1", "Warnings.W001_TagsBeingReadFromStorage"},
        {"ORTHANC__ZIP_USE_UTF8=1", "ZipUseUtf8"},
        {"ORTHANC__PKCS11__MODULE=1", "Pkcs11.Module"},
        {"ORTHANC__DICOM_ALWAYS_ALLOW_FIND_WORKLIST=1", "DicomAlwaysAllowFindWorklist"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PACS_AUTO(PacsConfig)
        config = config_fixture_load_environment((const char *const[]){rows[i].variable, NULL});
        assert_config_number(config, rows[i].key, 1);
    }
}

static void a_name_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"ORTHANC__=1",       "ORTHANC___A=1",  "ORTHANC__A_=1",
                                        "ORTHANC__A____B=1", "ORTHANC__A__=1", "ORTHANC__A-B=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(config_fixture_load_environment((const char *const[]){wrong[i], NULL}));
        assert_int_equal(config_fixture_error.status, PACS_INVALID);
        assert_non_null(strstr(config_fixture_error.text, "is no setting's name"));
    }
}

static void a_name_of_too_many_levels_is_refused(void **state)
{
    (void)state;
    char variable[300] = "ORTHANC";
    for (int i = 0; i < PACS_MAX_CONFIG_DEPTH + 1; i++)
        strcat(variable, "__A");
    strcat(variable, "=1");
    assert_null(config_fixture_load_environment((const char *const[]){variable, NULL}));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
}

static void values_that_are_json_count_as_json(void **state)
{
    (void)state;
    const char *const environment[] = {
        "ORTHANC__A=true",  "ORTHANC__B=[1, \"x\"]", "ORTHANC__C={\"X\": 1}",  "ORTHANC__D=\"104\"",
        "ORTHANC__E=[oops", "ORTHANC__F=",           "ORTHANC__G=a=b // ${A}", NULL};
    PACS_AUTO(PacsConfig) config = config_fixture_load_environment(environment);
    assert_non_null(config);
    assert_true(json_is_true(pacs_config_value(config, "A")));
    assert_int_equal(json_array_size(pacs_config_value(config, "B")), 2);
    assert_config_number(config, "C.X", 1);
    assert_config_text(config, "D", "104");
    assert_config_text(config, "E", "[oops");
    assert_config_text(config, "F", "");
    assert_config_text(config, "G", "a=b // ${A}");
}

static void a_number_can_be_a_password(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__POSTGRESQL__PASSWORD=1234.50", "ORTHANC__NAME=true",
                                       "ORTHANC__LIST=[1]", NULL};
    PACS_AUTO(PacsConfig) config = config_fixture_load_environment(environment);
    const char *text = NULL;
    assert_config_text(config, "PostgreSQL.Password", "1234.50");
    assert_config_text(config, "Name", "true");
    assert_int_equal(pacs_config_text(config, "List", &text, NULL), PACS_INVALID);
}

static void a_value_that_nests_too_deep_is_only_a_string(void **state)
{
    (void)state;
    char variable[1000] = "ORTHANC__A=";
    memset(variable + 11, '[', 400);
    memset(variable + 411, ']', 400);
    PACS_AUTO(PacsConfig) config = config_fixture_load_environment((const char *const[]){variable, NULL});
    assert_config_text(config, "A", variable + 11);
}

static void a_value_that_is_no_utf8_is_refused(void **state)
{
    (void)state;
    assert_null(config_fixture_load_environment((const char *const[]){"ORTHANC__A=\xFF", NULL}));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
    assert_non_null(strstr(config_fixture_error.text, "ORTHANC__A"));
}

static void variables_override_files(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__A=2", "ORTHANC__S__X=3", "ORTHANC__T__X=4", NULL};
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_text("{\"A\": 1, \"S\": {\"X\": 1, \"Y\": 1}, \"T\": 5, \"B\": 1}",
                                      environment);
    assert_config_number(config, "A", 2);
    assert_config_number(config, "S.X", 3);
    assert_config_number(config, "S.Y", 1);
    assert_config_number(config, "T.X", 4);
    assert_config_number(config, "B", 1);
}

static void an_object_from_a_variable_is_merged(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__S={\"X\": 2, \"Z\": 2}", NULL};
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("{\"S\": {\"X\": 1, \"Y\": 1}}", environment);
    assert_config_number(config, "S.X", 2);
    assert_config_number(config, "S.Y", 1);
    assert_config_number(config, "S.Z", 2);
}

static void the_more_precise_variable_counts_in_whatever_order(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__S__X=5", "ORTHANC__S={\"X\": 2, \"Y\": 2}", NULL};
    PACS_AUTO(PacsConfig) config = config_fixture_load_environment(environment);
    assert_config_number(config, "S.X", 5);
    assert_config_number(config, "S.Y", 2);
}

static void a_whole_document_may_come_from_a_variable(void **state)
{
    (void)state;
    const char *const environment[] = {
        "ORTHANC__B=3", "ORTHANC_JSON={\"A\": 2, /* x */ \"B\": 2, \"H\": \"${HOST}\"}", "HOST=db", NULL};
    PACS_AUTO(PacsConfig) config = config_fixture_load_text("{\"A\": 1, \"C\": 1}", environment);
    assert_config_number(config, "A", 2);
    assert_config_number(config, "B", 3);
    assert_config_number(config, "C", 1);
    assert_config_text(config, "H", "db");
}

static void a_mistake_in_that_document_is_told_with_its_line(void **state)
{
    (void)state;
    assert_null(config_fixture_load_environment((const char *const[]){"ORTHANC_JSON={\n\"A\": 1,\n}", NULL}));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
    assert_string_equal(config_fixture_error.text, "ORTHANC_JSON, line 3: a comma before '}'");
}

/* ---- secrets ---- */

static PacsConfig *load_secrets(const char *const *environment)
{
    return config_fixture_load(
        &(PacsConfigInput){.environment = environment, .secrets_folder = config_fixture_folder});
}

static void a_secret_file_counts_as_its_variable_and_wins(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__POSTGRESQL__PASSWORD=wrong", "ORTHANC__POSTGRESQL__HOST=db",
                                       NULL};
    (void)config_fixture_file("ORTHANC__POSTGRESQL__PASSWORD", "0123 secret\r\n");
    (void)config_fixture_file("ORTHANC__DICOM_PORT", "104\n");
    (void)config_fixture_file("other", "not a setting");
    PACS_AUTO(PacsConfig) config = load_secrets(environment);
    assert_config_text(config, "PostgreSQL.Password", "0123 secret");
    assert_config_text(config, "PostgreSQL.Host", "db");
    assert_config_number(config, "DicomPort", 104);
    assert_int_equal(json_object_size(pacs_config_root(config)), 2);
}

static void a_variable_may_name_the_file_of_its_secret(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__POSTGRESQL__PASSWORD_SECRET=pg-pass", NULL};
    (void)config_fixture_file("pg-pass", "007");
    PACS_AUTO(PacsConfig) config = load_secrets(environment);
    assert_config_text(config, "PostgreSQL.Password", "007");
    assert_null(pacs_config_value(config, "PostgreSQL.PasswordSecret"));
}

static void a_setting_may_be_called_secret(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load_environment((const char *const[]){"ORTHANC__SECRET=1", NULL});
    assert_config_number(config, "Secret", 1);
}

static void a_named_secret_that_is_missing_is_not_found(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__A_SECRET=absent", NULL};
    assert_null(load_secrets(environment));
    assert_int_equal(config_fixture_error.status, PACS_NOT_FOUND);
    assert_non_null(strstr(config_fixture_error.text, "ORTHANC__A"));
}

static void a_named_secret_stays_within_the_folder(void **state)
{
    (void)state;
    assert_null(load_secrets((const char *const[]){"ORTHANC__A_SECRET=../../etc/hostname", NULL}));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
    assert_null(config_fixture_load_environment((const char *const[]){"ORTHANC__A_SECRET=x", NULL}));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
}

static void a_secret_of_bytes_that_are_no_text_is_refused(void **state)
{
    (void)state;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/ORTHANC__A", config_fixture_folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite("a\0b", 1, 3, out), 3);
    assert_int_equal(fclose(out), 0);
    assert_null(load_secrets(NULL));
    assert_int_equal(config_fixture_error.status, PACS_INVALID);
    assert_non_null(strstr(config_fixture_error.text, "zero byte"));
}

static void json_files_among_the_secrets_override_files_but_not_variables(void **state)
{
    (void)state;
    const char *const environment[] = {"ORTHANC__C=3", NULL};
    (void)config_fixture_file("users.json", "{\"RegisteredUsers\": {\"a\": \"b\"}, \"B\": 2, \"C\": 2}");
    char *other = temporary_folder_new();
    assert_non_null(other);
    char path[300];
    (void)snprintf(path, sizeof path, "%s/main.json", other);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs("{\"A\": 1, \"B\": 1, \"C\": 1}", out) >= 0);
    assert_int_equal(fclose(out), 0);

    const char *paths[] = {path};
    PACS_AUTO(PacsConfig)
    config = config_fixture_load(&(PacsConfigInput){.paths = paths,
                                                    .path_count = 1,
                                                    .environment = environment,
                                                    .secrets_folder = config_fixture_folder});
    temporary_folder_free(other);
    assert_config_number(config, "A", 1);
    assert_config_number(config, "B", 2);
    assert_config_number(config, "C", 3);
    assert_config_text(config, "RegisteredUsers.a", "b");
}

static void a_missing_folder_of_secrets_is_none(void **state)
{
    (void)state;
    PACS_AUTO(PacsConfig)
    config = config_fixture_load(&(PacsConfigInput){.secrets_folder = "/no/such/folder"});
    assert_non_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_variable_sets_what_its_name_says, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(special_spellings_are_known, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_name_that_is_none_is_refused, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_name_of_too_many_levels_is_refused, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(values_that_are_json_count_as_json, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_number_can_be_a_password, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_value_that_nests_too_deep_is_only_a_string, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_value_that_is_no_utf8_is_refused, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(variables_override_files, config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(an_object_from_a_variable_is_merged, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(the_more_precise_variable_counts_in_whatever_order,
                                        config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_whole_document_may_come_from_a_variable, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_mistake_in_that_document_is_told_with_its_line, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_secret_file_counts_as_its_variable_and_wins, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_variable_may_name_the_file_of_its_secret, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_setting_may_be_called_secret, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_named_secret_that_is_missing_is_not_found, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_named_secret_stays_within_the_folder, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_secret_of_bytes_that_are_no_text_is_refused, config_fixture_make,
                                        config_fixture_remove),
        cmocka_unit_test_setup_teardown(json_files_among_the_secrets_override_files_but_not_variables,
                                        config_fixture_make, config_fixture_remove),
        cmocka_unit_test_setup_teardown(a_missing_folder_of_secrets_is_none, config_fixture_make,
                                        config_fixture_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
