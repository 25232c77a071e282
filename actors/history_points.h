/* SPDX-License-Identifier: MIT */
/* The states that are recorded: id to settings and memory. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_HISTORY_POINTS_H
#define IOBUS_ACTORS_HISTORY_POINTS_H

#include "actors/history_rules.h"

typedef struct {
    buf_t id;       /* of the state */
    buf_t store_id; /* under which it is recorded: custom.aliasId, or id */
    buf_t custom;   /* common.custom["history.0"] */
    history_rules_t rules;
    history_memory_t memory;
    uint64_t reading;     /* number of the reading of objects that saw it last */
    bool begins;          /* recording begins with the end of the reading */
    bool wants_value;     /* the value at the beginning of recording has still to be asked for */
    int64_t retention_at; /* mono ms of the next look for old values */
    size_t index;         /* its number; others read it from history_points_at */
} history_point_t;

typedef struct history_points history_points_t;

/* seed: random bits for the hash table. Caller owns; NULL when memory is gone. */
history_points_t *history_points_new(uint64_t seed);
void history_points_destroy(history_points_t **self_p);
history_point_t *history_points_find(const history_points_t *self, str_t id);
/* Finds or adds. NULL when memory is gone. */
history_point_t *history_points_require(history_points_t *self, str_t id);
void history_points_remove(history_points_t *self, history_point_t *point);
size_t history_points_len(const history_points_t *self);
/* By number; removing moves the last one into the gap. */
history_point_t *history_points_at(const history_points_t *self, size_t index);

#endif
