#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * W3C trace context: which piece of work belongs to which, across processes. We carry it (from the request or association
 * that brought an object to the events that tell of it) and export no spans yet.
 *
 * Source: W3C Trace Context, 3.2 (traceparent).
 */
#define PACS_TRACEPARENT_SIZE 56 /* "00-<32 hex>-<16 hex>-<2 hex>" and a NUL */

typedef struct PacsTrace {
    uint8_t trace_id[16]; /* never all zero, neither of them */
    uint8_t span_id[8];
    uint8_t flags;
} PacsTrace;

/** False unless it is one: lower-case digits, ids that are not zero. Of later versions what version 00 has is taken. */
bool pacs_trace_parse(PacsSlice text, PacsTrace *ret_trace);
void pacs_trace_format(const PacsTrace *trace, char ret_text[PACS_TRACEPARENT_SIZE]);

/** A trace of its own; a span under another. */
PACS_CHECKED PacsStatus pacs_trace_mint(PacsTrace *ret_trace, PacsError *err);
PACS_CHECKED PacsStatus pacs_trace_child(const PacsTrace *parent, PacsTrace *ret_trace, PacsError *err);

/** What a request's work is told by: a span under its traceparent header; a trace of its own if it has none, or a bad one. */
PACS_CHECKED PacsStatus pacs_trace_continue(const char *header, char ret_text[PACS_TRACEPARENT_SIZE],
                                            PacsError *err);
