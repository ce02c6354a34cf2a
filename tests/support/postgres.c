#include "tests/support/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary.h"

#define TRIES 600 /* of 100 ms each: a busy machine */

struct TestPostgres {
    char *folder;
    char programs[256]; /* where initdb and postgres are */
    char data[256];
    char url[512];
    pid_t server;
};

/** Debian keeps one folder per version; the newest. */
static bool find_programs(char *out, size_t size)
{
    glob_t found = {0};
    bool ok = false;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0 && found.gl_pathc > 0)
        ok = snprintf(out, size, "%s", found.gl_pathv[found.gl_pathc - 1]) < (int)size;
    globfree(&found);
    return ok;
}

static void become_unprivileged(void)
{
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
}

static pid_t spawn(const TestPostgres *postgres, const char *program, char *const *arguments)
{
    char path[512];
    char log[512];
    (void)snprintf(path, sizeof path, "%s/%s", postgres->programs, program);
    (void)snprintf(log, sizeof log, "%s/log", postgres->folder);
    const pid_t child = fork();
    if (child != 0)
        return child;
    become_unprivileged();
    const int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (out >= 0) {
        (void)dup2(out, 1);
        (void)dup2(out, 2);
    }
    (void)setpgid(0, 0); /* a test's Ctrl-C is not the server's */
    execv(path, arguments);
    _exit(127);
}

static int run(const TestPostgres *postgres, const char *program, char *const *arguments)
{
    const pid_t child = spawn(postgres, program, arguments);
    int code = -1;
    while (child > 0 && waitpid(child, &code, 0) < 0 && errno == EINTR)
        continue;
    return code;
}

static void show_log(const TestPostgres *postgres)
{
    char path[512];
    char line[512];
    (void)snprintf(path, sizeof path, "%s/log", postgres->folder);
    FILE *log = fopen(path, "re");
    while (log && fgets(line, sizeof line, log))
        (void)fputs(line, stderr);
    if (log)
        (void)fclose(log);
}

static bool answers(TestPostgres *postgres)
{
    for (int i = 0; i < TRIES; i++) {
        if (PQping(postgres->url) == PQPING_OK)
            return true;
        if (waitpid(postgres->server, NULL, WNOHANG) != 0) {
            postgres->server = 0;
            return false;
        }
        (void)usleep(100000);
    }
    return false;
}

int test_postgres_restart(TestPostgres *postgres)
{
    char *const arguments[] = {"postgres",          "-D", postgres->data, "-k", postgres->folder, "-c",
                               "listen_addresses=", "-c", "fsync=off",    NULL};
    postgres->server = spawn(postgres, "postgres", arguments);
    return postgres->server > 0 && answers(postgres) ? 0 : -1;
}

TestPostgres *test_postgres_start(void)
{
    TestPostgres *postgres = calloc(1, sizeof *postgres);
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (!postgres || !find_programs(postgres->programs, sizeof postgres->programs) ||
        !(postgres->folder = temporary_folder_new()))
        goto failed;
    if (user && chown(postgres->folder, user->pw_uid, user->pw_gid) != 0)
        goto failed;
    (void)snprintf(postgres->data, sizeof postgres->data, "%s/data", postgres->folder);
    (void)snprintf(postgres->url, sizeof postgres->url,
                   "postgresql:///postgres?user=lightbox&host=%s&connect_timeout=5", postgres->folder);
    char *const arguments[] = {"initdb", "-D", postgres->data, "-U",   "lightbox",   "-A",
                               "trust",  "-N", "-E",           "UTF8", "--locale=C", NULL};
    if (run(postgres, "initdb", arguments) != 0 || test_postgres_restart(postgres) != 0) {
        show_log(postgres);
        goto failed;
    }
    return postgres;
failed:
    test_postgres_stop(postgres);
    return NULL;
}

static void end(TestPostgres *postgres, int signal_number)
{
    if (postgres->server > 0 && kill(postgres->server, signal_number) == 0)
        while (waitpid(postgres->server, NULL, 0) < 0 && errno == EINTR)
            continue;
    postgres->server = 0;
}

void test_postgres_kill(TestPostgres *postgres)
{
    end(postgres, SIGQUIT); /* the server's own kill: no checkpoint, its children end too */
}

void test_postgres_stop(TestPostgres *postgres)
{
    if (!postgres)
        return;
    end(postgres, SIGINT);
    temporary_folder_free(postgres->folder);
    free(postgres);
}

const char *test_postgres_url(const TestPostgres *postgres)
{
    return postgres->url;
}
