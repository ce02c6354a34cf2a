#include "dicomweb/qido_fields.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/identity.h"

/* ---- what is always shown ---- */

typedef struct Default {
    PacsTag tag;
    bool is_required;
} Default;

/* PS3.18 table 10.6.3-3; Study Description because every list of studies has it. */
static const Default study_defaults[] = {
    {PACS_TAG_STUDY_DATE, true},
    {PACS_TAG_STUDY_TIME, true},
    {PACS_TAG_ACCESSION_NUMBER, true},
    {PACS_TAG_MODALITIES_IN_STUDY, true},
    {PACS_TAG_REFERRING_PHYSICIAN_NAME, true},
    {PACS_TAG_TIMEZONE_OFFSET_FROM_UTC, false},
    {PACS_TAG_STUDY_DESCRIPTION, false},
    {PACS_TAG_PATIENT_NAME, true},
    {PACS_TAG_PATIENT_ID, true},
    {PACS_TAG_PATIENT_BIRTH_DATE, true},
    {PACS_TAG_PATIENT_SEX, true},
    {PACS_TAG_STUDY_ID, true},
    {PACS_TAG_NUMBER_OF_STUDY_RELATED_SERIES, true},
    {PACS_TAG_NUMBER_OF_STUDY_RELATED_INSTANCES, true},
};

/* Table 10.6.3-4, without the sequence, which only series show (below). */
static const Default series_defaults[] = {
    {PACS_TAG_MODALITY, true},
    {PACS_TAG_TIMEZONE_OFFSET_FROM_UTC, false},
    {PACS_TAG_SERIES_DESCRIPTION, false},
    {PACS_TAG_SERIES_NUMBER, true},
    {PACS_TAG_NUMBER_OF_SERIES_RELATED_INSTANCES, true},
    {PACS_TAG_PERFORMED_PROCEDURE_STEP_START_DATE, false},
    {PACS_TAG_PERFORMED_PROCEDURE_STEP_START_TIME, false},
};

/* Table 10.6.3-5. */
static const Default instance_defaults[] = {
    {PACS_TAG_SOP_CLASS_UID, true},
    {PACS_TAG_SOP_INSTANCE_UID, true},
    {PACS_TAG_TIMEZONE_OFFSET_FROM_UTC, false},
    {PACS_TAG_INSTANCE_NUMBER, true},
    {PACS_TAG_NUMBER_OF_FRAMES, false},
    {PACS_TAG_ROWS, false},
    {PACS_TAG_COLUMNS, false},
    {PACS_TAG_BITS_ALLOCATED, false},
};

/* What the server says of every match, and what names it. */
static const Default study_names[] = {
    {PACS_TAG_SPECIFIC_CHARACTER_SET, true},
    {PACS_TAG_INSTANCE_AVAILABILITY, true},
    {PACS_TAG_RETRIEVE_URL, true},
    {PACS_TAG_STUDY_INSTANCE_UID, true},
};
static const Default series_names[] = {{PACS_TAG_SERIES_INSTANCE_UID, true}};

/* Of Request Attributes Sequence table 10.6.3-4 wants two. */
static const PacsTag request_attributes[] = {PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE};
static const QidoPath request_paths[] = {
    {request_attributes, 1, PACS_TAG_SCHEDULED_PROCEDURE_STEP_ID},
    {request_attributes, 1, PACS_TAG_REQUESTED_PROCEDURE_ID},
};

/* ---- where attributes come from ---- */

/** What qido_row.c knows how to work out, and from which level on it is an answer's. */
static const struct {
    PacsTag tag;
    PacsLevel level;
} computed[] = {
    {PACS_TAG_SPECIFIC_CHARACTER_SET, PACS_LEVEL_PATIENT},
    {PACS_TAG_INSTANCE_AVAILABILITY, PACS_LEVEL_PATIENT},
    {PACS_TAG_RETRIEVE_URL, PACS_LEVEL_PATIENT},
    {PACS_TAG_NUMBER_OF_PATIENT_RELATED_STUDIES, PACS_LEVEL_PATIENT},
    {PACS_TAG_MODALITIES_IN_STUDY, PACS_LEVEL_STUDY},
    {PACS_TAG_SOP_CLASSES_IN_STUDY, PACS_LEVEL_STUDY},
    {PACS_TAG_STUDY_INSTANCE_UID, PACS_LEVEL_STUDY},
    {PACS_TAG_NUMBER_OF_STUDY_RELATED_SERIES, PACS_LEVEL_STUDY},
    {PACS_TAG_NUMBER_OF_STUDY_RELATED_INSTANCES, PACS_LEVEL_STUDY},
    {PACS_TAG_SERIES_INSTANCE_UID, PACS_LEVEL_SERIES},
    {PACS_TAG_NUMBER_OF_SERIES_RELATED_INSTANCES, PACS_LEVEL_SERIES},
    {PACS_TAG_SOP_CLASS_UID, PACS_LEVEL_INSTANCE},
    {PACS_TAG_SOP_INSTANCE_UID, PACS_LEVEL_INSTANCE},
    {PACS_TAG_AVAILABLE_TRANSFER_SYNTAX_UID, PACS_LEVEL_INSTANCE},
    {PACS_TAG_NUMBER_OF_FRAMES, PACS_LEVEL_INSTANCE},
    {PACS_TAG_ROWS, PACS_LEVEL_INSTANCE},
    {PACS_TAG_COLUMNS, PACS_LEVEL_INSTANCE},
    {PACS_TAG_BITS_ALLOCATED, PACS_LEVEL_INSTANCE},
};
#define COMPUTED_COUNT (sizeof computed / sizeof computed[0])

/** The highest level that keeps a tag; PACS_LEVEL_COUNT if none does. */
static int keeping_level(PacsTag tag)
{
    int level = PACS_LEVEL_PATIENT;

    while (level < PACS_LEVEL_COUNT && !pacs_main_tags_contain((PacsLevel)level, tag))
        level++;
    return level;
}

/** False if the attribute is one of a lower level. */
static bool find_source(PacsLevel level, PacsTag tag, QidoSource *ret_source)
{
    for (size_t i = 0; i < COMPUTED_COUNT; i++) {
        if (computed[i].tag != tag)
            continue;
        *ret_source = QIDO_COMPUTED;
        return computed[i].level <= level;
    }
    int keeper = keeping_level(tag);
    bool is_sequence = pacs_dictionary_vr(tag) == PACS_VR_SQ;
    if (keeper == PACS_LEVEL_COUNT)
        *ret_source = QIDO_JSON;
    else if (!is_sequence)
        *ret_source = QIDO_KEPT;
    else
        *ret_source = keeper == (int)level ? QIDO_SEQUENCE : QIDO_JSON; /* an instance may have another one */
    return keeper == PACS_LEVEL_COUNT || keeper <= (int)level;
}

/* ---- putting the list together ---- */

typedef struct Wish {
    QidoPath path;
    bool is_required;
} Wish;

typedef struct Wishes {
    PacsLevel level;
    Wish *items;
    size_t count;
} Wishes;

static void wish(Wishes *wishes, const QidoPath *path, bool is_required)
{
    wishes->items[wishes->count++] = (Wish){*path, is_required};
}

static void wish_defaults(Wishes *wishes, const Default *defaults, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wish(wishes, &(QidoPath){.tag = defaults[i].tag}, defaults[i].is_required);
}

#define WISH_DEFAULTS(wishes, table) wish_defaults(wishes, table, sizeof(table) / sizeof(table)[0])
#define DEFAULTS_MAX                                                                                         \
    ((sizeof study_defaults + sizeof series_defaults + sizeof instance_defaults + sizeof study_names +       \
      sizeof series_names) /                                                                                 \
         sizeof(Default) +                                                                                   \
     sizeof request_paths / sizeof request_paths[0])

static void wish_usual(Wishes *wishes, const PacsUidPath *path)
{
    PacsLevel level = wishes->level;

    WISH_DEFAULTS(wishes, study_names);
    if (level == PACS_LEVEL_STUDY || !path->study_uid)
        WISH_DEFAULTS(wishes, study_defaults);
    if (level >= PACS_LEVEL_SERIES)
        WISH_DEFAULTS(wishes, series_names);
    if (level == PACS_LEVEL_SERIES || (level == PACS_LEVEL_INSTANCE && !path->series_uid))
        WISH_DEFAULTS(wishes, series_defaults);
    if (level == PACS_LEVEL_SERIES)
        for (size_t i = 0; i < sizeof request_paths / sizeof request_paths[0]; i++)
            wish(wishes, &request_paths[i], false);
    if (level == PACS_LEVEL_INSTANCE)
        WISH_DEFAULTS(wishes, instance_defaults);
}

/** includefield=all of a study or series: whatever the index knows of it. */
static void wish_all(Wishes *wishes)
{
    PacsLevel top = wishes->level == PACS_LEVEL_STUDY ? PACS_LEVEL_PATIENT : wishes->level;

    for (size_t i = 0; i < COMPUTED_COUNT; i++)
        if (computed[i].level <= wishes->level)
            wish(wishes, &(QidoPath){.tag = computed[i].tag}, false);
    for (int level = (int)top; level <= (int)wishes->level; level++) {
        size_t count;
        const PacsTag *tags = pacs_main_tags((PacsLevel)level, &count);
        for (size_t i = 0; i < count; i++)
            wish(wishes, &(QidoPath){.tag = tags[i]}, false);
    }
}

/** What a private attribute means only its creator tells (PS3.18 10.6.3.3). */
static void wish_shown(Wishes *wishes, const QidoPath *shown)
{
    QidoPath creator = *shown;

    wish(wishes, shown, false);
    if (!pacs_tag_is_private(shown->tag) || pacs_tag_element(shown->tag) < 0x1000)
        return;
    creator.tag = PACS_TAG(pacs_tag_group(shown->tag), pacs_tag_element(shown->tag) >> 8);
    wish(wishes, &creator, false);
}

static size_t count_kept(void)
{
    size_t total = 0;

    for (int level = 0; level < PACS_LEVEL_COUNT; level++) {
        size_t count;
        (void)pacs_main_tags((PacsLevel)level, &count);
        total += count;
    }
    return total;
}

static int compare_wishes(const void *a, const void *b)
{
    return qido_path_compare(&((const Wish *)a)->path, &((const Wish *)b)->path);
}

/** The wishes from `at` on that begin with the same tag, as one field. Returns where the next tag's begin. */
static size_t take_field(const Wishes *wishes, size_t at, QidoPath *paths, QidoField *field)
{
    PacsTag tag = qido_path_tag(&wishes->items[at].path, 0);
    bool is_whole = false;

    *field = (QidoField){.tag = tag, .paths = paths};
    for (; at < wishes->count && qido_path_tag(&wishes->items[at].path, 0) == tag; at++) {
        const Wish *item = &wishes->items[at];
        is_whole = is_whole || item->path.depth == 0;
        field->is_required = field->is_required || item->is_required;
        if (field->path_count == 0 || qido_path_compare(&paths[field->path_count - 1], &item->path) != 0)
            paths[field->path_count++] = item->path;
    }
    if (is_whole)
        field->path_count = 0;
    return at;
}

static PacsStatus make_fields(const Wishes *wishes, PacsArena *arena, QidoFields *fields, PacsError *err)
{
    QidoField *list = pacs_arena_array(arena, wishes->count, sizeof *list);
    QidoPath *paths = pacs_arena_array(arena, wishes->count, sizeof *paths);
    if (!list || !paths)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query");
    for (size_t at = 0; at < wishes->count;) {
        QidoField *field = &list[fields->count];
        at = take_field(wishes, at, paths, field);
        if (!find_source(fields->level, field->tag, &field->source))
            continue;
        paths += field->path_count;
        fields->needs_json = fields->needs_json || field->source == QIDO_JSON;
        fields->count++;
    }
    fields->fields = list;
    return PACS_OK;
}

PacsStatus qido_fields_choose(const QidoQuery *query, const PacsUidPath *path, PacsArena *arena,
                              QidoFields *ret_fields, PacsError *err)
{
    QidoFields fields = {.level = query->level};
    Wishes wishes = {.level = query->level};
    size_t room = DEFAULTS_MAX + COMPUTED_COUNT + count_kept() + 2 * query->shown_count;

    wishes.items = pacs_arena_array(arena, room, sizeof *wishes.items);
    if (!wishes.items)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query");
    wish_usual(&wishes, path);
    for (size_t i = 0; i < query->shown_count; i++)
        wish_shown(&wishes, &query->shown[i]);
    if (query->shows_all && query->level == PACS_LEVEL_INSTANCE)
        fields.shows_json = fields.needs_json = true;
    else if (query->shows_all)
        wish_all(&wishes);
    qsort(wishes.items, wishes.count, sizeof *wishes.items, compare_wishes);
    PacsStatus status = make_fields(&wishes, arena, &fields, err);
    if (status == PACS_OK)
        *ret_fields = fields;
    return status;
}
