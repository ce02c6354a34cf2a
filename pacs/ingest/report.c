#include "pacs/ingest/report.h"

#include <string.h>

#include "pacs/dicom/json_item.h"
#include "pacs/util/limits.h"

bool ingest_is_report(const PacsInstance *instance)
{
    static const char *const classes[] = {
        "1.2.840.10008.5.1.4.1.1.104.1", /* Encapsulated PDF */
        "1.2.840.10008.5.1.4.1.1.104.2", /* Encapsulated CDA */
        "1.2.840.10008.5.1.4.1.1.88.11", /* Basic Text SR */
        "1.2.840.10008.5.1.4.1.1.88.22", /* Enhanced SR */
        "1.2.840.10008.5.1.4.1.1.88.33", /* Comprehensive SR */
        "1.2.840.10008.5.1.4.1.1.88.34", /* Comprehensive 3D SR */
    };

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(instance->sop_class_uid, classes[i]) == 0)
            return true;
    return false;
}

/** The first value; NULL where there is none. */
static const char *text_of(const PacsJsonItem *item, PacsTag tag, PacsArena *arena)
{
    return pacs_json_item_text(item, tag, 0).size > 0 ? pacs_json_item_string(item, tag, 0, arena) : NULL;
}

static void read_title(const PacsJsonItem *dataset, PacsArena *arena, PacsReportFacts *facts)
{
    PacsJsonItem title;

    if (pacs_json_item_of(dataset, PACS_TAG_CONCEPT_NAME_CODE_SEQUENCE, 0, arena, &title, NULL) != PACS_OK)
        return;
    facts->title_code = text_of(&title, PACS_TAG_CODE_VALUE, arena);
    facts->title_scheme = text_of(&title, PACS_TAG_CODING_SCHEME_DESIGNATOR, arena);
}

/* ---- Predecessors: studies, in them series, in them instances ---- */

typedef struct Predecessors {
    PacsArena *arena;
    const char *uids[PACS_MAX_REPORT_PREDECESSORS];
    size_t count;
} Predecessors;

static void add_instance(Predecessors *all, const PacsJsonItem *item)
{
    const char *uid = text_of(item, PACS_TAG_REFERENCED_SOP_INSTANCE_UID, all->arena);

    if (uid && all->count < PACS_MAX_REPORT_PREDECESSORS)
        all->uids[all->count++] = uid;
}

static void walk(Predecessors *all, const PacsJsonItem *item, unsigned depth)
{
    static const PacsTag path[] = {PACS_TAG_PREDECESSOR_DOCUMENTS_SEQUENCE,
                                   PACS_TAG_REFERENCED_SERIES_SEQUENCE, PACS_TAG_REFERENCED_SOP_SEQUENCE};
    const PacsJsonAttribute *sequence = depth < 3 ? pacs_json_item_find(item, path[depth]) : NULL;
    PacsSlice cursor = {0};
    PacsSlice text;

    if (depth == 3)
        add_instance(all, item);
    while (sequence && all->count < PACS_MAX_REPORT_PREDECESSORS &&
           pacs_json_item_next(sequence, &cursor, &text)) {
        PacsJsonItem below;
        if (pacs_json_item_parse(text, all->arena, &below, NULL) == PACS_OK)
            walk(all, &below, depth + 1);
    }
}

static PacsStatus read_predecessors(const PacsJsonItem *dataset, PacsArena *arena, PacsReportFacts *facts,
                                    PacsError *err)
{
    Predecessors all = {.arena = arena};

    walk(&all, dataset, 0);
    const char **uids = pacs_arena_array(arena, all.count + 1, sizeof *uids);
    if (!uids)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for what a report takes the place of");
    memcpy(uids, all.uids, all.count * sizeof *uids);
    facts->predecessors = uids;
    facts->predecessor_count = all.count;
    return PACS_OK;
}

PacsStatus ingest_report_facts(const PacsInstance *instance, PacsArena *arena,
                               const PacsReportFacts **ret_facts, PacsError *err)
{
    PacsJsonItem dataset;

    *ret_facts = NULL;
    if (!ingest_is_report(instance))
        return PACS_OK;
    PacsReportFacts *facts = pacs_arena_alloc(arena, sizeof *facts);
    if (!facts)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for what a report says of itself");
    const PacsSlice json = {pacs_buffer_text(instance->json), instance->json->size};
    PacsStatus status = pacs_json_item_parse(json, arena, &dataset, err);
    if (status != PACS_OK)
        return status;
    read_title(&dataset, arena, facts);
    facts->completion = text_of(&dataset, PACS_TAG_COMPLETION_FLAG, arena);
    facts->verification = text_of(&dataset, PACS_TAG_VERIFICATION_FLAG, arena);
    facts->content_date = text_of(&dataset, PACS_TAG_CONTENT_DATE, arena);
    facts->content_time = text_of(&dataset, PACS_TAG_CONTENT_TIME, arena);
    status = read_predecessors(&dataset, arena, facts, err);
    if (status == PACS_OK)
        *ret_facts = facts;
    return status;
}
