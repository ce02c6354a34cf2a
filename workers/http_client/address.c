#include "workers/http_client/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Block4 {
    uint32_t first;
    unsigned bits;
} Block4;

#define IPV4(a, b, c, d)                                                                                     \
    (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))

static const Block4 special4[] = {
    {IPV4(0, 0, 0, 0), 8},      /* this network */
    {IPV4(10, 0, 0, 0), 8},     /* private */
    {IPV4(100, 64, 0, 0), 10},  /* shared */
    {IPV4(127, 0, 0, 0), 8},    /* loopback */
    {IPV4(169, 254, 0, 0), 16}, /* link local: metadata of clouds */
    {IPV4(172, 16, 0, 0), 12},  /* private */
    {IPV4(192, 0, 0, 0), 24},   /* protocol assignments */
    {IPV4(192, 0, 2, 0), 24},   /* documentation */
    {IPV4(192, 168, 0, 0), 16}, /* private */
    {IPV4(198, 18, 0, 0), 15},  /* benchmarks */
    {IPV4(198, 51, 100, 0), 24}, {IPV4(203, 0, 113, 0), 24},
    {IPV4(224, 0, 0, 0), 3}, /* multicast, reserved, broadcast */
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof special4 / sizeof special4[0]; i++)
        if ((address ^ special4[i].first) >> (32 - special4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t ipv4_at(const uint8_t *bytes)
{
    return IPV4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

/** Of IPv6 only 2000::/3 is given out; within it, and beside it, are ways to write IPv4 addresses. */
static bool is_public6(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t translated[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t documentation[4] = {0x20, 0x01, 0x0d, 0xb8};
    static const uint8_t tunnelled[4] = {0x20, 0x01, 0, 0}; /* Teredo: an IPv4 address in disguise */
    if (memcmp(bytes, mapped, sizeof mapped) == 0 || memcmp(bytes, translated, sizeof translated) == 0)
        return is_public4(ipv4_at(bytes + 12));
    if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
        return is_public4(ipv4_at(bytes + 2));
    if (memcmp(bytes, documentation, 4) == 0 || memcmp(bytes, tunnelled, 4) == 0)
        return false;
    return (bytes[0] & 0xe0) == 0x20;
}

bool worker_address_is_public(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return is_public4(ntohl(v4.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return is_public6(v6.sin6_addr.s6_addr);
    default:
        return false;
    }
}
