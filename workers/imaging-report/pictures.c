#include "workers/imaging-report/pictures.h"

#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/limits.h"
#include "workers/imaging-report/jpeg.h"

#define SELECTIONS_MAX 16 /* key object selections that are looked into */

typedef struct Choice {
    const ReportArchive *archive;
    const char *study_uid;
    PacsArena *arena;
    const ReportSeries *series;
    size_t series_count;
    /* What was chosen. */
    ReportInstance instances[PACS_MAX_REPORT_IMAGES];
    uint32_t frame_numbers[PACS_MAX_REPORT_IMAGES];
    const char *captions[PACS_MAX_REPORT_IMAGES];
    size_t count;
} Choice;

static void choose(Choice *choice, const ReportInstance *instance, uint32_t frame_number, const char *caption)
{
    if (choice->count == PACS_MAX_REPORT_IMAGES || !*instance->sop_instance_uid ||
        !*instance->series_instance_uid)
        return;
    const bool is_frame = frame_number >= 1 && frame_number <= instance->frame_count;
    choice->instances[choice->count] = *instance;
    choice->frame_numbers[choice->count] = is_frame ? frame_number : instance->frame_count / 2 + 1;
    choice->captions[choice->count++] = caption;
}

/* ---- Images that somebody named ---- */

/* The UIDs are the sender's: only what is a UID goes into an address. */
static const char *join_uids(const Choice *choice, const ReportMark *marks, size_t count)
{
    PACS_AUTO_BUFFER PacsBuffer joined = PACS_BUFFER((size_t)PACS_MAX_REPORT_IMAGES * PACS_UID_SIZE);

    for (size_t i = 0; i < count; i++)
        if (pacs_uid_acceptable(pacs_slice(marks[i].sop_instance_uid)))
            (void)pacs_buffer_add_format(&joined, joined.size > 0 ? ",%s" : "%s", marks[i].sop_instance_uid);
    return pacs_arena_strdup(choice->arena, pacs_buffer_text(&joined));
}

static PacsStatus choose_marked(Choice *choice, const ReportMark *marks, const char *const *captions,
                                size_t count, PacsError *err)
{
    ReportInstance *found = NULL;
    size_t found_count = 0;

    if (count == 0)
        return PACS_OK;
    const char *uids = join_uids(choice, marks, count);
    if (!uids)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for key images");
    if (!*uids)
        return PACS_OK;
    const PacsStatus status = report_archive_instances(choice->archive, choice->study_uid, NULL, uids,
                                                       choice->arena, &found, &found_count, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++) /* in the order in which they were named */
        for (size_t f = 0; f < found_count; f++)
            if (strcmp(found[f].sop_instance_uid, marks[i].sop_instance_uid) == 0) {
                choose(choice, &found[f], marks[i].frame_number, captions ? captions[i] : "");
                break; /* under a second patient it is the same image */
            }
    return status;
}

static PacsStatus choose_of_report(Choice *choice, const Report *report, PacsError *err)
{
    ReportMark marks[PACS_MAX_REPORT_IMAGES];
    const char *captions[PACS_MAX_REPORT_IMAGES];
    const size_t count = report->key_image_count < PACS_MAX_REPORT_IMAGES ? report->key_image_count
                                                                          : PACS_MAX_REPORT_IMAGES;

    for (size_t i = 0; i < count; i++) {
        marks[i] = (ReportMark){report->key_images[i].sop_instance_uid, report->key_images[i].frame_number};
        captions[i] = report->key_images[i].caption;
    }
    return choose_marked(choice, marks, captions, count, err);
}

static PacsStatus choose_of_selections(Choice *choice, uint32_t max, PacsError *err)
{
    ReportMark marks[PACS_MAX_REPORT_IMAGES];
    const size_t mark_max = max < PACS_MAX_REPORT_IMAGES ? max : PACS_MAX_REPORT_IMAGES;
    size_t mark_count = 0, looked = 0;
    PacsStatus status = PACS_OK;

    for (size_t s = 0; status == PACS_OK && s < choice->series_count; s++) {
        ReportInstance *documents = NULL;
        size_t count = 0;
        if (strcmp(choice->series[s].modality, "KO") != 0)
            continue;
        status = report_archive_instances(choice->archive, choice->study_uid,
                                          choice->series[s].series_instance_uid, NULL, choice->arena,
                                          &documents, &count, err);
        for (size_t i = 0; status == PACS_OK && i < count && looked < SELECTIONS_MAX; i++, looked++) {
            PacsSlice json;
            status = report_archive_metadata(choice->archive, choice->study_uid, &documents[i], choice->arena,
                                             &json, err);
            if (status == PACS_OK)
                status = report_marks_add(json, choice->arena, marks, mark_max, &mark_count, err);
        }
    }
    return status == PACS_OK ? choose_marked(choice, marks, NULL, mark_count, err) : status;
}

/* ---- The middle of each main series ---- */

static PacsStatus choose_of_series(Choice *choice, const ReportSeries *series, uint32_t share, PacsError *err)
{
    ReportInstance *instances = NULL;
    size_t count = 0;

    const PacsStatus status = report_archive_instances(choice->archive, choice->study_uid,
                                                       series->series_instance_uid, NULL, choice->arena,
                                                       &instances, &count, err);
    if (status != PACS_OK || count == 0)
        return status;
    for (uint32_t i = 0; i < share; i++)
        choose(choice, &instances[report_key_place(count, share, i)], 0, "");
    return PACS_OK;
}

static PacsStatus choose_middles(Choice *choice, uint32_t max, PacsError *err)
{
    uint32_t *shares = pacs_arena_array(choice->arena, choice->series_count + 1, sizeof *shares);
    PacsStatus status = PACS_OK;

    if (!shares)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for key images");
    report_key_shares(choice->series, choice->series_count, max, shares);
    for (size_t i = 0; status == PACS_OK && i < choice->series_count; i++)
        if (shares[i] > 0)
            status = choose_of_series(choice, &choice->series[i], shares[i], err);
    return status;
}

static PacsStatus choose_images(Choice *choice, const Report *report, uint32_t max, PacsError *err)
{
    if (report->has_key_images)
        return choose_of_report(choice, report, err);
    const PacsStatus status = choose_of_selections(choice, max, err);
    return status == PACS_OK && choice->count == 0 ? choose_middles(choice, max, err) : status;
}

/* ---- As pictures ---- */

static const ReportSeries *series_of(const Choice *choice, const char *uid)
{
    static const ReportSeries none = {.modality = "", .description = ""};

    for (size_t i = 0; i < choice->series_count; i++)
        if (strcmp(choice->series[i].series_instance_uid, uid) == 0)
            return &choice->series[i];
    return &none;
}

/* "Lung window, 57/3": series, number, frame of many. */
static const char *caption_of(const Choice *choice, size_t index)
{
    const ReportInstance *instance = &choice->instances[index];
    const ReportSeries *series = series_of(choice, instance->series_instance_uid);
    const char *name = *series->description ? series->description : series->modality;
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1024);

    if (*choice->captions[index])
        return choice->captions[index];
    (void)pacs_buffer_add_text(&text, name);
    if (instance->number != INT32_MAX)
        (void)pacs_buffer_add_format(&text, "%s#%lld", text.size > 0 ? " " : "", (long long)instance->number);
    if (instance->frame_count > 1)
        (void)pacs_buffer_add_format(&text, " (%u/%u)", choice->frame_numbers[index], instance->frame_count);
    return pacs_arena_strdup(choice->arena, pacs_buffer_text(&text));
}

/* PACS_OK also where it is no picture: *ret_has says so. */
static PacsStatus fetch(const Choice *choice, size_t index, uint32_t side, PacsBuffer *jpegs,
                        ReportPicture *ret_picture, bool *ret_has, PacsError *err)
{
    const ReportInstance *instance = &choice->instances[index];
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(PACS_MAX_REPORT_PICTURE);
    ReportJpeg jpeg;

    *ret_has = false;
    PacsStatus status = report_archive_rendered(choice->archive, choice->study_uid, instance,
                                                choice->frame_numbers[index], side, &body, err);
    if (status == PACS_UNAVAILABLE || status == PACS_REFUSED || status == PACS_NO_MEMORY)
        return status;
    if (status != PACS_OK || report_jpeg_read(body.bytes, body.size, &jpeg, NULL) != PACS_OK)
        return PACS_OK;
    const char *caption = caption_of(choice, index);
    *ret_picture = (ReportPicture){.sop_class_uid = instance->sop_class_uid,
                                   .sop_instance_uid = instance->sop_instance_uid,
                                   .series_instance_uid = instance->series_instance_uid,
                                   .frame_number = choice->frame_numbers[index],
                                   .has_many_frames = instance->frame_count > 1,
                                   .caption = caption ? caption : "",
                                   .jpeg_size = body.size,
                                   .width = jpeg.width,
                                   .height = jpeg.height};
    *ret_has = pacs_buffer_add(jpegs, body.bytes, body.size); /* full: the pictures so far will do */
    return PACS_OK;
}

static PacsStatus fetch_all(const Choice *choice, uint32_t side, PacsBuffer *jpegs, ReportSubject *subject,
                            PacsError *err)
{
    PacsStatus status = PACS_OK;

    subject->pictures = pacs_arena_array(choice->arena, choice->count + 1, sizeof *subject->pictures);
    subject->picture_count = 0;
    if (!subject->pictures)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for pictures");
    for (size_t i = 0; status == PACS_OK && i < choice->count; i++) {
        bool has = false;
        status = fetch(choice, i, side, jpegs, &subject->pictures[subject->picture_count], &has, err);
        subject->picture_count += has ? 1 : 0;
    }
    for (size_t i = 0, offset = 0; i < subject->picture_count; i++) { /* now that the buffer grows no more */
        subject->pictures[i].jpeg = jpegs->bytes + offset;
        offset += subject->pictures[i].jpeg_size;
    }
    return status;
}

/* ---- The study ---- */

/* Of whose instance patient and study are read: the largest series says best what was examined. */
static const ReportSeries *main_series(const Choice *choice)
{
    uint32_t *shares = pacs_arena_array(choice->arena, choice->series_count + 1, sizeof *shares);

    if (shares)
        report_key_shares(choice->series, choice->series_count, 1, shares);
    for (size_t i = 0; shares && i < choice->series_count; i++)
        if (shares[i] > 0)
            return &choice->series[i];
    return &choice->series[0];
}

static PacsStatus read_study(const Choice *choice, ReportStudy *ret_study, PacsError *err)
{
    ReportInstance *instances = NULL;
    size_t count = 0;
    PacsSlice json;

    PacsStatus status = report_archive_instances(choice->archive, choice->study_uid,
                                                 main_series(choice)->series_instance_uid, NULL,
                                                 choice->arena, &instances, &count, err);
    if (status == PACS_OK && count == 0)
        status = pacs_fail(err, PACS_NOT_FOUND, "study %s is no longer in the archive", choice->study_uid);
    if (status == PACS_OK)
        status = report_archive_metadata(choice->archive, choice->study_uid, &instances[count / 2],
                                         choice->arena, &json, err);
    return status == PACS_OK ? report_study_parse(json, choice->study_uid, choice->arena, ret_study, err)
                             : status;
}

PacsStatus report_subject_read(const ReportArchive *archive, const Report *report,
                               const ReportPictureOptions *options, PacsArena *arena, PacsBuffer *jpegs,
                               ReportSubject *ret_subject, PacsError *err)
{
    Choice *choice = pacs_arena_alloc(arena, sizeof *choice);
    ReportSeries *series = NULL;
    ReportSubject subject = {0};

    if (!choice)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for key images");
    choice->archive = archive;
    choice->study_uid = report->study_instance_uid;
    choice->arena = arena;
    PacsStatus status = report_archive_series(archive, choice->study_uid, arena, &series,
                                              &choice->series_count, err);
    choice->series = series;
    if (status == PACS_OK)
        status = read_study(choice, &subject.study, err);
    if (status == PACS_OK)
        status = choose_images(choice, report, options->max, err);
    if (status == PACS_OK)
        status = fetch_all(choice, options->side, jpegs, &subject, err);
    if (status == PACS_OK)
        *ret_subject = subject;
    return status;
}
