/* SPDX-License-Identifier: MIT */
/* The actor that fetches from other web servers on behalf of clients.
 *
 *   httpGet [url] -> [nil, {status, statusText}, bytes] or [text]
 *
 * A status below 400 is a success, also 304. Errors are texts without anything of our installation.
 * url may be an array of one text, as in the original. Who may ask is the gateway's business
 * (permission other.http); what may be reached: fetch_policy.h. Limits: config keys fetch-*.
 * Source: commands.md 2.6, vectors http.json. Thread contract: the actor's own thread; transfers
 * run in the thread of fetch_worker.h. */
#ifndef IOBUS_ACTORS_FETCH_H
#define IOBUS_ACTORS_FETCH_H

#include "bus/env.h"

extern const actor_t fetch_actor;

#endif
