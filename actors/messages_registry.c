/* SPDX-License-Identifier: MIT */
#include "actors/messages_registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/idmap.h"
#include "bus/mp.h"

struct registry {
    registry_gateway_t *gateways;
    idmap_t *clients;   /* by id */
    idmap_t *instances; /* by name */
    size_t topics;
};

static char *copy(str_t text)
{
    char *result = str_dup(text);
    assert(result);
    return result;
}

registry_t *registry_new(uint64_t seed)
{
    registry_t *self = calloc(1, sizeof *self);
    assert(self);
    self->clients = idmap_new(seed);
    self->instances = idmap_new(seed);
    assert(self->clients && self->instances);
    return self;
}

/* --- gateways --------------------------------------------------------------------------------- */

registry_gateway_t *registry_gateway_find(const registry_t *self, str_t peer)
{
    registry_gateway_t *gateway = self->gateways;
    while (gateway && !str_is(peer, gateway->peer))
        gateway = gateway->next;
    return gateway;
}

registry_gateway_t *registry_gateway_require(registry_t *self, str_t peer, int64_t mono_ms)
{
    registry_gateway_t *gateway = registry_gateway_find(self, peer);
    if (!gateway) {
        gateway = calloc(1, sizeof *gateway);
        assert(gateway);
        gateway->peer = copy(peer);
        gateway->next = self->gateways;
        if (gateway->next)
            gateway->next->prev = gateway;
        self->gateways = gateway;
    }
    gateway->heard_ms = mono_ms;
    return gateway;
}

registry_gateway_t *registry_gateways(const registry_t *self)
{
    return self->gateways;
}

void registry_gateway_remove(registry_t *self, registry_gateway_t *gateway)
{
    assert(!gateway->clients);
    if (gateway->prev)
        gateway->prev->next = gateway->next;
    else
        self->gateways = gateway->next;
    if (gateway->next)
        gateway->next->prev = gateway->prev;
    buf_fini(&gateway->webs);
    free(gateway->peer);
    free(gateway);
}

bool registry_is_web(const registry_t *self, str_t name)
{
    for (const registry_gateway_t *gateway = self->gateways; gateway; gateway = gateway->next) {
        mp_t list = mp_of_buf(&gateway->webs);
        uint32_t count = 0;
        str_t text;
        (void)mp_read_array(&list, &count);
        for (uint32_t i = 0; i < count && mp_read_str(&list, &text); i++) {
            if (str_eq(text, name))
                return true;
        }
    }
    return false;
}

/* --- clients ---------------------------------------------------------------------------------- */

registry_client_t *registry_client_find(const registry_t *self, str_t id)
{
    return idmap_get(self->clients, id);
}

registry_client_t *registry_client_require(registry_t *self, registry_gateway_t *gateway, str_t id)
{
    registry_client_t *client = registry_client_find(self, id);
    if (client)
        return client;
    client = calloc(1, sizeof *client);
    assert(client);
    client->id = copy(id);
    client->gateway = gateway;
    client->next = gateway->clients;
    if (client->next)
        client->next->prev = client;
    gateway->clients = client;
    bool put = idmap_put(self->clients, str_of(client->id), client);
    assert(put);
    (void)put;
    return client;
}

void registry_client_release(registry_t *self, registry_client_t *client)
{
    if (client->instances || client->topics)
        return;
    idmap_remove(self->clients, str_of(client->id));
    if (client->prev)
        client->prev->next = client->next;
    else
        client->gateway->clients = client->next;
    if (client->next)
        client->next->prev = client->prev;
    free(client->id);
    free(client);
}

/* --- instances -------------------------------------------------------------------------------- */

registry_instance_t *registry_instance_find(const registry_t *self, str_t name)
{
    return idmap_get(self->instances, name);
}

registry_instance_t *registry_instance_add(registry_t *self, registry_client_t *client, str_t name,
                                           str_t token)
{
    registry_instance_t *instance = calloc(1, sizeof *instance);
    assert(instance && token.len <= REGISTRY_TOKEN_MAX);
    instance->name = copy(name);
    instance->client = client;
    if (token.len > 0)
        memcpy(instance->token, token.p, token.len);
    instance->next = client->instances;
    client->instances = instance;
    client->instance_count++;
    bool put = idmap_put(self->instances, str_of(instance->name), instance);
    assert(put);
    (void)put;
    return instance;
}

void registry_instance_remove(registry_t *self, registry_instance_t *instance)
{
    registry_instance_t **at = &instance->client->instances;
    assert(!instance->first_open);
    while (*at != instance)
        at = &(*at)->next;
    *at = instance->next;
    instance->client->instance_count--;
    idmap_remove(self->instances, str_of(instance->name));
    free(instance->name);
    free(instance);
}

size_t registry_instance_count(const registry_t *self)
{
    return idmap_size(self->instances);
}

registry_instance_t *registry_instance_next(const registry_t *self, size_t *at)
{
    return idmap_next(self->instances, at);
}

/* --- topics ----------------------------------------------------------------------------------- */

registry_topic_t *registry_topic_find(const registry_client_t *client, str_t instance, str_t type)
{
    registry_topic_t *topic = client->topics;
    while (topic && !(str_is(instance, topic->instance) && str_is(type, topic->type)))
        topic = topic->next;
    return topic;
}

void registry_topic_add(registry_t *self, registry_client_t *client, str_t instance, str_t type)
{
    registry_topic_t *topic = calloc(1, sizeof *topic);
    assert(topic);
    topic->instance = copy(instance);
    topic->type = copy(type);
    topic->next = client->topics;
    client->topics = topic;
    client->topic_count++;
    self->topics++;
}

void registry_topic_remove(registry_t *self, registry_client_t *client, registry_topic_t *topic)
{
    registry_topic_t **at = &client->topics;
    while (*at != topic)
        at = &(*at)->next;
    *at = topic->next;
    client->topic_count--;
    self->topics--;
    free(topic->instance);
    free(topic->type);
    free(topic);
}

size_t registry_topic_count(const registry_t *self)
{
    return self->topics;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void remove_clients(registry_t *self, registry_gateway_t *gateway)
{
    while (gateway->clients) {
        registry_client_t *client = gateway->clients;
        while (client->instances)
            registry_instance_remove(self, client->instances);
        while (client->topics)
            registry_topic_remove(self, client, client->topics);
        registry_client_release(self, client);
    }
}

void registry_destroy(registry_t **self_p)
{
    registry_t *self = *self_p;
    if (!self)
        return;
    while (self->gateways) {
        remove_clients(self, self->gateways);
        registry_gateway_remove(self, self->gateways);
    }
    idmap_destroy(&self->clients);
    idmap_destroy(&self->instances);
    free(self);
    *self_p = NULL;
}
