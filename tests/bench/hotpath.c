/* SPDX-License-Identifier: MIT */
/* The hot paths of a change, one after the other in one thread, for hotpath.mjs to count their
 * instructions: from a client's frame to the store, and from a change to the outboxes. Prints for
 * each how many operations were counted; what runs before is there to fill caches and buffers.
 *
 *     iobus-hotpath        lines "NAME FUNCTION OPERATIONS" */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "actors/states.h"
#include "bus/envelope.h"
#include "bus/json.h"
#include "bus/log.h"
#include "gateway/eio3.h"
#include "gateway/frame.h"
#include "gateway/outbox.h"
#include "gateway/sio4.h"
#include "gateway/subs.h"
#include "gateway/wsframe.h"
#include "tests/bench/text.h"
#include "tests/unit/fake_env.h"

enum {
    STATES = 100, /* that are written in turn */
    BURST = 16,   /* requests of a frame on the bus, and of a batch */
    CLIENTS = 50,
    PATTERNS = 8, /* of each client; one fits */
    OUTBOX_BYTES = 1 << 20,
    MESSAGE_MAX = 1 << 16,
    WARM = 200,
    COUNTED = 500
};

#define CALL "{\"val\":123456,\"ack\":true}"
#define STATE                                                                                      \
    "{\"val\":123456,\"ack\":true,\"ts\":1700000000000,\"q\":0,\"from\":"                          \
    "\"system.adapter.socketio.0\",\"user\":\"system.user.admin\",\"lc\":1700000000000}"

/* Asserts stay on; this one also keeps its argument. */
static void expect(bool holds)
{
    assert(holds);
    if (!holds)
        abort();
}

static mp_t mp_from(buf_t *out, const char *json)
{
    expect(json_to_mp(out, str_of(json)) == ERR_OK);
    return mp_of_buf(out);
}

/* --- decode: a masked frame becomes the arguments of a request ------------------------------- */

typedef struct {
    wsframe_decoder_t *decoder;
    uint8_t frame[256], copy[256]; /* decoding unmasks in place */
    size_t size;
    buf_t scratch, out;
} decode_t;

static void *decode_new(void)
{
    static const char message[] = "42123[\"setState\",\"bench.0.s17\"," CALL "]";
    static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};
    static decode_t self;
    size_t size = sizeof message - 1;
    assert(size < 126);
    self.decoder = wsframe_decoder_new(MESSAGE_MAX);
    self.frame[0] = 0x80 | WSFRAME_TEXT;
    self.frame[1] = (uint8_t)(0x80 | size);
    memcpy(self.frame + 2, mask, sizeof mask);
    for (size_t i = 0; i < size; i++)
        self.frame[6 + i] = (uint8_t)message[i] ^ mask[i & 3];
    self.size = size + 6;
    return &self;
}

static void path_decode(void *state)
{
    decode_t *self = state;
    uint8_t *data = self->copy;
    size_t size = self->size;
    wsframe_t frame;
    eio_packet_t packet;
    sio4_packet_t message;
    sio4_event_t event;
    memcpy(data, self->frame, size);
    expect(wsframe_decode(self->decoder, &data, &size, &frame) == WSFRAME_MESSAGE);
    buf_reset(&self->scratch);
    expect(eio3_decode_text(frame.payload, &self->scratch, &packet) == ERR_OK);
    expect(sio4_parse(packet.data, &message) == ERR_OK);
    buf_reset(&self->out);
    expect(sio4_event_decode(&self->out, &message, NULL, &event) == ERR_OK);
}

/* --- hop: a burst of requests to an actor, and the answers ----------------------------------- */

typedef struct {
    void *dealer, *router;
    buf_t args, answer, frame;
} hop_t;

static void *hop_new(void)
{
    static hop_t self;
    void *context = zmq_ctx_new();
    self.router = zmq_socket(context, ZMQ_ROUTER);
    self.dealer = zmq_socket(context, ZMQ_DEALER);
    expect(zmq_bind(self.router, "inproc://hop") == 0);
    expect(zmq_connect(self.dealer, "inproc://hop") == 0);
    mp_from(&self.args, "[\"bench.0.s17\"," CALL "]");
    mp_put_nil(&self.answer);
    mp_put_cstr(&self.answer, "bench.0.s17");
    return &self;
}

static void read_all(zmq_msg_t *message)
{
    mp_t rest = mp_of(zmq_msg_data(message), zmq_msg_size(message));
    for (unsigned i = 0; i < BURST; i++) {
        envelope_t envelope;
        expect(envelope_next(&rest, &envelope) == ERR_OK && envelope.corr == i + 1);
    }
}

static void path_hop(void *state)
{
    static const caller_t caller = {
        {"system.user.admin", 17}, {"socketio.0", 10}, {"gateway-4711-a8f3/12", 20}};
    hop_t *self = state;
    zmq_msg_t peer, body;
    zmq_msg_init(&peer);
    zmq_msg_init(&body);
    buf_reset(&self->frame);
    for (unsigned i = 0; i < BURST; i++)
        envelope_put_request(&self->frame, i + 1, STR_LIT("setState"), &caller, 30000, i + 1, true,
                             mp_of_buf(&self->args));
    zmq_send(self->dealer, self->frame.data, self->frame.len, 0);
    zmq_msg_recv(&peer, self->router, 0);
    zmq_msg_recv(&body, self->router, 0);
    read_all(&body);
    buf_reset(&self->frame);
    for (unsigned i = 0; i < BURST; i++)
        envelope_put_reply(&self->frame, i + 1, ERR_OK, i + 1, i + 1, 2, mp_of_buf(&self->answer));
    zmq_msg_send(&peer, self->router, ZMQ_SNDMORE);
    zmq_send(self->router, self->frame.data, self->frame.len, 0);
    zmq_msg_recv(&body, self->dealer, 0);
    read_all(&body);
    zmq_msg_close(&body);
    zmq_msg_close(&peer);
}

/* --- put: a batch of the states actor, with its store ---------------------------------------- */

typedef struct {
    fake_env_t *env;
    handler_fn *set_state;
    buf_t args[STATES];
    uint32_t next;
    reply_t reply;
} put_t;

static const char *no_objects(void *arg, const char *actor, const char *command, const char *args)
{
    (void)arg;
    (void)actor;
    (void)command;
    (void)args;
    return "[null,[],null]";
}

static void ignore_event(env_t *env, const char *event, const request_t *cause, mp_t acl, mp_t args)
{
    (void)env;
    (void)event;
    (void)cause;
    (void)acl;
    (void)args;
}

static put_t put_state;

static void *put_new(void)
{
    put_t *self = &put_state;
    self->env = fake_env_new();
    fake_env_set_peer(self->env, no_objects, NULL);
    fake_env_open(self->env, &states_actor, NULL);
    fake_env_env(self->env)->publish = ignore_event; /* which the fake one turns into JSON */
    const command_t *row = states_actor.commands;
    while (strcmp(row->name, "setState") != 0)
        row++;
    self->set_state = row->handler;
    for (unsigned i = 0; i < STATES; i++) {
        char json[128];
        snprintf(json, sizeof json, "[\"bench.0.s%u\"," CALL "]", i);
        mp_from(&self->args[i], json);
    }
    reply_init(&self->reply);
    return self;
}

static void path_put(void *state)
{
    put_t *self = state;
    void *actor = fake_env_actor(self->env);
    for (unsigned i = 0; i < BURST; i++) {
        mp_t args = mp_of_buf(&self->args[self->next++ % STATES]);
        uint32_t count;
        expect(mp_read_array(&args, &count) && count == 2);
        request_t request = {.corr = self->next,
                             .peer = STR_LIT("gateway-4711-a8f3"),
                             .command = STR_LIT("setState"),
                             .caller = {STR_LIT("system.user.admin"), STR_LIT("socketio.0"),
                                        STR_LIT("gateway-4711-a8f3/12")},
                             .wants_reply = true,
                             .args = args,
                             .argc = count};
        reply_clear(&self->reply);
        expect(self->set_state(actor, &request, &self->reply) == ERR_OK);
    }
    expect(states_actor.commit(actor) == ERR_OK);
}

/* --- encode and frame: a change as clients get it -------------------------------------------- */

typedef struct {
    buf_t args, text;
} encode_t;

static void *encode_new(void)
{
    static encode_t self;
    mp_from(&self.args, "[\"bench.0.s17\"," STATE "]");
    return &self;
}

static void path_encode(void *state)
{
    encode_t *self = state;
    sio4_bins_t bins;
    buf_reset(&self->text);
    expect(sio4_put_event(&self->text, STR_LIT("stateChange"), mp_of_buf(&self->args), &bins) ==
           ERR_OK);
}

typedef struct {
    buf_t text;
    outbox_t *outboxes[CLIENTS];
} frames_t;

static void *frames_new(void)
{
    static frames_t self;
    for (unsigned i = 0; i < CLIENTS; i++)
        self.outboxes[i] = outbox_new(OUTBOX_BYTES, OUTBOX_BYTES);
    return &self;
}

/* A frame into all outboxes and out again. */
static void path_frame(void *state)
{
    static const char text[] = "42[\"stateChange\",\"bench.0.s17\"," STATE "]";
    frames_t *self = state;
    frame_room(&self->text);
    buf_append(&self->text, text, sizeof text - 1);
    frame_t *frame = frame_take(FRAME_TEXT, &self->text, STR_LIT("bench.0.s17"));
    expect(frame != NULL);
    for (unsigned i = 0; i < CLIENTS; i++)
        expect(outbox_push(self->outboxes[i], frame));
    frame_put(&frame);
    for (unsigned i = 0; i < CLIENTS; i++) {
        frame = outbox_pop(self->outboxes[i]);
        expect(frame != NULL);
        frame_put(&frame);
    }
}

/* --- match: who watches an id ---------------------------------------------------------------- */

typedef struct {
    subs_t *subs;
    uint32_t next;
    uint32_t hits;
} match_t;

static void *match_new(void)
{
    static match_t self;
    self.subs = subs_new(PATTERNS);
    for (unsigned client = 0; client < CLIENTS; client++) {
        subs_client_t *one = subs_client_new(self.subs, &self);
        for (unsigned i = 0; i < PATTERNS; i++) {
            char pattern[64];
            snprintf(pattern, sizeof pattern, i ? "other.%u.c%u*" : "bench.%u.*", i, client);
            expect(subs_add(one, SUBS_STATES, str_of(pattern), 0) == ERR_OK);
        }
    }
    return &self;
}

static void count_hit(void *arg, void *owner)
{
    (void)owner;
    ((match_t *)arg)->hits++;
}

static void path_match(void *state)
{
    match_t *self = state;
    char id[32];
    str_t name = {id, (size_t)(text_number(text_put(id, "bench.0.s"), self->next++ % STATES) - id)};
    self->hits = 0;
    subs_match(self->subs, SUBS_STATES, name, 1, count_hit, self);
    expect(self->hits == CLIENTS);
}

/* --------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *function; /* as a profile names it */
    void *(*prepare)(void);
    void (*turn)(void *state);
    unsigned operations; /* of a turn */
} path_t;

#define PATH(name, prepare, operations)                                                            \
    {                                                                                              \
#name, "path_" #name, prepare, path_##name, operations                                     \
    }

static const path_t paths[] = {
    PATH(decode, decode_new, 1), PATH(hop, hop_new, BURST), PATH(put, put_new, BURST),
    PATH(encode, encode_new, 1), PATH(match, match_new, 1), PATH(frame, frames_new, 1),
};

__attribute__((noinline)) static void warm_up(const path_t *path, void *state)
{
    for (unsigned i = 0; i < WARM; i++)
        path->turn(state);
}

/* hotpath.mjs takes from a profile what each path has cost when it was called from here. */
__attribute__((noinline)) static void counted(const path_t *path, void *state)
{
    for (unsigned i = 0; i < COUNTED; i++)
        path->turn(state);
}

int main(void)
{
    log_set_level(LEVEL_ERROR);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const path_t *path = &paths[i];
        void *state = path->prepare();
        warm_up(path, state);
        counted(path, state);
        printf("%s %s %u\n", path->name, path->function, COUNTED * path->operations);
    }
    fake_env_destroy(&put_state.env); /* with its folder */
    return 0;                         /* the kernel takes back the rest */
}
