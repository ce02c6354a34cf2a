#include "workers/imaging-report/key_images.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "workers/imaging-report/attributes.h"

/* ---- What the archive tells ---- */

/* The caller's to json_decref(). An empty body (204) is an empty list. */
static PacsStatus parse_list(PacsSlice json, json_t **ret_list, PacsError *err)
{
    json_t *list = json.size == 0 ? json_array() : json_loadb(json.text, json.size, 0, NULL);

    if (!json_is_array(list)) {
        json_decref(list);
        return pacs_fail(err, PACS_UNSUPPORTED, "the archive's answer to a search is no DICOM JSON");
    }
    *ret_list = list;
    return PACS_OK;
}

static int compare_numbers(int64_t a, int64_t b, const char *a_uid, const char *b_uid)
{
    return a != b ? (a < b ? -1 : 1) : strcmp(a_uid, b_uid);
}

static int compare_series(const void *a, const void *b)
{
    const ReportSeries *left = a, *right = b;

    return compare_numbers(left->number, right->number, left->series_instance_uid,
                           right->series_instance_uid);
}

static int compare_instances(const void *a, const void *b)
{
    const ReportInstance *left = a, *right = b;

    return compare_numbers(left->number, right->number, left->sop_instance_uid, right->sop_instance_uid);
}

PacsStatus report_series_parse(PacsSlice json, PacsArena *arena, ReportSeries **ret_series, size_t *ret_count,
                               PacsError *err)
{
    json_t *list = NULL;

    const PacsStatus status = parse_list(json, &list, err);
    if (status != PACS_OK)
        return status;
    const size_t count = json_array_size(list);
    ReportSeries *series = pacs_arena_array(arena, count + 1, sizeof *series);
    for (size_t i = 0; series && i < count; i++) {
        const json_t *row = json_array_get(list, i);
        series[i] = (ReportSeries){
            .series_instance_uid = attribute_text(row, "0020000E", arena),
            .modality = attribute_text(row, "00080060", arena),
            .description = attribute_text(row, "0008103E", arena),
            .number = attribute_number(row, "00200011", INT32_MAX, INT32_MAX),
            .instance_count = (uint32_t)attribute_number(row, "00201209", INT32_MAX, 0)};
    }
    json_decref(list);
    if (!series)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu series", count);
    qsort(series, count, sizeof *series, compare_series);
    *ret_series = series;
    *ret_count = count;
    return PACS_OK;
}

PacsStatus report_instances_parse(PacsSlice json, PacsArena *arena, ReportInstance **ret_instances,
                                  size_t *ret_count, PacsError *err)
{
    json_t *list = NULL;

    const PacsStatus status = parse_list(json, &list, err);
    if (status != PACS_OK)
        return status;
    const size_t count = json_array_size(list);
    ReportInstance *instances = pacs_arena_array(arena, count + 1, sizeof *instances);
    for (size_t i = 0; instances && i < count; i++) {
        const json_t *row = json_array_get(list, i);
        const int64_t frames = attribute_number(row, "00280008", INT32_MAX, 1);
        instances[i] = (ReportInstance){.sop_class_uid = attribute_text(row, "00080016", arena),
                                        .sop_instance_uid = attribute_text(row, "00080018", arena),
                                        .series_instance_uid = attribute_text(row, "0020000E", arena),
                                        .number = attribute_number(row, "00200013", INT32_MAX, INT32_MAX),
                                        .frame_count = frames > 0 ? (uint32_t)frames : 1};
    }
    json_decref(list);
    if (!instances)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu instances", count);
    qsort(instances, count, sizeof *instances, compare_instances);
    *ret_instances = instances;
    *ret_count = count;
    return PACS_OK;
}

/* ---- Key object selections (PS3.3 A.35.4, PS3.16 TID 2010, CID 7010) ---- */

/* Titles that say something else than "look at these". */
static bool is_selection(const char *title)
{
    static const char *const others[] = {
        "113001", "113037", "113038", "113039",  /* rejected (IHE IOCM) */
        "113030", "113031", "113032", "113033",  /* manifests, all there is */
        "113034", "113035", "113036", "113022"}; /* acquisitions, groups of frames, states */
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(title, others[i]) == 0)
            return false;
    return true;
}

static bool is_marked(const ReportMark *marks, size_t count, const char *uid)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(marks[i].sop_instance_uid, uid) == 0)
            return true;
    return false;
}

static void mark(const json_t *item, PacsArena *arena, ReportMark *marks, size_t max, size_t *count)
{
    const json_t *reference = attribute_first(item, "00081199");
    const char *uid = attribute_text(reference, "00081155", arena);

    if (strcmp(attribute_text(item, "0040A040", arena), "IMAGE") != 0 || !*uid || *count == max ||
        is_marked(marks, *count, uid))
        return;
    marks[(*count)++] = (ReportMark){
        .sop_instance_uid = uid,
        .frame_number = (uint32_t)attribute_number(reference, "00081160", INT32_MAX, 0)};
}

PacsStatus report_marks_add(PacsSlice json, PacsArena *arena, ReportMark *marks, size_t max, size_t *count,
                            PacsError *err)
{
    json_t *list = NULL;

    const PacsStatus status = parse_list(json, &list, err);
    if (status != PACS_OK)
        return status;
    const json_t *document = json_array_get(list, 0);
    const json_t *title = attribute_first(document, "0040A043");
    const json_t *content = attribute_values(document, "0040A730");
    if (is_selection(attribute_text(title, "00080100", arena)))
        for (size_t i = 0; i < json_array_size(content); i++)
            mark(json_array_get(content, i), arena, marks, max, count);
    json_decref(list);
    return PACS_OK;
}

/* ---- The middle of each main series ---- */

#define SCOUT_INSTANCES 3 /* at most, beside series of at least */
#define MAIN_INSTANCES 10

static bool is_one_of(const char *modality, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(modality, *list) == 0)
            return true;
    return false;
}

/* Without pictures of their own. */
static bool has_images(const ReportSeries *series)
{
    static const char *const others[] = {
        "",           "SR",  "KO",  "PR",       "DOC",    "SEG",    "REG",      "FID",  "RWV", "AU",
        "ECG",        "HD",  "EPS", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "PLAN", "SMR", "STAIN",
        "TEXTUREMAP", "ANN", "M3D", "IVUS_R",   "RESP",   "EEG",    "EMG",      "EOG",  "CFM", NULL};
    return series->instance_count > 0 && !is_one_of(series->modality, others);
}

static bool is_volume(const ReportSeries *series)
{
    static const char *const volumes[] = {"CT", "MR", "PT", "NM", "OPT", "IVOCT", "IVUS", NULL};
    return is_one_of(series->modality, volumes);
}

static bool is_called_scout(const ReportSeries *series)
{
    static const char *const words[] = {"scout",   "localizer", "localiser", "topogram",
                                        "surview", "scanogram", "survey"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(series->description, words[i]))
            return true;
    return false;
}

static bool has_main_series(const ReportSeries *series, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_images(&series[i]) && !is_called_scout(&series[i]) &&
            series[i].instance_count >= MAIN_INSTANCES)
            return true;
    return false;
}

static bool is_scout(const ReportSeries *series)
{
    return is_called_scout(series) || (is_volume(series) && series->instance_count <= SCOUT_INSTANCES);
}

void report_key_shares(const ReportSeries *series, size_t count, uint32_t max, uint32_t *shares)
{
    const bool skip_scouts = has_main_series(series, count);

    memset(shares, 0, count * sizeof *shares);
    for (uint32_t given = 0; given < max; given++) {
        size_t best = count; /* the series with the fewest images so far, of those the largest */
        for (size_t i = 0; i < count; i++) {
            if (!has_images(&series[i]) || (skip_scouts && is_scout(&series[i])) ||
                shares[i] >= (is_volume(&series[i]) ? 1 : series[i].instance_count))
                continue;
            if (best == count || shares[i] < shares[best] ||
                (shares[i] == shares[best] && series[i].instance_count > series[best].instance_count))
                best = i;
        }
        if (best == count)
            break;
        shares[best]++;
    }
}

size_t report_key_place(size_t count, uint32_t share, uint32_t index)
{
    return (2 * (size_t)index + 1) * count / (2 * (size_t)share);
}
