#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * HTTP basic authentication (RFC 7617) against the users of the configuration.
 *
 * Passwords are not kept: each user is a keyed digest of "name:password" under a key made at start, and a
 * check compares the digest of what was sent with all of them, in a time that tells nothing about which is
 * close.
 *
 * Threads: any, once built.
 */
typedef struct PacsHttpUser {
    const char *name;
    const char *password;
} PacsHttpUser;

typedef struct PacsHttpAuth PacsHttpAuth;

/** Errors: PACS_INVALID (a colon in a name, which basic authentication cannot carry; an empty name). */
PACS_CHECKED PacsStatus pacs_http_auth_new(const PacsHttpUser *users, size_t count, PacsHttpAuth **ret_auth,
                                           PacsError *err);
void pacs_http_auth_free(PacsHttpAuth *auth);
PACS_DEFINE_AUTO(PacsHttpAuth, pacs_http_auth_free);

/** The user that an Authorization header (NULL: none) proves, in the arena; NULL if it proves none. */
const char *pacs_http_auth_check(const PacsHttpAuth *auth, PacsArena *arena, const char *authorization);
