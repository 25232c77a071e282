/* SPDX-License-Identifier: MIT */
/* What can be measured: a row per mode. A function that a mode does not need is NULL. */
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

#include "tests/bench/load.h"

struct modes_row {
    const char *name;
    uint32_t (*clients)(const options_t *options); /* connections that the mode needs */
    uint32_t (*slots)(const options_t *options, uint32_t index); /* ... and the slots of each */
    bool (*speaks)(const dialect_t *dialect); /* can the dialect do it? NULL: by calls only */
    void (*begin)(load_t *load);              /* before anything is sent */
    /* Sends a client's next preparatory request on slot 0; false when there is none left. */
    bool (*prepare)(load_t *load, client_t *client);
    bool (*prepared)(load_t *load, client_t *client, slot_t *slot, const packet_t *ack);
    /* Sends one operation; false when all slots are busy. */
    bool (*issue)(load_t *load, uint64_t due);
    /* Is the acknowledgement right? The slot has been matched by its id. */
    bool (*check)(load_t *load, client_t *client, slot_t *slot, const packet_t *ack);
    void (*acknowledged)(load_t *load, slot_t *slot);
    void (*event)(load_t *load, client_t *client, const packet_t *event);
    void (*finish)(load_t *load); /* after the drain: counts what never came */
    /* As prepare and prepared, after the run: is what was written still there? */
    bool (*verify)(load_t *load, client_t *client);
    bool (*verified)(load_t *load, client_t *client, slot_t *slot, const packet_t *ack);
    /* Opening a connection is the operation; this sends its first request. */
    void (*first)(load_t *load, client_t *client);
    bool idle;   /* memory per connection is the result */
    bool fanout; /* an operation is a delivery */
};

/* NULL when there is no mode of this name. */
const modes_row_t *modes_find(const char *name);

/* In fanout.c and files.c. */
extern const modes_row_t fanout_mode, write_file_mode, read_file_mode;

#endif
