#include "events/kafka/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/kafka/client.h"
#include "pacs/util/clock.h"

#define TIMEOUT_MS 60000
#define AWAIT_STEP_MS 100
#define LINE_MAX_SIZE 256

struct EventsAdmin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *answers;
};

/* ---- The plan ---- */

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the topics");
}

static void add_config(EventsTopicPlan *plan, PacsArena *arena, const char *name, int64_t value)
{
    plan->configs[plan->config_count++] = (EventsKafkaProperty){
        .name = name, .value = pacs_arena_printf(arena, "%" PRId64, value)};
}

/** What the operator says counts; fewer replicas than are to be in step would take no write. */
static uint64_t min_insync(const EventsKafkaSettings *settings, uint64_t replicas)
{
    if (settings->min_insync_replicas)
        return settings->min_insync_replicas;
    return replicas < EVENTS_TOPIC_MIN_INSYNC ? replicas : EVENTS_TOPIC_MIN_INSYNC;
}

static PacsStatus plan_topic(const EventsKafkaSettings *settings, const EventsTopic *topic, const char *lane,
                             PacsArena *arena, EventsTopicPlan *plan, PacsError *err)
{
    const uint64_t replicas = settings->replication_factor ? settings->replication_factor
                                                           : EVENTS_TOPIC_REPLICATION;

    *plan = (EventsTopicPlan){
        .partitions = (uint32_t)(settings->partitions ? settings->partitions : EVENTS_TOPIC_PARTITIONS),
        .replicas = (uint32_t)replicas};
    plan->configs[plan->config_count++] = (EventsKafkaProperty){.name = "cleanup.policy",
                                                                .value = topic->cleanup_policy};
    add_config(plan, arena, "retention.ms", topic->retention_ms);
    add_config(plan, arena, "min.insync.replicas", (int64_t)min_insync(settings, replicas));
    if (topic->min_compaction_lag_ms)
        add_config(plan, arena, "min.compaction.lag.ms", topic->min_compaction_lag_ms);
    if (topic->delete_retention_ms)
        add_config(plan, arena, "delete.retention.ms", topic->delete_retention_ms);
    for (size_t i = 0; i < plan->config_count; i++) {
        if (!plan->configs[i].value)
            return no_memory(err);
    }
    return events_topic_name(topic, settings->topic_prefix, lane, plan->name, err);
}

static size_t count_topics(void)
{
    const EventsTopic *topic;
    size_t lanes = 0, count = 0;

    while (events_lane_at(lanes))
        lanes++;
    for (size_t i = 0; (topic = events_topic_at(i)); i++)
        count += topic->has_lanes ? lanes : 1;
    return count;
}

PacsStatus events_topics_plan(const EventsKafkaSettings *settings, PacsArena *arena,
                              EventsTopicPlan **ret_plan, size_t *ret_count, PacsError *err)
{
    EventsTopicPlan *plan = pacs_arena_array(arena, count_topics(), sizeof *plan);
    const EventsTopic *topic;
    const char *lane;
    size_t count = 0;

    if (!plan)
        return no_memory(err);
    for (size_t i = 0; (topic = events_topic_at(i)); i++) {
        for (size_t j = 0; (lane = events_lane_at(j)) && (j == 0 || topic->has_lanes); j++) {
            PacsStatus status = plan_topic(settings, topic, lane, arena, &plan[count++], err);
            if (status != PACS_OK)
                return status;
        }
    }
    *ret_plan = plan;
    *ret_count = count;
    return PACS_OK;
}

/* ---- The client ---- */

PacsStatus events_admin_new(const EventsKafkaSettings *settings, EventsAdmin **ret_admin, PacsError *err)
{
    static const EventsKafkaProperty own[] = {{"allow.auto.create.topics", "false"}};
    rd_kafka_conf_t *conf = NULL;
    PACS_AUTO(EventsAdmin) admin = calloc(1, sizeof *admin);
    if (!admin)
        return no_memory(err);

    PacsStatus status = events_kafka_conf_new(settings, own, 1, &conf, err);
    if (status == PACS_OK)
        status = events_kafka_open(RD_KAFKA_PRODUCER, conf, &admin->rk, err);
    if (status != PACS_OK)
        return status;
    admin->answers = rd_kafka_queue_new(admin->rk);
    *ret_admin = PACS_STEAL(admin);
    return PACS_OK;
}

void events_admin_free(EventsAdmin *admin)
{
    if (!admin)
        return;
    if (admin->answers)
        rd_kafka_queue_destroy(admin->answers);
    if (admin->rk)
        rd_kafka_destroy(admin->rk);
    free(admin);
}

static rd_kafka_AdminOptions_t *options(EventsAdmin *admin, rd_kafka_admin_op_t operation)
{
    rd_kafka_AdminOptions_t *made = rd_kafka_AdminOptions_new(admin->rk, operation);

    /* Both are far inside what it takes, and there is no other way to fail. */
    (void)rd_kafka_AdminOptions_set_request_timeout(made, TIMEOUT_MS, NULL, 0);
    if (operation == RD_KAFKA_ADMIN_OP_CREATETOPICS)
        (void)rd_kafka_AdminOptions_set_operation_timeout(made, TIMEOUT_MS, NULL,
                                                          0); /* until leaders are known */
    return made;
}

/** Wait for the answer to what was asked; its own error becomes ours. */
static PacsStatus take_answer(EventsAdmin *admin, rd_kafka_event_t **ret_answer, PacsError *err)
{
    rd_kafka_event_t *answer = rd_kafka_queue_poll(admin->answers, TIMEOUT_MS + 1000);

    if (!answer)
        return pacs_fail(err, PACS_UNAVAILABLE, "no broker answers");
    if (rd_kafka_event_error(answer)) {
        PacsStatus status = pacs_fail(err, events_kafka_status(rd_kafka_event_error(answer)), "%s",
                                      rd_kafka_event_error_string(answer));
        rd_kafka_event_destroy(answer);
        return status;
    }
    *ret_answer = answer;
    return PACS_OK;
}

/* ---- What is there ---- */

static PacsStatus read_metadata(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count,
                                const struct rd_kafka_metadata **ret_metadata, PacsError *err)
{
    rd_kafka_topic_t **handles = calloc(count + 1, sizeof(rd_kafka_topic_t *));

    if (!handles)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        handles[i] = rd_kafka_topic_new(admin->rk, plan[i].name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->rk, 0, NULL, ret_metadata, TIMEOUT_MS); /* of these */
    for (size_t i = 0; i < count; i++) {
        if (handles[i])
            rd_kafka_topic_destroy(handles[i]);
    }
    free(handles);
    return code
               ? pacs_fail(err, PACS_UNAVAILABLE, "no broker tells of the topics: %s", rd_kafka_err2str(code))
               : PACS_OK;
}

static const rd_kafka_metadata_topic_t *find_metadata(const struct rd_kafka_metadata *metadata,
                                                      const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0)
            return &metadata->topics[i];
    }
    return NULL;
}

static bool is_there(const struct rd_kafka_metadata *metadata, const EventsTopicPlan *plan)
{
    const rd_kafka_metadata_topic_t *topic = find_metadata(metadata, plan->name);

    return topic && topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && topic->partition_cnt > 0;
}

/* ---- Verify ---- */

typedef struct Findings {
    EventsTopicReport *report;
    void *context;
    size_t count;
} Findings;

static void PACS_PRINTF(3, 4) find(Findings *findings, const char *topic, const char *fmt, ...)
{
    char line[LINE_MAX_SIZE];
    va_list arguments;

    va_start(arguments, fmt);
    (void)vsnprintf(line, sizeof line, fmt, arguments);
    va_end(arguments);
    findings->count++;
    findings->report(findings->context, topic, line);
}

static void verify_shape(const struct rd_kafka_metadata *metadata, const EventsTopicPlan *plan,
                         Findings *findings)
{
    const rd_kafka_metadata_topic_t *topic = find_metadata(metadata, plan->name);

    if (topic && topic->err && topic->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        find(findings, plan->name, "%s", rd_kafka_err2str(topic->err));
        return;
    }
    if (!topic || topic->partition_cnt == 0) {
        find(findings, plan->name, "is missing");
        return;
    }
    if ((uint32_t)topic->partition_cnt != plan->partitions)
        find(findings, plan->name, "partitions: %d, not %u", topic->partition_cnt, plan->partitions);
    for (int i = 0; i < topic->partition_cnt; i++) {
        if ((uint32_t)topic->partitions[i].replica_cnt != plan->replicas) {
            find(findings, plan->name, "replicas of partition %d: %d, not %u", topic->partitions[i].id,
                 topic->partitions[i].replica_cnt, plan->replicas);
            return;
        }
    }
}

static const char *config_value(const rd_kafka_ConfigEntry_t **entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    }
    return NULL;
}

static void verify_configs(const rd_kafka_ConfigResource_t *resource, const EventsTopicPlan *plan,
                           Findings *findings)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

    if (rd_kafka_ConfigResource_error(resource)) {
        find(findings, plan->name, "its settings cannot be read: %s",
             rd_kafka_err2str(rd_kafka_ConfigResource_error(resource)));
        return;
    }
    for (size_t i = 0; i < plan->config_count; i++) {
        const char *value = config_value(entries, count, plan->configs[i].name);
        if (!value || strcmp(value, plan->configs[i].value) != 0)
            find(findings, plan->name, "%s: %s, not %s", plan->configs[i].name, value ? value : "unknown",
                 plan->configs[i].value);
    }
}

static const EventsTopicPlan *find_plan(const EventsTopicPlan *plan, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(plan[i].name, name) == 0)
            return &plan[i];
    }
    return NULL;
}

static PacsStatus take_configs(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count,
                               Findings *findings, PacsError *err)
{
    rd_kafka_event_t *answer = NULL;
    size_t resource_count = 0;

    PacsStatus status = take_answer(admin, &answer, err);
    if (status != PACS_OK)
        return status;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(answer), &resource_count);
    for (size_t i = 0; i < resource_count; i++) {
        const EventsTopicPlan *of = find_plan(plan, count, rd_kafka_ConfigResource_name(resources[i]));
        if (of)
            verify_configs(resources[i], of, findings);
    }
    rd_kafka_event_destroy(answer);
    return PACS_OK;
}

static PacsStatus ask_configs(EventsAdmin *admin, const struct rd_kafka_metadata *metadata,
                              const EventsTopicPlan *plan, size_t count, Findings *findings, PacsError *err)
{
    rd_kafka_ConfigResource_t **asked = calloc(count + 1, sizeof(rd_kafka_ConfigResource_t *));
    size_t asked_count = 0;
    PacsStatus status = PACS_OK;

    if (!asked)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (is_there(metadata, &plan[i]))
            asked[asked_count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, plan[i].name);
    }
    if (asked_count > 0) {
        rd_kafka_AdminOptions_t *how = options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
        rd_kafka_DescribeConfigs(admin->rk, asked, asked_count, how, admin->answers);
        rd_kafka_AdminOptions_destroy(how);
        status = take_configs(admin, plan, count, findings, err);
    }
    rd_kafka_ConfigResource_destroy_array(asked, asked_count);
    free(asked);
    return status;
}

PacsStatus events_admin_verify(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count,
                               EventsTopicReport *report, void *context, size_t *ret_differences,
                               PacsError *err)
{
    Findings findings = {.report = report, .context = context};
    const struct rd_kafka_metadata *metadata = NULL;

    PacsStatus status = read_metadata(admin, plan, count, &metadata, err);
    if (status != PACS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        verify_shape(metadata, &plan[i], &findings);
    status = ask_configs(admin, metadata, plan, count, &findings, err);
    rd_kafka_metadata_destroy(metadata);
    if (status == PACS_OK)
        *ret_differences = findings.count;
    return status;
}

/* ---- Create ---- */

static rd_kafka_NewTopic_t *new_topic(const EventsTopicPlan *plan)
{
    char text[LINE_MAX_SIZE];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(plan->name, (int)plan->partitions, (int)plan->replicas,
                                                       text, sizeof text);

    for (size_t i = 0; topic && i < plan->config_count; i++)
        (void)rd_kafka_NewTopic_set_config(topic, plan->configs[i].name,
                                           plan->configs[i].value); /* never fails */
    return topic;
}

static PacsStatus take_created(EventsAdmin *admin, EventsTopicReport *report, void *context, PacsError *err)
{
    rd_kafka_event_t *answer = NULL;
    size_t count = 0;

    PacsStatus status = take_answer(admin, &answer, err);
    if (status != PACS_OK)
        return status;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(answer), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        const char *name = rd_kafka_topic_result_name(results[i]);
        if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            report(context, name, code ? "was made by another" : "made");
            continue;
        }
        const char *text = rd_kafka_topic_result_error_string(results[i]);
        report(context, name, text ? text : rd_kafka_err2str(code));
        status = pacs_fail(err, events_kafka_status(code), "topic '%s' cannot be made: %s", name,
                           text ? text : rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(answer);
    return status;
}

static bool answer_knows_all(rd_kafka_event_t *answer)
{
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(answer), &count);

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_ConfigResource_error(resources[i]) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            return false;
    }
    return true;
}

/** Metadata are anybody's answer; settings can be asked of one broker. */
static bool broker_knows_all(EventsAdmin *admin, int32_t broker, const EventsTopicPlan *plan, size_t count)
{
    rd_kafka_ConfigResource_t **asked = calloc(count + 1, sizeof(rd_kafka_ConfigResource_t *));
    rd_kafka_AdminOptions_t *how = options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_event_t *answer = NULL;
    bool knows = false;

    if (asked) {
        for (size_t i = 0; i < count; i++)
            asked[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, plan[i].name);
        (void)rd_kafka_AdminOptions_set_broker(how, broker, NULL, 0); /* refused for a negative id only */
        rd_kafka_DescribeConfigs(admin->rk, asked, count, how, admin->answers);
        knows = take_answer(admin, &answer, NULL) == PACS_OK && answer_knows_all(answer);
        rd_kafka_ConfigResource_destroy_array(asked, count);
    }
    if (answer)
        rd_kafka_event_destroy(answer);
    rd_kafka_AdminOptions_destroy(how);
    free(asked);
    return knows;
}

static bool all_know_all(EventsAdmin *admin, const struct rd_kafka_metadata *metadata,
                         const EventsTopicPlan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_there(metadata, &plan[i]))
            return false;
    }
    for (int i = 0; i < metadata->broker_cnt; i++) {
        if (!broker_knows_all(admin, metadata->brokers[i].id, plan, count))
            return false;
    }
    return true;
}

/** Brokers learn of a new topic a moment after it was made, each at its own time: whoever is asked next has to know it. */
static PacsStatus await_all(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count, PacsError *err)
{
    const uint64_t start_ns = pacs_monotonic_ns();

    for (;;) {
        const struct rd_kafka_metadata *metadata = NULL;
        PacsStatus status = read_metadata(admin, plan, count, &metadata, err);
        if (status != PACS_OK)
            return status;
        const bool known = all_know_all(admin, metadata, plan, count);
        rd_kafka_metadata_destroy(metadata);
        if (known)
            return PACS_OK;
        if (pacs_monotonic_ns() - start_ns > TIMEOUT_MS * UINT64_C(1000000))
            return pacs_fail(err, PACS_UNAVAILABLE, "the topics were made, but not every broker knows them");
        (void)rd_kafka_poll(admin->rk, AWAIT_STEP_MS);
    }
}

static PacsStatus create(EventsAdmin *admin, rd_kafka_NewTopic_t **topics, size_t count,
                         EventsTopicReport *report, void *context, PacsError *err)
{
    rd_kafka_AdminOptions_t *how = options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);

    rd_kafka_CreateTopics(admin->rk, topics, count, how, admin->answers);
    rd_kafka_AdminOptions_destroy(how);
    return take_created(admin, report, context, err);
}

PacsStatus events_admin_create_missing(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count,
                                       EventsTopicReport *report, void *context, PacsError *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    size_t missing = 0;

    PacsStatus status = read_metadata(admin, plan, count, &metadata, err);
    if (status != PACS_OK)
        return status;
    rd_kafka_NewTopic_t **topics = calloc(count + 1, sizeof(rd_kafka_NewTopic_t *));
    for (size_t i = 0; topics && i < count; i++) {
        if (is_there(metadata, &plan[i]))
            continue;
        topics[missing] = new_topic(&plan[i]);
        if (!topics[missing++])
            status = pacs_fail(err, PACS_INVALID, "librdkafka refuses the topic '%s'", plan[i].name);
    }
    if (!topics)
        status = no_memory(err);
    if (status == PACS_OK && missing > 0)
        status = create(admin, topics, missing, report, context, err);
    if (status == PACS_OK && missing > 0)
        status = await_all(admin, plan, count, err);
    for (size_t i = 0; i < missing; i++) {
        if (topics[i])
            rd_kafka_NewTopic_destroy(topics[i]);
    }
    free(topics);
    rd_kafka_metadata_destroy(metadata);
    return status;
}
