#include "tests/support/indexed_object.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "pacs/util/clock.h"

static PacsKey next_key(void)
{
    static _Atomic uint64_t last = 1;
    uint64_t number = atomic_fetch_add(&last, 1);
    PacsKey key = {{0}};
    for (size_t i = 0; i < sizeof number; i++)
        key.bytes[sizeof key.bytes - 1 - i] = (uint8_t)(number >> (8 * i));
    return key;
}

void indexed_object_set(IndexedObject *object, PacsLevel level, PacsTag tag, const char *value)
{
    PacsTagValue *tags = object->tags[level];
    size_t *count = &object->instance.tag_count[level];
    size_t at = 0;
    while (at < *count && tags[at].tag < tag)
        at++;
    const bool is_there = at < *count && tags[at].tag == tag;
    if (!value) {
        if (is_there)
            memmove(&tags[at], &tags[at + 1], (--*count - at) * sizeof *tags);
        return;
    }
    if (!is_there) {
        assert(*count < INDEXED_OBJECT_TAGS);
        memmove(&tags[at + 1], &tags[at], (*count - at) * sizeof *tags);
        ++*count;
    }
    tags[at] = (PacsTagValue){tag, value};
}

static void set_texts(IndexedObject *object, unsigned patient, unsigned study, unsigned series,
                      unsigned instance)
{
    (void)snprintf(object->patient_id, sizeof object->patient_id, "P%u", patient);
    (void)snprintf(object->patient_name, sizeof object->patient_name, "Nguyễn^Văn%u", patient);
    (void)snprintf(object->uids[0], sizeof object->uids[0], "1.2.840.%u", study);
    (void)snprintf(object->uids[1], sizeof object->uids[1], "1.2.840.%u.%u", study, series);
    (void)snprintf(object->uids[2], sizeof object->uids[2], "1.2.840.%u.%u.%u", study, series, instance);
    (void)snprintf(object->number, sizeof object->number, "%u", instance);
    (void)snprintf(object->json, sizeof object->json, "compressed %s", object->uids[2]);
}

static void set_tags(IndexedObject *object)
{
    indexed_object_set(object, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_ID, object->patient_id);
    indexed_object_set(object, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME, object->patient_name);
    indexed_object_set(object, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_BIRTH_DATE, "19700102");
    indexed_object_set(object, PACS_LEVEL_STUDY, PACS_TAG_STUDY_INSTANCE_UID, object->uids[0]);
    indexed_object_set(object, PACS_LEVEL_STUDY, PACS_TAG_STUDY_DATE, "20261121");
    indexed_object_set(object, PACS_LEVEL_STUDY, PACS_TAG_STUDY_TIME, "064700");
    indexed_object_set(object, PACS_LEVEL_STUDY, PACS_TAG_ACCESSION_NUMBER, "A123");
    indexed_object_set(object, PACS_LEVEL_STUDY, PACS_TAG_STUDY_DESCRIPTION, "Thorax of somebody");
    indexed_object_set(object, PACS_LEVEL_STUDY, PACS_TAG_REFERRING_PHYSICIAN_NAME, "Müller^Jörg");
    indexed_object_set(object, PACS_LEVEL_SERIES, PACS_TAG_SERIES_INSTANCE_UID, object->uids[1]);
    indexed_object_set(object, PACS_LEVEL_SERIES, PACS_TAG_MODALITY, "CT");
    indexed_object_set(object, PACS_LEVEL_SERIES, PACS_TAG_SERIES_NUMBER, "2");
    indexed_object_set(object, PACS_LEVEL_SERIES, PACS_TAG_BODY_PART_EXAMINED, "CHEST");
    indexed_object_set(object, PACS_LEVEL_INSTANCE, PACS_TAG_SOP_INSTANCE_UID, object->uids[2]);
    indexed_object_set(object, PACS_LEVEL_INSTANCE, PACS_TAG_INSTANCE_NUMBER, object->number);
}

void indexed_object_init(IndexedObject *object, unsigned patient, unsigned study, unsigned series,
                         unsigned instance)
{
    memset(object, 0, sizeof *object);
    set_texts(object, patient, study, series, instance);
    object->origin = (PacsOrigin){.door = PACS_ORIGIN_DICOM,
                                  .remote_ip = "192.0.2.7",
                                  .calling_aet = "CT_ROOM",
                                  .called_aet = "LIGHTBOX"};
    object->instance = (PacsInstance){
        .patient_id = object->patient_id,
        .study_instance_uid = object->uids[0],
        .series_instance_uid = object->uids[1],
        .sop_instance_uid = object->uids[2],
        .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
        .transfer_syntax_uid = "1.2.840.10008.1.2.1",
        .pixels =
            {.rows = 2, .columns = 3, .number_of_frames = 1, .samples_per_pixel = 1, .bits_allocated = 16},
        .has_pixel_data = true,
        .pixel_data_tag = PACS_TAG_PIXEL_DATA,
        .pixel_data_vr = PACS_VR_OW,
        .pixel_data_offset = 900,
        .dataset_offset = 300,
        .size_bytes = 1000,
    };
    for (int level = 0; level < 4; level++)
        object->instance.tags[level] = object->tags[level];
    set_tags(object);
    object->add = (PacsIndexAdd){
        .instance = &object->instance,
        .origin = &object->origin,
        .key = next_key(),
        .blobs = {.json_deflate = object->json,
                  .json_deflate_size = strlen(object->json),
                  .json_size = 4000,
                  .json_crc32 = 0xCAFEBABE,
                  .frame_table = "frames",
                  .frame_table_size = 6},
        .overwrite = PACS_OVERWRITE_NEVER,
        .received_ms = pacs_now_ms(),
    };
    memset(object->add.sha256, (int)instance & 0xFF, sizeof object->add.sha256);
}
