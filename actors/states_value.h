/* SPDX-License-Identifier: MIT */
/* A state as a value: the map {val, ack, ts, q, c, from, user, lc, expire} in this order, as it is
 * stored and as it travels. Checks what a client gives and builds what is stored.
 * Source: data-model.md 1.1, 1.3, 1.6. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_STATES_VALUE_H
#define IOBUS_ACTORS_STATES_VALUE_H

#include "bus/buf.h"
#include "bus/err.h"
#include "bus/mp.h"

#define STATES_COMMENT_UNITS 512 /* a comment is cut to so many UTF-16 units */
#define STATES_EXPIRE_MAX 1e11   /* seconds; longer lives are as good as for ever */

/* The fields of a state map; an empty cursor: absent. */
typedef struct {
    mp_t val, ack, ts, q, c, from, user, lc, expire;
} state_fields_t;

/* Reads the known fields of a map; all empty when it is no map. */
void state_fields(state_fields_t *self, mp_t map);

/* What setState got as its second argument (empty cursor: nothing): a map with at least one and
 * only known fields of the right types, or a plain value, which becomes `val`. False with the
 * error text of the original in why. */
bool state_argument(state_fields_t *self, mp_t argument, buf_t *why);

/* Whose write it is. */
typedef struct {
    int64_t now_ms;
    str_t from; /* unless the state names its own */
    str_t user;
    bool keep_val; /* without val the old one stays; else the state has none */
} state_writer_t;

/* Appends the state that results from writing `given` over `old` (all empty: none). *life_ms
 * receives the life time, 0: for ever. */
void state_build(buf_t *out, const state_fields_t *given, const state_fields_t *old,
                 const state_writer_t *writer, int64_t *life_ms);

/* Appends the map of a state with another val. */
void state_with_val(buf_t *out, mp_t state, mp_t val);

/* Whether an id may be given to setState and the like: the error text of the original in why if
 * not. An object with device, channel or state passes here, *id is then empty. */
bool state_id(mp_t argument, str_t *id, buf_t *why);

/* The same where the original wants a string: getState, delState. name: of the parameter. */
bool state_string_id(mp_t argument, str_t *id, buf_t *why);

#endif
