/* SPDX-License-Identifier: MIT */
/* Who can be reached by messages: the gateways, those of their clients that matter here (a client
 * is known as long as it is an instance or listens to one), the instances that such clients are,
 * and what clients have subscribed at instances. Only data: who is told what, is decided by its
 * owner (messages.c). Bounds are checked by who adds. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_MESSAGES_REGISTRY_H
#define IOBUS_ACTORS_MESSAGES_REGISTRY_H

#include "bus/buf.h"

#define REGISTRY_TOKEN_MAX 64 /* bytes */

typedef struct registry_client registry_client_t;
typedef struct registry_gateway registry_gateway_t;
struct open_message;

/* A subscription of a client at an instance, which need not be there. */
typedef struct registry_topic {
    struct registry_topic *next; /* of the client */
    char *instance;              /* "mydevice.0" */
    char *type;
} registry_topic_t;

typedef struct registry_instance {
    struct registry_instance *next; /* of the client */
    registry_client_t *client;
    char *name;
    char token[REGISTRY_TOKEN_MAX + 1];          /* proves that it is the same program */
    struct open_message *first_open, *last_open; /* by age (messages_open.h) */
    size_t open_count;
} registry_instance_t;

struct registry_client {
    registry_client_t *prev, *next; /* of the gateway */
    registry_gateway_t *gateway;
    char *id; /* "gateway-1/17", unique */
    registry_instance_t *instances;
    size_t instance_count;
    registry_topic_t *topics;
    size_t topic_count;
    bool named; /* by the greeting that is being read */
};

struct registry_gateway {
    registry_gateway_t *prev, *next;
    char *peer;
    int64_t heard_ms; /* when it said something last */
    bool greeted;     /* it has told about all its clients */
    registry_client_t *clients;
    buf_t webs; /* a list: names of the instances that its listeners show */
};

typedef struct registry registry_t;

/* seed: random bits. Caller owns. */
registry_t *registry_new(uint64_t seed);
void registry_destroy(registry_t **self_p);

registry_gateway_t *registry_gateway_find(const registry_t *self, str_t peer);
registry_gateway_t *registry_gateway_require(registry_t *self, str_t peer, int64_t mono_ms);
registry_gateway_t *registry_gateways(const registry_t *self); /* the first; follow next */
void registry_gateway_remove(registry_t *self, registry_gateway_t *gateway); /* has no clients */
/* Whether a listener of some gateway shows this instance. */
bool registry_is_web(const registry_t *self, str_t name);

registry_client_t *registry_client_find(const registry_t *self, str_t id);
registry_client_t *registry_client_require(registry_t *self, registry_gateway_t *gateway, str_t id);
/* Forgets it if it neither is an instance nor listens to one. */
void registry_client_release(registry_t *self, registry_client_t *client);

registry_instance_t *registry_instance_find(const registry_t *self, str_t name);
registry_instance_t *registry_instance_add(registry_t *self, registry_client_t *client, str_t name,
                                           str_t token);
void registry_instance_remove(registry_t *self, registry_instance_t *instance);
size_t registry_instance_count(const registry_t *self);
/* All in no order: start with *at = 0; NULL at the end. None may come or go meanwhile. */
registry_instance_t *registry_instance_next(const registry_t *self, size_t *at);

registry_topic_t *registry_topic_find(const registry_client_t *client, str_t instance, str_t type);
void registry_topic_add(registry_t *self, registry_client_t *client, str_t instance, str_t type);
void registry_topic_remove(registry_t *self, registry_client_t *client, registry_topic_t *topic);
size_t registry_topic_count(const registry_t *self);

#endif
