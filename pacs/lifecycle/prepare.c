#include "pacs/lifecycle/prepare.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pacs/retrieve/converted_frame.h"
#include "pacs/retrieve/converted_object.h"
#include "pacs/retrieve/pictures.h"
#include "pacs/util/clock.h"

#define DEFAULT_POLL_MS 1000
#define CHANGES_PER_PAGE 100
#define RETRIES_MAX 60 /* seconds: then there is more wrong than a crowd */
#define FRAMES_MAX 256 /* of one instance: a viewer asks for the next ones while it shows these */
#define ARENA_MAX ((size_t)256 << 20) /* a frame table of 64 MiB, a list of a study's objects */

struct PacsPreparer {
    PacsPrepareOptions options;
    PacsRetrieve *retrieve;
    PacsIndex *index;
    PacsMetric *frames, *thumbnails, *failed; /* imaging_prepared_total{what} */
    PacsArena *arena;                         /* of one change */
    int64_t seq;                              /* of the last change that was looked at */
    uint64_t generation;
    bool has_missed; /* the feed could not be read */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stop;
};

static bool is_stopping(void *context)
{
    PacsPreparer *preparer = context;

    return atomic_load(&preparer->stop);
}

/** True when the thread is to end. */
static bool pause_for(PacsPreparer *preparer, uint32_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&preparer->lock);
    for (int rc = 0; !is_stopping(preparer) && rc != ETIMEDOUT;)
        rc = pthread_cond_timedwait(&preparer->wake, &preparer->lock, &until);
    (void)pthread_mutex_unlock(&preparer->lock);
    return is_stopping(preparer);
}

/** Nothing that fails here is anybody's loss; a crowd before the service is waited for. */
static bool is_worth_a_retry(PacsPreparer *preparer, PacsStatus status, unsigned *tries)
{
    return status == PACS_UNAVAILABLE && ++*tries < RETRIES_MAX && !pause_for(preparer, DEFAULT_POLL_MS);
}

/* ---- Frames ---- */

static PacsStatus prepare_frame(PacsPreparer *preparer, const PacsRetrievedImage *image,
                                uint32_t frame_number)
{
    const PacsFrameConversion conversion = {
        .image = image,
        .frame_number = frame_number,
        .target = {.transfer_syntax_uid = preparer->options.transfer_syntax_uid},
        .priority = TRANSCODE_BACKGROUND,
        .is_cancelled = is_stopping,
        .cancel_context = preparer};
    PacsStatus status = PACS_OK;
    unsigned tries = 0;

    do {
        TranscodeResult *result = NULL;
        status = pacs_retrieve_convert(preparer->retrieve, &conversion, &result, NULL);
        transcode_result_unref(result);
    } while (is_worth_a_retry(preparer, status, &tries));
    return status;
}

static bool is_worth_preparing(PacsPreparer *preparer, const PacsRetrievedImage *image)
{
    const TranscodeTarget target = {.transfer_syntax_uid = preparer->options.transfer_syntax_uid};
    TranscodeLayout layout;
    size_t size = 0;

    if (strcmp(image->object->transfer_syntax_uid, target.transfer_syntax_uid) == 0)
        return false;
    return pacs_retrieve_layout(preparer->retrieve, image, &layout, NULL) == PACS_OK &&
           transcode_layout_size(&layout, &size, NULL) == PACS_OK &&
           size >= preparer->options.minimum_frame_bytes &&
           pacs_retrieve_conversion_layout(preparer->retrieve, image, &target, &layout, NULL) == PACS_OK;
}

static void prepare_frames(PacsPreparer *preparer, const char *instance_id)
{
    PacsRetrievedImage *image = NULL;
    PacsUidPath path;

    if (pacs_retrieve_path(preparer->retrieve, instance_id, preparer->arena, &path, NULL) != PACS_OK ||
        pacs_retrieve_image(preparer->retrieve, &path, preparer->arena, &image, NULL) != PACS_OK ||
        !is_worth_preparing(preparer, image))
        return; /* deleted already, or nothing to be made of it */
    for (uint32_t i = 1; i <= image->frame_count && i <= FRAMES_MAX && !is_stopping(preparer); i++)
        pacs_metric_add(prepare_frame(preparer, image, i) == PACS_OK ? preparer->frames : preparer->failed,
                        1);
}

/* ---- Thumbnails ---- */

static PacsStatus make_thumbnail(PacsPreparer *preparer, const PacsUidPath *path)
{
    const PacsInstanceName name = {.path = path};
    const PacsPictureWish wish = PACS_PICTURE_THUMBNAIL;
    const PacsPictureWaiting waiting = {
        .priority = TRANSCODE_BACKGROUND, .is_cancelled = is_stopping, .context = preparer};
    PacsPicture *picture = NULL;
    unsigned tries = 0;

    PacsStatus status = pacs_picture_find(preparer->retrieve, &name, &wish, preparer->arena, &picture, NULL);
    if (status != PACS_OK)
        return status;
    do {
        TranscodeResult *result = NULL;
        status = pacs_picture_make(preparer->retrieve, picture, &waiting, &result, NULL);
        transcode_result_unref(result);
    } while (is_worth_a_retry(preparer, status, &tries));
    return status;
}

/* The UIDs of a study or series. */
static PacsStatus find_path(PacsPreparer *preparer, PacsLevel level, const char *id, PacsUidPath *ret_path)
{
    static const PacsTag uids[] = {
        [PACS_LEVEL_STUDY] = PACS_TAG_STUDY_INSTANCE_UID, [PACS_LEVEL_SERIES] = PACS_TAG_SERIES_INSTANCE_UID};
    PacsResource *resource = NULL;
    const char *uid = NULL;

    PacsStatus status = pacs_index_find(preparer->index, level, id, PACS_WITH_TAGS, preparer->arena,
                                        &resource, NULL);
    for (size_t i = 0; status == PACS_OK && i < resource->tag_count; i++)
        if (resource->tags[i].tag == uids[level])
            uid = resource->tags[i].value;
    if (!uid)
        return status == PACS_OK ? PACS_NOT_FOUND : status;
    if (level == PACS_LEVEL_STUDY) {
        *ret_path = (PacsUidPath){.study_uid = uid};
        return PACS_OK;
    }
    status = find_path(preparer, PACS_LEVEL_STUDY, resource->parent_id, ret_path);
    ret_path->series_uid = uid;
    return status;
}

static void prepare_thumbnail(PacsPreparer *preparer, PacsLevel level, const char *id)
{
    PacsUidPath path = {0}, instance;

    if (find_path(preparer, level, id, &path) != PACS_OK ||
        pacs_picture_representative(preparer->retrieve, &path, preparer->arena, &instance, NULL) != PACS_OK)
        return; /* deleted already */
    pacs_metric_add(make_thumbnail(preparer, &instance) == PACS_OK ? preparer->thumbnails : preparer->failed,
                    1);
}

/* ---- The feed ---- */

static void prepare(PacsPreparer *preparer, const PacsChange *change)
{
    switch (change->type) {
    case PACS_CHANGE_NEW_INSTANCE:
        if (preparer->options.transfer_syntax_uid)
            prepare_frames(preparer, change->id);
        break;
    case PACS_CHANGE_STABLE_SERIES:
    case PACS_CHANGE_STABLE_STUDY:
        if (preparer->options.makes_thumbnails)
            prepare_thumbnail(preparer, change->level, change->id);
        break;
    default:
        break;
    }
}

static uint32_t wanted_types(const PacsPrepareOptions *options)
{
    uint32_t mask = 0;

    if (options->transfer_syntax_uid)
        mask |= 1u << PACS_CHANGE_NEW_INSTANCE;
    if (options->makes_thumbnails)
        mask |= 1u << PACS_CHANGE_STABLE_SERIES | 1u << PACS_CHANGE_STABLE_STUDY;
    return mask;
}

/** A page of the feed; true where more may wait. */
static bool follow(PacsPreparer *preparer)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const PacsChangeQuery query = {.since = preparer->seq,
                                   .to = -1,
                                   .limit = CHANGES_PER_PAGE,
                                   .type_mask = wanted_types(&preparer->options)};
    PacsChangePage page;

    if (!arena || pacs_index_read_changes(preparer->index, &query, arena, &page, NULL) != PACS_OK) {
        preparer->has_missed = true; /* asked again, whether something is written or not */
        return false;
    }
    for (size_t i = 0; i < page.count && !is_stopping(preparer); i++) {
        pacs_arena_reset(preparer->arena);
        prepare(preparer, &page.changes[i]);
        preparer->seq = page.changes[i].seq;
    }
    return !page.done;
}

/* Where nothing was written, nothing has to be asked. */
static bool has_changed(PacsPreparer *preparer)
{
    uint64_t generation = 0;

    if (!pacs_index_generation(preparer->index, &generation))
        return true;
    const bool has = preparer->has_missed || generation != preparer->generation;
    preparer->generation = generation;
    preparer->has_missed = false;
    return has;
}

static void *run(void *argument)
{
    PacsPreparer *preparer = argument;

    while (!pause_for(preparer, preparer->options.poll_ms)) {
        if (!has_changed(preparer))
            continue;
        while (follow(preparer) && !is_stopping(preparer)) {
        }
    }
    return NULL;
}

/* With all signals blocked, so that these reach the main thread. */
static bool start_thread(PacsPreparer *preparer)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&preparer->thread, NULL, run, preparer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        (void)pthread_setname_np(preparer->thread, "prepare");
    return rc == 0;
}

static PacsStatus find_end(PacsPreparer *preparer, PacsError *err)
{
    const PacsChangeQuery query = {.since = -1, .to = -1, .limit = 1, .last_only = true};
    PacsChangePage page;

    PacsStatus status = pacs_index_read_changes(preparer->index, &query, preparer->arena, &page, err);
    if (status == PACS_OK)
        preparer->seq = page.last_seq;
    return status;
}

static void count_in(PacsPreparer *preparer, PacsMetrics *metrics)
{
    PacsMetricFamily *family = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_prepared_total",
                                                   "Frames and thumbnails made before anybody asked.",
                                                   "what");

    preparer->frames = pacs_metric(family, "frame", NULL);
    preparer->thumbnails = pacs_metric(family, "thumbnail", NULL);
    preparer->failed = pacs_metric(family, "failed", NULL);
}

PacsStatus pacs_preparer_new(const PacsPrepareOptions *options, PacsRetrieve *retrieve, PacsIndex *index,
                             PacsMetrics *metrics, PacsPreparer **ret_preparer, PacsError *err)
{
    pthread_condattr_t attributes;
    PacsPreparer *preparer = calloc(1, sizeof *preparer);

    if (!preparer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to prepare frames");
    *preparer = (PacsPreparer){.options = *options, .retrieve = retrieve, .index = index};
    if (preparer->options.poll_ms == 0)
        preparer->options.poll_ms = DEFAULT_POLL_MS;
    count_in(preparer, metrics);
    preparer->arena = pacs_arena_new(ARENA_MAX);
    PacsStatus status = preparer->arena ? find_end(preparer, err)
                                        : pacs_fail(err, PACS_NO_MEMORY, "no memory to prepare frames");
    if (status != PACS_OK) {
        pacs_arena_free(preparer->arena);
        free(preparer);
        return status;
    }
    /* On Linux these allocate nothing and cannot fail with these attributes. */
    (void)pthread_mutex_init(&preparer->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&preparer->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (!start_thread(preparer)) {
        pacs_arena_free(preparer->arena);
        free(preparer);
        return pacs_fail(err, PACS_UNAVAILABLE, "no thread to prepare frames");
    }
    *ret_preparer = preparer;
    return PACS_OK;
}

void pacs_preparer_free(PacsPreparer *preparer)
{
    if (!preparer)
        return;
    (void)pthread_mutex_lock(&preparer->lock);
    atomic_store(&preparer->stop, true);
    (void)pthread_cond_signal(&preparer->wake);
    (void)pthread_mutex_unlock(&preparer->lock);
    (void)pthread_join(preparer->thread, NULL);
    (void)pthread_cond_destroy(&preparer->wake);
    (void)pthread_mutex_destroy(&preparer->lock);
    pacs_arena_free(preparer->arena);
    free(preparer);
}
