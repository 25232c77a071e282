/* SPDX-License-Identifier: MIT */
#include "bus/tap.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/mask.h"
#include "bus/sock.h"

#define SUBSCRIPTIONS_PER_TURN 1000 /* a peer that floods us must not keep the loop */

struct tap {
    zsock_t *socket;
    const char *actor;
    size_t listeners; /* subscriptions that are in force */
    buf_t out;
};

tap_t *tap_new(zsock_t *socket, const char *actor)
{
    tap_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (tap_t){.socket = socket, .actor = actor};
    return self;
}

void tap_destroy(tap_t **self_p)
{
    tap_t *self = *self_p;
    if (!self)
        return;
    buf_fini(&self->out);
    free(self);
    *self_p = NULL;
}

void tap_process(tap_t *self)
{
    zmq_msg_t msg;
    for (int i = 0; i < SUBSCRIPTIONS_PER_TURN && sock_recv(self->socket, &msg); i++) {
        str_t data = sock_msg_str(&msg);
        /* XPUB passes on the first subscription to a prefix and the last unsubscription. */
        if (data.len > 0 && data.p[0] == 1)
            self->listeners++;
        else if (data.len > 0 && data.p[0] == 0 && self->listeners > 0)
            self->listeners--;
        zmq_msg_close(&msg);
    }
}

bool tap_active(const tap_t *self)
{
    return self->listeners > 0;
}

static void put_value(buf_t *out, mp_t value)
{
    size_t size = (size_t)(value.end - value.p);
    if (size <= TAP_MAX_VALUE) {
        mask_put(out, value);
        return;
    }
    mp_put_map(out, 1);
    mp_put_cstr(out, "<size>");
    mp_put_uint(out, size);
}

/* However many they are. */
static void put_secret(buf_t *out)
{
    mp_put_array(out, 1);
    mp_put_cstr(out, MASK);
}

static void put_head(tap_t *self, uint32_t fields, const char *kind, int64_t now_ms, str_t name,
                     const caller_t *caller)
{
    buf_reset(&self->out);
    mp_put_array(&self->out, fields);
    mp_put_cstr(&self->out, kind);
    mp_put_int(&self->out, now_ms);
    mp_put_cstr(&self->out, self->actor);
    mp_put_str(&self->out, name);
    mp_put_str(&self->out, caller ? caller->user : STR_LIT(""));
    mp_put_str(&self->out, caller ? caller->client : STR_LIT(""));
}

/* A tap that does not keep up loses lines: watching must not slow the watched. */
static void emit(tap_t *self)
{
    err_t err = sock_send(self->socket, buf_str(&self->out), false);
    if (err != ERR_OK)
        log_debug("BUS-TAP", "error=%s", err_name(err));
}

void tap_request(tap_t *self, int64_t now_ms, const request_t *request, bool secret)
{
    put_head(self, 9, "request", now_ms, request->command, &request->caller);
    mp_put_uint(&self->out, request->corr);
    mp_put_uint(&self->out, request->trace);
    if (secret) {
        put_secret(&self->out);
    } else {
        buf_t args;
        buf_init(&args);
        mp_put_array(&args, request->argc);
        mp_put_raw(&args, request->args);
        put_value(&self->out, mp_of_buf(&args));
        buf_fini(&args);
    }
    emit(self);
}

void tap_reply(tap_t *self, int64_t now_ms, str_t command, const caller_t *caller, uint64_t corr,
               uint64_t trace, err_t status, int64_t latency_us, mp_t values, bool secret)
{
    put_head(self, 11, "reply", now_ms, command, caller);
    mp_put_uint(&self->out, corr);
    mp_put_uint(&self->out, trace);
    mp_put_cstr(&self->out, err_name(status));
    mp_put_int(&self->out, latency_us);
    if (secret)
        put_secret(&self->out);
    else
        put_value(&self->out, values);
    emit(self);
}

void tap_event(tap_t *self, int64_t now_ms, str_t name, uint64_t corr, uint64_t seq, mp_t args)
{
    put_head(self, 9, "event", now_ms, name, NULL);
    mp_put_uint(&self->out, corr);
    mp_put_uint(&self->out, seq);
    put_value(&self->out, args);
    emit(self);
}
