/* SPDX-License-Identifier: MIT */
#include "gateway/polling.h"

#include <assert.h>
#include <string.h>

#include "bus/log.h"

#define BODY_MAX_PACKETS 1024
#define BODY_MAX_BYTES                                                                             \
    (4u * 1024u * 1024u) /* when so much is gathered, the rest waits for the next GET */

/* --- answers -------------------------------------------------------------------------------------
 */

/* XMLHttpRequest of other origins sends credentials: the origin is echoed, never "*". */
static void cors(const http_head_t *head, buf_t *out)
{
    str_t origin = http_head_get(head, "origin");
    if (origin.len > 0)
        buf_printf(out,
                   "Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Origin: %.*s\r\n"
                   "Vary: Origin\r\n",
                   STR_ARG(origin));
    else
        buf_append_cstr(out, "Access-Control-Allow-Origin: *\r\n");
}

static void answer(conn_t *conn, const http_head_t *head, int status, const char *type, str_t body)
{
    buf_t headers = {0};
    cors(head, &headers);
    conn_respond(conn, status, type, buf_str(&headers), body);
    buf_fini(&headers);
}

static void answer_error(conn_t *conn, const http_head_t *head, int code)
{
    buf_t body = {0};
    buf_printf(&body, "{\"code\":%d,\"message\":\"%s\"}", code, eio_error_text(code));
    answer(conn, head, 400, "application/json", buf_str(&body));
    buf_fini(&body);
}

/* A preflight is answered for live and for unknown sessions alike. */
static void answer_options(conn_t *conn, const http_head_t *head)
{
    buf_t headers = {0};
    cors(head, &headers);
    buf_append_cstr(&headers, "Access-Control-Allow-Headers: Content-Type\r\n"
                              "Access-Control-Allow-Methods: GET,POST,OPTIONS\r\n");
    conn_respond(conn, 200, NULL, buf_str(&headers), (str_t){"", 0});
    buf_fini(&headers);
}

/* --- payloads ------------------------------------------------------------------------------------
 */

static eio3_packet_t packet_of(const frame_t *frame)
{
    str_t payload = frame_payload(frame);
    bool binary = frame_kind(frame) == FRAME_BINARY;
    int type = binary ? payload.p[0] : payload.p[0] - '0';
    return (eio3_packet_t){
        .type = (eio3_type_t)type, .binary = binary, .data = {payload.p + 1, payload.len - 1}};
}

static frame_t *payload_frame(const eio_t *engine, const eio3_packet_t *packets, size_t count,
                              const char **type)
{
    buf_t body = {0};
    frame_room(&body);
    if (engine->jsonp) {
        buf_t text = {0};
        (void)eio3_encode_payload(&text, packets, count, true);
        eio3_encode_jsonp(&body, buf_str(&text), str_of(engine->j));
        buf_fini(&text);
        *type = EIO3_TYPE_TEXT;
    } else {
        eio3_framing_t framing = eio3_encode_payload(&body, packets, count, engine->b64);
        *type = framing == EIO3_FRAMING_OCTETS ? EIO3_TYPE_OCTETS : EIO3_TYPE_TEXT;
    }
    frame_t *frame = frame_take(FRAME_RAW, &body, (str_t){"", 0});
    buf_fini(&body);
    return frame;
}

/* headers: of the request that is answered, by its own head. */
static void answer_packets(eio_t *engine, conn_t *conn, const eio3_packet_t *packets, size_t count)
{
    const char *type;
    buf_t headers = {0};
    frame_t *body = payload_frame(engine, packets, count, &type);
    if (!engine->jsonp)
        cors(conn_head(conn), &headers);
    if (body)
        conn_respond_frame(conn, 200, type, buf_str(&headers), &body);
    else
        conn_kill(conn);
    buf_fini(&headers);
}

/* Everything that waits goes into one answer. */
static void answer_waiting(eio_t *engine, conn_t *conn)
{
    frame_t *frames[BODY_MAX_PACKETS];
    eio3_packet_t packets[BODY_MAX_PACKETS];
    size_t count = 0, bytes = 0;
    while (count < BODY_MAX_PACKETS && bytes < BODY_MAX_BYTES) {
        frame_t *frame = eio_pop(engine);
        if (!frame)
            break;
        packets[count] = packet_of(frame);
        bytes += frame_payload(frame).len;
        frames[count++] = frame;
    }
    metrics_add(eio_hub_core(engine->hub)->metrics, METRIC_FRAMES_OUT, (int64_t)count);
    answer_packets(engine, conn, packets, count);
    for (size_t i = 0; i < count; i++)
        frame_put(&frames[i]);
}

static void answer_one(eio_t *engine, conn_t *conn, eio3_type_t type)
{
    eio3_packet_t packet = {.type = type, .data = {"", 0}};
    answer_packets(engine, conn, &packet, 1);
}

/* --- requests that are under way
 * ------------------------------------------------------------------- */

static void get_gone(void *owner, conn_t *conn)
{
    eio_t *engine = owner;
    (void)conn;
    engine->get = NULL;
    eio_close(engine, EIO_BY_CLIENT);
}

static void post_gone(void *owner, conn_t *conn)
{
    eio_t *engine = owner;
    (void)conn;
    engine->post = NULL;
    engine->post_done = false;
    eio_close(engine, EIO_BY_CLIENT);
}

static const conn_owner_t get_ops = {.gone = get_gone};
static const conn_owner_t post_ops = {.gone = post_gone};

static conn_t *take(conn_t **slot)
{
    conn_t *conn = *slot;
    *slot = NULL;
    if (conn)
        conn_set_owner(conn, NULL, NULL);
    return conn;
}

void polling_flush(eio_t *engine)
{
    if (engine->state == EIO_POLLING && engine->get && eio_is_waiting(engine))
        answer_waiting(engine, take(&engine->get));
}

void polling_noop(eio_t *engine)
{
    conn_t *conn = take(&engine->get);
    if (conn)
        answer_one(engine, conn, EIO3_NOOP);
}

static void finish_post(eio_t *engine)
{
    conn_t *conn = take(&engine->post);
    engine->post_done = false;
    if (conn)
        answer(conn, conn_head(conn), 200, "text/html", STR_LIT("ok"));
}

void polling_resume(eio_t *engine)
{
    if (engine->post_done)
        finish_post(engine);
}

bool polling_end(eio_t *engine, bool tell)
{
    conn_t *get = take(&engine->get);
    if (get)
        answer_one(engine, get, tell ? EIO3_CLOSE : EIO3_NOOP);
    if (engine->post_done)
        finish_post(engine);
    else
        (void)take(&engine->post);
    return get != NULL;
}

/* --- GET -----------------------------------------------------------------------------------------
 */

/* Two GETs at once: the held one is told to close, the new one fails, the session is over. */
static void overlap(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    eio_fail(engine);
    answer(conn, head, 500, "text/html", (str_t){"", 0});
}

static void get(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    if (engine->close_waits) {
        eio3_packet_t packets[] = {{.type = EIO3_NOOP, .data = {"", 0}},
                                   {.type = EIO3_CLOSE, .data = {"", 0}}};
        answer_packets(engine, conn, packets, 2);
        eio_forget(engine);
        return;
    }
    eio_seen(engine);
    if (engine->get) {
        overlap(engine, conn, head);
        return;
    }
    if (eio_is_waiting(engine)) {
        answer_waiting(engine, conn);
    } else if (engine->probed) {
        answer_one(engine, conn, EIO3_NOOP);
    } else {
        engine->get = conn;
        conn_set_owner(conn, &get_ops, engine);
    }
}

static void handshake(eio_hub_t *hub, conn_t *conn, const eio_query_t *query)
{
    eio_t *engine = eio_open(hub, conn, EIO_POLLING);
    engine->b64 = query->b64;
    engine->jsonp = query->jsonp;
    memcpy(engine->j, query->j, sizeof engine->j);
    answer_waiting(engine, conn);
}

/* --- POST ----------------------------------------------------------------------------------------
 */

static err_t take_payload(eio_t *engine, str_t body, eio3_framing_t framing)
{
    eio3_payload_t payload;
    eio3_packet_t packet;
    buf_t scratch = {0};
    err_t err = ERR_OK;
    eio3_payload_init(&payload, body, framing, &scratch);
    while (engine->state != EIO_CLOSED && eio3_payload_next(&payload, &packet, &err))
        eio_packet(engine, &packet);
    buf_fini(&scratch);
    return err;
}

static void post(eio_t *engine, conn_t *conn, const http_head_t *head, str_t body)
{
    str_t type = http_head_get(head, "content-type");
    buf_t text = {0};
    err_t err = ERR_OK;
    if (engine->jsonp) {
        err = eio3_jsonp_decode(&text, body);
        body = buf_str(&text);
    }
    if (err == ERR_OK)
        err = take_payload(engine, body, engine->jsonp ? EIO3_FRAMING_TEXT : eio3_framing_of(type));
    buf_fini(&text);
    if (err != ERR_OK) {
        static log_limit_t limit;
        log_limited(&limit, LEVEL_WARN, "GW-BAD-PAYLOAD", "from=%s error=%s", conn_address(conn),
                    err_name(err));
        (void)take(&engine->post);
        eio_fail(engine);
        answer_error(conn, head, EIO_BAD);
    } else if (engine->paused && engine->state != EIO_CLOSED) {
        engine->post_done = true;
    } else {
        (void)take(&engine->post);
        answer(conn, head, 200, "text/html", STR_LIT("ok"));
    }
}

/* Two POSTs at once: the first is cut off, the second fails, the session is over. */
static size_t start_post(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    if (engine->close_waits) {
        answer_error(conn, head, EIO_SID);
        return 0;
    }
    conn_t *first = take(&engine->post);
    if (first) {
        engine->post_done = false;
        conn_kill(first);
        overlap(engine, conn, head);
        return 0;
    }
    engine->post = conn;
    conn_set_owner(conn, &post_ops, engine);
    return eio_hub_core(engine->hub)->limits.max_message;
}

/* --- requests ------------------------------------------------------------------------------------
 */

static int check(const eio_t *engine, const eio_query_t *query, const http_head_t *head)
{
    if (query->transport == TRANSPORT_UNKNOWN)
        return EIO_TRANSPORT;
    if (query->has_sid) {
        if (!engine)
            return EIO_SID;
        bool polling = engine->state == EIO_POLLING || engine->close_waits;
        return query->transport == TRANSPORT_POLLING && polling ? EIO_OK : EIO_BAD;
    }
    if (head->method != HTTP_GET)
        return EIO_METHOD;
    if (!query->version_ok)
        return EIO_VERSION;
    return query->transport == TRANSPORT_POLLING ? EIO_OK : EIO_BAD;
}

size_t polling_head(eio_hub_t *hub, conn_t *conn, const http_head_t *head)
{
    eio_query_t query;
    if (head->method == HTTP_OPTIONS) {
        answer_options(conn, head);
        return 0;
    }
    eio_query_parse(head->query, &query);
    eio_t *engine = query.has_sid ? eio_find(hub, str_of(query.sid)) : NULL;
    int code = check(engine, &query, head);
    if (code != EIO_OK)
        answer_error(conn, head, code);
    else if (engine && head->method != HTTP_GET && head->method != HTTP_POST)
        answer(conn, head, 405, NULL, (str_t){"", 0});
    else if (head->method == HTTP_POST)
        return start_post(engine, conn, head);
    return 0;
}

void polling_request(eio_hub_t *hub, conn_t *conn, const http_head_t *head, str_t body)
{
    eio_query_t query;
    eio_query_parse(head->query, &query);
    eio_t *engine = query.has_sid ? eio_find(hub, str_of(query.sid)) : NULL;
    /* The session may have ended, or moved, while a body came. */
    int code = check(engine, &query, head);
    if (code != EIO_OK)
        answer_error(conn, head, code);
    else if (!engine)
        handshake(hub, conn, &query);
    else if (head->method == HTTP_POST)
        post(engine, conn, head, body);
    else
        get(engine, conn, head);
}
