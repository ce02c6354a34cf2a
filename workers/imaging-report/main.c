#include "workers/imaging-report/migrations.h"
#include "workers/imaging-report/reporter.h"

#define ARCHIVE(name) "org.sapoche.imaging." name ".v1"
#define PLATFORM(name) "org.sapoche.platform." name ".v1"

/** The report worker. What it does with each type of event: draft.c, publish.c. */

static PacsStatus decode(void *context, const WorkerRecord *record, PacsArena *arena,
                         EventsCloudEvent *ret_event, PacsError *err)
{
    const Reporter *reporter = context;

    return worker_mapping_decode(reporter->mapping, record, arena, ret_event, err);
}

static PacsStatus mapped_topics(const PacsConfig *config, PacsArena *arena, const char *const **ret_topics,
                                size_t *ret_count, PacsError *err)
{
    return worker_mapping_topics(pacs_config_value(config, "Worker.Mapping"), arena, ret_topics, ret_count,
                                 err);
}

/* A study's events follow each other by revision; a report's words by its own version (tables.h). */
static const WorkerHandler handlers[] = {
    {.type = ARCHIVE("study.arrived"), .aggregate = "study", .prepare = draft_prepare, .apply = draft_apply},
    {.type = ARCHIVE("study.updated"), .aggregate = "study", .prepare = draft_prepare, .apply = draft_apply},
    {.type = ARCHIVE("study.deleted"), .aggregate = "study", .apply = draft_remove_apply},
    {.type = PLATFORM("report.finalised"), .prepare = publish_prepare, .apply = publish_apply},
    {.type = PLATFORM("report.amended"), .prepare = publish_prepare, .apply = publish_apply},
    {.type = PLATFORM("report.cancelled"), .prepare = publish_prepare, .apply = publish_apply},
};

int main(int argc, char **argv)
{
    static const char *const topics[] = {"imaging.study.events.v1", "sapoche.report.events.v1"};
    const WorkerDefinition definition = {
        .name = "imaging-report",
        .migrations = imaging_report_migrations,
        .migration_count = imaging_report_migration_count,
        .topics = topics,
        .topic_count = sizeof topics / sizeof topics[0],
        .more_topics = mapped_topics,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof handlers[0],
        .decode = decode,
        .open = reporter_open,
        .close = reporter_close,
    };

    return worker_main(argc, argv, &definition);
}
