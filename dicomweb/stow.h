#pragma once

#include "dicomweb/dicomweb_private.h"
#include "pacs/dicom/scan.h"
#include "pacs/dicom/uid.h"
#include "pacs/http/multipart.h"

/**
 * What the files of STOW-RS share: one store request while its body goes by.
 *
 *     stow.c          the body: its parts as they come, each an object, metadata or bulk data
 *     stow_answer.c   the outcomes, and the data set that tells them
 */

/** What became of one instance, or of a part that is none. */
typedef struct StowOutcome {
    PacsStatus status;                 /* PACS_OK: it is stored */
    char sop_class_uid[PACS_UID_SIZE]; /* all four "" where they are not known */
    char sop_instance_uid[PACS_UID_SIZE];
    char study_instance_uid[PACS_UID_SIZE];
    char series_instance_uid[PACS_UID_SIZE];
} StowOutcome;

typedef struct StowOutcomes {
    PacsBuffer items; /* StowOutcome, in the order of the body */
    size_t stored;
    size_t failed;
    PacsError first_failure;
} StowOutcomes;

/* stow_answer.c */
void stow_outcomes_init(StowOutcomes *outcomes);
void stow_outcomes_clear(StowOutcomes *outcomes);
/** PACS_TOO_LARGE: this request has brought as many as one may. */
PACS_CHECKED PacsStatus stow_outcomes_room(const StowOutcomes *outcomes, PacsError *err);
void stow_add_stored(StowOutcomes *outcomes, const PacsIngested *ingested);
/** names may be NULL: nothing is known of the part. */
void stow_add_failed(StowOutcomes *outcomes, const PacsScanNames *names, const PacsError *err);

/** What the client accepts as an answer; NULL: the reply is a complete 406. */
const char *stow_choose_answer(const Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply);
/** The Store Instances Response (PS3.18 10.5.3) with the code that fits. */
void stow_reply(const Dicomweb *dicomweb, PacsHttpRequest *request, PacsHttpReply *reply,
                const StowOutcomes *outcomes, const char *media_type);
