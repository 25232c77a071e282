/* SPDX-License-Identifier: MIT */
/* The mode fanout: clients 0 to P-1 publish, each to a state of its own; the others watch all of
 * them. The values of a state are the numbers 1, 2, 3 ..., so that a subscriber sees what is lost,
 * doubled or out of order. A change is under way until its acknowledgement and all deliveries are
 * in. */
#include <string.h>

#include "tests/bench/modes.h"
#include "tests/bench/request.h"
#include "tests/bench/text.h"

#define NAME "bench.0.fan"
#define OTHER "bench.0.s"  /* what else is subscribed to, and never written */
#define PACED_WINDOW 1024u /* changes under way per publisher in a paced run */

static uint32_t fan_clients(const options_t *options)
{
    return options->publishers + options->subscribers;
}

static uint32_t fan_slots(const options_t *options, uint32_t index)
{
    if (index >= options->publishers)
        return 1;
    bool paced = options->rate > 0 && options->inflight < PACED_WINDOW;
    return paced ? PACED_WINDOW : options->inflight;
}

static bool fan_speaks(const dialect_t *dialect)
{
    return dialect->watch || dialect->begin;
}

static void fan_begin(load_t *load)
{
    uint32_t publishers = load->options.publishers;
    load->written = load_allocate(publishers, sizeof *load->written);
    load->seen = load_allocate((size_t)load->options.subscribers * publishers, sizeof(seen_t));
}

static seen_t *fan_seen(load_t *load, const client_t *client)
{
    uint32_t publishers = load->options.publishers;
    return load->seen + (size_t)(client->index - publishers) * publishers;
}

static char *put_names(char *at, const char *prefix, uint32_t count, bool more)
{
    for (uint32_t i = 0; i < count; i++) {
        at = text_put(at, more || i ? ",\"" : "\"");
        at = text_put(text_number(text_put(at, prefix), i), "\"");
    }
    return at;
}

static void fan_watches(load_t *load, client_t *client)
{
    seen_t *seen = fan_seen(load, client);
    for (uint32_t i = 0; i < load->options.publishers; i++)
        seen[i].expected = 1;
}

static bool fan_prepare(load_t *load, client_t *client)
{
    const options_t *options = &load->options;
    const dialect_t *dialect = client_dialect(client);
    if (client->index < options->publishers || client->step++ > 0)
        return false;
    slot_t *slot = client->slots;
    char *end = dialect->watch ? dialect->watch(load->text, slot->id + 1) : NULL;
    if (end == load->text) {
        fan_watches(load, client);
        return false;
    }
    load_use_slot(load, slot, 0, 1);
    if (end) {
        load_send(load, client, end);
        return true;
    }
    end = text_put(request_begin(load, slot, "subscribe"), "[");
    end = put_names(end, NAME, options->publishers, false);
    end = put_names(end, OTHER, options->subscriptions, true);
    request_end(load, slot, text_put(end, "]"));
    return true;
}

static bool fan_prepared(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)slot;
    fan_watches(load, client);
    return packet_equals(ack, "null", 4);
}

/* The slot of a change. */
static slot_t *fan_slot(load_t *load, uint32_t publisher, uint64_t seq)
{
    client_t *writer = &load->clients[publisher];
    return &writer->slots[seq % writer->slot_count];
}

static bool fan_issue(load_t *load, uint64_t due)
{
    const options_t *options = &load->options;
    for (uint32_t tries = 0; tries < options->publishers; tries++) {
        uint32_t publisher = load->turn++ % options->publishers;
        slot_t *slot = fan_slot(load, publisher, load->written[publisher] + 1);
        if (slot->left > 0)
            continue;
        uint32_t acks = client_dialect(slot->client)->silent ? 0 : 1;
        load_use_slot(load, slot, due, acks + options->subscribers);
        slot->seq = ++load->written[publisher];
        char name[REQUEST_NAME_MAX];
        request_set(load, slot, name, request_name(name, NAME, publisher), slot->seq);
        return true;
    }
    return false;
}

static bool fan_check(load_t *load, client_t *client, slot_t *slot, const packet_t *ack)
{
    (void)load;
    char name[REQUEST_NAME_MAX];
    return request_is_set(slot, ack, name, request_name(name, NAME, client->index));
}

static void fan_acknowledged(load_t *load, slot_t *slot)
{
    load_answered(load, slot);
}

/* Which publisher's state, and the value that it has now. */
static bool fan_read(const load_t *load, const packet_t *event, uint32_t *publisher, uint64_t *seq)
{
    static const char begin[] = "{\"val\":";
    size_t prefix = sizeof NAME - 1;
    uint64_t number;
    if (event->name_size <= prefix || memcmp(event->name, NAME, prefix) != 0 ||
        text_digits(event->name + prefix, event->name_size - prefix, &number) !=
            event->name_size - prefix ||
        number >= load->options.publishers)
        return false;
    *publisher = (uint32_t)number;
    size_t used = sizeof begin - 1;
    bool found = event->size > used && memcmp(event->body, begin, used) == 0 &&
                 text_digits(event->body + used, event->size - used, seq) > 0;
    return found || dialect_number(event->body, event->size, "val", seq);
}

static void fan_event(load_t *load, client_t *client, const packet_t *event)
{
    uint32_t publisher;
    uint64_t seq;
    if (client->index < load->options.publishers || !fan_read(load, event, &publisher, &seq) ||
        seq < 1 || seq > load->written[publisher] ||
        fan_seen(load, client)[publisher].expected == 0) {
        load_error(load, client, "unexpected event", event->name ? event->name : event->body,
                   event->size);
        return;
    }
    seen_t *seen = fan_seen(load, client) + publisher;
    if (seq < seen->expected) {
        load->report.reordered++;
        if (seen->missing > 0) { /* late, not lost; else it came twice */
            seen->missing--;
            load->report.lost--;
        }
        return;
    }
    for (; seen->expected < seq; seen->expected++) {
        load->report.lost++;
        seen->missing++;
        load_answered(load, fan_slot(load, publisher, seen->expected));
    }
    slot_t *slot = fan_slot(load, publisher, seq);
    seen->expected++;
    load_record(load, slot->due);
    load_answered(load, slot);
}

static void fan_finish(load_t *load)
{
    const options_t *options = &load->options;
    for (uint32_t i = 0; i < options->subscribers * options->publishers; i++) {
        if (load->seen[i].expected > 0)
            load->report.lost +=
                load->written[i % options->publishers] + 1 - load->seen[i].expected;
    }
}

const modes_row_t fanout_mode = {
    .name = "fanout",
    .clients = fan_clients,
    .slots = fan_slots,
    .speaks = fan_speaks,
    .begin = fan_begin,
    .prepare = fan_prepare,
    .prepared = fan_prepared,
    .issue = fan_issue,
    .check = fan_check,
    .acknowledged = fan_acknowledged,
    .event = fan_event,
    .finish = fan_finish,
    .fanout = true,
};
