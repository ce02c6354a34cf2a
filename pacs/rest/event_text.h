#pragma once

#include "events/contract/compose.h"
#include "pacs/index/index_outbox.h"
#include "pacs/util/buffer.h"

/* Events as text of a stream of server-sent events (HTML Standard 9.2). */

/** One event of the outbox. */
PACS_CHECKED PacsStatus rest_event_text(const EventsComposeOptions *options, const PacsOutboxEvent *event,
                                        PacsArena *arena, PacsBuffer *out, PacsError *err);

/** What a listener is told first: where it stands, and how soon to come back if the connection ends. */
void rest_event_text_begin(PacsBuffer *out, int64_t position);

/** Nothing happened: the connection lives, and this is where it stands. */
void rest_event_text_heartbeat(PacsBuffer *out, int64_t position);

/** What stood behind `asked` is not known any more, or never was: what follows goes on behind `position`. */
void rest_event_text_reset(PacsBuffer *out, int64_t asked, int64_t position);
