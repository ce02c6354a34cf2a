#include "pacs/dimse/permissions.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

bool pacs_aet_equal(const PacsDimseOptions *options, PacsSlice a, const char *b)
{
    PacsSlice left = pacs_slice_trim(a);
    PacsSlice right = pacs_slice_trim(pacs_slice(b));

    if (left.size != right.size)
        return false;
    if (options->strict_aet_comparison)
        return memcmp(left.text, right.text, left.size) == 0;
    return strncasecmp(left.text, right.text, left.size) == 0;
}

bool pacs_matches_any(const PacsTextList *patterns, PacsSlice text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (pacs_slice_matches(text, patterns->items[i]))
            return true;
    return false;
}

/* ---- Hosts ---- */

/* IPv4 inside IPv6 (::ffff:a.b.c.d) is the IPv4 peer it stands for. */
static bool address_equal(const struct sockaddr *a, const struct sockaddr *b)
{
    struct in6_addr both[2];
    const struct sockaddr *given[2] = {a, b};

    for (int i = 0; i < 2; i++) {
        if (given[i]->sa_family == AF_INET6) {
            both[i] = ((const struct sockaddr_in6 *)(const void *)given[i])->sin6_addr;
        } else if (given[i]->sa_family == AF_INET) {
            both[i] = (struct in6_addr){.s6_addr = {[10] = 0xFF, [11] = 0xFF}};
            memcpy(both[i].s6_addr + 12, &((const struct sockaddr_in *)(const void *)given[i])->sin_addr, 4);
        } else {
            return false;
        }
    }
    return memcmp(&both[0], &both[1], sizeof both[0]) == 0;
}

static bool host_has_address(const char *host, const char *remote_ip)
{
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    const struct addrinfo any = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *peer = NULL, *known = NULL;
    bool equal = false;

    if (getaddrinfo(remote_ip, NULL, &numeric, &peer) == 0 && getaddrinfo(host, NULL, &any, &known) == 0)
        for (const struct addrinfo *each = known; each && !equal; each = each->ai_next)
            equal = address_equal(each->ai_addr, peer->ai_addr);
    if (known)
        freeaddrinfo(known);
    if (peer)
        freeaddrinfo(peer);
    return equal;
}

PacsPermissions pacs_permissions_of(const PacsDimseOptions *options, PacsSlice calling_aet,
                                    const char *remote_ip)
{
    PacsPermissions permissions = {
        .echo = options->always_allow_echo, .store = options->always_allow_store, .label = "other"};

    for (size_t i = 0; i < options->modality_count; i++) {
        const PacsModality *modality = &options->modalities[i];
        if (!pacs_aet_equal(options, calling_aet, modality->aet))
            continue;
        permissions.label = modality->aet;
        bool adds = (modality->allow_echo && !permissions.echo) ||
                    (modality->allow_store && !permissions.store);
        if (!adds || (options->check_modality_host && !host_has_address(modality->host, remote_ip)))
            continue;
        permissions.echo |= modality->allow_echo;
        permissions.store |= modality->allow_store;
    }
    return permissions;
}
