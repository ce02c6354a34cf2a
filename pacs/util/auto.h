#pragma once

/**
 * Scope-owned things: declared with PACS_AUTO, freed when the scope ends, handed on with PACS_STEAL.
 *
 *     PACS_AUTO(PacsStore) store = NULL;      // freed by what PACS_DEFINE_AUTO(PacsStore, ...) named
 *     ...
 *     *ret_store = PACS_STEAL(store);
 */

/** Once beside a type's free function (which accepts NULL). */
#define PACS_DEFINE_AUTO(type, free_function)                                                                \
    static inline void pacs_auto_##type(type **pointer)                                                      \
    {                                                                                                        \
        free_function(*pointer);                                                                             \
    }                                                                                                        \
    struct pacs_auto_##type##_needs_semicolon

#define PACS_AUTO(type) __attribute__((cleanup(pacs_auto_##type))) type *

/** The pointer's value; the variable becomes NULL, so the scope no longer frees it. */
#define PACS_STEAL(pointer)                                                                                  \
    (__extension__({                                                                                         \
        __auto_type pacs_stolen = (pointer);                                                                 \
        (pointer) = NULL;                                                                                    \
        pacs_stolen;                                                                                         \
    }))

/** For memory from malloc: `PACS_AUTO_FREE char *text = NULL;` */
void pacs_auto_free(void *pointer_to_pointer);
#define PACS_AUTO_FREE __attribute__((cleanup(pacs_auto_free)))

/** For file descriptors: `PACS_AUTO_CLOSE int fd = -1;` closed if >= 0. */
void pacs_auto_close(int *fd);
#define PACS_AUTO_CLOSE __attribute__((cleanup(pacs_auto_close)))
/** The descriptor; the variable becomes -1, so the scope no longer closes it. */
int pacs_steal_fd(int *fd);
