#pragma once

#include "pacs/util/status.h"

/**
 * A file layer for SQLite that writes its log in few large pieces.
 *
 * SQLite gives a transaction's pages to the log one by one, a header and a page at a time: some 28 small
 * writes for one instance, each of which straddles two pages of the cache. Here they are gathered and go out
 * in one write: with the page that commits, before the sync, and before anything of the log is read. What
 * SQLite promises does not change: a page is in the file before its commit is synced, and nobody looks for
 * it earlier.
 *
 * Threads: as SQLite's own layer: a file from one thread at a time.
 */
#define PACS_SQLITE_VFS "lightbox"

/** Make PACS_SQLITE_VFS known; as often as you like. */
PACS_CHECKED PacsStatus pacs_sqlite_log_register(PacsError *err);
