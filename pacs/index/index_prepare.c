#include "pacs/index/index_prepare.h"

#include <inttypes.h>
#include <string.h>

#include "pacs/dicom/json_item.h"
#include "pacs/dicom/uid.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"

const char *pacs_index_prepared_tag(const PacsPreparedAdd *prepared, PacsLevel level, PacsTag tag)
{
    return pacs_index_tags_get(prepared->instance->tags[level], prepared->instance->tag_count[level], tag);
}

static PacsStatus check_uid(const char *name, const char *uid, PacsError *err)
{
    if (!uid || uid[0] == '\0')
        return pacs_fail(err, PACS_INVALID, "%s is missing", name);
    if (strlen(uid) > PACS_UID_MAX)
        return pacs_fail(err, PACS_INVALID, "%s has %zu characters, at most %d are allowed", name,
                         strlen(uid), PACS_UID_MAX);
    return PACS_OK;
}

static PacsStatus check_instance(const PacsInstance *instance, PacsError *err)
{
    const struct {
        const char *name, *uid;
    } uids[] = {
        {"Study Instance UID", instance->study_instance_uid},
        {"Series Instance UID", instance->series_instance_uid},
        {"SOP Instance UID", instance->sop_instance_uid},
        {"SOP Class UID", instance->sop_class_uid},
        {"Transfer Syntax UID", instance->transfer_syntax_uid},
    };
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        const PacsStatus status = check_uid(uids[i].name, uids[i].uid, err);
        if (status != PACS_OK)
            return status;
    }
    if (strlen(instance->patient_id) > PACS_MAX_MAIN_TAG_VALUE)
        return pacs_fail(err, PACS_INVALID, "Patient ID has more than %d bytes", PACS_MAX_MAIN_TAG_VALUE);
    if (instance->size_bytes > INT64_MAX || instance->pixel_data_offset > INT64_MAX)
        return pacs_fail(err, PACS_INVALID, "object of %" PRIu64 " bytes", instance->size_bytes);
    return PACS_OK;
}

static PacsStatus prepare_ids(PacsPreparedAdd *prepared, PacsError *err)
{
    const PacsInstance *instance = prepared->instance;
    const PacsIdentity identity = {
        .patient_id = pacs_slice(instance->patient_id),
        .study_instance_uid = pacs_slice(instance->study_instance_uid),
        .series_instance_uid = pacs_slice(instance->series_instance_uid),
        .sop_instance_uid = pacs_slice(instance->sop_instance_uid),
    };
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++) {
        const PacsStatus status = pacs_orthanc_id(&identity, level, prepared->id_texts[level], err);
        if (status != PACS_OK)
            return status;
        if (!pacs_index_id_parse(prepared->id_texts[level], &prepared->ids[level]))
            return pacs_fail(err, PACS_INTERNAL, "an id was made that is none");
    }
    return PACS_OK;
}

static PacsStatus prepare_tags(PacsPreparedAdd *prepared, PacsArena *arena, PacsError *err)
{
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++) {
        PACS_AUTO_BUFFER PacsBuffer tags = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
        const PacsStatus status = pacs_index_tags_format(prepared->instance->tags[level],
                                                         prepared->instance->tag_count[level], &tags, err);
        if (status == PACS_TOO_LARGE)
            return pacs_fail(err, PACS_INVALID, "the indexed tags of one level have more than %u bytes",
                             PACS_MAX_INDEXED_TAGS);
        if (status != PACS_OK)
            return status;
        prepared->tags[level].bytes = pacs_arena_strndup(arena, pacs_buffer_text(&tags), tags.size);
        prepared->tags[level].size = tags.size;
        if (!prepared->tags[level].bytes)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for indexed tags");
    }
    return PACS_OK;
}

/** What searches compare; NULL stays NULL. */
static PacsStatus fold(const char *text, PacsArena *arena, const char **ret_folded, PacsError *err)
{
    if (!text)
        return PACS_OK;
    PACS_AUTO_BUFFER PacsBuffer folded = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    if (!pacs_text_fold(&folded, text, strlen(text)))
        return pacs_buffer_check(&folded, err);
    *ret_folded = pacs_arena_strdup(arena, pacs_buffer_text(&folded));
    return *ret_folded ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for a search text");
}

static bool parse_number(const char *text, int64_t *ret_number)
{
    return text && pacs_parse_i64(pacs_slice_trim(pacs_slice(text)), INT32_MIN, INT32_MAX, ret_number,
                                  NULL) == PACS_OK;
}

/**
 * How many instances a series is to have. Orthanc's rule: the first of these pairs whose tags are there
 * decides, and a product that is no positive number means unknown.
 */
static int64_t expected_instances(const PacsPreparedAdd *prepared)
{
    static const PacsTag rules[][2] = {
        {PACS_TAG_IMAGES_IN_ACQUISITION, PACS_TAG_NUMBER_OF_TEMPORAL_POSITIONS},
        {PACS_TAG_NUMBER_OF_SLICES, PACS_TAG_NUMBER_OF_TIME_SLICES},
        {PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, 0},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const char *first = pacs_index_prepared_tag(prepared, PACS_LEVEL_SERIES, rules[i][0]);
        const char *second = rules[i][1] ? pacs_index_prepared_tag(prepared, PACS_LEVEL_SERIES, rules[i][1])
                                         : "1";
        if (!first || !second)
            continue;
        int64_t a = 0;
        int64_t b = 0;
        if (!parse_number(first, &a) || !parse_number(second, &b) || a * b <= 0)
            return -1;
        return a * b;
    }
    return -1;
}

/** Instance Number, or Image Index (PET) where that is absent, as Orthanc has it. */
static int64_t index_in_series(const PacsPreparedAdd *prepared)
{
    const char *text = pacs_index_prepared_tag(prepared, PACS_LEVEL_INSTANCE, PACS_TAG_INSTANCE_NUMBER);
    if (!text)
        text = pacs_index_prepared_tag(prepared, PACS_LEVEL_INSTANCE, PACS_TAG_IMAGE_INDEX);
    int64_t number = -1;
    return parse_number(text, &number) && number >= 0 ? number : -1;
}

/**
 * VR of the pixel data where it is not the one that follows from the transfer syntax: OW where it is implicit
 * or the samples have more than 8 bits, OB for the rest and for encapsulated data (PS3.5 A.1 to A.4). Orthanc
 * keeps metadata PixelDataVR for the others alone.
 */
static const char *unusual_pixel_data_vr(const PacsInstance *instance)
{
    if (instance->pixel_data_tag != PACS_TAG_PIXEL_DATA)
        return NULL;
    const PacsUidEntry *syntax = pacs_uid_find_transfer_syntax(pacs_slice(instance->transfer_syntax_uid));
    const uint32_t flags = syntax ? syntax->flags : PACS_UID_EXPLICIT;
    const bool bytes = (flags & PACS_UID_ENCAPSULATED) ||
                       ((flags & PACS_UID_EXPLICIT) && instance->pixels.bits_allocated <= 8);
    return instance->pixel_data_vr == (bytes ? PACS_VR_OB : PACS_VR_OW)
               ? NULL
               : pacs_vr_code(instance->pixel_data_vr);
}

PacsStatus pacs_index_prepare(const PacsIndexAdd *add, PacsArena *arena, PacsPreparedAdd *ret_prepared,
                              PacsError *err)
{
    PacsPreparedAdd prepared = {.add = add, .instance = add->instance};
    PacsStatus status = check_instance(add->instance, err);
    if (status == PACS_OK)
        status = prepare_ids(&prepared, err);
    if (status == PACS_OK)
        status = prepare_tags(&prepared, arena, err);
    if (status == PACS_OK)
        status = fold(pacs_index_prepared_tag(&prepared, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME), arena,
                      &prepared.patient_name_search, err);
    if (status == PACS_OK)
        status = fold(pacs_index_prepared_tag(&prepared, PACS_LEVEL_STUDY, PACS_TAG_REFERRING_PHYSICIAN_NAME),
                      arena, &prepared.referring_physician_search, err);
    if (status != PACS_OK)
        return status;
    prepared.expected_instances = expected_instances(&prepared);
    prepared.index_in_series = index_in_series(&prepared);
    prepared.pixel_data_vr = unusual_pixel_data_vr(add->instance);
    *ret_prepared = prepared;
    return PACS_OK;
}

/* ---- Links ---- */

#define LINK_MAX 64 /* bytes of an id; longer ones are texts */

/** The first value of the first of `tags` that the item has. */
static const char *link_of(const PacsJsonItem *item, const PacsTag *tags, size_t count, PacsArena *arena)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = pacs_json_item_text(item, tags[i], 0).size;
        if (size > 0)
            return size <= LINK_MAX ? pacs_json_item_string(item, tags[i], 0, arena) : NULL;
    }
    return NULL;
}

/** Item one of each sequence in the path, from the data set down. */
static bool go_down(const PacsJsonItem *dataset, const PacsTag *path, size_t count, PacsArena *arena,
                    PacsJsonItem *ret_item)
{
    *ret_item = *dataset;
    for (size_t i = 0; i < count; i++) {
        PacsJsonItem below;
        if (pacs_json_item_of(ret_item, path[i], 0, arena, &below, NULL) != PACS_OK)
            return false;
        *ret_item = below;
    }
    return true;
}

PacsStatus pacs_index_prepare_links(const PacsPreparedAdd *prepared, PacsArena *arena,
                                    PacsStudyLinks *ret_links, PacsError *err)
{
    static const PacsTag issuer[] = {PACS_TAG_ISSUER_OF_ACCESSION_NUMBER_SEQUENCE};
    static const PacsTag physician[] = {PACS_TAG_REFERRING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
                                        PACS_TAG_PERSON_IDENTIFICATION_CODE_SEQUENCE};
    static const PacsTag entity_ids[] = {PACS_TAG_LOCAL_NAMESPACE_ENTITY_ID, PACS_TAG_UNIVERSAL_ENTITY_ID};
    static const PacsTag codes[] = {PACS_TAG_CODE_VALUE};
    const PacsBuffer *json = prepared->instance->json;
    PacsJsonItem dataset;
    PacsJsonItem item;
    *ret_links = (PacsStudyLinks){0};
    if (!json)
        return PACS_OK;
    const PacsStatus status = pacs_json_item_parse((PacsSlice){pacs_buffer_text(json), json->size}, arena,
                                                   &dataset, err);
    if (status != PACS_OK)
        return status;
    if (go_down(&dataset, issuer, 1, arena, &item))
        ret_links->accession_issuer = link_of(&item, entity_ids, 2, arena);
    if (go_down(&dataset, physician, 2, arena, &item))
        ret_links->referring_physician_ref = link_of(&item, codes, 1, arena);
    return PACS_OK;
}
