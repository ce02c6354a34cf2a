#include "pacs/dimse/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pacs/util/auto.h"

static PacsStatus listen_on(const struct addrinfo *address, int *ret_fd, PacsError *err)
{
    PACS_AUTO_CLOSE int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot make a socket: %s", strerror(errno));
    /* Both fail only on a descriptor that is no such socket. The first lets a restart have its port back. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot listen for DICOM: %s", strerror(errno));
    *ret_fd = fd;
    fd = -1; /* the caller's now */
    return PACS_OK;
}

static PacsStatus open_family(const char *host, uint16_t port, int family, int *ret_fd, PacsError *err)
{
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[6];

    (void)snprintf(service, sizeof service, "%u", port);
    int code = getaddrinfo(host, service, &hints, &found);
    if (code)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot listen on '%s': %s", host ? host : "*",
                         gai_strerror(code));
    PacsStatus status = listen_on(found, ret_fd, err);
    freeaddrinfo(found);
    return status;
}

PacsStatus pacs_listener_open(const char *host, uint16_t port, int *ret_fd, PacsError *err)
{
    if (host)
        return open_family(host, port, AF_UNSPEC, ret_fd, err);
    /* A machine without IPv6 has no wildcard of it. */
    if (open_family(NULL, port, AF_INET6, ret_fd, NULL) == PACS_OK)
        return PACS_OK;
    return open_family(NULL, port, AF_INET, ret_fd, err);
}

int pacs_listener_accept(int fd, char ret_remote_ip[INET6_ADDRSTRLEN])
{
    static const char mapped[] = "::ffff:"; /* an IPv4 peer on our IPv6 socket is shown as what it is */
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char text[INET6_ADDRSTRLEN];

    int connection = accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
    if (connection < 0)
        return -1;
    if (getnameinfo((struct sockaddr *)&address, size, text, sizeof text, NULL, 0, NI_NUMERICHOST))
        text[0] = '\0';
    size_t skip = strncmp(text, mapped, sizeof mapped - 1) == 0 && strchr(text, '.') ? sizeof mapped - 1 : 0;
    memcpy(ret_remote_ip, text + skip, strlen(text + skip) + 1);
    return connection;
}
