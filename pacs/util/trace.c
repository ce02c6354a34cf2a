#include "pacs/util/trace.h"

#include <stdio.h>

#include "pacs/util/hash.h"

#define LENGTH (PACS_TRACEPARENT_SIZE - 1)
#define SAMPLED 0x01
#define KNOWN_FLAGS 0x03 /* sampled, random; others are not ours to hand on */

/** Lower case alone: the standard has no other. */
static bool read_hex(const char *text, uint8_t *ret_bytes, size_t size)
{
    for (size_t i = 0; i < 2 * size; i++)
        if (text[i] >= 'A' && text[i] <= 'F')
            return false;
    return pacs_hex_parse((PacsSlice){text, 2 * size}, ret_bytes, size, NULL) == PACS_OK;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

bool pacs_trace_parse(PacsSlice text, PacsTrace *ret_trace)
{
    PacsTrace trace;
    uint8_t version;

    if (text.size < LENGTH || text.text[2] != '-' || text.text[35] != '-' || text.text[52] != '-' ||
        !read_hex(text.text, &version, 1) || version == 0xFF)
        return false;
    if (text.size > LENGTH && (version == 0 || text.text[LENGTH] != '-'))
        return false;
    if (!read_hex(text.text + 3, trace.trace_id, sizeof trace.trace_id) ||
        !read_hex(text.text + 36, trace.span_id, sizeof trace.span_id) ||
        !read_hex(text.text + 53, &trace.flags, 1) || is_zero(trace.trace_id, sizeof trace.trace_id) ||
        is_zero(trace.span_id, sizeof trace.span_id))
        return false;
    trace.flags &= version == 0 ? KNOWN_FLAGS : SAMPLED;
    *ret_trace = trace;
    return true;
}

void pacs_trace_format(const PacsTrace *trace, char ret_text[PACS_TRACEPARENT_SIZE])
{
    char trace_id[2 * sizeof trace->trace_id + 1];
    char span_id[2 * sizeof trace->span_id + 1];

    pacs_hex_format(trace->trace_id, sizeof trace->trace_id, trace_id);
    pacs_hex_format(trace->span_id, sizeof trace->span_id, span_id);
    (void)snprintf(ret_text, PACS_TRACEPARENT_SIZE, "00-%s-%s-%02x", trace_id, span_id, trace->flags);
}

PacsStatus pacs_trace_child(const PacsTrace *parent, PacsTrace *ret_trace, PacsError *err)
{
    PacsTrace trace = *parent;

    const PacsStatus status = pacs_random(trace.span_id, sizeof trace.span_id, err);
    if (status != PACS_OK)
        return status;
    trace.span_id[0] |= is_zero(trace.span_id, sizeof trace.span_id);
    *ret_trace = trace;
    return PACS_OK;
}

PacsStatus pacs_trace_mint(PacsTrace *ret_trace, PacsError *err)
{
    PacsTrace trace = {.flags = SAMPLED};

    const PacsStatus status = pacs_random(trace.trace_id, sizeof trace.trace_id, err);
    if (status != PACS_OK)
        return status;
    trace.trace_id[0] |= is_zero(trace.trace_id, sizeof trace.trace_id);
    return pacs_trace_child(&trace, ret_trace, err);
}

PacsStatus pacs_trace_continue(const char *header, char ret_text[PACS_TRACEPARENT_SIZE], PacsError *err)
{
    PacsTrace given, ours;
    const bool is_ours_alone = !header || !pacs_trace_parse(pacs_slice_trim(pacs_slice(header)), &given);

    const PacsStatus status = is_ours_alone ? pacs_trace_mint(&ours, err)
                                            : pacs_trace_child(&given, &ours, err);
    if (status == PACS_OK)
        pacs_trace_format(&ours, ret_text);
    return status;
}
