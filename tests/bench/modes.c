/* SPDX-License-Identifier: MIT */
#include "tests/bench/modes.h"

#include <string.h>

#include "tests/bench/request.h"
#include "tests/bench/text.h"

#define STATE "bench.0.s"
#define VERIFIED_MAX 2000 /* ids that are read back after a run */

static uint32_t one_client_each(const options_t *options)
{
    return options->connections;
}

static uint32_t inflight_slots(const options_t *options, uint32_t index)
{
    (void)index;
    return options->inflight;
}

static bool can_set(const dialect_t *dialect)
{
    return !dialect->silent;
}

static bool can_get(const dialect_t *dialect)
{
    return dialect->get || dialect->begin;
}

/* --- setState --------------------------------------------------------------------------------- */

static uint32_t next_key(load_t *load, client_t *client)
{
    return client->index * load->ids_each + client->step++ % load->ids_each;
}

static void send_set(load_t *load, slot_t *slot, uint64_t value)
{
    char name[REQUEST_NAME_MAX];
    request_set(load, slot, name, request_name(name, STATE, slot->key), value);
}

static void send_get(load_t *load, slot_t *slot)
{
    char name[REQUEST_NAME_MAX];
    request_get(load, slot, name, request_name(name, STATE, slot->key));
}

static void set_begin(load_t *load)
{
    load->values = load_allocate((size_t)load->ids_each * load->active_count, sizeof(uint64_t));
}

static bool set_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    slot->key = next_key(load, slot->client);
    load->values[slot->key] = slot->id; /* a connection's writes are carried out in order */
    send_set(load, slot, slot->id);
    return true;
}

static bool set_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)load;
    (void)client;
    char name[REQUEST_NAME_MAX];
    return request_is_set(slot, ack, name, request_name(name, STATE, slot->key));
}

static void request_acknowledged(load_t *load, slot_t *slot)
{
    load_record(load, slot->due);
    load_answered(load, slot);
    load_free_slot(load, slot);
}

/* Reads back what was written last; of many ids some. */
static bool set_verify(load_t *load, client_t *client)
{
    uint32_t total = load->ids_each * load->active_count;
    uint32_t stride = total / VERIFIED_MAX + 1;
    for (; client->step < load->ids_each; client->step++) {
        uint32_t key = client->index * load->ids_each + client->step;
        if (key % stride || load->values[key] == 0)
            continue;
        client->step++;
        load_use_slot(load, client->slots, 0, 1);
        client->slots->key = key;
        send_get(load, client->slots);
        return true;
    }
    return false;
}

static bool set_verified(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)client;
    return request_is_value(slot, ack, load->values[slot->key]);
}

/* --- getState, getStates ---------------------------------------------------------------------- */

/* What preparation writes to a state and reading expects; never 0, which a default would match. */
static uint64_t value_of(uint32_t key)
{
    return (uint64_t)key * 7 + 13;
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
    send_get(load, slot);
    return true;
}

static bool get_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)load;
    (void)client;
    return request_is_value(slot, ack, value_of(slot->key));
}

/* All states of the client, named one by one as a visualisation does for its page. */
static bool list_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    slot->key = slot->client->index * load->ids_each;
    char *at = text_put(request_begin(load, slot, "getStates"), "[");
    for (uint32_t i = 0; i < load->ids_each; i++) {
        at = text_put(at, i ? ",\"" STATE : "\"" STATE);
        at = text_put(text_number(at, slot->key + i), "\"");
    }
    request_end(load, slot, text_put(at, "]"));
    return true;
}

static bool list_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)client;
    if (!packet_starts(ack, "null,{", 6))
        return false;
    const char *end = ack->body + ack->size;
    const char *at = ack->body;
    for (uint32_t i = 0; i < load->ids_each; i++) {
        char name[REQUEST_NAME_MAX + 4];
        size_t size = request_name(name, "\"" STATE, slot->key + i);
        memcpy(name + size, "\":{", 3);
        size += 3;
        /* Servers answer in the order of the request, mostly; then this is one pass. */
        const char *found = memmem(at, (size_t)(end - at), name, size);
        if (!found)
            found = memmem(ack->body, ack->size, name, size);
        uint64_t value;
        if (!found || !dialect_number(found, (size_t)(end - found), "val", &value) ||
            value != value_of(slot->key + i))
            return false;
        at = found + size;
    }
    return true;
}

/* --- connect and idle ------------------------------------------------------------------------- */

static bool connect_issue(load_t *load, uint64_t due)
{
    slot_t *slot = load_take_slot(load, due);
    if (!slot)
        return false;
    slot->client->order_count = 0;
    if (conn_open(&slot->client->conn) != 0)
        load_fail(load, slot->client, conn_why(&slot->client->conn));
    return true;
}

/* The first command of a page. */
static void connect_first(load_t *load, client_t *client)
{
    client->slots->key = client->index;
    send_get(load, client->slots);
}

static bool connect_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)load;
    (void)client;
    (void)slot;
    return packet_starts(ack, "null,", 5) || client_dialect(client)->ordered;
}

static void connect_acknowledged(load_t *load, slot_t *slot)
{
    client_t *client = slot->client;
    load_record(load, slot->due);
    if (!conn_goodbye(&client->conn)) {
        conn_close(&client->conn);
        load_answered(load, slot);
        load_free_slot(load, slot);
    } else if (conn_flush(&client->conn) != 0) {
        load_fail(load, client, conn_why(&client->conn));
    }
}

static uint32_t idle_clients(const options_t *options)
{
    /* The first one is not counted: it makes the server allocate what it allocates only once. */
    return options->connections + 1;
}

static bool can_all(const dialect_t *dialect)
{
    (void)dialect;
    return true;
}

/* ---------------------------------------------------------------------------------------------- */

static const modes_row_t set_mode = {
    .name = "setState",
    .clients = one_client_each,
    .slots = inflight_slots,
    .speaks = can_set,
    .begin = set_begin,
    .issue = set_issue,
    .check = set_check,
    .acknowledged = request_acknowledged,
    .verify = set_verify,
    .verified = set_verified,
};

static const modes_row_t get_mode = {
    .name = "getState",
    .clients = one_client_each,
    .slots = inflight_slots,
    .speaks = can_get,
    .prepare = get_prepare,
    .prepared = set_check,
    .issue = get_issue,
    .check = get_check,
    .acknowledged = request_acknowledged,
};

static const modes_row_t list_mode = {
    .name = "getStates",
    .clients = one_client_each,
    .slots = inflight_slots,
    .prepare = get_prepare,
    .prepared = set_check,
    .issue = list_issue,
    .check = list_check,
    .acknowledged = request_acknowledged,
};

static const modes_row_t connect_mode = {
    .name = "connect",
    .clients = one_client_each,
    .slots = inflight_slots,
    .speaks = can_get,
    .issue = connect_issue,
    .check = connect_check,
    .acknowledged = connect_acknowledged,
    .first = connect_first,
};

static const modes_row_t idle_mode = {
    .name = "idle",
    .clients = idle_clients,
    .slots = inflight_slots,
    .speaks = can_all,
    .idle = true,
};

static const modes_row_t *const modes[] = {
    &set_mode,     &get_mode,  &list_mode,       &fanout_mode,
    &connect_mode, &idle_mode, &write_file_mode, &read_file_mode,
};

const modes_row_t *modes_find(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i]->name, name) == 0)
            return modes[i];
    }
    return NULL;
}
