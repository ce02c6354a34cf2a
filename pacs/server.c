#include "pacs/server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "dicomweb/dicomweb.h"
#include "events/relay/log_sink.h"
#include "events/relay/relay.h"
#include "pacs/dimse/server.h"
#include "pacs/http/http_server.h"
#include "pacs/lifecycle/lifecycle.h"
#include "pacs/lifecycle/prepare.h"
#include "pacs/rest/rest.h"
#include "pacs/server_options.h"
#include "pacs/util/arena.h"
#include "pacs/util/log.h"

#define OPTIONS_ARENA_MAX (16u << 20) /* a configuration file cannot be larger */
#define INDEX_LOG_BYTES (20u << 20)   /* what the log has grown to when it begins anew */
#define LOOPBACK "127.0.0.1"
#define EVENTS_FLUSH_MS 5000u /* what still waits when we stop; the rest is sent after the next start */

struct PacsServer {
    PacsArena *arena; /* options made from the settings */
    char *folder;     /* of objects; and of the index, unless it has its own */
    const char *temporary_folder;
    uint64_t shutdown_timeout_ms;
    EventsSettings events;

    /* From the bottom up: freed in the opposite order. */
    PacsMetrics *metrics;
    PacsMetric *free_bytes;
    PacsBlocks *blocks;
    PacsHttpSiteOptions access; /* who may ask over HTTP */
    PacsExtraTags extra_tags;
    PacsStore *store;
    PacsIndex *index;
    TranscodeService *transcode;
    PacsIngest *ingest;
    PacsRetrieve *retrieve;
    PacsLifecycle *lifecycle;
    PacsPreparer *preparer;  /* NULL: nothing is prepared */
    EventsRelay *relay;      /* NULL: events do not go to Kafka */
    EventsLogSink *log_sink; /* NULL: nor to a file */
    PacsRest *rest;
    Dicomweb *dicomweb; /* NULL: not served */
    PacsHttpServer *http;
    PacsDimseServer *dimse;
};

/* ---- Events ---- */

static void warn_of_key(const char *key, const char *text)
{
    PACS_LOG(PACS_LOG_WARNING, "config", "key-ignored", PACS_F_TEXT("key", key), PACS_F_TEXT("reason", text));
}

/** URLs in events are whole ones: of the section, or of DICOMweb where that is known to be reached by one. */
static PacsStatus read_events(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    const char *root = json_string_value(json_object_get(settings->dicom_web, "PublicRoot"));
    PacsStatus status = events_settings_read(settings->config, settings->name, server->arena, &server->events,
                                             warn_of_key, err);

    if (status == PACS_OK && !server->events.public_root[0] && root && strncmp(root, "http", 4) == 0)
        server->events.public_root = root;
    return status;
}

static PacsStatus read_phi_fields(const PacsServer *server, PacsPhiFields *ret_fields, PacsError *err)
{
    const EventsTextList *names = &server->events.phi_fields;

    return pacs_phi_fields_parse(names->items, names->count, ret_fields, err);
}

/** Who is told first; borrowed from our arena. */
static void set_lanes(const PacsServer *server, PacsIngestOptions *ingest)
{
    ingest->lanes = server->events.lanes;
    ingest->lane_count = server->events.lane_count;
}

/** Without a relay events are only kept: none of them waits for anybody. */
static void limit_backlog(const PacsServer *server, PacsIngestOptions *ingest)
{
    if (!events_settings_has_kafka(&server->events))
        return;
    ingest->max_outbox_rows = server->events.max_outbox_rows;
    ingest->max_outbox_age_s = server->events.max_outbox_age_s;
}

/* ---- Folders ---- */

/** A relative folder counts from the configuration's folder; with no configuration, from where we stand. */
static const char *resolve_folder(PacsArena *arena, const char *folder, const char *config_path)
{
    const char *slash = config_path ? strrchr(config_path, '/') : NULL;
    struct stat info;

    if (folder[0] == '/' || !config_path)
        return folder;
    if (stat(config_path, &info) == 0 && S_ISDIR(info.st_mode))
        return pacs_arena_printf(arena, "%s/%s", config_path, folder);
    return slash ? pacs_arena_printf(arena, "%.*s/%s", (int)(slash - config_path), config_path, folder)
                 : folder;
}

static const char *storage_folder(const PacsSettings *settings, PacsArena *arena, const char *config_path)
{
    const char *given = getenv("LIGHTBOX_DATA");

    if (!config_path && given && given[0])
        return given;
    return resolve_folder(arena, settings->storage_directory, config_path);
}

static PacsStatus make_folder(const char *path, PacsError *err)
{
    if (!path)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to start");
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot make the folder '%s': %s", path, strerror(errno));
    return PACS_OK;
}

/* ---- Where events go ---- */

static PacsStatus open_relay(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    const EventsRelayOptions options = {.settings = &server->events};

    if (settings->read_only || !events_settings_has_kafka(&server->events))
        return PACS_OK;
    return events_relay_new(&options, server->index, server->metrics, &server->relay, err);
}

static PacsStatus open_log_sink(PacsServer *server, const PacsSettings *settings, const char *config_path,
                                PacsError *err)
{
    const char *path = server->events.log_sink;

    if (settings->read_only || !path[0])
        return PACS_OK;
    if (strcmp(path, "-") != 0)
        path = resolve_folder(server->arena, path, config_path);
    return path ? events_log_sink_new(&server->events, path, server->index, server->metrics,
                                      &server->log_sink, err)
                : pacs_fail(err, PACS_NO_MEMORY, "no memory to start");
}

/* ---- From the bottom up ---- */

static void measure_free_space(void *context)
{
    PacsServer *server = context;
    struct statvfs space;

    if (statvfs(server->folder, &space) == 0)
        pacs_metric_set(server->free_bytes, (int64_t)((uint64_t)space.f_bavail * space.f_frsize));
}

static PacsStatus open_metrics(PacsServer *server, PacsError *err)
{
    server->metrics = pacs_metrics_new();
    if (!server->metrics)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metrics");
    server->free_bytes = pacs_metric(pacs_metrics_family(server->metrics, PACS_GAUGE,
                                                         "imaging_disk_free_bytes",
                                                         "Free space where objects are stored.", NULL),
                                     NULL);
    pacs_metrics_on_collect(server->metrics, measure_free_space, server);
    return PACS_OK;
}

static PacsStatus open_back_ends(PacsServer *server, const PacsSettings *settings, const char *config_path,
                                 PacsError *err)
{
    const char *storage = storage_folder(settings, server->arena, config_path);
    const char *index = settings->index_directory[0]
                            ? resolve_folder(server->arena, settings->index_directory, config_path)
                            : storage;
    const char *temporary = settings->temporary_directory[0]
                                ? resolve_folder(server->arena, settings->temporary_directory, config_path)
                                : storage;

    PacsStatus status = make_folder(storage, err);
    if (status == PACS_OK)
        status = make_folder(temporary, err);
    if (status == PACS_OK)
        status = make_folder(index, err);
    PacsPhiFields phi_fields = 0;
    if (status == PACS_OK)
        status = read_phi_fields(server, &phi_fields, err);
    if (status != PACS_OK)
        return status;

    server->folder = strdup(storage);
    server->temporary_folder = pacs_arena_strdup(server->arena, temporary);
    PacsStoreFsOptions store_options = {.root = storage,
                                        .min_free_bytes = settings->storage_minimum_free_mb << 20,
                                        .write_cached = settings->storage_write_cached,
                                        .blocks = server->blocks};
    PacsIndexSqliteOptions index_options = {
        .path = pacs_arena_printf(server->arena, "%s/index.sqlite", index),
        .log_bytes = INDEX_LOG_BYTES,
        .extra_tags = server->extra_tags,
        .phi_fields = phi_fields};
    if (!server->folder || !server->temporary_folder || !index_options.path)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to start");
    status = pacs_store_fs_open(&store_options, server->metrics, &server->store, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_open(&index_options, server->metrics, &server->index, err);
    return status;
}

static PacsStatus open_transcode(PacsServer *server, const PacsSettings *settings, const char *config_path,
                                 PacsError *err)
{
    TranscodeServiceOptions options;

    PacsStatus status = pacs_options_transcode(settings, &options, err);
    options.helper = "/proc/self/exe"; /* pacs/main.c */
    if (status == PACS_OK && options.cache_folder) {
        options.cache_folder = options.cache_folder[0]
                                   ? resolve_folder(server->arena, options.cache_folder, config_path)
                                   : pacs_arena_printf(server->arena, "%s/transcoded", server->folder);
        status = make_folder(options.cache_folder, err);
    }
    return status == PACS_OK ? transcode_service_new(&options, server->metrics, &server->transcode, err)
                             : status;
}

/** What both the HTTP server and /system go by. */
static PacsStatus read_access(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    PacsHttpSiteOptions *access = &server->access;

    *access = (PacsHttpSiteOptions){.remote_access_allowed = settings->remote_access_allowed,
                                    .read_only = settings->read_only,
                                    .metrics = server->metrics,
                                    .blocks = server->blocks};
    const PacsStatus status = pacs_options_users(settings, server->arena, &access->users, &access->user_count,
                                                 err);
    return status == PACS_OK
               ? pacs_options_authentication(settings, access->user_count, &access->authentication, err)
               : status;
}

static PacsStatus sweep(PacsServer *server, PacsError *err)
{
    uint64_t removed = 0;

    PacsStatus status = pacs_ingest_sweep(server->ingest, &removed, err);
    if (status == PACS_OK && removed > 0)
        PACS_LOG(PACS_LOG_INFO, "server", "swept", PACS_F_U64("objects", removed));
    return status;
}

/** Metadata is made ready where DICOMweb gives it out. */
static PacsStatus find_metadata_root(PacsServer *server, const PacsSettings *settings, const char **ret_root,
                                     PacsError *err)
{
    DicomwebOptions options = {0};
    bool on = false;

    PacsStatus status = pacs_options_dicomweb(settings, server->arena, &on, &options, err);
    if (status != PACS_OK || !on)
        return status;
    *ret_root = dicomweb_configured_path(&options, server->arena);
    return *ret_root ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory to start");
}

static PacsStatus open_preparer(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    PacsPrepareOptions options;

    PacsStatus status = pacs_options_prepare(settings, &options, err);
    if (status != PACS_OK || !(options.transfer_syntax_uid || options.makes_thumbnails))
        return status;
    return pacs_preparer_new(&options, server->retrieve, server->index, server->metrics, &server->preparer,
                             err);
}

static PacsStatus open_ways(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    PacsIngestOptions options = {.read_only = settings->read_only};
    memcpy(options.extra_tags, server->extra_tags.tags, sizeof options.extra_tags);
    memcpy(options.extra_tag_count, server->extra_tags.count, sizeof options.extra_tag_count);
    limit_backlog(server, &options);
    set_lanes(server, &options);
    PacsLifecycleOptions lifecycle = {.stable_age_s = (uint32_t)settings->stable_age_s,
                                      .event_retention_days = (uint32_t)server->events.retention_days,
                                      .events_are_sent = events_settings_has_kafka(&server->events)};

    PacsStatus status = find_metadata_root(server, settings, &lifecycle.metadata_root, err);
    if (status == PACS_OK)
        status = pacs_options_overwrite(settings, &options.overwrite, err);
    if (status == PACS_OK)
        status = pacs_options_ingest_transcoding(settings, &options, err);
    if (status == PACS_OK)
        status = pacs_ingest_new(&options, server->store, server->index, server->metrics, &server->ingest,
                                 err);
    if (status == PACS_OK)
        status = pacs_retrieve_new(server->store, server->index, &server->retrieve, err);
    if (status == PACS_OK) {
        pacs_ingest_set_transcode(server->ingest, server->transcode);
        pacs_retrieve_set_transcode(server->retrieve, server->transcode);
        status = sweep(server, err);
    }
    if (status == PACS_OK)
        status = pacs_lifecycle_new(&lifecycle, server->index, server->ingest, server->metrics,
                                    &server->lifecycle, err);
    if (status == PACS_OK)
        status = open_preparer(server, settings, err);
    if (status != PACS_OK)
        return status;

    PacsRestOptions rest = {.name = settings->name,
                            .dicom_aet = settings->dicom_aet,
                            .overwrite = options.overwrite,
                            .ingest_transcoding = settings->ingest_transcoding,
                            .lossy_quality = (uint32_t)settings->dicom_lossy_transcoding_quality,
                            .extra_tags = server->extra_tags,
                            .events = {.source = server->events.source,
                                       .public_root = server->events.public_root,
                                       .viewer_url = server->events.viewer_url},
                            .http_secure = !server->access.remote_access_allowed ||
                                           server->access.authentication,
                            .read_only = settings->read_only,
                            .describe_errors = settings->http_describe_errors};
    return pacs_rest_new(&rest, server->ingest, server->retrieve, server->index, server->store,
                         server->metrics, &server->rest, err);
}

static PacsStatus open_dicomweb(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    DicomwebOptions options = {0};
    bool on = false;

    PacsStatus status = pacs_options_dicomweb(settings, server->arena, &on, &options, err);
    options.temporary_directory = server->temporary_folder;
    if (status != PACS_OK || !on)
        return status;
    status = dicomweb_new(&options, server->ingest, server->retrieve, server->index, server->metrics,
                          &server->dicomweb, err);
    if (status == PACS_OK)
        status = pacs_http_server_mount(server->http, dicomweb_mount(server->dicomweb), err);
    if (status == PACS_OK && dicomweb_wado_mount(server->dicomweb))
        status = pacs_http_server_mount(server->http, dicomweb_wado_mount(server->dicomweb), err);
    return status;
}

static PacsStatus open_http(PacsServer *server, const PacsSettings *settings, PacsError *err)
{
    static const char *const everywhere[] = {"0.0.0.0", "::"};
    PacsTextList addresses, origins;
    PacsHttpServerOptions options = {.site = server->access,
                                     .port = (uint16_t)settings->http_port,
                                     .pool_threads = settings->http_threads_count,
                                     .keep_alive_ms = (uint32_t)settings->keep_alive_timeout_s * 1000};

    PacsStatus status = pacs_options_text_list(settings->http_bind_addresses, "HttpBindAddresses",
                                               server->arena, &addresses, err);
    if (status != PACS_OK)
        return status;

    status = pacs_options_text_list(settings->http_cors_origins, "HttpCorsOrigins", server->arena, &origins,
                                    err);
    if (status != PACS_OK)
        return status;
    options.site.compresses = settings->http_compression_enabled;
    options.site.cors_origins = origins.items;
    options.site.cors_origin_count = origins.count;
    options.addresses = addresses.items;
    options.address_count = addresses.count;
    if (addresses.count == 0 && settings->remote_access_allowed) {
        options.addresses = everywhere;
        options.address_count = 2;
    }
    status = pacs_http_server_open(&options, &server->http, err);
    if (status == PACS_OK)
        status = pacs_http_server_mount(server->http, pacs_rest_mount(server->rest), err);
    return status == PACS_OK ? open_dicomweb(server, settings, err) : status;
}

static PacsStatus open_dimse(PacsServer *server, const PacsSettings *settings, bool configured,
                             PacsError *err)
{
    PacsDimseOptions options = pacs_dimse_default_options();

    options.aet = settings->dicom_aet;
    options.port = (uint16_t)settings->dicom_port;
    options.bind_host = settings->dicom_bind_address[0] ? settings->dicom_bind_address
                        : configured                    ? NULL
                                                        : LOOPBACK;
    options.check_called_aet = settings->dicom_check_called_aet;
    options.strict_aet_comparison = settings->strict_aet_comparison;
    options.check_modality_host = settings->dicom_check_modality_host;
    options.always_allow_echo = settings->dicom_always_allow_echo;
    options.always_allow_store = settings->dicom_always_allow_store;
    options.unknown_sop_class_accepted = settings->unknown_sop_class_accepted;
    options.max_pdu_bytes = (uint32_t)settings->maximum_pdu_length;
    options.artim_timeout_ms = (uint32_t)settings->dicom_artim_timeout_s * 1000;
    options.idle_timeout_ms = (uint32_t)settings->dicom_scp_timeout_s * 1000;
    options.max_associations = (uint32_t)settings->dicom_maximum_associations;

    PacsStatus status = pacs_options_modalities(settings, server->arena, &options.modalities,
                                                &options.modality_count, err);
    if (status == PACS_OK)
        status = pacs_options_text_list(settings->accepted_transfer_syntaxes, "AcceptedTransferSyntaxes",
                                        server->arena, &options.accepted_transfer_syntaxes, err);
    if (status == PACS_OK)
        status = pacs_options_text_list(settings->accepted_sop_classes, "AcceptedSopClasses", server->arena,
                                        &options.accepted_sop_classes, err);
    if (status == PACS_OK)
        status = pacs_options_text_list(settings->rejected_sop_classes, "RejectedSopClasses", server->arena,
                                        &options.rejected_sop_classes, err);
    return status == PACS_OK ? pacs_dimse_open(&options, server->ingest, server->metrics, &server->dimse, err)
                             : status;
}

/** The doors last: whoever gets in finds everything behind them in place. */
static PacsStatus open_doors(PacsServer *server, const PacsSettings *settings, bool configured,
                             PacsError *err)
{
    PacsStatus status = PACS_OK;

    if (settings->http_server_enabled)
        status = open_http(server, settings, err);
    if (status == PACS_OK && settings->dicom_server_enabled && !settings->read_only)
        status = open_dimse(server, settings, configured, err);
    if (status != PACS_OK)
        return status;

    uint16_t dicom_port = server->dimse ? pacs_dimse_port(server->dimse) : 0;
    uint16_t http_port = server->http ? pacs_http_server_port(server->http) : 0;
    pacs_rest_set_ports(server->rest, dicom_port, http_port);
    if (server->http)
        status = pacs_http_server_start(server->http, err);
    if (status == PACS_OK)
        PACS_LOG(PACS_LOG_INFO, "server", "started", PACS_F_TEXT("version", PACS_VERSION),
                 PACS_F_U64("http_port", http_port), PACS_F_U64("dicom_port", dicom_port),
                 PACS_F_TEXT("dicom_aet", settings->dicom_aet),
                 PACS_F_TEXT("store", pacs_store_name(server->store)),
                 PACS_F_TEXT("index", pacs_index_name(server->index)), PACS_F_TEXT("folder", server->folder));
    return status;
}

PacsStatus pacs_server_start(const PacsSettings *settings, const char *config_path, PacsServer **ret_server,
                             PacsError *err)
{
    PacsServer *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to start");
    fresh->shutdown_timeout_ms = settings->shutdown_timeout_s * 1000;

    PACS_AUTO(PacsServer) server = fresh;
    server->arena = pacs_arena_new(OPTIONS_ARENA_MAX);
    if (!server->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to start");

    PacsStatus status = open_metrics(server, err);
    if (status == PACS_OK)
        status = pacs_blocks_new(&server->blocks, err);
    if (status == PACS_OK)
        status = read_access(server, settings, err);
    if (status == PACS_OK)
        status = read_events(server, settings, err);
    if (status == PACS_OK)
        status = pacs_options_extra_tags(settings, server->arena, server->extra_tags.tags,
                                         server->extra_tags.count, err);
    if (status == PACS_OK)
        status = open_back_ends(server, settings, config_path, err);
    if (status == PACS_OK)
        status = open_transcode(server, settings, config_path, err);
    if (status == PACS_OK)
        status = open_ways(server, settings, err);
    if (status == PACS_OK)
        status = open_relay(server, settings, err);
    if (status == PACS_OK)
        status = open_log_sink(server, settings, config_path, err);
    if (status == PACS_OK)
        status = open_doors(server, settings, config_path != NULL, err);
    if (status != PACS_OK)
        return status;
    *ret_server = PACS_STEAL(server);
    return PACS_OK;
}

void pacs_server_stop(PacsServer *server)
{
    pacs_rest_set_draining(server->rest);
    if (server->dimse)
        pacs_dimse_drain(server->dimse, (uint32_t)server->shutdown_timeout_ms);
    if (server->http)
        pacs_http_server_stop(server->http, (uint32_t)server->shutdown_timeout_ms);
    const uint64_t flush_ms = server->shutdown_timeout_ms < EVENTS_FLUSH_MS ? server->shutdown_timeout_ms
                                                                            : EVENTS_FLUSH_MS;
    if (server->relay)
        events_relay_stop(server->relay, (uint32_t)flush_ms);
    if (server->log_sink)
        events_log_sink_stop(server->log_sink, (uint32_t)flush_ms);
}

void pacs_server_free(PacsServer *server)
{
    if (!server)
        return;
    pacs_dimse_close(server->dimse);
    pacs_http_server_free(server->http);
    dicomweb_free(server->dicomweb);
    pacs_rest_free(server->rest);
    events_log_sink_free(server->log_sink);
    events_relay_free(server->relay);
    pacs_preparer_free(server->preparer);
    pacs_lifecycle_free(server->lifecycle);
    pacs_retrieve_free(server->retrieve);
    pacs_ingest_free(server->ingest);
    transcode_service_free(server->transcode);
    pacs_index_free(server->index);
    pacs_store_free(server->store);
    pacs_blocks_free(server->blocks);
    pacs_metrics_free(server->metrics);
    free(server->folder);
    pacs_arena_free(server->arena);
    free(server);
}
