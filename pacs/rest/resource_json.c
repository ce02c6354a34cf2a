#include "pacs/rest/resource_json.h"

#include <stdio.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/rest/rest_private.h"
#include "pacs/util/clock.h"

PacsOrthancTagFormat rest_tag_format(const PacsHttpRequest *request, PacsOrthancTagFormat standard)
{
    if (rest_query_flag(request, "simplify"))
        return PACS_ORTHANC_TAGS_SIMPLE;
    if (rest_query_flag(request, "short"))
        return PACS_ORTHANC_TAGS_SHORT;
    return rest_query_flag(request, "full") ? PACS_ORTHANC_TAGS_FULL : standard;
}

static void write_tag(PacsJson *json, const PacsTagValue *tag, PacsOrthancTagFormat format)
{
    const char *keyword = pacs_dictionary_keyword(tag->tag);
    char digits[16];

    if (pacs_dictionary_vr(tag->tag) == PACS_VR_SQ) {
        const PacsOrthancTagsOptions options = {.format = format};
        /* Ours, and whole when it was kept: what is damaged since ends where the damage is. */
        pacs_ignore(pacs_orthanc_tags_write_element(json, tag->tag, pacs_slice(tag->value), &options, NULL));
        return;
    }

    (void)snprintf(digits, sizeof digits, "%04x,%04x", tag->tag >> 16, tag->tag & 0xFFFF);
    if (format != PACS_ORTHANC_TAGS_FULL) {
        bool named = format == PACS_ORTHANC_TAGS_SIMPLE && keyword[0];
        pacs_json_member_string(json, named ? keyword : digits, tag->value);
        return;
    }
    pacs_json_key(json, digits);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "Name", keyword);
    pacs_json_member_string(json, "Type", "String");
    pacs_json_member_string(json, "Value", tag->value);
    pacs_json_object_end(json);
}

static void write_tags(PacsJson *json, const char *key, const PacsTagValue *tags, size_t count,
                       PacsOrthancTagFormat format)
{
    pacs_json_key(json, key);
    pacs_json_object_begin(json);
    for (size_t i = 0; i < count; i++)
        write_tag(json, &tags[i], format);
    pacs_json_object_end(json);
}

static void write_strings(PacsJson *json, const char *key, const char *const *items, size_t count)
{
    pacs_json_key(json, key);
    pacs_json_array_begin(json);
    for (size_t i = 0; i < count; i++)
        pacs_json_string(json, items[i]);
    pacs_json_array_end(json);
}

static void write_number_or_null(PacsJson *json, const char *key, int64_t value)
{
    if (value < 0)
        pacs_json_member_null(json, key);
    else
        pacs_json_member_i64(json, key, value);
}

static void write_last_update(PacsJson *json, const PacsResource *resource)
{
    char date[16];

    pacs_time_format_orthanc(resource->last_update_ms, date);
    pacs_json_member_string(json, "LastUpdate", date);
}

static const char *series_status(const PacsResource *series)
{
    if (series->expected_instances < 0)
        return "Unknown";
    uint64_t expected = (uint64_t)series->expected_instances;
    if (series->instance_count == expected)
        return "Complete";
    return series->instance_count < expected ? "Missing" : "Inconsistent";
}

static void write_patient(PacsJson *json, const PacsResource *resource, PacsOrthancTagFormat format)
{
    pacs_json_member_string(json, "ID", resource->id);
    pacs_json_member_bool(json, "IsProtected", resource->is_protected);
    pacs_json_member_bool(json, "IsStable", resource->is_stable);
    write_strings(json, "Labels", resource->labels, resource->label_count);
    write_last_update(json, resource);
    write_tags(json, "MainDicomTags", resource->tags, resource->tag_count, format);
    write_strings(json, "Studies", resource->child_ids, resource->child_count);
}

static void write_study(PacsJson *json, const PacsResource *resource, PacsOrthancTagFormat format)
{
    pacs_json_member_string(json, "ID", resource->id);
    pacs_json_member_bool(json, "IsStable", resource->is_stable);
    write_strings(json, "Labels", resource->labels, resource->label_count);
    write_last_update(json, resource);
    write_tags(json, "MainDicomTags", resource->tags, resource->tag_count, format);
    pacs_json_member_string(json, "ParentPatient", resource->parent_id);
    write_tags(json, "PatientMainDicomTags", resource->patient_tags, resource->patient_tag_count, format);
    write_strings(json, "Series", resource->child_ids, resource->child_count);
}

static void write_series(PacsJson *json, const PacsResource *resource, PacsOrthancTagFormat format)
{
    write_number_or_null(json, "ExpectedNumberOfInstances", resource->expected_instances);
    pacs_json_member_string(json, "ID", resource->id);
    write_strings(json, "Instances", resource->child_ids, resource->child_count);
    pacs_json_member_bool(json, "IsStable", resource->is_stable);
    write_strings(json, "Labels", resource->labels, resource->label_count);
    write_last_update(json, resource);
    write_tags(json, "MainDicomTags", resource->tags, resource->tag_count, format);
    pacs_json_member_string(json, "ParentStudy", resource->parent_id);
    pacs_json_member_string(json, "Status", series_status(resource));
}

/** The store's key in the form of a UUID, which is what Orthanc's is. */
static void write_file_uuid(PacsJson *json, const PacsKey *key)
{
    char hex[PACS_KEY_HEX + 1];
    char uuid[40];

    pacs_key_format(key, hex);
    (void)snprintf(uuid, sizeof uuid, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
    pacs_json_member_string(json, "FileUuid", uuid);
}

static void write_instance(PacsJson *json, const PacsResource *resource, PacsOrthancTagFormat format)
{
    pacs_json_member_u64(json, "FileSize", resource->size_bytes);
    write_file_uuid(json, &resource->object_key);
    pacs_json_member_string(json, "ID", resource->id);
    write_number_or_null(json, "IndexInSeries", resource->index_in_series);
    write_strings(json, "Labels", resource->labels, resource->label_count);
    write_tags(json, "MainDicomTags", resource->tags, resource->tag_count, format);
    pacs_json_member_string(json, "ParentSeries", resource->parent_id);
}

void rest_write_resource(PacsJson *json, const PacsResource *resource, PacsOrthancTagFormat format)
{
    static void (*const writers[])(PacsJson *, const PacsResource *, PacsOrthancTagFormat) = {
        [PACS_LEVEL_PATIENT] = write_patient,
        [PACS_LEVEL_STUDY] = write_study,
        [PACS_LEVEL_SERIES] = write_series,
        [PACS_LEVEL_INSTANCE] = write_instance,
    };

    pacs_json_object_begin(json);
    writers[resource->level](json, resource, format);
    pacs_json_member_string(json, "Type", pacs_level_name(resource->level));
    pacs_json_object_end(json);
}

void rest_write_reference(PacsJson *json, PacsLevel level, const char *id)
{
    char path[80];

    (void)snprintf(path, sizeof path, "/%s/%s", rest_level_path(level), id);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "ID", id);
    pacs_json_member_string(json, "Path", path);
    pacs_json_member_string(json, "Type", pacs_level_name(level));
    pacs_json_object_end(json);
}
