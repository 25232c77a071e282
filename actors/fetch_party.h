/* SPDX-License-Identifier: MIT */
/* Who has jobs open in fetch_worker.h: a user, or a client (a connection of the gateway), each once
 * in a list of its kind as long as it has some. So nobody can take more than a share.
 * Thread contract: under the worker's lock. */
#ifndef IOBUS_ACTORS_FETCH_PARTY_H
#define IOBUS_ACTORS_FETCH_PARTY_H

#include "bus/buf.h"

typedef struct fetch_party {
    struct fetch_party *next;
    char *name;
    size_t open;    /* jobs that refer to it */
    size_t running; /* of these */
} fetch_party_t;

/* NULL: it has no job open. */
fetch_party_t *fetch_party_find(fetch_party_t *list, str_t name);
/* Counts a job more, adds the party to the list if need be. NULL when memory is gone. */
fetch_party_t *fetch_party_link(fetch_party_t **list, str_t name);
/* A job less; the last one takes the party out of the list. NULL inside is accepted. */
void fetch_party_unlink(fetch_party_t **list, fetch_party_t **party_p);
/* Whether it may have one more job. party: NULL if it has none. */
bool fetch_party_has_room(const fetch_party_t *party, size_t parallel, size_t queue);

#endif
