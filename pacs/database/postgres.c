#include "pacs/database/postgres.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/text.h"

#define PARAMETERS_MAX 32 /* of a statement of ours; asserted */
#define CONNECT_TIMEOUT_MS 10000

/* pg_type.h, which is the server's: these numbers are part of the protocol. */
enum { OID_UNKNOWN = 0, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

struct PacsPostgres {
    PGconn *handle;
};

typedef struct StateStatus {
    const char *prefix; /* of SQLSTATE; the first row that fits counts */
    PacsStatus status;
} StateStatus;

static const StateStatus state_statuses[] = {
    {"08", PACS_UNAVAILABLE},    /* connection */
    {"23505", PACS_EXISTS},      /* unique_violation */
    {"22", PACS_INVALID},        /* a value that its type does not take */
    {"25006", PACS_UNAVAILABLE}, /* read_only_sql_transaction: a standby, until it is promoted */
    {"28", PACS_REFUSED},        /* authorization */
    {"42501", PACS_REFUSED},     /* insufficient_privilege */
    {"40", PACS_UNAVAILABLE},    /* serialization_failure, deadlock_detected */
    {"53100", PACS_NO_SPACE},    /* disk_full */
    {"53200", PACS_UNAVAILABLE}, /* out_of_memory: the server's */
    {"53", PACS_UNAVAILABLE},    /* too_many_connections */
    {"55", PACS_UNAVAILABLE},    /* lock_not_available, object_in_use */
    {"57", PACS_UNAVAILABLE},    /* shutdowns, statement_timeout */
    {"58", PACS_UNAVAILABLE},    /* the server's files */
    {"XX001", PACS_CORRUPT},     /* data_corrupted */
    {"XX002", PACS_CORRUPT},     /* index_corrupted */
};

static PacsStatus status_of(const char *state)
{
    for (size_t i = 0; i < sizeof state_statuses / sizeof state_statuses[0]; i++)
        if (strncmp(state, state_statuses[i].prefix, strlen(state_statuses[i].prefix)) == 0)
            return state_statuses[i].status;
    return PACS_INTERNAL;
}

/** libpq ends its messages with a line break, and may put several lines into one. */
static int first_line(const char *message)
{
    return (int)strcspn(message, "\r\n");
}

static PacsStatus fail_connection(const PGconn *handle, PacsError *err)
{
    const char *message = PQerrorMessage(handle);
    const bool refused = strstr(message, "password") || strstr(message, "authentication");
    return pacs_fail(err, refused ? PACS_REFUSED : PACS_UNAVAILABLE, "PostgreSQL: %.*s", first_line(message),
                     message);
}

static PacsStatus fail_result(const PacsPostgres *connection, const PGresult *result, PacsError *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) /* not the server: the connection broke, or there is no memory for an answer */
        return PQstatus(connection->handle) == CONNECTION_OK && !result
                   ? pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer of PostgreSQL")
                   : fail_connection(connection->handle, err);
    const PacsStatus status = status_of(state);
    if (status == PACS_INVALID || !message) /* class 22 quotes the value */
        return pacs_fail(err, status, "PostgreSQL does not take a value (SQLSTATE %s)", state);
    return pacs_fail(err, status, "PostgreSQL: %.*s (SQLSTATE %s)", first_line(message), message, state);
}

PacsStatus pacs_postgres_check_url(const char *url, PacsError *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    PacsStatus status = PACS_OK;
    if (!options) /* the message may quote the URL, which may have a password in it */
        status = pacs_fail(err, PACS_INVALID, "the database's URL is none that PostgreSQL's library reads");
    PQfreemem(message);
    PQconninfoFree(options);
    return status;
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context; /* "relation exists, skipping": nothing that anybody has to act on */
    (void)result;
}

PacsStatus pacs_postgres_open(const PacsPostgresOptions *options, PacsPostgres **ret_connection,
                              PacsError *err)
{
    char timeout[16];
    const uint32_t timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms
                                                            : CONNECT_TIMEOUT_MS;
    (void)snprintf(timeout, sizeof timeout, "%" PRIu32, (timeout_ms + 999) / 1000);
    /* Of keys given twice the last counts: what the URL says goes over ours. A peer that vanished without a word is
     * noticed within half a minute, not after two hours of the system's keepalive. */
    const char *const keys[] = {"connect_timeout",
                                "fallback_application_name",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                "tcp_user_timeout",
                                "client_encoding",
                                "dbname",
                                NULL};
    const char *const values[] = {
        timeout, options->application_name, "10", "5", "3", "30000", "UTF8", options->url, NULL};

    PACS_AUTO(PacsPostgres) connection = calloc(1, sizeof *connection);
    if (!connection)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a database connection");
    connection->handle = PQconnectdbParams(keys, values, 1);
    if (!connection->handle)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a database connection");
    if (PQstatus(connection->handle) != CONNECTION_OK)
        return fail_connection(connection->handle, err);
    (void)PQsetNoticeReceiver(connection->handle, ignore_notice, NULL);
    *ret_connection = PACS_STEAL(connection);
    return PACS_OK;
}

void pacs_postgres_close(PacsPostgres *connection)
{
    if (!connection)
        return;
    PQfinish(connection->handle);
    free(connection);
}

bool pacs_postgres_is_alive(const PacsPostgres *connection)
{
    return PQstatus(connection->handle) == CONNECTION_OK;
}

static PacsStatus check(const PacsPostgres *connection, const PGresult *result, PacsError *err)
{
    const ExecStatusType code = PQresultStatus(result);
    return code == PGRES_COMMAND_OK || code == PGRES_TUPLES_OK ? PACS_OK
                                                               : fail_result(connection, result, err);
}

PacsStatus pacs_postgres_script(PacsPostgres *connection, const char *sql, PacsError *err)
{
    PGresult *result = PQexec(connection->handle, sql);
    const PacsStatus status = check(connection, result, err);
    PQclear(result);
    return status;
}

typedef struct Parameters {
    Oid types[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX];
    int sizes[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];
    char numbers[PARAMETERS_MAX][24];
} Parameters;

static PacsStatus set_parameter(Parameters *parameters, size_t i, const PacsSqlValue *value, PacsError *err)
{
    switch (value->kind) {
    case PACS_SQL_NULL:
        parameters->values[i] = NULL;
        return PACS_OK;
    case PACS_SQL_I64:
        (void)snprintf(parameters->numbers[i], sizeof parameters->numbers[i], "%" PRId64, value->number);
        parameters->values[i] = parameters->numbers[i];
        parameters->types[i] = OID_INT8;
        return PACS_OK;
    case PACS_SQL_TEXT:
        if (memchr(value->bytes, 0, value->size))
            return pacs_fail(err, PACS_INVALID, "PostgreSQL takes no NUL in a text");
        parameters->values[i] = value->bytes;
        parameters->types[i] = OID_TEXT;
        return PACS_OK;
    case PACS_SQL_BYTES:
        if (value->size > INT32_MAX)
            return pacs_fail(err, PACS_TOO_LARGE, "PostgreSQL takes no value of %zu bytes", value->size);
        parameters->values[i] = value->bytes;
        parameters->types[i] = OID_BYTEA;
        parameters->sizes[i] = (int)value->size;
        parameters->formats[i] = 1;
        return PACS_OK;
    }
    return pacs_fail(err, PACS_INTERNAL, "a value of no kind");
}

PacsStatus pacs_postgres_query(PacsPostgres *connection, const char *sql, const PacsSqlValue *values,
                               size_t count, PGresult **ret_result, PacsError *err)
{
    Parameters parameters = {.types = {OID_UNKNOWN}};
    assert(count <= PARAMETERS_MAX);
    for (size_t i = 0; i < count; i++) {
        const PacsStatus status = set_parameter(&parameters, i, &values[i], err);
        if (status != PACS_OK)
            return status;
    }
    PGresult *result = PQexecParams(connection->handle, sql, (int)count, parameters.types, parameters.values,
                                    parameters.sizes, parameters.formats, 0);
    const PacsStatus status = check(connection, result, err);
    if (status == PACS_OK)
        *ret_result = result;
    else
        PQclear(result);
    return status;
}

uint64_t pacs_postgres_changed(PGresult *result)
{
    uint64_t changed = 0; /* what is no number is no count */
    pacs_ignore(pacs_parse_u64(pacs_slice(PQcmdTuples(result)), UINT64_MAX, &changed, NULL));
    return changed;
}

static PacsStatus read_bytes(const char *text, PacsArena *arena, PacsSqlValue *ret_value, PacsError *err)
{
    size_t size = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &size);
    void *copy = bytes ? pacs_arena_alloc(arena, size + 1) : NULL;
    if (copy)
        memcpy(copy, bytes, size);
    PQfreemem(bytes);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a value of the database");
    *ret_value = (PacsSqlValue){.kind = PACS_SQL_BYTES, .bytes = copy, .size = size};
    return PACS_OK;
}

PacsStatus pacs_postgres_value(const PGresult *result, size_t row, size_t column, PacsArena *arena,
                               PacsSqlValue *ret_value, PacsError *err)
{
    const int r = (int)row;
    const int c = (int)column;
    if (PQgetisnull(result, r, c)) {
        *ret_value = pacs_sql_null();
        return PACS_OK;
    }
    const char *text = PQgetvalue(result, r, c);
    const PacsSlice slice = {text, (size_t)PQgetlength(result, r, c)};
    switch (PQftype(result, c)) {
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        *ret_value = (PacsSqlValue){.kind = PACS_SQL_I64};
        return pacs_parse_i64(slice, INT64_MIN, INT64_MAX, &ret_value->number, err);
    case OID_BYTEA:
        return read_bytes(text, arena, ret_value, err);
    default:
        break;
    }
    const char *copy = pacs_arena_strndup(arena, slice.text, slice.size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a text of the database");
    *ret_value = (PacsSqlValue){.kind = PACS_SQL_TEXT, .bytes = copy, .size = slice.size};
    return PACS_OK;
}
