/* SPDX-License-Identifier: MIT */
#include "gateway/polling.h"

#include <assert.h>
#include <string.h>

#include "bus/log.h"
#include "gateway/deflate.h"
#include "gateway/eio3.h"
#include "gateway/packer.h"

#define BODY_MAX_PACKETS 1024
#define BODY_MAX_BYTES                                                                             \
    (4u * 1024u * 1024u) /* when so much is gathered, the rest waits for the next GET */

/* --- answers -------------------------------------------------------------------------------------
 */

/* Of browsers of that time the original asks not to meddle. */
static bool is_explorer(const http_head_t *head)
{
    str_t agent = http_head_get(head, "user-agent");
    return agent.len > 0 &&
           (memmem(agent.p, agent.len, ";MSIE", 5) || memmem(agent.p, agent.len, "Trident/", 8));
}

/* XMLHttpRequest of other origins sends credentials: the origin is echoed, never "*". Origins that
 * are not allowed do not come so far (http.c). */
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
    if (is_explorer(head))
        buf_append_cstr(out, "X-XSS-Protection: 0\r\n");
}

/* codec: NULL when the request names no revision that there is. */
static void answer(conn_t *conn, const http_head_t *head, const eio_codec_t *codec, int status,
                   const char *type, str_t body)
{
    buf_t headers = {0};
    cors(head, &headers);
    buf_append_cstr(&headers, codec ? codec->headers : "");
    conn_respond(conn, status, type, buf_str(&headers), body);
    buf_fini(&headers);
}

static void answer_empty(conn_t *conn, const http_head_t *head, const eio_codec_t *codec,
                         int status)
{
    answer(conn, head, codec, status, "text/html", (str_t){"", 0});
}

static void answer_error(conn_t *conn, const http_head_t *head, const eio_codec_t *codec, int code)
{
    buf_t body = {0};
    buf_printf(&body, "{\"code\":%d,\"message\":\"%s\"}", code, eio_error_text(code));
    answer(conn, head, codec, 400, "application/json", buf_str(&body));
    buf_fini(&body);
}

/* A preflight is answered for live and for unknown sessions alike. */
static void answer_options(conn_t *conn, const http_head_t *head, const eio_codec_t *codec)
{
    str_t asked = http_head_get(head, "access-control-request-headers");
    buf_t headers = {0};
    cors(head, &headers);
    buf_append_cstr(&headers, codec->preflight);
    if (codec->options_status == 204) {
        buf_append_cstr(&headers, "Vary: Access-Control-Request-Headers\r\nContent-Length: 0\r\n");
        if (asked.len > 0)
            buf_printf(&headers, "Access-Control-Allow-Headers: %.*s\r\n", STR_ARG(asked));
    }
    conn_respond(conn, codec->options_status, NULL, buf_str(&headers), (str_t){"", 0});
    buf_fini(&headers);
}

/* --- payloads ------------------------------------------------------------------------------------
 */

static eio_packet_t packet_of(const eio_t *engine, const frame_t *frame)
{
    eio_packet_t packet;
    engine->codec->decode_own(frame_kind(frame) == FRAME_BINARY, frame_payload(frame), &packet);
    return packet;
}

static frame_t *payload_frame(const eio_t *engine, const eio_packet_t *packets, size_t count,
                              const char **type)
{
    buf_t body = {0};
    frame_room(&body);
    if (engine->jsonp) {
        buf_t text = {0};
        *type = engine->codec->write(&text, packets, count, true);
        eio3_encode_jsonp(&body, buf_str(&text), str_of(engine->j));
        buf_fini(&text);
    } else {
        *type = engine->codec->write(&body, packets, count, engine->b64);
    }
    frame_t *frame = frame_take(FRAME_RAW, &body, (str_t){"", 0});
    buf_fini(&body);
    return frame;
}

/* Replaces the body by its compressed form where that is worth it. */
static void compress(const http_head_t *head, frame_t **body, buf_t *headers)
{
    buf_t small = {0};
    str_t payload = frame_payload(*body);
    packer_t *packer = deflate_is_worth(payload.len)
                           ? packer_new(http_best_encoding(http_head_get(head, "accept-encoding")))
                           : NULL;
    if (!packer)
        return;
    frame_room(&small);
    if (packer_feed(packer, payload, true, &small) && small.len < payload.len) {
        frame_put(body);
        *body = frame_take(FRAME_RAW, &small, (str_t){"", 0});
        buf_printf(headers, "Content-Encoding: %s\r\n", packer_name(packer));
    }
    packer_destroy(&packer);
    buf_fini(&small);
}

/* headers: of the request that is answered, by its own head. */
static void answer_packets(eio_t *engine, conn_t *conn, const eio_packet_t *packets, size_t count)
{
    const char *type;
    buf_t headers = {0};
    frame_t *body = payload_frame(engine, packets, count, &type);
    if (!engine->jsonp)
        cors(conn_head(conn), &headers);
    buf_append_cstr(&headers, engine->codec->headers);
    if (body)
        compress(conn_head(conn), &body, &headers);
    if (body)
        conn_respond_frame(conn, 200, type, buf_str(&headers), &body);
    else
        conn_kill(conn);
    buf_fini(&headers);
}

/* Up to so many of the packets that wait go into one answer. */
static void answer_some(eio_t *engine, conn_t *conn, size_t max)
{
    frame_t *frames[BODY_MAX_PACKETS];
    eio_packet_t packets[BODY_MAX_PACKETS];
    size_t count = 0, bytes = 0;
    while (count < max && bytes < BODY_MAX_BYTES) {
        frame_t *frame = eio_pop(engine);
        if (!frame)
            break;
        packets[count] = packet_of(engine, frame);
        bytes += frame_payload(frame).len;
        frames[count++] = frame;
    }
    metrics_add(eio_hub_core(engine->hub)->metrics, METRIC_FRAMES_OUT, (int64_t)count);
    answer_packets(engine, conn, packets, count);
    for (size_t i = 0; i < count; i++)
        frame_put(&frames[i]);
    eio_emptied(engine);
}

static void answer_waiting(eio_t *engine, conn_t *conn)
{
    answer_some(engine, conn, BODY_MAX_PACKETS);
}

static void answer_one(eio_t *engine, conn_t *conn, eio_type_t type)
{
    eio_packet_t packet = {.type = type, .data = {"", 0}};
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
        answer_one(engine, conn, EIO_PACKET_NOOP);
}

/* The type is html on purpose: forms post, too. */
static void answer_ok(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    if (engine->jsonp)
        conn_respond(conn, 200, "text/html", (str_t){"", 0}, STR_LIT("ok"));
    else
        answer(conn, head, engine->codec, 200, "text/html", STR_LIT("ok"));
}

static void finish_post(eio_t *engine)
{
    conn_t *conn = take(&engine->post);
    engine->post_done = false;
    if (conn)
        answer_ok(engine, conn, conn_head(conn));
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
        answer_one(engine, get, tell ? EIO_PACKET_CLOSE : EIO_PACKET_NOOP);
    /* Of a POST whose body is still on its way nobody wants the rest. */
    conn_t *post = engine->post_done ? NULL : take(&engine->post);
    if (post)
        conn_kill(post);
    if (engine->post_done)
        finish_post(engine);
    return get != NULL;
}

/* --- GET -----------------------------------------------------------------------------------------
 */

/* Two GETs at once: the held one is told to close, the new one fails, the session is over. */
static void overlap(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    eio_fail(engine);
    answer_empty(conn, head, engine->codec, engine->codec->overlap_status);
}

static void get(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    if (engine->close_waits) {
        eio_packet_t packets[] = {{.type = EIO_PACKET_NOOP, .data = {"", 0}},
                                  {.type = EIO_PACKET_CLOSE, .data = {"", 0}}};
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
        answer_one(engine, conn, EIO_PACKET_NOOP);
    } else {
        engine->get = conn;
        conn_set_owner(conn, &get_ops, engine);
    }
}

static void handshake(eio_hub_t *hub, conn_t *conn, const eio_query_t *query)
{
    eio_t *engine = eio_open(hub, conn, EIO_POLLING, query);
    engine->b64 = query->b64;
    engine->jsonp = query->jsonp && query->codec->jsonp;
    memcpy(engine->j, query->j, sizeof engine->j);
    /* Whether somebody is let in or not is said in the second answer. */
    answer_some(engine, conn, session_is_admitted(engine->session) ? BODY_MAX_PACKETS : 1);
}

/* --- POST ----------------------------------------------------------------------------------------
 */

/* ERR_BAD_ARGS: the content type is not taken. */
static err_t take_payload(eio_t *engine, str_t body, str_t type)
{
    const eio_codec_t *codec = engine->codec;
    eio_payload_t payload;
    eio_packet_t packet;
    buf_t scratch = {0};
    err_t err = ERR_OK;
    if (!codec->begin(&payload, body, type, &scratch))
        return ERR_BAD_ARGS;
    while (engine->state != EIO_CLOSED && codec->next(&payload, &packet, &err))
        eio_packet(engine, &packet);
    buf_fini(&scratch);
    return err;
}

static err_t take_form(eio_t *engine, str_t body)
{
    buf_t text = {0};
    err_t err = eio3_jsonp_decode(&text, body);
    if (err == ERR_OK)
        err = take_payload(engine, buf_str(&text), STR_LIT(EIO_CONTENT_TEXT));
    buf_fini(&text);
    return err;
}

static void fail_post(eio_t *engine, conn_t *conn, const http_head_t *head, err_t err)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "GW-BAD-PAYLOAD", "from=%s error=%s", conn_address(conn),
                err_name(err));
    eio_fail(engine);
    if (err == ERR_BAD_ARGS)
        answer_empty(conn, head, engine->codec, 400);
    else
        answer_error(conn, head, engine->codec, EIO_BAD);
}

/* The session may end by what the body says: its end must not take this request with it. */
static void post(eio_t *engine, conn_t *conn, const http_head_t *head, str_t body)
{
    (void)take(&engine->post);
    err_t err = engine->jsonp ? take_form(engine, body)
                              : take_payload(engine, body, http_head_get(head, "content-type"));
    if (err != ERR_OK) {
        fail_post(engine, conn, head, err);
    } else if (engine->paused && engine->state != EIO_CLOSED) {
        engine->post = conn;
        engine->post_done = true;
        conn_set_owner(conn, &post_ops, engine);
    } else {
        answer_ok(engine, conn, head);
    }
}

/* A body that is announced as too large ends the session before it has come. */
static bool too_large(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    buf_t headers = {0};
    if (head->content_length <= eio_hub_core(engine->hub)->limits.max_message)
        return false;
    eio_fail(engine);
    cors(head, &headers);
    buf_append_cstr(&headers, engine->codec->headers);
    conn_respond_last(conn, 413, NULL, buf_str(&headers), (str_t){"", 0});
    buf_fini(&headers);
    return true;
}

/* Two POSTs at once: the first is cut off, the second fails, the session is over. */
static size_t start_post(eio_t *engine, conn_t *conn, const http_head_t *head)
{
    if (engine->close_waits) {
        answer_error(conn, head, engine->codec, EIO_SID);
        return 0;
    }
    conn_t *first = take(&engine->post);
    if (first) {
        engine->post_done = false;
        conn_kill(first);
        overlap(engine, conn, head);
        return 0;
    }
    if (too_large(engine, conn, head))
        return 0;
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
        if (query->codec != engine->codec)
            return EIO_BAD;
        bool polling = engine->state == EIO_POLLING || engine->close_waits;
        return query->transport == TRANSPORT_POLLING && polling ? EIO_OK : EIO_BAD;
    }
    if (head->method != HTTP_GET)
        return EIO_METHOD;
    if (!query->codec)
        return EIO_VERSION;
    return query->transport == TRANSPORT_POLLING ? EIO_OK : EIO_BAD;
}

size_t polling_head(eio_hub_t *hub, conn_t *conn, const http_head_t *head)
{
    eio_query_t query;
    eio_query_parse(head->query, &query);
    if (head->method == HTTP_OPTIONS) {
        answer_options(conn, head, query.codec ? query.codec : &eio3_codec);
        return 0;
    }
    eio_t *engine = query.has_sid ? eio_find(hub, str_of(query.sid)) : NULL;
    int code = check(engine, &query, head);
    if (code != EIO_OK)
        answer_error(conn, head, query.codec, code);
    else if (engine && head->method != HTTP_GET && head->method != HTTP_POST)
        answer_empty(conn, head, query.codec, 500);
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
        answer_error(conn, head, query.codec, code);
    else if (!engine)
        handshake(hub, conn, &query);
    else if (head->method == HTTP_POST)
        post(engine, conn, head, body);
    else
        get(engine, conn, head);
}
