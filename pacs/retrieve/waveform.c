#include "pacs/retrieve/waveform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/retrieve/picture_text.h"
#include "pacs/util/limits.h"
#include "transcode/waveform.h"

#define WAVEFORM_SAMPLE_INTERPRETATION PACS_TAG(0x5400, 0x1006)
#define WAVEFORM_PADDING_VALUE PACS_TAG(0x5400, 0x100A)
#define MULTIPLEX_GROUP_TIME_OFFSET PACS_TAG(0x0018, 0x1068)
#define NUMBER_OF_WAVEFORM_CHANNELS PACS_TAG(0x003A, 0x0005)
#define NUMBER_OF_WAVEFORM_SAMPLES PACS_TAG(0x003A, 0x0010)
#define SAMPLING_FREQUENCY PACS_TAG(0x003A, 0x001A)
#define MULTIPLEX_GROUP_LABEL PACS_TAG(0x003A, 0x0020)
#define CHANNEL_DEFINITION_SEQUENCE PACS_TAG(0x003A, 0x0200)
#define CHANNEL_LABEL PACS_TAG(0x003A, 0x0203)
#define CHANNEL_SOURCE_SEQUENCE PACS_TAG(0x003A, 0x0208)
#define CHANNEL_SENSITIVITY PACS_TAG(0x003A, 0x0210)
#define CHANNEL_SENSITIVITY_UNITS_SEQUENCE PACS_TAG(0x003A, 0x0211)
#define CHANNEL_SENSITIVITY_CORRECTION_FACTOR PACS_TAG(0x003A, 0x0212)
#define CHANNEL_BASELINE PACS_TAG(0x003A, 0x0213)
#define FILTER_LOW_FREQUENCY PACS_TAG(0x003A, 0x0220)
#define FILTER_HIGH_FREQUENCY PACS_TAG(0x003A, 0x0221)

#define MM_PER_MILLIVOLT 10.0

bool pacs_is_waveform(const char *sop_class_uid)
{
    static const char waveforms[] = "1.2.840.10008.5.1.4.1.1.9.";

    return strncmp(sop_class_uid, waveforms, sizeof waveforms - 1) == 0;
}

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a waveform");
}

/** One multiplex group. */
typedef struct Group {
    PacsJsonItem item;
    uint32_t number; /* from 1 */
    uint32_t channel_count;
    uint64_t sample_count; /* of each channel, that are drawn */
    double sampling_hz;
    double start_s;
    TranscodeSampleKind kind;
    const uint8_t *samples; /* channel by channel within each moment */
} Group;

/** All traces of the instance as they are put together. */
typedef struct Reader {
    const PacsInstanceValues *values;
    bool is_ecg;           /* by its SOP class */
    uint64_t samples_left; /* of PACS_MAX_WAVEFORM_SAMPLES */
    TranscodeTrace traces[TRANSCODE_WAVEFORM_TRACES];
    size_t trace_count;
    char note[80];
} Reader;

static bool is_ecg(const char *sop_class_uid)
{
    return strncmp(sop_class_uid, "1.2.840.10008.5.1.4.1.1.9.1.", 28) == 0;
}

/* ---- A group ---- */

static TranscodeSampleKind read_kind(const Reader *reader, const PacsJsonItem *item)
{
    const char *name = pacs_json_item_string(item, WAVEFORM_SAMPLE_INTERPRETATION, 0, reader->values->arena);
    int64_t bits = 16;

    if (name && name[0])
        return transcode_sample_kind(name);
    (void)pacs_json_item_whole(item, PACS_TAG_WAVEFORM_BITS_ALLOCATED, 8, 64, &bits);
    return bits == 8 ? TRANSCODE_SAMPLE_SB : bits == 32 ? TRANSCODE_SAMPLE_SL : TRANSCODE_SAMPLE_SS;
}

static PacsStatus describe_group(const Reader *reader, Group *group, PacsError *err)
{
    int64_t channels = 0, samples = 0;
    double offset_ms = 0;

    (void)pacs_json_item_whole(&group->item, NUMBER_OF_WAVEFORM_CHANNELS, 0, UINT16_MAX, &channels);
    (void)pacs_json_item_whole(&group->item, NUMBER_OF_WAVEFORM_SAMPLES, 0, UINT32_MAX, &samples);
    (void)pacs_json_item_number(&group->item, SAMPLING_FREQUENCY, &group->sampling_hz);
    (void)pacs_json_item_number(&group->item, MULTIPLEX_GROUP_TIME_OFFSET, &offset_ms);
    group->kind = read_kind(reader, &group->item);
    group->channel_count = (uint32_t)channels;
    group->start_s = offset_ms > 0 ? offset_ms / 1000 : 0;
    if (channels == 0 || samples == 0)
        return pacs_fail(err, PACS_INVALID, "multiplex group %u of the waveform has %s", group->number,
                         channels == 0 ? "no channels" : "no samples");
    if (!(group->sampling_hz > 0))
        return pacs_fail(err, PACS_INVALID, "multiplex group %u of the waveform has no sampling frequency",
                         group->number);
    if (group->kind == TRANSCODE_SAMPLE_KINDS)
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "multiplex group %u of the waveform: samples of a kind that nobody knows",
                         group->number);
    const double shown = ceil(fmin(group->sampling_hz * TRANSCODE_WAVEFORM_SECONDS, (double)samples));
    const uint64_t most = reader->samples_left / group->channel_count;
    group->sample_count = shown < (double)most ? (uint64_t)shown : most;
    return PACS_OK;
}

static PacsStatus read_samples(Reader *reader, Group *group, PacsError *err)
{
    const PacsJsonAttribute *data = pacs_json_item_find(&group->item, PACS_TAG_WAVEFORM_DATA);
    const uint64_t moment = (uint64_t)group->channel_count * transcode_sample_bytes(group->kind);
    size_t size = 0;

    if (group->sample_count == 0)
        return pacs_fail(err, PACS_TOO_LARGE, "the waveform has more than %u samples to draw",
                         PACS_MAX_WAVEFORM_SAMPLES);
    const PacsStatus status = pacs_instance_value_bytes(reader->values, data, 0, group->sample_count * moment,
                                                        &group->samples, &size, err);
    if (status != PACS_OK)
        return status == PACS_NOT_FOUND
                   ? pacs_fail(err, PACS_INVALID, "multiplex group %u of the waveform has no data",
                               group->number)
                   : status;
    if (size / moment < group->sample_count)
        group->sample_count = size / moment;
    reader->samples_left -= group->sample_count * group->channel_count;
    return PACS_OK;
}

/* ---- A channel ---- */

/** The name of a standard lead by its code: MDC_ECG_LEAD_ "2:61", SCP-ECG "5.6.3-9-61" (CID 3001). */
static const char *lead_of_code(const char *code)
{
    static const struct {
        int number;
        const char *name;
    } leads[] = {{1, "I"},  {2, "II"}, {61, "III"}, {62, "aVR"}, {63, "aVL"}, {64, "aVF"},
                 {3, "V1"}, {4, "V2"}, {5, "V3"},   {6, "V4"},   {7, "V5"},   {8, "V6"}};
    const char *number = strncmp(code, "2:", 2) == 0         ? code + 2
                         : strncmp(code, "5.6.3-9-", 8) == 0 ? code + 8
                                                             : NULL;

    for (size_t i = 0; number && i < sizeof leads / sizeof leads[0]; i++)
        if (strtol(number, NULL, 10) == leads[i].number)
            return leads[i].name;
    return NULL;
}

/** "Lead I (Einthoven)" as "I"; what else is written stays. */
static const char *short_name(const char *meaning, PacsArena *arena)
{
    const char *start = strncasecmp(meaning, "Lead ", 5) == 0 ? meaning + 5 : meaning;
    const char *end = strstr(start, " (");

    return pacs_arena_strndup(arena, start, end ? (size_t)(end - start) : strlen(start));
}

static const char *lead_of_name(const char *name)
{
    static const char *const leads[] = {"I",  "II", "III", "aVR", "aVL", "aVF",
                                        "V1", "V2", "V3",  "V4",  "V5",  "V6"};

    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (strcasecmp(name, leads[i]) == 0)
            return leads[i];
    return NULL;
}

/** *ret_is_lead: it is one of the twelve. NULL: no memory. */
static const char *read_label(const Reader *reader, const PacsJsonItem *channel, uint32_t number,
                              bool *ret_is_lead)
{
    PacsArena *arena = reader->values->arena;
    PacsJsonItem source = {0};

    pacs_ignore(pacs_json_item_of(channel, CHANNEL_SOURCE_SEQUENCE, 0, arena, &source, NULL));
    const char *code = pacs_json_item_string(&source, PACS_TAG_CODE_VALUE, 0, arena);
    const char *meaning = pacs_json_item_string(&source, PACS_TAG_CODE_MEANING, 0, arena);
    const char *label = pacs_json_item_string(channel, CHANNEL_LABEL, 0, arena);
    if (!code || !meaning || !label)
        return NULL;
    const char *name = short_name(meaning[0] ? meaning : label, arena);
    if (!name)
        return NULL;
    const char *lead = lead_of_code(code);
    lead = lead ? lead : lead_of_name(name);
    *ret_is_lead = lead != NULL;
    if (lead || label[0])
        return lead ? lead : label;
    return name[0] ? name : pacs_arena_printf(arena, "Channel %u", number);
}

/** How many millivolts a unit is; 0: it is no voltage. */
static double millivolts(const char *unit)
{
    static const struct {
        const char *unit;
        double millivolts;
    } units[] = {{"mV", 1}, {"uV", 1e-3}, {"\xC2\xB5V", 1e-3}, {"nV", 1e-6}, {"V", 1e3}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].unit) == 0)
            return units[i].millivolts;
    return 0;
}

/** What of a sample becomes a value: value = sample x scale + offset. False: no memory. */
static bool read_scale(const Reader *reader, const PacsJsonItem *channel, bool is_lead, TranscodeTrace *trace,
                       double *ret_scale, double *ret_offset)
{
    PacsArena *arena = reader->values->arena;
    double sensitivity = 0, correction = 1, baseline = 0;
    PacsJsonItem units = {0};

    *ret_scale = 1;
    *ret_offset = 0;
    trace->unit = "";
    if (!pacs_json_item_number(channel, CHANNEL_SENSITIVITY, &sensitivity) || sensitivity == 0)
        return true; /* what the samples mean was not said */
    (void)pacs_json_item_number(channel, CHANNEL_SENSITIVITY_CORRECTION_FACTOR, &correction);
    (void)pacs_json_item_number(channel, CHANNEL_BASELINE, &baseline);
    pacs_ignore(pacs_json_item_of(channel, CHANNEL_SENSITIVITY_UNITS_SEQUENCE, 0, arena, &units, NULL));
    const char *unit = pacs_json_item_string(&units, PACS_TAG_CODE_VALUE, 0, arena);
    if (!unit)
        return false;
    *ret_scale = sensitivity * (correction != 0 ? correction : 1);
    *ret_offset = baseline;
    trace->unit = unit;
    if (reader->is_ecg || is_lead)
        trace->mm_per_unit = millivolts(unit) * MM_PER_MILLIVOLT;
    return true;
}

static bool is_padding(const uint8_t *sample, const uint8_t *padding, uint32_t bytes)
{
    return padding && memcmp(sample, padding, bytes) == 0;
}

static PacsStatus fill_trace(const Reader *reader, const Group *group, uint32_t index, double scale,
                             double offset, TranscodeTrace *trace, PacsError *err)
{
    const uint32_t bytes = transcode_sample_bytes(group->kind);
    const PacsJsonAttribute *attribute = pacs_json_item_find(&group->item, WAVEFORM_PADDING_VALUE);
    float *values = pacs_arena_array(reader->values->arena, group->sample_count, sizeof *values);
    const uint8_t *padding = NULL;
    size_t padding_size = 0;

    if (!values)
        return no_memory(err);
    if (pacs_instance_value_bytes(reader->values, attribute, 0, bytes, &padding, &padding_size, NULL) !=
            PACS_OK ||
        padding_size < bytes)
        padding = NULL;
    for (uint64_t i = 0; i < group->sample_count; i++) {
        const uint8_t *sample = group->samples + (i * group->channel_count + index) * bytes;
        values[i] = is_padding(sample, padding, bytes)
                        ? NAN
                        : (float)(transcode_sample_value(group->kind, sample) * scale + offset);
    }
    trace->values = values;
    trace->count = group->sample_count;
    return PACS_OK;
}

static PacsStatus add_trace(Reader *reader, const Group *group, const PacsJsonItem *channel, uint32_t index,
                            PacsError *err)
{
    TranscodeTrace *trace = &reader->traces[reader->trace_count];
    double scale = 1, offset = 0;
    bool is_lead = false;

    *trace = (TranscodeTrace){.sampling_hz = group->sampling_hz, .start_s = group->start_s};
    trace->label = read_label(reader, channel, index + 1, &is_lead);
    if (!trace->label || !read_scale(reader, channel, is_lead, trace, &scale, &offset))
        return no_memory(err);
    const PacsStatus status = fill_trace(reader, group, index, scale, offset, trace, err);
    if (status == PACS_OK)
        reader->trace_count++;
    return status;
}

/** Which band the filters let through, of the first channel that says so. */
static void read_filters(Reader *reader, const PacsJsonItem *channel)
{
    double low = 0, high = 0;

    if (!reader->note[0] && pacs_json_item_number(channel, FILTER_LOW_FREQUENCY, &low) &&
        pacs_json_item_number(channel, FILTER_HIGH_FREQUENCY, &high))
        (void)snprintf(reader->note, sizeof reader->note, "%g\xE2\x80\x93%g Hz", low, high);
}

static PacsStatus add_group(Reader *reader, Group *group, PacsError *err)
{
    const PacsJsonAttribute *channels = pacs_json_item_find(&group->item, CHANNEL_DEFINITION_SEQUENCE);
    PacsSlice cursor = {0}, text;

    PacsStatus status = describe_group(reader, group, err);
    if (status == PACS_OK)
        status = read_samples(reader, group, err);
    for (uint32_t i = 0; status == PACS_OK && i < group->channel_count; i++) {
        PacsJsonItem channel = {0};
        if (reader->trace_count == TRANSCODE_WAVEFORM_TRACES)
            break;
        if (channels && pacs_json_item_next(channels, &cursor, &text))
            status = pacs_json_item_parse(text, reader->values->arena, &channel, err);
        read_filters(reader, &channel);
        if (status == PACS_OK)
            status = add_trace(reader, group, &channel, i, err);
    }
    return status;
}

/* ---- All of it ---- */

static bool is_median_beat(const PacsInstanceValues *values, const PacsJsonItem *group)
{
    const char *label = pacs_json_item_string(group, MULTIPLEX_GROUP_LABEL, 0, values->arena);

    return label && strcasestr(label, "MEDIAN");
}

/** Groups that make no sense are passed over where another does. */
static PacsStatus add_groups(Reader *reader, bool of_median_beats, PacsError *err)
{
    PacsStatus status = PACS_OK;

    for (uint32_t i = 0; i < PACS_MAX_WAVEFORM_GROUPS; i++) {
        Group group = {.number = i + 1};
        PacsError why = {0};
        PacsStatus result = pacs_json_item_of(&reader->values->item, PACS_TAG_WAVEFORM_SEQUENCE, i,
                                              reader->values->arena, &group.item, &why);
        if (result == PACS_NOT_FOUND)
            break;
        if (result == PACS_OK && is_median_beat(reader->values, &group.item) != of_median_beats)
            continue;
        if (result == PACS_OK)
            result = add_group(reader, &group, &why);
        if (result != PACS_OK && status == PACS_OK) {
            status = result;
            if (err)
                *err = why;
        }
        if (result != PACS_OK && result != PACS_INVALID && result != PACS_UNSUPPORTED)
            return status;
    }
    return reader->trace_count > 0 ? PACS_OK : status;
}

static PacsStatus read_traces(Reader *reader, PacsError *err)
{
    if (!pacs_json_item_find(&reader->values->item, PACS_TAG_WAVEFORM_SEQUENCE))
        return pacs_fail(err, PACS_UNSUPPORTED, "the instance has no waveforms");
    PacsStatus status = add_groups(reader, false, err);
    if (status == PACS_OK && reader->trace_count == 0)
        status = add_groups(reader, true, err);
    if (status == PACS_OK && reader->trace_count == 0)
        return pacs_fail(err, PACS_INVALID, "the waveform has no multiplex groups");
    return status;
}

PacsStatus pacs_waveform_draw(const PacsInstanceValues *values, const TranscodeView *view,
                              uint32_t annotations, TranscodePicture *ret_picture, PacsError *err)
{
    Reader *reader = pacs_arena_alloc(values->arena, sizeof *reader);
    TranscodeAnnotation texts[PACS_PICTURE_TEXTS];
    size_t text_count = 0;

    if (!reader)
        return no_memory(err);
    const char *sop_class = pacs_json_item_string(&values->item, PACS_TAG_SOP_CLASS_UID, 0, values->arena);
    if (!sop_class)
        return no_memory(err);
    *reader = (Reader){
        .values = values, .is_ecg = is_ecg(sop_class), .samples_left = PACS_MAX_WAVEFORM_SAMPLES};
    PacsStatus status = read_traces(reader, err);
    if (status == PACS_OK)
        status = pacs_picture_texts(values, annotations, NULL, texts, &text_count, err);
    const TranscodeWaveformPage page = {.traces = reader->traces,
                                        .trace_count = reader->trace_count,
                                        .note = reader->note,
                                        .texts = texts,
                                        .text_count = text_count,
                                        .viewport_width = view->viewport_width,
                                        .viewport_height = view->viewport_height,
                                        .enlarges = view->enlarges};
    return status == PACS_OK ? transcode_waveform_draw(&page, ret_picture, err) : status;
}
