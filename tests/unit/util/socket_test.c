#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "pacs/util/auto.h"
#include "pacs/util/socket.h"
#include "tests/support/require.h"

static uint16_t peer_sees(int client)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;

    assert_int_equal(getpeername(client, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static void the_port_is_the_one_peers_connect_to(void **state)
{
    (void)state;
    PACS_AUTO_CLOSE int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    PACS_AUTO_CLOSE int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 1), 0);
    address.sin_port = htons(pacs_socket_port(listening));
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(peer_sees(client), pacs_socket_port(listening));
}

static void the_port_of_an_ipv6_socket_is_told_too(void **state)
{
    (void)state;
    PACS_AUTO_CLOSE int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};

    test_require(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "IPv6 on loopback");
    assert_int_not_equal(pacs_socket_port(fd), 0);
}

static void what_has_no_port_has_port_0(void **state)
{
    (void)state;
    PACS_AUTO_CLOSE int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(pacs_socket_port(local), 0);
    assert_int_equal(pacs_socket_port(-1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_port_is_the_one_peers_connect_to),
        cmocka_unit_test(the_port_of_an_ipv6_socket_is_told_too),
        cmocka_unit_test(what_has_no_port_has_port_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
