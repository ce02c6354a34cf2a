#include "pacs/http/feed.h"

#include "pacs/http/exchange.h"

void pacs_http_feed_init(PacsHttpFeed *feed, const PacsHttpFeedOps *ops)
{
    *feed = (PacsHttpFeed){.ops = ops};
    (void)pthread_mutex_init(&feed->sleep.lock, NULL); /* on Linux neither fails nor holds anything */
}

void pacs_http_feed_wake(PacsHttpFeed *feed)
{
    PacsHttpFeedSleep *sleep = &feed->sleep;

    (void)pthread_mutex_lock(&sleep->lock);
    if (sleep->connection)
        sleep->resume(sleep->connection);
    sleep->is_woken = !sleep->connection;
    sleep->connection = NULL;
    (void)pthread_mutex_unlock(&sleep->lock);
}

bool pacs_http_feed_sleep(PacsHttpFeed *feed, void (*suspend)(void *connection),
                          void (*resume)(void *connection), void *connection)
{
    PacsHttpFeedSleep *sleep = &feed->sleep;

    (void)pthread_mutex_lock(&sleep->lock);
    const bool falls_asleep = !sleep->is_woken;
    sleep->is_woken = false;
    if (falls_asleep) {
        sleep->resume = resume;
        sleep->connection = connection;
        suspend(connection);
    }
    (void)pthread_mutex_unlock(&sleep->lock);
    return falls_asleep;
}

void pacs_http_reply_feed(PacsHttpReply *reply, const char *content_type, PacsHttpFeed *feed)
{
    pacs_http_reply_nothing(reply);
    reply->payload.kind = PACS_HTTP_PAYLOAD_FEED;
    reply->payload.feed = feed;
    reply->payload.size = PACS_HTTP_UNKNOWN_SIZE;
    pacs_http_reply_header(reply, "Content-Type", content_type);
}
