#pragma once

#include "pacs/http/http.h"
#include "pacs/index/index.h"
#include "pacs/ingest/ingest.h"
#include "pacs/retrieve/retrieve.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * DICOMweb: QIDO-RS, WADO-RS, STOW-RS, deletion and capabilities under one root, WADO-URI under another.
 *
 * Threads: handlers run on any HTTP or pool thread.
 * Source:  DICOM PS3.18 (2024).
 */
typedef struct Dicomweb Dicomweb;

typedef struct DicomwebOptions {
    const char *root;        /* "/dicom-web": where it is mounted, no slash at the end */
    const char *wado_root;   /* "/wado"; NULL: WADO-URI is not served */
    const char *public_root; /* what URLs in answers begin with: a path or a whole URL; "": as asked */
    const char *temporary_directory; /* where bulk data of a store request wait for each other */
    bool strict;                     /* PS3.18 to the letter where Orthanc's habit differs (Compat) */
    bool describe_errors;            /* HttpDescribeErrors */
} DicomwebOptions;

/** The path that URLs in answers have where no proxy says otherwise: what ready-made metadata is made for. In the arena
 *  or borrowed from options; NULL: no memory. */
const char *dicomweb_configured_path(const DicomwebOptions *options, PacsArena *arena);

/** Texts in options are borrowed, like all the others; metrics may be NULL. */
PACS_CHECKED PacsStatus dicomweb_new(const DicomwebOptions *options, PacsIngest *ingest,
                                     PacsRetrieve *retrieve, PacsIndex *index, PacsMetrics *metrics,
                                     Dicomweb **ret_dicomweb, PacsError *err);
void dicomweb_free(Dicomweb *dicomweb);
PACS_DEFINE_AUTO(Dicomweb, dicomweb_free);

/** What pacs/http/http_server.h mounts. Borrowed from dicomweb. */
const PacsHttpMount *dicomweb_mount(const Dicomweb *dicomweb);
/** WADO-URI's; NULL where it is not served. */
const PacsHttpMount *dicomweb_wado_mount(const Dicomweb *dicomweb);
