/* SPDX-License-Identifier: MIT */
/* What stands between a socket and HTTP: who the client is behind proxies, TLS, and plain HTTP on a
 * port that speaks HTTPS. */
#include <assert.h>
#include <libwebsockets.h>
#include <string.h>
#include <sys/socket.h>

#include "bus/log.h"
#include "gateway/admission.h"
#include "gateway/certs.h"
#include "gateway/conn_ctx.h"
#include "gateway/listener.h"
#include "gateway/origin.h"
#include "gateway/proxy_header.h"

#define TEXT "text/plain; charset=utf-8"
#define FIRST_OF_TLS 0x16 /* a record of type handshake (RFC 8446, 5.1) */
#define PIECE 16384       /* bytes; a record holds at most so many */

/* --- who it is -----------------------------------------------------------------------------------
 */

static bool is_trusted(const conn_t *self, const cidr_addr_t *address)
{
    return cidr_list_contains(&self->env->trusted, address);
}

static void write_address(conn_t *self)
{
    buf_t text = {0};
    cidr_addr_print(&text, &self->source);
    snprintf(self->address, sizeof self->address, "%.*s", STR_ARG(buf_str(&text)));
    buf_fini(&text);
}

static bool refuse(conn_t *self)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "GW-CONNECTIONS", "from=%s refused=limit", self->address);
    metrics_add(self->env->metrics, METRIC_REFUSED_LIMIT, 1);
    return false;
}

/* false: the client has too many connections. */
static bool set_source(conn_t *self, const cidr_addr_t *source)
{
    char before[CIDR_TEXT_MAX];
    if (memcmp(source, &self->source, sizeof *source) == 0)
        return true;
    bool counted = !is_trusted(self, source);
    memcpy(before, self->address, sizeof before);
    self->source = *source;
    write_address(self);
    if (!admission_move(self->env->admission, self->counted ? before : NULL,
                        counted ? self->address : NULL)) {
        (void)refuse(self);
        /* what is counted stays counted for the one before */
        memcpy(self->address, before, sizeof before);
        (void)cidr_addr_parse(&self->source, str_of(before));
        return false;
    }
    self->counted = counted;
    return true;
}

static void read_peer(conn_t *self)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    if (getpeername(lws_get_socket_fd(self->wsi), (struct sockaddr *)&peer, &size) != 0 ||
        !cidr_addr_of(&self->hop, (struct sockaddr *)&peer, size))
        self->hop = (cidr_addr_t){0};
    self->source = self->hop;
    write_address(self);
}

const char *conn_address(const conn_t *self)
{
    return self->address;
}

bool conn_is_secure(const conn_t *self)
{
    return self->tls || self->proxied_secure || self->forwarded_secure;
}

/* --- handshakes ----------------------------------------------------------------------------------
 */

static void leave_shaking(conn_t *self)
{
    conn_env_t *env = self->env;
    if (!self->shaking)
        return;
    *(self->prev_shaking ? &self->prev_shaking->next_shaking : &env->first_shaking) =
        self->next_shaking;
    *(self->next_shaking ? &self->next_shaking->prev_shaking : &env->last_shaking) =
        self->prev_shaking;
    self->prev_shaking = self->next_shaking = NULL;
    self->shaking = false;
    env->handshakes--;
    metrics_add(env->metrics, METRIC_TLS_PENDING, -1);
}

/* Of too many handshakes under way the oldest gives way: those who stall lose, not those who come.
 */
static void join_shaking(conn_t *self)
{
    conn_env_t *env = self->env;
    if (env->handshakes >= env->max_handshakes && env->first_shaking) {
        static log_limit_t limit;
        log_limited(&limit, LEVEL_WARN, "GW-TLS-HANDSHAKES", "from=%s cut-off=oldest",
                    env->first_shaking->address);
        conn_kill(env->first_shaking);
        metrics_add(env->metrics, METRIC_REFUSED_LIMIT, 1);
        leave_shaking(env->first_shaking);
    }
    self->shaking = true;
    self->prev_shaking = env->last_shaking;
    *(env->last_shaking ? &env->last_shaking->next_shaking : &env->first_shaking) = self;
    env->last_shaking = self;
    env->handshakes++;
    metrics_add(env->metrics, METRIC_TLS_PENDING, 1);
}

/* --- life --------------------------------------------------------------------------------------
 */

bool conn_edge_open(conn_t *self)
{
    read_peer(self);
    bool trusted = is_trusted(self, &self->hop);
    if (!admission_enter(self->env->admission, trusted ? NULL : self->address))
        return refuse(self);
    self->counted = !trusted;
    self->edge = self->listener->tls ? EDGE_FIRST : EDGE_OPEN;
    if (self->listener->proxy_protocol && trusted)
        self->edge = EDGE_PROXY;
    if (self->listener->tls)
        join_shaking(self);
    return true;
}

void conn_edge_close(conn_t *self)
{
    if (self->shaking && self->tls)
        metrics_add(self->env->metrics, METRIC_TLS_FAILED, 1);
    leave_shaking(self);
    admission_leave(self->env->admission, self->counted ? self->address : NULL);
    tls_stream_destroy(&self->tls);
    buf_fini(&self->early);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int fail(conn_t *self, const char *id, const char *what)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_INFO, id, "from=%s error=\"%s\"", self->address, what);
    metrics_add(self->env->metrics, METRIC_PROTOCOL_ERRORS, 1);
    return -1;
}

/* 1: go on behind the header. */
static int take_proxy_header(conn_t *self, uint8_t **data, size_t *len)
{
    proxy_v2_t header;
    size_t before = self->early.len;
    size_t wanted = PROXY_V2_MAX - before < *len ? PROXY_V2_MAX - before : *len;
    buf_append(&self->early, *data, wanted);
    proxy_v2_result_t result = proxy_v2_parse(buf_str(&self->early), &header);
    if (result == PROXY_V2_BAD || self->early.failed)
        return fail(self, "GW-BAD-PROXY", "no PROXY header of version 2");
    if (result == PROXY_V2_MORE)
        return 0;
    *data += header.length - before;
    *len -= header.length - before;
    buf_fini(&self->early);
    self->edge = self->listener->tls ? EDGE_FIRST : EDGE_OPEN;
    self->proxied_secure = header.secure;
    if (header.known)
        self->hop = header.source;
    return set_source(self, &self->hop) ? 1 : -1;
}

/* Programs that were given http:// instead of https:// get a word that they understand. */
static int take_first(conn_t *self, uint8_t first)
{
    tls_t *tls = certs_current(self->env->certs);
    if (first >= 'A' && first <= 'Z') {
        self->misplaced = true;
        self->edge = EDGE_OPEN;
        leave_shaking(self);
        return 1;
    }
    if (first != FIRST_OF_TLS)
        return fail(self, "GW-TLS-HANDSHAKE", "neither TLS nor HTTP");
    if (!tls)
        return fail(self, "GW-TLS-HANDSHAKE", "there is no certificate yet");
    self->tls = tls_stream_new(tls, LWS_PRE);
    self->edge = EDGE_TLS;
    return self->tls ? 1 : -1;
}

static void note_handshake(conn_t *self)
{
    if (!self->shaking || !tls_stream_is_ready(self->tls))
        return;
    metrics_add(self->env->metrics, METRIC_TLS_HANDSHAKES, 1);
    leave_shaking(self);
}

/* The peer has said its last word: what is written already still goes out. */
static void end_of_peer(conn_t *self)
{
    if (self->state == CONN_CLOSING && !self->linger)
        return;
    conn_lose_owner(self);
    conn_start_closing(self, false);
    conn_wake(self);
}

static int read_tls(conn_t *self, uint8_t *data, size_t len)
{
    uint8_t plain[PIECE];
    size_t n;
    tls_result_t result;
    tls_stream_feed(self->tls, (str_t){(char *)data, len});
    while ((result = tls_stream_read(self->tls, plain, sizeof plain, &n)) == TLS_DATA) {
        note_handshake(self);
        if (conn_read(self, plain, n) != 0)
            return -1;
        if (self->killed)
            return 0;
    }
    if (result == TLS_FAILED)
        return fail(self, self->shaking ? "GW-TLS-HANDSHAKE" : "GW-TLS",
                    tls_stream_error(self->tls));
    note_handshake(self);
    if (result == TLS_CLOSED)
        end_of_peer(self);
    if (conn_edge_owes(self))
        conn_wake(self);
    return 0;
}

int conn_edge_read(conn_t *self, uint8_t *data, size_t len)
{
    int more = 1;
    if (self->killed || len == 0)
        return 0;
    if (self->edge == EDGE_PROXY)
        more = take_proxy_header(self, &data, &len);
    if (more == 1 && self->edge == EDGE_FIRST)
        more = len > 0 ? take_first(self, data[0]) : 0;
    if (more != 1)
        return more;
    return self->edge == EDGE_TLS ? read_tls(self, data, len) : conn_read(self, data, len);
}

/* --- writing -----------------------------------------------------------------------------------
 */

bool conn_edge_owes(const conn_t *self)
{
    return self->tls && tls_stream_output(self->tls)->len > 0;
}

/* Sends what TLS has made. */
static int send_output(conn_t *self)
{
    buf_t *output = tls_stream_output(self->tls);
    int result = output->failed ? -1 : 0;
    if (result == 0 && output->len > LWS_PRE &&
        lws_write(self->wsi, output->data + LWS_PRE, output->len - LWS_PRE, LWS_WRITE_RAW) < 0)
        result = -1;
    buf_fini(output);
    return result;
}

int conn_edge_write(conn_t *self, uint8_t *bytes, size_t n)
{
    if (self->tls)
        return tls_stream_write(self->tls, bytes, n) ? send_output(self) : -1;
    return lws_write(self->wsi, bytes, n, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

void conn_edge_farewell(conn_t *self)
{
    if (!self->tls || lws_partial_buffered(self->wsi))
        return;
    tls_stream_close(self->tls);
    (void)send_output(self);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static bool is_of_host(str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || !strchr("-_.:[]", c)))
            return false;
    }
    return text.len > 0;
}

/* Without ":8084" behind it. */
static str_t without_port(str_t host)
{
    const char *colon = memrchr(host.p, ':', host.len);
    const char *bracket = memrchr(host.p, ']', host.len);
    if (colon && (!bracket || colon > bracket))
        host.len = (size_t)(colon - host.p);
    return host;
}

static str_t asked_host(const conn_t *self, const http_head_t *head)
{
    str_t host = {"", 0};
    if (is_trusted(self, &self->hop))
        host = proxy_forwarded_host(head);
    return host.len > 0 ? host : http_head_get(head, "host");
}

/* false: it does not say which host it wants. */
static bool put_location(const conn_t *self, buf_t *out)
{
    const http_head_t *head = self->head;
    str_t host = asked_host(self, head);
    int port = self->listener->redirect;
    if (!is_of_host(host))
        return false;
    if (port > 0)
        host = without_port(host);
    buf_printf(out, "Location: https://%.*s", STR_ARG(host));
    if (port > 0 && port != 443)
        buf_printf(out, ":%d", port);
    buf_printf(out, "%.*s", STR_ARG(head->path));
    if (head->query.len > 0)
        buf_printf(out, "?%.*s", STR_ARG(head->query));
    buf_append_cstr(out, "\r\n");
    return true;
}

static void answer_plain(conn_t *self)
{
    buf_t headers = {0};
    if (self->listener->redirect != 0 && put_location(self, &headers))
        conn_respond_last(self, 307, TEXT, buf_str(&headers), STR_LIT("Use HTTPS.\n"));
    else
        conn_respond_last(self, 400, TEXT, (str_t){"", 0}, STR_LIT("this port speaks HTTPS\n"));
    buf_fini(&headers);
}

/* false: the client behind the proxy has too many connections. */
static bool take_forwarded(conn_t *self)
{
    cidr_addr_t source = self->hop;
    self->forwarded_secure = false;
    if (is_trusted(self, &self->hop)) {
        proxy_forwarded_for(self->head, &self->env->trusted, &source);
        self->forwarded_secure = proxy_forwarded_secure(self->head);
    }
    return set_source(self, &source);
}

bool conn_edge_head(conn_t *self)
{
    if (!take_forwarded(self)) {
        conn_respond_last(self, 429, TEXT, (str_t){"", 0}, STR_LIT("Too many connections.\n"));
        return true;
    }
    bool redirects = !self->listener->tls && self->listener->redirect != 0;
    if (!self->misplaced && !(redirects && !conn_is_secure(self)))
        return false;
    answer_plain(self);
    return true;
}

bool conn_allows_origin(const conn_t *self, const http_head_t *head)
{
    const origins_t *list = self->env->origins;
    str_t origin = http_head_get(head, "origin");
    bool any = origins_is_empty(list) ? !self->listener->auth : origins_allow_all(list);
    if (any || origins_allow(list, origin))
        return true;
    if (origin.len > 0)
        return origin_is_same(origin, asked_host(self, head), conn_is_secure(self));
    /* A browser sends no Origin for what a page merely loads, but says that it is another's. */
    str_t site = http_head_get(head, "sec-fetch-site");
    return !str_is(site, "cross-site") && !str_is(site, "same-site");
}
