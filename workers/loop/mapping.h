#pragma once

#include <jansson.h>

#include "events/contract/cloudevent.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"
#include "workers/loop/record.h"

/**
 * Messages of others, in whatever shape they have, made into events in canonical form: a table in the configuration
 * ("Worker.Mapping") instead of code. A row says which messages of which topic it is for, what type of event they are, and
 * where the canonical members stand in them.
 *
 *     {"Topic": "clinic.reports",                          the topic it comes from
 *      "When": {"Pointer": "/type", "Equals": "FINAL"},    which of its messages; {"Header": "name", ...}; a list: all of them;
 *                                                          "Equals" may be a list: one of them. Absent: every message
 *      "Type": "report.finalised",                         what it is to us
 *      "Id": "/messageId", "Source": "/clinic",            names the event once and for all; without "Id" its place in the
 *                                                          topic does, so that only what the broker repeats is known again
 *      "Key": "/study/uid",                                what order is kept by; "/studyInstanceUid" of the canonical form if absent
 *      "Revision": "/study/sequence",                      rises within a key; absent: the event stands for itself
 *      "Fields": {"/studyInstanceUid": "/study/uid",       canonical member: where it stands
 *                 "/language": {"Value": "vi"},            the same for all
 *                 "/version": {"Pointer": "/rev", "As": "integer"},
 *                 "/issuedAt": {"Pointer": "/signed_at", "As": "time", "Zone": "+07:00"},
 *                 "/author/name": {"Header": "doctor", "Default": "unknown"},
 *                 "/keyImages": {"Pointer": "/pictures", "Items": {"/sopInstanceUid": "/uid"}}}}
 *
 * "As":     "text" (a number becomes text), "integer" (text becomes a number), "time": "2026-11-21 10:05[:09]" in "Zone", or seconds
 *           or milliseconds since 1970, become RFC 3339. "Map": {"M": "male"} replaces texts it names.
 * Absent:   what a message does not have is left out of the event; whether it may be is for the event's reader to say.
 * Others:   messages of topics without a row are CloudEvents. Of a topic with rows, those that none is for are
 *           PACS_UNSUPPORTED: passed over and counted.
 * Owner:    what is decoded lives in the arena, or is borrowed from the record.
 * Threads:  one at a time.
 */
typedef struct WorkerMapping WorkerMapping;

/** `rows` is an array, or NULL for none; kept by reference. PACS_INVALID naming the row and the member. */
PACS_CHECKED PacsStatus worker_mapping_new(const json_t *rows, WorkerMapping **ret_mapping, PacsError *err);
void worker_mapping_free(WorkerMapping *mapping);
PACS_DEFINE_AUTO(WorkerMapping, worker_mapping_free);

/** The topics of its rows, for WorkerDefinition.more_topics: borrowed from `rows`, the list is in the arena. */
PACS_CHECKED PacsStatus worker_mapping_topics(const json_t *rows, PacsArena *arena,
                                              const char *const **ret_topics, size_t *ret_count,
                                              PacsError *err);

/**
 * The event that a record is.
 *
 * Errors: PACS_UNSUPPORTED (not for us), PACS_INVALID (no JSON, no CloudEvent, a value that cannot be what its field is
 *         to be; the text names the member, never the value), PACS_TOO_LARGE.
 */
PACS_CHECKED PacsStatus worker_mapping_decode(const WorkerMapping *mapping, const WorkerRecord *record,
                                              PacsArena *arena, EventsCloudEvent *ret_event, PacsError *err);

/** "org.sapoche.platform.report.finalised.v1" of "report.finalised", and so on for every type that is heard; NULL: none. */
const char *worker_mapping_type(const char *name);
