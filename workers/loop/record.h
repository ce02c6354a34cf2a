#pragma once

#include "events/kafka/message.h"

/** What a worker is given, whatever it was read from. */
typedef EventsMessage WorkerRecord;
