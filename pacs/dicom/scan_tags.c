#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dicom_json.h"
#include "pacs/dicom/dictionary.h"
#include "pacs/dicom/scan_internal.h"

/* The values an index keeps: main tags of the four levels, and what identifies the object. */

static const PacsTag field_tags[FIELD_COUNT] = {
    [FIELD_PATIENT_ID] = PACS_TAG_PATIENT_ID,          [FIELD_STUDY_UID] = PACS_TAG_STUDY_INSTANCE_UID,
    [FIELD_SERIES_UID] = PACS_TAG_SERIES_INSTANCE_UID, [FIELD_SOP_INSTANCE_UID] = PACS_TAG_SOP_INSTANCE_UID,
    [FIELD_SOP_CLASS_UID] = PACS_TAG_SOP_CLASS_UID,
};

static int compare_wanted(const void *first, const void *second)
{
    const ScanWanted *a = first;
    const ScanWanted *b = second;
    return (a->tag > b->tag) - (a->tag < b->tag);
}

static ScanWanted *find_wanted(const PacsScan *scan, PacsTag tag)
{
    const ScanWanted key = {.tag = tag};
    return bsearch(&key, scan->wanted, scan->wanted_count, sizeof key, compare_wanted);
}

static void merge_equal(PacsScan *scan)
{
    size_t kept = 0;
    for (size_t i = 0; i < scan->wanted_count; i++) {
        if (kept > 0 && scan->wanted[kept - 1].tag == scan->wanted[i].tag)
            scan->wanted[kept - 1].levels |= scan->wanted[i].levels;
        else
            scan->wanted[kept++] = scan->wanted[i];
    }
    scan->wanted_count = kept;
}

static void add_wanted(PacsScan *scan, const PacsTag *tags, size_t count, uint32_t levels)
{
    for (size_t i = 0; i < count; i++)
        scan->wanted[scan->wanted_count++] = (ScanWanted){tags[i], levels};
}

PacsStatus scan_tags_init(PacsScan *scan, PacsError *err)
{
    size_t total = FIELD_COUNT;
    const PacsTag *main_tags[PACS_LEVEL_COUNT];
    size_t main_count[PACS_LEVEL_COUNT];
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        main_tags[level] = pacs_main_tags((PacsLevel)level, &main_count[level]);
        scan->tag_room[level] = main_count[level] + scan->options.extra_tag_count[level];
        scan->tags[level] = calloc(scan->tag_room[level] + 1, sizeof *scan->tags[level]);
        total += scan->tag_room[level];
        if (!scan->tags[level])
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the main tags");
    }
    scan->wanted = calloc(total, sizeof *scan->wanted);
    if (!scan->wanted)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the main tags");
    add_wanted(scan, field_tags, FIELD_COUNT, 0);
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        add_wanted(scan, main_tags[level], main_count[level], 1u << level);
        add_wanted(scan, scan->options.extra_tags[level], scan->options.extra_tag_count[level], 1u << level);
    }
    qsort(scan->wanted, scan->wanted_count, sizeof *scan->wanted, compare_wanted);
    merge_equal(scan);
    return PACS_OK;
}

bool scan_tags_want(const PacsScan *scan, PacsTag tag)
{
    return find_wanted(scan, tag) != NULL;
}

/* One more value behind those in `out`; false where it would be too long, which ends the list. */
static bool add_value(PacsBuffer *out, bool first, PacsSlice value)
{
    size_t size = value.size > 0 ? strnlen(value.text, value.size) : 0; /* what is handed out are C strings */
    if (first)
        size = pacs_utf8_cut(value.text, size, PACS_MAX_MAIN_TAG_VALUE);
    if (out->size + !first + size > PACS_MAX_MAIN_TAG_VALUE)
        return false;
    return (first || pacs_buffer_add_char(out, '\\')) && pacs_buffer_add(out, value.text, size);
}

/* Spaces in front of a PatientID are no part of it for DICOM, but Orthanc hashes them into its ids. */
static void add_spaces_in_front(PacsTag tag, PacsSlice value, PacsBuffer *out)
{
    for (size_t i = 0; tag == PACS_TAG_PATIENT_ID && i < value.size && value.text[i] == ' '; i++)
        (void)pacs_buffer_add_char(out, ' '); /* checked with the value that follows */
}

static PacsStatus join_text(PacsScan *scan, PacsTag tag, PacsVr vr, const uint8_t *bytes, size_t size,
                            PacsBuffer *out, PacsError *err)
{
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    PacsSlice rest = {(const char *)bytes, size};
    PacsSlice value;
    for (bool first = true; pacs_charset_next_value(&scan_top(scan)->charset, vr, &rest, &value);
         first = false) {
        PacsSlice text = {0};
        PacsStatus status = scan_value_text(scan, vr, value, &text, err);
        if (status != PACS_OK)
            return status;
        if (first && text.size > 0)
            add_spaces_in_front(tag, value, out);
        if (!add_value(out, first, text))
            break;
    }
    return PACS_OK;
}

static void join_numbers(PacsVr vr, bool big_endian, const uint8_t *bytes, size_t size, PacsBuffer *out)
{
    size_t step = pacs_vr_info(vr)->value_size;
    for (size_t at = 0; step > 0 && size - at >= step; at += step) {
        char text[SCAN_NUMBER_SIZE];
        (void)scan_format_number(vr, big_endian, bytes + at, text);
        if (!add_value(out, at == 0, pacs_slice(text)))
            break;
    }
}

static void insert_tag(PacsScan *scan, int level, PacsTag tag, const char *value)
{
    PacsTagValue *tags = scan->tags[level];
    size_t at = scan->tag_count[level];
    while (at > 0 && tags[at - 1].tag > tag)
        at--;
    if (at > 0 && tags[at - 1].tag == tag)
        return; /* came twice: the first stays, as in the JSON */
    memmove(tags + at + 1, tags + at, (scan->tag_count[level] - at) * sizeof *tags);
    tags[at] = (PacsTagValue){tag, value};
    scan->tag_count[level]++;
}

static void keep_value(PacsScan *scan, const ScanWanted *wanted, const char *value)
{
    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        if (wanted->levels & (1u << level))
            insert_tag(scan, level, wanted->tag, value);
    }
    for (int field = 0; field < FIELD_COUNT; field++) {
        if (field_tags[field] == wanted->tag && !scan->fields[field])
            scan->fields[field] = value;
    }
}

PacsStatus scan_tags_value(PacsScan *scan, const PacsElement *element, const uint8_t *bytes, size_t size,
                           PacsError *err)
{
    const ScanWanted *wanted = find_wanted(scan, element->tag);
    if (!wanted)
        return PACS_OK;
    /* A program that did not know the tag may have written UN (PS3.5 6.2.2), in little endian. */
    PacsVr vr = element->vr == PACS_VR_UN ? pacs_dictionary_vr(element->tag) : element->vr;
    const PacsVrInfo *info = pacs_vr_info(vr);
    if (pacs_dictionary_vr(element->tag) == PACS_VR_SQ)
        return PACS_OK; /* kept as a sequence or not at all */
    PACS_AUTO_BUFFER PacsBuffer joined = PACS_BUFFER(PACS_MAX_MAIN_TAG_VALUE);
    PacsStatus status = PACS_OK;
    if (info->text)
        status = join_text(scan, element->tag, vr, bytes, size, &joined, err);
    else if (!info->bulk && vr != PACS_VR_AT)
        join_numbers(vr, element->big_endian, bytes, size, &joined);
    if (status != PACS_OK)
        return status;
    const char *value = pacs_arena_strndup(scan->arena, pacs_buffer_text(&joined), joined.size);
    if (!value)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the main tags");
    keep_value(scan, wanted, value);
    return PACS_OK;
}

/** As its DICOM JSON, which knows all that is in it; one that is too long or was sent as UN is not kept. */
static PacsStatus keep_sequence(PacsScan *scan, const ScanWanted *wanted, PacsError *err)
{
    static const char start[] = "{\"vr\":\"SQ\",\"Value\":[";
    const PacsSlice json = {pacs_buffer_text(&scan->json_text), scan->json_text.size};
    PacsSlice element = {0};
    PacsStatus status = pacs_dicom_json_find(json, wanted->tag, &element, err);
    if (status != PACS_OK || element.size < sizeof start || element.size > PACS_MAX_MAIN_SEQUENCE ||
        memcmp(element.text, start, sizeof start - 1) != 0)
        return status;
    const char *value = pacs_arena_strndup(scan->arena, element.text, element.size);
    if (!value)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the main tags");
    keep_value(scan, wanted, value);
    return PACS_OK;
}

PacsStatus scan_tags_sequences(PacsScan *scan, PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < scan->wanted_count; i++)
        if (pacs_dictionary_vr(scan->wanted[i].tag) == PACS_VR_SQ)
            status = keep_sequence(scan, &scan->wanted[i], err);
    return status;
}

static PacsStatus check_uid(const char *name, const char *uid, PacsError *err)
{
    if (!uid || !*uid)
        return pacs_fail(err, PACS_INVALID, "%s is missing", name);
    if (!pacs_uid_acceptable(pacs_slice(uid)))
        return pacs_fail(err, PACS_INVALID, "%s is no UID: digits and dots, at most 64, are expected", name);
    return PACS_OK;
}

PacsStatus scan_tags_check(const PacsScan *scan, PacsError *err)
{
    if (scan->media_directory)
        return pacs_fail(err, PACS_INVALID, "a media directory (DICOMDIR) is not an instance of a study");
    PacsStatus status = check_uid("SOPInstanceUID (0008,0018)", scan->fields[FIELD_SOP_INSTANCE_UID], err);
    if (status == PACS_OK)
        status = check_uid("StudyInstanceUID (0020,000D)", scan->fields[FIELD_STUDY_UID], err);
    if (status == PACS_OK)
        status = check_uid("SeriesInstanceUID (0020,000E)", scan->fields[FIELD_SERIES_UID], err);
    return status;
}
