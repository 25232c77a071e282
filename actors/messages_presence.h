/* SPDX-License-Identifier: MIT */
/* What the installation shows of its web instances: system.adapter.<instance>.alive, .connected,
 * .uptime, .inputCount, .outputCount, .memRss; <instance>.info.connection and .info.connected
 * "[2]vis.0, noname" (commands.md 8.2). Several gateways may show the same instance: this adds them
 * up. What only the living can say expires when nobody says it again. Thread contract: the messages
 * actor's thread. */
#ifndef IOBUS_ACTORS_MESSAGES_PRESENCE_H
#define IOBUS_ACTORS_MESSAGES_PRESENCE_H

#include "bus/env.h"

typedef struct presence_board presence_board_t;

/* names_only: info.connection is the text, too, as in version 3 of the original. Caller owns. */
presence_board_t *presence_board_new(env_t *env, bool names_only);
void presence_board_destroy(presence_board_t **self_p);
/* rows: [[instance, clients, names, uptime, inputs, outputs, memory]...] of one gateway, replaces
 * what it said before. ERR_BAD_ARGS: nothing was changed. */
err_t presence_board_set(presence_board_t *self, str_t peer, mp_t rows) MUST_USE;
/* The gateway is gone. */
void presence_board_drop(presence_board_t *self, str_t peer);
/* Writes what has changed, and now and then everything. */
void presence_board_tick(presence_board_t *self, int64_t mono_ms);
/* Writes everything again: the states may not know it. */
void presence_board_repeat(presence_board_t *self);

#endif
