/* SPDX-License-Identifier: MIT */
#include "gateway/ws.h"

#include "bus/log.h"
#include "gateway/http_answer.h"
#include "gateway/polling.h"

/* Open packet, CONNECT and the first event go out apart: some clients lose a message that shares a
 * segment with the one before it. */
#define APART 3

/* --- a socket that carries a session -------------------------------------------------------------
 */

static void ws_gone(void *owner, conn_t *conn)
{
    eio_t *engine = owner;
    (void)conn;
    engine->ws = NULL;
    eio_close(engine, EIO_BY_CLIENT);
}

static frame_t *ws_pull(void *owner, conn_t *conn)
{
    (void)conn;
    return eio_pop(owner);
}

static void ws_message(void *owner, conn_t *conn, bool binary, str_t payload)
{
    eio_t *engine = owner;
    eio_packet_t packet;
    buf_t scratch = {0};
    err_t err = engine->codec->decode(binary, payload, &scratch, &packet);
    (void)conn;
    if (err == ERR_OK)
        eio_packet(engine, &packet);
    else
        eio_fail(engine);
    buf_fini(&scratch);
}

static const conn_owner_t ws_ops = {.gone = ws_gone, .pull = ws_pull, .message = ws_message};

/* --- a socket that wants to take a polling session over
 * -------------------------------------------- */

static void probe_gone(void *owner, conn_t *conn)
{
    eio_t *engine = owner;
    (void)conn;
    engine->probe = NULL;
    engine->probed = false;
    frame_put(&engine->probe_reply);
    polling_flush(engine);
}

static frame_t *probe_pull(void *owner, conn_t *conn)
{
    eio_t *engine = owner;
    frame_t *frame = engine->probe_reply;
    (void)conn;
    engine->probe_reply = NULL;
    return frame;
}

static void answer_probe(eio_t *engine)
{
    engine->probed = true;
    frame_put(&engine->probe_reply);
    engine->probe_reply = frame_new(FRAME_TEXT, STR_LIT("3probe"));
    conn_wake(engine->probe);
    polling_noop(engine);
}

/* From here on the socket carries the session. A GET that is still held belongs to a client that
 * has left polling already: it is told to close, which concerns nobody. */
static void take_over(eio_t *engine)
{
    metrics_t *metrics = eio_hub_core(engine->hub)->metrics;
    conn_t *conn = engine->probe;
    conn_pull_now(conn); /* the answer to the probe goes first */
    engine->probe = NULL;
    engine->probed = false;
    engine->ws = conn;
    engine->state = EIO_WEBSOCKET;
    eio_upgraded(engine);
    metrics_add(metrics, METRIC_SESSIONS_POLLING, -1);
    metrics_add(metrics, METRIC_SESSIONS_WEBSOCKET, 1);
    metrics_add(metrics, METRIC_UPGRADES, 1);
    (void)polling_end(engine, true);
    conn_set_owner(conn, &ws_ops, engine);
    conn_pause(conn, engine->paused);
    conn_wake(conn);
}

/* Only the probe and the upgrade packet are allowed; anything else ends the socket, not the
 * session. */
static void probe_message(void *owner, conn_t *conn, bool binary, str_t payload)
{
    eio_t *engine = owner;
    eio_seen(engine);
    if (!binary && str_is(payload, "2probe")) {
        answer_probe(engine);
    } else if (!binary && str_starts(payload, "5")) {
        take_over(engine);
    } else {
        conn_set_owner(conn, NULL, NULL);
        probe_gone(engine, conn);
        conn_close(conn, 0);
    }
}

static const conn_owner_t probe_ops = {
    .gone = probe_gone, .pull = probe_pull, .message = probe_message};

/* --- upgrades ------------------------------------------------------------------------------------
 */

void ws_refuse(conn_t *conn, const char *text)
{
    conn_respond_last(conn, 400, "text/html", (str_t){"", 0}, str_of(text));
}

static int check(const eio_t *engine, const eio_query_t *query)
{
    if (query->transport == TRANSPORT_UNKNOWN)
        return EIO_TRANSPORT;
    if (query->has_sid && (!engine || engine->close_waits))
        return EIO_SID;
    if (!query->has_sid && !query->codec)
        return EIO_VERSION;
    if (engine && query->codec != engine->codec)
        return EIO_BAD;
    return query->transport == TRANSPORT_WEBSOCKET ? EIO_OK : EIO_BAD;
}

static void open_session(eio_hub_t *hub, conn_t *conn, const http_head_t *head,
                         const eio_query_t *query)
{
    eio_t *engine = eio_open(hub, conn, EIO_WEBSOCKET, query);
    engine->ws = conn;
    conn_upgrade(conn, head, &ws_ops, engine, APART);
}

static void start_probe(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    bool busy = engine->state != EIO_POLLING || engine->probe;
    conn_upgrade(conn, head, busy ? NULL : &probe_ops, busy ? NULL : engine, 0);
    if (busy) {
        conn_close(conn, 0);
        return;
    }
    engine->probe = conn;
    eio_probing(engine);
}

void ws_head(eio_hub_t *hub, conn_t *conn, const http_head_t *head)
{
    eio_query_t query;
    eio_query_parse(head->query, &query);
    eio_t *engine = query.has_sid ? eio_find(hub, str_of(query.sid)) : NULL;
    int code = http_asks_websocket(head) ? check(engine, &query) : EIO_BAD;
    if (code != EIO_OK)
        ws_refuse(conn, eio_error_text(code));
    else if (engine)
        start_probe(engine, conn, head);
    else
        open_session(hub, conn, head, &query);
}
