/* SPDX-License-Identifier: MIT */
/* Who clients of certain addresses are without saying so, and what they may not do, whoever they
 * are. An item is
 *   "192.168.1.5=admin"        this address is user admin
 *   "192.168.1.*=guest"        the last parts may be stars; "10.0.0.0/8=guest" is a network
 *   "localhost=admin"          this machine: 127.0.0.0/8 and ::1
 *   "default=guest"            everybody else; "*" is the same
 * or the object of ioBroker's adapters, whiteListSettings, as JSON:
 *   {"192.168.1.*": {"user": "guest", "state": {"write": false}, "object": {...}, "file": {...}}}
 * The most specific entry counts, of equal ones the last. User "auth" (or none): the entry names
 * nobody. An IPv4 address that comes through IPv6 is the same address.
 * Source: auth.md 10. Thread contract: immutable after it was made. */
#ifndef IOBUS_GATEWAY_WHITELIST_H
#define IOBUS_GATEWAY_WHITELIST_H

#include "bus/cidr.h"
#include "gateway/forbidden.h"

#define WHITELIST_MAX 4096 /* entries */

typedef struct whitelist whitelist_t;
typedef struct whitelist_entry whitelist_entry_t;

/* NULL: one of the items is wrong, one line in why. Caller owns. */
whitelist_t *whitelist_new(const char *const *items, size_t count, buf_t *why);
void whitelist_destroy(whitelist_t **self_p);

/* The entry that counts for an address, or NULL. Borrowed. */
const whitelist_entry_t *whitelist_find(const whitelist_t *self, const cidr_addr_t *address);
/* "system.user.guest", or NULL: it names nobody. */
const char *whitelist_entry_user(const whitelist_entry_t *self);
/* The rights that the entry takes away from whoever comes from there. */
forbidden_t whitelist_entry_forbidden(const whitelist_entry_t *self);

/* The entry for an address as text, or NULL. Borrowed. */
const whitelist_entry_t *whitelist_at(const whitelist_t *self, str_t address);

#endif
