#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/dicom/identity.h"

/* DummyCT.dcm of Orthanc's tests. */
static const PacsIdentity dummy_ct = {
    .patient_id = {"ozp00SjY2xG", 11},
    .study_instance_uid = {"1.2.840.113619.2.176.2025.1499492.7391.1171285944.390", 53},
    .series_instance_uid = {"1.2.840.113619.2.176.2025.1499492.7391.1171285944.394", 53},
    .sop_instance_uid = {"1.2.840.113619.2.176.2025.1499492.7040.1171286242.109", 53},
};

static void assert_id(const PacsIdentity *identity, PacsLevel level, const char *expected)
{
    char id[PACS_ORTHANC_ID_SIZE];
    assert_int_equal(pacs_orthanc_id(identity, level, id, NULL), PACS_OK);
    assert_string_equal(id, expected);
    assert_true(pacs_orthanc_id_valid(pacs_slice(id)));
}

static void ids_are_orthancs(void **state)
{
    (void)state;
    assert_id(&dummy_ct, PACS_LEVEL_PATIENT, "6816cb19-844d5aee-85245eba-28e841e6-2414fae2");
    assert_id(&dummy_ct, PACS_LEVEL_STUDY, "b9c08539-26f93bde-c81ab0d7-bffaf2cb-a4d0bdd0");
    assert_id(&dummy_ct, PACS_LEVEL_SERIES, "f2635388-f01d497a-15f7c06b-ad7dba06-c4c599fe");
    assert_id(&dummy_ct, PACS_LEVEL_INSTANCE, "66a662ce-7430e543-bad44d47-0dc5a943-ec7a538d");
}

static void padding_makes_no_difference(void **state)
{
    (void)state;
    PacsIdentity padded = dummy_ct;
    padded.patient_id = PACS_SLICE("ozp00SjY2xG \0");
    padded.study_instance_uid = PACS_SLICE("1.2.840.113619.2.176.2025.1499492.7391.1171285944.390\0");
    assert_id(&padded, PACS_LEVEL_STUDY, "b9c08539-26f93bde-c81ab0d7-bffaf2cb-a4d0bdd0");
}

static void spaces_in_front_of_a_patient_id_make_another_patient(void **state)
{
    (void)state;
    PacsIdentity padded = {.patient_id = PACS_SLICE(" PADDED")};
    char id[PACS_ORTHANC_ID_SIZE], plain[PACS_ORTHANC_ID_SIZE];

    assert_int_equal(pacs_orthanc_id(&padded, PACS_LEVEL_PATIENT, id, NULL), PACS_OK);
    padded.patient_id = PACS_SLICE("PADDED");
    assert_int_equal(pacs_orthanc_id(&padded, PACS_LEVEL_PATIENT, plain, NULL), PACS_OK);
    assert_string_not_equal(id, plain);
}

static void a_missing_patient_id_counts_as_empty(void **state)
{
    (void)state;
    PacsIdentity identity = dummy_ct;
    identity.patient_id = (PacsSlice){NULL, 0};
    assert_id(&identity, PACS_LEVEL_PATIENT,
              "da39a3ee-5e6b4b0d-3255bfef-95601890-afd80709"); /* SHA-1 of "" */
}

static void a_missing_uid_is_refused_where_it_is_needed(void **state)
{
    (void)state;
    char id[PACS_ORTHANC_ID_SIZE] = "untouched";
    PacsError err = {0};
    PacsIdentity identity = dummy_ct;
    identity.series_instance_uid = PACS_SLICE(" \0");
    assert_int_equal(pacs_orthanc_id(&identity, PACS_LEVEL_STUDY, id, &err), PACS_OK);
    assert_int_equal(pacs_orthanc_id(&identity, PACS_LEVEL_SERIES, id, &err), PACS_INVALID);
    assert_string_equal(err.text, "Series Instance UID is missing");
    assert_int_equal(pacs_orthanc_id(&identity, PACS_LEVEL_INSTANCE, id, &err), PACS_INVALID);
    assert_string_equal(id, "b9c08539-26f93bde-c81ab0d7-bffaf2cb-a4d0bdd0"); /* of the one that succeeded */
}

static void form_of_ids_is_checked(void **state)
{
    (void)state;
    assert_true(pacs_orthanc_id_valid(PACS_SLICE("66a662ce-7430e543-bad44d47-0dc5a943-ec7a538d")));
    assert_false(pacs_orthanc_id_valid(PACS_SLICE("66A662CE-7430e543-bad44d47-0dc5a943-ec7a538d")));
    assert_false(pacs_orthanc_id_valid(PACS_SLICE("66a662ce-7430e543-bad44d47-0dc5a943-ec7a538")));
    assert_false(pacs_orthanc_id_valid(PACS_SLICE("66a662ce-7430e543-bad44d47-0dc5a943-ec7a538d0")));
    assert_false(pacs_orthanc_id_valid(PACS_SLICE("66a662ce07430e543-bad44d47-0dc5a943-ec7a538d")));
    assert_false(pacs_orthanc_id_valid(PACS_SLICE("66a662ce-7430e543-bad44d47-0dc5a943-ec7a538g")));
    assert_false(pacs_orthanc_id_valid(PACS_SLICE("")));
}

static void levels_have_orthancs_names(void **state)
{
    (void)state;
    assert_string_equal(pacs_level_name(PACS_LEVEL_PATIENT), "Patient");
    assert_string_equal(pacs_level_name(PACS_LEVEL_INSTANCE), "Instance");
}

/* Keywords of a level's tags, joined by ";". */
static void join_keywords(PacsLevel level, char *out, size_t size)
{
    size_t count;
    const PacsTag *tags = pacs_main_tags(level, &count);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || tags[i - 1] < tags[i]);
        assert_true(pacs_main_tags_contain(level, tags[i]));
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", i ? ";" : "", pacs_dictionary_keyword(tags[i]));
    }
}

static void main_tags_are_orthancs_in_tag_order(void **state)
{
    (void)state;
    char joined[2048];
    join_keywords(PACS_LEVEL_PATIENT, joined, sizeof joined);
    assert_string_equal(joined, "PatientName;PatientID;PatientBirthDate;PatientSex;OtherPatientIDs");
    join_keywords(PACS_LEVEL_STUDY, joined, sizeof joined);
    assert_string_equal(joined, "StudyDate;StudyTime;AccessionNumber;InstitutionName;ReferringPhysicianName;"
                                "TimezoneOffsetFromUTC;StudyDescription;StudyInstanceUID;StudyID;"
                                "RequestingPhysician;RequestedProcedureDescription");
    join_keywords(PACS_LEVEL_SERIES, joined, sizeof joined);
    assert_string_equal(joined,
                        "SeriesDate;SeriesTime;Modality;Manufacturer;TimezoneOffsetFromUTC;StationName;"
                        "SeriesDescription;OperatorsName;ContrastBolusAgent;BodyPartExamined;SequenceName;"
                        "ProtocolName;CardiacNumberOfImages;AcquisitionDeviceProcessingDescription;"
                        "SeriesInstanceUID;SeriesNumber;ImageOrientationPatient;NumberOfTemporalPositions;"
                        "ImagesInAcquisition;PerformedProcedureStepStartDate;PerformedProcedureStepStartTime;"
                        "PerformedProcedureStepDescription;RequestAttributesSequence;NumberOfSlices;"
                        "NumberOfTimeSlices;SeriesType");
    join_keywords(PACS_LEVEL_INSTANCE, joined, sizeof joined);
    assert_string_equal(joined, "InstanceCreationDate;InstanceCreationTime;SOPInstanceUID;AcquisitionNumber;"
                                "InstanceNumber;ImagePositionPatient;ImageOrientationPatient;"
                                "TemporalPositionIdentifier;ImageComments;NumberOfFrames;ImageIndex");
    assert_false(pacs_main_tags_contain(PACS_LEVEL_PATIENT, PACS_TAG_STUDY_DATE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_orthancs),
        cmocka_unit_test(padding_makes_no_difference),
        cmocka_unit_test(spaces_in_front_of_a_patient_id_make_another_patient),
        cmocka_unit_test(a_missing_patient_id_counts_as_empty),
        cmocka_unit_test(a_missing_uid_is_refused_where_it_is_needed),
        cmocka_unit_test(form_of_ids_is_checked),
        cmocka_unit_test(levels_have_orthancs_names),
        cmocka_unit_test(main_tags_are_orthancs_in_tag_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
