#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What an operator can say about the DICOM door, in our words; pacs/main.c fills it from Orthanc's keys,
 * which stand beside the fields.
 *
 * Owner: strings and lists are borrowed and outlive the server.
 */

/** A peer we were told about (DicomModalities). */
typedef struct PacsModality {
    const char *name; /* the symbolic name, its key in DicomModalities */
    const char *aet;
    const char *host; /* address or name */
    uint16_t port;
    bool allow_echo;  /* AllowEcho, true unless said */
    bool allow_store; /* AllowStore, true unless said */
} PacsModality;

typedef struct PacsTextList {
    const char *const *items;
    size_t count;
} PacsTextList;

typedef struct PacsDimseOptions {
    const char *aet;                 /* DicomAet */
    const char *bind_host;           /* address or name to listen on; NULL: every address */
    uint16_t port;                   /* DicomPort; 0: any free one, see pacs_dimse_port() */
    bool check_called_aet;           /* DicomCheckCalledAet */
    bool strict_aet_comparison;      /* StrictAetComparison: otherwise letters of either case are equal */
    bool check_modality_host;        /* DicomCheckModalityHost */
    bool always_allow_echo;          /* DicomAlwaysAllowEcho */
    bool always_allow_store;         /* DicomAlwaysAllowStore */
    bool unknown_sop_class_accepted; /* UnknownSopClassAccepted */
    const PacsModality *modalities;  /* DicomModalities; an AE title may stand in several */
    size_t modality_count;

    /* Patterns with * and ?. An empty list means everything for the accepted ones and nothing for the
     * rejected. */
    PacsTextList accepted_transfer_syntaxes; /* AcceptedTransferSyntaxes */
    PacsTextList accepted_sop_classes;       /* AcceptedSopClasses */
    PacsTextList rejected_sop_classes;       /* RejectedSopClasses: wins over accepted */

    uint32_t max_pdu_bytes;       /* MaximumPduLength: PACS_DIMSE_MIN_PDU to PACS_DIMSE_MAX_PDU */
    uint32_t artim_timeout_ms;    /* from connecting to a request; at the end, for the peer to hang up */
    uint32_t idle_timeout_ms;     /* DicomScpTimeout, between messages; 0: for ever */
    uint32_t transfer_timeout_ms; /* for one begun PDU to come whole, for one reply to leave */
    uint32_t max_associations;    /* at once; one more is rejected, "local limit exceeded" */
} PacsDimseOptions;

#define PACS_DIMSE_MIN_PDU 4096u
#define PACS_DIMSE_MAX_PDU (1u << 20)

/** Lightbox's defaults: Orthanc's where it has one (AE title, port 4242, all that DicomAlwaysAllow*
 * lets in). */
PacsDimseOptions pacs_dimse_default_options(void);
