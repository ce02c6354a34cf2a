#include "pacs/settings.h"

#include <stddef.h>

#define FIELD(name) offsetof(PacsSettings, name)
#define TEXT(key, field, value, help)                                                                        \
    {                                                                                                        \
        key, PACS_SETTING_TEXT, FIELD(field), value, 0, 0, NULL, help                                        \
    }
#define BOOL(key, field, value, help)                                                                        \
    {                                                                                                        \
        key, PACS_SETTING_BOOL, FIELD(field), value, 0, 0, NULL, help                                        \
    }
#define NUMBER(key, field, value, min, max, help)                                                            \
    {                                                                                                        \
        key, PACS_SETTING_NUMBER, FIELD(field), value, min, max, NULL, help                                  \
    }
#define JSON(key, field, value, help)                                                                        \
    {                                                                                                        \
        key, PACS_SETTING_JSON, FIELD(field), value, 0, 0, NULL, help                                        \
    }
#define SECTION(title, row_key, kind_, field, value, help)                                                   \
    {                                                                                                        \
        row_key, kind_, FIELD(field), value, 0, 0, title, help                                               \
    }

/* One row, one setting. */
const PacsSetting pacs_settings_table[] = {
    SECTION("General", "Name", PACS_SETTING_TEXT, name, "\"Lightbox\"",
            "The name of this server, shown by /system."),
    TEXT(
        "StorageDirectory", storage_directory, "\"lightbox-data\"",
        "Folder of the stored objects, and of the index unless IndexDirectory says otherwise. A relative path\n"
        "counts from the folder of the configuration file. With no configuration at all: $LIGHTBOX_DATA, or\n"
        "./lightbox-data."),
    TEXT(
        "IndexDirectory", index_directory, "\"\"",
        "Folder of the index (SQLite). Put it on the faster disk if there are two. Empty: StorageDirectory."),
    TEXT(
        "TemporaryDirectory", temporary_directory, "\"\"",
        "Folder of what has to wait while a request is still arriving (bulk data of STOW-RS); nothing in it outlives\n"
        "its request. Empty: StorageDirectory."),
    NUMBER(
        "StorageMinimumFreeMB", storage_minimum_free_mb, "512", 0, 1u << 30,
        "New objects are refused (C-STORE 0xA700, HTTP 507) while the disk has less free space than this, so\n"
        "that reading, deleting and the index go on working."),
    BOOL(
        "StorageWriteCached", storage_write_cached, "false",
        "Let objects pass through the page cache when they are stored. Reading them right afterwards is quicker\n"
        "then (disks that turn), storing costs more processor time."),
    BOOL("ReadOnly", read_only, "false", "Refuse everything that changes data, and open no DICOM port."),
    NUMBER(
        "StableAge", stable_age_s, "60", 1, UINT64_C(30) * 86400,
        "Seconds without a new instance after which a patient, study or series is stable and `study.arrived`\n"
        "is published."),
    JSON(
        "OverwriteInstances", overwrite_instances, "false",
        "What a second object with the same identity does: \"Never\" (or false) keeps the first, \"Always\" (or\n"
        "true) keeps the newest, \"IfChanged\" replaces only if the bytes differ."),
    JSON(
        "ExtraMainDicomTags", extra_main_dicom_tags, "{}",
        "Tags to index beside the main ones: {\"Patient\": [], \"Study\": [\"ProcedureCodeSequence\"], \"Series\": [],\n"
        "\"Instance\": []}. Applies to objects stored from now on."),

    TEXT(
        "IngestTranscoding", ingest_transcoding, "\"\"",
        "Transfer syntax that objects are stored in, whatever they come in: \"1.2.840.10008.1.2.4.80\". What cannot be\n"
        "converted without loss stays as it came. Empty: everything is stored bit for bit."),
    BOOL("IngestTranscodingOfUncompressed", ingest_transcoding_of_uncompressed, "true",
         "Whether that holds for what comes uncompressed."),
    BOOL("IngestTranscodingOfCompressed", ingest_transcoding_of_compressed, "true",
         "Whether that holds for what comes compressed."),
    NUMBER("DicomLossyTranscodingQuality", dicom_lossy_transcoding_quality, "90", 1, 100,
           "Quality of lossy objects that are asked for (/instances/{id}/file?transcode=...)."),

    SECTION("HTTP", "HttpServerEnabled", PACS_SETTING_BOOL, http_server_enabled, "true",
            "Open the HTTP port."),
    NUMBER("HttpPort", http_port, "8042", 0, 65535, "Port of the REST API. 0 picks a free one and logs it."),
    JSON("HttpBindAddresses", http_bind_addresses, "[]",
         "Addresses to listen on. Empty: all if RemoteAccessAllowed, else loopback."),
    NUMBER("HttpThreadsCount", http_threads_count, "50", 1, 1000,
           "Most requests that may wait for the disk or the index at once (uploads, deletions)."),
    BOOL("RemoteAccessAllowed", remote_access_allowed, "false",
         "Whether other machines may use the REST API. Otherwise they get 403."),
    JSON("AuthenticationEnabled", authentication_enabled, "null",
         "HTTP basic authentication. null: on if RemoteAccessAllowed or if users are registered."),
    JSON("RegisteredUsers", registered_users, "{}", "Names and passwords: {\"alice\": \"secret\"}."),
    BOOL("HttpDescribeErrors", http_describe_errors, "true",
         "Whether error answers have a body that explains."),
    BOOL("HttpCompressionEnabled", http_compression_enabled, "true",
         "Whether JSON and text leave as gzip for clients that take it."),
    JSON(
        "HttpCorsOrigins", http_cors_origins, "[]",
        "Pages from elsewhere that may use this server in a browser (CORS): [\"https://viewer.example.org\"], or\n"
        "[\"*\"] for all, then without credentials."),
    NUMBER("KeepAliveTimeout", keep_alive_timeout_s, "75", 1, 3600,
           "Seconds an idle HTTP connection is kept. Longer than the proxy's in front, which is usually 60."),

    JSON(
        "DicomWeb", dicom_web, "{}",
        "DICOMweb: {\"Enable\": true, \"Root\": \"/dicom-web/\", \"EnableWado\": true, \"WadoRoot\": \"/wado\",\n"
        "\"PublicRoot\": \"\"}. PublicRoot is what URLs in answers begin with where a proxy changes paths or\n"
        "hosts: a path or a whole URL."),
    JSON(
        "Transcode", transcode, "{}",
        "Frames and pictures made on the way out: {\"Workers\": 0, \"Waiting\": 0, \"CacheDirectory\": \"\",\n"
        "\"CacheMB\": 4096, \"MemoryMB\": 64, \"DecodeTimeout\": 30, \"DecodeMemoryMB\": 2048}. Workers 0: one for\n"
        "each core. Waiting 0: 64 for each worker; beyond, requests get 503. CacheDirectory empty: a folder of\n"
        "StorageDirectory; CacheMB 0 keeps nothing on disk. DecodeTimeout in seconds, for one frame.\n"
        "\"Prepare\": {\"TransferSyntax\": \"1.2.840.10008.1.2.4.202\", \"MinimumFrameKB\": 1024} makes large frames of what\n"
        "arrives ready in that transfer syntax; \"Thumbnails\": false leaves those of stable series to who asks first."),
    TEXT(
        "Compat", compat, "\"orthanc\"",
        "Where Orthanc and the DICOMweb standard differ: \"orthanc\" does as Orthanc, \"strict\" as PS3.18 says."),

    SECTION("DICOM", "DicomServerEnabled", PACS_SETTING_BOOL, dicom_server_enabled, "true",
            "Open the DICOM port."),
    TEXT("DicomAet", dicom_aet, "\"LIGHTBOX\"", "Application entity title of this server."),
    NUMBER("DicomPort", dicom_port, "4242", 0, 65535,
           "Port for C-ECHO and C-STORE. 0 picks a free one and logs it."),
    TEXT("DicomBindAddress", dicom_bind_address, "\"\"",
         "Address to listen on. Empty: all if a configuration was given, loopback if not."),
    BOOL("DicomCheckCalledAet", dicom_check_called_aet, "false",
         "Refuse associations that call another title than DicomAet."),
    BOOL("StrictAetComparison", strict_aet_comparison, "false",
         "Whether application entity titles that differ in case are different."),
    BOOL("DicomCheckModalityHost", dicom_check_modality_host, "false",
         "Refuse known modalities that call from another host than DicomModalities says."),
    BOOL("DicomAlwaysAllowEcho", dicom_always_allow_echo, "true",
         "C-ECHO from anybody, not only DicomModalities."),
    BOOL("DicomAlwaysAllowStore", dicom_always_allow_store, "true",
         "C-STORE from anybody, not only DicomModalities."),
    JSON(
        "DicomModalities", dicom_modalities, "{}",
        "Known peers: {\"ct1\": [\"CT1\", \"10.0.0.7\", 104]} or {\"ct1\": {\"AET\": \"CT1\", \"Host\": \"10.0.0.7\", \"Port\": 104,\n"
        "\"AllowEcho\": true, \"AllowStore\": true}}."),
    BOOL("UnknownSopClassAccepted", unknown_sop_class_accepted, "false",
         "Store objects of SOP classes that DICOM does not define (private ones)."),
    JSON("AcceptedTransferSyntaxes", accepted_transfer_syntaxes, "[\"1.2.840.10008.1.*\"]",
         "Transfer syntaxes that C-STORE accepts; * and ? are wildcards."),
    JSON("AcceptedSopClasses", accepted_sop_classes, "[]",
         "Storage SOP classes that C-STORE accepts. Empty: all that DICOM defines."),
    JSON("RejectedSopClasses", rejected_sop_classes, "[]",
         "Storage SOP classes that C-STORE refuses, though AcceptedSopClasses would have them."),
    NUMBER("DicomScpTimeout", dicom_scp_timeout_s, "30", 0, 86400,
           "Seconds of silence after which an association is aborted. 0: never."),
    NUMBER("DicomArtimTimeout", dicom_artim_timeout_s, "10", 1, 3600,
           "Seconds a peer has to request an association, or to close after one (PS3.8 9.1.5)."),
    NUMBER(
        "MaximumPduLength", maximum_pdu_length, "131072", 4096, 1048576,
        "Largest PDU offered to peers, in bytes. 16384, as usual elsewhere, costs up to two thirds of the speed."),
    NUMBER("DicomMaximumAssociations", dicom_maximum_associations, "100", 1, 10000,
           "More at once are refused with \"local limit exceeded\", which senders retry."),

    SECTION(
        "Events", "Events", PACS_SETTING_JSON, events, "{}",
        "What happens to studies, told to others: {\"Source\": \"/lightbox/NAME\", \"PublicRoot\": \"\", \"ViewerUrl\": \"\",\n"
        "\"RetentionDays\": 14, \"LogSink\": \"\", \"ContentMode\": \"binary\", \"PhiFields\": [], \"Lanes\": [],\n"
        "\"MaxOutboxRows\": 5000000, \"MaxOutboxAgeSeconds\": 604800}. LogSink: a file of JSON lines, - for standard\n"
        "output. ContentMode: how CloudEvents are written, or {TOPIC: how}. PhiFields: what of the patient is in events\n"
        "beside UIDs and numbers. Lanes: [{\"Lane\": \"vip\", \"CallingAet\": [\"CT1*\"], \"CalledAet\": [], \"Modality\": [],\n"
        "\"Tags\": {TAG: [VALUE]}}], normal, vip, svip1 or svip2; the first that matches a study's first instance.\n"
        "With \"Kafka\": {\"Brokers\": \"host:9092\", \"ClientId\": \"lightbox\", \"SecurityProtocol\": \"PLAINTEXT\",\n"
        "\"SaslMechanism\": \"SCRAM-SHA-512\", \"SaslUsername\": \"\", \"SaslPassword\": \"\", \"CaLocation\": \"\",\n"
        "\"CertificateLocation\": \"\", \"KeyLocation\": \"\", \"TopicPrefix\": \"\", \"Partitions\": 0, \"ReplicationFactor\": 0,\n"
        "\"MinInsyncReplicas\": 0, \"DeliveryTimeout\": 120, \"Properties\": {}} they go to Kafka (`lightbox topics ensure`\n"
        "makes its topics; 0: as the table of topics says). While more than MaxOutboxRows wait, or one for longer than\n"
        "MaxOutboxAgeSeconds, new objects are refused for the time being; 0: never."),

    SECTION("Operation", "LogLevel", PACS_SETTING_TEXT, log_level, "\"info\"",
            "trace, debug, info, warning or error."),
    TEXT("LogFormat", log_format, "\"text\"",
         "text for people, json for collectors. One record a line, on standard error."),
    NUMBER("ShutdownTimeout", shutdown_timeout_s, "60", 0, 3600,
           "Seconds that running associations and requests get to finish after SIGTERM."),
};
/* clang-format on */

const size_t pacs_settings_count = sizeof pacs_settings_table / sizeof pacs_settings_table[0];

const char *const pacs_settings_without_effect[] = {
    "StorageCompression",
    "MaximumStorageSize",
    "MaximumPatientCount",
    "MaximumStorageMode",
    "MaximumStorageCacheSize",
    "LuaScripts",
    "LuaHeartBeatPeriod",
    "Plugins",
    "ConcurrentJobs",
    "JobsHistorySize",
    "SaveJobs",
    "HttpsVerifyPeers",
    "HttpsCACertificates",
    "HttpTimeout",
    "HttpProxy",
    "HttpVerbose",
    "SslEnabled",
    "SslCertificate",
    "SslVerifyPeers",
    "SslTrustedClientCertificates",
    "SslMinimumProtocolVersion",
    "SslCiphersAccepted",
    "WebDavEnabled",
    "WebDavDeleteAllowed",
    "WebDavUploadAllowed",
    "KeepAlive",
    "TcpNoDelay",
    "HttpRequestTimeout",
    "DicomModalitiesInDatabase",
    "OrthancPeers",
    "OrthancPeersInDatabase",
    "DicomEchoChecksFind",
    "DicomAlwaysAllowFind",
    "DicomAlwaysAllowFindWorklist",
    "DicomAlwaysAllowGet",
    "DicomAlwaysAllowMove",
    "DicomScuTimeout",
    "DicomAssociationCloseDelay",
    "DicomThreadsCount",
    "DicomScuPreferredTransferSyntax",
    "DicomDefaultRetrieveMethod",
    "DicomTlsEnabled",
    "DicomTlsCertificate",
    "DicomTlsPrivateKey",
    "DicomTlsTrustedCertificates",
    "DicomTlsRemoteCertificateRequired",
    "DicomTlsMinimumProtocolVersion",
    "DicomTlsCiphersAccepted",
    "TranscodeDicomProtocol",
    "BuiltinDecoderTranscoderOrder",
    "DefaultEncoding",
    "CaseSensitivePN",
    "Dictionary",
    "ExternalDictionaries",
    "DefaultPrivateCreator",
    "UserMetadata",
    "UserContentType",
    "StorageAccessOnFind",
    "LimitFindResults",
    "LimitFindInstances",
    "LimitMainDicomTagsReconstructLevel",
    "CheckRevisions",
    "SynchronousCMove",
    "SynchronousZipStream",
    "ZipLoaderThreads",
    "QueryRetrieveSize",
    "StoreDicom",
    "StoreMD5ForAttachments",
    "SyncStorageArea",
    "LogExportedResources",
    "MetricsEnabled",
    "ExecuteLuaEnabled",
    "RestApiWriteToFileSystemEnabled",
    "MediaArchiveSize",
    "StorageCommitmentReportsSize",
    "DeidentifyLogs",
    "DeidentifyLogsDicomVersion",
    "MallocArenaMax",
    "LoadPrivateDictionary",
    "Locale",
    "DatabaseServerIdentifier",
    "Warnings",
    "PatientLevelEnabled",
    "Pkcs11",
    "PostgreSQL",
    "MySQL",
    "AwsS3Storage",
    "OHIF",
    "OrthancExplorer2",
    "Worklists",
    "Authorization",
    "Housekeeper",
    "DelayedDeletion",
    "ConcurrentJobsLimit",
    "MaximumRequestBodySizeMB",
    "MaximumFileSizeInArchiveMB",
    "ZipUseUtf8",
    "OverwriteInstancesMode",
    "Roles",
    NULL,
};
