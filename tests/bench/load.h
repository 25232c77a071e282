/* SPDX-License-Identifier: MIT */
/* The engine of iobus-bench: connections, phases, clock, counts. What an operation is, how it is
 * sent and how its answer is checked is the business of a row of the table in modes.c.
 *
 * A run goes through connect, prepare, warm-up, measure, drain, verify. In a closed loop a free
 * slot is used at once; in a paced run (--rate) operation n is due at start + n / rate, waits for a
 * free slot if it must, and its latency counts from when it was due, so a stall of the server is
 * not left out. One thread, one epoll; all that a turn has for a connection leaves in one write. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/conn.h"
#include "tests/bench/hist.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"

typedef struct load load_t;
typedef struct client client_t;
typedef struct modes_row modes_row_t;

/* Room for one request under way. */
typedef struct slot {
    client_t *client;
    uint64_t id; /* of the request; grows by the client's slot_count, so id % slot_count finds us */
    uint64_t due;  /* when it was to be sent */
    uint64_t seq;  /* fanout: the value written */
    uint32_t key;  /* N of the state bench.0.sN, or of the file */
    uint32_t left; /* answers that are still awaited; 0 = free */
} slot_t;

struct client {
    conn_t conn;
    load_t *load;
    uint32_t index;
    slot_t *slots; /* into load->slots */
    uint32_t slot_count;
    slot_t **order; /* a ring of the requests under way, where answers have no numbers */
    uint32_t order_first, order_count;
    uint32_t step; /* preparation: requests sent; then the next of the client's ids */
    bool dirty;    /* waits in load->dirty for its flush */
};

/* What one subscriber has seen of one publisher. */
typedef struct seen {
    uint64_t expected; /* the next sequence number; 0 before the subscription */
    uint64_t missing;  /* numbers that were skipped */
} seen_t;

typedef enum phase {
    PHASE_CONNECT,
    PHASE_PREPARE,
    PHASE_WARMUP,
    PHASE_MEASURE,
    PHASE_DRAIN,  /* nothing new is sent; what is under way must still arrive */
    PHASE_VERIFY, /* what was written is read back */
    PHASE_DONE,
} phase_t;

struct load {
    options_t options;
    const modes_row_t *mode;
    phase_t phase;
    wire_net_t net;
    conn_kind_t kind, writer_kind; /* of those who publish */
    int epoll;
    client_t *clients;
    uint32_t active_count; /* clients that work; the others only stay connected */
    uint32_t client_count;
    uint32_t ids_each; /* client c owns the ids from c * ids_each on */
    slot_t *slots;
    uint32_t slot_count;
    slot_t **free;                   /* ring of free slots: first come, first served */
    uint32_t free_first, free_count; /* its begin and length */
    client_t **dirty;                /* clients with something to flush */
    uint32_t dirty_count;
    char *text; /* where requests are put together; text_room bytes */
    size_t text_room;

    uint32_t opened, ready, prepared; /* clients that got so far */
    uint32_t outstanding;             /* slots in use */
    uint64_t issued;                  /* operations sent since the warm-up began */
    uint64_t now;                     /* of the turn */
    uint64_t started;                 /* begin of the warm-up; operation n is due n / rate later */
    uint64_t phase_end;               /* of warm-up and measuring */
    uint64_t progress;                /* when something last arrived */
    uint64_t ping_every, ping_at;     /* Engine.IO heartbeat, from the server's open packet */

    uint64_t *values;  /* setState: the last value sent per id */
    uint64_t *written; /* fanout: the last sequence number per publisher */
    uint32_t turn;     /* fanout: whose turn it is to publish */
    seen_t *seen;      /* fanout: per subscriber and publisher */
    char *file;        /* the file modes: content in base64 */
    size_t file_size;

    hist_t latency;
    report_t report;
    uint64_t measure_begin;
    uint64_t cpu_begin, own_cpu_begin, machine_begin, rss_begin;
    uint64_t system_begin, ticks_begin; /* of the server's CPU time */
    bool has_cpu_begin, has_rss_begin;
    bool failed; /* the run cannot go on */
};

/* --- for the modes --------------------------------------------------------------------------- */

/* A free slot, now in use and expecting one answer; NULL when all are busy. */
slot_t *load_take_slot(load_t *self, uint64_t due);

/* The same for a slot that the mode itself has chosen. */
void load_use_slot(load_t *self, slot_t *slot, uint64_t due, uint32_t answers);

/* One of a slot's answers is in. True when it was the last. */
bool load_answered(load_t *self, slot_t *slot);

/* Makes a slot available to load_take_slot again. */
void load_free_slot(load_t *self, slot_t *slot);

/* Queues the message put together in self->text, which ends at `end`, for the client. */
void load_send(load_t *self, client_t *client, const char *end);

/* One operation has ended well; counted only while measuring. */
void load_record(load_t *self, uint64_t due);

/* A wrong answer: counted, the first few shown. */
void load_error(load_t *self, const client_t *client, const char *what, const char *data,
                size_t size);

/* The run cannot go on; counted as an error. */
void load_fail(load_t *self, const client_t *client, const char *why);

/* Zeroed memory, or the end of the instrument. */
void *load_allocate(size_t count, size_t size);

static inline const dialect_t *client_dialect(const client_t *client)
{
    return client->conn.kind->dialect;
}

#endif
