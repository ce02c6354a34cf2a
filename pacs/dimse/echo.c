#include "pacs/dimse/association_private.h"

/* C-ECHO (PS3.7 9.1.5, PS3.4 A): the question is whether anybody is there. */

static void echo_begin(Association *association)
{
    Message *message = &association->message;

    if (message->context->service == PACS_SERVICE_ECHO)
        pacs_response_set(&message->response, PACS_DIMSE_SUCCESS, 0, "");
    else
        pacs_response_set(&message->response, PACS_DIMSE_CLASS_NOT_SUPPORTED, PACS_TAG_AFFECTED_SOP_CLASS_UID,
                          "C-ECHO on a context of another SOP class");
}

const Operation operation_echo = {.field = PACS_COMMAND_C_ECHO, .name = "echo", .begin = echo_begin};
