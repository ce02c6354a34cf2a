#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

/**
 * C11 threads over POSIX ones, for builds with the thread sanitizer alone: librdkafka uses C11's, which the sanitizer does not
 * know, so that it would end with the first thread. Its types are glibc's, which have the same layout.
 */

typedef struct Start {
    thrd_start_t run;
    void *argument;
} Start;

static void *run_thread(void *context)
{
    const Start start = *(Start *)context;
    free(context);
    return (void *)(intptr_t)start.run(start.argument);
}

static int code_of(int error)
{
    return error == 0           ? thrd_success
           : error == EBUSY     ? thrd_busy
           : error == ETIMEDOUT ? thrd_timedout
           : error == ENOMEM    ? thrd_nomem
                                : thrd_error;
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *argument)
{
    Start *start = malloc(sizeof *start);
    if (!start)
        return thrd_nomem;
    *start = (Start){run, argument};
    const int error = pthread_create(thread, NULL, run_thread, start);
    if (error != 0)
        free(start);
    return code_of(error);
}

int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    const int error = pthread_join(thread, &value);
    if (error == 0 && result)
        *result = (int)(intptr_t)value;
    return code_of(error);
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    const int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return code_of(error);
}

int mtx_lock(mtx_t *mutex)
{
    return code_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return code_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return code_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return code_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return code_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return code_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return code_of(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

/** What librdkafka does among its own threads: it is not built with the sanitizer, which does not see its atomics. */
const char *__tsan_default_suppressions(void); /* the sanitizer looks for this name */
const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\n";
}
