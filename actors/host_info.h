/* SPDX-License-Identifier: MIT */
/* What there is to know about the machine: the shapes of node's os module. Thread contract: pure
 * functions that read /proc and ask the system; none of them blocks on anything but that. */
#ifndef IOBUS_ACTORS_HOST_INFO_H
#define IOBUS_ACTORS_HOST_INFO_H

#include "bus/buf.h"
#include "bus/config.h"
#include "bus/mp.h"

/* What does not change while the server runs. */
typedef struct {
    char *name;         /* "house" */
    char *id;           /* "system.host.house" */
    char *version;      /* that clients are told */
    char *data;         /* folder of the data */
    int64_t started_ms; /* monotonic */
} host_facts_t;

void host_facts_init(host_facts_t *self, const config_t *config, int64_t mono_ms);
void host_facts_fini(host_facts_t *self);

/* os.networkInterfaces(): {name: [{address, netmask, family, mac, internal, cidr[, scopeid]}...]};
 * one value. */
void host_info_put_interfaces(buf_t *out);
/* Names in /dev; one array. */
void host_info_put_devices(buf_t *out);
/* Members of a map, keys and values; returns how many. */
uint32_t host_info_put_short(buf_t *out, const host_facts_t *facts, int64_t now_ms);
uint32_t host_info_put_more(buf_t *out, const host_facts_t *facts, int64_t mono_ms);

typedef enum {
    HOST_LOAD,    /* of the last minute */
    HOST_MEM,     /* percent of the memory that is in use */
    HOST_FREE_MB, /* megabytes of memory that are free */
    HOST_RSS_MB,  /* that this process takes */
    HOST_DISK_MB, /* size of the disk that the data is on */
    HOST_DISK_FREE_MB,
    HOST_UPTIME_S /* of this process */
} host_number_t;
/* False: the system does not say. */
bool host_info_number(host_number_t which, const host_facts_t *facts, int64_t mono_ms, double *out);

#endif
