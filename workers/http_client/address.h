#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/**
 * Whether an address is somewhere on the Internet: not this machine, not the local network, not a cloud's metadata.
 * IPv4 addresses within IPv6 count as what they are.
 * Source: IANA special-purpose address registries (RFC 6890 and its updates).
 */
bool worker_address_is_public(const struct sockaddr *address);
