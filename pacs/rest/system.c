#include "pacs/rest/rest_private.h"

#include <stdio.h>

#include "pacs/dicom/tag.h"

/* The Orthanc whose API this is; clients decide by these what they may ask. */
#define ORTHANC_API_VERSION 31
#define ORTHANC_VERSION "1.13.0"

#define SIGNATURE_MAX (8u << 10) /* 10 bytes for each of some 40 tags and those that are configured */

static const char *const overwrite_names[] = {[PACS_OVERWRITE_NEVER] = "Never",
                                              [PACS_OVERWRITE_ALWAYS] = "Always",
                                              [PACS_OVERWRITE_IF_CHANGED] = "IfChanged"};

static void write_signature(PacsJson *json, const PacsRestOptions *options, PacsLevel level)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(SIGNATURE_MAX);

    pacs_ignore(pacs_main_tags_signature(level, &options->extra_tags, &text, NULL)); /* cut short at worst */
    pacs_json_member_string(json, pacs_level_name(level), pacs_buffer_text(&text));
}

static void write_capabilities(PacsJson *json)
{
    pacs_json_key(json, "Capabilities");
    pacs_json_object_begin(json);
    pacs_json_member_bool(json, "HasExtendedChanges", true);
    pacs_json_member_bool(json, "HasExtendedFind", false);
    pacs_json_member_bool(json, "HasKeyValueStores", false);
    pacs_json_member_bool(json, "HasQueues", false);
    pacs_json_member_bool(json, "HasReserveQueueValue", false);
    pacs_json_object_end(json);
}

static void write_main_tags(PacsJson *json, const PacsRestOptions *options)
{
    pacs_json_key(json, "MainDicomTags");
    pacs_json_object_begin(json);
    write_signature(json, options, PACS_LEVEL_INSTANCE);
    write_signature(json, options, PACS_LEVEL_PATIENT);
    write_signature(json, options, PACS_LEVEL_SERIES);
    write_signature(json, options, PACS_LEVEL_STUDY);
    pacs_json_object_end(json);
}

void rest_system(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    const PacsRestOptions *options = &rest->options;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(64u << 10);
    PacsJson json;

    pacs_json_init(&json, &body, true);
    pacs_json_object_begin(&json);
    pacs_json_member_u64(&json, "ApiVersion", ORTHANC_API_VERSION);
    write_capabilities(&json);
    pacs_json_member_bool(&json, "CheckRevisions", false);
    pacs_json_member_null(&json, "DatabaseBackendPlugin");
    pacs_json_member_string(&json, "DatabaseServerIdentifier", "");
    pacs_json_member_u64(&json, "DatabaseVersion", pacs_index_schema_version(rest->index));
    pacs_json_member_string(&json, "DicomAet", options->dicom_aet);
    pacs_json_member_u64(&json, "DicomPort", options->dicom_port);
    pacs_json_member_bool(&json, "HasLabels", false); /* until their routes are here: clients ask by this */
    pacs_json_member_u64(&json, "HttpPort", options->http_port);
    pacs_json_member_string(&json, "IngestTranscoding",
                            options->ingest_transcoding ? options->ingest_transcoding : "");
    pacs_json_member_bool(&json, "IsHttpServerSecure", options->http_secure);
    pacs_json_member_string(&json, "LightboxVersion", PACS_VERSION);
    write_main_tags(&json, options);
    pacs_json_member_u64(&json, "MaximumPatientCount", 0);
    pacs_json_member_string(&json, "MaximumStorageMode", "Reject");
    pacs_json_member_u64(&json, "MaximumStorageSize", options->maximum_storage_size_mb);
    pacs_json_member_string(&json, "Name", options->name);
    pacs_json_member_bool(&json, "OverwriteInstances", options->overwrite != PACS_OVERWRITE_NEVER);
    pacs_json_member_string(&json, "OverwriteInstancesMode", overwrite_names[options->overwrite]);
    pacs_json_member_bool(&json, "PatientLevelEnabled", true);
    pacs_json_member_bool(&json, "PluginsEnabled", false);
    pacs_json_member_bool(&json, "ReadOnly", options->read_only);
    pacs_json_member_null(&json, "StorageAreaPlugin");
    pacs_json_member_bool(&json, "StorageCompression", false);
    pacs_json_member_bool(&json, "StoreMD5ForAttachments", false);
    pacs_json_key(&json, "UserMetadata");
    pacs_json_object_begin(&json);
    pacs_json_object_end(&json);
    pacs_json_member_string(&json, "Version", ORTHANC_VERSION);
    pacs_json_object_end(&json);
    rest_reply_json(rest, request, reply, &body);
}

static void write_size(PacsJson *json, const char *key, const char *key_mb, uint64_t bytes)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
    pacs_json_member_string(json, key, text); /* a string, because JavaScript's numbers end at 2^53 */
    pacs_json_member_u64(json, key_mb, bytes >> 20);
}

void rest_statistics(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    PacsStatistics statistics;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    PacsJson json;

    if (pacs_index_statistics(rest->index, &statistics, &err) != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    pacs_json_object_begin(&json);
    pacs_json_member_u64(&json, "CountInstances", statistics.instances);
    pacs_json_member_u64(&json, "CountPatients", statistics.patients);
    pacs_json_member_u64(&json, "CountSeries", statistics.series);
    pacs_json_member_u64(&json, "CountStudies", statistics.studies);
    write_size(&json, "TotalDiskSize", "TotalDiskSizeMB", statistics.size_bytes);
    write_size(&json, "TotalUncompressedSize", "TotalUncompressedSizeMB", statistics.uncompressed_bytes);
    pacs_json_object_end(&json);
    rest_reply_json(rest, request, reply, &body);
}
