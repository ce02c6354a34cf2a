#pragma once

/** A scan of bytes put together by a test. */

#include "bytes.h"

#include "pacs/dicom/scan.h"

/** Scans what is expected to be accepted; the scan is the caller's. */
static inline PacsScan *scan_bytes(const Bytes *bytes, const PacsScanOptions *options)
{
    PacsScan *scan = NULL;
    PacsError err = {0};
    assert_int_equal(pacs_scan_new(options, &scan, &err), PACS_OK);
    PacsStatus status = pacs_scan_feed(scan, bytes->buffer.bytes, bytes->buffer.size, &err);
    if (status == PACS_OK)
        status = pacs_scan_finish(scan, &err);
    if (status != PACS_OK)
        fail_msg("%s: %s", pacs_status_name(status), err.text);
    return scan;
}

static inline void expect_refusal(const Bytes *bytes, PacsStatus expected, const char *words)
{
    PACS_AUTO(PacsScan) scan = NULL;
    PacsError err = {0};
    assert_int_equal(pacs_scan_new(NULL, &scan, &err), PACS_OK);
    PacsStatus status = pacs_scan_feed(scan, bytes->buffer.bytes, bytes->buffer.size, &err);
    if (status == PACS_OK)
        status = pacs_scan_finish(scan, &err);
    assert_int_equal(status, expected);
    if (!strstr(err.text, words))
        fail_msg("'%s' is not in '%s'", words, err.text);
}
