#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"

static void strict_form_follows_ps3_5(void **state)
{
    (void)state;
    assert_true(pacs_uid_valid(PACS_SLICE("1.2.840.10008.1.2")));
    assert_true(pacs_uid_valid(PACS_SLICE("2.25.0")));
    assert_true(pacs_uid_valid(PACS_SLICE("1")));
    static const char *const wrong[] = {"",   ".",    "1.",  ".1",   "1..2", "1.02",
                                        "00", "1.2a", "1 2", "1.2 ", "-1.2", "1,2"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(pacs_uid_valid(pacs_slice(wrong[i])));
}

static void length_ends_at_64(void **state)
{
    (void)state;
    char uid[66];
    memset(uid, '1', sizeof uid);
    assert_true(pacs_uid_valid((PacsSlice){uid, 64}));
    assert_true(pacs_uid_acceptable((PacsSlice){uid, 64}));
    assert_false(pacs_uid_valid((PacsSlice){uid, 65}));
    assert_false(pacs_uid_acceptable((PacsSlice){uid, 65}));
}

static void lenient_form_takes_what_real_files_carry(void **state)
{
    (void)state;
    assert_true(pacs_uid_acceptable(PACS_SLICE("1.2.840.0001.5")));
    assert_true(pacs_uid_acceptable(PACS_SLICE("1.2.")));
    assert_false(pacs_uid_acceptable(PACS_SLICE("")));
    assert_false(pacs_uid_acceptable(PACS_SLICE("1.2/../etc")));
    assert_false(pacs_uid_acceptable(PACS_SLICE("1.2\0")));
    assert_false(pacs_uid_acceptable(PACS_SLICE("1.2\xb2")));
}

static void trim_takes_padding_off(void **state)
{
    (void)state;
    assert_true(pacs_slice_equal(pacs_uid_trim(PACS_SLICE("1.2.3\0")), "1.2.3"));
    assert_true(pacs_slice_equal(pacs_uid_trim(PACS_SLICE(" 1.2.3 \0 ")), "1.2.3"));
    assert_int_equal(pacs_uid_trim(PACS_SLICE(" \0\0")).size, 0);
    assert_int_equal(pacs_uid_trim((PacsSlice){NULL, 0}).size, 0);
}

static void every_registered_uid_is_found(void **state)
{
    (void)state;
    size_t count;
    const PacsUidEntry *entries = pacs_uid_transfer_syntaxes(&count);
    assert_true(count >= 62);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(entries[i - 1].uid, entries[i].uid) < 0);
        assert_true(pacs_uid_valid(pacs_slice(entries[i].uid)));
        assert_int_equal(entries[i].kind, PACS_UID_KIND_TRANSFER_SYNTAX);
        assert_ptr_equal(pacs_uid_find(pacs_slice(entries[i].uid)), &entries[i]);
        assert_ptr_equal(pacs_uid_find_transfer_syntax(pacs_slice(entries[i].uid)), &entries[i]);
    }
    entries = pacs_uid_others(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(entries[i - 1].uid, entries[i].uid) < 0);
        assert_ptr_equal(pacs_uid_find(pacs_slice(entries[i].uid)), &entries[i]);
        assert_null(pacs_uid_find_transfer_syntax(pacs_slice(entries[i].uid)));
    }
}

static void unknown_uids_are_not_found(void **state)
{
    (void)state;
    assert_null(pacs_uid_find(PACS_SLICE("")));
    assert_null(pacs_uid_find(PACS_SLICE("1.2.840.10008.1.2.4.999")));
    assert_null(pacs_uid_find(PACS_SLICE("1.2.840.10008.1.2.4")));
    assert_null(pacs_uid_find((PacsSlice){NULL, 0}));
    assert_string_equal(pacs_uid_find((PacsSlice){"1.2.840.10008.1.2.55", 19})->keyword, "RLELossless");
}

static uint32_t flags(const char *uid)
{
    const PacsUidEntry *entry = pacs_uid_find_transfer_syntax(pacs_slice(uid));
    assert_non_null(entry);
    return entry->flags;
}

static void transfer_syntaxes_say_how_the_data_set_is_coded(void **state)
{
    (void)state;
    assert_int_equal(flags(PACS_UID_IMPLICIT_LITTLE), 0);
    assert_int_equal(flags(PACS_UID_EXPLICIT_LITTLE), PACS_UID_EXPLICIT);
    assert_int_equal(flags(PACS_UID_DEFLATED_EXPLICIT_LITTLE), PACS_UID_EXPLICIT | PACS_UID_DEFLATED);
    assert_int_equal(flags(PACS_UID_EXPLICIT_BIG),
                     PACS_UID_RETIRED | PACS_UID_EXPLICIT | PACS_UID_BIG_ENDIAN);
    assert_int_equal(flags("1.2.840.10008.1.2.4.94"), PACS_UID_EXPLICIT | PACS_UID_REFERENCED);
    assert_int_equal(flags("1.2.840.10008.1.2.4.205"),
                     PACS_UID_EXPLICIT | PACS_UID_REFERENCED | PACS_UID_DEFLATED);
    assert_int_equal(flags("1.2.840.10008.1.2.7.1"), PACS_UID_EXPLICIT | PACS_UID_NO_DATA_SET);
}

static void encapsulated_syntaxes_say_whether_they_lose(void **state)
{
    (void)state;
    static const char *const lossless[] = {PACS_UID_ENCAPSULATED_EXPLICIT_LITTLE,
                                           PACS_UID_JPEG_LOSSLESS,
                                           PACS_UID_JPEG_LOSSLESS_SV1,
                                           PACS_UID_JPEG_LS_LOSSLESS,
                                           PACS_UID_JPEG_2000_LOSSLESS,
                                           PACS_UID_HTJ2K_LOSSLESS,
                                           PACS_UID_HTJ2K_LOSSLESS_RPCL,
                                           PACS_UID_RLE_LOSSLESS,
                                           PACS_UID_DEFLATED_FRAMES,
                                           "1.2.840.10008.1.2.4.92",
                                           "1.2.840.10008.1.2.4.110"};
    for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++)
        assert_int_equal(flags(lossless[i]), PACS_UID_EXPLICIT | PACS_UID_ENCAPSULATED);
    static const char *const lossy[] = {
        PACS_UID_JPEG_BASELINE,    PACS_UID_JPEG_EXTENDED,   PACS_UID_JPEG_LS_NEAR_LOSSLESS,
        PACS_UID_JPEG_2000,        PACS_UID_HTJ2K,           "1.2.840.10008.1.2.4.93",
        "1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.112"};
    for (size_t i = 0; i < sizeof lossy / sizeof lossy[0]; i++)
        assert_int_equal(flags(lossy[i]), PACS_UID_EXPLICIT | PACS_UID_ENCAPSULATED | PACS_UID_LOSSY);
    assert_int_equal(flags("1.2.840.10008.1.2.4.102.1"),
                     PACS_UID_EXPLICIT | PACS_UID_ENCAPSULATED | PACS_UID_LOSSY | PACS_UID_VIDEO);
    assert_int_equal(flags("1.2.840.10008.1.2.4.65"),
                     PACS_UID_RETIRED | PACS_UID_EXPLICIT | PACS_UID_ENCAPSULATED);
}

static void storage_classes_are_what_c_store_carries(void **state)
{
    (void)state;
    static const char *const storage[] = {
        "1.2.840.10008.5.1.4.1.1.2",     /* CT */
        "1.2.840.10008.5.1.4.1.1.6",     /* Ultrasound, retired */
        "1.2.840.10008.5.1.4.1.1.77.1",  /* VL Image - Trial, retired */
        "1.2.840.10008.5.1.4.1.1.88.67", /* Dose SR */
        "1.2.840.10008.5.1.4.1.1.104.1", /* Encapsulated PDF */
        "1.2.840.10008.5.1.4.1.1.66.7",  /* Label Map Segmentation, newer than the table */
        "1.2.840.10008.5.1.4.34.7",      /* RT Beams Delivery Instruction */
        "1.2.840.10008.5.1.4.1.1.501.1", /* DICOS CT */
        "1.2.840.10008.5.1.4.1.1.601.1", /* DICONDE Eddy Current */
        "1.2.840.10008.5.1.1.29",        /* Hardcopy Grayscale, retired */
    };
    for (size_t i = 0; i < sizeof storage / sizeof storage[0]; i++)
        assert_true(pacs_uid_is_storage(pacs_slice(storage[i])));

    static const char *const not_storage[] = {
        PACS_UID_VERIFICATION,
        "1.2.840.10008.1.20.1", /* Storage Commitment Push Model */
        "1.2.840.10008.1.20.2", /* Storage Commitment Pull Model */
        PACS_UID_MEDIA_STORAGE_DIRECTORY,
        "1.2.840.10008.4.2",               /* Storage Service Class */
        "1.2.840.10008.5.1.4.1.2.2.1",     /* Study Root FIND */
        "1.2.840.10008.5.1.4.1.1.201.1.1", /* Storage Management SOP Instance */
        "1.2.840.10008.5.1.4.31",          /* Modality Worklist */
        PACS_UID_EXPLICIT_LITTLE,
        "1.2.3",
    };
    for (size_t i = 0; i < sizeof not_storage / sizeof not_storage[0]; i++)
        assert_false(pacs_uid_is_storage(pacs_slice(not_storage[i])));
}

static void every_class_named_storage_is_storage_but_three(void **state)
{
    (void)state;
    size_t count;
    const PacsUidEntry *entries = pacs_uid_others(&count);
    int exceptions = 0;
    int non_patient = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].kind != PACS_UID_KIND_SOP_CLASS)
            assert_false(entries[i].flags & PACS_UID_STORAGE);
        else if (strstr(entries[i].name, "Storage") && !(entries[i].flags & PACS_UID_STORAGE))
            exceptions++;
        if (entries[i].flags & PACS_UID_NON_PATIENT)
            non_patient++;
    }
    assert_int_equal(exceptions, 3);  /* two Storage Commitments, Media Storage Directory */
    assert_int_equal(non_patient, 9); /* PS3.4 table GG.3-1 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_form_follows_ps3_5),
        cmocka_unit_test(length_ends_at_64),
        cmocka_unit_test(lenient_form_takes_what_real_files_carry),
        cmocka_unit_test(trim_takes_padding_off),
        cmocka_unit_test(every_registered_uid_is_found),
        cmocka_unit_test(unknown_uids_are_not_found),
        cmocka_unit_test(transfer_syntaxes_say_how_the_data_set_is_coded),
        cmocka_unit_test(encapsulated_syntaxes_say_whether_they_lose),
        cmocka_unit_test(storage_classes_are_what_c_store_carries),
        cmocka_unit_test(every_class_named_storage_is_storage_but_three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
