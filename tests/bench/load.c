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

#define PATH "/socket.io/?EIO=3&transport=websocket"

enum {
    EVENTS_MAX = 256,   /* per turn of the loop */
    OPENING_MAX = 64,   /* handshakes at a time, below any listen backlog */
    ERRORS_SHOWN = 5,   /* the rest is only counted */
    ERROR_EXCERPT = 160 /* bytes of a wrong answer that are shown */
};

/* --- what goes wrong ---------------------------------------------------------------------------
 */

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

/* --- slots and sending -------------------------------------------------------------------------
 */

void load_use_slot(load_t *self, slot_t *slot, uint64_t due, uint32_t answers)
{
    slot->id += slot->client->slot_count;
    slot->due = due;
    slot->left = answers;
    self->outstanding++;
}

slot_t *load_take_slot(load_t *self, uint64_t due)
{
    if (self->free_count == 0)
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

void load_send(load_t *self, client_t *client, int size)
{
    if (size < 0 || (size_t)size >= self->text_room)
        abort(); /* text_room is computed from the longest request */
    ws_text(&client->ws, self->text, (size_t)size);
    if (!client->dirty) {
        client->dirty = true;
        self->dirty[self->dirty_count++] = client;
    }
}

static void flush_dirty(load_t *self)
{
    for (uint32_t i = 0; i < self->dirty_count; i++) {
        client_t *client = self->dirty[i];
        client->dirty = false;
        if (ws_flush(&client->ws) != 0)
            load_fail(self, client, client->ws.why);
    }
    self->dirty_count = 0;
}

void load_record(load_t *self, uint64_t due)
{
    if (self->phase != PHASE_MEASURE)
        return;
    self->report.ops++;
    hist_record(&self->latency, clock_ns() - due);
}

/* --- phases ------------------------------------------------------------------------------------
 */

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

static bool server_rss(const load_t *self, uint64_t *total)
{
    const options_t *options = &self->options;
    return options->pid_count > 0 && proc_rss(options->pids, options->pid_count, total) == 0;
}

static void begin_warmup(load_t *self, uint64_t now)
{
    self->phase = PHASE_WARMUP;
    self->started = now;
    self->phase_end = now + to_ns(self->options.warmup);
}

static void begin_measure(load_t *self, uint64_t now)
{
    self->phase = PHASE_MEASURE;
    self->measure_begin = now;
    self->phase_end = now + to_ns(self->options.seconds);
    self->own_cpu_begin = own_cpu_ns();
    self->has_cpu_begin =
        server_cpu(self, &self->cpu_begin) && proc_machine_ns(&self->machine_begin) == 0;
}

/* How many operations of a paced run are due until `now`. */
static uint64_t due_until(const load_t *self, uint64_t now)
{
    return (uint64_t)((double)(now - self->started) / 1e9 * self->options.rate);
}

static void end_measure(load_t *self, uint64_t now)
{
    report_t *report = &self->report;
    uint64_t cpu_end = 0;
    uint64_t machine_end = 0;
    uint64_t rss_end = 0;
    self->phase = PHASE_DRAIN;
    self->progress = now;
    report->seconds = (double)(now - self->measure_begin) / 1e9;
    report->client_cpu_ns = own_cpu_ns() - self->own_cpu_begin;
    report->has_cpu =
        self->has_cpu_begin && server_cpu(self, &cpu_end) && proc_machine_ns(&machine_end) == 0;
    report->server_cpu_ns = cpu_end - self->cpu_begin;
    report->machine_cpu_ns = machine_end - self->machine_begin;
    if (self->options.rate > 0 && due_until(self, now) > self->issued)
        report->backlog = due_until(self, now) - self->issued;
    if (self->mode->idle && self->has_rss_begin && server_rss(self, &rss_end)) {
        report->has_rss = true;
        report->rss_per_connection =
            ((double)rss_end - (double)self->rss_begin) / self->options.connections;
    }
}

static void prepare_client(load_t *self, client_t *client)
{
    if (!self->mode->prepare || !self->mode->prepare(self, client))
        self->prepared++;
}

static void begin_prepare(load_t *self)
{
    self->phase = PHASE_PREPARE;
    for (uint32_t i = 0; i < self->client_count; i++)
        prepare_client(self, &self->clients[i]);
}

/* A bounded number of handshakes at a time; where memory is measured, one client goes ahead. */
static void open_more(load_t *self)
{
    uint32_t limit = self->mode->idle && self->ready == 0 ? 1 : OPENING_MAX;
    while (!self->failed && self->opened < self->client_count &&
           self->opened - self->ready < limit) {
        client_t *client = &self->clients[self->opened++];
        if (ws_open(&client->ws) != 0)
            load_fail(self, client, client->ws.why);
    }
}

static void advance(load_t *self, uint64_t now)
{
    if (self->phase == PHASE_CONNECT && (self->mode->connects || self->ready == self->client_count))
        begin_prepare(self);
    if (self->phase == PHASE_CONNECT)
        open_more(self);
    if (self->phase == PHASE_PREPARE && self->prepared == self->client_count)
        begin_warmup(self, now);
    if (self->phase == PHASE_WARMUP && now >= self->phase_end)
        begin_measure(self, now);
    if (self->phase == PHASE_MEASURE && now >= self->phase_end)
        end_measure(self, now);
    if (self->phase == PHASE_DRAIN && self->outstanding == 0)
        self->phase = PHASE_DONE;

    bool waits = self->phase < PHASE_WARMUP || self->outstanding > 0;
    if (waits && now > self->progress && now - self->progress > to_ns(self->options.timeout))
        load_fail(self, NULL, "the server has stopped answering");
}

static void issue(load_t *self)
{
    if (!self->mode->issue || (self->phase != PHASE_WARMUP && self->phase != PHASE_MEASURE))
        return;
    uint64_t now = clock_ns();
    for (;;) {
        uint64_t due = now;
        if (self->options.rate > 0)
            due = self->started + to_ns((double)self->issued / self->options.rate);
        if (self->failed || due > now || !self->mode->issue(self, due))
            return;
        self->issued++;
    }
}

/* --- what arrives ------------------------------------------------------------------------------
 */

static void on_open(load_t *self, const sio_packet_t *packet)
{
    uint64_t interval;
    if (self->ping_every > 0 || !sio_number(packet->body, packet->size, "pingInterval", &interval))
        return;
    self->ping_every = interval * 1000000;
    self->ping_at = clock_ns() + self->ping_every;
}

static void on_ready(load_t *self, client_t *client)
{
    self->ready++;
    if (self->mode->idle && self->ready == 1)
        self->has_rss_begin = server_rss(self, &self->rss_begin);
    if (!self->mode->connects)
        return;
    load_record(self, client->slots->due);
    ws_goodbye(&client->ws);
    if (ws_flush(&client->ws) != 0)
        load_fail(self, client, client->ws.why);
}

static void on_ack(load_t *self, client_t *client, const sio_packet_t *packet)
{
    slot_t *slot = &client->slots[packet->id % client->slot_count];
    if (slot->left == 0 || slot->id != packet->id) {
        load_error(self, client, "an answer that nobody awaits", packet->body, packet->size);
        return;
    }
    bool preparing = self->phase == PHASE_PREPARE;
    if (!(preparing ? self->mode->prepared : self->mode->check)(self, client, slot, packet))
        load_error(self, client, "wrong answer", packet->body, packet->size);
    if (preparing) {
        load_answered(self, slot);
        prepare_client(self, client);
    } else {
        self->mode->acknowledged(self, slot);
    }
}

static void on_message(void *owner, const char *data, size_t size)
{
    client_t *client = owner;
    load_t *self = client->load;
    sio_packet_t packet = sio_parse(data, size);
    self->progress = clock_ns();
    switch (packet.kind) {
    case SIO_OPEN:
        on_open(self, &packet);
        break;
    case SIO_CONNECT:
        on_ready(self, client);
        break;
    case SIO_ACK:
        on_ack(self, client, &packet);
        break;
    case SIO_EVENT:
        if (self->mode->event)
            self->mode->event(self, client, &packet);
        else
            load_error(self, client, "unexpected event", data, size);
        break;
    case SIO_PONG:
        break;
    default:
        load_error(self, client, "unexpected packet", data, size);
    }
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static void client_event(load_t *self, client_t *client, uint32_t events)
{
    int result = ws_event(&client->ws, events);
    if (result < 0) {
        load_fail(self, client, client->ws.why);
        return;
    }
    if (result > 0) { /* connect mode: the goodbye has been answered */
        ws_close(&client->ws);
        load_answered(self, client->slots);
        load_free_slot(self, client->slots);
    }
    /* Here, not after all events: the server shall work while we look at the other connections. */
    issue(self);
    flush_dirty(self);
}

static void heartbeat(load_t *self, uint64_t now)
{
    if (self->ping_every == 0 || now < self->ping_at || self->mode->connects)
        return;
    self->ping_at = now + self->ping_every;
    memcpy(self->text, "2", 1);
    for (uint32_t i = 0; i < self->client_count; i++) {
        if (self->clients[i].ws.stage == WS_OPEN)
            load_send(self, &self->clients[i], 1);
    }
}

static struct timespec time_to_wait(const load_t *self, uint64_t now)
{
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
        uint64_t now = clock_ns();
        advance(self, now);
        if (self->failed || self->phase == PHASE_DONE)
            break;
        heartbeat(self, now);
        issue(self);
        flush_dirty(self);
        struct timespec wait = time_to_wait(self, clock_ns());
        int count = epoll_pwait2(self->epoll, events, EVENTS_MAX, &wait, NULL);
        for (int i = 0; i < count && !self->failed; i++)
            client_event(self, events[i].data.ptr, events[i].events);
    }
    if (self->phase == PHASE_MEASURE) /* a failed run reports how far it came */
        end_measure(self, clock_ns());
    if (self->mode->finish)
        self->mode->finish(self);
}

/* --- begin and end -----------------------------------------------------------------------------
 */

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

static void init_clients(load_t *self)
{
    const options_t *options = &self->options;
    self->client_count = self->mode->clients(options);
    self->clients = allocate(self->client_count, sizeof *self->clients);
    self->dirty = allocate(self->client_count, sizeof(client_t *));
    for (uint32_t i = 0; i < self->client_count; i++) {
        client_t *client = &self->clients[i];
        ws_init(&client->ws, &self->net, client);
        client->load = self;
        client->index = i;
        client->slot_count = self->mode->connects ? 1 : self->mode->slots(options, i);
        self->slot_count += client->slot_count;
    }
    self->slots = allocate(self->slot_count, sizeof *self->slots);
    self->free = allocate(self->slot_count, sizeof(slot_t *));
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
            load_free_slot(self, &client->slots[place]);
        }
    }
}

static void init_report(load_t *self)
{
    const options_t *options = &self->options;
    bool fanout = self->mode->event != NULL;
    self->report = (report_t){
        .label = options->label,
        .mode = options->mode,
        .connections = fanout ? self->client_count : options->connections,
        .inflight = options->inflight,
        .subscribers = fanout ? options->subscribers : 0,
        .target_rate = options->rate,
        .latency = &self->latency,
    };
}

static int init(load_t *self)
{
    const options_t *options = &self->options;
    self->mode = modes_find(options->mode);
    if (!self->mode) {
        fprintf(stderr, "iobus-bench: unknown mode %s; see --help\n", options->mode);
        return -1;
    }
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    const char *why;
    if (ws_net_init(&self->net, self->epoll, options->url, PATH, on_message, &why) != 0) {
        fprintf(stderr, "iobus-bench: %s: %s\n", options->url, why);
        return -1;
    }
    init_clients(self);
    init_slots(self);
    init_report(self);
    self->ids_each = options->ids / self->client_count;
    if (self->ids_each == 0)
        self->ids_each = 1;
    self->text_room = 256 + (size_t)self->ids_each * 24;
    self->text = allocate(self->text_room, 1);
    hist_init(&self->latency);
    return 0;
}

static void fini(load_t *self)
{
    for (uint32_t i = 0; i < self->client_count; i++)
        ws_fini(&self->clients[i].ws);
    ws_net_fini(&self->net);
    free(self->clients);
    free(self->slots);
    free(self->free);
    free(self->dirty);
    free(self->text);
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
