/* SPDX-License-Identifier: MIT */
#include "gateway/eio.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"
#include "bus/sock.h"
#include "gateway/eio3.h"
#include "gateway/eio4.h"
#include "gateway/polling.h"
#include "gateway/sio2.h"
#include "gateway/sio5.h"

#define FLUSH_S 0.1       /* for what is queued at the end of a session */
#define COLLECT_S 10.0    /* the same for a polling client, which has to ask for it */
#define CLOSE_KEPT_S 30.0 /* how long a polling client may learn that it was closed */

static const eio_codec_t *const codecs[] = {&eio3_codec, &eio4_codec};

struct eio_hub {
    core_t *core;
    struct ev_loop *loop;
    eio_timing_t timing;
    map_t *engines; /* sid -> eio_t, the live ones and those whose close waits */
    eio_t *dirty;
    eio_t *all; /* every session that is not freed, closed ones included */
};

/* --- hub -----------------------------------------------------------------------------------------
 */

eio_hub_t *eio_hub_new(core_t *core, struct ev_loop *loop, const eio_timing_t *timing)
{
    eio_hub_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (eio_hub_t){.core = core, .loop = loop, .timing = *timing, .engines = map_new()};
    return self;
}

core_t *eio_hub_core(const eio_hub_t *self)
{
    return self->core;
}

eio_t *eio_find(const eio_hub_t *self, str_t sid)
{
    return map_get(self->engines, sid);
}

void eio_hub_flush(eio_hub_t *self)
{
    while (self->dirty) {
        eio_t *engine = self->dirty;
        self->dirty = engine->next_dirty;
        engine->dirty = false;
        polling_flush(engine);
    }
}

void eio_hub_close(eio_hub_t *self)
{
    /* Closing changes the map: collect first. */
    size_t count = map_len(self->engines), at = 0;
    eio_t **all = calloc(count + 1, sizeof *all);
    assert(all);
    for (size_t i = 0; i < count; i++)
        all[i] = map_next(self->engines, &at);
    for (size_t i = 0; i < count; i++)
        eio_close(all[i], EIO_BY_SERVER);
    free(all);
}

static void eio_free(eio_t *self);

void eio_hub_destroy(eio_hub_t **self_p)
{
    eio_hub_t *self = *self_p;
    if (!self)
        return;
    eio_hub_close(self);
    while (self->all)
        eio_free(self->all);
    map_destroy(&self->engines);
    free(self);
    *self_p = NULL;
}

/* --- timers --------------------------------------------------------------------------------------
 */

static void start_timer(eio_t *self, ev_timer *timer, double seconds)
{
    ev_timer_stop(self->hub->loop, timer);
    ev_timer_set(timer, seconds > 0 ? seconds : 0., 0.);
    ev_timer_start(self->hub->loop, timer);
}

/* A client that was silent for so long is not waited for: what it asks next is refused. */
static void time_out(eio_t *self)
{
    metrics_add(self->hub->core->metrics, METRIC_TIMEOUTS, 1);
    eio_close(self, EIO_BY_SERVER);
    eio_forget(self);
}

/* The client pings. The timer is not moved with every packet: when it fires it looks how long the
 * silence really is. */
static void check_silence(eio_t *self)
{
    const eio_timing_t *timing = &self->hub->timing;
    int64_t left =
        self->seen_ms + timing->ping_interval_ms + timing->ping_timeout_ms - sock_mono_ms();
    if (left > 0)
        start_timer(self, &self->ping, (double)left / 1000 + 0.001);
    else
        time_out(self);
}

static void on_wake(void *transport);

/* The server pings. A client that is not read from cannot show that it lives. */
static void ping(eio_t *self)
{
    const eio_timing_t *timing = &self->hub->timing;
    if (self->pinged && !self->paused) {
        time_out(self);
        return;
    }
    start_timer(self, &self->ping, (double)timing->ping_timeout_ms / 1000);
    if (self->pinged)
        return;
    self->pinged = true;
    if (!self->first)
        self->first = frame_new(FRAME_TEXT, STR_LIT("2"));
    on_wake(self);
}

static void take_pong(eio_t *self)
{
    if (!self->pinged)
        return;
    self->pinged = false;
    start_timer(self, &self->ping, (double)self->hub->timing.ping_interval_ms / 1000);
}

static void on_ping(struct ev_loop *loop, ev_timer *timer, int events)
{
    eio_t *self = timer->data;
    (void)loop;
    (void)events;
    if (self->codec->server_pings)
        ping(self);
    else
        check_silence(self);
}

static void start_pinging(eio_t *self)
{
    const eio_timing_t *timing = &self->hub->timing;
    int64_t first = timing->ping_interval_ms;
    if (!self->codec->server_pings)
        first += timing->ping_timeout_ms;
    start_timer(self, &self->ping, (double)first / 1000);
}

static void on_connect(struct ev_loop *loop, ev_timer *timer, int events)
{
    eio_t *self = timer->data;
    (void)loop;
    (void)events;
    if (!session_is_admitted(self->session))
        time_out(self);
}

/* Closes a socket that is not needed any more; what its owner has for it still goes out. */
static void drop_conn(conn_t **conn)
{
    if (!*conn)
        return;
    conn_close(*conn, 0);
    conn_set_owner(*conn, NULL, NULL);
    *conn = NULL;
}

static void on_upgrade(struct ev_loop *loop, ev_timer *timer, int events)
{
    eio_t *self = timer->data;
    (void)loop;
    (void)events;
    drop_conn(&self->probe);
    self->probed = false;
    frame_put(&self->probe_reply);
    polling_flush(self);
}

static void on_later(struct ev_loop *loop, ev_timer *timer, int events)
{
    eio_t *self = timer->data;
    (void)loop;
    (void)events;
    if (self->state == EIO_CLOSED)
        eio_free(self);
    else
        eio_close(self, EIO_BY_SERVER);
}

void eio_seen(eio_t *self)
{
    self->seen_ms = self->hub->core->mono_ms;
}

void eio_probing(eio_t *self)
{
    start_timer(self, &self->upgrade, (double)self->hub->timing.upgrade_ms / 1000);
}

void eio_upgraded(eio_t *self)
{
    ev_timer_stop(self->hub->loop, &self->upgrade);
    if (self->ending)
        start_timer(self, &self->later, FLUSH_S);
}

/* --- session's transport -------------------------------------------------------------------------
 */

static void on_wake(void *transport)
{
    eio_t *self = transport;
    if (self->state == EIO_WEBSOCKET && self->ws) {
        conn_wake(self->ws);
    } else if (self->state == EIO_POLLING && !self->dirty) {
        self->dirty = true;
        self->next_dirty = self->hub->dirty;
        self->hub->dirty = self;
    }
}

static void on_end(void *transport, const char *reason, bool flush)
{
    eio_t *self = transport;
    log_debug("GW-SESSION-END", "sid=%s reason=%s", self->sid, reason);
    self->ending = flush && self->state == EIO_POLLING;
    start_timer(self, &self->later, self->ending ? COLLECT_S : flush ? FLUSH_S : 0);
    if (self->ending)
        eio_emptied(self);
}

void eio_emptied(eio_t *self)
{
    if (self->ending && !eio_is_waiting(self))
        start_timer(self, &self->later, FLUSH_S);
}

static void on_pause(void *transport, bool pause)
{
    eio_t *self = transport;
    self->paused = pause;
    if (self->ws)
        conn_pause(self->ws, pause);
    if (!pause)
        polling_resume(self);
}

static const session_transport_t transport_ops = {
    .wake = on_wake, .end = on_end, .pause = on_pause};

/* --- life ----------------------------------------------------------------------------------------
 */

static void make_sid(eio_t *self)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[EIO_SID_LEN];
    do {
        int ok = RAND_bytes(bytes, sizeof bytes);
        assert(ok == 1);
        (void)ok;
        for (size_t i = 0; i < EIO_SID_LEN; i++)
            self->sid[i] = digits[bytes[i] & 63];
    } while (eio_find(self->hub, (str_t){self->sid, EIO_SID_LEN}));
}

static frame_t *open_packet(const eio_t *self)
{
    const eio_hub_t *hub = self->hub;
    eio_handshake_t handshake = {.sid = self->sid,
                                 .may_upgrade = self->state == EIO_POLLING,
                                 .ping_interval_ms = hub->timing.ping_interval_ms,
                                 .ping_timeout_ms = hub->timing.ping_timeout_ms,
                                 .max_payload = hub->core->limits.max_message};
    buf_t text = {0};
    frame_room(&text);
    self->codec->open(&text, &handshake);
    frame_t *frame = frame_take(FRAME_TEXT, &text, (str_t){"", 0});
    buf_fini(&text);
    return frame;
}

static metric_t gauge(eio_state_t state)
{
    return state == EIO_WEBSOCKET ? METRIC_SESSIONS_WEBSOCKET : METRIC_SESSIONS_POLLING;
}

static void init_timer(eio_t *self, ev_timer *timer,
                       void (*fired)(struct ev_loop *, ev_timer *, int))
{
    ev_init(timer, fired);
    timer->data = self;
}

/* Which dialect of socket.io the client speaks inside. */
static const dialect_t *dialect_of(const eio_hub_t *hub, const eio_query_t *query)
{
    if (query->codec == &eio3_codec)
        return &sio2_dialect;
    return hub->core->recovery && !query->fixed_arity ? &sio5_dialect : &sio5_plain_dialect;
}

eio_t *eio_open(eio_hub_t *hub, const conn_t *conn, eio_state_t transport, const eio_query_t *query)
{
    eio_t *self = calloc(1, sizeof *self);
    assert(self);
    self->hub = hub;
    self->codec = query->codec;
    self->state = transport;
    make_sid(self);
    init_timer(self, &self->ping, on_ping);
    init_timer(self, &self->connect, on_connect);
    init_timer(self, &self->upgrade, on_upgrade);
    init_timer(self, &self->later, on_later);
    map_put(hub->engines, (str_t){self->sid, EIO_SID_LEN}, self);
    self->next = hub->all;
    if (self->next)
        self->next->prev = self;
    hub->all = self;
    self->first = open_packet(self);
    eio_seen(self);
    start_pinging(self);
    metrics_add(hub->core->metrics, gauge(transport), 1);
    self->session = session_new(hub->core, dialect_of(hub, query), conn_listener(conn),
                                (str_t){self->sid, EIO_SID_LEN}, conn_address(conn),
                                conn_head(conn), &transport_ops, self);
    if (!session_is_admitted(self->session))
        start_timer(self, &self->connect, (double)hub->timing.connect_ms / 1000);
    return self;
}

static void leave_dirty(eio_t *self)
{
    for (eio_t **at = &self->hub->dirty; self->dirty && *at; at = &(*at)->next_dirty) {
        if (*at == self) {
            *at = self->next_dirty;
            break;
        }
    }
    self->dirty = false;
}

static void eio_free(eio_t *self)
{
    eio_hub_t *hub = self->hub;
    if (eio_find(hub, (str_t){self->sid, EIO_SID_LEN}) == self)
        map_remove(hub->engines, (str_t){self->sid, EIO_SID_LEN});
    ev_timer_stop(hub->loop, &self->ping);
    ev_timer_stop(hub->loop, &self->connect);
    ev_timer_stop(hub->loop, &self->upgrade);
    ev_timer_stop(hub->loop, &self->later);
    leave_dirty(self);
    frame_put(&self->first);
    frame_put(&self->probe_reply);
    if (self->prev)
        self->prev->next = self->next;
    else
        hub->all = self->next;
    if (self->next)
        self->next->prev = self->prev;
    free(self);
}

void eio_close(eio_t *self, eio_end_t end)
{
    eio_hub_t *hub = self->hub;
    if (self->state == EIO_CLOSED)
        return;
    bool polling = self->state == EIO_POLLING;
    metrics_add(hub->core->metrics, gauge(self->state), -1);
    /* A socket takes along what is still queued. */
    drop_conn(&self->ws);
    drop_conn(&self->probe);
    self->state = EIO_CLOSED;
    ev_timer_stop(hub->loop, &self->ping);
    ev_timer_stop(hub->loop, &self->connect);
    ev_timer_stop(hub->loop, &self->upgrade);
    leave_dirty(self);
    session_lose(&self->session);
    bool told = polling_end(self, end == EIO_BY_SERVER);
    self->close_waits = polling && end == EIO_BY_SERVER && !told;
    if (!self->close_waits)
        map_remove(hub->engines, (str_t){self->sid, EIO_SID_LEN});
    start_timer(self, &self->later, self->close_waits ? CLOSE_KEPT_S : 0);
}

void eio_forget(eio_t *self)
{
    if (!self->close_waits)
        return;
    self->close_waits = false;
    map_remove(self->hub->engines, (str_t){self->sid, EIO_SID_LEN});
    start_timer(self, &self->later, 0);
}

/* A session that broke the rules is forgotten at once, as in the original. */
void eio_fail(eio_t *self)
{
    if (self->state == EIO_CLOSED)
        return;
    metrics_add(self->hub->core->metrics, METRIC_PROTOCOL_ERRORS, 1);
    session_forbid_return(self->session);
    eio_close(self, EIO_BY_SERVER);
    eio_forget(self);
}

/* --- packets -------------------------------------------------------------------------------------
 */

static void push_pong(eio_t *self)
{
    frame_t *pong = frame_new(FRAME_TEXT, STR_LIT("3"));
    if (pong)
        session_push(self->session, pong);
    frame_put(&pong);
}

/* In the direction in which nobody pings, the old revision ignores what the new one refuses. */
static void take_ping(eio_t *self)
{
    if (self->codec->server_pings)
        eio_fail(self);
    else
        push_pong(self);
}

void eio_packet(eio_t *self, const eio_packet_t *packet)
{
    if (self->state == EIO_CLOSED)
        return;
    eio_seen(self);
    switch (packet->type) {
    case EIO_PACKET_PING:
        take_ping(self);
        break;
    case EIO_PACKET_PONG:
        if (self->codec->server_pings)
            take_pong(self);
        break;
    case EIO_PACKET_MESSAGE:
        if (!session_receive(self->session, packet->binary, packet->data))
            eio_fail(self);
        break;
    case EIO_PACKET_CLOSE:
        eio_close(self, EIO_BY_CLIENT);
        break;
    default:
        break; /* open, upgrade, noop and unknown bytes mean nothing here */
    }
}

frame_t *eio_pop(eio_t *self)
{
    frame_t *frame = self->first;
    self->first = NULL;
    if (!frame && self->session)
        frame = session_pop(self->session);
    return frame;
}

bool eio_is_waiting(const eio_t *self)
{
    return self->first || (self->session && session_is_waiting(self->session));
}

/* --- queries -------------------------------------------------------------------------------------
 */

static bool query_is(str_t query, const char *name, const char *value)
{
    buf_t text = {0};
    bool same = http_query_get(query, name, &text) && str_is(buf_str(&text), value);
    buf_fini(&text);
    return same;
}

/* Of the JSONP parameter only digits count, as in the original. */
static void parse_jsonp(str_t query, eio_query_t *out)
{
    buf_t text = {0};
    size_t n = 0;
    out->jsonp = http_query_get(query, "j", &text);
    for (size_t i = 0; i < text.len && n + 1 < sizeof out->j; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9')
            out->j[n++] = (char)text.data[i];
    }
    buf_fini(&text);
}

static void parse_sid(str_t query, eio_query_t *out)
{
    buf_t text = {0};
    out->has_sid = http_query_get(query, "sid", &text) && text.len > 0;
    if (out->has_sid && text.len == EIO_SID_LEN)
        memcpy(out->sid, text.data, EIO_SID_LEN);
    buf_fini(&text);
}

/* A client that names no revision is as old as the first of them. */
static const eio_codec_t *find_codec(str_t query)
{
    buf_t version = {0};
    const eio_codec_t *found = NULL;
    if (!http_query_get(query, "EIO", &version))
        found = codecs[0];
    for (size_t i = 0; !found && i < sizeof codecs / sizeof codecs[0]; i++) {
        if (str_is(buf_str(&version), codecs[i]->version))
            found = codecs[i];
    }
    buf_fini(&version);
    return found;
}

/* Python's client calls its handlers with what came, and they fail on one argument too many, such
 * as the offset of the connection state recovery, which that client does not know. Its time stamp
 * is in seconds with a fraction: "1700000000.123"; all others have letters in it. */
static bool has_fixed_arity(str_t query)
{
    buf_t text = {0};
    size_t digits = 0, dots = 0;
    (void)http_query_get(query, "t", &text);
    for (size_t i = 0; i < text.len; i++) {
        digits += text.data[i] >= '0' && text.data[i] <= '9';
        dots += text.data[i] == '.';
    }
    bool found = digits >= 10 && dots == 1 && digits + dots == text.len;
    buf_fini(&text);
    return found;
}

void eio_query_parse(str_t query, eio_query_t *out)
{
    *out = (eio_query_t){0};
    if (query_is(query, "transport", "polling"))
        out->transport = TRANSPORT_POLLING;
    else if (query_is(query, "transport", "websocket"))
        out->transport = TRANSPORT_WEBSOCKET;
    out->codec = find_codec(query);
    out->fixed_arity = has_fixed_arity(query);
    out->b64 = query_is(query, "b64", "1") || query_is(query, "b64", "true");
    parse_sid(query, out);
    parse_jsonp(query, out);
}

const char *eio_error_text(int code)
{
    static const char *const texts[] = {
        "Transport unknown", "Session ID unknown", "Bad handshake method",
        "Bad request",       "Forbidden",          "Unsupported protocol version"};
    return texts[code];
}
