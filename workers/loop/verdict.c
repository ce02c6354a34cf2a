#include "workers/loop/worker.h"

WorkerVerdict worker_verdict(PacsStatus status)
{
    switch (status) {
    case PACS_OK:
        return WORKER_DONE;
    case PACS_NOT_FOUND:
        return WORKER_PARK;
    case PACS_UNAVAILABLE:
    case PACS_NO_SPACE:
    case PACS_NO_MEMORY:
    case PACS_CANCELLED:
    case PACS_REFUSED: /* a wrong password is the operator's to mend: no event is given up for it */
    case PACS_INTERNAL:
        return WORKER_RETRY;
    case PACS_EXISTS:
    case PACS_INVALID:
    case PACS_MISMATCH:
    case PACS_UNSUPPORTED:
    case PACS_TOO_LARGE:
    case PACS_CORRUPT:
        return WORKER_POISON;
    }
    return WORKER_RETRY;
}
