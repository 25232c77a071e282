/* SPDX-License-Identifier: MIT */
/* The crew: the actors, and the gateway, that run in this process. They start one after the other,
 * each when the one before it has opened its store; the gateway starts when all have reported
 * ready, and stops first, so that nothing that a client was promised is left behind. For each of
 * its actors a crew holds a lock in the run folder: a second process for the same data would
 * otherwise take over the sockets of the first before it finds the databases locked.
 * Thread contract: main thread. */
#ifndef IOBUS_ACTORS_CREW_H
#define IOBUS_ACTORS_CREW_H

#include "bus/config.h"

typedef struct crew crew_t;

/* Chooses the members by the keys only and demo, finds the endpoints, takes the locks; starts
 * nothing. NULL: one line in why. The config is borrowed as long as the crew lives. Caller owns. */
crew_t *crew_new(const config_t *config, buf_t *why);
/* Starts all and waits until they are ready. interrupted is asked meanwhile whether to give up
 * (then why stays empty). On error one line in why; crew_stop is still to be called. */
err_t crew_start(crew_t *self, bool (*interrupted)(void), buf_t *why) MUST_USE;
/* The URLs of the gateway's listeners, separated by blanks; nothing without a gateway. */
void crew_urls(crew_t *self, buf_t *out);
/* Whether a member has ended by itself; one line in why. */
bool crew_has_failed(crew_t *self, buf_t *why);
/* Hands the reloadable keys of a new configuration to all; borrowed for the call. */
void crew_reload(crew_t *self, const config_t *config);
/* Stops all in order. false: a member did not stop in time; one line in why, and the process must
 * end without crew_destroy, which would wait for it. */
bool crew_stop(crew_t *self, buf_t *why);
/* After crew_stop; releases the locks. */
void crew_destroy(crew_t **self_p);

/* For iobus check; a problem is one line in why, nothing there is none.
 * Whether the key only names members that exist. */
void crew_check_only(const config_t *config, buf_t *why);
/* Names of the actors that have a database in the data folder, NULL-terminated. */
const char *const *crew_stores(void);
/* Starts one member (an actor's name or CREW_GATEWAY) all alone and stops it again. */
#define CREW_GATEWAY "gateway"
void crew_rehearse(const config_t *config, const char *name, buf_t *why);

#endif
