/* SPDX-License-Identifier: MIT */
#include "gateway/gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/login_href.h"

#define TEXT "text/plain; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "application/javascript; charset=utf-8"
#define NO_STORE "Cache-Control: no-store\r\n" /* it would outlive the log-in in a cache */

/* A request whose log-in is under way. */
typedef struct {
    conn_t *conn;
    str_t path; /* borrowed from the request */
    gate_pass_fn *pass;
    gate_refuse_fn *refuse;
    void *arg;
    credentials_t *credentials;
    login_t *login;
} gate_t;

static void destroy(gate_t *self)
{
    login_cancel(&self->login);
    credentials_destroy(&self->credentials);
    free(self);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    destroy(owner);
}

static const conn_owner_t waiting = {.gone = on_gone};

static void on_login(void *arg, const login_t *login)
{
    gate_t *self = arg;
    self->login = NULL;
    conn_set_owner(self->conn, NULL, NULL);
    if (login_result(login) == LOGIN_OK)
        self->pass(self->arg, self->conn, self->path, login_identity(login));
    else
        self->refuse(self->arg, self->conn, self->path, login);
    destroy(self);
}

void gate_enter(core_t *core, conn_t *conn, str_t path, gate_pass_fn *pass, gate_refuse_fn *refuse,
                void *arg)
{
    const listener_t *listener = conn_listener(conn);
    gate_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (gate_t){.conn = conn, .path = path, .pass = pass, .refuse = refuse, .arg = arg};
    if (listener->auth)
        self->credentials = credentials_new(conn_head(conn));
    conn_set_owner(conn, &waiting, self);
    login_t *login =
        login_start(core, listener, self->credentials, conn_address(conn), on_login, self);
    if (login)
        self->login = login; /* else self is gone */
}

/* --- refusals ------------------------------------------------------------------------------------
 */

static bool ends_with(str_t path, const char *end)
{
    size_t n = strlen(end);
    return path.len >= n && memcmp(path.p + path.len - n, end, n) == 0;
}

void gate_refuse_program(conn_t *conn, const login_t *login)
{
    if (login_result(login) == LOGIN_BUSY)
        conn_respond(conn, 503, TEXT, STR_LIT(NO_STORE "Retry-After: 1\r\n"),
                     STR_LIT("The log-in is not available at the moment\n"));
    else if (login_is_basic(login))
        conn_respond(
            conn, 401, TEXT,
            STR_LIT(NO_STORE "WWW-Authenticate: Basic realm=\"iobus\", charset=\"UTF-8\"\r\n"),
            STR_LIT("Unauthorized\n"));
    else
        conn_respond(conn, 401, TEXT,
                     STR_LIT(NO_STORE "WWW-Authenticate: Bearer realm=\"iobus\"\r\n"),
                     STR_LIT("Unauthorized\n"));
}

void gate_redirect(conn_t *conn)
{
    const http_head_t *head = conn_head(conn);
    buf_t headers = {0}, target = {0};
    buf_append_str(&target, head->path);
    if (head->query.len > 0)
        buf_printf(&target, "?%.*s", STR_ARG(head->query));
    buf_printf(&headers, NO_STORE "Location: %s/login?href=", conn_listener(conn)->base_path);
    if (target.len <= LOGIN_HREF_MAX)
        login_href_encode(buf_str(&target), &headers);
    buf_append_cstr(&headers, "\r\n");
    conn_respond(conn, 302, TEXT, buf_str(&headers), STR_LIT("Log in first\n"));
    buf_fini(&headers);
    buf_fini(&target);
}

static void respond_script(conn_t *conn)
{
    buf_t body = {0};
    buf_printf(&body,
               "document.location = '%s/login?href=' + encodeURIComponent(location.pathname + "
               "location.search + location.hash);\n",
               conn_listener(conn)->base_path);
    conn_respond(conn, 200, SCRIPT, STR_LIT(NO_STORE), buf_str(&body));
    buf_fini(&body);
}

/* Pages load scripts and styles before they know that they must log in: these must not fail. */
void gate_refuse(conn_t *conn, str_t path, const login_t *login)
{
    http_method_t method = conn_head(conn)->method;
    login_result_t result = login_result(login);
    bool reads = method == HTTP_GET || method == HTTP_HEAD;
    if (result == LOGIN_BUSY || result == LOGIN_WRONG || !reads)
        gate_refuse_program(conn, login);
    else if (ends_with(path, ".css"))
        conn_respond(conn, 200, CSS, STR_LIT(NO_STORE), STR_LIT(""));
    else if (ends_with(path, ".js") && str_starts(path, "/lib/"))
        conn_respond(conn, 200, SCRIPT, STR_LIT(NO_STORE), STR_LIT(""));
    else if (ends_with(path, ".js"))
        respond_script(conn);
    else
        gate_redirect(conn);
}
