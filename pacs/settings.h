#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/config.h"
#include "pacs/util/status.h"

/**
 * Every setting this server knows, typed and checked. The table in settings_table.c is the whole truth: the
 * key, its type, its default, its range and the words that `lightbox --config=FILE` writes above it.
 */
typedef struct PacsSettings {
    const char *name;
    const char *storage_directory;
    const char *index_directory;     /* "" for the storage directory */
    const char *temporary_directory; /* "" for the storage directory */
    uint64_t storage_minimum_free_mb;
    bool storage_write_cached;
    bool read_only;

    bool http_server_enabled;
    uint64_t http_port;
    const json_t *http_bind_addresses;
    uint64_t http_threads_count;
    bool remote_access_allowed;
    const json_t *authentication_enabled; /* null: where remote access is allowed or users are registered */
    const json_t *registered_users;
    bool http_describe_errors;
    bool http_compression_enabled;
    const json_t *http_cors_origins;
    uint64_t keep_alive_timeout_s;

    const json_t *dicom_web; /* Orthanc's section: Enable, Root, EnableWado, WadoRoot, PublicRoot */
    const json_t
        *transcode; /* Workers, Waiting, CacheDirectory, CacheMB, MemoryMB, DecodeTimeout, DecodeMemoryMB */
    const char *compat; /* "orthanc", "strict" */

    bool dicom_server_enabled;
    const char *dicom_aet;
    uint64_t dicom_port;
    const char *dicom_bind_address;
    bool dicom_check_called_aet;
    bool strict_aet_comparison;
    bool dicom_check_modality_host;
    bool dicom_always_allow_echo;
    bool dicom_always_allow_store;
    const json_t *dicom_modalities;
    bool unknown_sop_class_accepted;
    const json_t *accepted_transfer_syntaxes;
    const json_t *accepted_sop_classes;
    const json_t *rejected_sop_classes;
    uint64_t dicom_scp_timeout_s;
    uint64_t dicom_artim_timeout_s;
    uint64_t maximum_pdu_length;
    uint64_t dicom_maximum_associations;

    uint64_t stable_age_s;
    const json_t *overwrite_instances; /* bool or "Never", "Always", "IfChanged" */
    const json_t *extra_main_dicom_tags;
    const char *ingest_transcoding; /* a transfer syntax; "" for none */
    bool ingest_transcoding_of_uncompressed;
    bool ingest_transcoding_of_compressed;
    uint64_t dicom_lossy_transcoding_quality;

    const json_t *events;     /* read by events/relay/settings.h, from `config` */
    const PacsConfig *config; /* what all of this was read from: borrowed */

    const char *log_level;
    const char *log_format;
    uint64_t shutdown_timeout_s;
} PacsSettings;

typedef enum PacsSettingKind {
    PACS_SETTING_TEXT,
    PACS_SETTING_BOOL,
    PACS_SETTING_NUMBER,
    PACS_SETTING_JSON
} PacsSettingKind;

typedef struct PacsSetting {
    const char *key;
    PacsSettingKind kind;
    size_t offset;            /* of the field in PacsSettings */
    const char *default_json; /* as it would stand in a file */
    uint64_t min, max;        /* numbers */
    const char *section;      /* heading in the default file; NULL: same as the row above */
    const char *help;
} PacsSetting;

extern const PacsSetting pacs_settings_table[];
extern const size_t pacs_settings_count;

/** Orthanc's keys that mean nothing here yet: accepted, with a warning that says so. Ends with NULL. */
extern const char *const pacs_settings_without_effect[];

/**
 * Fill every field from the configuration, defaults where it is silent. Texts and JSON are borrowed from
 * the configuration or are static; keep both it and `defaults` alive. `warn` gets a line per unknown or
 * ineffective key and may be NULL.
 *
 * Errors: PACS_INVALID naming the key.
 */
typedef struct PacsSettingsDefaults PacsSettingsDefaults; /* the parsed defaults of the JSON-valued keys */
void pacs_settings_defaults_free(PacsSettingsDefaults *defaults);
PACS_DEFINE_AUTO(PacsSettingsDefaults, pacs_settings_defaults_free);

PACS_CHECKED PacsStatus pacs_settings_read(const PacsConfig *config, PacsSettings *ret_settings,
                                           PacsSettingsDefaults **ret_defaults,
                                           void (*warn)(const char *key, const char *text), PacsError *err);

/** The commented default configuration into a file ("-": standard output); false, with a line on standard
 *  error, if it cannot be written. An existing file is not touched. */
bool pacs_settings_write_default_file(const char *path);
