#include "pacs/util/auto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pacs_auto_free(void *pointer_to_pointer)
{
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof pointer); /* the variable may have any pointer type */
    free(pointer);
}

void pacs_auto_close(int *fd)
{
    int saved = errno; /* the scope may be ending because of it */
    if (*fd >= 0)
        (void)close(*fd); /* nothing is left to be done about a failure here; writers fsync before */
    errno = saved;
}

int pacs_steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}
