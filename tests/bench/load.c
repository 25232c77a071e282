/* SPDX-License-Identifier: MIT */
#include "tests/bench/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/clock.h"
#include "tests/bench/modes.h"
#include "tests/bench/proc.h"
#include "tests/bench/text.h"

enum {
    EVENTS_MAX = 256,   /* per turn of the loop */
    OPENING_MAX = 64,   /* handshakes at a time, below any listen backlog */
    ERRORS_SHOWN = 5,   /* the rest is only counted */
    ERROR_EXCERPT = 160 /* bytes of a wrong answer that are shown */
};

void *load_allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

/* --- what goes wrong ------------------------------------------------------------------------- */

void load_error(load_t *self, const client_t *client, const char *what, const char *data,
                size_t size)
{
    if (self->report.errors++ < ERRORS_SHOWN)
        fprintf(stderr, "iobus-bench: connection %" PRIu32 ": %s: %.*s\n", client->index, what,
                (int)(size < ERROR_EXCERPT ? size : ERROR_EXCERPT), data);
}

void load_fail(load_t *self, const client_t *client, const char *why)
{
    if (self->failed)
        return;
    self->failed = true;
    self->report.errors++;
    if (client)
        fprintf(stderr, "iobus-bench: connection %" PRIu32 ": %s\n", client->index, why);
    else
        fprintf(stderr, "iobus-bench: %s\n", why);
}

/* --- slots and sending ----------------------------------------------------------------------- */

void load_use_slot(load_t *self, slot_t *slot, uint64_t due, uint32_t answers)
{
    client_t *client = slot->client;
    slot->id += client->slot_count;
    slot->due = due;
    slot->left = answers;
    if (client->order)
        client->order[(client->order_first + client->order_count++) % client->slot_count] = slot;
    self->outstanding++;
}

slot_t *load_take_slot(load_t *self, uint64_t due)
{
    if (self->free_count == 0 || self->outstanding >= self->options.window)
        return NULL;
    slot_t *slot = self->free[self->free_first];
    self->free_first = (self->free_first + 1) % self->slot_count;
    self->free_count--;
    load_use_slot(self, slot, due, 1);
    return slot;
}

bool load_answered(load_t *self, slot_t *slot)
{
    if (--slot->left > 0)
        return false;
    self->outstanding--;
    return true;
}

void load_free_slot(load_t *self, slot_t *slot)
{
    self->free[(self->free_first + self->free_count++) % self->slot_count] = slot;
}

static void mark_dirty(load_t *self, client_t *client)
{
    if (client->dirty)
        return;
    client->dirty = true;
    self->dirty[self->dirty_count++] = client;
}

void load_send(load_t *self, client_t *client, const char *end)
{
    size_t size = (size_t)(end - self->text);
    if (size > self->text_room)
        abort(); /* text_room is computed from the longest request */
    conn_send(&client->conn, self->text, size);
    mark_dirty(self, client);
}

static void say(load_t *self, client_t *client, const char *data, size_t size)
{
    conn_send(&client->conn, data, size);
    mark_dirty(self, client);
}

static void flush_dirty(load_t *self)
{
    for (uint32_t i = 0; i < self->dirty_count; i++) {
        client_t *client = self->dirty[i];
        client->dirty = false;
        if (conn_flush(&client->conn) != 0)
            load_fail(self, client, conn_why(&client->conn));
    }
    self->dirty_count = 0;
}

void load_record(load_t *self, uint64_t due)
{
    if (self->phase != PHASE_MEASURE)
        return;
    self->report.ops++;
    hist_record(&self->latency, self->now - due);
}

/* --- phases ---------------------------------------------------------------------------------- */

static uint64_t own_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * CLOCK_SECOND + (uint64_t)used.tv_nsec;
}

static uint64_t to_ns(double seconds)
{
    return (uint64_t)(seconds * 1e9);
}

static bool server_cpu(const load_t *self, uint64_t *total)
{
    const options_t *options = &self->options;
    return options->pid_count > 0 && proc_cpu_ns(options->pids, options->pid_count, total) == 0;
}

static bool server_ticks(const load_t *self, uint64_t *system, uint64_t *all)
{
    return proc_ticks(self->options.pids, self->options.pid_count, system, all) == 0;
}

static bool server_rss(const load_t *self, uint64_t *total)
{
    const options_t *options = &self->options;
    return options->pid_count > 0 && proc_rss(options->pids, options->pid_count, total) == 0;
}

static void begin_warmup(load_t *self)
{
    self->phase = PHASE_WARMUP;
    self->started = self->now;
    self->phase_end = self->now + to_ns(self->options.warmup);
}

static void begin_measure(load_t *self)
{
    self->phase = PHASE_MEASURE;
    self->measure_begin = self->now;
    self->phase_end = self->options.count ? UINT64_MAX : self->now + to_ns(self->options.seconds);
    self->own_cpu_begin = own_cpu_ns();
    self->has_cpu_begin = server_cpu(self, &self->cpu_begin) &&
                          proc_machine_ns(&self->machine_begin) == 0 &&
                          server_ticks(self, &self->system_begin, &self->ticks_begin);
}

/* How many operations of a paced run are due by now. */
static uint64_t due_by_now(const load_t *self)
{
    return (uint64_t)((double)(self->now - self->started) / 1e9 * self->options.rate);
}

static void end_measure(load_t *self)
{
    report_t *report = &self->report;
    uint64_t cpu_end = 0;
    uint64_t machine_end = 0;
    uint64_t rss_end = 0;
    uint64_t system = 0;
    uint64_t ticks = 0;
    self->phase = PHASE_DRAIN;
    self->progress = self->now;
    report->seconds = (double)(self->now - self->measure_begin) / 1e9;
    report->client_cpu_ns = own_cpu_ns() - self->own_cpu_begin;
    report->has_cpu = self->has_cpu_begin && server_cpu(self, &cpu_end) &&
                      proc_machine_ns(&machine_end) == 0 && server_ticks(self, &system, &ticks);
    if (report->has_cpu && ticks > self->ticks_begin)
        report->system_share =
            (double)(system - self->system_begin) / (double)(ticks - self->ticks_begin);
    report->server_cpu_ns = cpu_end - self->cpu_begin;
    report->machine_cpu_ns = machine_end - self->machine_begin;
    if (self->options.rate > 0 && due_by_now(self) > self->issued)
        report->backlog = due_by_now(self) - self->issued;
    report->has_rss =
        self->mode->idle && self->has_rss_begin && self->ready > 1 && server_rss(self, &rss_end);
    if (report->has_rss)
        report->rss_per_connection =
            ((double)rss_end - (double)self->rss_begin) / (self->ready - 1);
}

/* The next request of a client before or after the run; it may have none. */
static void next_step(load_t *self, client_t *client)
{
    bool (*step)(load_t *, client_t *) =
        self->phase == PHASE_PREPARE ? self->mode->prepare : self->mode->verify;
    if (self->phase == PHASE_VERIFY && self->options.no_verify)
        step = NULL;
    if (!step || !step(self, client))
        self->prepared++;
}

static void begin_steps(load_t *self, phase_t phase)
{
    self->phase = phase;
    self->prepared = 0;
    self->progress = self->now;
    for (uint32_t i = 0; i < self->active_count; i++) {
        self->clients[i].step = 0;
        next_step(self, &self->clients[i]);
    }
}

/* A bounded number of handshakes at a time; where memory is measured, one client goes ahead. */
static void open_more(load_t *self)
{
    uint32_t limit = self->mode->idle && self->ready == 0 ? 1 : OPENING_MAX;
    while (!self->failed && self->opened < self->client_count &&
           self->opened - self->ready < limit) {
        client_t *client = &self->clients[self->opened++];
        if (conn_open(&client->conn) != 0)
            load_fail(self, client, conn_why(&client->conn));
    }
}

static bool has_measured_all(const load_t *self)
{
    const options_t *options = &self->options;
    if (options->count)
        return self->issued >= options->count && self->outstanding == 0;
    return self->now >= self->phase_end;
}

static void advance(load_t *self)
{
    if (self->phase == PHASE_CONNECT && (self->mode->first || self->ready == self->client_count))
        begin_steps(self, PHASE_PREPARE);
    if (self->phase == PHASE_CONNECT)
        open_more(self);
    if (self->phase == PHASE_PREPARE && self->prepared == self->active_count)
        begin_warmup(self);
    if (self->phase == PHASE_WARMUP && self->now >= self->phase_end)
        begin_measure(self);
    if (self->phase == PHASE_MEASURE && has_measured_all(self))
        end_measure(self);
    if (self->phase == PHASE_DRAIN && self->outstanding == 0)
        begin_steps(self, PHASE_VERIFY);
    if (self->phase == PHASE_VERIFY && self->prepared == self->active_count)
        self->phase = PHASE_DONE;

    bool waits = self->phase < PHASE_WARMUP || self->outstanding > 0;
    if (waits && self->now > self->progress &&
        self->now - self->progress > to_ns(self->options.timeout))
        load_fail(self, NULL, "the server has stopped answering");
}

static void issue(load_t *self)
{
    const options_t *options = &self->options;
    if (!self->mode->issue || (self->phase != PHASE_WARMUP && self->phase != PHASE_MEASURE))
        return;
    uint64_t now = clock_ns();
    for (;;) {
        uint64_t due = now;
        if (options->rate > 0)
            due = self->started + to_ns((double)self->issued / options->rate);
        if (self->failed || due > now || (options->count && self->issued == options->count) ||
            !self->mode->issue(self, due))
            return;
        self->issued++;
    }
}

/* --- what arrives ---------------------------------------------------------------------------- */

static void on_open(load_t *self, client_t *client, const packet_t *packet)
{
    uint64_t interval;
    if (self->ping_every == 0 &&
        dialect_number(packet->body, packet->size, "pingInterval", &interval)) {
        self->ping_every = interval * 1000000;
        self->ping_at = self->now + self->ping_every;
    }
    if (client_dialect(client)->revision == 4)
        say(self, client, "40", 2);
}

static void on_ready(load_t *self, client_t *client)
{
    self->ready++;
    if (self->mode->idle && self->ready == 1)
        self->has_rss_begin = server_rss(self, &self->rss_begin);
    if (self->mode->first)
        self->mode->first(self, client);
}

/* The request that the packet answers; NULL when there is none. */
static slot_t *answered_slot(client_t *client, const packet_t *packet)
{
    if (!client->order) {
        slot_t *slot = &client->slots[packet->id % client->slot_count];
        return slot->left > 0 && slot->id == packet->id ? slot : NULL;
    }
    if (client->order_count == 0)
        return NULL;
    slot_t *slot = client->order[client->order_first];
    client->order_first = (client->order_first + 1) % client->slot_count;
    client->order_count--;
    return slot;
}

static void on_ack(load_t *self, client_t *client, const packet_t *packet)
{
    slot_t *slot = answered_slot(client, packet);
    if (!slot) {
        load_error(self, client, "an answer that nobody awaits", packet->body, packet->size);
        return;
    }
    bool steps = self->phase == PHASE_PREPARE || self->phase == PHASE_VERIFY;
    bool (*check)(load_t *, client_t *, slot_t *, const packet_t *) = self->mode->check;
    if (steps)
        check = self->phase == PHASE_PREPARE ? self->mode->prepared : self->mode->verified;
    if (!check(self, client, slot, packet))
        load_error(self, client, "wrong answer", packet->body, packet->size);
    if (steps) {
        load_answered(self, slot);
        next_step(self, client);
    } else {
        self->mode->acknowledged(self, slot);
    }
}

static void on_carrier(load_t *self, client_t *client)
{
    const dialect_t *dialect = client_dialect(client);
    if (dialect->hello)
        say(self, client, dialect->hello, dialect->hello_size);
    if (dialect->ready_when_open)
        on_ready(self, client);
}

static int on_message(void *owner, const char *data, size_t size)
{
    client_t *client = owner;
    load_t *self = client->load;
    if (!data) {
        on_carrier(self, client);
        return 0;
    }
    const dialect_t *dialect = client_dialect(client);
    packet_t packet = dialect->parse(data, size);
    switch (packet.kind) {
    case PACKET_EVENT:
        if (self->mode->event)
            self->mode->event(self, client, &packet);
        else
            load_error(self, client, "unexpected event", data, size);
        break;
    case PACKET_ACK:
        on_ack(self, client, &packet);
        break;
    case PACKET_OPEN:
        on_open(self, client, &packet);
        break;
    case PACKET_READY:
        on_ready(self, client);
        break;
    case PACKET_PING:
        if (dialect->pong)
            say(self, client, dialect->pong, strlen(dialect->pong));
        break;
    case PACKET_IGNORED:
        break;
    default:
        load_error(self, client, "unexpected packet", data, size);
    }
    return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void wire_reported(load_t *self, wire_t *wire, uint32_t events)
{
    client_t *client = wire->top;
    self->now = self->progress = clock_ns();
    int result = wire_event(wire, events);
    if (result < 0) {
        load_fail(self, client, wire->why);
        return;
    }
    if (result > 0) { /* connect mode: the goodbye has been answered */
        conn_close(&client->conn);
        load_answered(self, client->slots);
        load_free_slot(self, client->slots);
    }
    /* Here, not after all events: the server shall work while we look at the other connections. */
    issue(self);
    flush_dirty(self);
}

static void heartbeat(load_t *self)
{
    if (self->ping_every == 0 || self->now < self->ping_at || self->mode->first)
        return;
    self->ping_at = self->now + self->ping_every;
    for (uint32_t i = 0; i < self->client_count; i++) {
        client_t *client = &self->clients[i];
        const char *ping = client_dialect(client)->ping;
        if (ping && conn_is_open(&client->conn))
            say(self, client, ping, strlen(ping));
    }
}

static struct timespec time_to_wait(const load_t *self)
{
    uint64_t now = clock_ns();
    uint64_t until = now + CLOCK_SECOND / 10; /* how late a stall may be noticed */
    if (self->phase == PHASE_WARMUP || self->phase == PHASE_MEASURE) {
        if (self->phase_end < until)
            until = self->phase_end;
        if (self->options.rate > 0) {
            uint64_t due = self->started + to_ns((double)self->issued / self->options.rate);
            /* One that is due already waits for a slot, that is, for an answer. */
            if (due > now && due < until)
                until = due;
        }
    }
    uint64_t wait = until > now ? until - now : 0;
    return (struct timespec){.tv_sec = (time_t)(wait / CLOCK_SECOND),
                             .tv_nsec = (long)(wait % CLOCK_SECOND)};
}

static void run(load_t *self)
{
    struct epoll_event events[EVENTS_MAX];
    self->progress = clock_ns();
    for (;;) {
        self->now = clock_ns();
        advance(self);
        if (self->failed || self->phase == PHASE_DONE)
            break;
        heartbeat(self);
        issue(self);
        flush_dirty(self);
        struct timespec wait = time_to_wait(self);
        int count = epoll_pwait2(self->epoll, events, EVENTS_MAX, &wait, NULL);
        for (int i = 0; i < count && !self->failed; i++)
            wire_reported(self, events[i].data.ptr, events[i].events);
    }
    if (self->phase == PHASE_MEASURE) /* a failed run reports how far it came */
        end_measure(self);
    if (self->mode->finish)
        self->mode->finish(self);
}

/* --- begin and end --------------------------------------------------------------------------- */

static void init_clients(load_t *self)
{
    const options_t *options = &self->options;
    self->active_count = self->mode->clients(options);
    self->client_count = self->active_count + options->idle;
    self->clients = load_allocate(self->client_count, sizeof *self->clients);
    self->dirty = load_allocate(self->client_count, sizeof(client_t *));
    for (uint32_t i = 0; i < self->client_count; i++) {
        client_t *client = &self->clients[i];
        bool writer = self->mode->fanout && i < options->publishers;
        conn_init(&client->conn, writer ? &self->writer_kind : &self->kind, &self->net, client,
                  on_message);
        client->load = self;
        client->index = i;
        client->slot_count = 1;
        if (!self->mode->first && i < self->active_count)
            client->slot_count = self->mode->slots(options, i);
        self->slot_count += client->slot_count;
        if (client_dialect(client)->ordered)
            client->order = load_allocate(client->slot_count, sizeof(slot_t *));
    }
    self->slots = load_allocate(self->slot_count, sizeof *self->slots);
    self->free = load_allocate(self->slot_count, sizeof(slot_t *));
}

/* First slots first, so that a paced run visits every connection before any twice. */
static void init_slots(load_t *self)
{
    slot_t *next = self->slots;
    uint32_t most = 0;
    for (uint32_t i = 0; i < self->client_count; i++) {
        client_t *client = &self->clients[i];
        client->slots = next;
        next += client->slot_count;
        most = client->slot_count > most ? client->slot_count : most;
    }
    for (uint32_t place = 0; place < most; place++) {
        for (uint32_t i = 0; i < self->client_count; i++) {
            client_t *client = &self->clients[i];
            if (place >= client->slot_count)
                continue;
            client->slots[place] = (slot_t){.client = client, .id = place};
            if (i < self->active_count)
                load_free_slot(self, &client->slots[place]);
        }
    }
}

static void init_report(load_t *self)
{
    const options_t *options = &self->options;
    bool fanout = self->mode->fanout;
    self->report = (report_t){
        .label = options->label,
        .mode = options->mode,
        .dialect = options->dialect,
        .connections = fanout ? self->active_count : options->connections,
        .idle = options->idle,
        .inflight = options->inflight,
        .publishers = fanout ? options->publishers : 0,
        .subscribers = fanout ? options->subscribers : 0,
        .subscriptions = fanout ? options->publishers + options->subscriptions : 0,
        .target_rate = options->rate,
        .latency = &self->latency,
    };
}

static int init_kind(load_t *self, conn_kind_t *kind, const char *name, bool writer)
{
    const dialect_t *dialect = dialect_find(name);
    if (!dialect) {
        fprintf(stderr, "iobus-bench: unknown dialect %s; see --help\n", name);
        return -1;
    }
    if (!(self->mode->speaks ? self->mode->speaks(dialect) : dialect->begin != NULL)) {
        fprintf(stderr, "iobus-bench: %s has no %s\n", name, self->options.mode);
        return -1;
    }
    return conn_kind_init(kind, dialect, self->options.url, writer);
}

static int init_mode(load_t *self)
{
    const options_t *options = &self->options;
    const char *writer = options->writer_dialect ? options->writer_dialect : options->dialect;
    self->mode = modes_find(options->mode);
    if (!self->mode) {
        fprintf(stderr, "iobus-bench: unknown mode %s; see --help\n", options->mode);
        return -1;
    }
    return init_kind(self, &self->kind, options->dialect, false) != 0 ||
                   init_kind(self, &self->writer_kind, writer, true) != 0
               ? -1
               : 0;
}

static int init(load_t *self)
{
    const options_t *options = &self->options;
    if (init_mode(self) != 0)
        return -1;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    const char *why;
    if (wire_net_init(&self->net, self->epoll, options->url, &why) != 0) {
        fprintf(stderr, "iobus-bench: %s: %s\n", options->url, why);
        return -1;
    }
    init_clients(self);
    init_slots(self);
    init_report(self);
    self->ids_each = options->ids / self->active_count;
    if (self->ids_each == 0)
        self->ids_each = 1;
    size_t names = (size_t)self->ids_each + options->publishers + options->subscriptions;
    self->text_room = 1024 + names * 24 + (size_t)options->size * 2;
    self->text = load_allocate(self->text_room, 1);
    hist_init(&self->latency);
    if (self->mode->begin)
        self->mode->begin(self);
    return 0;
}

static void fini(load_t *self)
{
    for (uint32_t i = 0; self->clients && i < self->client_count; i++) {
        conn_fini(&self->clients[i].conn);
        free(self->clients[i].order);
    }
    wire_net_fini(&self->net);
    void *const memory[] = {self->clients, self->slots,   self->free, self->dirty, self->text,
                            self->values,  self->written, self->seen, self->file};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        free(memory[i]);
    if (self->epoll >= 0)
        close(self->epoll);
}

/* As many descriptors as we may have, and timers that fire when they should. */
static void prepare_process(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
}

int main(int argc, char **argv)
{
    static load_t load;
    load.epoll = -1;
    int parsed = options_parse(&load.options, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? 0 : 2;
    prepare_process();
    int status = 2;
    if (init(&load) == 0) {
        run(&load);
        const report_t *report = &load.report;
        report_print(report, stdout);
        status = report->errors || report->lost || report->reordered ? 1 : 0;
    }
    fini(&load);
    return status;
}
