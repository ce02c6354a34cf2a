#include <stdio.h>

#include "pacs/rest/rest_private.h"
#include "pacs/util/clock.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT 100000

/** "NewStudy;StableStudy" as a mask of types; a name nobody knows is the client's mistake. */
static PacsStatus parse_types(const char *text, uint32_t *ret_mask, PacsError *err)
{
    PacsSlice rest = pacs_slice(text);
    PacsSlice name;
    uint32_t mask = 0;

    while (pacs_slice_split(&rest, ';', &name)) {
        int type = 1;
        while (type < PACS_CHANGE_TYPE_COUNT &&
               !pacs_slice_equal(name, pacs_change_type_name((PacsChangeType)type)))
            type++;
        if (type == PACS_CHANGE_TYPE_COUNT)
            return pacs_fail(err, PACS_INVALID, "'type' names a change that does not exist");
        mask |= 1u << type;
    }
    *ret_mask = mask;
    return PACS_OK;
}

static PacsStatus parse_query(const PacsHttpRequest *request, PacsChangeQuery *ret_query, PacsError *err)
{
    PacsChangeQuery query = {.since = -1, .to = -1, .last_only = rest_query_flag(request, "last")};
    const char *types = pacs_http_query(request, "type");
    uint64_t since = 0, to = 0, limit = DEFAULT_LIMIT;

    PacsStatus status = rest_query_u64(request, "since", INT64_MAX, &since, err);
    if (status == PACS_OK)
        status = rest_query_u64(request, "to", INT64_MAX, &to, err);
    if (status == PACS_OK)
        status = rest_query_u64(request, "limit", UINT32_MAX, &limit, err);
    if (status == PACS_OK && types && types[0])
        status = parse_types(types, &query.type_mask, err);
    if (status != PACS_OK)
        return status;

    if (pacs_http_query(request, "since"))
        query.since = (int64_t)since;
    if (pacs_http_query(request, "to"))
        query.to = (int64_t)to;
    query.limit = limit == 0 || limit > MAX_LIMIT ? MAX_LIMIT : (uint32_t)limit; /* 0 means all, in Orthanc */
    *ret_query = query;
    return PACS_OK;
}

static void write_change(PacsJson *json, const PacsChange *change)
{
    char date[16];
    char path[80];

    pacs_time_format_orthanc(change->time_ms, date);
    (void)snprintf(path, sizeof path, "/%s/%s", rest_level_path(change->level), change->id);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "ChangeType", pacs_change_type_name(change->type));
    pacs_json_member_string(json, "Date", date);
    pacs_json_member_string(json, "ID", change->id);
    pacs_json_member_string(json, "Path", path);
    pacs_json_member_string(json, "ResourceType", pacs_level_name(change->level));
    pacs_json_member_i64(json, "Seq", change->seq);
    pacs_json_object_end(json);
}

void rest_changes(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    PacsChangeQuery query;
    PacsChangePage page;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);
    PacsJson json;

    PacsStatus status = parse_query(request, &query, &err);
    if (status == PACS_OK)
        status = pacs_index_read_changes(rest->index, &query, pacs_http_arena(request), &page, &err);
    if (status != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    pacs_json_object_begin(&json);
    pacs_json_key(&json, "Changes");
    pacs_json_array_begin(&json);
    for (size_t i = 0; i < page.count; i++)
        write_change(&json, &page.changes[i]);
    pacs_json_array_end(&json);
    pacs_json_member_bool(&json, "Done", page.done || query.last_only); /* nothing comes after the last one */
    pacs_json_member_i64(&json, "First", page.first_seq);
    pacs_json_member_i64(&json, "Last", page.last_seq);
    pacs_json_object_end(&json);
    rest_reply_json(rest, request, reply, &body);
}

void rest_clear_changes(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};

    if (pacs_index_clear_changes(rest->index, &err) != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        pacs_http_reply_text(reply, "text/plain", "");
}
