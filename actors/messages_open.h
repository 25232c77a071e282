/* SPDX-License-Identifier: MIT */
/* Messages that an instance has got and has not answered yet: a list per instance, oldest first.
 * Bounded by MESSAGES_PER_INSTANCE and MESSAGES_PER_SENDER of messages_ctx.h. Thread contract: one
 * owner thread. */
#ifndef IOBUS_ACTORS_MESSAGES_OPEN_H
#define IOBUS_ACTORS_MESSAGES_OPEN_H

#include "actors/messages_registry.h"

typedef struct open_message {
    struct open_message *prev, *next; /* of the instance */
    uint64_t id;                      /* by which the instance answers */
    uint64_t ticket;                  /* of the call that waits */
    int64_t deadline_ms;
    char *sender; /* id of the client */
    char *topic;  /* what a clientSubscribe is about; NULL: it is a sendTo */
    bool is_new;  /* that subscription ends again if it is refused */
} open_message_t;

/* topic: NULL or copied. */
open_message_t *open_message_add(registry_instance_t *instance, uint64_t id, uint64_t ticket,
                                 int64_t deadline_ms, str_t sender, const str_t *topic);
void open_message_remove(registry_instance_t *instance, open_message_t *message);
open_message_t *open_message_find(const registry_instance_t *instance, uint64_t id);
/* How many of one sender are open. */
size_t open_message_of(const registry_instance_t *instance, str_t sender);

#endif
