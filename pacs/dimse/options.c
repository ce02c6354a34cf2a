#include "pacs/dimse/options.h"

#include "pacs/util/limits.h"

PacsDimseOptions pacs_dimse_default_options(void)
{
    return (PacsDimseOptions){
        .aet = "LIGHTBOX",
        .port = 4242,
        .always_allow_echo = true,
        .always_allow_store = true,
        .max_pdu_bytes = 131072, /* DESIGN.md section 3: 16,384 costs a quarter to two thirds of the rate */
        .artim_timeout_ms = 10000,
        .idle_timeout_ms = 30000,
        .transfer_timeout_ms = 60000,
        .max_associations = 100,
    };
}
