/* SPDX-License-Identifier: MIT */
/* What iobus tap makes of a frame of bus/tap.h: reading it, choosing it, printing it.
 * Frames come from other processes: every shape is looked at before it is used.
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_TAP_LINE_H
#define IOBUS_ACTORS_TAP_LINE_H

#include "bus/err.h"
#include "bus/mp.h"

#define TAP_LINE_VALUE_MAX 160 /* bytes of arguments or results in a line for people */

typedef enum { TAP_REQUEST, TAP_REPLY, TAP_EVENT } tap_kind_t;

/* Borrows from the frame. */
typedef struct {
    tap_kind_t kind;
    int64_t ts_ms;
    str_t actor;
    str_t command; /* or the name of the event */
    str_t user;
    str_t client;
    uint64_t corr;
    uint64_t number; /* trace; of an event its sequence number */
    str_t status;    /* of a reply: "OK" */
    int64_t latency_us;
    mp_t value; /* arguments or results */
} tap_frame_t;

/* False: no tap frame. */
bool tap_frame_read(mp_t frame, tap_frame_t *out);
/* One line with its end. For people: local time, everything shortened and safe for a terminal. */
void tap_frame_put_text(buf_t *out, const tap_frame_t *frame);
/* {"kind","ts","actor","command","user","client","corr", then "trace","args";
 * "trace","status","latencyUs","result"; or "seq","args"}. */
void tap_frame_put_json(buf_t *out, const tap_frame_t *frame);

typedef struct tap_filter tap_filter_t;

/* Lists are separated by commas; NULL: everything. id: a pattern on the first argument that is a
 * text (or on the texts of a first argument that is a list); replies follow their requests. user:
 * "admin" or "system.user.admin". NULL: one line in why. Caller owns. */
tap_filter_t *tap_filter_new(const char *actors, const char *commands, const char *user,
                             const char *id, buf_t *why);
void tap_filter_destroy(tap_filter_t **self_p);
/* Whether frames of an actor are wanted at all. */
bool tap_filter_wants_actor(const tap_filter_t *self, const char *actor);
/* Remembers requests that it lets through, so that their replies pass too. */
bool tap_filter_match(tap_filter_t *self, const tap_frame_t *frame);

#endif
