#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/config.h"

/**
 * A section of the configuration as a struct, by a table: one row, one member. Adding a setting to a section is a field
 * and a row.
 */
typedef enum PacsConfigMemberKind {
    PACS_MEMBER_TEXT,   /* const char * */
    PACS_MEMBER_BOOL,   /* bool */
    PACS_MEMBER_NUMBER, /* uint64_t */
    PACS_MEMBER_CHOICE, /* const char *, one of `choices` */
    PACS_MEMBER_JSON,   /* const json_t *, read by whoever knows its shape */
} PacsConfigMemberKind;

typedef struct PacsConfigMember {
    const char *key; /* within the section */
    PacsConfigMemberKind kind;
    size_t offset;              /* of the field */
    uint64_t min, max;          /* of a number */
    const char *const *choices; /* ends with NULL */
} PacsConfigMember;

/** Told of each key nobody knows: `key` with its section. */
typedef void PacsConfigWarning(const char *key, const char *text);

/**
 * Fill the fields whose keys are given, leave the others as they are: the caller sets the defaults first. `section` is
 * a path ("Events.Kafka"), absent is as empty. Values are borrowed from the configuration. `warn` may be NULL.
 *
 * Errors: PACS_INVALID naming the key and what was expected.
 */
PACS_CHECKED PacsStatus pacs_config_read_section(const PacsConfig *config, const char *section,
                                                 const PacsConfigMember *members, size_t member_count,
                                                 void *ret_fields, PacsConfigWarning *warn, PacsError *err);
