/* SPDX-License-Identifier: MIT */
#include "bus/envelope.h"

#define FLAG_WANTS_REPLY 1u

void envelope_put_request(buf_t *out, uint64_t corr, str_t command, const caller_t *caller,
                          int64_t ttl_ms, uint64_t trace, bool wants_reply, mp_t body)
{
    mp_put_array(out, 8);
    mp_put_uint(out, ENVELOPE_VERSION);
    mp_put_uint(out, ENVELOPE_REQUEST);
    mp_put_uint(out, corr);
    mp_put_str(out, command);
    mp_put_array(out, 3);
    mp_put_str(out, caller->user);
    mp_put_str(out, caller->instance);
    mp_put_str(out, caller->client);
    mp_put_int(out, ttl_ms);
    mp_put_uint(out, trace);
    mp_put_uint(out, wants_reply ? FLAG_WANTS_REPLY : 0);
    mp_put_raw(out, body);
}

void envelope_put_reply(buf_t *out, uint64_t corr, err_t status, uint64_t seq, uint64_t trace,
                        uint32_t count, mp_t values)
{
    mp_put_array(out, 6);
    mp_put_uint(out, ENVELOPE_VERSION);
    mp_put_uint(out, ENVELOPE_REPLY);
    mp_put_uint(out, corr);
    mp_put_int(out, status);
    mp_put_uint(out, seq);
    mp_put_uint(out, trace);
    mp_put_array(out, count);
    mp_put_raw(out, values);
}

void envelope_put_event(buf_t *out, const envelope_t *event)
{
    mp_put_array(out, 10);
    mp_put_uint(out, ENVELOPE_VERSION);
    mp_put_uint(out, ENVELOPE_EVENT);
    mp_put_uint(out, event->epoch);
    mp_put_uint(out, event->seq);
    mp_put_str(out, event->name);
    mp_put_str(out, event->peer);
    mp_put_uint(out, event->corr);
    mp_put_str(out, event->caller.instance);
    if (mp_at_end(&event->acl))
        mp_put_nil(out);
    else
        mp_put_raw(out, event->acl);
    mp_put_uint(out, event->seen);
    mp_put_raw(out, event->body);
}

static bool read_request(mp_t *at, envelope_t *out)
{
    uint32_t parts;
    uint64_t flags;
    bool ok = mp_read_uint(at, &out->corr) && mp_read_str(at, &out->name) &&
              mp_read_array(at, &parts) && parts == 3 && mp_read_str(at, &out->caller.user) &&
              mp_read_str(at, &out->caller.instance) && mp_read_str(at, &out->caller.client) &&
              mp_read_int(at, &out->ttl_ms) && mp_read_uint(at, &out->trace) &&
              mp_read_uint(at, &flags);
    if (ok)
        out->wants_reply = (flags & FLAG_WANTS_REPLY) != 0;
    return ok;
}

static bool read_reply(mp_t *at, envelope_t *out)
{
    int64_t status;
    bool ok = mp_read_uint(at, &out->corr) && mp_read_int(at, &status) &&
              mp_read_uint(at, &out->seq) && mp_read_uint(at, &out->trace);
    if (ok)
        out->status = status >= 0 && status < INT32_MAX ? (err_t)status : ERR_CUSTOM;
    return ok;
}

static bool read_event(mp_t *at, envelope_t *out)
{
    return mp_read_uint(at, &out->epoch) && mp_read_uint(at, &out->seq) &&
           mp_read_str(at, &out->name) && mp_read_str(at, &out->peer) &&
           mp_read_uint(at, &out->corr) && mp_read_str(at, &out->caller.instance) &&
           mp_next(at, &out->acl) && mp_read_uint(at, &out->seen);
}

/* A type of message: fields in its header and how the rest of them is read. */
typedef struct {
    uint32_t fields;
    bool (*read)(mp_t *at, envelope_t *out);
} shape_t;

static const shape_t shapes[] = {
    [ENVELOPE_REQUEST] = {8, read_request},
    [ENVELOPE_REPLY] = {6, read_reply},
    [ENVELOPE_EVENT] = {10, read_event},
};

err_t envelope_next(mp_t *frame, envelope_t *out)
{
    mp_t at = *frame;
    uint32_t fields;
    uint64_t version, type;
    *out = (envelope_t){0};
    if (!mp_read_array(&at, &fields) || !mp_read_uint(&at, &version))
        return ERR_BAD_FRAME;
    if (version != ENVELOPE_VERSION)
        return ERR_BAD_VERSION;
    if (!mp_read_uint(&at, &type) || type >= sizeof shapes / sizeof shapes[0] ||
        fields != shapes[type].fields || !shapes[type].read(&at, out))
        return ERR_BAD_FRAME;
    out->type = (envelope_type_t)type;
    err_t err = mp_next_checked(&at, &out->body);
    if (err != ERR_OK)
        return err;
    *frame = at;
    at = out->body;
    return mp_read_array(&at, &out->argc) ? ERR_OK : ERR_BAD_FRAME;
}
