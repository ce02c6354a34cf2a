#include "pacs/http/thread.h"

#include <signal.h>
#include <string.h>

PacsStatus pacs_http_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *argument),
                                  void *argument, PacsError *err)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(ret_thread, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the thread '%s': %s", name, strerror(failed));
    (void)pthread_setname_np(*ret_thread, name); /* for top and gdb only */
    return PACS_OK;
}
