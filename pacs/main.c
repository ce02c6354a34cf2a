#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "pacs/server.h"
#include "pacs/settings.h"
#include "pacs/topics.h"
#include "pacs/util/log.h"
#include "transcode/helper.h"

/**
 * Command line, configuration, start, wait for a signal, stop. What is started and in which order is
 * pacs/server.c's.
 */

extern char **environ;

/* Where Docker and Kubernetes put them; Orthanc's images read it too. */
#define SECRETS_FOLDER "/run/secrets"

static const char usage[] =
    "usage: lightbox [CONFIG...]       run in the foreground; CONFIG is a JSON file or a folder of them\n"
    "       lightbox topics ensure|verify [CONFIG...]   make, or look at, the topics of Events.Kafka\n"
    "       lightbox --config=FILE     write the commented default configuration to FILE (- for standard output)\n"
    "       lightbox --help | --version\n"
    "With no CONFIG: HTTP 8042 and DICOM 4242 on loopback, data in $LIGHTBOX_DATA or ./lightbox-data.\n";

/** True if the process is done: *ret_code is its exit code. */
static bool handle_options(int argc, char **argv, int *ret_code)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option = getopt_long(argc, argv, "h", options, NULL);

    *ret_code = 0;
    switch (option) {
    case -1:
        return false;
    case 'c':
        *ret_code = pacs_settings_write_default_file(optarg) ? 0 : 1;
        return true;
    case 'h':
        (void)fputs(usage, stdout);
        return true;
    case 'v':
        (void)puts("lightbox " PACS_VERSION);
        return true;
    default:
        (void)fputs(usage, stderr);
        *ret_code = 2;
        return true;
    }
}

static void warn_of_key(const char *key, const char *text)
{
    PACS_LOG(PACS_LOG_WARNING, "config", "key-ignored", PACS_F_TEXT("key", key), PACS_F_TEXT("reason", text));
}

static bool parse_level(const char *name, PacsLogLevel *ret_level)
{
    static const char *const names[] = {"trace", "debug", "info", "warning", "error"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_level = (PacsLogLevel)i;
            return true;
        }
    }
    return false;
}

static PacsStatus setup_log(const PacsSettings *settings, PacsError *err)
{
    PacsLogLevel level;

    if (!parse_level(settings->log_level, &level))
        return pacs_fail(err, PACS_INVALID, "LogLevel '%s' is none of trace, debug, info, warning, error",
                         settings->log_level);
    if (strcmp(settings->log_format, "json") != 0 && strcmp(settings->log_format, "text") != 0)
        return pacs_fail(err, PACS_INVALID, "LogFormat '%s' is neither text nor json", settings->log_format);
    pacs_log_setup(level, strcmp(settings->log_format, "json") == 0 ? PACS_LOG_AS_JSON : PACS_LOG_AS_TEXT, 2);
    return PACS_OK;
}

/** Signals that end the server are waited for, not handled: no code runs in a handler. */
static sigset_t block_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by every thread started later */
    (void)signal(SIGPIPE, SIG_IGN);               /* a peer that left is an error code, not a death */
    return set;
}

/** A shell's 1,024 descriptors are gone long before our own limits on connections speak. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* what cannot be raised stays as it is */
    }
}

static void wait_for_signal(const sigset_t *set)
{
    int number = 0;

    while (sigwait(set, &number) != 0)
        ;
    PACS_LOG(PACS_LOG_INFO, "main", "stopping",
             PACS_F_TEXT("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    (void)pthread_sigmask(SIG_UNBLOCK, set, NULL); /* a second one ends the process at once */
}

/** Everything that a command reads before it begins. */
typedef struct Setup {
    PacsConfig *config;
    PacsSettingsDefaults *defaults;
    PacsSettings settings;
} Setup;

static void clear_setup(Setup *setup)
{
    pacs_settings_defaults_free(setup->defaults);
    pacs_config_free(setup->config);
}

static PacsStatus read_setup(const char *const *paths, size_t path_count, Setup *setup, PacsError *err)
{
    PacsConfigInput input = {.paths = paths,
                             .path_count = path_count,
                             .environment = (const char *const *)environ,
                             .secrets_folder = SECRETS_FOLDER};

    PacsStatus status = pacs_config_load(&input, &setup->config, err);
    if (status == PACS_OK)
        status = pacs_settings_read(setup->config, &setup->settings, &setup->defaults, warn_of_key, err);
    return status == PACS_OK ? setup_log(&setup->settings, err) : status;
}

static PacsStatus serve(const char *const *paths, size_t path_count, PacsError *err)
{
    __attribute__((cleanup(clear_setup))) Setup setup = {0};
    PACS_AUTO(PacsServer) server = NULL;

    PacsStatus status = read_setup(paths, path_count, &setup, err);
    if (status != PACS_OK)
        return status;

    sigset_t signals = block_signals();
    raise_descriptor_limit();
    status = pacs_server_start(&setup.settings, path_count > 0 ? paths[0] : NULL, &server, err);
    if (status != PACS_OK)
        return status;
    wait_for_signal(&signals);
    pacs_server_stop(server);
    return PACS_OK;
}

/** Exit code: 0 all is as it should be, 1 not, 2 not understood. */
static int topics(const char *const *words, size_t word_count)
{
    __attribute__((cleanup(clear_setup))) Setup setup = {0};
    const bool ensure = word_count > 0 && strcmp(words[0], "ensure") == 0;
    PacsError err = {0};
    bool sound = false;

    if (!ensure && (word_count == 0 || strcmp(words[0], "verify") != 0)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    PacsStatus status = read_setup(words + 1, word_count - 1, &setup, &err);
    if (status == PACS_OK)
        status = pacs_topics_command(&setup.settings, ensure, &sound, &err);
    if (status != PACS_OK)
        (void)fprintf(stderr, "lightbox: %s\n", err.text);
    return sound ? 0 : 1;
}

int main(int argc, char **argv)
{
    PacsError err = {0};
    int code = 0;

    if (argc == 2 && strcmp(argv[1], TRANSCODE_HELPER_ARGUMENT) == 0)
        return transcode_helper_main(transcode_decode); /* not for people */
    if (handle_options(argc, argv, &code))
        return code;
    if (optind < argc && strcmp(argv[optind], "topics") == 0)
        return topics((const char *const *)argv + optind + 1, (size_t)(argc - optind - 1));
    if (serve((const char *const *)argv + optind, (size_t)(argc - optind), &err) != PACS_OK) {
        PACS_LOG(PACS_LOG_ERROR, "main", "cannot-start", PACS_F_TEXT("status", pacs_status_name(err.status)),
                 PACS_F_TEXT("reason", err.text));
        return 1;
    }
    return 0;
}
