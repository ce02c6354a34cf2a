#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/tag.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Command sets: the elements of group 0000 in implicit VR little endian, which open every DIMSE message.
 *
 * Threads: any. No allocation; slices point into the bytes that were parsed.
 * Source:  PS3.7 6.3, 9.3, annexes C (status) and E (elements).
 */

typedef enum PacsCommandField {
    PACS_COMMAND_C_STORE = 0x0001,
    PACS_COMMAND_C_ECHO = 0x0030,
    PACS_COMMAND_C_CANCEL = 0x0FFF,
} PacsCommandField;

#define PACS_COMMAND_RESPONSE 0x8000     /* a response's command field is its request's with this bit */
#define PACS_COMMAND_NO_DATA_SET 0x0101u /* any other value of (0000,0800): a data set follows */

typedef enum PacsDimseStatus {
    PACS_DIMSE_SUCCESS = 0x0000,
    PACS_DIMSE_INVALID_INSTANCE = 0x0117,
    PACS_DIMSE_CLASS_NOT_SUPPORTED = 0x0122,
    PACS_DIMSE_UNRECOGNISED_OPERATION = 0x0211,
    PACS_DIMSE_CANNOT_UNDERSTAND = 0xC000,
} PacsDimseStatus;

typedef struct PacsCommand {
    uint16_t field;
    bool has_message_id;
    uint16_t message_id;
    bool has_data_set;
    PacsSlice affected_sop_class_uid;    /* trimmed; empty if absent */
    PacsSlice affected_sop_instance_uid; /* trimmed; empty if absent */
    PacsSlice move_originator_aet;       /* trimmed; empty if absent */
} PacsCommand;

/**
 * Elements we do not use are skipped; (0000,0000) is not believed, the message's end is the end.
 * Errors: PACS_INVALID: a length that points outside, an element outside of group 0000, a number of the wrong
 *         size, no command field or no data set type. Everything else missing is the handler's to judge.
 */
PACS_CHECKED PacsStatus pacs_command_parse(PacsSlice bytes, PacsCommand *ret_command, PacsError *err);

#define PACS_ERROR_COMMENT_MAX 64 /* characters of an LO */

/** What a request is answered with. */
typedef struct PacsResponse {
    uint16_t status;
    PacsTag offending_element; /* 0: none */
    char error_comment[PACS_ERROR_COMMENT_MAX + 1];
} PacsResponse;

/** Sets status and comment; the comment is made an LO of ASCII: cut, other bytes and backslashes replaced. */
void pacs_response_set(PacsResponse *response, uint16_t status, PacsTag offending_element,
                       const char *comment);

#define PACS_RESPONSE_SIZE_MAX 512 /* two UIDs of 64, a comment of 64, numbers, headers: below 350 */

/**
 * The response's command set, with the request's message id and its affected class and instance as far as
 * they are there and fit a UID. Returns its size in bytes.
 */
size_t pacs_response_format(const PacsCommand *request, const PacsResponse *response,
                            uint8_t ret_bytes[PACS_RESPONSE_SIZE_MAX]);
