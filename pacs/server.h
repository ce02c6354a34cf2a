#pragma once

#include "pacs/settings.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * The whole server: back ends, ways in and out, doors, opened from the bottom up and closed from the top
 * down.
 */
typedef struct PacsServer PacsServer;

/**
 * When it returns, the ports that the settings name are open and what a crash left has been swept.
 *
 * Owner:  settings are read during the call; what they point at is borrowed until the server is freed.
 *         config_path is the first configuration given (relative folders count from its folder), NULL for
 * none. Errors: PACS_INVALID (a setting), PACS_EXISTS (another process uses the data), PACS_UNAVAILABLE.
 */
PACS_CHECKED PacsStatus pacs_server_start(const PacsSettings *settings, const char *config_path,
                                          PacsServer **ret_server, PacsError *err);

/** Say "not ready", let peers finish within ShutdownTimeout, close the doors. */
void pacs_server_stop(PacsServer *server);

/** Accepts NULL and a server that only half started. */
void pacs_server_free(PacsServer *server);
PACS_DEFINE_AUTO(PacsServer, pacs_server_free);
