#pragma once

#include "dicomweb/dicomweb.h"
#include "pacs/dimse/options.h"
#include "pacs/http/auth.h"
#include "pacs/index/index_write.h"
#include "pacs/ingest/ingest.h"
#include "pacs/lifecycle/prepare.h"
#include "pacs/settings.h"
#include "pacs/util/arena.h"
#include "transcode/service.h"

/**
 * Settings whose value is JSON, turned into what the rooms take. Results live in the arena; texts in them are
 * borrowed from the settings.
 *
 * Errors: PACS_INVALID naming the key and what was expected; PACS_NO_MEMORY.
 */

PACS_CHECKED PacsStatus pacs_options_overwrite(const PacsSettings *settings, PacsOverwrite *ret_overwrite,
                                               PacsError *err);

/** A list of texts; `key` is for the error. */
PACS_CHECKED PacsStatus pacs_options_text_list(const json_t *value, const char *key, PacsArena *arena,
                                               PacsTextList *ret_list, PacsError *err);

PACS_CHECKED PacsStatus pacs_options_modalities(const PacsSettings *settings, PacsArena *arena,
                                                const PacsModality **ret_modalities, size_t *ret_count,
                                                PacsError *err);

PACS_CHECKED PacsStatus pacs_options_users(const PacsSettings *settings, PacsArena *arena,
                                           const PacsHttpUser **ret_users, size_t *ret_count, PacsError *err);

/**
 * Whether requests need a user. Refuses to open the server to other machines with authentication on and
 * nobody registered, as Orthanc 1.13 does: nobody could get in, and the operator meant something else.
 */
PACS_CHECKED PacsStatus pacs_options_authentication(const PacsSettings *settings, size_t user_count,
                                                    bool *ret_on, PacsError *err);

/** The section DicomWeb, and Compat. *ret_on false: DICOMweb is not served. Roots come back with a slash in front
 *  and none at the end. */
PACS_CHECKED PacsStatus pacs_options_dicomweb(const PacsSettings *settings, PacsArena *arena, bool *ret_on,
                                              DicomwebOptions *ret_options, PacsError *err);

/** The section Transcode. CacheDirectory comes back as it is written, "" where it is not; NULL where nothing is to be
 *  kept on disk. */
PACS_CHECKED PacsStatus pacs_options_transcode(const PacsSettings *settings,
                                               TranscodeServiceOptions *ret_options, PacsError *err);

/** ExtraMainDicomTags by level. */
PACS_CHECKED PacsStatus pacs_options_extra_tags(const PacsSettings *settings, PacsArena *arena,
                                                const PacsTag *ret_tags[4], size_t ret_counts[4],
                                                PacsError *err);

/** IngestTranscoding, into the ingest's options. Errors: PACS_INVALID (no transfer syntax, or one that loses
 *  information). */
PACS_CHECKED PacsStatus pacs_options_ingest_transcoding(const PacsSettings *settings,
                                                        PacsIngestOptions *options, PacsError *err);

/** Transcode.Prepare and Transcode.Thumbnails. Errors: PACS_INVALID. */
PACS_CHECKED PacsStatus pacs_options_prepare(const PacsSettings *settings, PacsPrepareOptions *ret_options,
                                             PacsError *err);
