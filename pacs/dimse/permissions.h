#pragma once

#include <stdbool.h>

#include "pacs/dimse/options.h"
#include "pacs/util/text.h"

/**
 * Who may do what: Orthanc's rules over DicomModalities, DicomAlwaysAllow* and DicomCheckModalityHost.
 *
 * Threads: any. May ask the name service, for modalities whose host is a name, if check_modality_host is set.
 */
typedef struct PacsPermissions {
    bool echo, store;
    const char *label; /* for metrics: the AE title as configured, "other" for a stranger. Borrowed. */
} PacsPermissions;

/** calling_aet is trimmed; remote_ip is a numeric address. */
PacsPermissions pacs_permissions_of(const PacsDimseOptions *options, PacsSlice calling_aet,
                                    const char *remote_ip);

/** AE titles as Orthanc compares them: letters of either case unless StrictAetComparison. Both
 * trimmed here. */
bool pacs_aet_equal(const PacsDimseOptions *options, PacsSlice a, const char *b);

/** True if `text` matches one of the patterns, in which * stands for any run of characters and ? for one. */
bool pacs_matches_any(const PacsTextList *patterns, PacsSlice text);
