/* SPDX-License-Identifier: MIT */
#include "actors/messages_open.h"

#include <assert.h>
#include <stdlib.h>

open_message_t *open_message_add(registry_instance_t *instance, uint64_t id, uint64_t ticket,
                                 int64_t deadline_ms, str_t sender, const str_t *topic)
{
    open_message_t *message = calloc(1, sizeof *message);
    assert(message);
    *message = (open_message_t){.prev = instance->last_open,
                                .id = id,
                                .ticket = ticket,
                                .deadline_ms = deadline_ms,
                                .sender = str_dup(sender),
                                .topic = topic ? str_dup(*topic) : NULL};
    assert(message->sender && (message->topic || !topic));
    if (message->prev)
        message->prev->next = message;
    else
        instance->first_open = message;
    instance->last_open = message;
    instance->open_count++;
    return message;
}

void open_message_remove(registry_instance_t *instance, open_message_t *message)
{
    if (message->prev)
        message->prev->next = message->next;
    else
        instance->first_open = message->next;
    if (message->next)
        message->next->prev = message->prev;
    else
        instance->last_open = message->prev;
    instance->open_count--;
    free(message->sender);
    free(message->topic);
    free(message);
}

open_message_t *open_message_find(const registry_instance_t *instance, uint64_t id)
{
    open_message_t *message = instance->first_open;
    while (message && message->id != id)
        message = message->next;
    return message;
}

size_t open_message_of(const registry_instance_t *instance, str_t sender)
{
    size_t count = 0;
    for (const open_message_t *message = instance->first_open; message; message = message->next)
        count += str_is(sender, message->sender);
    return count;
}
