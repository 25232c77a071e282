/* SPDX-License-Identifier: MIT */
#include "tests/bench/modes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FAN_ID "bench.0.fan"
#define FAN_ACK "[null,\"" FAN_ID "\"]"
#define FAN_EVENT "[\"stateChange\",\"" FAN_ID "\",{"
#define FAN_WINDOW 1024 /* changes under way in a paced run */

static uint32_t one_client_each(const options_t *options)
{
    return options->connections;
}

static uint32_t inflight_slots(const options_t *options, uint32_t index)
{
    (void)index;
    return options->inflight;
}

/* --- setState, getState, getStates ------------------------------------------------------------ */

/* What preparation writes to a state and reading expects; never 0, which a default would match. */
static uint64_t value_of(uint32_t key)
{
    return (uint64_t)key * 7 + 13;
}

static uint32_t next_key(load_t *load, client_t *client)
{
    return client->index * load->ids_each + client->step++ % load->ids_each;
}

static void send_set(load_t *load, slot_t *slot, uint64_t value)
{
    int size = snprintf(load->text, load->text_room,
                        "42%" PRIu64 "[\"setState\",\"bench.0.s%" PRIu32 "\",{\"val\":%" PRIu64
                        ",\"ack\":true}]",
                        slot->id, slot->key, value);
    load_send(load, slot->client, size);
}

static bool set_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    slot->key = next_key(load, slot->client);
    send_set(load, slot, slot->id);
    return true;
}

static bool set_check(load_t *load, client_t *client, slot_t *slot, const sio_packet_t *ack)
{
    (void)load;
    (void)client;
    char text[64];
    int size = snprintf(text, sizeof text, "[null,\"bench.0.s%" PRIu32 "\"]", slot->key);
    return sio_equals(ack, text, (size_t)size);
}

static void request_acknowledged(load_t *load, slot_t *slot)
{
    load_record(load, slot->due);
    load_answered(load, slot);
    load_free_slot(load, slot);
}

static bool get_prepare(load_t *load, client_t *client)
{
    if (client->step == load->ids_each)
        return false;
    slot_t *slot = client->slots;
    load_use_slot(load, slot, 0, 1);
    slot->key = next_key(load, client);
    send_set(load, slot, value_of(slot->key));
    return true;
}

static bool get_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    slot->key = next_key(load, slot->client);
    int size =
        snprintf(load->text, load->text_room,
                 "42%" PRIu64 "[\"getState\",\"bench.0.s%" PRIu32 "\"]", slot->id, slot->key);
    load_send(load, slot->client, size);
    return true;
}

static bool get_check(load_t *load, client_t *client, slot_t *slot, const sio_packet_t *ack)
{
    (void)load;
    (void)client;
    uint64_t value;
    return sio_starts(ack, "[null,{", 7) && sio_number(ack->body, ack->size, "val", &value) &&
           value == value_of(slot->key);
}

/* All states of the client, named one by one as a visualisation does for its page. */
static bool list_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    slot->key = slot->client->index * load->ids_each;
    int size = snprintf(load->text, load->text_room, "42%" PRIu64 "[\"getStates\",[", slot->id);
    for (uint32_t i = 0; i < load->ids_each; i++)
        size += snprintf(load->text + size, load->text_room - (size_t)size,
                         "%s\"bench.0.s%" PRIu32 "\"", i ? "," : "", slot->key + i);
    size += snprintf(load->text + size, load->text_room - (size_t)size, "]]");
    load_send(load, slot->client, size);
    return true;
}

static bool list_check(load_t *load, client_t *client, slot_t *slot, const sio_packet_t *ack)
{
    (void)client;
    if (!sio_starts(ack, "[null,{", 7))
        return false;
    const char *end = ack->body + ack->size;
    const char *at = ack->body;
    for (uint32_t i = 0; i < load->ids_each; i++) {
        char name[40];
        size_t size =
            (size_t)snprintf(name, sizeof name, "\"bench.0.s%" PRIu32 "\":{", slot->key + i);
        /* Servers answer in the order of the request, mostly; then this is one pass. */
        const char *found = memmem(at, (size_t)(end - at), name, size);
        if (!found)
            found = memmem(ack->body, ack->size, name, size);
        uint64_t value;
        if (!found || !sio_number(found, (size_t)(end - found), "val", &value) ||
            value != value_of(slot->key + i))
            return false;
        at = found + size;
    }
    return true;
}

/* --- fanout: client 0 writes, the others watch ----------------------------------------------- */

static uint32_t fan_clients(const options_t *options)
{
    return options->subscribers + 1;
}

static uint32_t fan_slots(const options_t *options, uint32_t index)
{
    if (index > 0)
        return 1;
    return options->rate > 0 && options->inflight < FAN_WINDOW ? FAN_WINDOW : options->inflight;
}

static bool fan_prepare(load_t *load, client_t *client)
{
    if (client->index == 0 || client->step++ > 0)
        return false;
    load_use_slot(load, client->slots, 0, 1);
    int size = snprintf(load->text, load->text_room, "42%" PRIu64 "[\"subscribe\",\"" FAN_ID "\"]",
                        client->slots->id);
    load_send(load, client, size);
    return true;
}

static bool fan_prepared(load_t *load, client_t *client, slot_t *slot, const sio_packet_t *ack)
{
    (void)load;
    (void)slot;
    client->expected = 1;
    return sio_equals(ack, "[null]", 6);
}

/* The slot of a change, which stays in use until the acknowledgement and all deliveries are in. */
static slot_t *fan_slot(load_t *load, uint64_t seq)
{
    client_t *writer = load->clients;
    return &writer->slots[seq % writer->slot_count];
}

static bool fan_issue(load_t *load, uint64_t due)
{
    slot_t *slot = fan_slot(load, load->written + 1);
    if (slot->left > 0)
        return false;
    load_use_slot(load, slot, due, load->client_count);
    slot->seq = ++load->written;
    int size =
        snprintf(load->text, load->text_room,
                 "42%" PRIu64 "[\"setState\",\"" FAN_ID "\",{\"val\":%" PRIu64 ",\"ack\":true}]",
                 slot->id, slot->seq);
    load_send(load, load->clients, size);
    return true;
}

static bool fan_check(load_t *load, client_t *client, slot_t *slot, const sio_packet_t *ack)
{
    (void)load;
    (void)client;
    (void)slot;
    return sio_equals(ack, FAN_ACK, sizeof FAN_ACK - 1);
}

static void fan_acknowledged(load_t *load, slot_t *slot)
{
    load_answered(load, slot);
}

static void fan_event(load_t *load, client_t *client, const sio_packet_t *event)
{
    uint64_t seq;
    if (!sio_starts(event, FAN_EVENT, sizeof FAN_EVENT - 1) ||
        !sio_number(event->body, event->size, "val", &seq) || seq < 1 || seq > load->written ||
        client->expected == 0) {
        load_error(load, client, "unexpected event", event->body, event->size);
        return;
    }
    if (seq < client->expected) {
        load->report.reordered++;
        if (client->missing > 0) { /* late, not lost; else it came twice */
            client->missing--;
            load->report.lost--;
        }
        return;
    }
    for (; client->expected < seq; client->expected++) {
        load->report.lost++;
        client->missing++;
        load_answered(load, fan_slot(load, client->expected));
    }
    slot_t *slot = fan_slot(load, seq);
    client->expected++;
    load_record(load, slot->due);
    load_answered(load, slot);
}

static void fan_finish(load_t *load)
{
    for (uint32_t i = 1; i < load->client_count; i++) {
        const client_t *client = &load->clients[i];
        if (client->expected > 0)
            load->report.lost += load->written + 1 - client->expected;
    }
}

/* --- connect and idle --------------------------------------------------------------------------
 */

static bool connect_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    if (ws_open(&slot->client->ws) != 0)
        load_fail(load, slot->client, slot->client->ws.why);
    return true;
}

static uint32_t idle_clients(const options_t *options)
{
    /* The first one is not counted: it makes the server allocate what it allocates only once. */
    return options->connections + 1;
}

/* -----------------------------------------------------------------------------------------------
 */

static const modes_row_t modes[] = {
    {.name = "setState",
     .clients = one_client_each,
     .slots = inflight_slots,
     .issue = set_issue,
     .check = set_check,
     .acknowledged = request_acknowledged},
    {.name = "getState",
     .clients = one_client_each,
     .slots = inflight_slots,
     .prepare = get_prepare,
     .prepared = set_check,
     .issue = get_issue,
     .check = get_check,
     .acknowledged = request_acknowledged},
    {.name = "getStates",
     .clients = one_client_each,
     .slots = inflight_slots,
     .prepare = get_prepare,
     .prepared = set_check,
     .issue = list_issue,
     .check = list_check,
     .acknowledged = request_acknowledged},
    {.name = "fanout",
     .clients = fan_clients,
     .slots = fan_slots,
     .prepare = fan_prepare,
     .prepared = fan_prepared,
     .issue = fan_issue,
     .check = fan_check,
     .acknowledged = fan_acknowledged,
     .event = fan_event,
     .finish = fan_finish},
    {.name = "connect",
     .clients = one_client_each,
     .slots = inflight_slots,
     .issue = connect_issue,
     .connects = true},
    {.name = "idle", .clients = idle_clients, .slots = inflight_slots, .idle = true},
};

const modes_row_t *modes_find(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    }
    return NULL;
}
