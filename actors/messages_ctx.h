/* SPDX-License-Identifier: MIT */
/* What the parts of the messages actor share: messages.c (who is there), messages_send.c (what goes
 * to instances and back), messages_presence.c (states that show it). Not for others. */
#ifndef IOBUS_ACTORS_MESSAGES_CTX_H
#define IOBUS_ACTORS_MESSAGES_CTX_H

#include "actors/messages_open.h"
#include "actors/messages_registry.h"
#include "bus/env.h"

#define MESSAGES_OPEN_MAX 8192      /* unanswered messages in all */
#define MESSAGES_PER_INSTANCE 1024  /* of one instance */
#define MESSAGES_PER_SENDER 256     /* of one client at one instance */
#define MESSAGES_INSTANCES_MAX 4096 /* that clients are */
#define MESSAGES_PER_CLIENT_MAX 64  /* instances that one client is */
#define MESSAGES_TOPICS_MAX 65536   /* subscriptions of clients at instances, in all */
#define MESSAGES_TOPICS_PER_CLIENT 256
#define MESSAGES_RESTORE_MS 5000 /* within which gateways tell a new actor what they know */
#define MESSAGES_NAME_MAX 128    /* bytes of an instance's name */
#define MESSAGES_TYPE_MAX 1024   /* of a message type */

struct messages_ask;
typedef struct presence_board presence_board_t;

typedef struct {
    env_t *env;
    registry_t *registry;
    presence_board_t *board;
    struct messages_ask *asks; /* questions to actors of which somebody waits for the answer */
    size_t open_count;
    uint64_t last_id;
    int64_t timeout_ms;
    int64_t opened_ms;      /* env mono clock */
    const char *host_actor; /* NULL: there is none */
    char *host;             /* name of this host */
} messages_t;

/* --- messages_send.c --- */
handler_fn messages_on_send_to;
handler_fn messages_on_post; /* sendTo without call-back */
handler_fn messages_on_send_to_host;
handler_fn messages_on_post_to_host;
handler_fn messages_on_reply;
handler_fn messages_on_client_subscribe;
handler_fn messages_on_client_unsubscribe;
/* "system.adapter.hue.0" -> "hue.0" */
str_t messages_plain_name(str_t name);
/* Whether an actor of ours is this instance. */
bool messages_is_builtin(str_t name);
/* It is gone: who waits for it is told, and who listens to it. It is freed, its client may be. */
void messages_end_instance(messages_t *self, registry_instance_t *instance);
/* The client is gone: so are its instances, and those it listened to are told. It is freed. */
void messages_end_client(messages_t *self, registry_client_t *client);
/* An event for one client. args: one array value. */
void messages_emit(messages_t *self, const registry_client_t *client, const char *event, mp_t args);
/* Answers what is overdue. */
void messages_expire(messages_t *self, int64_t mono_ms);
void messages_free_asks(messages_t *self);

#endif
