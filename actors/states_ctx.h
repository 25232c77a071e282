/* SPDX-License-Identifier: MIT */
/* What the parts of the states actor share: its data, and the functions of one part that another
 * one calls. Nobody else includes it. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_STATES_CTX_H
#define IOBUS_ACTORS_STATES_CTX_H

#include "actors/replica.h"
#include "actors/rights.h"
#include "actors/states_points.h"
#include "actors/states_store.h"
#include "actors/states_value.h"
#include "bus/env.h"

typedef struct {
    env_t *env;
    points_t *points;
    states_store_t *store;
    rights_t *rights;
    replica_t *replica;
    formulas_t *formulas;
    uint64_t reading;  /* number of the reading of objects under way */
    size_t max_value;  /* bytes of an id with its state */
    buf_t value;       /* scratch: a state being built */
    buf_t event;       /* scratch: arguments of an event */
    buf_t acl;         /* scratch: who may see it */
    buf_t converted;   /* scratch: the value of an alias */
    buf_t alias_state; /* scratch: the state of an alias */
    buf_t why;         /* scratch: an error text */
    buf_t fixed;       /* scratch: an id without forbidden characters */
    buf_t from;        /* scratch: the sender of a state */
    buf_t hold;        /* scratch: a value that is not the client's */
} states_t;

/* The answer [why]; any bytes. Returns ERR_CUSTOM. */
err_t states_refuse(const states_t *self, reply_t *reply);

/* --- states_rights.c --- */

/* Whether the object and state rights of the caller allow it. point may be NULL. operation: of the
 * group rights ("read", "write", "delete"). Source: data-model.md 5.5, 5.6. */
bool states_may(const states_t *self, str_t user, const point_t *point, right_t right,
                const char *operation);
/* The same for reading, and for what an alias reads from too. */
bool states_may_read(const states_t *self, str_t user, const point_t *point);
/* Appends what decides who may see an event of the point (bus/acl.h): the same for those who get
 * it. */
void states_put_acl(buf_t *out, const point_t *point);

/* --- states_alias.c --- */

/* Appends the state of a point to out, an alias being read from its source; nil: none. raw: an
 * alias whose source has no object gives the source's state as it is. */
void states_put_state(states_t *self, buf_t *out, const point_t *point, bool raw);
/* setState on an alias. */
err_t states_write_alias(states_t *self, const request_t *request, reply_t *reply,
                         const point_t *point, str_t id, const state_fields_t *given);

/* --- states_write.c --- */

/* Writes what is given over the old state of id, and publishes it. cause may be NULL. */
err_t states_write(states_t *self, const request_t *cause, str_t id, const state_fields_t *given,
                   const state_writer_t *writer) MUST_USE;
/* Stores a finished state and publishes it. */
err_t states_put(states_t *self, const request_t *cause, point_t *point, mp_t state,
                 int64_t end_ms) MUST_USE;
/* Deletes the state, if there is one, and publishes that it is gone. */
err_t states_drop(states_t *self, const request_t *cause, point_t *point) MUST_USE;
/* Ends overdue lives. Returns ms until the next one ends. */
int64_t states_expire(states_t *self);
/* Who writes for this request; lies in scratch memory and in the request. */
state_writer_t states_writer(states_t *self, const request_t *request);

handler_fn states_on_set_state, states_on_del_state;
/* --- states_read.c --- */
handler_fn states_on_get_state, states_on_get_states;
/* --- states_plain.c --- */
handler_fn states_on_get, states_on_watched, states_on_put, states_on_del, states_on_scan;

/* --- states_feed.c: what comes from the objects actor --- */
extern const replica_ops_t states_feed_ops;

#endif
