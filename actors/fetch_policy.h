/* SPDX-License-Identifier: MIT */
/* Which addresses httpGet may connect to. Looked at is the address of the connection, not the URL:
 * names, redirects and odd ways to write a number make no difference.
 *
 * Refused, unless the config key fetch-allow names the address:
 * - what nothing useful lives at and what clouds tell their machines' secrets at: unspecified,
 *   link-local, multicast, broadcast and reserved addresses, metadata services;
 * - the networks of fetch-deny;
 * - IPv6 addresses that are only a way to such an IPv4 address (NAT64, 6to4, ...);
 * - the ports of our own listeners and of the bus, at any address of this machine: a listener
 *   would take the server for one of its local clients.
 * Everything else is allowed, the LAN and loopback included: there are the devices of a house.
 * A listener whose port the system chooses (port 0) is not known here. Thread contract: immutable
 * after new. */
#ifndef IOBUS_ACTORS_FETCH_POLICY_H
#define IOBUS_ACTORS_FETCH_POLICY_H

#include "bus/config.h"

struct sockaddr;

typedef struct fetch_policy fetch_policy_t;

/* Reads fetch-deny, fetch-allow, listen and endpoint. Caller owns. */
fetch_policy_t *fetch_policy_new(const config_t *config);
void fetch_policy_destroy(fetch_policy_t **self_p);
/* len: bytes of the address. False for a family that is neither IPv4 nor IPv6. */
bool fetch_policy_allows(const fetch_policy_t *self, const struct sockaddr *address, size_t len);

#endif
