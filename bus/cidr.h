/* SPDX-License-Identifier: MIT */
/* Addresses and networks of IPv4 and IPv6, without sockets and names. An IPv4 address and its
 * mapped form (::ffff:a.b.c.d) are the same address, and so are networks of them. IPv4 addresses
 * are never in a network of IPv6: ::/0 means every IPv6 address.
 *   "10.0.0.0/8" contains "10.1.2.3" and "::ffff:10.1.2.3"; not "11.0.0.0", "::10.1.2.3".
 * Thread contract: plain values; a list has one owner, no locks. */
#ifndef IOBUS_BUS_CIDR_H
#define IOBUS_BUS_CIDR_H

#include "bus/buf.h"

struct sockaddr;

/* In network order; an IPv4 address is held in its mapped form. */
typedef struct {
    uint8_t bytes[16];
} cidr_addr_t;

typedef struct {
    cidr_addr_t base; /* bits behind the prefix are 0 */
    uint8_t bits;     /* 0-128; 96-128 for IPv4 */
} cidr_t;

typedef struct {
    cidr_t *items;
    size_t len;
} cidr_list_t;

#define CIDR_LIST_MAX 1024  /* networks of a list */
#define CIDR_TEXT_MAX 46    /* room for any address or network as text */
#define CIDR_EMBEDDED_MAX 5 /* see cidr_embedded */

/* Valid: "10.1.2.3", "::1", "[::1]", "fe80::1%eth0" (the zone is ignored), "::ffff:10.1.2.3";
 * invalid: "", "10.1", "010.0.0.1", "0x7f.0.0.1", "host", " ::1". */
bool cidr_addr_parse(cidr_addr_t *out, str_t text);
/* False for a family that is neither IPv4 nor IPv6. len: bytes of the address. */
bool cidr_addr_of(cidr_addr_t *out, const struct sockaddr *address, size_t len);
bool cidr_addr_is_v4(const cidr_addr_t *self);
bool cidr_addr_is_loopback(const cidr_addr_t *self); /* 127.0.0.0/8 and ::1 */
/* Appends "10.1.2.3" or "fe80::1". */
void cidr_addr_print(buf_t *out, const cidr_addr_t *self);

/* A network or a single address. Bits behind the prefix are ignored: "10.1.2.3/8" is 10.0.0.0/8.
 * Valid also: "::ffff:10.0.0.0/104" (is 10.0.0.0/8), "[fe80::]/10"; invalid: "10.0.0.0/33",
 * "10.0.0.0/", "10.0.0.0/08", "fe80::%1/10", "/8". */
bool cidr_parse(cidr_t *out, str_t text);
bool cidr_contains(const cidr_t *self, const cidr_addr_t *address);

/* The IPv4 addresses that a packet to this IPv6 address may end at: NAT64, 6to4, Teredo, ISATAP and
 * the old ::a.b.c.d; 0.0.0.0/8 is none. Returns how many were put into out. */
size_t cidr_embedded(const cidr_addr_t *self, cidr_addr_t out[CIDR_EMBEDDED_MAX]);

/* Networks separated by commas and blanks; "" is the empty list. On failure the list is empty and
 * *bad (may be NULL) is the piece of text that is no network, or the whole text if there are too
 * many. Free it with cidr_list_fini. */
bool cidr_list_parse(cidr_list_t *self, str_t text, str_t *bad);
void cidr_list_fini(cidr_list_t *self);
bool cidr_list_contains(const cidr_list_t *self, const cidr_addr_t *address);
/* The same, or one of the embedded addresses is in it. */
bool cidr_list_reaches(const cidr_list_t *self, const cidr_addr_t *address);

#endif
