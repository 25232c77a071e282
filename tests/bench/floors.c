/* SPDX-License-Identifier: MIT */
/* Floors that are no server: what the parts under iobus cost by themselves, in CPU of this process.
 * Prints a line of JSON per row.
 *
 *     iobus-floors FOLDER [SECONDS]      FOLDER is made, for RocksDB's files */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rocksdb/c.h>
#include <yajl/yajl_parse.h>
#include <zmq.h>

#include "bus/json.h"
#include "tests/bench/clock.h"
#include "tests/bench/text.h"

enum { KEYS = 1000, BATCH = 100, BURST = 160, VALUE_SIZE = 150 };

static const char CALL[] = "[\"setState\",\"bench.0.s123\",{\"val\":123456,\"ack\":true}]";
static const char STATE[] =
    "{\"val\":123456,\"ack\":true,\"ts\":1700000000000,\"q\":0,\"from\":"
    "\"system.adapter.socketio.0\",\"user\":\"system.user.admin\",\"lc\":1700000000000}";

static const char *folder;
static double seconds = 0.5;

static void fail(const char *what)
{
    fprintf(stderr, "iobus-floors: %s\n", what);
    exit(1);
}

static uint64_t cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * CLOCK_SECOND + (uint64_t)used.tv_nsec;
}

static void measure(const char *name, uint64_t (*turn)(void *), void *state)
{
    turn(state);
    uint64_t ops = 0;
    uint64_t cpu = cpu_ns();
    uint64_t begin = clock_ns();
    uint64_t end = begin + (uint64_t)(seconds * 1e9);
    uint64_t now = begin;
    while (now < end) {
        ops += turn(state);
        now = clock_ns();
    }
    cpu = cpu_ns() - cpu;
    printf("{\"row\":\"%s\",\"ops\":%llu,\"rate\":%.0f,\"cpu_us_per_op\":%.4f}\n", name,
           (unsigned long long)ops, (double)ops * 1e9 / (double)(now - begin),
           (double)cpu / 1e3 / (double)ops);
    fflush(stdout);
}

/* --- RocksDB --------------------------------------------------------------------------------- */

typedef struct store {
    rocksdb_t *db;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_writebatch_t *batch;
    uint64_t next;
} store_t;

static size_t key_of(char *key, uint64_t number)
{
    return (size_t)(text_number(text_put(key, "bench.0.s"), number % KEYS) - key);
}

static uint64_t put_batch(store_t *self, unsigned count)
{
    char key[32], value[VALUE_SIZE];
    char *error = NULL;
    memset(value, 'v', sizeof value);
    rocksdb_writebatch_clear(self->batch);
    for (unsigned i = 0; i < count; i++) {
        size_t size = key_of(key, self->next++);
        rocksdb_writebatch_put(self->batch, key, size, value, sizeof value);
    }
    rocksdb_write(self->db, self->write, self->batch, &error);
    if (error)
        fail(error);
    return count;
}

static uint64_t put_one(void *state)
{
    return put_batch(state, 1);
}

static uint64_t put_many(void *state)
{
    return put_batch(state, BATCH);
}

static uint64_t get_one(void *state)
{
    store_t *self = state;
    char key[32];
    char *error = NULL;
    size_t value_size;
    size_t size = key_of(key, self->next++);
    char *value = rocksdb_get(self->db, self->read, key, size, &value_size, &error);
    if (error || !value || value_size != VALUE_SIZE)
        fail("a value is not what was written");
    rocksdb_free(value);
    return 1;
}

static void rocks(void)
{
    char *error = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    store_t store = {.db = rocksdb_open(options, folder, &error),
                     .write = rocksdb_writeoptions_create(),
                     .read = rocksdb_readoptions_create(),
                     .batch = rocksdb_writebatch_create()};
    if (error)
        fail(error);
    measure("RocksDB put, with its log", put_one, &store);
    measure("RocksDB put, batch of 100", put_many, &store);
    measure("RocksDB get", get_one, &store);
    rocksdb_writebatch_destroy(store.batch);
    rocksdb_readoptions_destroy(store.read);
    rocksdb_writeoptions_destroy(store.write);
    rocksdb_close(store.db);
    rocksdb_options_destroy(options);
}

/* --- ZeroMQ ---------------------------------------------------------------------------------- */

/* Sends every message back until one is empty. */
static void *echo(void *context)
{
    void *router = zmq_socket(context, ZMQ_ROUTER);
    if (zmq_bind(router, "inproc://floor") != 0)
        fail("cannot bind");
    for (;;) {
        zmq_msg_t id, body;
        zmq_msg_init(&id);
        zmq_msg_init(&body);
        zmq_msg_recv(&id, router, 0);
        zmq_msg_recv(&body, router, 0);
        size_t size = zmq_msg_size(&body);
        zmq_msg_send(&id, router, ZMQ_SNDMORE);
        zmq_msg_send(&body, router, 0);
        if (size == 0)
            break;
    }
    zmq_close(router);
    return NULL;
}

static uint64_t hops(void *dealer, unsigned count)
{
    char answer[sizeof CALL];
    for (unsigned i = 0; i < count; i++)
        zmq_send(dealer, CALL, sizeof CALL, 0);
    for (unsigned i = 0; i < count; i++) {
        if (zmq_recv(dealer, answer, sizeof answer, 0) != (int)sizeof CALL)
            fail("an answer is not what was sent");
    }
    return count;
}

static uint64_t hop_one(void *dealer)
{
    return hops(dealer, 1);
}

static uint64_t hop_many(void *dealer)
{
    return hops(dealer, BURST);
}

static void zeromq(void)
{
    void *context = zmq_ctx_new();
    pthread_t thread;
    if (pthread_create(&thread, NULL, echo, context) != 0)
        fail("cannot start a thread");
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    if (zmq_connect(dealer, "inproc://floor") != 0)
        fail("cannot connect");
    measure("ZeroMQ there and back, one at a time", hop_one, dealer);
    measure("ZeroMQ there and back, bursts of 160", hop_many, dealer);
    zmq_send(dealer, "", 0, 0);
    pthread_join(thread, NULL);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

/* --- codecs ---------------------------------------------------------------------------------- */

static uint64_t scan(void *handle)
{
    yajl_handle parser = yajl_alloc(handle, NULL, NULL);
    if (yajl_parse(parser, (const unsigned char *)CALL, sizeof CALL - 1) != yajl_status_ok)
        fail("yajl refuses a call");
    yajl_complete_parse(parser);
    yajl_free(parser);
    return 1;
}

static uint64_t decode(void *state)
{
    buf_t *out = state;
    buf_reset(out);
    if (json_to_mp(out, (str_t){CALL, sizeof CALL - 1}) != ERR_OK)
        fail("a call is not decoded");
    return 1;
}

typedef struct encoded {
    buf_t value, out;
} encoded_t;

static uint64_t encode(void *state)
{
    encoded_t *self = state;
    buf_reset(&self->out);
    json_from_mp(&self->out, mp_of_buf(&self->value), NULL);
    return 1;
}

static uint64_t skip(void *state)
{
    encoded_t *self = state;
    if (mp_check(mp_of_buf(&self->value), true) != ERR_OK)
        fail("a state is no msgpack");
    return 1;
}

static void codecs(void)
{
    static yajl_callbacks none;
    buf_t out = {0};
    encoded_t encoded = {0};
    if (json_to_mp(&encoded.value, (str_t){STATE, sizeof STATE - 1}) != ERR_OK)
        fail("a state is not decoded");
    measure("yajl over a setState, no callbacks", scan, &none);
    measure("setState: JSON to msgpack", decode, &out);
    measure("state: msgpack to JSON", encode, &encoded);
    measure("state: check of its msgpack", skip, &encoded);
    buf_fini(&out);
    buf_fini(&encoded.value);
    buf_fini(&encoded.out);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fputs("iobus-floors FOLDER [SECONDS]\n", stderr);
        return 2;
    }
    folder = argv[1];
    if (argc == 3)
        seconds = strtod(argv[2], NULL);
    rocks();
    zeromq();
    codecs();
    return 0;
}
