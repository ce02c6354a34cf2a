#include "pacs/dicom/identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/auto.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"

static const char *const level_names[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] = "Patient",
    [PACS_LEVEL_STUDY] = "Study",
    [PACS_LEVEL_SERIES] = "Series",
    [PACS_LEVEL_INSTANCE] = "Instance",
};

const char *pacs_level_name(PacsLevel level)
{
    assert((unsigned)level < PACS_LEVEL_COUNT);
    return level_names[level];
}

static const PacsTag patient_tags[] = {
    PACS_TAG_PATIENT_NAME, PACS_TAG_PATIENT_ID,        PACS_TAG_PATIENT_BIRTH_DATE,
    PACS_TAG_PATIENT_SEX,  PACS_TAG_OTHER_PATIENT_IDS,
};

static const PacsTag study_tags[] = {
    PACS_TAG_STUDY_DATE,
    PACS_TAG_STUDY_TIME,
    PACS_TAG_ACCESSION_NUMBER,
    PACS_TAG_INSTITUTION_NAME,
    PACS_TAG_REFERRING_PHYSICIAN_NAME,
    PACS_TAG_TIMEZONE_OFFSET_FROM_UTC,
    PACS_TAG_STUDY_DESCRIPTION,
    PACS_TAG_STUDY_INSTANCE_UID,
    PACS_TAG_STUDY_ID,
    PACS_TAG_REQUESTING_PHYSICIAN,
    PACS_TAG_REQUESTED_PROCEDURE_DESCRIPTION,
};

static const PacsTag series_tags[] = {
    PACS_TAG_SERIES_DATE,
    PACS_TAG_SERIES_TIME,
    PACS_TAG_MODALITY,
    PACS_TAG_MANUFACTURER,
    PACS_TAG_TIMEZONE_OFFSET_FROM_UTC,
    PACS_TAG_STATION_NAME,
    PACS_TAG_SERIES_DESCRIPTION,
    PACS_TAG_OPERATORS_NAME,
    PACS_TAG_CONTRAST_BOLUS_AGENT,
    PACS_TAG_BODY_PART_EXAMINED,
    PACS_TAG_SEQUENCE_NAME,
    PACS_TAG_PROTOCOL_NAME,
    PACS_TAG_CARDIAC_NUMBER_OF_IMAGES,
    PACS_TAG_ACQUISITION_DEVICE_PROCESSING_DESCRIPTION,
    PACS_TAG_SERIES_INSTANCE_UID,
    PACS_TAG_SERIES_NUMBER,
    PACS_TAG_IMAGE_ORIENTATION_PATIENT,
    PACS_TAG_NUMBER_OF_TEMPORAL_POSITIONS,
    PACS_TAG_IMAGES_IN_ACQUISITION,
    PACS_TAG_PERFORMED_PROCEDURE_STEP_START_DATE,
    PACS_TAG_PERFORMED_PROCEDURE_STEP_START_TIME,
    PACS_TAG_PERFORMED_PROCEDURE_STEP_DESCRIPTION,
    PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE,
    PACS_TAG_NUMBER_OF_SLICES,
    PACS_TAG_NUMBER_OF_TIME_SLICES,
    PACS_TAG_SERIES_TYPE,
};

static const PacsTag instance_tags[] = {
    PACS_TAG_INSTANCE_CREATION_DATE,
    PACS_TAG_INSTANCE_CREATION_TIME,
    PACS_TAG_SOP_INSTANCE_UID,
    PACS_TAG_ACQUISITION_NUMBER,
    PACS_TAG_INSTANCE_NUMBER,
    PACS_TAG_IMAGE_POSITION_PATIENT,
    PACS_TAG_IMAGE_ORIENTATION_PATIENT,
    PACS_TAG_TEMPORAL_POSITION_IDENTIFIER,
    PACS_TAG_IMAGE_COMMENTS,
    PACS_TAG_NUMBER_OF_FRAMES,
    PACS_TAG_IMAGE_INDEX,
};

#define LEVEL_TAGS(array)                                                                                    \
    {                                                                                                        \
        (array), sizeof(array) / sizeof((array)[0])                                                          \
    }

static const struct {
    const PacsTag *tags;
    size_t count;
} main_tags[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] = LEVEL_TAGS(patient_tags),
    [PACS_LEVEL_STUDY] = LEVEL_TAGS(study_tags),
    [PACS_LEVEL_SERIES] = LEVEL_TAGS(series_tags),
    [PACS_LEVEL_INSTANCE] = LEVEL_TAGS(instance_tags),
};

const PacsTag *pacs_main_tags(PacsLevel level, size_t *ret_count)
{
    assert((unsigned)level < PACS_LEVEL_COUNT);
    *ret_count = main_tags[level].count;
    return main_tags[level].tags;
}

bool pacs_main_tags_contain(PacsLevel level, PacsTag tag)
{
    size_t count;
    const PacsTag *tags = pacs_main_tags(level, &count);
    for (size_t i = 0; i < count; i++) {
        if (tags[i] == tag)
            return true;
    }
    return false;
}

static int compare_tags(const void *a, const void *b)
{
    PacsTag left = *(const PacsTag *)a;
    PacsTag right = *(const PacsTag *)b;
    return (left > right) - (left < right);
}

PacsStatus pacs_main_tags_signature(PacsLevel level, const PacsExtraTags *extra, PacsBuffer *out,
                                    PacsError *err)
{
    size_t count;
    const PacsTag *tags = pacs_main_tags(level, &count);
    PACS_AUTO_FREE PacsTag *all = reallocarray(NULL, count + extra->count[level], sizeof *all);
    if (!all)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu tags", count + extra->count[level]);
    memcpy(all, tags, count * sizeof *all);
    if (extra->count[level] > 0)
        memcpy(all + count, extra->tags[level], extra->count[level] * sizeof *all);
    count += extra->count[level];
    qsort(all, count, sizeof *all, compare_tags);
    for (size_t i = 0; i < count; i++) {
        char text[PACS_TAG_COMMA_SIZE];
        if (i > 0 && all[i] == all[i - 1])
            continue;
        pacs_tag_format_comma(all[i], text);
        (void)pacs_buffer_add_format(out, "%s%s", i == 0 ? "" : ";", text);
    }
    return pacs_buffer_check(out, err);
}

/* Padding of either kind at the end is lost before Orthanc hashes; spaces in front of a PatientID are not. */
static PacsSlice strip(PacsSlice value)
{
    while (value.size && (value.text[value.size - 1] == '\0' || value.text[value.size - 1] == ' '))
        value.size--;
    return value;
}

static const char *const uid_names[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_STUDY] = "Study Instance UID",
    [PACS_LEVEL_SERIES] = "Series Instance UID",
    [PACS_LEVEL_INSTANCE] = "SOP Instance UID",
};

static PacsStatus join_identity(const PacsIdentity *identity, PacsLevel level, PacsBuffer *out,
                                PacsError *err)
{
    const PacsSlice parts[PACS_LEVEL_COUNT] = {identity->patient_id, identity->study_instance_uid,
                                               identity->series_instance_uid, identity->sop_instance_uid};
    for (int i = PACS_LEVEL_PATIENT; i <= (int)level; i++) {
        PacsSlice part = strip(parts[i]);
        if (i > PACS_LEVEL_PATIENT) {
            if (part.size == 0)
                return pacs_fail(err, PACS_INVALID, "%s is missing", uid_names[i]);
            (void)pacs_buffer_add_char(out, '|'); /* checked once, at the end */
        }
        (void)pacs_buffer_add(out, part.text, part.size);
    }
    return pacs_buffer_check(out, err);
}

void pacs_orthanc_id_format(const uint8_t digest[PACS_ORTHANC_ID_BYTES], char ret_id[PACS_ORTHANC_ID_SIZE])
{
    const size_t group_bytes = 4; /* eight digits between two dashes */

    for (size_t at = 0; at < PACS_ORTHANC_ID_BYTES; at += group_bytes) {
        char *group = ret_id + at * 2 + at / group_bytes;
        pacs_hex_format(digest + at, group_bytes, group);
        group[group_bytes * 2] = '-';
    }
    ret_id[PACS_ORTHANC_ID_SIZE - 1] = '\0'; /* in place of the last dash */
}

PacsStatus pacs_orthanc_id(const PacsIdentity *identity, PacsLevel level, char ret_id[PACS_ORTHANC_ID_SIZE],
                           PacsError *err)
{
    assert((unsigned)level < PACS_LEVEL_COUNT);
    PACS_AUTO_BUFFER PacsBuffer joined = PACS_BUFFER(4 * PACS_MAX_MAIN_TAG_VALUE + 4);
    PacsStatus status = join_identity(identity, level, &joined, err);
    if (status)
        return status;

    uint8_t digest[PACS_SHA1_SIZE];
    status = pacs_sha1(pacs_buffer_text(&joined), joined.size, digest, err);
    if (status)
        return status;
    pacs_orthanc_id_format(digest, ret_id);
    return PACS_OK;
}

bool pacs_orthanc_id_valid(PacsSlice id)
{
    if (id.size != PACS_ORTHANC_ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < id.size; i++) {
        char c = id.text[i];
        if (i % 9 == 8 ? c != '-' : (c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
    }
    return true;
}
