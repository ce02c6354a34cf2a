#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/http/http_server.h"
#include "tests/support/http_demo.h"

/**
 * The demo's door behind a server with real sockets, and a client that speaks to it byte by byte. Nothing is
 * timed: short deadlines are injected where a deadline is the behaviour, and every wait is for a condition.
 */
#define SERVED_BYTES (2u << 20)

extern Demo demo;
extern PacsHttpServer *server;      /* after start() */
extern uint8_t bytes[SERVED_BYTES]; /* demo_byte() of each position */

void start_with(const PacsHttpServerOptions *options);
void start(void);
/* Before and after each test. */
int set_up(void **state);
int tear_down(void **state);

/* ---- The client ---- */

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

int dial(void);
bool say_bytes(int fd, const void *data, size_t size);
void say(int fd, const char *text);
void post_head(int fd, const char *target, size_t size, const char *more);

typedef struct Heard {
    int code;
    char head[4096];
    uint8_t *body;
    size_t body_size;
    size_t body_room;
    bool is_whole;
} Heard;
void forget(Heard *heard);

/** One answer; its code, or 0 where the connection ended instead. */
int hear_answer(int fd, Heard *heard, bool is_head);
int hear(int fd, Heard *heard);
const char *head_value(const Heard *heard, const char *name, char *value, size_t size);
bool is_closed(int fd);
void check_body(const Heard *heard, size_t size);
