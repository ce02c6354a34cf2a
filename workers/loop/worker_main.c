#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pacs/util/limits.h"
#include "pacs/util/log.h"
#include "workers/loop/health.h"
#include "workers/loop/settings.h"
#include "workers/loop/worker.h"

/** Command line, configuration, start, wait for a signal, stop: the same for every worker. */

extern char **environ;

/* Where Docker and Kubernetes put them. */
#define SECRETS_FOLDER "/run/secrets"
#define SETTINGS_ARENA_MAX (16u << 20)

typedef struct Process {
    const WorkerDefinition *definition;
    WorkerSettings settings;

    /* From the bottom up: freed in the opposite order. */
    PacsArena *arena;
    PacsConfig *config;
    PacsMetrics *metrics;
    PacsMetricFamily *lag;
    WorkerHttpClient *archive;
    WorkerDatabase *database;
    void *context;
    bool has_context;
    WorkerSource *source;
    WorkerLoop *loop;
    WorkerProbes probes;
    PacsHttpServer *http;

    pthread_t thread;
    PacsError end; /* why the loop ended by itself */
} Process;

/* ---- Command line ---- */

/** True if the process is done: *ret_code is its exit code. */
static bool handle_options(int argc, char **argv, const WorkerDefinition *definition, int *ret_code)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("%s " PACS_VERSION "\n", definition->name);
        *ret_code = 0;
        return true;
    }
    if (argc > 1 && argv[1][0] == '-') {
        const bool is_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        (void)fprintf(
            is_help ? stdout : stderr,
            "usage: %s [CONFIG...]   run in the foreground; CONFIG is a JSON file or a folder of them\n"
            "       %s --help | --version\n",
            definition->name, definition->name);
        *ret_code = is_help ? 0 : 2;
        return true;
    }
    return false;
}

static void warn_of_key(const char *key, const char *text)
{
    PACS_LOG(PACS_LOG_WARNING, "config", "key-ignored", PACS_F_TEXT("key", key), PACS_F_TEXT("reason", text));
}

static PacsStatus setup_log(const WorkerSettings *settings, PacsError *err)
{
    static const char *const names[] = {"trace", "debug", "info", "warning", "error"};
    const bool is_json = strcmp(settings->log_format, "json") == 0;
    if (!is_json && strcmp(settings->log_format, "text") != 0)
        return pacs_fail(err, PACS_INVALID, "LogFormat '%s' is neither text nor json", settings->log_format);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], settings->log_level) == 0) {
            pacs_log_setup((PacsLogLevel)i, is_json ? PACS_LOG_AS_JSON : PACS_LOG_AS_TEXT, 2);
            return PACS_OK;
        }
    }
    return pacs_fail(err, PACS_INVALID, "LogLevel '%s' is none of trace, debug, info, warning, error",
                     settings->log_level);
}

static PacsStatus read_settings(Process *process, char **paths, int count, PacsError *err)
{
    const PacsConfigInput input = {.paths = (const char *const *)paths,
                                   .path_count = (size_t)count,
                                   .environment = (const char *const *)environ,
                                   .secrets_folder = SECRETS_FOLDER};
    process->arena = pacs_arena_new(SETTINGS_ARENA_MAX);
    if (!process->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the settings");
    pacs_log_setup(PACS_LOG_INFO, PACS_LOG_AS_JSON, 2);
    PacsStatus status = pacs_config_load(&input, &process->config, err);
    if (status == PACS_OK)
        status = worker_settings_read(process->config, process->definition, process->arena,
                                      &process->settings, warn_of_key, err);
    return status == PACS_OK ? setup_log(&process->settings, err) : status;
}

/* ---- From the bottom up ---- */

static void set_lag(void *context, const char *topic, int32_t partition, int64_t lag)
{
    const Process *process = context;
    char number[16];
    (void)snprintf(number, sizeof number, "%d", partition);
    pacs_metric_set(pacs_metric(process->lag, topic, number, NULL), lag);
}

static void collect_lag(void *context)
{
    Process *process = context;
    if (process->source && process->source->ops->lag)
        process->source->ops->lag(process->source, set_lag, process);
}

static PacsStatus open_metrics(Process *process, PacsError *err)
{
    process->metrics = pacs_metrics_new();
    if (!process->metrics)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for metrics");
    process->lag = pacs_metrics_family(process->metrics, PACS_GAUGE, "imaging_consumer_lag",
                                       "Records of a partition that wait for this worker.",
                                       "topic,partition");
    pacs_metrics_on_collect(process->metrics, collect_lag, process);
    return PACS_OK;
}

static PacsStatus open_database(Process *process, PacsError *err)
{
    const WorkerSettings *settings = &process->settings;
    const WorkerDatabaseOptions options = {.url = settings->database,
                                           .application_name = settings->group,
                                           .connect_timeout_ms = (uint32_t)settings->connect_timeout_s * 1000,
                                           .statement_timeout_ms = (uint32_t)settings->statement_timeout_s *
                                                                   1000};
    return worker_database_new(&options, &process->database, err);
}

static PacsStatus open_context(Process *process, PacsError *err)
{
    const WorkerSetup setup = {.config = process->config,
                               .metrics = process->metrics,
                               .archive = process->archive,
                               .dicomweb_root = process->settings.dicomweb_root,
                               .database = process->database};
    if (!process->definition->open)
        return PACS_OK;
    const PacsStatus status = process->definition->open(&setup, &process->context, err);
    process->has_context = status == PACS_OK;
    return status;
}

static PacsStatus open_source(Process *process, PacsError *err)
{
    const WorkerSettings *settings = &process->settings;
    if (strcmp(settings->source, "http") == 0) {
        const WorkerHttpSourceOptions options = {
            .archive = &settings->archive, .database = process->database, .consumer = settings->group};
        return worker_source_http_open(&options, &process->source, err);
    }
    const WorkerKafkaOptions options = {.kafka = &settings->kafka,
                                        .consumer = {.group = settings->group,
                                                     .instance_id = settings->instance_id,
                                                     .topics = settings->topics,
                                                     .topic_count = settings->topic_count,
                                                     .max_busy_ms = (uint32_t)settings->max_effect_s * 1000}};
    return worker_source_kafka_open(&options, &process->source, err);
}

static PacsStatus open_loop(Process *process, PacsError *err)
{
    const WorkerSettings *settings = &process->settings;
    const WorkerLoopOptions options = {.definition = process->definition,
                                       .context = process->context,
                                       .consumer = settings->group,
                                       .database = process->database,
                                       .source = process->source,
                                       .metrics = process->metrics,
                                       .max_effect_ms = (uint32_t)settings->max_effect_s * 1000,
                                       .inbox_days = (uint32_t)settings->inbox_days,
                                       .parked_days = (uint32_t)settings->parked_days};
    PacsStatus status = worker_loop_new(&options, &process->loop, err);
    if (status != PACS_OK)
        return status;
    process->probes = (WorkerProbes){.loop = process->loop, .metrics = process->metrics};
    return worker_health_open(&process->probes, settings->http_address, (uint16_t)settings->http_port,
                              &process->http, err);
}

static void *run_loop(void *context)
{
    Process *process = context;
    if (worker_loop_run(process->loop, &process->end) != PACS_OK)
        (void)kill(getpid(), SIGTERM); /* it ended by itself: whoever waits for a signal is to wake up */
    return NULL;
}

static PacsStatus start(Process *process, PacsError *err)
{
    PacsStatus status = open_metrics(process, err);
    if (status == PACS_OK)
        status = worker_http_client_new(&process->settings.archive, &process->archive, err);
    if (status == PACS_OK)
        status = open_database(process, err);
    if (status == PACS_OK)
        status = open_context(process, err);
    if (status == PACS_OK)
        status = open_source(process, err);
    if (status == PACS_OK)
        status = open_loop(process, err);
    if (status == PACS_OK && pthread_create(&process->thread, NULL, run_loop, process) != 0)
        status = pacs_fail(err, PACS_NO_MEMORY, "no thread for the loop");
    return status;
}

/* ---- The end ---- */

/** The effect at hand gets the time to finish; what does not come back in time is left behind. */
static bool join_loop(Process *process)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)process->settings.shutdown_s;
    return pthread_timedjoin_np(process->thread, NULL, &until) == 0;
}

static void close_all(Process *process)
{
    worker_loop_free(process->loop);
    if (process->has_context && process->definition->close)
        process->definition->close(process->context);
    worker_database_free(process->database);
    worker_http_client_free(process->archive);
    pacs_metrics_free(process->metrics);
    pacs_config_free(process->config);
    pacs_arena_free(process->arena);
}

/** A broker that does not answer, or an effect that hangs, does not keep a process that is to end. */
static void leave_behind(const Process *process, const char *what)
{
    PACS_LOG(PACS_LOG_WARNING, process->definition->name, "left-behind", PACS_F_TEXT("what", what));
    _exit(1);
}

static int stop(Process *process)
{
    PacsError err = {0};
    worker_loop_stop(process->loop);
    if (!join_loop(process))
        leave_behind(process, "an attempt that did not end in time");
    pacs_http_server_free(PACS_STEAL(process->http)); /* whose probes ask loop and source */
    WorkerSource *source = PACS_STEAL(process->source);
    if (source->ops->close(source, (uint32_t)process->settings.shutdown_s * 1000, &err) != PACS_OK)
        leave_behind(process, err.text);
    const bool failed = process->end.status != PACS_OK;
    if (failed)
        PACS_LOG(PACS_LOG_ERROR, process->definition->name, "ended",
                 PACS_F_TEXT("status", pacs_status_name(process->end.status)),
                 PACS_F_TEXT("reason", process->end.text));
    else
        pacs_log(PACS_LOG_INFO, process->definition->name, "stopped", NULL, 0);
    close_all(process);
    return failed ? 1 : 0;
}

static sigset_t block_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by every thread started later */
    (void)signal(SIGPIPE, SIG_IGN);
    return set;
}

static void wait_for_signal(const sigset_t *set, const WorkerDefinition *definition)
{
    int number = 0;
    while (sigwait(set, &number) != 0)
        ;
    pacs_log(PACS_LOG_INFO, definition->name, "stopping", NULL, 0);
    (void)pthread_sigmask(SIG_UNBLOCK, set, NULL); /* a second one ends the process at once */
}

static int fail_start(Process *process, const PacsError *err)
{
    PACS_LOG(PACS_LOG_ERROR, process->definition->name, "cannot-start",
             PACS_F_TEXT("status", pacs_status_name(err->status)), PACS_F_TEXT("reason", err->text));
    pacs_http_server_free(PACS_STEAL(process->http)); /* whose probes ask loop and source */
    if (process->source)
        pacs_ignore(process->source->ops->close(process->source, 1000, NULL)); /* the process ends anyway */
    process->source = NULL;
    close_all(process);
    return 1;
}

int worker_main(int argc, char **argv, const WorkerDefinition *definition)
{
    static Process process; /* outlives main(): what is left behind may still look at it */
    PacsError err = {0};
    int code = 0;

    if (handle_options(argc, argv, definition, &code))
        return code;
    process.definition = definition;
    const sigset_t signals = block_signals();
    PacsStatus status = read_settings(&process, argv + 1, argc - 1, &err);
    if (status == PACS_OK)
        status = start(&process, &err);
    if (status != PACS_OK)
        return fail_start(&process, &err);
    PACS_LOG(PACS_LOG_INFO, definition->name, "started", PACS_F_TEXT("source", process.settings.source),
             PACS_F_TEXT("group", process.settings.group),
             PACS_F_TEXT("database", worker_database_kind(process.database)),
             PACS_F_U64("http_port", pacs_http_server_port(process.http)));
    wait_for_signal(&signals, definition);
    return stop(&process);
}
