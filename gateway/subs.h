/* SPDX-License-Identifier: MIT */
/* Who wants which events. Each client has a set of patterns per kind; the index finds the clients
 * for an id by exact id, by prefix and by general pattern, and remembers the result for that id
 * until a subscription changes. Every client is found once per event, however many of its patterns
 * fit.
 *
 *     subs_client_t *client = subs_client_new(subs, session);
 *     subs_add(client, SUBS_STATES, STR_LIT("a.0.*"), 0);
 *     subs_match(subs, SUBS_STATES, STR_LIT("a.0.x"), seq, deliver, arg);   // calls deliver(arg,
 * session)
 *
 * Patterns: `*` is the only wildcard, anchored (bus/pattern.h). Aliases (ids that begin with
 * "alias.") are only found by the exact id, by "*" and by patterns that begin with "alias.".
 * Sources: commands.md 4, data-model.md 4b. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_SUBS_H
#define IOBUS_GATEWAY_SUBS_H

#include "bus/buf.h"
#include "bus/err.h"

typedef enum { SUBS_STATES, SUBS_OBJECTS, SUBS_FILES, SUBS_LOG, SUBS_KINDS } subs_kind_t;

typedef struct subs subs_t;
typedef struct subs_client subs_client_t;

/* max_patterns: of one client, all kinds together. Caller owns. */
subs_t *subs_new(size_t max_patterns);
void subs_destroy(subs_t **self_p); /* all clients must be gone */
void subs_set_max_patterns(subs_t *self, size_t max_patterns);

/* owner: what subs_match hands out. Caller owns. */
subs_client_t *subs_client_new(subs_t *subs, void *owner);
void subs_client_destroy(subs_client_t **self_p); /* with all its patterns */

/* after: only events with a higher number count for this pattern (what happened before the
 * subscription stays unseen, even if it is still under way). A pattern that is there already is
 * left as it is. ERR_BAD_ARGS: characters that no id has (js-controller refuses them);
 * ERR_TOO_LARGE; ERR_BUSY: max_patterns. */
err_t subs_add(subs_client_t *client, subs_kind_t kind, str_t pattern, uint64_t after) MUST_USE;
/* Only the identical text is removed; false: it was not there. */
bool subs_remove(subs_client_t *client, subs_kind_t kind, str_t pattern);
size_t subs_client_count(const subs_client_t *client);
/* From now on subs_match hands out another owner. */
void subs_client_set_owner(subs_client_t *client, void *owner);
/* Adds all patterns of a client to another one, which may belong to another index. */
void subs_client_copy(const subs_client_t *from, subs_client_t *to);

typedef void subs_hit_fn(void *arg, void *owner);
/* Calls hit for every client that wants the id. hit must not change subscriptions. */
void subs_match(subs_t *self, subs_kind_t kind, str_t id, uint64_t seq, subs_hit_fn *hit,
                void *arg);
/* Numbers start anew (the publisher was restarted): all patterns of this kind count from now on. */
void subs_restart(subs_t *self, subs_kind_t kind);

/* Whether nobody wants events of that kind. */
bool subs_is_empty(const subs_t *self, subs_kind_t kind);
/* Walks through all patterns of a kind in no particular order; start with *at = 0. Empty at the
 * end. */
str_t subs_next(const subs_t *self, subs_kind_t kind, size_t *at, bool *exact);

#endif
