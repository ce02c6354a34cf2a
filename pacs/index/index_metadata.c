#include "pacs/index/index_metadata.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/dicom/orthanc_tags.h"
#include "pacs/util/buffer.h"
#include "pacs/util/clock.h"

#define IMPLIED_MAX 16           /* more than any level has */
#define SIGNATURE_MAX (1u << 20) /* 10 bytes for each of some 40 tags and those of the configuration */
#define SEQUENCES_MAX (4u << 20) /* ten times their DICOM JSON, of a few */
#define TIME_SIZE 16             /* "20261121T064700" and a NUL */

typedef struct List {
    PacsMetadataValue *values;
    size_t count;
} List;

/** NULL is a metadata that does not apply (or memory that ran out, which the caller checks at the end). */
static void add(List *list, uint32_t number, const char *value)
{
    if (value)
        list->values[list->count++] = (PacsMetadataValue){.number = number, .value = value};
}

static const char *number_text(PacsArena *arena, int64_t number)
{
    return number < 0 ? NULL : pacs_arena_printf(arena, "%" PRId64, number);
}

static const char *time_text(PacsArena *arena, int64_t ms)
{
    char *text = pacs_arena_alloc(arena, TIME_SIZE);
    if (text)
        pacs_time_format_orthanc(ms, text);
    return text;
}

/** The tags that are indexed at a level: Orthanc compares it to know what to rebuild. */
static const char *signature(const PacsMetadataFacts *facts, PacsArena *arena)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(SIGNATURE_MAX);
    const bool made = pacs_main_tags_signature(facts->level, facts->extra_tags, &text, NULL) == PACS_OK;
    return made ? pacs_arena_strdup(arena, pacs_buffer_text(&text)) : NULL;
}

/** The sequences among the kept tags, in Orthanc's full format. NULL: memory ran out, or they are damaged. */
static const char *sequences(const PacsMetadataFacts *facts, PacsArena *arena)
{
    static const PacsOrthancTagsOptions options = {.format = PACS_ORTHANC_TAGS_FULL};
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(SEQUENCES_MAX);
    PacsStatus status = PACS_OK;
    PacsJson json;

    pacs_json_init(&json, &text, false);
    pacs_json_object_begin(&json);
    pacs_json_key(&json, "Sequences");
    pacs_json_object_begin(&json);
    for (size_t i = 0; status == PACS_OK && i < facts->tag_count; i++)
        if (pacs_dictionary_vr(facts->tags[i].tag) == PACS_VR_SQ)
            status = pacs_orthanc_tags_write_element(&json, facts->tags[i].tag,
                                                     pacs_slice(facts->tags[i].value), &options, NULL);
    pacs_json_object_end(&json);
    pacs_json_member_i64(&json, "Version", 1);
    pacs_json_object_end(&json);
    return status == PACS_OK && !text.failed ? pacs_arena_strdup(arena, pacs_buffer_text(&text)) : NULL;
}

static bool has_sequences(const PacsMetadataFacts *facts)
{
    for (size_t i = 0; i < facts->tag_count; i++)
        if (pacs_dictionary_vr(facts->tags[i].tag) == PACS_VR_SQ)
            return true;
    return false;
}

/** Orthanc has no origin of its own for STOW-RS (a plug-in there) and none for what the server
 * made itself. */
static const char *door_name(const PacsOrigin *origin)
{
    switch (origin->door) {
    case PACS_ORIGIN_DICOM:
        return "DicomProtocol";
    case PACS_ORIGIN_REST:
        return "RestApi";
    case PACS_ORIGIN_DICOMWEB:
        return "Plugins";
    case PACS_ORIGIN_LIGHTBOX:
        break;
    }
    return "Unknown";
}

static void add_series(List *list, const PacsMetadataFacts *facts, PacsArena *arena)
{
    add(list, PACS_METADATA_REMOTE_AET, facts->origin.calling_aet ? facts->origin.calling_aet : "");
    add(list, PACS_METADATA_EXPECTED_NUMBER_OF_INSTANCES, number_text(arena, facts->expected_instances));
}

static void add_instance(List *list, const PacsMetadataFacts *facts, PacsArena *arena)
{
    add(list, PACS_METADATA_INDEX_IN_SERIES, number_text(arena, facts->index_in_series));
    add(list, PACS_METADATA_RECEPTION_DATE, time_text(arena, facts->time_ms));
    add(list, PACS_METADATA_REMOTE_AET, facts->origin.calling_aet ? facts->origin.calling_aet : "");
    add(list, PACS_METADATA_ORIGIN, door_name(&facts->origin));
    add(list, PACS_METADATA_TRANSFER_SYNTAX, facts->transfer_syntax_uid);
    add(list, PACS_METADATA_SOP_CLASS_UID, facts->sop_class_uid);
    add(list, PACS_METADATA_REMOTE_IP, facts->origin.remote_ip);
    add(list, PACS_METADATA_CALLED_AET, facts->origin.called_aet);
    add(list, PACS_METADATA_HTTP_USERNAME, facts->origin.http_user);
    add(list, PACS_METADATA_PIXEL_DATA_OFFSET, number_text(arena, facts->pixel_data_offset));
}

static bool is_set(const PacsMetadataValue *set, size_t set_count, uint32_t number)
{
    for (size_t i = 0; i < set_count; i++)
        if (set[i].number == number)
            return true;
    return false;
}

/** `list` and `set` are in the order of their numbers and stay so together. */
static void merge(List *merged, const List *list, const PacsMetadataValue *set, size_t set_count)
{
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        while (at < set_count && set[at].number < list->values[i].number)
            merged->values[merged->count++] = set[at++];
        if (!is_set(set, set_count, list->values[i].number))
            merged->values[merged->count++] = list->values[i];
    }
    while (at < set_count)
        merged->values[merged->count++] = set[at++];
}

PacsStatus pacs_index_metadata_list(const PacsMetadataFacts *facts, const PacsMetadataValue *set,
                                    size_t set_count, PacsArena *arena, PacsMetadataValue **ret_values,
                                    size_t *ret_count, PacsError *err)
{
    List implied = {.values = pacs_arena_array(arena, IMPLIED_MAX, sizeof *implied.values)};
    List merged = {.values = pacs_arena_array(arena, IMPLIED_MAX + set_count, sizeof *merged.values)};
    const char *tags = signature(facts, arena);
    if (!implied.values || !merged.values || !tags)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metadata");

    if (facts->level == PACS_LEVEL_INSTANCE)
        add_instance(&implied, facts, arena);
    if (facts->level == PACS_LEVEL_SERIES)
        add_series(&implied, facts, arena);
    if (facts->level != PACS_LEVEL_INSTANCE)
        add(&implied, PACS_METADATA_LAST_UPDATE, time_text(arena, facts->time_ms));
    add(&implied, PACS_METADATA_MAIN_DICOM_TAGS_SIGNATURE, tags);
    if (facts->level == PACS_LEVEL_SERIES || has_sequences(facts))
        add(&implied, PACS_METADATA_MAIN_DICOM_SEQUENCES, sequences(facts, arena));
    if (facts->level == PACS_LEVEL_INSTANCE)
        add(&implied, PACS_METADATA_PIXEL_DATA_VR, facts->pixel_data_vr);

    merge(&merged, &implied, set, set_count);
    *ret_values = merged.values;
    *ret_count = merged.count;
    return PACS_OK;
}
