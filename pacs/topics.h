#pragma once

#include <stdbool.h>

#include "pacs/settings.h"

/**
 * `lightbox topics ensure|verify`: the topics of the cluster that Events.Kafka names. Ensure makes what is missing and verifies
 * then; verify reports what is not as the contract says, one line each on standard output, and changes nothing.
 *
 * *ret_sound: whether all of them are as they should be.
 * Errors: PACS_INVALID (settings; no Events.Kafka.Brokers), PACS_UNAVAILABLE (no broker answers).
 */
PACS_CHECKED PacsStatus pacs_topics_command(const PacsSettings *settings, bool ensure, bool *ret_sound,
                                            PacsError *err);
