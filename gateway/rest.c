/* SPDX-License-Identifier: MIT */
#include "gateway/rest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/json.h"
#include "gateway/command.h"
#include "gateway/rest_reply.h"
#include "gateway/session.h"
#include "gateway/sse.h"

#define CALL_ACK 1 /* there is one call at a time */

/* A request whose answer is awaited. */
typedef struct rest {
    rest_hub_t *hub;
    conn_t *conn;
    session_t *session;
    rest_request_t request;
    rest_answer_t answer;
    bool answered; /* in the list of those */
    struct rest *next_answered;
    struct rest *prev, *next;
} rest_t;

struct rest_hub {
    core_t *core;
    assets_t *assets;
    sse_hub_t *streams;
    rest_t *all;
    rest_t *answered; /* answers are sent in a turn of their own, when no call is under way */
};

/* --- life of a request ---------------------------------------------------------------------------
 */

static void drop_answered(rest_t *self)
{
    rest_t **at = &self->hub->answered;
    while (*at && *at != self)
        at = &(*at)->next_answered;
    if (*at)
        *at = self->next_answered;
}

static void destroy(rest_t *self)
{
    if (self->answered)
        drop_answered(self);
    session_destroy(&self->session);
    *(self->prev ? &self->prev->next : &self->hub->all) = self->next;
    if (self->next)
        self->next->prev = self->prev;
    rest_request_fini(&self->request);
    buf_fini(&self->answer.body);
    free(self);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    destroy(owner);
}

static const conn_owner_t waiting = {.gone = on_gone};

static void set_answered(rest_t *self)
{
    if (self->answered)
        return;
    self->answered = true;
    self->next_answered = self->hub->answered;
    self->hub->answered = self;
}

/* --- the dialect ---------------------------------------------------------------------------------
 */

static void *rest_open(session_t *session)
{
    rest_t *self = session_transport(session);
    self->session = session;
    return self;
}

static void rest_close(void *state)
{
    (void)state;
}

static void call(rest_t *self)
{
    session_call(self->session, str_of(self->request.command), mp_of_buf(&self->request.args), true,
                 CALL_ACK);
}

static void rest_greet(session_t *session, void *state)
{
    (void)session;
    call(state);
}

static void rest_refuse(session_t *session, void *state)
{
    rest_t *self = state;
    rest_answer_refusal(session, &self->answer);
    set_answered(self);
}

/* Nothing comes from the client but the request itself. */
static bool rest_receive(session_t *session, void *state, bool binary, str_t payload)
{
    (void)session;
    (void)state;
    (void)binary;
    (void)payload;
    return true;
}

/* Nothing is subscribed. */
static void rest_event(str_t name, mp_t args, str_t key, frames_t *out)
{
    (void)name;
    (void)args;
    (void)key;
    (void)out;
}

static void rest_answer(void *state, uint64_t id, mp_t args, frames_t *out)
{
    rest_t *self = state;
    (void)id;
    (void)out;
    buf_fini(&self->answer.body);
    rest_answer_read(self->request.shape, args, &self->answer);
    set_answered(self);
}

static const dialect_t rest_dialect = {.name = "REST",
                                       .id = 4,
                                       .error_is_text = true,
                                       .secure_is_false = true,
                                       .brief = true,
                                       .open = rest_open,
                                       .close = rest_close,
                                       .greet = rest_greet,
                                       .refuse = rest_refuse,
                                       .receive = rest_receive,
                                       .event = rest_event,
                                       .answer = rest_answer};

static void on_wake(void *transport)
{
    (void)transport; /* the outbox is not used */
}

/* What ended it is answered already, or will be. */
static void on_end(void *transport, const char *reason, bool flush)
{
    (void)transport;
    (void)reason;
    (void)flush;
}

static void on_pause(void *transport, bool pause)
{
    (void)transport;
    (void)pause;
}

static const session_transport_t transport_ops = {
    .wake = on_wake, .end = on_end, .pause = on_pause};

/* --- answers -------------------------------------------------------------------------------------
 */

/* The file's own address: it is served from there, with types, ranges and entity tags. */
static void put_location(const rest_t *self, buf_t *out)
{
    str_t path = self->request.rest;
    buf_printf(out, "Location: %s/%.*s\r\n", conn_listener(self->conn)->base_path, STR_ARG(path));
}

static void send_answer(rest_t *self)
{
    conn_t *conn = self->conn;
    buf_t extra = {0};
    rest_answer_t answer = self->answer;
    self->answer = (rest_answer_t){0};
    if (answer.status == 302)
        put_location(self, &extra);
    conn_set_owner(conn, NULL, NULL);
    destroy(self);
    rest_reply(conn, &answer, buf_str(&extra));
    buf_fini(&extra);
}

void rest_hub_flush(rest_hub_t *self)
{
    while (self->answered) {
        rest_t *rest = self->answered;
        self->answered = rest->next_answered;
        rest->answered = false;
        if (rest->answer.status != 0) {
            send_answer(rest);
        } else {
            rest_request_list(&rest->request);
            call(rest);
        }
    }
}

/* --- what needs no session -----------------------------------------------------------------------
 */

static void reply_index(rest_hub_t *self, conn_t *conn)
{
    rest_answer_t answer = {.status = 200, .type = REST_JSON};
    static const char *const methods[] = {
        [HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE"};
    buf_printf(&answer.body,
               "{\"name\":\"iobus\",\"version\":\"%s\",\"compatible\":\"%s\","
               "\"openapi\":\"openapi.json\",\"routes\":[",
               IOBUS_VERSION, self->core->version);
    for (const rest_route_t *route = rest_routes(); route->path; route++) {
        buf_printf(&answer.body, "%s\n{\"method\":\"%s\",\"path\":\"%s\",\"does\":",
                   route == rest_routes() ? "" : ",", methods[route->method], route->path);
        json_put_str(&answer.body, str_of(route->summary));
        buf_append_byte(&answer.body, '}');
    }
    buf_append_cstr(&answer.body, "\n]}\n");
    rest_reply(conn, &answer, STR_LIT(""));
}

static void reply_openapi(rest_hub_t *self, conn_t *conn)
{
    bool missing;
    rest_answer_t answer = {.status = 200, .type = REST_JSON};
    const asset_t *asset =
        assets_find(self->assets, STR_LIT("/openapi.json"), ENCODING_NONE, &missing);
    if (!asset) {
        rest_reply_problem(conn, 404, STR_LIT("openapi.json is not installed"), STR_LIT(""));
        return;
    }
    buf_append_str(&answer.body, asset->body);
    rest_reply(conn, &answer, STR_LIT(""));
}

/* The answer to a preflight, too (https://fetch.spec.whatwg.org, 3.3). */
static void reply_options(conn_t *conn, unsigned allowed)
{
    rest_answer_t answer = {.status = 204};
    buf_t methods = {0}, extra = {0};
    rest_allowed_text(allowed, &methods);
    buf_printf(&extra,
               "Allow: %.*s\r\nAccess-Control-Allow-Methods: %.*s\r\n"
               "Access-Control-Allow-Headers: Authorization, Content-Type, Last-Event-ID\r\n"
               "Access-Control-Max-Age: 600\r\n",
               STR_ARG(buf_str(&methods)), STR_ARG(buf_str(&methods)));
    rest_reply(conn, &answer, buf_str(&extra));
    buf_fini(&methods);
    buf_fini(&extra);
}

static void reply_refusal(conn_t *conn, int status, const rest_request_t *request)
{
    buf_t extra = {0};
    if (status == 405) {
        buf_append_cstr(&extra, "Allow: ");
        rest_allowed_text(request->allowed, &extra);
        buf_append_cstr(&extra, "\r\n");
    }
    rest_reply_problem(conn, status, str_of(request->detail), buf_str(&extra));
    buf_fini(&extra);
}

/* --- requests ------------------------------------------------------------------------------------
 */

/* Takes the request over. */
static void start_call(rest_hub_t *hub, conn_t *conn, rest_request_t *request)
{
    char id[32];
    rest_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (rest_t){.hub = hub, .conn = conn, .request = *request, .next = hub->all};
    *request = (rest_request_t){0};
    if (self->next)
        self->next->prev = self;
    hub->all = self;
    conn_set_owner(conn, &waiting, self);
    int len =
        snprintf(id, sizeof id, "rest%llu", (unsigned long long)hub->core->session_serial + 1);
    (void)session_new(hub->core, &rest_dialect, conn_listener(conn), (str_t){id, (size_t)len},
                      conn_address(conn), conn_head(conn), &transport_ops, self);
}

bool rest_is_path(str_t path)
{
    return str_starts(path, "/api/") || str_is(path, "/api") || str_starts(path, "/state/");
}

size_t rest_head(rest_hub_t *self, conn_t *conn, const http_head_t *head)
{
    size_t max = self->core->limits.max_value;
    if (head->content_length > max)
        rest_reply_problem(conn, 413, str_of(err_text(ERR_TOO_LARGE)), STR_LIT(""));
    return max;
}

void rest_request(rest_hub_t *self, conn_t *conn, const http_head_t *head, str_t path, str_t body)
{
    rest_source_t source = {.method = head->method,
                            .path = path,
                            .query = head->query,
                            .content_type = http_head_get(head, "content-type"),
                            .body = body};
    rest_request_t request;
    int status = rest_route_read(&source, &request);
    if (status != 0)
        reply_refusal(conn, status, &request);
    else if (request.kind == REST_OPTIONS)
        reply_options(conn, request.allowed);
    else if (request.kind == REST_INDEX)
        reply_index(self, conn);
    else if (request.kind == REST_OPENAPI)
        reply_openapi(self, conn);
    else if (request.kind == REST_EVENTS)
        sse_start(self->streams, conn, head, &request);
    else
        start_call(self, conn, &request);
    rest_request_fini(&request);
}

/* --- life ----------------------------------------------------------------------------------------
 */

rest_hub_t *rest_hub_new(core_t *core, struct ev_loop *loop, assets_t *assets)
{
    rest_hub_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (rest_hub_t){.core = core, .assets = assets, .streams = sse_hub_new(core, loop)};
    return self;
}

void rest_hub_close(rest_hub_t *self)
{
    sse_hub_close(self->streams);
    while (self->all) {
        rest_t *rest = self->all;
        if (!rest->answered || rest->answer.status == 0)
            rest_answer_problem(503, str_of(err_text(ERR_SHUTDOWN)), &rest->answer);
        send_answer(rest);
    }
}

void rest_hub_destroy(rest_hub_t **self_p)
{
    rest_hub_t *self = *self_p;
    if (!self)
        return;
    rest_hub_close(self);
    sse_hub_destroy(&self->streams);
    free(self);
    *self_p = NULL;
}
