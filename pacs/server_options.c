#include "pacs/server_options.h"

#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/dicom/uid.h"

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the settings");
}

PacsStatus pacs_options_overwrite(const PacsSettings *settings, PacsOverwrite *ret_overwrite, PacsError *err)
{
    static const char *const names[] = {[PACS_OVERWRITE_NEVER] = "Never",
                                        [PACS_OVERWRITE_ALWAYS] = "Always",
                                        [PACS_OVERWRITE_IF_CHANGED] = "IfChanged"};
    const json_t *value = settings->overwrite_instances;
    const char *text = json_string_value(value);

    if (json_is_boolean(value) || (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))) {
        bool always = json_is_true(value) || (text && strcmp(text, "true") == 0);
        *ret_overwrite = always ? PACS_OVERWRITE_ALWAYS : PACS_OVERWRITE_NEVER;
        return PACS_OK;
    }
    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_overwrite = (PacsOverwrite)i;
            return PACS_OK;
        }
    }
    return pacs_fail(err, PACS_INVALID,
                     "OverwriteInstances is to be true, false, \"Never\", \"Always\" or \"IfChanged\"");
}

PacsStatus pacs_options_text_list(const json_t *value, const char *key, PacsArena *arena,
                                  PacsTextList *ret_list, PacsError *err)
{
    size_t count = json_array_size(value);

    if (!json_is_array(value))
        return pacs_fail(err, PACS_INVALID, "%s is to be a list of texts", key);
    const char **items = pacs_arena_array(arena, count + 1, sizeof *items);
    if (!items)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        items[i] = json_string_value(json_array_get(value, i));
        if (!items[i])
            return pacs_fail(err, PACS_INVALID, "%s is to be a list of texts", key);
    }
    *ret_list = (PacsTextList){.items = items, .count = count};
    return PACS_OK;
}

/* ---- DicomModalities ---- */

static bool set_address(PacsModality *modality, const json_t *aet, const json_t *host, const json_t *port)
{
    const char *port_text = json_string_value(port); /* Orthanc takes the number in quotes too */
    uint64_t number = 0;

    if (json_is_integer(port) && json_integer_value(port) > 0)
        number = (uint64_t)json_integer_value(port);
    else if (port_text && pacs_parse_u64(pacs_slice(port_text), 65535, &number, NULL) != PACS_OK)
        return false;
    modality->aet = json_string_value(aet);
    modality->host = json_string_value(host);
    modality->port = (uint16_t)number;
    return modality->aet && modality->host && number > 0 && number <= 65535;
}

static bool allows(const json_t *modality, const char *key)
{
    const json_t *value = json_object_get(modality, key);

    return !value || json_is_true(value);
}

/** ["AET", "host", 104] or {"AET": ..., "Host": ..., "Port": ..., "AllowStore": ...}. */
static PacsStatus parse_modality(const char *name, const json_t *value, PacsModality *modality,
                                 PacsError *err)
{
    bool sound = false;

    *modality = (PacsModality){.name = name, .allow_echo = true, .allow_store = true};
    if (json_is_array(value)) {
        sound = set_address(modality, json_array_get(value, 0), json_array_get(value, 1),
                            json_array_get(value, 2));
    } else if (json_is_object(value)) {
        sound = set_address(modality, json_object_get(value, "AET"), json_object_get(value, "Host"),
                            json_object_get(value, "Port"));
        modality->allow_echo = allows(value, "AllowEcho");
        modality->allow_store = allows(value, "AllowStore");
    }
    if (!sound)
        return pacs_fail(err, PACS_INVALID,
                         "DicomModalities.%s is to be [\"AET\", \"host\", port] or an object of these", name);
    return PACS_OK;
}

PacsStatus pacs_options_modalities(const PacsSettings *settings, PacsArena *arena,
                                   const PacsModality **ret_modalities, size_t *ret_count, PacsError *err)
{
    json_t *all = (json_t *)settings->dicom_modalities; /* jansson iterates non-const */
    const char *name;
    json_t *value;
    size_t count = 0;

    if (!json_is_object(all))
        return pacs_fail(err, PACS_INVALID, "DicomModalities is to be an object");
    PacsModality *modalities = pacs_arena_array(arena, json_object_size(all) + 1, sizeof *modalities);
    if (!modalities)
        return no_memory(err);
    json_object_foreach(all, name, value)
    {
        PacsStatus status = parse_modality(name, value, &modalities[count++], err);
        if (status != PACS_OK)
            return status;
    }
    *ret_modalities = modalities;
    *ret_count = count;
    return PACS_OK;
}

/* ---- Users ---- */

PacsStatus pacs_options_users(const PacsSettings *settings, PacsArena *arena, const PacsHttpUser **ret_users,
                              size_t *ret_count, PacsError *err)
{
    json_t *all = (json_t *)settings->registered_users; /* jansson iterates non-const */
    const char *name;
    json_t *value;
    size_t count = 0;

    if (!json_is_object(all))
        return pacs_fail(err, PACS_INVALID, "RegisteredUsers is to be an object of names and passwords");
    PacsHttpUser *users = pacs_arena_array(arena, json_object_size(all) + 1, sizeof *users);
    if (!users)
        return no_memory(err);
    json_object_foreach(all, name, value)
    {
        const char *password = json_string_value(value);
        if (!password || !password[0] || !name[0] || strchr(name, ':'))
            return pacs_fail(err, PACS_INVALID,
                             "RegisteredUsers: '%s' needs a password, and a name without a colon", name);
        users[count++] = (PacsHttpUser){.name = name, .password = password};
    }
    *ret_users = users;
    *ret_count = count;
    return PACS_OK;
}

PacsStatus pacs_options_authentication(const PacsSettings *settings, size_t user_count, bool *ret_on,
                                       PacsError *err)
{
    const json_t *given = settings->authentication_enabled;
    bool on = json_is_true(given);

    if (!json_is_boolean(given) && !json_is_null(given))
        return pacs_fail(err, PACS_INVALID, "AuthenticationEnabled is to be true, false or null");
    if (json_is_null(given))
        on = settings->remote_access_allowed || user_count > 0;
    if (on && user_count == 0 && settings->remote_access_allowed)
        return pacs_fail(
            err, PACS_INVALID,
            "RemoteAccessAllowed without RegisteredUsers: register users, or say AuthenticationEnabled: "
            "false if something else keeps strangers out");
    *ret_on = on;
    return PACS_OK;
}

/* ---- DicomWeb ---- */

static PacsStatus read_flag(const json_t *section, const char *key, bool *flag, PacsError *err)
{
    const json_t *value = json_object_get(section, key);

    if (value && !json_is_boolean(value))
        return pacs_fail(err, PACS_INVALID, "DicomWeb.%s is to be true or false", key);
    if (value)
        *flag = json_is_true(value);
    return PACS_OK;
}

/** "dicom-web/" and "/dicom-web" are the same root; what is mounted has a slash in front and none behind. */
static PacsStatus read_root(const json_t *section, const char *key, const char *usual, PacsArena *arena,
                            const char **ret_root, PacsError *err)
{
    const json_t *value = json_object_get(section, key);
    const char *text = value ? json_string_value(value) : usual;

    if (!text)
        return pacs_fail(err, PACS_INVALID, "DicomWeb.%s is to be a path", key);
    while (*text == '/')
        text++;
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '/')
        size--;
    if (size == 0)
        return pacs_fail(err, PACS_INVALID, "DicomWeb.%s is to be a path below the root of the server", key);
    *ret_root = pacs_arena_printf(arena, "/%.*s", (int)size, text);
    return *ret_root ? PACS_OK : no_memory(err);
}

PacsStatus pacs_options_dicomweb(const PacsSettings *settings, PacsArena *arena, bool *ret_on,
                                 DicomwebOptions *ret_options, PacsError *err)
{
    const json_t *section = settings->dicom_web;
    const json_t *public_root = json_object_get(section, "PublicRoot");
    DicomwebOptions options = {.public_root = public_root ? json_string_value(public_root) : "",
                               .strict = strcmp(settings->compat, "strict") == 0,
                               .describe_errors = settings->http_describe_errors};
    bool on = true;
    bool wado = true;

    if (!json_is_object(section))
        return pacs_fail(err, PACS_INVALID, "DicomWeb is to be an object");
    if (!options.public_root)
        return pacs_fail(err, PACS_INVALID, "DicomWeb.PublicRoot is to be a path or a URL");
    if (!options.strict && strcmp(settings->compat, "orthanc") != 0)
        return pacs_fail(err, PACS_INVALID, "Compat is to be \"orthanc\" or \"strict\"");
    PacsStatus status = read_flag(section, "Enable", &on, err);
    if (status == PACS_OK)
        status = read_flag(section, "EnableWado", &wado, err);
    if (status == PACS_OK)
        status = read_root(section, "Root", "/dicom-web", arena, &options.root, err);
    if (status == PACS_OK && wado)
        status = read_root(section, "WadoRoot", "/wado", arena, &options.wado_root, err);
    if (status != PACS_OK)
        return status;
    *ret_on = on;
    *ret_options = options;
    return PACS_OK;
}

/* ---- Transcode ---- */

static PacsStatus read_number(const json_t *section, const char *key, uint64_t max, uint64_t *number,
                              PacsError *err)
{
    const json_t *value = json_object_get(section, key);

    if (!value)
        return PACS_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return pacs_fail(err, PACS_INVALID, "Transcode.%s is to be a number from 0 to %llu", key,
                         (unsigned long long)max);
    *number = (uint64_t)json_integer_value(value);
    return PACS_OK;
}

PacsStatus pacs_options_transcode(const PacsSettings *settings, TranscodeServiceOptions *ret_options,
                                  PacsError *err)
{
    const json_t *section = settings->transcode;
    const json_t *folder = json_object_get(section, "CacheDirectory");
    uint64_t workers = 0, waiting = 0, cache_mb = 4096, memory_mb = 64, timeout_s = 30, decode_mb = 2048;
    const struct {
        const char *key;
        uint64_t max;
        uint64_t *number;
    } numbers[] = {
        {"Workers", 1024, &workers},         {"Waiting", 1000000, &waiting},
        {"CacheMB", 1u << 30, &cache_mb},    {"MemoryMB", 1u << 20, &memory_mb},
        {"DecodeTimeout", 3600, &timeout_s}, {"DecodeMemoryMB", 1u << 20, &decode_mb},
    };
    PacsStatus status = PACS_OK;

    if (!json_is_object(section))
        return pacs_fail(err, PACS_INVALID, "Transcode is to be an object");
    if (folder && !json_is_string(folder))
        return pacs_fail(err, PACS_INVALID, "Transcode.CacheDirectory is to be a path");
    for (size_t i = 0; status == PACS_OK && i < sizeof numbers / sizeof *numbers; i++)
        status = read_number(section, numbers[i].key, numbers[i].max, numbers[i].number, err);
    if (status != PACS_OK)
        return status;
    *ret_options = (TranscodeServiceOptions){.cache_folder = cache_mb == 0 ? NULL
                                                             : folder      ? json_string_value(folder)
                                                                           : "",
                                             .cache_bytes = cache_mb << 20,
                                             .min_free_bytes = settings->storage_minimum_free_mb << 20,
                                             .memory_bytes = memory_mb << 20,
                                             .workers = (uint32_t)workers,
                                             .max_waiting = (uint32_t)waiting,
                                             .decode_bytes = decode_mb << 20,
                                             .decode_timeout_ms = (uint32_t)timeout_s * 1000};
    return PACS_OK;
}

static PacsStatus read_prepare(const json_t *section, PacsPrepareOptions *options, PacsError *err)
{
    const char *uid = json_string_value(json_object_get(section, "TransferSyntax"));
    uint64_t minimum_kb = 1024;

    if (!section || json_is_null(section))
        return PACS_OK;
    if (!json_is_object(section) || !uid)
        return pacs_fail(err, PACS_INVALID,
                         "Transcode.Prepare is to be {\"TransferSyntax\": UID, \"MinimumFrameKB\": number}");
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(uid));
    if (!syntax || !(syntax->flags & PACS_UID_ENCAPSULATED) || transcode_encoder_name(uid)[0] == '\0')
        return pacs_fail(err, PACS_INVALID,
                         "Transcode.Prepare: frames are not made into transfer syntax %.64s", uid);
    PacsStatus status = read_number(section, "MinimumFrameKB", 1u << 30, &minimum_kb, err);
    options->transfer_syntax_uid = uid;
    options->minimum_frame_bytes = minimum_kb << 10;
    return status;
}

PacsStatus pacs_options_prepare(const PacsSettings *settings, PacsPrepareOptions *ret_options, PacsError *err)
{
    const json_t *thumbnails = json_object_get(settings->transcode, "Thumbnails");
    PacsPrepareOptions options = {.makes_thumbnails = !thumbnails || json_is_true(thumbnails)};

    if (thumbnails && !json_is_boolean(thumbnails))
        return pacs_fail(err, PACS_INVALID, "Transcode.Thumbnails is to be true or false");
    PacsStatus status = read_prepare(json_object_get(settings->transcode, "Prepare"), &options, err);
    if (status == PACS_OK)
        *ret_options = options;
    return status;
}

/* ---- IngestTranscoding ---- */

PacsStatus pacs_options_ingest_transcoding(const PacsSettings *settings, PacsIngestOptions *options,
                                           PacsError *err)
{
    const char *uid = settings->ingest_transcoding;
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(uid));

    if (!uid[0])
        return PACS_OK;
    if (!syntax || syntax->flags & (PACS_UID_NO_DATA_SET | PACS_UID_REFERENCED | PACS_UID_VIDEO))
        return pacs_fail(err, PACS_INVALID,
                         "IngestTranscoding: %.64s is no transfer syntax that objects are made into", uid);
    if (syntax->flags & PACS_UID_LOSSY)
        return pacs_fail(err, PACS_INVALID,
                         "IngestTranscoding: %s loses information, which makes other instances of what comes",
                         uid);
    options->transcode_to = uid;
    options->transcodes_uncompressed = settings->ingest_transcoding_of_uncompressed;
    options->transcodes_compressed = settings->ingest_transcoding_of_compressed;
    return PACS_OK;
}

/* ---- ExtraMainDicomTags ---- */

static PacsStatus parse_tags(const json_t *list, const char *level, PacsArena *arena,
                             const PacsTag **ret_tags, size_t *ret_count, PacsError *err)
{
    PacsTextList names;

    PacsStatus status = pacs_options_text_list(list, "ExtraMainDicomTags", arena, &names, err);
    if (status != PACS_OK)
        return status;
    PacsTag *tags = pacs_arena_array(arena, names.count + 1, sizeof *tags);
    if (!tags)
        return no_memory(err);
    for (size_t i = 0; i < names.count; i++) {
        if (pacs_dictionary_parse_tag(pacs_slice(names.items[i]), &tags[i], NULL) != PACS_OK)
            return pacs_fail(err, PACS_INVALID, "ExtraMainDicomTags.%s names '%s', which is no tag", level,
                             names.items[i]);
    }
    *ret_tags = tags;
    *ret_count = names.count;
    return PACS_OK;
}

PacsStatus pacs_options_extra_tags(const PacsSettings *settings, PacsArena *arena, const PacsTag *ret_tags[4],
                                   size_t ret_counts[4], PacsError *err)
{
    if (!json_is_object(settings->extra_main_dicom_tags))
        return pacs_fail(err, PACS_INVALID, "ExtraMainDicomTags is to be an object of lists");
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        const char *name = pacs_level_name((PacsLevel)level);
        const json_t *list = json_object_get(settings->extra_main_dicom_tags, name);
        PacsStatus status = list ? parse_tags(list, name, arena, &ret_tags[level], &ret_counts[level], err)
                                 : PACS_OK;
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}
