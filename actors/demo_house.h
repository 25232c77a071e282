/* SPDX-License-Identifier: MIT */
/* The house of the demo as a model: its objects, what its devices do with commands, and how its
 * values move. Knows neither bus nor clock: time and randomness are arguments. Values are numbers;
 * switches are 0 and 1. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_DEMO_HOUSE_H
#define IOBUS_ACTORS_DEMO_HOUSE_H

#include "bus/mp.h"

/* The states of the house; house_points() has a row for each. */
typedef enum {
    HOUSE_LAMP_ON,
    HOUSE_LAMP_LEVEL,
    HOUSE_SOCKET_ON,
    HOUSE_SHUTTER_LEVEL,
    HOUSE_SHUTTER_STOP,
    HOUSE_SHUTTER_MOVING,
    HOUSE_LIVINGROOM_TEMPERATURE,
    HOUSE_LIVINGROOM_HUMIDITY,
    HOUSE_KITCHEN_TEMPERATURE,
    HOUSE_OUTSIDE_TEMPERATURE,
    HOUSE_METER_POWER,
    HOUSE_METER_ENERGY,
    HOUSE_POINTS
} house_point_t;

typedef struct {
    const char *id;
    bool is_switch; /* boolean; otherwise a number */
    bool commands;  /* clients may write it */
    double start;   /* value of a new house */
    /* For values that drift; step 0: they follow from others. */
    double step, min, max;
    int decimals;
} house_row_t;

const house_row_t *house_row(house_point_t point);
/* The point with this id; HOUSE_POINTS: none of ours. */
house_point_t house_find(str_t id);

/* All objects of the house, JSON texts without acl, from, user and ts. NULL behind the last. */
typedef struct {
    const char *id;
    const char *json;
} house_object_t;
const house_object_t *house_objects(void);

typedef struct {
    double values[HOUSE_POINTS];
    int64_t due_ms[HOUSE_POINTS]; /* when it acts or drifts next; 0: never */
    double wanted[HOUSE_POINTS];  /* commands that wait */
    double target;                /* of the shutter */
    int64_t moved_ms;             /* when the shutter moved last; 0: it stands */
    int64_t metered_ms;
    uint64_t seed;
} house_t;

/* A value that the house reports. */
typedef void house_emit_fn(void *arg, house_point_t point, double value);

void house_init(house_t *self, uint64_t seed, int64_t mono_ms);
/* The value as it was left; before the first step. */
void house_restore(house_t *self, house_point_t point, double value);
/* A client wants this; acted on after a moment. Out of range: the nearest that is. */
void house_command(house_t *self, house_point_t point, double value, int64_t mono_ms);
/* Does what is due. Returns ms until the next step. */
int64_t house_step(house_t *self, int64_t mono_ms, house_emit_fn *emit, void *arg);

#endif
