/* SPDX-License-Identifier: MIT */
#include "actors/fetch_policy.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/cidr.h"

/* Unspecified, link-local with the metadata services of most clouds, those elsewhere, multicast,
 * reserved and broadcast; of IPv6 also the old site-local and the discard prefix. */
static const char refused[] = "0.0.0.0/8,169.254.0.0/16,100.100.100.200,168.63.129.16,192.0.0.192,"
                              "224.0.0.0/4,240.0.0.0/4,"
                              "::,fe80::/10,fec0::/10,fd00:ec2::254,fd20:ce::254,100::/64,ff00::/8";

struct fetch_policy {
    cidr_list_t refused;
    cidr_list_t deny;
    cidr_list_t allow;
    uint16_t *ports; /* ours, in host order */
    size_t ports_len;
};

/* --- our own ports --------------------------------------------------------------------------- */

/* The port at the end of "HOST:PORT"; 0: there is none. */
static uint16_t port_of(str_t text)
{
    unsigned long port = 0;
    size_t at = text.len;
    while (at > 0 && text.p[at - 1] >= '0' && text.p[at - 1] <= '9')
        at--;
    if (at == 0 || text.p[at - 1] != ':' || text.len - at > 5)
        return 0;
    for (; at < text.len; at++)
        port = port * 10 + (unsigned long)(text.p[at] - '0');
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void add_port(fetch_policy_t *self, uint16_t port)
{
    if (port == 0)
        return;
    uint16_t *ports = realloc(self->ports, (self->ports_len + 1) * sizeof *ports);
    assert(ports);
    self->ports = ports;
    ports[self->ports_len++] = port;
}

/* "HOST:PORT,key=value..." of a listener, "ACTOR=tcp://HOST:PORT" of the bus. */
static void add_ports(fetch_policy_t *self, const config_t *config, const char *key)
{
    size_t count;
    const char *const *items = config_list(config, key, &count);
    for (size_t i = 0; i < count; i++)
        add_port(self, port_of((str_t){items[i], strcspn(items[i], ",")}));
}

/* Whether an address belongs to this machine: only then can something be bound to it. */
static bool is_here(const cidr_addr_t *address, const struct sockaddr *given, size_t len)
{
    struct sockaddr_storage place = {0};
    if (cidr_addr_is_loopback(address))
        return true;
    memcpy(&place, given, len < sizeof place ? len : sizeof place);
    if (given->sa_family == AF_INET)
        ((struct sockaddr_in *)&place)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&place)->sin6_port = 0;
    int fd = socket(given->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* nothing can be said: the careful answer */
    bool bound = bind(fd, (const struct sockaddr *)&place, (socklen_t)len) == 0;
    close(fd);
    return bound;
}

static bool is_our_port(const fetch_policy_t *self, const struct sockaddr *given)
{
    in_port_t port = given->sa_family == AF_INET ? ((const struct sockaddr_in *)given)->sin_port
                                                 : ((const struct sockaddr_in6 *)given)->sin6_port;
    for (size_t i = 0; i < self->ports_len; i++) {
        if (self->ports[i] == ntohs(port))
            return true;
    }
    return false;
}

/* --- public ---------------------------------------------------------------------------------- */

static void read_nets(cidr_list_t *list, const char *text)
{
    bool valid = cidr_list_parse(list, str_of(text), NULL);
    assert(valid); /* the configuration has checked it */
    (void)valid;
}

fetch_policy_t *fetch_policy_new(const config_t *config)
{
    fetch_policy_t *self = calloc(1, sizeof *self);
    assert(self);
    read_nets(&self->refused, refused);
    read_nets(&self->deny, config_text(config, "fetch-deny"));
    read_nets(&self->allow, config_text(config, "fetch-allow"));
    add_ports(self, config, "listen");
    add_ports(self, config, "endpoint");
    return self;
}

void fetch_policy_destroy(fetch_policy_t **self_p)
{
    fetch_policy_t *self = *self_p;
    if (!self)
        return;
    cidr_list_fini(&self->refused);
    cidr_list_fini(&self->deny);
    cidr_list_fini(&self->allow);
    free(self->ports);
    free(self);
    *self_p = NULL;
}

bool fetch_policy_allows(const fetch_policy_t *self, const struct sockaddr *given, size_t len)
{
    cidr_addr_t address;
    if (!cidr_addr_of(&address, given, len))
        return false;
    if (cidr_list_contains(&self->allow, &address))
        return true;
    if (cidr_list_reaches(&self->refused, &address) || cidr_list_reaches(&self->deny, &address))
        return false;
    return !is_our_port(self, given) || !is_here(&address, given, len);
}
