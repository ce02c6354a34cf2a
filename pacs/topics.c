#include "pacs/topics.h"

#include <stdio.h>

#include "events/kafka/admin.h"
#include "events/relay/settings.h"

#define ARENA_MAX (16u << 20)

static void print_line(void *context, const char *topic, const char *text)
{
    (void)context;
    (void)printf("%s: %s\n", topic, text);
}

static PacsStatus hold_against_plan(EventsAdmin *admin, const EventsTopicPlan *plan, size_t count,
                                    bool ensure, bool *ret_sound, PacsError *err)
{
    size_t differences = 0;

    PacsStatus status = ensure ? events_admin_create_missing(admin, plan, count, print_line, NULL, err)
                               : PACS_OK;
    if (status == PACS_OK)
        status = events_admin_verify(admin, plan, count, print_line, NULL, &differences, err);
    if (status != PACS_OK)
        return status;
    (void)printf("%zu topics, %zu differences\n", count, differences);
    *ret_sound = differences == 0;
    return PACS_OK;
}

PacsStatus pacs_topics_command(const PacsSettings *settings, bool ensure, bool *ret_sound, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(ARENA_MAX);
    PACS_AUTO(EventsAdmin) admin = NULL;
    EventsTopicPlan *plan = NULL;
    EventsSettings events;
    size_t count = 0;

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the topics");
    PacsStatus status = events_settings_read(settings->config, settings->name, arena, &events, NULL, err);
    if (status == PACS_OK && !events_settings_has_kafka(&events))
        status = pacs_fail(err, PACS_INVALID, "'Events.Kafka.Brokers' names no broker");
    if (status == PACS_OK)
        status = events_topics_plan(&events.kafka, arena, &plan, &count, err);
    if (status == PACS_OK)
        status = events_admin_new(&events.kafka, &admin, err);
    return status == PACS_OK ? hold_against_plan(admin, plan, count, ensure, ret_sound, err) : status;
}
