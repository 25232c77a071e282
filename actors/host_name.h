/* SPDX-License-Identifier: MIT */
/* The name of this host, as system.host.NAME has it: that of the configuration (host-name), or the
 * machine's. Thread contract: pure. */
#ifndef IOBUS_ACTORS_HOST_NAME_H
#define IOBUS_ACTORS_HOST_NAME_H

#include "bus/config.h"

/* Caller owns. */
char *host_name(const config_t *config);

#endif
