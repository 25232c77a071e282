/* SPDX-License-Identifier: MIT */
#include "gateway/http.h"

#include <string.h>

#include "bus/log.h"
#include "gateway/command.h"
#include "gateway/gate.h"
#include "gateway/http_accept.h"
#include "gateway/iobws.h"
#include "gateway/listener.h"
#include "gateway/login_pages.h"
#include "gateway/polling.h"
#include "gateway/status.h"
#include "gateway/web_info.h"
#include "gateway/webfile.h"
#include "gateway/ws.h"

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json; charset=utf-8"
#define HTML "text/html; charset=utf-8"

static webfile_missing_fn not_found;

static const str_t no_headers = {"", 0};

/* A request for one of our own pages. */
typedef struct {
    http_t *http;
    conn_t *conn;
    const http_head_t *head;
    str_t path;          /* without the listener's base path */
    grants_user_t *user; /* who asks; NULL: it does not matter */
} page_t;

static void answer(const page_t *page, int status, const char *type, buf_t *body)
{
    conn_respond(page->conn, status, type, STR_LIT("Cache-Control: no-cache\r\n"), buf_str(body));
    buf_fini(body);
}

/* --- pages ---------------------------------------------------------------------------------------
 */

static void on_healthz(const page_t *page)
{
    buf_t body = {0};
    buf_append_cstr(&body, "ok\n");
    answer(page, 200, TEXT, &body);
}

/* Whoever looks after the server need not log in for that. What it is made of, and what is wrong
 * with it, is for those who have (/api/status). */
static void on_readyz(const page_t *page)
{
    buf_t body = {0};
    bool ready = health_is_ready(page->http->health);
    if (conn_listener(page->conn)->auth)
        buf_printf(&body, "{\"ready\":%s}\n", ready ? "true" : "false");
    else
        health_write(page->http->health, &body);
    answer(page, ready ? 200 : 503, JSON, &body);
}

static void on_version(const page_t *page)
{
    buf_t body = {0};
    buf_printf(&body, "{\"name\":\"iobus\",\"version\":\"%s\",\"compatible\":\"%s\"}\n",
               IOBUS_VERSION, page->http->core->version);
    answer(page, 200, JSON, &body);
}

static void on_metrics(const page_t *page)
{
    const core_t *core = page->http->core;
    buf_t body = {0};
    bool first = true;
    metrics_write(core->metrics, &body);
    status_write_sessions(core, &body);
    for (size_t i = 0; i < command_count(); i++) {
        const metrics_command_t *command = &core->commands[i];
        if (command->ok + command->failed + command->denied == 0)
            continue;
        metrics_write_command(command, command_name(i), first, &body);
        first = false;
    }
    answer(page, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static void on_name(const page_t *page)
{
    buf_t body = {0};
    buf_append_cstr(&body, conn_listener(page->conn)->instance);
    answer(page, 200, TEXT, &body);
}

static void on_auth(const page_t *page)
{
    buf_t body = {0};
    buf_printf(&body, "{\"auth\":%s}", conn_listener(page->conn)->auth ? "true" : "false");
    answer(page, 200, JSON, &body);
}

static void on_info(const page_t *page)
{
    web_info_answer(page->http->core, page->conn);
}

/* By this file ioBroker's own tools find out whether a server can be reached from the internet. */
static void on_check(const page_t *page)
{
    buf_t body = {0};
    if (conn_listener(page->conn)->auth) {
        not_found(page->conn, page->head);
        return;
    }
    buf_append_cstr(&body, "ioBroker.web");
    answer(page, 200, HTML, &body);
}

static const struct {
    const char *path; /* '*': every path that ends so */
    void (*serve)(const page_t *page);
    bool needs_user;
} pages[] = {{"/healthz", on_healthz, false},
             {"/readyz", on_readyz, false},
             {"/version", on_version, false},
             {"/metrics", on_metrics, true},
             {"/name", on_name, false},
             {"/auth", on_auth, false},
             {"*/_socket/info.js", on_info, true},
             {"/iobroker_check.html", on_check, false}};

#define PAGE_COUNT (sizeof pages / sizeof pages[0])

/* --- files and the rest --------------------------------------------------------------------------
 */

static bool ends_with(str_t path, const char *end)
{
    size_t n = strlen(end);
    return path.len >= n && memcmp(path.p + path.len - n, end, n) == 0;
}

static void escape_html(str_t text, buf_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            buf_printf(out, "&#%d;", c);
        else
            buf_append_byte(out, (uint8_t)c);
    }
}

static void not_found(conn_t *conn, const http_head_t *head)
{
    str_t path = head->path;
    buf_t body = {0};
    if (path.len > 200)
        path.len = 200;
    buf_append_cstr(
        &body, "<!doctype html><meta charset=\"utf-8\"><title>Not found</title>\n<p>Not found: ");
    escape_html(path, &body);
    buf_append_cstr(&body, "</p>\n");
    conn_respond(conn, 404, HTML, STR_LIT("X-Content-Type-Options: nosniff\r\n"), buf_str(&body));
    buf_fini(&body);
}

static void serve_asset(const page_t *page, const asset_t *asset)
{
    buf_t headers = {0};
    /* Pages of other origins may import our client library. */
    buf_append_cstr(&headers, "Access-Control-Allow-Origin: *\r\n");
    buf_printf(&headers, "Cache-Control: %s\r\nETag: W/%s\r\n", asset->cache, asset->etag);
    buf_append_cstr(&headers, "Vary: Accept-Encoding\r\nX-Content-Type-Options: nosniff\r\n");
    if (str_starts(str_of(asset->type), "text/html"))
        buf_append_cstr(&headers, HTTP_PAGE_HEADERS);
    bool same = http_is_known(page->head, str_of(asset->etag));
    if (asset->encoding && !same)
        buf_printf(&headers, "Content-Encoding: %s\r\n", asset->encoding);
    if (same)
        conn_respond(page->conn, 304, NULL, buf_str(&headers), no_headers);
    else
        conn_respond(page->conn, 200, asset->type, buf_str(&headers), asset->body);
    buf_fini(&headers);
}

/* Pages ask for the client library under the name of socket.io, whichever the server speaks. */
static str_t asset_path(const page_t *page)
{
    bool plain = conn_listener(page->conn)->plain_client && ends_with(page->path, "/socket.io.js");
    return plain ? STR_LIT("/lib/js/ws.js") : page->path;
}

static void serve_file(const page_t *page)
{
    bool missing;
    encoding_t encoding = http_best_encoding(http_head_get(page->head, "accept-encoding"));
    const asset_t *asset = assets_find(page->http->assets, asset_path(page), encoding, &missing);
    if (asset)
        serve_asset(page, asset);
    else if (missing)
        conn_respond(
            page->conn, 404, TEXT, no_headers,
            STR_LIT("This file is not installed: deploy/run fetches it, or set the key share.\n"));
    else if (!webfile_serve(page->http->core, page->conn, page->user, page->path, not_found))
        not_found(page->conn, page->head);
}

static bool path_fits(const char *pattern, str_t path)
{
    return pattern[0] == '*' ? ends_with(path, pattern + 1) : str_is(path, pattern);
}

/* Row of a path, or PAGE_COUNT. */
static size_t find_page(str_t path)
{
    size_t i = 0;
    while (i < PAGE_COUNT && !path_fits(pages[i].path, path))
        i++;
    return i;
}

static void serve_known(const page_t *page)
{
    size_t row = find_page(page->path);
    if (page->head->method == HTTP_DELETE) {
        if (!webfile_delete(page->http->core, page->conn, page->user, page->path))
            not_found(page->conn, page->head);
    } else if (row < PAGE_COUNT) {
        pages[row].serve(page);
    } else {
        serve_file(page);
    }
}

/* --- who asks ------------------------------------------------------------------------------------
 */

/* Programs and styles of ours are public, what they show is not. */
static bool needs_user(const page_t *page)
{
    bool missing;
    size_t row = find_page(page->path);
    if (page->head->method == HTTP_DELETE)
        return true;
    if (row < PAGE_COUNT)
        return pages[row].needs_user && conn_listener(page->conn)->auth;
    const asset_t *asset =
        assets_find(page->http->assets, asset_path(page), ENCODING_NONE, &missing);
    if (asset)
        return conn_listener(page->conn)->auth && str_starts(str_of(asset->type), "text/html");
    return !missing && webfile_has(page->path);
}

static void pass(void *arg, conn_t *conn, str_t path, const identity_t *identity)
{
    page_t page = {
        .http = arg, .conn = conn, .head = conn_head(conn), .path = path, .user = identity->user};
    serve_known(&page);
}

/* Who opens the address of the server sees the log-in at once; a program that reads figures does
 * not look at pages. */
static void refuse(void *arg, conn_t *conn, str_t path, const login_t *login)
{
    login_result_t result = login_result(login);
    bool needed = result == LOGIN_NEEDED || result == LOGIN_FORGED;
    bool reads = conn_head(conn)->method != HTTP_DELETE;
    if (needed && reads && (str_is(path, "/") || str_is(path, "/index.html")))
        login_pages_show(arg, conn, (str_t){"", 0});
    else if (str_is(path, "/metrics") && !http_head_has(conn_head(conn), "accept", "text/html"))
        gate_refuse_program(conn, login);
    else
        gate_refuse(conn, path, login);
}

static void serve_page(const page_t *page)
{
    http_method_t method = page->head->method;
    if (method == HTTP_OTHER)
        conn_respond(page->conn, 405, TEXT, STR_LIT("Allow: GET, HEAD, POST, PUT, DELETE\r\n"),
                     STR_LIT("This method is not known here.\n"));
    else if (method == HTTP_PUT)
        not_found(page->conn, page->head);
    else if (needs_user(page))
        gate_enter(page->http->core, page->conn, page->path, pass, refuse, page->http);
    else
        serve_known(page);
}

/* --- which dialect -------------------------------------------------------------------------------
 */

/* A segment "socket.io" anywhere, as pages below a prefix ask; but not the client library. */
static bool is_engine_path(str_t path)
{
    static const char segment[] = "/socket.io/";
    return memmem(path.p, path.len, segment, sizeof segment - 1) &&
           !ends_with(path, "/socket.io.js") && !ends_with(path, "/socket.io.js.map");
}

/* Path of an upgrade that is no Engine.IO path but asks for it in the query. */
static bool asks_for_engine(str_t query)
{
    buf_t value = {0};
    bool asks = http_query_get(query, "EIO", &value) || http_query_get(query, "transport", &value);
    buf_fini(&value);
    return asks;
}

static str_t below_base(const conn_t *conn, str_t path)
{
    const char *base = conn_listener(conn)->base_path;
    size_t n = strlen(base);
    if (n > 0 && str_starts(path, base) && path.len > n && path.p[n] == '/')
        return (str_t){path.p + n, path.len - n};
    return path;
}

/* What pages of foreign origins may do: load files. Whatever else a browser sends on their behalf
 * carries the cookies of its user. */
static bool refuse_foreign(http_t *self, conn_t *conn, const http_head_t *head)
{
    static log_limit_t limit;
    str_t origin = http_head_get(head, "origin");
    bool loads = (head->method == HTTP_GET || head->method == HTTP_HEAD) &&
                 !http_head_has(head, "upgrade", "websocket") && !is_engine_path(head->path) &&
                 !rest_is_path(below_base(conn, head->path));
    if (loads || conn_allows_origin(conn, head))
        return false;
    log_limited(&limit, LEVEL_WARN, "GW-ORIGIN", "from=%s origin=%.*s not in allowed-origins",
                conn_address(conn), origin.len < 200 ? (int)origin.len : 200, origin.p);
    metrics_add(self->core->metrics, METRIC_FOREIGN_ORIGIN, 1);
    conn_respond_last(conn, 403, TEXT, STR_LIT("Vary: Origin\r\n"),
                      STR_LIT("Pages of this origin may not use the server (allowed-origins).\n"));
    return true;
}

static size_t on_head(void *arg, conn_t *conn, const http_head_t *head)
{
    http_t *self = arg;
    if (refuse_foreign(self, conn, head))
        return 0;
    /* Any other protocol than WebSocket (h2c) is not offered: such a request stays an ordinary one.
     */
    if (http_head_has(head, "upgrade", "websocket")) {
        if (is_engine_path(head->path) || asks_for_engine(head->query))
            ws_head(self->engines, conn, head);
        else
            iobws_head(self->plain, conn, head);
        return 0;
    }
    if (is_engine_path(head->path))
        return polling_head(self->engines, conn, head);
    if (rest_is_path(below_base(conn, head->path)))
        return rest_head(self->rest, conn, head);
    if (login_pages_has(conn, below_base(conn, head->path)))
        return LOGIN_PAGES_MAX_BODY;
    if (head->method == HTTP_PUT)
        (void)webfile_put(self->core, conn, head, below_base(conn, head->path));
    return 0;
}

static void on_request(void *arg, conn_t *conn, const http_head_t *head, str_t body)
{
    http_t *self = arg;
    page_t page = {.http = self, .conn = conn, .head = head, .path = below_base(conn, head->path)};
    if (is_engine_path(head->path))
        polling_request(self->engines, conn, head, body);
    else if (rest_is_path(page.path))
        rest_request(self->rest, conn, head, page.path, body);
    else if (login_pages_has(conn, page.path))
        login_pages_serve(self, conn, page.path, body);
    else
        serve_page(&page);
}

const conn_ops_t http_ops = {.head = on_head, .request = on_request};
