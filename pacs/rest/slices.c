#include "pacs/rest/slices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/rest/rest_private.h"
#include "pacs/util/limits.h"

/* ---- Gathering ---- */

typedef struct Geometry {
    bool is_known;
    double position[3];
    double normal[3];
} Geometry;

typedef struct Gathering {
    PacsArena *arena;
    RestSlice *slices;
    Geometry *geometry;
    size_t count, capacity;
} Gathering;

static const char *find_tag(const PacsResource *resource, PacsTag tag)
{
    for (size_t i = 0; i < resource->tag_count; i++)
        if (resource->tags[i].tag == tag)
            return resource->tags[i].value;
    return "";
}

static bool read_numbers(const char *text, double *numbers, size_t count)
{
    PacsSlice rest = pacs_slice(text), part;

    for (size_t i = 0; i < count; i++) {
        char copy[40] = "";
        char *end = NULL;
        if (!pacs_slice_split(&rest, '\\', &part) || part.size == 0 || part.size >= sizeof copy)
            return false;
        memcpy(copy, part.text, part.size);
        numbers[i] = strtod(copy, &end);
        if (end == copy || !isfinite(numbers[i]))
            return false;
    }
    return true;
}

static Geometry read_geometry(const PacsResource *resource)
{
    Geometry geometry = {0};
    double axes[6];

    geometry.is_known = read_numbers(find_tag(resource, PACS_TAG_IMAGE_POSITION_PATIENT), geometry.position,
                                     3) &&
                        read_numbers(find_tag(resource, PACS_TAG_IMAGE_ORIENTATION_PATIENT), axes, 6);
    if (!geometry.is_known)
        return geometry;
    for (size_t i = 0; i < 3; i++)
        geometry.normal[i] = axes[(i + 1) % 3] * axes[3 + (i + 2) % 3] -
                             axes[(i + 2) % 3] * axes[3 + (i + 1) % 3];
    return geometry;
}

static PacsStatus grow(Gathering *gathering, PacsError *err)
{
    const size_t capacity = gathering->capacity ? 2 * gathering->capacity : 64;
    RestSlice *slices = pacs_arena_array(gathering->arena, capacity, sizeof *slices);
    Geometry *geometry = pacs_arena_array(gathering->arena, capacity, sizeof *geometry);

    if (!slices || !geometry)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the slices of a series");
    if (gathering->count > 0) {
        memcpy(slices, gathering->slices, gathering->count * sizeof *slices);
        memcpy(geometry, gathering->geometry, gathering->count * sizeof *geometry);
    }
    gathering->slices = slices;
    gathering->geometry = geometry;
    gathering->capacity = capacity;
    return PACS_OK;
}

static PacsStatus gather(void *context, const PacsResource *resource, PacsError *err)
{
    Gathering *gathering = context;
    uint64_t frames = 1;
    double number = 0;

    if (gathering->count == gathering->capacity) {
        const PacsStatus status = grow(gathering, err);
        if (status != PACS_OK)
            return status;
    }
    if (pacs_parse_u64(pacs_slice(find_tag(resource, PACS_TAG_NUMBER_OF_FRAMES)), UINT32_MAX, &frames,
                       NULL) != PACS_OK ||
        frames == 0)
        frames = 1;
    if (!read_numbers(find_tag(resource, PACS_TAG_INSTANCE_NUMBER), &number, 1))
        number = resource->index_in_series >= 0 ? (double)resource->index_in_series : INFINITY;
    RestSlice *slice = &gathering->slices[gathering->count];
    *slice = (RestSlice){.place = number, .frames = (uint32_t)frames, .arrival = gathering->count};
    memcpy(slice->id, resource->id, sizeof slice->id);
    gathering->geometry[gathering->count++] = read_geometry(resource);
    return PACS_OK;
}

/* ---- Order ---- */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Parallel slices of one frame, at least two of them. */
static bool is_volume(const Gathering *gathering)
{
    const Geometry *first = gathering->geometry;

    if (gathering->count < 2)
        return false;
    for (size_t i = 0; i < gathering->count; i++) {
        const Geometry *geometry = &gathering->geometry[i];
        if (!geometry->is_known || gathering->slices[i].frames != 1 ||
            dot(geometry->normal, first->normal) < 0.999 * dot(first->normal, first->normal) ||
            !(dot(first->normal, first->normal) > 0.5))
            return false;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const RestSlice *first = a, *second = b;

    if (first->place != second->place)
        return first->place < second->place ? -1 : 1;
    return first->arrival < second->arrival ? -1 : first->arrival > second->arrival;
}

/** Whether no two of the slices, in order, are at one place. */
static bool are_apart(const RestSlice *slices, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (fabs(slices[i].place - slices[i - 1].place) < 1e-5)
            return false;
    return true;
}

static bool sort_as_volume(const Gathering *gathering, RestSlice *slices)
{
    if (!is_volume(gathering))
        return false;
    memcpy(slices, gathering->slices, gathering->count * sizeof *slices);
    for (size_t i = 0; i < gathering->count; i++)
        slices[i].place = dot(gathering->geometry[i].position, gathering->geometry[0].normal);
    qsort(slices, gathering->count, sizeof *slices, compare);
    return are_apart(slices, gathering->count);
}

PacsStatus rest_slices_find(PacsRest *rest, const char *series_id, PacsArena *arena, RestSlices *ret_slices,
                            PacsError *err)
{
    Gathering gathering = {.arena = arena};

    const PacsStatus status = pacs_index_list_below(rest->index, PACS_LEVEL_SERIES, series_id,
                                                    PACS_LEVEL_INSTANCE, PACS_WITH_TAGS, gather, &gathering,
                                                    err);
    if (status != PACS_OK)
        return status;
    RestSlice *sorted = pacs_arena_array(arena, gathering.count + 1, sizeof *sorted);
    if (!sorted)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the slices of a series");
    ret_slices->is_volume = sort_as_volume(&gathering, sorted);
    if (!ret_slices->is_volume && gathering.count > 0) {
        memcpy(sorted, gathering.slices, gathering.count * sizeof *sorted);
        qsort(sorted, gathering.count, sizeof *sorted, compare);
    }
    ret_slices->slices = sorted;
    ret_slices->count = gathering.count;
    return PACS_OK;
}

/* ---- GET /series/{id}/ordered-slices ---- */

static void write_slices(PacsJson *json, const RestSlices *slices, PacsArena *arena)
{
    pacs_json_object_begin(json);
    pacs_json_key(json, "Dicom");
    pacs_json_array_begin(json);
    for (size_t i = 0; i < slices->count; i++)
        pacs_json_string(json, pacs_arena_printf(arena, "/instances/%s/file", slices->slices[i].id));
    pacs_json_array_end(json);
    pacs_json_key(json, "Slices");
    pacs_json_array_begin(json);
    for (size_t i = 0; i < slices->count && !json->out->failed; i++)
        for (uint32_t frame = 0; frame < slices->slices[i].frames && !json->out->failed; frame++) {
            char path[PACS_ORTHANC_ID_SIZE + 40];
            (void)snprintf(path, sizeof path, "/instances/%s/frames/%u", slices->slices[i].id, frame);
            pacs_json_string(json, path);
        }
    pacs_json_array_end(json);
    pacs_json_key(json, "SlicesShort");
    pacs_json_array_begin(json);
    for (size_t i = 0; i < slices->count; i++) {
        pacs_json_array_begin(json);
        pacs_json_string(json, slices->slices[i].id);
        pacs_json_u64(json, 0);
        pacs_json_u64(json, slices->slices[i].frames);
        pacs_json_array_end(json);
    }
    pacs_json_array_end(json);
    pacs_json_member_string(json, "Type", slices->is_volume ? "Volume" : "Sequence");
    pacs_json_object_end(json);
}

void rest_ordered_slices(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);
    RestSlices slices = {0};
    PacsError err = {0};
    PacsJson json;

    if (rest_slices_find(rest, pacs_http_capture(request, "id"), pacs_http_arena(request), &slices, &err) !=
        PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    write_slices(&json, &slices, pacs_http_arena(request));
    rest_reply_json(rest, request, reply, &body);
}
