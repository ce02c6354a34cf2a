#pragma once

#include "events/contract/topics.h"
#include "events/kafka/settings.h"

/**
 * The topics of a cluster as they are to be, and as they are. The service never makes a topic by itself; an operator does,
 * with `lightbox topics`.
 */
typedef struct EventsAdmin EventsAdmin;

#define EVENTS_TOPIC_CONFIGS_MAX 6

typedef struct EventsTopicPlan {
    char name[EVENTS_TOPIC_SIZE];
    uint32_t partitions, replicas;
    EventsKafkaProperty configs[EVENTS_TOPIC_CONFIGS_MAX];
    size_t config_count;
} EventsTopicPlan;

/** The table of topics with each of its lanes, as the settings would have them: prefix, numbers. In the arena. */
PACS_CHECKED PacsStatus events_topics_plan(const EventsKafkaSettings *settings, PacsArena *arena,
                                           EventsTopicPlan **ret_plan, size_t *ret_count, PacsError *err);

/** Errors: PACS_INVALID (settings that librdkafka refuses). */
PACS_CHECKED PacsStatus events_admin_new(const EventsKafkaSettings *settings, EventsAdmin **ret_admin,
                                         PacsError *err);
void events_admin_free(EventsAdmin *admin);
PACS_DEFINE_AUTO(EventsAdmin, events_admin_free);

/** Told of each topic: what was done, or what is not as it should be ("is missing", "partitions: 3, not 12"). */
typedef void EventsTopicReport(void *context, const char *topic, const char *text);

/**
 * Hold the topics against the plan; each difference is reported. *ret_differences counts them.
 * Errors: PACS_UNAVAILABLE (no broker answers within a minute), PACS_REFUSED (not for us to look at).
 */
PACS_CHECKED PacsStatus events_admin_verify(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count,
                                            EventsTopicReport *report, void *context, size_t *ret_differences,
                                            PacsError *err);

/** Make those that are missing; each is reported. What is there stays as it is: more partitions would put keys elsewhere,
 *  and other settings may be somebody's intention. Errors: as above, and the broker's. */
PACS_CHECKED PacsStatus events_admin_create_missing(EventsAdmin *admin, const EventsTopicPlan *plan,
                                                    size_t count, EventsTopicReport *report, void *context,
                                                    PacsError *err);
